package wssec

import (
	"fmt"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// Bounds on the children of a Security header. WCF sends one ReferenceList and
// one Signature; a policy here asks for one Signature at most.
const (
	maxDerivedKeyTokens    = 8
	maxReferenceLists      = 4
	maxEncryptedKeys       = 2
	maxConfirmations       = 4
	maxEncryptedSignatures = 1 // EncryptedData; it is the Signature
	maxDataReferences      = 32
	maxSecurityChildren    = 64
)

// findHeader finds the one Security header whose actor is ours.
func (v *verification) findHeader() (err error) {
	v.security, err = securityHeader(v.env, v.p.policy.Actor)
	if err == nil && v.security.IsZero() && v.needsHeader() {
		err = noHeader(v.env, v.p.policy.Actor)
	}
	return err
}

// securityHeader returns the one Security header for an actor, zero if there is
// none (WSS §5).
func securityHeader(env *soap.Envelope, actor string) (security xmltext.Node, err error) {
	for b := range env.Blocks() {
		if !b.Is(NSWSSE, "Security") || env.Role(b) != actor {
			continue
		}
		if !security.IsZero() {
			return xmltext.Node{}, errAt(CodeSecurityDuplicate, b, "a second Security header for the same actor")
		}
		security = b
	}
	return security, nil
}

// noHeader says whose the Security headers are that are there. Every node is
// "next", and yet none of them is taken for ours unless the policy says so:
// which header counts must not depend on who else reads the message, and WSS4J
// does the same.
func noHeader(env *soap.Envelope, own string) error {
	word := "actor"
	if env.Version == soap.V12 {
		word = "role"
	}
	whose := func(role string) string {
		if role == "" {
			return "without " + word
		}
		return fmt.Sprintf("for the %s %.200q", word, role)
	}
	for b := range env.Blocks() {
		if b.Is(NSWSSE, "Security") {
			return errAt(CodeSecurityMissing, b,
				"the Security header is one %s; this route takes the one %s (actor)", whose(env.Role(b)), whose(own))
		}
	}
	return errAt(CodeSecurityMissing, env.Root, "no wsse:Security header")
}

// needsHeader reports whether the policy puts anything into the header of this
// message.
func (v *verification) needsHeader() bool {
	return v.sent == nil || v.p.policy.ProtectsReplies() || v.p.policy.Timestamp == TimestampRequired
}

// readHeader sorts the children of the Security header by kind and bounds their
// number.
func (v *verification) readHeader() error {
	if v.security.IsZero() {
		return nil
	}
	if v.security.HasMixedText() {
		return errAt(CodeSecurityInvalid, v.security, "text between elements")
	}
	v.position = make(map[xmltext.Node]int, 8)
	for c := range v.security.Children() {
		if len(v.position) == maxSecurityChildren {
			return errAt(CodeLimit, c, "more than %d elements", maxSecurityChildren)
		}
		v.position[c] = len(v.position)
		if err := v.readChild(c); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) readChild(c xmltext.Node) error {
	switch {
	case c.Is(NSWSU, "Timestamp"):
		return v.readTimestamp(c)
	case c.Local() == "DerivedKeyToken" && isSC(c.Space()):
		return v.count(c, maxDerivedKeyTokens)
	case c.Is(nsXenc, "ReferenceList"):
		uris, err := xmlenc.ParseReferenceList(c, maxDataReferences)
		if err != nil {
			return wrapAt(CodeSecurityInvalid, err)
		}
		v.lists = append(v.lists, &referenceList{node: c, position: v.position[c], uris: uris})
		return v.count(c, maxReferenceLists)
	case c.Is(nsXenc, "EncryptedData"):
		v.encryptedSignature = append(v.encryptedSignature, c)
		return v.count(c, maxEncryptedSignatures)
	case c.Is(nsDS, "Signature"):
		return v.readSignature(c, v.position[c], false)
	case c.Is(NSWSSE11, "SignatureConfirmation") && v.sent != nil:
		v.confirmations = append(v.confirmations, c)
		return v.count(c, maxConfirmations)
	}
	if p := profileOf(c); p != nil {
		return p.find(v, c)
	}
	return errAt(CodeUnsupportedToken, c, "%s is not supported in the Security header", c.Name())
}

// count bounds the number of children with the name of c.
func (v *verification) count(c xmltext.Node, max int) error {
	n := 0
	for o := range v.position {
		if o.Local() == c.Local() && o.Space() == c.Space() {
			n++
		}
	}
	if n > max {
		return errAt(CodeLimit, c, "more than %d of these", max)
	}
	return nil
}

func (v *verification) readTimestamp(c xmltext.Node) error {
	if v.timestamp != nil {
		return errAt(CodeTimestampInvalid, c, "a second Timestamp (BSP R3227)")
	}
	var err error
	v.timestamp, err = parseTimestamp(c)
	return err
}

// readSignature parses a Signature; a policy asks for one at most.
func (v *verification) readSignature(n xmltext.Node, position int, encrypted bool) error {
	if len(v.sigs) == 1 || !v.expectsSignature() {
		return errAt(CodeSignatureExtra, n, "the policy does not ask for it")
	}
	s, err := xmldsig.Parse(n)
	if err != nil {
		return wrapAt(CodeSecurityInvalid, err)
	}
	v.sigs = append(v.sigs, &signature{Signature: s, position: position, encrypted: encrypted})
	return nil
}

// expectsSignature reports whether this message is signed under the policy.
// Replies are signed under the symmetric binding only: an endorsing token is
// the requestor's.
func (v *verification) expectsSignature() bool {
	if v.sent != nil {
		return v.p.policy.ProtectsReplies()
	}
	return v.p.policy.signs()
}
