package wssec

import (
	"crypto/hmac"
	"crypto/sha1"
	"strconv"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
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
	mac := hmac.New(sha1.New, secret)
	sum := func(parts ...[]byte) []byte {
		mac.Reset()
		for _, p := range parts {
			mac.Write(p)
		}
		return mac.Sum(nil)
	}
	a := seed
	var out []byte
	for len(out) < offset+length {
		a = sum(a)
		out = append(out, sum(a, seed)...)
	}
	return out[offset : offset+length]
}

// derivedKeyToken is a parsed wsc:DerivedKeyToken.
type derivedKeyToken struct {
	node           xmltext.Node
	str            xmltext.Node
	label          string
	nonce          []byte
	offset, length int
}

// parseDerivedKeyToken reads a DerivedKeyToken of either version, its children
// in any order, each at most once, within the bounds above. Properties are not
// used by any peer.
func parseDerivedKeyToken(n xmltext.Node) (*derivedKeyToken, error) {
	d := &derivedKeyToken{node: n, label: DefaultLabel, length: 32}
	ns := n.Space()
	for _, space := range [...]string{"", ns} {
		if alg, ok := n.Attr(space, "Algorithm"); ok && alg != NSWSC05+"/dk/p_sha1" && alg != NSWSC13+"/dk/p_sha1" {
			return nil, errAt(CodeUnsupportedAlg, n, "key derivation is not P_SHA1")
		}
	}
	seen := make(map[string]bool, 6)
	generation := -1
	for c := range n.Children() {
		if seen[c.Local()] {
			return nil, errAt(CodeDerivedKey, c, "given twice")
		}
		seen[c.Local()] = true
		if err := d.child(c, ns, &generation); err != nil {
			return nil, err
		}
	}
	if d.str.IsZero() || d.nonce == nil {
		return nil, errAt(CodeDerivedKey, n, "without SecurityTokenReference or Nonce")
	}
	if generation >= 0 {
		if seen["Offset"] {
			return nil, errAt(CodeDerivedKey, n, "Generation and Offset together")
		}
		if d.offset = generation * d.length; d.offset > maxDerivedOffset {
			return nil, errAt(CodeDerivedKey, n, "Generation too large")
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
			err = errAt(CodeDerivedKey, c, "is 0")
		}
	case c.Is(ns, "Label"):
		d.label = c.Text()
		if len(d.label) > maxDerivedLabel || !c.FirstChild().IsZero() {
			err = errAt(CodeDerivedKey, c, "longer than %d", maxDerivedLabel)
		}
	case c.Is(ns, "Nonce"):
		if _, start, end, _ := c.SourceRange(); end-start > 4*maxDerivedNonce {
			return errAt(CodeDerivedKey, c, "longer than %d octets", maxDerivedNonce)
		}
		d.nonce, err = xmlenc.AppendBase64([]byte{}, c)
		if err != nil || len(d.nonce) == 0 || len(d.nonce) > maxDerivedNonce {
			err = errAt(CodeDerivedKey, c, "is not 1 to %d octets of base64", maxDerivedNonce)
		}
	default:
		err = errAt(CodeDerivedKey, c, "not supported")
	}
	return err
}

// smallInt reads a number from 0 to max.
func smallInt(n xmltext.Node, max int) (int, error) {
	_, start, end, _ := n.SourceRange()
	if end-start <= 16 {
		if v, err := strconv.ParseUint(strings.TrimSpace(n.Text()), 10, 16); err == nil && int(v) <= max {
			return int(v), nil
		}
	}
	return 0, errAt(CodeDerivedKey, n, "is not a number from 0 to %d", max)
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
