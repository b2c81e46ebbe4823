package explain_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/explain"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A route is what a gateway verifies messages with, and what it has seen.
type route struct {
	negotiator *wstrust.Negotiator // nil if its policy is not for contexts
	processor  *wssec.Processor
	sent       *wssec.Request
	last       *wssec.Message // that was accepted
	continues  bool           // a negotiation
}

// spnego is the acceptor of a route's negotiations.
type spnego struct{ *gss.Acceptor }

func (a spnego) NewContext([][]byte) wstrust.GSSContext {
	return a.Acceptor.NewContext(gss.AcceptConfig{Mechanism: gss.MechanismSPNEGO, StateBinding: "route"})
}

func (a spnego) Resume(context.Context, [][]byte, wssec.StateSealer, []byte) (wstrust.GSSContext, error) {
	return nil, errors.New("no negotiation here goes on")
}

// route makes that of a case, of which the messages before the nth went
// through.
func (c *transcript) route(t *testing.T, n int) *route {
	t.Helper()
	kt, err := keytab.Parse(c.read(t, c.Keytab))
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return c.Captured }
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kt, Etypes: []int32{17, 18, 19, 20, 23},
		Replay: forgetful{}, Time: clock})
	if err != nil {
		t.Fatal(err)
	}
	r := &route{}
	contexts := wssec.NewSecurityContexts(wssec.ContextsConfig{Time: clock})
	for _, sc := range c.Contexts {
		if err := contexts.Issue(t.Context(), sc.issued(t, c.Captured)); err != nil {
			t.Fatal(err)
		}
	}
	r.processor, err = wssec.NewProcessor(c.Policy,
		wssec.Config{Verifier: a, Replay: forgetful{}, Contexts: contexts, Time: clock})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Contexts) > 0 {
		r.negotiator, err = wstrust.NewNegotiator(wstrust.NegotiatorConfig{Acceptor: spnego{a}, Contexts: contexts,
			AlgorithmSuite: c.Policy.AlgorithmSuite, Timestamps: c.Policy.Binding != wssec.SymmetricBinding, Time: clock})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range c.Messages[:n] {
		if m.isRequest() {
			_ = r.request(t.Context(), c.read(t, m.File))
		}
	}
	return r
}

// forgetful is a replay store to which all is new: a verdict leaves out whether
// a message was presented before.
type forgetful struct{}

func (forgetful) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// request verifies a request as a gateway does.
func (r *route) request(ctx context.Context, src []byte) error {
	env, err := soap.Parse(src, xmltext.Options{})
	if err != nil {
		return err
	}
	if r.negotiator != nil && r.negotiator.Recognizes(env, "") {
		leg, err := r.negotiator.Step(ctx, env, wssec.Channel{TLS: true})
		r.continues = err == nil && !leg.Established()
		return err
	}
	msg, err := r.processor.Verify(ctx, env, wssec.Channel{TLS: true})
	if err != nil {
		return err
	}
	r.sent, r.last = msg.AsSent(), msg
	return msg.Remember(ctx)
}

// reply verifies the reply to the last request as its client does.
func (r *route) reply(ctx context.Context, src []byte) error {
	env, err := soap.Parse(src, xmltext.Options{})
	if err != nil {
		return err
	}
	r.last, err = r.processor.VerifyReply(ctx, env, r.sent, wssec.Channel{TLS: true})
	return err
}

// protected returns the local names of the parts that a route has found signed
// and encrypted.
func (r *route) protected() (signed, encrypted []string) {
	for _, n := range r.last.Signed() {
		signed = append(signed, n.Local())
	}
	for _, n := range r.last.Encrypted() {
		encrypted = append(encrypted, n.Local())
	}
	slices.Sort(signed)
	slices.Sort(encrypted)
	return signed, encrypted
}

// shownAs returns the local names of the parts that are shown as signed, or as
// encrypted.
func shownAs(tree *inspect.Node, word string) (names []string) {
	for _, c := range tree.Children {
		for _, part := range c.Children {
			if c.Name == "parts" && strings.Contains(part.Value, word+" (") {
				name, _, _ := strings.Cut(part.Name, " ")
				names = append(names, name[strings.LastIndexAny(name, "}:")+1:])
			}
		}
	}
	slices.Sort(names)
	return names
}

// outcome is an error as a verdict has it.
func outcome(err error) string {
	var coded interface{ ErrorCode() string }
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &coded):
		return "refused: " + coded.ErrorCode()
	}
	return "refused: error"
}

// verdictNode is that of a message as a whole; nil for what is none.
func verdictNode(tree *inspect.Node) *inspect.Node {
	for _, c := range tree.Children {
		if c.Name == "verdict" {
			return c
		}
	}
	return nil
}

// checkMessage holds what is said of a message to what a route does, which has
// seen the messages before the nth of the case.
func (c *transcript) checkMessage(t *testing.T, n int, src []byte) (accepted bool) {
	t.Helper()
	x := c.inspector(t, explain.Config{Policy: &c.Policy})
	for _, m := range c.Messages[:n] {
		x.Inspect(t.Context(), c.read(t, m.File))
	}
	trees, problem := x.Inspect(t.Context(), src)
	r := c.route(t, n)
	sent := r.sent
	request := r.request(t.Context(), src)
	fail := func(what string) {
		t.Helper()
		t.Errorf("%s: %s; a route: %v; inspect: %v\n%s\n%s", c.Messages[n].File, what, request, problem,
			text(trees), src)
	}
	var v *inspect.Node
	if len(trees) > 0 && !strings.Contains(trees[0].Note, "in text") { // in which a whole message was found
		v = verdictNode(trees[0])
	}
	if v == nil {
		if request == nil {
			fail("no verdict")
		}
		return false
	}
	if v.Value == "none" { // an answer of a service: a route is not sent it
		if request == nil {
			fail("has no verdict")
		}
		return false
	}
	if v.Value == "continues" && r.continues {
		return true
	}
	var reply error = errors.New("there is no request before it")
	asReply := v.Note == "as the reply to the request before it"
	if asReply || request != nil && sent != nil {
		r.sent = sent
		reply = r.reply(t.Context(), src)
	}
	switch {
	case v.Value == "accepted" && !asReply && request != nil, v.Value == "accepted" && asReply && reply != nil:
		fail("is said to be accepted")
	case v.Value != "accepted" && (request == nil || v.Value != outcome(request) && v.Value != outcome(reply)):
		fail("is said to be refused: " + outcome(request) + ", as reply " + outcome(reply))
	case (v.Value == "accepted") != (problem == nil):
		fail("verdict and error differ")
	}
	for _, other := range v.Children {
		if other.Name == "as a request" && other.Value != outcome(request) ||
			strings.HasPrefix(other.Name, "as the reply") && other.Value != outcome(reply) {
			fail(other.Name + " it is not " + other.Value)
		}
	}
	if v.Value == "accepted" && r.last != nil { // else it was a negotiation
		r.checkParts(trees[0], fail)
	}
	return v.Value == "accepted"
}

// checkParts holds what is shown of the parts of an accepted message to what
// the route has verified.
func (r *route) checkParts(tree *inspect.Node, fail func(string)) {
	signed, encrypted := r.protected()
	if strings.Contains(string(tree.AppendText(nil)), "! ") || !slices.Equal(shownAs(tree, "signed"), signed) ||
		!slices.Equal(shownAs(tree, "encrypted"), encrypted) {
		fail(fmt.Sprintf("something of what is accepted is said to be wrong, or signed are %v, encrypted %v",
			signed, encrypted))
	}
}

// altered is a message with an octet changed, a piece taken out or put in, or
// its end cut off.
func altered(r *rand.Rand, src []byte) []byte {
	at := r.IntN(len(src))
	switch b := bytes.Clone(src); r.IntN(5) {
	case 0:
		b[at] ^= 1 << r.IntN(8)
		return b
	case 1: // a character of base64, a digit, a letter of a name
		b[at] = "AZaz09+/=<>\"' :#"[r.IntN(16)]
		return b
	case 2:
		return append(b[:at], b[min(len(b), at+1+r.IntN(30)):]...)
	case 3:
		from := r.IntN(len(src))
		return append(b[:at:at], append(bytes.Clone(src[from:min(len(src), from+r.IntN(60))]), src[at:]...)...)
	default:
		return b[:at]
	}
}

// TestVerdictsAreThoseOfTheRoute: what is said of each recorded message, and of
// altered ones, is what a route with the case's policy and keytab does.
func TestVerdictsAreThoseOfTheRoute(t *testing.T) {
	t.Parallel()
	for _, c := range transcripts(t) {
		if c.Policy.Bootstrap != nil {
			continue // inspect cannot know keys that were issued over a channel
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(3, 4))
			for n, m := range c.Messages {
				src := c.read(t, m.File)
				want := m.Expect == "ok" || m.Expect == "negotiation" && m.isRequest()
				if accepted := c.checkMessage(t, n, src); accepted != want {
					t.Errorf("%s: accepted %t, and %s is expected", m.File, accepted, m.Expect)
				}
				for range 12 {
					c.checkMessage(t, n, altered(r, src))
				}
			}
		})
	}
}
