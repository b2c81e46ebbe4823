package wstrust_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A service under the policy SspiNegotiated, and a client of it: the messages
// of a negotiation are answered by a Negotiator, all others are verified by a
// wssec.Processor with the same contexts.
func ExampleNegotiator() {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddUser("alice", "secret")
	kdc.AddService("soap/quotes.example.com")
	policy, _ := wssec.Preset("SspiNegotiated")
	service, err := newQuoteService(kdc, policy)
	if err != nil {
		fmt.Println(err)
		return
	}
	web := httptest.NewServer(&soaphttp.Handler{Answer: service.answer, Fault: faultFor})
	defer web.Close()

	c, err := client.New(client.Config{URL: web.URL, Service: "soap/quotes.example.com", Policy: policy,
		Tickets: memoryTickets{kdc}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close(context.Background())
	reply, err := c.Call(context.Background(), client.Request{Message: []byte(`<s:Envelope xmlns:s="` + soap.NS11 +
		`"><s:Body><GetQuote xmlns="urn:q">ACME</GetQuote></s:Body></s:Envelope>`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Contains(string(reply.Message), "42.50 for alice@EXAMPLE.COM"))
	// Output: true
}

// spnego makes GSS-API contexts of an acceptor. Each route has a StateBinding
// of its own: a half-open context goes on where it was begun.
type spnego struct{ *gss.Acceptor }

func acceptConfig(bindings [][]byte) gss.AcceptConfig {
	return gss.AcceptConfig{Mechanism: gss.MechanismSPNEGO, StateBinding: "/quotes", ChannelBindings: bindings}
}

func (a spnego) NewContext(bindings [][]byte) wstrust.GSSContext {
	return a.Acceptor.NewContext(acceptConfig(bindings))
}

func (a spnego) Resume(ctx context.Context, bindings [][]byte, sealer wssec.StateSealer,
	sealed []byte) (wstrust.GSSContext, error) {
	c, err := a.Acceptor.Resume(ctx, acceptConfig(bindings), sealer, sealed)
	if err != nil {
		return nil, err // not a nil *gss.Context in an interface
	}
	return c, nil
}

// A quoteService answers protected messages.
type quoteService struct {
	negotiator *wstrust.Negotiator
	processor  *wssec.Processor
}

func newQuoteService(kdc *krbtest.KDC, policy wssec.Policy) (s quoteService, err error) {
	seen := replay.NewMemory(replay.MemoryConfig{})
	tokens, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kdc.Keytab(nil), Replay: seen})
	if err != nil {
		return s, err
	}
	contexts := wssec.NewSecurityContexts(wssec.ContextsConfig{})
	s.processor, err = wssec.NewProcessor(policy, wssec.Config{Verifier: tokens, Replay: seen, Contexts: contexts})
	if err != nil {
		return s, err
	}
	s.negotiator, err = wstrust.NewNegotiator(wstrust.NegotiatorConfig{Acceptor: spnego{tokens}, Contexts: contexts,
		AlgorithmSuite: policy.AlgorithmSuite})
	return s, err
}

func (s quoteService) answer(r *http.Request, m *soaphttp.Message) (reply soaphttp.Reply, err error) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return reply, err
	}
	from := wssec.Channel{Client: host}
	if s.negotiator.Recognizes(m.Envelope, m.Action) {
		reply.Message, err = s.negotiate(r.Context(), m.Envelope, from)
		return reply, err
	}
	msg, err := s.processor.Verify(r.Context(), m.Envelope, from)
	if err != nil {
		return reply, err
	}
	name, realm := msg.Principal()
	plain := `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body><Quote xmlns="urn:q">42.50 for ` + name + "@" + realm +
		`</Quote></s:Body></s:Envelope>`
	env, err := soap.Parse([]byte(plain), xmltext.Options{})
	if err != nil {
		return reply, err
	}
	reply.Message, err = s.processor.Protect(r.Context(), nil, env, msg)
	return reply, err
}

// negotiate answers one leg. The client is authorized before it gets a key.
func (s quoteService) negotiate(ctx context.Context, env *soap.Envelope, from wssec.Channel) ([]byte, error) {
	leg, err := s.negotiator.Step(ctx, env, from)
	if err != nil {
		return nil, err
	}
	if name, realm := leg.Client(); leg.Established() && (name != "alice" || realm != "EXAMPLE.COM") {
		return nil, fmt.Errorf("%s@%s may not call this service", name, realm)
	}
	return leg.Reply(ctx)
}

// faultFor answers errors of a negotiation, and those of messages.
func faultFor(err error) *soap.Fault {
	if _, ok := errors.AsType[*wstrust.Error](err); ok {
		return wstrust.FaultFor(err)
	}
	return wssec.FaultFor(err)
}

// memoryTickets stands for a kdc.Client.
type memoryTickets struct{ kdc *krbtest.KDC }

func (t memoryTickets) ServiceTicket(_ context.Context, service string) (kerberos.Credential, error) {
	return t.kdc.Ticket("alice", service, krbtest.TicketOptions{})
}

func (memoryTickets) Forget(string) {}
