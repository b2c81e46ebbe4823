package wssec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// HeaderRule is the rule for header blocks that no protection covers: of
// requests in [Message.AppendForward], of replies in [Processor.Protect].
type HeaderRule string

// The rules. The zero value stands for [DropHeaders].
const (
	DropHeaders   HeaderRule = "drop"   // leave them out; a mandatory one makes the message fail
	PassHeaders   HeaderRule = "pass"   // forward them, unverified
	RefuseHeaders HeaderRule = "refuse" // refuse the message
)

// Forwarding determines which header blocks [Message.AppendForward] forwards beside
// those for the backend that the protection covers. The zero value forwards no
// others, and understands none.
type Forwarding struct {
	// Unprotected is the rule for header blocks that no protection covers.
	Unprotected HeaderRule
	// Understands reports whether the caller understands header blocks of a
	// name, and has done what they ask for: a mandatory one may be dropped. Nil
	// means none.
	Understands func(block xmltext.Name) bool
	// Replace, if not nil, is called with each header block, protected or not, but
	// the Security header for us. Where replaced is true, the caller has processed
	// the block (SOAP 1.2 §2.6), and instead stands in its place: one element that
	// declares its namespaces, or nil for nothing.
	Replace func(block xmltext.Node) (instead []byte, replaced bool)
	// Actors are the actors and roles, other than ours, of which all header
	// blocks are forwarded, Security headers too, protected or not.
	Actors []string
	// UltimateReceiver means that no node is behind the caller: a mandatory block
	// for another actor concerns nobody, and is left out like any other.
	UltimateReceiver bool
	// Understood are the names, in the form of Parts.Headers, of header blocks
	// that the backend understands where they are for next or an actor of the
	// policy: they are forwarded like those for the backend.
	Understood []string
}

func (f *Forwarding) understands(b xmltext.Node) bool {
	return f.Understands != nil && f.Understands(b.Name())
}

// CheckHeaderName returns an error if a name has not the form of those in
// [Forwarding] and [Parts]: "{namespace}local" or "{namespace}*".
func CheckHeaderName(name string) error {
	_, err := parseName(name)
	return err
}

// AppendForward appends the envelope to forward to dst: the Body and the header
// blocks that the policy's protection covers, as source octets with the
// namespace declarations in scope, without comments, which no digest covers.
// The Security header for us is left out, and so is a header block that the
// client's token stands in. The rule is for all other header blocks. A token in
// the Body stays there: the Body is the application's.
//
// Whether a block is for us decides more than whether it is covered (SOAP 1.1
// §4.2.2, SOAP 1.2 §2.7). One for next, or for an actor of the policy, that we do
// not understand is removed, unless relay lets it pass; if it is mandatory, the
// message fails. One for another actor is passed by the rule, and so is a
// Security header if the rule names its actor; if it is mandatory it is never
// left out before the ultimate receiver. All others are for the backend.
//
// The error is an [*Error]: of [CodeNotUnderstood] for a mandatory block for us
// that is not understood, or for the backend that would be dropped (SOAP 1.1
// §4.2.3, SOAP 1.2 §2.4), of [CodeActorNotForwarded] for a mandatory block for
// another actor, and of [CodeHeaderRefused] under [RefuseHeaders]. dst is then
// returned unchanged.
func (m *Message) AppendForward(dst []byte, how Forwarding) ([]byte, error) {
	if m.policy.Binding == SymmetricBinding && !m.isProtected(m.env.Body) {
		return dst, errAt(CodeNotSigned, m.env.Body, "the signature does not cover the Body")
	}
	blocks, err := m.forwarded(&how)
	if err != nil {
		return dst, err
	}
	// Envelope and Header carry the declarations they had; so each is written
	// once, however many blocks there are.
	dst = m.env.Root.AppendOwnTag(dst)
	if len(blocks) > 0 {
		dst = m.env.Header.AppendOwnTag(dst)
		for _, b := range blocks {
			if b.node.IsZero() {
				dst = append(dst, b.instead...)
			} else {
				dst = b.node.AppendSource(dst)
			}
		}
		dst = m.env.Header.AppendEndTag(dst)
	}
	dst = m.env.Body.AppendSource(dst)
	return m.env.Root.AppendEndTag(dst), nil
}

// A forwardedBlock is a header block of the message, or what stands in its place.
type forwardedBlock struct {
	node    xmltext.Node
	instead []byte // if node is zero
}

// forwarded returns the header blocks to forward. The others are dropped.
func (m *Message) forwarded(how *Forwarding) ([]forwardedBlock, error) {
	var out []forwardedBlock
	for b := range m.env.Blocks() {
		if b == m.security || !m.detached.IsZero() && b.Contains(m.detached) {
			continue
		}
		instead, replaced := how.replace(b)
		if replaced {
			if instead != nil {
				out = append(out, forwardedBlock{instead: instead})
			}
			continue
		}
		passes, err := m.passes(b, how)
		if err != nil {
			return nil, err
		}
		if passes {
			out = append(out, forwardedBlock{node: b})
		}
	}
	return out, nil
}

// replace calls Replace, if there is one.
func (f *Forwarding) replace(b xmltext.Node) (instead []byte, replaced bool) {
	if f.Replace == nil {
		return nil, false
	}
	return f.Replace(b)
}

// passes reports whether a header block is forwarded.
func (m *Message) passes(b xmltext.Node, how *Forwarding) (bool, error) {
	must, err := m.env.MustUnderstand(b)
	if err != nil {
		return false, err
	}
	switch role := m.env.Role(b); {
	case role == "":
		return m.follow(b, how, must)
	case m.env.IsFor(b, m.policy.Actors...):
		return m.passesOurs(b, how, must)
	case slices.Contains(how.Actors, role):
		return true, nil
	default:
		return m.passesOther(b, how, must && role != soap.RoleNone)
	}
}

// follow applies the rule for unprotected header blocks to one that the backend
// may have.
func (m *Message) follow(b xmltext.Node, how *Forwarding, must bool) (bool, error) {
	switch {
	case m.isProtected(b) || how.Unprotected == PassHeaders:
		return true, nil
	case how.Unprotected == RefuseHeaders:
		return false, headerRefused(b)
	case must && !how.understands(b):
		return false, notUnderstood(b,
			"this header block is mandatory, and would be dropped because nothing protects it (signed-parts, other-headers)")
	}
	return false, nil
}

// passesOurs reports whether a header block for next or one of our actors is
// forwarded. One that we understand is written anew, for the backend.
func (m *Message) passesOurs(b xmltext.Node, how *Forwarding, must bool) (bool, error) {
	understood := how.understands(b) || Parts{Headers: how.Understood}.matches(b)
	if must && !understood {
		return false, notUnderstood(b, fmt.Sprintf("this header block is for us, %s, mandatory and not understood "+
			"(understood-headers)", m.roleText(b)))
	}
	relay, err := m.env.Relay(b)
	if err != nil {
		return false, err
	}
	passes, err := m.follow(b, how, must)
	return passes && (understood || relay), err
}

// passesOther reports whether a header block for another actor, which the rule
// does not name, is forwarded.
func (m *Message) passesOther(b xmltext.Node, how *Forwarding, must bool) (bool, error) {
	passes := !b.Is(NSWSSE, "Security") && (m.isProtected(b) || how.Unprotected == PassHeaders)
	switch {
	case passes:
		return true, nil
	case how.Unprotected == RefuseHeaders && !m.isProtected(b):
		return false, headerRefused(b)
	case must && !how.UltimateReceiver:
		return false, errAt(CodeActorNotForwarded, b,
			"this header block is mandatory %s, and the route passes none to it (forward-actors)", m.roleText(b))
	}
	return false, nil
}

// roleText returns the actor or role of a header block for errors.
func (m *Message) roleText(b xmltext.Node) string {
	return "for the " + roleWord(m.env) + fmt.Sprintf(" %.200q", m.env.Role(b))
}

// roleWord returns what the envelope's version of SOAP calls a role.
func roleWord(env *soap.Envelope) string {
	if env.Version == soap.V12 {
		return "role"
	}
	return "actor"
}

func headerRefused(b xmltext.Node) error {
	return errAt(CodeHeaderRefused, b, "nothing protects this header block, and the route refuses those (other-headers)")
}

func notUnderstood(b xmltext.Node, text string) error {
	e := errAt(CodeNotUnderstood, b, "%s", text)
	e.Block = xmltext.Name{Space: b.Space(), Local: strings.Clone(b.Local())}
	return e
}
