package wssec

import (
	"fmt"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// Bounds on the children of a Security header. WCF sends one ReferenceList; a
// policy here asks for one Signature at most, and an endorsing token makes
// another.
const (
	maxDerivedKeyTokens    = 8
	maxReferenceLists      = 4
	maxEncryptedKeys       = 2
	maxConfirmations       = 4
	maxEncryptedSignatures = 1 // the EncryptedData of the Signature
	maxDataReferences      = 32
	maxSecurityChildren    = 64
)

// findHeader finds the one Security header for us.
func (v *verification) findHeader() (err error) {
	v.security, err = securityHeader(v.env, v.p.policy.Actors)
	if err == nil && v.security.IsZero() && v.needsHeader() {
		err = noHeader(v.env, v.p.policy.Actors)
	}
	return err
}

// IsSecurityHeader reports whether a header block is a Security header for a
// node that acts as actors, beside next and the ultimate receiver. A
// receiver refuses a message with two: nothing covers the actor of a Security
// header, so whoever chose between them would let others choose.
func IsSecurityHeader(env *soap.Envelope, b xmltext.Node, actors []string) bool {
	return b.Is(NSWSSE, "Security") && env.IsFor(b, actors...)
}

// securityHeader returns the one Security header for us, zero if there is none
// (WSS §5).
func securityHeader(env *soap.Envelope, actors []string) (security xmltext.Node, err error) {
	for b := range env.Blocks() {
		if !IsSecurityHeader(env, b, actors) {
			continue
		}
		if !security.IsZero() {
			return xmltext.Node{}, errAt(CodeSecurityDuplicate, b, "a second Security header for this node (WSS §5)")
		}
		security = b
	}
	return security, nil
}

// noHeader returns the error for a message without a Security header for us. It
// names the actor of the header that is there.
func noHeader(env *soap.Envelope, actors []string) error {
	ours := "without " + roleWord(env) + " or for next"
	for _, actor := range actors {
		ours += fmt.Sprintf(", %.200q", actor)
	}
	for b := range env.Blocks() {
		if b.Is(NSWSSE, "Security") {
			return errAt(CodeSecurityMissing, b, "the Security header is for the %s %.200q; this route takes one %s (actor)",
				roleWord(env), env.Role(b), ours)
		}
	}
	return errAt(CodeSecurityMissing, env.Root, "no wsse:Security header; the policy requires one")
}

// needsHeader reports whether the policy requires anything in the header of
// this message.
func (v *verification) needsHeader() bool {
	return v.sent == nil && (v.ch.Token == nil || v.p.policy.signs()) || v.p.policy.ProtectsReplies() ||
		v.p.policy.Timestamp == TimestampRequired
}

// readHeader sorts the children of the Security header by kind and bounds their
// number.
func (v *verification) readHeader() error {
	if v.security.IsZero() {
		return nil
	}
	if v.security.HasMixedText() {
		return errAt(CodeSecurityInvalid, v.security, "text between the elements of the Security header")
	}
	v.order = v.rooms.order[:0]
	for c := range v.security.Children() {
		if len(v.order) == maxSecurityChildren {
			return errAt(CodeLimit, c, "more than %d elements", maxSecurityChildren)
		}
		v.order = append(v.order, c)
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
		l := v.rooms.list.next()
		l.node, l.position, l.uris = c, v.order.of(c), uris
		v.lists = append(v.lists, l)
		return v.count(c, maxReferenceLists)
	case c.Is(nsXenc, "EncryptedData"):
		v.encryptedSignature = append(v.encryptedSignature, c)
		return v.count(c, maxEncryptedSignatures+v.endorsements())
	case c.Is(nsDS, "Signature"):
		return v.readSignature(c, v.order.of(c), false)
	case c.Is(NSWSSE11, "SignatureConfirmation") && v.sent != nil:
		v.confirmations = append(v.confirmations, c)
		return v.count(c, maxConfirmations)
	}
	if v.findEndorsement(c) {
		return nil
	}
	if p := v.profileOf(c); p != nil {
		return p.find(v, c)
	}
	return errAt(CodeUnsupportedToken, c, "%s is not supported in the Security header; the policy accepts %s",
		c.Name(), v.p.policy.requiredToken())
}

// count refuses c if more than max children have its name.
func (v *verification) count(c xmltext.Node, max int) error {
	n := 0
	for _, o := range v.order {
		if o.Local() == c.Local() && o.Space() == c.Space() {
			n++
		}
	}
	if n > max {
		return errAt(CodeLimit, c, "more than %d elements of this name", max)
	}
	return nil
}

func (v *verification) readTimestamp(c xmltext.Node) error {
	if v.timestamp != nil {
		return errAt(CodeTimestampInvalid, c, "a second Timestamp (BSP R3227)")
	}
	v.timestamp = v.rooms.timestamp.next()
	return v.timestamp.parse(c)
}

// readSignature parses a Signature. A policy asks for one at most; the next is
// that of an endorsing token.
func (v *verification) readSignature(n xmltext.Node, position int, encrypted bool) error {
	endorses := len(v.sigs) == 1 || !v.expectsSignature()
	if endorses && (v.endorsements() == 0 || v.endorsing.sig != nil) {
		return errAt(CodeSignatureExtra, n, "the policy does not allow this signature")
	}
	s := v.rooms.signature.next()
	if err := s.Parse(n); err != nil {
		return wrapAt(CodeSecurityInvalid, err)
	}
	s.position, s.encrypted = position, encrypted
	if endorses {
		v.endorsing.sig = s
	} else {
		v.sigs = append(v.sigs, s)
	}
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
