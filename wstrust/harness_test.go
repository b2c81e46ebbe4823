package wstrust_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

const (
	service = "HTTP/gw.example.com"
	nsWSA   = soap.NSAddressing
	b64     = wssec.EncodingBase64
	here    = "192.0.2.1" // address of the client
)

var versions = []wstrust.Version{wstrust.Feb2005, wstrust.V13}

var now = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)

// acceptor is a *gss.Acceptor as package wstrust has it.
type acceptor struct {
	*gss.Acceptor
	cfg gss.AcceptConfig
}

func (a acceptor) NewContext(bindings [][]byte) wstrust.GSSContext {
	a.cfg.ChannelBindings = bindings
	return a.Acceptor.NewContext(a.cfg)
}

func (a acceptor) Resume(ctx context.Context, bindings [][]byte, sealer wssec.StateSealer,
	sealed []byte) (wstrust.GSSContext, error) {
	a.cfg.ChannelBindings = bindings
	c, err := a.Acceptor.Resume(ctx, a.cfg, sealer, sealed)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// A world is a KDC and a service that negotiates.
type world struct {
	testing.TB
	kdc      *krbtest.KDC
	clock    time.Time
	halfOpen *store.Memory
	contexts *wssec.SecurityContexts
	issued   *store.Memory
	cfg      wstrust.NegotiatorConfig
	*wstrust.Negotiator

	pac         *krbtest.PACOptions // of tickets; nil without
	micSequence uint64              // of the acceptor's mechListMIC
}

// newWorld makes a world; change may be nil.
func newWorld(t testing.TB, change func(*world)) *world {
	t.Helper()
	w := &world{TB: t, clock: now}
	time := func() time.Time { return w.clock }
	w.kdc = krbtest.New(krbtest.Config{Time: time})
	w.kdc.AddService(service)
	w.halfOpen = store.NewMemory(store.MemoryConfig{MaxEntries: 10_000, Time: time})
	w.issued = store.NewMemory(store.MemoryConfig{Time: time})
	w.contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Store: w.issued, Time: time})
	w.cfg = wstrust.NegotiatorConfig{Acceptor: w.acceptor(gss.AcceptConfig{}), Contexts: w.contexts,
		AlgorithmSuite: wssec.Basic128,
		HalfOpen:       w.halfOpen, Scope: "route", Time: time}
	if change != nil {
		change(w)
	}
	w.Negotiator = w.negotiator()
	return w
}

func (w *world) negotiator() *wstrust.Negotiator {
	w.Helper()
	n, err := wstrust.NewNegotiator(w.cfg)
	w.must(err)
	return n
}

func (w *world) acceptor(cfg gss.AcceptConfig) acceptor {
	w.Helper()
	rule := gss.PACIgnore
	if w.pac != nil {
		rule = gss.PACRequired
	}
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil), PAC: rule,
		Time: func() time.Time { return w.clock }, Etypes: []int32{17, 18, 19, 20, 23},
		Replay: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0),
			Time: func() time.Time { return w.clock }})})
	w.must(err)
	cfg.StateBinding = "test"
	return acceptor{a, cfg}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) ticket(o krbtest.TicketOptions) kerberos.Credential {
	w.Helper()
	o.PAC = w.pac
	ticket, err := w.kdc.Ticket("alice", service, o)
	w.must(err)
	return ticket
}

// mechanism is a GSS-API context of the client.
func (w *world) mechanism(m gss.Mechanism) *gss.Context {
	w.Helper()
	c, err := gss.NewInitiatorContext(w.ticket(krbtest.TicketOptions{}), gss.InitConfig{Mechanism: m,
		Time: func() time.Time { return w.clock }})
	w.must(err)
	return c
}

// token is the first token of a context.
func (w *world) token(c *gss.Context) []byte {
	w.Helper()
	token, _, err := c.Step(w.Context(), nil)
	w.must(err)
	return token
}

func (w *world) Context() context.Context { return context.Background() }

// A leg is a message of the client, as text to be changed.
type leg struct {
	v         wstrust.Version
	soap      soap.Version
	addr      string // namespace of WS-Addressing
	action    string
	header    string // more blocks
	valueType string
	context   string
	children  string // in front of the BinaryExchange
	token     []byte
	element   string // "RequestSecurityToken" by default
	body      string // instead of the element
}

// first is the RST of a WCF client.
func first(v wstrust.Version, token []byte) leg {
	return leg{v: v, soap: soap.V12, addr: nsWSA, action: v.Trust() + "/RST/Issue", valueType: wstrust.NSTrust05 +
		"/spnego", context: "uuid-9c1-1",
		children: fmt.Sprintf(`<t:TokenType>%s/sct</t:TokenType><t:RequestType>%s/Issue</t:RequestType>`+
			`<t:KeySize>256</t:KeySize>`,
			v.SecureConversation(), v.Trust()), token: token}
}

// next is a further RSTR.
func next(l leg, token []byte) leg {
	l.action, l.children, l.token, l.element = l.v.Trust()+"/RSTR/Issue", "", token, "RequestSecurityTokenResponse"
	return l
}

func (l leg) elementText() string {
	name := l.element
	if name == "" {
		name = "RequestSecurityToken"
	}
	return fmt.Sprintf(`<t:%s Context="%s" xmlns:t="%s">%s<t:BinaryExchange ValueType="%s" `+
		`EncodingType="%s">%s</t:BinaryExchange></t:%s>`,
		name, l.context, l.v.Trust(), l.children, l.valueType, b64, base64.StdEncoding.EncodeToString(l.token), name)
}

func (l leg) text() string {
	header := l.header
	if l.addr != "" {
		header = fmt.Sprintf(`<a:Action s:mustUnderstand="1" xmlns:a="%s">%s</a:Action>`+
			`<a:MessageID xmlns:a="%s">urn:uuid:1</a:MessageID>`+
			`<a:To s:mustUnderstand="1" xmlns:a="%s">http://gw.example/svc</a:To>`, l.addr, l.action, l.addr,
			l.addr) + header
	}
	body := l.body
	if body == "" {
		body = l.elementText()
	}
	return fmt.Sprintf(`<s:Envelope xmlns:s="%s"><s:Header>%s</s:Header><s:Body>%s</s:Body></s:Envelope>`,
		l.soap.Namespace(), header, body)
}

// parse reads an envelope.
func (w *world) parse(text string) *soap.Envelope {
	w.Helper()
	env, err := soap.Parse([]byte(text), xmltext.Options{})
	if err != nil {
		w.Fatalf("%v in %s", err, text)
	}
	return env
}

// send passes a message to the negotiator, which must recognize it.
func (w *world) send(l leg, from string) (*wstrust.Leg, error) {
	w.Helper()
	env := w.parse(l.text())
	if !w.Recognizes(env, l.action) {
		w.Fatalf("not recognized: %s", l.text())
	}
	return w.Step(w.Context(), env, wssec.Channel{Client: from})
}

// sendOK sends a message that is accepted, and returns the answer.
func (w *world) sendOK(l leg) (*wstrust.Leg, *soap.Envelope) {
	w.Helper()
	answered, err := w.send(l, here)
	w.must(err)
	octets, err := answered.Reply(w.Context())
	w.must(err)
	if text := string(octets); strings.Contains(text, "/>") {
		w.Errorf("an empty-element tag in %s", text)
	}
	return answered, w.parse(string(octets))
}

// refused checks that a message is refused with a code and a fault, in the leg
// that it is.
func (w *world) refused(l leg, from string, code wstrust.Code, fault string, number int) *wstrust.Error {
	w.Helper()
	_, err := w.Step(w.Context(), w.parse(l.text()), wssec.Channel{Client: from})
	var e *wstrust.Error
	if !errors.As(err, &e) || e.Code != code || e.Leg != number {
		w.Fatalf("%v; want %s in leg %d", err, code, number)
	}
	if f := wstrust.FaultFor(err); f.Subcode.String() != fault {
		w.Errorf("fault %v, want %s", f.Subcode, fault)
	} else {
		w.checkFaultHeader(f, l)
	}
	return e
}

// checkFaultHeader: a fault answers the message by WS-Addressing, too.
func (w *world) checkFaultHeader(f *soap.Fault, l leg) {
	w.Helper()
	env := w.parse(string(f.AppendEnvelope(nil, l.soap)))
	want := map[string]string{nsWSA: nsWSA + "/soap/fault", soap.NSAddressing04: soap.NSAddressing04 +
		"/fault"}[l.addr]
	if a := env.Header.Child(l.addr, "Action"); a.IsZero() || a.Text() != want || env.Header.Child(l.addr,
		"RelatesTo").Text() != "urn:uuid:1" {
		w.Errorf("header of the fault: %s", canonical(env.Header))
	}
}

const (
	invalidRequest       = "{" + wstrust.NSTrust05 + "}InvalidRequest"
	failedAuthentication = "{" + wstrust.NSTrust05 + "}FailedAuthentication"
	serverTooBusy        = "{http://schemas.microsoft.com/ws/2006/05/security}ServerTooBusy"
)

// empty checks that nothing is left of a negotiation.
func (w *world) empty() {
	w.Helper()
	if n, m := w.halfOpen.Len(), w.issued.Len(); n != 0 || m != 0 {
		w.Errorf("%d half-open negotiations and %d contexts are left", n, m)
	}
}

// path returns the element at a path of local names, the zero Node without one.
func path(n xmltext.Node, locals ...string) xmltext.Node {
	for _, local := range locals {
		var found xmltext.Node
		for c := range n.Children() {
			if c.Local() == local {
				found = c
				break
			}
		}
		if n = found; n.IsZero() {
			break
		}
	}
	return n
}

func (w *world) decode(n xmltext.Node) []byte {
	w.Helper()
	octets, err := base64.StdEncoding.DecodeString(n.Text())
	if err != nil || n.IsZero() {
		w.Fatalf("no base64 at %s: %v", n.Path(), err)
	}
	return octets
}

// exchangeToken is the token of an RSTR in the Body; nil without.
func (w *world) exchangeToken(env *soap.Envelope) []byte {
	w.Helper()
	n := path(env.Body, "RequestSecurityTokenResponse", "BinaryExchange")
	if n.IsZero() {
		n = path(env.Body, "RequestSecurityTokenResponseCollection", "RequestSecurityTokenResponse", "BinaryExchange")
	}
	if n.IsZero() {
		return nil
	}
	return w.decode(n)
}

// canonical is the exclusive canonical form of an element.
func canonical(n xmltext.Node) string { return string(n.AppendCanonical(nil, xmltext.C14N{})) }
