package wssec

import (
	"crypto/sha1"
	"strconv"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// DefaultLabel is the label of a DerivedKeyToken without one: that of the
// client followed by that of the service (WS-SecureConversation §7).
const DefaultLabel = "WS-SecureConversationWS-SecureConversation"

// Bounds on a DerivedKeyToken. WCF allows an Offset of 64, a Label of 128
// characters and a Nonce of 128 octets; no suite uses a longer key than 64
// octets.
const (
	maxDerivedLength = 64
	maxDerivedOffset = 64
	maxDerivedNonce  = 128
	maxDerivedLabel  = 128
)

// DeriveKey returns P_SHA1(secret, label + nonce)[offset : offset+length]
// (WS-SecureConversation §7.1, after RFC 4346 §5).
func DeriveKey(secret []byte, label string, nonce []byte, offset, length int) []byte {
	seed := append([]byte(label), nonce...)
	method, _ := xmldsig.LookupSignature(xmldsig.HMACSHA1)
	mac := method.MAC(secret)
	defer mac.Free()
	var room [sha1.Size]byte
	a := seed
	out := make([]byte, 0, offset+length+sha1.Size)
	for len(out) < offset+length {
		mac.Reset()
		_, _ = mac.Write(a)
		a = append(room[:0], mac.Value()...)
		mac.Reset()
		_, _ = mac.Write(a)
		_, _ = mac.Write(seed)
		out = append(out, mac.Value()...)
	}
	return out[offset : offset+length]
}

// derivedKeyToken is a parsed wsc:DerivedKeyToken, or what stands for one.
type derivedKeyToken struct {
	node           xmltext.Node // zero for an implied derived key
	str            xmltext.Node
	space          string // of WS-SecureConversation
	label          string
	nonce          []byte
	offset, length int
}

// parseDerivedKeyToken reads a DerivedKeyToken of either version (WSC §7), its
// children in any order, each at most once, within the bounds above. No peer
// uses Properties.
func parseDerivedKeyToken(n xmltext.Node) (*derivedKeyToken, error) {
	ns := n.Space()
	d := &derivedKeyToken{node: n, space: ns, label: DefaultLabel, length: 32}
	for _, space := range [...]string{"", ns} {
		if alg, ok := n.Attr(space, "Algorithm"); ok && alg != NSWSC05+"/dk/p_sha1" && alg != NSWSC13+"/dk/p_sha1" {
			return nil, errAt(CodeUnsupportedAlg, n, "key derivation %.120q is not P_SHA1", alg)
		}
	}
	seen := make(map[string]bool, 6)
	generation := -1
	for c := range n.Children() {
		if seen[c.Local()] {
			return nil, errAt(CodeDerivedKey, c, "a second %.64s in one DerivedKeyToken", c.Local())
		}
		seen[c.Local()] = true
		if err := d.child(c, ns, &generation); err != nil {
			return nil, err
		}
	}
	if d.str.IsZero() || d.nonce == nil {
		return nil, errAt(CodeDerivedKey, n, "has no SecurityTokenReference or no Nonce")
	}
	if generation >= 0 {
		if seen["Offset"] {
			return nil, errAt(CodeDerivedKey, n, "has both Generation and Offset (WSC §7)")
		}
		if d.offset = generation * d.length; d.offset > maxDerivedOffset {
			return nil, errAt(CodeDerivedKey, n, "Generation times Length is more than %d", maxDerivedOffset)
		}
	}
	return d, nil
}

// child reads one child element.
func (d *derivedKeyToken) child(c xmltext.Node, ns string, generation *int) (err error) {
	switch {
	case c.Is(NSWSSE, "SecurityTokenReference"):
		d.str = c
	case c.Is(ns, "Offset"):
		d.offset, err = smallInt(c, maxDerivedOffset)
	case c.Is(ns, "Generation"):
		*generation, err = smallInt(c, maxDerivedOffset)
	case c.Is(ns, "Length"):
		if d.length, err = smallInt(c, maxDerivedLength); err == nil && d.length == 0 {
			err = errAt(CodeDerivedKey, c, "a Length of 0")
		}
	case c.Is(ns, "Label"):
		d.label = c.Text()
		if len(d.label) > maxDerivedLabel || !c.FirstChild().IsZero() {
			err = errAt(CodeDerivedKey, c, "is not text of at most %d octets", maxDerivedLabel)
		}
	case c.Is(ns, "Nonce"):
		if _, start, end, _ := c.SourceRange(); end-start > 4*maxDerivedNonce {
			return errAt(CodeDerivedKey, c, "is longer than %d octets of base64", maxDerivedNonce)
		}
		d.nonce, err = xmlenc.AppendBase64([]byte{}, c)
		if err != nil || len(d.nonce) == 0 || len(d.nonce) > maxDerivedNonce {
			err = errAt(CodeDerivedKey, c, "is not 1 to %d octets of base64", maxDerivedNonce)
		}
	default:
		err = errAt(CodeDerivedKey, c, "%s is not supported in a DerivedKeyToken", c.Name())
	}
	return err
}

// smallInt reads a number from 0 to max.
func smallInt(n xmltext.Node, max int) (int, error) {
	_, start, end, _ := n.SourceRange()
	if end-start <= 16 {
		if v, err := parseSmall(n.Text(), max); err == nil {
			return v, nil
		}
	}
	return 0, errAt(CodeDerivedKey, n, "is not a number from 0 to %d", max)
}

// parseSmall reads a number from 0 to max.
func parseSmall(text string, max int) (int, error) {
	v, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err == nil && int(v) > max {
		err = strconv.ErrRange
	}
	return int(v), err
}

// derivedKey derives the key of a DerivedKeyToken (WSC §7).
func (v *verification) derivedKey(n xmltext.Node) (*boundKey, error) {
	if k, ok := v.derived[n]; ok {
		return k, nil
	}
	if v.p.policy.DerivedKeys == DerivedKeysForbidden {
		return nil, errAt(CodeDerivedKey, n, "the policy forbids derived keys (derived-keys)")
	}
	d, err := parseDerivedKeyToken(n)
	if err != nil {
		return nil, err
	}
	if _, _, space := impliedAttrs(d.str); space != "" {
		return nil, errAt(CodeDerivedKey, d.str, "wsc:Nonce implies a key that the DerivedKeyToken would derive from again")
	}
	from, err := v.resolve(d.str, false)
	if err != nil {
		return nil, err
	}
	k := &boundKey{octets: DeriveKey(from.octets, d.label, d.nonce, d.offset, d.length), base: from.base, dkt: d}
	if v.derived == nil {
		v.derived = make(map[xmltext.Node]*boundKey, 2)
	}
	v.derived[n] = k
	return k, nil
}

// DerivedKeyToken is what a wsc:DerivedKeyToken holds (WSC §7), for programs
// that explain messages.
type DerivedKeyToken struct {
	Reference      xmltext.Node // the SecurityTokenReference to the token that it derives from
	Label          string       // DefaultLabel if it has none
	Nonce          []byte
	Offset, Length int // a Generation is turned into the Offset
}

// ParseDerivedKeyToken reads a DerivedKeyToken as Verify does. The error is an
// *Error.
func ParseDerivedKeyToken(n xmltext.Node) (d DerivedKeyToken, err error) {
	t, err := parseDerivedKeyToken(n)
	if err != nil {
		return d, err
	}
	return DerivedKeyToken{Reference: t.str, Label: t.label, Nonce: t.nonce, Offset: t.offset, Length: t.length}, nil
}
