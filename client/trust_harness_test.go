package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

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

// A trustService is a service under a policy with SecurityContextTokens, made of
// the accepting sides of wstrust and wssec.
type trustService struct {
	t          *testing.T
	tickets    memoryTickets
	clock      atomic.Int64 // nanoseconds after the start
	start      time.Time
	contexts   *wssec.SecurityContexts
	negotiator *wstrust.Negotiator // nil without
	issuer     *wstrust.Issuer     // nil without
	messages   *wssec.Processor
	bootstrap  *wssec.Processor // nil without
	choice     *wssec.Choice    // between messages and bootstrap
	web        *httptest.Server
	acceptors  *acceptors // of the negotiator

	// answer changes what the application answers, reply what is sent in the end.
	answer func(env *soap.Envelope) []byte
	reply  func(kind string, r *soaphttp.Reply)

	negotiations, issued, renewed, cancelled, calls, underBootstrap atomic.Int32
}

type ticket = kerberos.Credential

// memoryTickets are tickets that a KDC in memory makes.
type memoryTickets struct {
	kdc       *krbtest.KDC
	now       func() time.Time
	forgotten *atomic.Int32
}

func (m memoryTickets) ServiceTicket(_ context.Context, service string) (ticket, error) {
	return m.kdc.Ticket("alice", service, krbtest.TicketOptions{EndTime: m.now().Add(100 * time.Hour)})
}

func (m memoryTickets) Forget(string) { m.forgotten.Add(1) }

func (s *trustService) now() time.Time { return s.start.Add(time.Duration(s.clock.Load())) }

// pass lets time pass.
func (s *trustService) pass(d time.Duration) { s.clock.Add(int64(d)) }

// newTrustService serves a preset. Contexts live for an hour.
func newTrustService(t *testing.T, preset string) *trustService {
	t.Helper()
	policy, ok := wssec.Preset(preset)
	if !ok {
		t.Fatal(preset)
	}
	s := &trustService{t: t, start: time.Now()}
	kdc := krbtest.New(krbtest.Config{Time: s.now})
	kdc.AddService(testService)
	s.tickets = memoryTickets{kdc, s.now, new(atomic.Int32)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := replay.NewMemory(replay.MemoryConfig{Time: s.now, CompleteSince: time.Unix(1, 0)})
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kdc.Keytab(nil), Replay: seen, Time: s.now})
	must(err)
	s.acceptors = &acceptors{Acceptor: acceptor}
	s.contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Time: s.now})
	cfg := wssec.Config{Verifier: acceptor, Replay: seen, Contexts: s.contexts, Time: s.now}
	s.messages, err = wssec.NewProcessor(policy, cfg)
	must(err)
	negotiated := policy
	if policy.Bootstrap != nil {
		negotiated = *policy.Bootstrap
		cfg.EndorsingContexts = true
		s.bootstrap, err = wssec.NewProcessor(negotiated, cfg)
		must(err)
		s.choice, err = wssec.NewChoice([]string{preset}, []wssec.Policy{policy})
		must(err)
		s.issuer, err = wstrust.NewIssuer(wstrust.IssuerConfig{Contexts: s.contexts, Policy: policy, Lifetime: time.Hour,
			Time: s.now})
		must(err)
	}
	if client.TokenOf(negotiated) == wssec.SpnegoContextToken {
		s.negotiator, err = wstrust.NewNegotiator(wstrust.NegotiatorConfig{
			Acceptor: s.acceptors, Contexts: s.contexts, AlgorithmSuite: negotiated.AlgorithmSuite, Lifetime: time.Hour,
			Timestamps: negotiated.NeedsTLS(), Time: s.now,
		})
		must(err)
	}
	handler := &soaphttp.Handler{Answer: s.serve, Fault: faultFor, Refused: func(_ *http.Request,
		err error) {
		t.Log("refused:", err)
	}}
	if s.web = httptest.NewUnstartedServer(handler); policy.NeedsTLS() {
		s.web.StartTLS()
	} else {
		s.web.Start()
	}
	t.Cleanup(s.web.Close)
	return s
}

// acceptors are a gss.Acceptor as wstrust has it.
type acceptors struct {
	*gss.Acceptor
	cfg gss.AcceptConfig
}

func (a acceptors) NewContext([][]byte) wstrust.GSSContext {
	return a.Acceptor.NewContext(a.cfg)
}

func (a acceptors) Resume(ctx context.Context, _ [][]byte, sealer wssec.StateSealer,
	sealed []byte) (wstrust.GSSContext, error) {
	return a.Acceptor.Resume(ctx, a.cfg, sealer, sealed)
}

func faultFor(err error) *soap.Fault {
	if _, trust := errors.AsType[*wstrust.Error](err); trust {
		return wstrust.FaultFor(err)
	}
	return wssec.FaultFor(err)
}

// serve answers one message.
func (s *trustService) serve(r *http.Request, m *soaphttp.Message) (soaphttp.Reply, error) {
	kind, octets, err := s.take(r, m)
	reply := soaphttp.Reply{Message: octets}
	if err == nil && s.reply != nil {
		s.reply(kind, &reply)
	}
	return reply, err
}

func (s *trustService) take(r *http.Request, m *soaphttp.Message) (kind string, octets []byte, err error) {
	channel := wssec.Channel{TLS: r.TLS != nil, Client: "192.0.2.1"}
	if s.negotiator != nil && s.negotiator.Recognizes(m.Envelope, m.Action) {
		leg, err := s.negotiator.Step(r.Context(), m.Envelope, channel)
		if err != nil {
			return "", nil, err
		}
		if leg.Established() {
			s.negotiations.Add(1)
		}
		octets, err = leg.Reply(r.Context())
		return "negotiation", octets, err
	}
	processor := s.messages
	if s.bootstrap != nil {
		_, bootstrap, err := s.choice.Of(m.Envelope)
		if err != nil {
			return "", nil, err
		}
		if bootstrap {
			processor = s.bootstrap
			s.underBootstrap.Add(1)
		}
	}
	msg, err := processor.Verify(r.Context(), m.Envelope, channel)
	if err != nil {
		return "", nil, err
	}
	kind, plain, err := s.answerTo(r.Context(), msg, m.Action)
	if err != nil {
		return "", nil, err
	}
	env, err := soap.Parse(plain, xmltext.Options{})
	if err != nil {
		return "", nil, err
	}
	octets, err = processor.Protect(r.Context(), nil, env, msg)
	return kind, octets, err
}

// answerTo returns the plain answer to a verified message.
func (s *trustService) answerTo(ctx context.Context, msg *wssec.Message, action string) (kind string, plain []byte,
	err error) {
	if s.issuer != nil {
		op, ok, err := s.issuer.Operation(msg.Envelope(), action)
		if err != nil {
			return "", nil, err
		}
		if ok {
			map[wstrust.RequestType]*atomic.Int32{wstrust.Issue: &s.issued, wstrust.Renew: &s.renewed,
				wstrust.Cancel: &s.cancelled}[op.Type()].Add(1)
			plain, err = s.issuer.Answer(ctx, msg, op)
			return string(op.Type()), plain, err
		}
	}
	s.calls.Add(1)
	if name, _ := msg.Principal(); name != "alice" {
		s.t.Errorf("the client is %q", name)
	}
	if s.answer != nil {
		return "message", s.answer(msg.Envelope()), nil
	}
	v, header := msg.Envelope().Version, ""
	if id := client.AddressingText(msg.Envelope(), "MessageID"); id != "" {
		header = `<s:Header><w:RelatesTo xmlns:w="` + soap.NSAddressing + `">` + id + `</w:RelatesTo></s:Header>`
	}
	return "message", envelope(v, header, "<r:Echo "+
		"xmlns:r=\"urn:r\">"+string(msg.Body().AppendDetachedContent(nil))+"</r:Echo>"), nil
}

// client makes one of the service.
func (s *trustService) client(preset string, change func(*client.Config)) *client.Client {
	s.t.Helper()
	policy, _ := wssec.Preset(preset)
	cfg := client.Config{
		URL: s.web.URL, Service: testService, Policy: policy, Tickets: s.tickets, Transport: s.web.Client().Transport,
		Time: s.now,
	}
	if change != nil {
		change(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}
