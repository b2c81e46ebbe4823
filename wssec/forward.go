package wssec

import (
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// HeaderRule says what is done with header blocks that no protection covers, of
// requests in AppendForward and of replies in Protect.
type HeaderRule string

// The rules. The zero value is DropHeaders.
const (
	DropHeaders   HeaderRule = "drop"   // leave them out; a mandatory one makes the message fail
	PassHeaders   HeaderRule = "pass"   // forward them, unverified
	RefuseHeaders HeaderRule = "refuse" // refuse the message
)

// AppendForward appends the envelope to forward: the Body and the header blocks
// that the policy's protection covers, as source octets with the namespace
// declarations they stood under, without comments, which no digest covers. The
// Security header for us is left out. Other header blocks follow the rule. A
// mandatory block meant for us that would be lost is an *Error of
// CodeNotUnderstood (SOAP 1.1 §4.2.3, SOAP 1.2 §2.4).
func (m *Message) AppendForward(dst []byte, rule HeaderRule) ([]byte, error) {
	if m.policy.Binding == SymmetricBinding && !m.isProtected(m.env.Body) {
		return dst, errAt(CodeNotSigned, m.env.Body, "the signature does not cover the Body")
	}
	blocks, err := m.forwarded(rule)
	if err != nil {
		return dst, err
	}
	// Envelope and Header carry the declarations they had; so each is written
	// once, however many blocks there are.
	dst = m.env.Root.AppendOwnTag(dst)
	if len(blocks) > 0 {
		dst = m.env.Header.AppendOwnTag(dst)
		for _, b := range blocks {
			dst = b.AppendSource(dst)
		}
		dst = m.env.Header.AppendEndTag(dst)
	}
	dst = m.env.Body.AppendSource(dst)
	return m.env.Root.AppendEndTag(dst), nil
}

// forwarded returns the header blocks to forward. The others are dropped.
func (m *Message) forwarded(rule HeaderRule) ([]xmltext.Node, error) {
	var out []xmltext.Node
	for b := range m.env.Blocks() {
		switch {
		case b == m.security:
		case m.isProtected(b) || rule == PassHeaders:
			out = append(out, b)
		case rule == RefuseHeaders:
			return nil, errAt(CodeHeaderRefused, b,
				"no protection covers this header block, and the route refuses those (other-headers)")
		default:
			if err := m.droppable(b); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// droppable reports whether a block may be left out: not if it is mandatory and
// meant for us.
func (m *Message) droppable(b xmltext.Node) error {
	must, err := m.env.MustUnderstand(b)
	if err != nil {
		return err
	}
	if role := m.env.Role(b); must && (role == "" || soap.IsNext(role) || role == m.policy.Actor) {
		e := errAt(CodeNotUnderstood, b, "mandatory, but not protected, so it would be dropped (other-headers)")
		e.Block = b.Name()
		return e
	}
	return nil
}
