package wssec

import (
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// A Choice tells for which of several policies a message was made. It goes by
// what stands in clear in the Security header and by nothing else: which elements
// are there, not what they hold. So it needs no key, verifies nothing, and never
// tries one policy after another. The policy that it finds has then to be kept in
// full, and which one that is a sender decides: several policies together protect
// no better than the weakest of them.
type Choice struct {
	actor string
	forms []form
}

// NewChoice makes the Choice among policies, which must be such that no message
// can be for two of them. The error says which two are not told apart; names are
// the policies' in it.
func NewChoice(names []string, policies []Policy) (*Choice, error) {
	c := &Choice{}
	for i, p := range policies {
		if i == 0 {
			c.actor = p.Actor
		}
		if p.Actor != c.actor {
			return nil, fmt.Errorf("%s and %s are for Security headers of two actors, %q and %q, and a message may have both", names[0], names[i], c.actor, p.Actor)
		}
		f := formOf(p)
		for j, other := range c.forms {
			if !f.excludes(other) {
				return nil, fmt.Errorf("%s and %s are not told apart by what a message carries: %s fits both", names[j], names[i], f.common(other))
			}
		}
		c.forms = append(c.forms, f)
	}
	return c, nil
}

// Of returns the index of the policy that env is for. The error is an *Error.
func (c *Choice) Of(env *soap.Envelope) (int, error) {
	security, err := securityHeader(env, c.actor)
	if err == nil && security.IsZero() {
		err = noHeader(env, c.actor)
	}
	if err != nil {
		return 0, err
	}
	has, err := marksOf(security)
	if err != nil {
		return 0, err
	}
	for i, f := range c.forms {
		if f.fits(has) {
			return i, nil
		}
	}
	return 0, errAt(CodePolicyMismatch, security, "no policy of the route is for a message with %s", has)
}

// A mark is something of which a message's Security header has any or none.
type mark uint

const (
	clearSignature  mark = 1 << iota // ds:Signature (WSS §8)
	sealedSignature                  // xenc:EncryptedData, which is a Signature (SP §6.4)
	encryptedParts                   // xenc:ReferenceList, or one in an EncryptedKey (WSS §9)
	derivedKeys                      // wsc:DerivedKeyToken
	timestampMark                    // wsu:Timestamp (WSS §10)

	allMarks = timestampMark<<1 - 1
)

var markNames = [...]string{"a Signature", "an encrypted Signature", "encrypted parts", "a DerivedKeyToken", "a Timestamp"}

// String lists what is there and what is not.
func (m mark) String() string {
	var with, without []string
	for i, name := range markNames {
		if m&(1<<i) != 0 {
			with = append(with, name)
		} else {
			without = append(without, strings.TrimPrefix(strings.TrimPrefix(name, "an "), "a "))
		}
	}
	text := strings.Join(with, ", ")
	if text == "" {
		text = "a Security header"
	}
	if len(without) > 0 {
		text += ", without " + strings.Join(without, ", ")
	}
	return text
}

// marksOf looks at the children of a Security header.
func marksOf(security xmltext.Node) (has mark, err error) {
	n := 0
	for c := range security.Children() {
		if n++; n > maxSecurityChildren {
			return 0, errAt(CodeLimit, c, "more than %d elements", maxSecurityChildren)
		}
		switch {
		case c.Is(nsDS, "Signature"):
			has |= clearSignature
		case c.Is(nsXenc, "EncryptedData"):
			has |= sealedSignature
		case c.Is(nsXenc, "ReferenceList"), c.Is(nsXenc, "EncryptedKey"):
			has |= encryptedParts
		case c.Local() == "DerivedKeyToken" && isSC(c.Space()):
			has |= derivedKeys
		case c.Is(NSWSU, "Timestamp"):
			has |= timestampMark
		}
	}
	return has, nil
}

// A form is what each message under a policy carries, and what none does.
type form struct{ always, never mark }

func formOf(p Policy) (f form) {
	p = p.withDefaults()
	f.decide(clearSignature, p.signs() && !p.EncryptSignature, true)
	f.decide(sealedSignature, p.EncryptSignature, true)
	always := p.EncryptSignature || p.EncryptedParts.Body
	f.decide(encryptedParts, always, always || !p.mayEncryptBody() && !p.mayEncryptHeaders())
	f.decide(derivedKeys, p.signs() && p.DerivedKeys == DerivedKeysRequired, !p.signs() || p.DerivedKeys != DerivedKeysAllowed)
	f.decide(timestampMark, p.Timestamp == TimestampRequired, p.Timestamp != TimestampOptional)
	return f
}

// decide enters a mark, if the policy decides it.
func (f *form) decide(m mark, there, decided bool) {
	switch {
	case decided && there:
		f.always |= m
	case decided:
		f.never |= m
	}
}

// fits reports whether a message may be under the policy.
func (f form) fits(has mark) bool { return has&f.always == f.always && has&f.never == 0 }

// excludes reports whether no message fits both.
func (f form) excludes(other form) bool { return f.always&other.never|f.never&other.always != 0 }

// common returns what a message has that fits both.
func (f form) common(other form) mark { return (f.always | other.always) & allMarks }
