package wstrust_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// halfOpenLeg brings a negotiation to where one message of the client is still
// to come, and returns that message.
func (w *world) halfOpenLeg(context string) leg {
	w.Helper()
	l := first(wstrust.V13, nil)
	l.context = context
	_, last, _ := w.severalLegs(l)
	return last
}

// firstOfSeveral is a first leg after which the client has another.
func firstOfSeveral(v wstrust.Version, context string) leg {
	l := first(v, krbtest.NegTokenInit{MechTypes: ntlmFirst,
		MechToken: []byte("NTLMSSP\x00\x01\x00\x00\x00")}.Token())
	l.context = context
	return l
}

func TestRSTThatIsNoRequestForASecurityContextIsRefused(t *testing.T) {
	t.Parallel()
	other := map[wstrust.Version]wstrust.Version{wstrust.Feb2005: wstrust.V13, wstrust.V13: wstrust.Feb2005}
	for _, v := range versions {
		for name, c := range map[string]struct {
			from, to string
			code     wstrust.Code
		}{
			"TokenType of SAML": {v.TokenType(), "urn:oasis:names:tc:SAML:2.0:assertion",
				wstrust.CodeTokenType},
			"TokenType of the other version": {v.TokenType(), other[v].TokenType(), wstrust.CodeTokenType},
			"TokenType of a derived key":     {v.TokenType(), v.SecureConversation() + "/dk", wstrust.CodeTokenType},
			"RequestType Renew": {"/Issue</t:RequestType>", "/Renew</t:RequestType><t:RenewTarget>" +
				str + "</t:RenewTarget>", wstrust.CodeInvalidRequest},
			"RequestType unknown": {"/Issue</t:RequestType>", "/Validate</t:RequestType>",
				wstrust.CodeInvalidRequest},
			"KeySize negative": {">256<", ">-256<", wstrust.CodeInvalidRequest},
			"KeySize absurd":   {">256<", ">4294967296<", wstrust.CodeInvalidRequest},
			"KeySize two of them": {"<t:KeySize>", "<t:KeySize>128</t:KeySize><t:KeySize>",
				wstrust.CodeInvalidRequest},
			"KeySize of no suite": {">256<", ">200<", wstrust.CodeKeySize},
			"Context absent":      {` Context="uuid-9c1-1"`, ``, wstrust.CodeInvalidRequest},
			"BinaryExchange absent": {"<t:BinaryExchange", `<t:BinaryExchange xmlns:t="urn:x"`,
				wstrust.CodeInvalidRequest},
			"EncodingType of hex": {b64, b64 + "x", wstrust.CodeInvalidRequest},
			"ValueType of TLS":    {"/spnego", "/tlsnego", wstrust.CodeInvalidRequest},
			"Body of two":         {"</s:Body>", "<x></x></s:Body>", wstrust.CodeInvalidRequest},
			"Body of nothing known": {"t:RequestSecurityToken", "t:RequestSecurityThing",
				wstrust.CodeInvalidRequest},
			"a Security header": {"</s:Header>", `<o:Security xmlns:o="` + wssec.NSWSSE +
				`"></o:Security></s:Header>`,
				wstrust.CodeInvalidRequest},
			"answer to another address": {"</s:Header>", `<a:ReplyTo xmlns:a="` + nsWSA +
				`"><a:Address>http://x.example/</a:Address></a:ReplyTo></s:Header>`,
				wstrust.CodeInvalidRequest},
			"two MessageIDs": {"</s:Header>", `<a:MessageID xmlns:a="` + nsWSA +
				`">urn:uuid:2</a:MessageID></s:Header>`, wstrust.CodeInvalidRequest},
		} {
			inLeg := 1
			if strings.HasPrefix(name, "Body") {
				inLeg = 0 // it cannot be told which one it is
			}
			w := newWorld(t, nil)
			l := first(v, w.token(w.mechanism(gss.MechanismSPNEGO)))
			text := strings.ReplaceAll(l.text(), c.from, c.to)
			if text == l.text() {
				t.Fatalf("%s: nothing to change", name)
			}
			_, err := w.Step(t.Context(), w.parse(text), wssec.Channel{Client: here})
			var e *wstrust.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Leg != inLeg ||
				wstrust.FaultFor(err).Subcode.String() != invalidRequest {
				t.Errorf("%v, %s: %v", v, name, err)
			}
			w.empty()
			// Nothing was spent: the same token is good in an RST that is.
			w.sendOK(l)
		}
	}
}

const str = `<o:SecurityTokenReference xmlns:o="` + wssec.NSWSSE +
	`"><o:Reference URI="urn:uuid:1"></o:Reference></o:SecurityTokenReference>`

func TestMandatoryHeaderBlockIsNotPassedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := first(wstrust.V13, w.token(w.mechanism(gss.MechanismSPNEGO)))
	l.header = `<x:Tx xmlns:x="urn:x" s:mustUnderstand="true"></x:Tx>`
	e := w.refused(l, here, wstrust.CodeNotUnderstood, "", 1)
	if f := wstrust.FaultFor(e); f.Code != soap.MustUnderstandFault || e.Block.Local != "Tx" {
		t.Errorf("%+v, %v", f, e.Block)
	}
	l.header = `<x:Tx xmlns:x="urn:x"></x:Tx><x:Tx xmlns:x="urn:x" s:mustUnderstand="1" s:role="urn:other"></x:Tx>`
	w.sendOK(l)
}

// A further leg finds the negotiation under its Context and client address, and
// no other.
func TestUnknownContextIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.refused(next(first(wstrust.V13, nil), []byte("token")), here, wstrust.CodeUnknownContext, invalidRequest, 0)
	w.empty()
	last := w.halfOpenLeg("a")
	last.context = "b"
	w.refused(last, here, wstrust.CodeUnknownContext, invalidRequest, 0)
	last.context = "a"
	w.sendOK(last)
}

func TestContextOfAnotherClientIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	last := w.halfOpenLeg("a")
	w.refused(last, "192.0.2.2", wstrust.CodeUnknownContext, invalidRequest, 0)
	// Nor can it keep another from using the same Context, or end it.
	own := w.mechanism(gss.MechanismSPNEGO)
	l := first(wstrust.V13, w.token(own))
	l.context = "a"
	if _, err := w.send(l, "192.0.2.2"); err != nil {
		t.Error(err)
	}
	w.sendOK(last)
}

func TestNegotiationOfAnotherRouteIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	last := w.halfOpenLeg("a")
	w.cfg.Scope = "another"
	another := w.negotiator()
	_, err := another.Step(t.Context(), w.parse(last.text()), wssec.Channel{Client: here})
	var e *wstrust.Error
	if !errors.As(err, &e) || e.Code != wstrust.CodeUnknownContext {
		t.Error(err)
	}
	w.sendOK(last)
}

// A leg that is over cannot be sent again, and ends nothing.
func TestLegReplayedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	last := w.halfOpenLeg("a")
	w.sendOK(last)
	w.refused(last, here, wstrust.CodeUnknownContext, invalidRequest, 0)
	if w.halfOpen.Len() != 0 || w.issued.Len() != 1 {
		t.Errorf("%d half-open, %d contexts", w.halfOpen.Len(), w.issued.Len())
	}
}

func TestRSTReplayedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := first(wstrust.V13, w.token(w.mechanism(gss.MechanismSPNEGO)))
	w.sendOK(l)
	e := w.refused(l, here, wstrust.CodeFailedAuth, failedAuthentication, 1)
	if e.ErrorCode() != string(kerberos.CodeReplay) {
		t.Errorf("cause %s", e.ErrorCode())
	}
	if w.halfOpen.Len() != 0 || w.issued.Len() != 1 {
		t.Errorf("%d half-open, %d contexts", w.halfOpen.Len(), w.issued.Len())
	}
}

// A second RST with the Context of a negotiation under way is refused, and the
// first one lives on.
func TestSecondFirstLegDoesNotEndTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	last := w.halfOpenLeg("a")
	for _, second := range []leg{firstOfSeveral(wstrust.V13, "a"), firstOfSeveral(wstrust.Feb2005, "a")} {
		w.refused(second, here, wstrust.CodeContextInUse, invalidRequest, 1)
	}
	w.sendOK(last)
}

// slowStore lets two Negotiators both see that there is no entry.
type slowStore struct {
	*store.Memory
	meanwhile func()
}

func (s *slowStore) Add(ctx context.Context, id string, entry []byte, client string, expires time.Time) (bool,
	error) {
	if f := s.meanwhile; f != nil {
		s.meanwhile = nil
		f()
	}
	return s.Memory.Add(ctx, id, entry, client, expires)
}

func TestOfTwoFirstLegsThatRaceOneGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	slow := &slowStore{Memory: w.halfOpen}
	w.cfg.HalfOpen = slow
	w.Negotiator = w.negotiator()
	var last leg
	slow.meanwhile = func() { last = w.halfOpenLeg("a") }
	w.refused(firstOfSeveral(wstrust.V13, "a"), here, wstrust.CodeContextInUse, invalidRequest, 1)
	w.sendOK(last)
}

// A second leg that is out of its turn ends the negotiation: nothing is left.
func TestLegOutOfOrderEndsTheNegotiation(t *testing.T) {
	t.Parallel()
	mic := krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, MIC: make([]byte, 28)}.Token()
	for name, token := range map[string][]byte{
		"mechListMIC before the mechanism": mic, "NegTokenInit": firstOfSeveral(wstrust.V13, "").token,
		"reject":    krbtest.NegTokenResp{State: krbtest.StateReject}.Token(),
		"no SPNEGO": []byte("token"),
	} {
		w := newWorld(t, nil)
		l := firstOfSeveral(wstrust.V13, "a")
		w.sendOK(l)
		if e := w.refused(next(l, token), here, wstrust.CodeFailedAuth, failedAuthentication,
			2); e.ErrorCode() == string(wstrust.CodeFailedAuth) {
			t.Errorf("%s: no cause: %v", name, e)
		}
		w.empty()
	}
}

func TestFurtherLegOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := firstOfSeveral(wstrust.V13, "a")
	w.sendOK(l)
	l.v = wstrust.Feb2005
	w.refused(next(l, []byte("token")), here, wstrust.CodeInvalidRequest, invalidRequest, 2)
	w.empty()
}

func TestFurtherLegOfAnotherValueTypeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := firstOfSeveral(wstrust.V13, "a")
	w.sendOK(l)
	l.valueType = wstrust.NSTrust13 + "/spnego"
	w.refused(next(l, []byte("token")), here, wstrust.CodeInvalidRequest, invalidRequest, 2)
	w.empty()
}

// A mechListMIC over another list: somebody has changed what the client offers.
func TestDowngradedMechanismListIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	last := w.halfOpenLeg("a")
	last.token[len(last.token)-1] ^= 1
	if e := w.refused(last, here, wstrust.CodeFailedAuth, failedAuthentication,
		3); e.ErrorCode() != string(kerberos.CodeMechListMIC) {
		t.Errorf("cause %s", e.ErrorCode())
	}
	w.empty()
}

func TestExpiredNegotiationIsRefused(t *testing.T) {
	t.Parallel()
	for _, minutes := range []time.Duration{time.Minute, time.Hour} {
		w := newWorld(t, nil)
		last := w.halfOpenLeg("a")
		w.clock = now.Add(minutes)
		w.refused(last, here, wstrust.CodeUnknownContext, invalidRequest, 0)
		w.empty()
	}
}

// A store may keep entries longer than it is asked to.
type keepingStore struct{ *store.Memory }

func (s keepingStore) Add(ctx context.Context, id string, entry []byte, client string, expires time.Time) (bool,
	error) {
	return s.Memory.Add(ctx, id, entry, client, expires.Add(time.Hour))
}

func TestNegotiationThatTheStoreKeepsTooLongIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.cfg.HalfOpen = keepingStore{w.halfOpen} })
	last := w.halfOpenLeg("a")
	w.clock = now.Add(time.Minute)
	w.refused(last, here, wstrust.CodeUnknownContext, invalidRequest, 3)
	w.empty()
}

func TestEntryThatWasNotSealedHereIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	last := w.halfOpenLeg("a")
	second := w.negotiator() // with a sealing key of its own
	_, err := second.Step(t.Context(), w.parse(last.text()), wssec.Channel{Client: here})
	var e *wstrust.Error
	if !errors.As(err, &e) || e.Code != wstrust.CodeUnknownContext {
		t.Error(err)
	}
	w.empty()
}

// NTLM is never accepted: the log names it, the client learns that it failed.
func TestNTLMIsRefused(t *testing.T) {
	t.Parallel()
	for name, token := range map[string][]byte{
		"raw": []byte("NTLMSSP\x00\x01\x00\x00\x00\x07\x82\x08\xa2"),
		"SPNEGO": krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDNTLM),
			MechToken: []byte("NTLMSSP\x00")}.Token(),
	} {
		w := newWorld(t, nil)
		e := w.refused(first(wstrust.Feb2005, token), here, wstrust.CodeFailedAuth, failedAuthentication, 1)
		if e.ErrorCode() != string(kerberos.CodeNTLM) || !strings.Contains(e.Error(), "NTLM") {
			t.Errorf("%s: %v", name, e)
		}
		w.empty()
	}
}

func TestTicketOfAnotherServiceIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	elsewhere := krbtest.New(krbtest.Config{Time: func() time.Time { return w.clock }})
	elsewhere.AddService(service)
	ticket, err := elsewhere.Ticket("alice", service, krbtest.TicketOptions{})
	w.must(err)
	client, err := gss.NewInitiatorContext(ticket, gss.InitConfig{Time: func() time.Time { return w.clock }})
	w.must(err)
	w.refused(first(wstrust.V13, w.token(client)), here, wstrust.CodeFailedAuth, failedAuthentication, 1)
	w.empty()
}

// The channel's bindings reach the context in every leg.
func TestChannelBindingsAreHeldAgainstTheChannel(t *testing.T) {
	t.Parallel()
	ours := []byte("tls-server-end-point:ours")
	for _, several := range []bool{false, true} {
		for _, sent := range []string{"tls-server-end-point:ours", "tls-server-end-point:others", ""} {
			w := newWorld(t,
				func(w *world) { w.cfg.Acceptor = w.acceptor(gss.AcceptConfig{BindingRule: gss.BindingsRequired}) })
			cfg := gss.InitConfig{Time: func() time.Time { return w.clock }}
			if sent != "" {
				cfg.ChannelBindings = []byte(sent)
			}
			l := first(wstrust.V13, nil)
			step := func(l leg) error {
				_, err := w.Step(t.Context(), w.parse(l.text()), wssec.Channel{Client: here,
					Bindings: [][]byte{ours}})
				return err
			}
			if several {
				cfg.Mechanism = gss.MechanismKRB5
				l = firstOfSeveral(wstrust.V13, "a")
				w.must(step(l))
			}
			client, err := gss.NewInitiatorContext(w.ticket(krbtest.TicketOptions{}), cfg)
			w.must(err)
			token := w.token(client)
			if several {
				l, token = next(l, nil), krbtest.NegTokenResp{State: krbtest.StateAcceptIncomplete,
					ResponseToken: token}.Token()
			}
			l.token = token
			if err := step(l); (err == nil) != (sent == string(ours)) {
				t.Errorf("several legs %t, %q: %v", several, sent, err)
			}
		}
	}
}

// One address cannot hold all: it gets its share, others theirs, and when the
// time is over all of it is free.
func TestClientAddressHasAShareOfHalfOpenNegotiations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	open, busy := 0, 0
	for i := range 10_000 {
		_, err := w.send(firstOfSeveral(wstrust.Feb2005, fmt.Sprint("c", i)), here)
		var e *wstrust.Error
		switch {
		case err == nil:
			open++
		case errors.As(err, &e) && e.Code == wstrust.CodeBusy && e.Leg == 1:
			busy++
		default:
			t.Fatal(err)
		}
	}
	if open != 625 || busy != 10_000-625 || w.halfOpen.Len() != open {
		t.Errorf("%d open, %d refused, %d in the store", open, busy, w.halfOpen.Len())
	}
	e := w.refused(firstOfSeveral(wstrust.Feb2005, "d"), here, wstrust.CodeBusy, serverTooBusy, 1)
	if f := wstrust.FaultFor(e); f.Code != soap.Receiver {
		t.Errorf("%+v", f)
	}
	if _, err := w.send(firstOfSeveral(wstrust.Feb2005, "c0"), "192.0.2.2"); err != nil {
		t.Errorf("another address: %v", err)
	}
	w.clock = now.Add(time.Minute)
	w.empty()
	if _, err := w.send(firstOfSeveral(wstrust.Feb2005, "d"), here); err != nil {
		t.Errorf("when the time is over: %v", err)
	}
}

// Whoever has an IPv6 address has its /64, and not one share for each address of
// that; and whoever has a /48 not one for each /64.
func TestIPv6NetworkHasOneShareOfHalfOpenNegotiations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) {
		w.halfOpen = store.NewMemory(store.MemoryConfig{MaxEntries: 32, Time: func() time.Time { return w.clock }})
		w.cfg.HalfOpen = w.halfOpen
	})
	for i, from := range []string{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2"} {
		_, err := w.send(firstOfSeveral(wstrust.Feb2005, fmt.Sprint(i)), from)
		w.must(err)
	}
	w.refused(firstOfSeveral(wstrust.Feb2005, "a"), "2001:db8:0:1::3", wstrust.CodeBusy, serverTooBusy, 1)
	for _, other := range []string{"2001:db8:0:2::1", "::ffff:192.0.2.1", "::ffff:192.0.2.2", "192.0.2.3", "a name"} {
		for range 2 {
			_, err := w.send(firstOfSeveral(wstrust.Feb2005, fmt.Sprint(w.halfOpen.Len())), other)
			w.must(err)
		}
		w.refused(firstOfSeveral(wstrust.Feb2005, "a"), other, wstrust.CodeBusy, serverTooBusy, 1)
	}
	for _, network := range []string{"3", "4"} { // the /48 has four shares
		for range 2 {
			_, err := w.send(firstOfSeveral(wstrust.Feb2005, fmt.Sprint(w.halfOpen.Len())), "2001:db8:0:"+network+"::1")
			w.must(err)
		}
	}
	w.refused(firstOfSeveral(wstrust.Feb2005, "a"), "2001:db8:0:5::1", wstrust.CodeBusy, serverTooBusy, 1)
	_, err := w.send(firstOfSeveral(wstrust.Feb2005, "another /48"), "2001:db8:1:5::1")
	w.must(err)
	// It shares the room, and not the negotiations.
	w.refused(next(firstOfSeveral(wstrust.Feb2005, "0"), []byte("token")), "2001:db8:0:1::2", wstrust.CodeUnknownContext,
		invalidRequest, 0)
}

func TestFullStoreOfContextsIsBusy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) {
		w.issued = store.NewMemory(store.MemoryConfig{MaxEntries: 1, Time: func() time.Time { return w.clock }})
		w.contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Store: w.issued,
			Time: func() time.Time { return w.clock }})
		w.cfg.Contexts = w.contexts
	})
	w.sendOK(first(wstrust.V13, w.token(w.mechanism(gss.MechanismSPNEGO))))
	answered, err := w.send(first(wstrust.V13, w.token(w.mechanism(gss.MechanismSPNEGO))), here)
	w.must(err)
	_, err = answered.Reply(t.Context())
	var e *wstrust.Error
	if !errors.As(err, &e) || e.Code != wstrust.CodeBusy || e.Leg != 1 ||
		wstrust.FaultFor(err).Subcode.String() != serverTooBusy {
		t.Error(err)
	}
	if w.issued.Len() != 1 || w.halfOpen.Len() != 0 {
		t.Errorf("%d contexts, %d half-open", w.issued.Len(), w.halfOpen.Len())
	}
}

// A client that the route does not admit gets nothing: no key is made before
// Reply is called.
func TestNothingIsIssuedBeforeTheClientIsAuthorized(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	answered, err := w.send(first(wstrust.V13, w.token(w.mechanism(gss.MechanismSPNEGO))), here)
	w.must(err)
	w.empty()
	_, err = answered.Reply(t.Context())
	w.must(err)
	if _, err := answered.Reply(t.Context()); err == nil || w.issued.Len() != 1 {
		t.Errorf("issued twice: %v", err)
	}
}

// brokenStore fails.
type brokenStore struct{ *store.Memory }

var errBroken = errors.New("the store is out of order")

func (brokenStore) Get(context.Context, string) ([]byte, error)  { return nil, errBroken }
func (brokenStore) Take(context.Context, string) ([]byte, error) { return nil, errBroken }

func TestNothingIsAcceptedWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.cfg.HalfOpen = brokenStore{w.halfOpen} })
	for i, l := range []leg{first(wstrust.V13, w.token(w.mechanism(gss.MechanismSPNEGO))), next(first(wstrust.V13,
		nil), []byte("token"))} {
		e := w.refused(l, here, wstrust.CodeStore, "", 1-i)
		if f := wstrust.FaultFor(e); f.Code != soap.Receiver || !errors.Is(e, errBroken) {
			t.Errorf("%+v, %v", f, e)
		}
	}
	w.empty()
}

func TestDoneContextIsItsOwnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Step(ctx, w.parse(first(wstrust.V13, w.token(w.mechanism(gss.MechanismSPNEGO))).text()),
		wssec.Channel{Client: here})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	w.empty()
}

// Whoever changes the RST on the way, in whichever octet, is found out: what the
// client hashes is not what the service has.
func TestTamperedRSTChangesTheAuthenticator(t *testing.T) {
	t.Parallel()
	for from, to := range map[string]string{
		">256<": ">128<", "<t:KeySize>": "<t:Renewing></t:Renewing><t:KeySize>",
		"http://gw.example/svc<":     "http://gw.example/admin<",
		"<t:KeySize>256</t:KeySize>": "", "t:KeySize": "t:Keysize",
		` Context=`: ` xmlns:x="urn:x" x:Context="" Context=`,
	} {
		w := newWorld(t, nil)
		client := w.mechanism(gss.MechanismSPNEGO)
		l := first(wstrust.V13, w.token(client))
		l.children += `<wsp:AppliesTo xmlns:wsp="http://www.w3.org/ns/ws-policy">` +
			`<Address>http://gw.example/svc</Address></wsp:AppliesTo>`
		honest := canonical(w.parse(l.text()).Body.FirstChild())
		sent := strings.ReplaceAll(l.text(), from, to)
		if sent == l.text() {
			t.Fatalf("nothing to change: %s", from)
		}
		answered, err := w.Step(t.Context(), w.parse(sent), wssec.Channel{Client: here})
		w.must(err)
		octets, err := answered.Reply(t.Context())
		w.must(err)
		env := w.parse(string(octets))
		_, _, err = client.Step(t.Context(), w.exchangeToken(env))
		w.must(err)
		if w.combinedHash(env, client, honest) {
			t.Errorf("%s became %s, and nobody notices", from, to)
		}
	}
}

// combinedHash reports whether the CombinedHash is that of the messages sent.
func (w *world) combinedHash(env *soap.Envelope, client *gss.Context, sent ...string) bool {
	w.Helper()
	rstr := env.Body.FirstChild().FirstChild()
	key, _, err := client.Unwrap(nil, w.decode(path(rstr, "RequestedProofToken", "EncryptedKey", "CipherData",
		"CipherValue")))
	w.must(err)
	return bytes.Equal(w.decode(path(rstr.NextSibling(), "Authenticator", "CombinedHash")), authenticator(key, rstr,
		sent...))
}

func TestMessagesOfANegotiationAreRecognized(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := first(wstrust.V13, []byte("token"))
	for name, c := range map[string]struct {
		change     func(*leg)
		soapAction string
		want       bool
	}{
		"RST, both actions":                {func(*leg) {}, l.action, true},
		"RST, quoted SOAPAction":           {func(*leg) {}, `"` + l.action + `"`, true},
		"RST, no SOAPAction":               {func(*leg) {}, "", true},
		"RST, empty SOAPAction":            {func(*leg) {}, `""`, true},
		"RST, no wsa:Action":               {func(l *leg) { l.addr = "" }, l.action, true},
		"RST, no action at all":            {func(l *leg) { l.addr = "" }, "", false},
		"RST, another SOAPAction":          {func(*leg) {}, "urn:other", false},
		"RST, another wsa:Action":          {func(l *leg) { l.action = "urn:other" }, "", false},
		"RST, both other":                  {func(l *leg) { l.action = "urn:other" }, "urn:other", false},
		"RST, action of RST/SCT":           {func(l *leg) { l.action = l.v.Trust() + "/RST/SCT" }, "", false},
		"RST, action of the other version": {func(l *leg) { l.action = wstrust.NSTrust05 + "/RST/Issue" }, "", false},
		"RST, two wsa:Actions": {func(l *leg) {
			l.header = `<a:Action xmlns:a="` + nsWSA + `">` +
				l.action + `</a:Action>`
		}, l.action, false},
		"RST, wsa:Action of both versions": {func(l *leg) {
			l.header = `<a:Action xmlns:a="` + soap.NSAddressing04 +
				`">x</a:Action>`
		}, l.action, false},
		"RST, action of RSTR": {func(l *leg) { l.action = l.v.Trust() + "/RSTR/Issue" }, "", false},
		"RSTR":                {func(l *leg) { *l = next(*l, []byte("token")) }, "", true},
		"RSTR with the action of RST": {func(l *leg) {
			*l = next(*l, []byte("token"))
			l.action = l.v.Trust() +
				"/RST/Issue"
		}, "", false},
		"RST without BinaryExchange": {func(l *leg) {
			l.body = `<t:RequestSecurityToken xmlns:t="` + l.v.Trust() + `" Context="c"></t:RequestSecurityToken>`
		}, "", false},
		"RST with a TLS exchange": {func(l *leg) { l.valueType = l.v.Trust() + "/tlsnego" }, "", false},
		"an application's Body":   {func(l *leg) { l.body = `<x xmlns="urn:x"></x>` }, "", false},
		"empty Body":              {func(l *leg) { l.body = " " }, "", false},
		"RST beside something": {func(l *leg) { l.body = l.elementText() + `<x xmlns="urn:x"></x>` },
			"", false},
		"with a Security header": {func(l *leg) {
			l.header = `<o:Security xmlns:o="` + wssec.NSWSSE +
				`"></o:Security>`
		}, "", false},
		"with a Timestamp, message binding": {func(l *leg) { l.header = timestamp("2026-11-22T12:00:00Z", "") }, "",
			false},
	} {
		l := l
		c.change(&l)
		if got := w.Recognizes(w.parse(l.text()), c.soapAction); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// timestamp is a Security header with a Timestamp and more.
func timestamp(created, more string) string {
	return fmt.Sprintf(`<o:Security xmlns:o="%s" s:mustUnderstand="1"><u:Timestamp xmlns:u="%s">`+
		`<u:Created>%s</u:Created></u:Timestamp>%s</o:Security>`,
		wssec.NSWSSE, wssec.NSWSU, created, more)
}

// Over transport WCF's clients have a Timestamp in the message, and want one in
// the answer.
func TestTimestampOverTransport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.cfg.Timestamps = true })
	l := first(wstrust.V13, w.token(w.mechanism(gss.MechanismSPNEGO)))
	l.header = timestamp("2026-11-22T11:55:00Z", "")
	_, env := w.sendOK(l)
	security := env.Header.Child(wssec.NSWSSE, "Security")
	if security.IsZero() {
		t.Fatal("no Security header in the answer")
	}
	ts := security.FirstChild()
	if mu, _ := env.MustUnderstand(security); !mu || !ts.Is(wssec.NSWSU, "Timestamp") || path(ts,
		"Created").Text() != "2026-11-22T12:00:00.123Z" ||
		path(ts, "Expires").Text() != "2026-11-22T12:05:00.123Z" {
		t.Errorf("%s", canonical(security))
	}
	for name, header := range map[string]string{
		"other content": timestamp("2026-11-22T11:55:00Z", "<x></x>"),
		"two headers":   timestamp("2026-11-22T11:55:00Z", "") + timestamp("2026-11-22T11:55:00Z", ""),
		"no Timestamp":  `<o:Security xmlns:o="` + wssec.NSWSSE + `"><x></x></o:Security>`,
		"nothing":       `<o:Security xmlns:o="` + wssec.NSWSSE + `"></o:Security>`,
	} {
		l.header = header
		if w.Recognizes(w.parse(l.text()), l.action) {
			t.Errorf("%s: recognized", name)
		}
		w.refused(l, here, wstrust.CodeInvalidRequest, invalidRequest, 1)
	}
	for name, created := range map[string]string{"old": "2026-11-22T11:50:00Z", "future": "2026-11-22T12:05:01Z"} {
		l.header = timestamp(created, "")
		if e := w.refused(l, here, wstrust.CodeTimestamp, "{"+wssec.NSWSSE+"}MessageExpired",
			1); !strings.Contains(e.Error(), "Timestamp") {
			t.Errorf("%s: %v", name, e)
		}
	}
	l.header = strings.Replace(timestamp("2026-11-22T11:50:00Z", ""), "</u:Created>",
		"</u:Created><u:Expires>2026-11-22T11:54:00Z</u:Expires>", 1)
	w.refused(l, here, wstrust.CodeTimestamp, "{"+wssec.NSWSSE+"}MessageExpired", 1)
	l.header = timestamp("yesterday", "")
	w.refused(l, here, wstrust.CodeInvalidRequest, invalidRequest, 1)
}

func TestNegotiatorSaysWhatIsWrongWithItsConfig(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*wstrust.NegotiatorConfig){
		"Acceptor": func(c *wstrust.NegotiatorConfig) { c.Acceptor = nil },
		"Contexts": func(c *wstrust.NegotiatorConfig) { c.Contexts = nil },
		"suite":    func(c *wstrust.NegotiatorConfig) { c.AlgorithmSuite = "Basic64" },
		"256 do":   func(c *wstrust.NegotiatorConfig) { c.KeySize = 64 },
		"negative": func(c *wstrust.NegotiatorConfig) { c.MaxOpen = -1 },
	} {
		w := newWorld(t, nil)
		change(&w.cfg)
		if _, err := wstrust.NewNegotiator(w.cfg); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(),
			"]", ""), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// FuzzStep: no message makes a Negotiator panic; what it accepts it can answer,
// and of what it refuses nothing is left.
func FuzzStep(f *testing.F) {
	w := newWorld(f, func(w *world) { w.cfg.Timestamps = true })
	for _, v := range versions {
		l := first(v, w.token(w.mechanism(gss.MechanismSPNEGO)))
		f.Add([]byte(l.text()))
		l.header = timestamp("2026-11-22T12:00:00Z", "")
		f.Add([]byte(l.text()))
		f.Add([]byte(next(l, []byte("token")).text()))
		f.Add([]byte(firstOfSeveral(v, "c").text()))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		env, err := soap.Parse(message, xmltext.Options{})
		if err != nil {
			return
		}
		w.Recognizes(env, "")
		open, issued := w.halfOpen.Len(), w.issued.Len()
		leg, err := w.Step(t.Context(), env, wssec.Channel{Client: here})
		switch {
		case err != nil:
			if w.halfOpen.Len() > open || w.issued.Len() != issued {
				t.Fatalf("refused, and kept: %v", err)
			}
			if _, err := soap.Parse(wstrust.FaultFor(err).AppendEnvelope(nil, env.Version),
				xmltext.Options{}); err != nil {
				t.Fatal(err)
			}
		case leg.Established():
			octets, err := leg.Reply(t.Context())
			if err == nil {
				_, err = soap.Parse(octets, xmltext.Options{})
			}
			if err != nil {
				t.Fatal(err)
			}
		case w.halfOpen.Len() != open+1 && w.halfOpen.Len() != open:
			t.Fatal("neither established nor half-open")
		}
	})
}
