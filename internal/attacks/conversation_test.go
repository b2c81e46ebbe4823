package attacks_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/internal/attacks"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

const service = "soap/service.example.com"

// A conversing is a gateway under a preset, with clients that negotiate, or ask
// for, their security contexts.
type conversing struct {
	*trial
	*gate
	kdc      *krbtest.KDC
	policy   wssec.Policy
	acceptor *gss.Acceptor
}

func (t *trial) conversing(preset string, store gss.ReplayStore) *conversing {
	t.Helper()
	policy, ok := wssec.Preset(preset)
	if !ok {
		t.Fatal(preset)
	}
	c := &conversing{trial: t, kdc: krbtest.New(krbtest.Config{}), policy: policy}
	c.kdc.AddService(service)
	var err error
	c.acceptor, err = gss.NewAcceptor(gss.AcceptorConfig{Keytab: c.kdc.Keytab(nil), Replay: store})
	must(t, err)
	c.gate = newGateOf(t, &target{name: preset}, c.door(store))
	return c
}

// door makes the door of the policy, as the gateway has it.
func (c *conversing) door(store gss.ReplayStore) door.Door {
	contexts := wssec.NewSecurityContexts(wssec.ContextsConfig{})
	cfg := wssec.Config{Verifier: c.acceptor, Replay: store, Contexts: contexts,
		Guard: wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: 1 << 30})}
	security := func(p wssec.Policy) *door.Security {
		processor, err := wssec.NewProcessor(p, cfg)
		must(c.T, err)
		return door.NewSecurity(p.Name, processor)
	}
	var d door.Door = security(c.policy)
	negotiated := c.policy
	if c.policy.Bootstrap != nil {
		negotiated = *c.policy.Bootstrap
		messages := d.(*door.Security)
		cfg.EndorsingContexts = true
		issuer, err := wstrust.NewIssuer(wstrust.IssuerConfig{Contexts: contexts, Policy: c.policy})
		must(c.T, err)
		d, err = door.NewOneOf(door.NewConversation(messages, security(negotiated), issuer))
		must(c.T, err)
	}
	if negotiated.ClientToken() == wssec.SpnegoContextToken {
		n, err := wstrust.NewNegotiator(wstrust.NegotiatorConfig{Acceptor: negotiating{c.acceptor}, Contexts: contexts,
			AlgorithmSuite: negotiated.AlgorithmSuite})
		must(c.T, err)
		d = door.NewNegotiation(n, false, d)
	}
	return d
}

// negotiating is a *gss.Acceptor as package wstrust has it.
type negotiating struct{ *gss.Acceptor }

func (a negotiating) NewContext([][]byte) wstrust.GSSContext {
	return a.Acceptor.NewContext(gss.AcceptConfig{StateBinding: "/svc"})
}

func (a negotiating) Resume(ctx context.Context, _ [][]byte, sealer wssec.StateSealer,
	sealed []byte) (wstrust.GSSContext, error) {
	c, err := a.Acceptor.Resume(ctx, gss.AcceptConfig{StateBinding: "/svc"}, sealer, sealed)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// A sent is a request of a client with its reply, as they were on the way.
type sent struct {
	attacks.Message
	reply []byte
}

// A wire is between a client and the gateway. It records what passes, and may
// change it.
type wire struct {
	gate    *gate
	passed  []sent
	request []byte // the last
	// change returns what is sent in the place of the n-th request, and answer what
	// in the place of its reply; nil: the same.
	change func(n int, m attacks.Message) []attacks.Message
	answer func(n int, reply []byte) []byte
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	octets, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	m := attacks.Message{Octets: octets, ContentType: r.Header.Get("Content-Type"), Action: r.Header.Get("SOAPAction")}
	w.request = octets
	n, all := len(w.passed), []attacks.Message{m}
	if w.change != nil {
		all = w.change(n, m)
	}
	var response *http.Response
	for _, m := range all {
		response = w.gate.pass(r.Context(), m)
	}
	reply, err := io.ReadAll(response.Body)
	if w.answer != nil {
		reply = w.answer(n, reply)
	}
	w.passed = append(w.passed, sent{m, reply})
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(reply)), int64(len(reply))
	response.Header.Del("Content-Length")
	return response, err
}

// pass sends a message to the gateway and returns its response.
func (g *gate) pass(ctx context.Context, m attacks.Message) *http.Response {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://service.example.com/svc", bytes.NewReader(m.Octets))
	r.Header.Set("Content-Type", m.ContentType)
	if m.Action != "" {
		r.Header.Set("SOAPAction", m.Action)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w.Result()
}

// tickets are those of one client.
type tickets struct {
	kdc  *krbtest.KDC
	name string
}

func (s tickets) ServiceTicket(context.Context, string) (kerberos.Credential, error) {
	return s.kdc.Ticket(s.name, service, krbtest.TicketOptions{})
}

func (tickets) Forget(string) {}

// call lets a client call the service once, from the beginning, and returns what
// the backend got.
func (c *conversing) call(name string, w *wire) (got []delivery, err error) {
	c.Helper()
	w.gate = c.gate
	caller, err := client.New(client.Config{URL: "http://service.example.com/svc", Service: service, Policy: c.policy,
		Tickets: tickets{c.kdc, name}, Transport: w, Timeout: time.Minute})
	must(c.T, err)
	ctx := context.WithValue(context.Background(), deliveriesKey{}, &got)
	message := fmt.Sprintf(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><o:order `+
		`xmlns:o="urn:o">%s</o:order></s:Body></s:Envelope>`, name)
	_, err = caller.Call(ctx, client.Request{Message: []byte(message), Action: "urn:o/order"})
	return got, err
}

// honestly lets a client call without an attacker.
func (c *conversing) honestly(name string) ([]sent, honest) {
	c.Helper()
	w := &wire{}
	got, err := c.call(name, w)
	must(c.T, err)
	if len(got) != 1 {
		c.Fatalf("%s: delivered %d times", c.target.name, len(got))
	}
	meaning, err := attacks.Read(got[0].octets)
	must(c.T, err)
	h := honest{meaning, got[0].header.Get("X-Principal"), signedAction(got[0], meaning)}
	if !strings.HasPrefix(h.principal, name+"@") || !strings.Contains(h.meaning.Body, name) {
		c.Fatalf("%s called, and the backend got %+v", name, h)
	}
	return w.passed, h
}

// converse has two clients call under a preset: parts of their calls are mixed,
// all that they sent is sent again, and the negotiation of one is disturbed with
// messages of the other.
func (t *trial) converse(preset string, step int) {
	t.Helper()
	c := t.conversing(preset, always{})
	alice, a := c.honestly("alice")
	mallory, m := c.honestly("mallory")
	last := func(s []sent) attacks.Message { return s[len(s)-1].Message }
	both := &target{name: preset, messages: []attacks.Message{last(alice), last(mallory)}}
	t.spliceTo(c.gate, both, []honest{a, m}, step)

	strict := replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)})
	c = t.conversing(preset, strict)
	alice, _ = c.honestly("alice")
	mallory, _ = c.honestly("mallory")
	var again []attacks.Attack
	for i, s := range append(alice, mallory...) {
		again = append(again, attacks.Attack{Class: replaying, Name: fmt.Sprintf("request %d", i), Message: s.Message})
	}
	t.try(c.gate, again, nil)
	if len(alice) > 1 {
		c.disturb(alice)
	}
	if c.policy.ClientToken() == wssec.SpnegoContextToken {
		c.hesitations()
	}
}

// disturb changes each leg of mallory's negotiation, and each answer, by what
// was recorded of another one. She may then fail, or call as herself.
func (c *conversing) disturb(recorded []sent) {
	c.Helper()
	_, protected := c.honestly("mallory")
	for leg := range recorded[:len(recorded)-1] {
		at := func(name string, change func(attacks.Message) []attacks.Message) {
			c.negotiate(fmt.Sprintf("leg %d %s", leg+1, name), protected, &wire{
				change: func(n int, m attacks.Message) []attacks.Message {
					if n == leg {
						return change(m)
					}
					return []attacks.Message{m}
				}})
		}
		for part := range 16 {
			at(fmt.Sprintf("cut at %d/16", part), func(m attacks.Message) []attacks.Message {
				m.Octets = m.Octets[:len(m.Octets)*part/16]
				return []attacks.Message{m}
			})
		}
		at("twice", func(m attacks.Message) []attacks.Message { return []attacks.Message{m, m} })
		at("left out", func(m attacks.Message) []attacks.Message { return []attacks.Message{recorded[leg].Message} })
		for other, r := range recorded {
			at(fmt.Sprintf("after request %d of the other", other+1), func(m attacks.Message) []attacks.Message {
				return []attacks.Message{r.Message, m}
			})
			at(fmt.Sprintf("before request %d of the other", other+1), func(m attacks.Message) []attacks.Message {
				return []attacks.Message{m, r.Message}
			})
			for i := range between {
				at(fmt.Sprintf("with %s of request %d of the other", between[i][0], other+1),
					func(m attacks.Message) []attacks.Message {
						return []attacks.Message{exchanged(m, r.Message, between[i])}
					})
			}
			c.negotiate(fmt.Sprintf("answer %d is answer %d of the other", leg+1, other+1), protected, &wire{
				answer: func(n int, reply []byte) []byte {
					if n == leg {
						return r.reply
					}
					return reply
				}})
		}
	}
}

// between are pieces of a leg, by what stands around them.
var between = [][2]string{{` Context="`, `"`}, {`BinaryExchange`, `BinaryExchange>`}, {`RequestType>`, `<`},
	{`KeySize>`, `<`}, {`TokenType>`, `<`}, {`BinarySecurityToken`, `BinarySecurityToken>`},
	{`<ds:Signature`, `</ds:Signature>`}, {`CipherValue>`, `<`}, {`Identifier>`, `<`}, {`Entropy`, `Entropy>`}}

// exchanged returns a message with a piece of another.
func exchanged(m, other attacks.Message, around [2]string) attacks.Message {
	piece := func(text string) (before, inner, after string) {
		before, rest, _ := strings.Cut(text, around[0])
		inner, after, _ = strings.Cut(rest, around[1])
		return before, inner, after
	}
	before, own, after := piece(string(m.Octets))
	_, theirs, _ := piece(string(other.Octets))
	if own != "" {
		m.Octets = []byte(before + around[0] + cmp.Or(theirs, own) + around[1] + after)
	}
	return m
}

// negotiate has mallory call through a wire, and judges what was delivered.
func (c *conversing) negotiate(name string, protected honest, w *wire) {
	c.Helper()
	got, err := c.call("mallory", w)
	code := "ok"
	if err != nil {
		code = "failed"
	}
	a := attacks.Attack{Class: "disturbed negotiations", Name: name}
	c.judge(c.gate, a, code, got, []honest{protected})
}
