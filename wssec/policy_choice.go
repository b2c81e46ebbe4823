package wssec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// A Choice finds which of several policies a message was made for, their
// Bootstraps among them. It compares only which elements stand in clear in the
// Security header, what type of token they name, and the wsa:Action where there
// is a Bootstrap. So it needs no key, verifies nothing, and never tries one policy after
// another. The message must then be verified under the policy found. The sender
// decides which one that is: several policies together protect no better than
// the weakest of them. A Choice is immutable and safe for concurrent use.
type Choice struct {
	actors []string
	forms  []policyForm
}

// policyForm is the form of messages under a policy, or under its Bootstrap.
type policyForm struct {
	form
	name      string
	policy    int
	bootstrap bool
}

// NewChoice makes the [Choice] among policies, of which no two may fit one
// message, and none may show what is proof enough for another. The error names
// two that do; names are the names of the policies in it.
func NewChoice(names []string, policies []Policy) (*Choice, error) {
	c := &Choice{}
	for i, p := range policies {
		if i == 0 {
			c.actors = p.Actors
		}
		if !slices.Equal(p.Actors, c.actors) {
			return nil, fmt.Errorf("%s and %s take the Security headers of different actors, %q and %q, and a message may "+
				"have both: give the policies the same ones", names[0], names[i], c.actors, p.Actors)
		}
		c.forms = append(c.forms, policyForm{formOf(p), names[i], i, false})
		if p.Bootstrap != nil {
			c.forms = append(c.forms, policyForm{formOf(*p.Bootstrap), "the bootstrap of " + names[i], i, true})
			if p.Bootstrap.signs() {
				c.forms = append(c.forms,
					policyForm{endorsedForm(*p.Bootstrap), "a renewal under the bootstrap of " + names[i], i, true})
			}
		}
	}
	if err := checkTokensAlone(names, policies); err != nil {
		return nil, err
	}
	c.decideBootstraps()
	for i, f := range c.forms {
		for _, other := range c.forms[:i] {
			if !f.excludes(other.form) {
				return nil, fmt.Errorf("a message with %s fits both %s and %s: change one policy so that no message "+
					"fits two", f.common(other.form), other.name, f.name)
			}
		}
	}
	return c, nil
}

// decideBootstraps keeps the requests for SecurityContextTokens to the
// Bootstraps, where there are any. A request to renew one is for the Bootstrap
// if the token endorses the message, and else under the token itself.
func (c *Choice) decideBootstraps() {
	if !slices.ContainsFunc(c.forms, func(f policyForm) bool { return f.bootstrap }) {
		return
	}
	for i := range c.forms {
		f := &c.forms[i]
		endorsed := f.always&endorsingMark != 0
		f.decide(issueAction, f.bootstrap && !endorsed, true)
		f.decide(renewAction, endorsed, f.bootstrap)
	}
}

// Of returns the index of the policy that env is for, and whether it is for that
// policy's Bootstrap. The error is an [*Error].
func (c *Choice) Of(env *soap.Envelope) (policy int, bootstrap bool, err error) {
	security, err := securityHeader(env, c.actors)
	if err == nil && security.IsZero() {
		err = noHeader(env, c.actors)
	}
	if err != nil {
		return 0, false, err
	}
	has, err := marksOf(security)
	if err != nil {
		return 0, false, err
	}
	has |= actionMark(env)
	for _, f := range c.forms {
		if f.fits(has) {
			return f.policy, f.bootstrap, nil
		}
	}
	return 0, false, errAt(CodePolicyMismatch, security, "no policy of the route is for a message with %s (policy)", has)
}

// actionMark returns the mark of a message whose action, whatever the version,
// is that of a request to issue or renew a SecurityContextToken (WS-Trust §4,
// WSC §3 and §5), else 0.
func actionMark(env *soap.Envelope) mark {
	for b := range env.Blocks() {
		if !b.Is(nsWSA, "Action") && !b.Is(nsWSA04, "Action") || !b.FirstChild().IsZero() {
			continue
		}
		if _, start, end, _ := b.SourceRange(); end-start > maxIdentifier {
			continue
		}
		switch strings.TrimSpace(b.Text()) {
		case nsWST05 + "/RST/SCT", nsWST13 + "/RST/SCT":
			return issueAction
		case nsWST05 + "/RST/SCT/Renew", nsWST13 + "/RST/SCT/Renew":
			return renewAction
		}
	}
	return 0
}

// A mark is something of which a message has any or none, in its Security header
// unless it says otherwise.
type mark uint

const (
	clearSignature     mark = 1 << iota // ds:Signature (WSS §8)
	encryptedSignature                  // xenc:EncryptedData, which is a Signature (SP §6.4)
	encryptedParts                      // xenc:ReferenceList, or one in an EncryptedKey (WSS §9)
	derivedKeys                         // wsc:DerivedKeyToken, or an implied derived key
	timestampMark                       // wsu:Timestamp (WSS §10)
	kerberosMark                        // a Kerberos token, or its name (KTP §3)
	contextMark                         // wsc:SecurityContextToken, or its name (WSC §2)
	endorsingMark                       // a SecurityContextToken beside another token: it endorses (SP §8.3)
	issueAction                         // the wsa:Action of a request for a SecurityContextToken
	renewAction                         // that of a request to renew one

	allMarks = renewAction<<1 - 1
)

var markNames = [...]string{
	"a Signature", "an encrypted Signature", "encrypted parts", "a DerivedKeyToken", "a Timestamp", "a Kerberos token",
	"a SecurityContextToken", "a SecurityContextToken beside another token", "the action RST/SCT",
	"the action RST/SCT/Renew",
}

// String lists what is there and what is not.
func (m mark) String() string {
	var with, without []string
	for i, name := range markNames {
		if m&(1<<i) != 0 {
			with = append(with, name)
		} else if 1<<i < endorsingMark {
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

// marksOf returns the marks of a Security header.
func marksOf(security xmltext.Node) (has mark, err error) {
	n, contexts := 0, 0
	for c := range security.Children() {
		if n++; n > maxSecurityChildren {
			return 0, errAt(CodeLimit, c, "more than %d elements", maxSecurityChildren)
		}
		switch {
		case c.Is(nsDS, "Signature"):
			has |= clearSignature
		case c.Is(nsXenc, "EncryptedData"):
			has |= encryptedSignature
		case c.Is(nsXenc, "ReferenceList"), c.Is(nsXenc, "EncryptedKey"):
			has |= encryptedParts
		case c.Local() == "DerivedKeyToken" && isSC(c.Space()):
			has |= derivedKeys
		case c.Is(NSWSU, "Timestamp"):
			has |= timestampMark
		case (contextProfile{}).is(c):
			contexts++
		}
		has |= tokenMarks(c)
	}
	if contexts > 1 || contexts == 1 && has&kerberosMark != 0 {
		has |= endorsingMark
	}
	return has, nil
}

// tokenMarks returns what type of token a child of a Security header is, or
// names: a token that need not be in the message is named by its type.
func tokenMarks(c xmltext.Node) mark {
	if m := markOf(profileOf(c)); m != 0 {
		return m
	}
	str := c
	if c.Local() != "DerivedKeyToken" {
		str = childNamed(c, nsDS, "KeyInfo")
	}
	str = childNamed(str, NSWSSE, "SecurityTokenReference")
	if str.IsZero() {
		return 0
	}
	var has mark
	if _, _, space := impliedAttrs(str); space != "" {
		has = derivedKeys
	}
	ref := str.FirstChild()
	if ref.IsZero() {
		return has
	}
	name := tokenName{}
	if ref.Is(NSWSSE, "Reference") {
		name.uri, _ = ref.Attr("", "URI")
	}
	name.valueType, _ = ref.Attr("", "ValueType")
	return has | markOf(profileNamed(name))
}

// markOf returns the mark of a type of token, 0 if it has none.
func markOf(p tokenProfile) mark {
	switch p {
	case tokenProfile(kerberosProfile{}):
		return kerberosMark
	case tokenProfile(contextProfile{}):
		return contextMark
	}
	return 0
}

// childNamed returns the first child of n with a name, zero if there is none.
func childNamed(n xmltext.Node, space, local string) xmltext.Node {
	if n.IsZero() {
		return n
	}
	for c := range n.Children() {
		if c.Is(space, local) {
			return c
		}
	}
	return xmltext.Node{}
}

// A form is what each message under a policy carries, and what none does.
type form struct{ always, never mark }

func formOf(p Policy) (f form) {
	p = p.withDefaults()
	f.decide(clearSignature, p.signs() && !p.EncryptSignature, true)
	f.decide(encryptedSignature, p.EncryptSignature, true)
	always := p.EncryptSignature || p.EncryptedParts.Body
	f.decide(encryptedParts, always, always || !p.mayEncryptBody() && !p.mayEncryptHeaders())
	f.decide(derivedKeys, p.signs() && p.DerivedKeys == DerivedKeysRequired,
		!p.signs() || p.DerivedKeys != DerivedKeysAllowed)
	f.decide(timestampMark, p.Timestamp == TimestampRequired, p.Timestamp != TimestampOptional)
	f.decide(kerberosMark, p.ClientToken() == KerberosToken, true)
	f.decide(contextMark, p.takesContext(), true)
	f.decide(endorsingMark, false, true)
	return f
}

// endorsedForm is the form of messages under a Bootstrap that a
// SecurityContextToken endorses.
func endorsedForm(p Policy) form {
	f := formOf(p)
	f.never &^= contextMark | endorsingMark | derivedKeys
	f.always |= contextMark | endorsingMark | timestampMark
	if !p.EncryptSignature {
		f.never &^= clearSignature
		f.always |= clearSignature
	}
	return f
}

// decide enters a mark as always or never there, if the policy decides it.
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
