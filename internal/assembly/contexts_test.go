package assembly

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

const (
	invalidRequest       = "{" + wstrust.NSTrust05 + "}InvalidRequest"
	failedAuthentication = "{" + wstrust.NSTrust05 + "}FailedAuthentication"
	serverTooBusy        = "{http://schemas.microsoft.com/ws/2006/05/security}ServerTooBusy"
	invalidSecurity      = "{" + wssec.NSWSSE + "}InvalidSecurity"
	badContext           = "{" + wssec.NSWSC13 + "}BadContextToken"
)

// A leg that is refused gets its fault and leaves nothing, and the log has the
// leg and the cause.
func TestNewRefusesLegsOfNegotiations(t *testing.T) {
	t.Parallel()
	replace := func(m sentMessage, from, to string) sentMessage {
		m.octets = bytes.ReplaceAll(m.octets, []byte(from), []byte(to))
		return m
	}
	begun := func(w *contextWorld, token []byte) sentMessage {
		w.send(rst("c", ntlmFirst()))
		return rstr("c", token)
	}
	for name, tt := range map[string]struct {
		message     func(w *contextWorld) sentMessage
		fault, code string
		words       []string
	}{
		"Context that is not known": {
			func(*contextWorld) sentMessage { return rstr("c", []byte("token")) },
			invalidRequest, "trust-context-unknown", []string{`"c"`}},
		"leg after one that failed": {
			func(w *contextWorld) sentMessage {
				last := w.beforeLast("c")
				w.send(rstr("c", []byte("token")))
				return last
			},
			invalidRequest, "trust-context-unknown", []string{`"c"`}},
		"mechListMIC before the mechanism": {
			func(w *contextWorld) sentMessage {
				return begun(w, krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, MIC: make([]byte, 28)}.Token())
			},
			failedAuthentication, "spnego-negotiation", []string{"in leg 2"}},
		"first token again": {
			func(w *contextWorld) sentMessage { return begun(w, ntlmFirst()) },
			failedAuthentication, "spnego-negotiation", []string{"in leg 2"}},
		"KeySize absurd": {
			func(w *contextWorld) sentMessage { return replace(rst("c", w.firstToken()), ">256<", ">99999999999<") },
			invalidRequest, "trust-invalid-request", []string{"in leg 1", "KeySize"}},
		"KeySize of no suite": {
			func(w *contextWorld) sentMessage { return replace(rst("c", w.firstToken()), ">256<", ">4096<") },
			invalidRequest, "trust-key-size", []string{"in leg 1", "4096"}},
		"TokenType of SAML": {
			func(w *contextWorld) sentMessage {
				return replace(rst("c", w.firstToken()), wstrust.V13.TokenType(), "urn:oasis:names:tc:SAML:2.0:assertion")
			},
			invalidRequest, "trust-token-type", []string{"in leg 1", "SAML"}},
		"no BinaryExchange": { // no leg, and no message for the service
			func(w *contextWorld) sentMessage {
				return replace(rst("c", w.firstToken()), "t:BinaryExchange", "t:Another")
			},
			invalidSecurity, "security-header-missing", nil},
		"NTLM in SPNEGO": {
			func(*contextWorld) sentMessage {
				return rst("c", krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDNTLM),
					MechToken: []byte("NTLMSSP\x00")}.Token())
			},
			failedAuthentication, "ntlm-token", []string{"in leg 1", "NTLM"}},
		"NTLM alone": {
			func(*contextWorld) sentMessage {
				return rst("c", []byte("NTLMSSP\x00\x01\x00\x00\x00\x07\x82\x08\xa2"))
			},
			failedAuthentication, "ntlm-token", []string{"in leg 1", "NTLM"}},
		"no token at all": {
			func(*contextWorld) sentMessage { return rst("c", []byte("token")) },
			failedAuthentication, "token-malformed", []string{"in leg 1"}},
		"Action that is not that of HTTP": {
			func(w *contextWorld) sentMessage {
				m := rst("c", w.firstToken())
				m.action = wstrust.V13.ActionRSTR()
				return m
			},
			invalidSecurity, "security-header-missing", nil},
		"canonical form that is a hundred times longer": {
			func(w *contextWorld) sentMessage {
				m := replace(rst("c", w.firstToken()), "<t:BinaryExchange",
					"<y>"+strings.Repeat("<p:x/>", 900)+"</y><t:BinaryExchange")
				return replace(m, "<s:Body>", `<s:Body xmlns:p="urn:`+strings.Repeat("x", 1000)+`">`)
			},
			invalidRequest, "trust-invalid-request", []string{"in leg 1", "canonical form"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newContextWorld(t, "SspiNegotiated", "")
			w.refused(w.send(tt.message(w)), tt.fault, tt.code, tt.words...)
			w.nothingLeft()
		})
	}
}

// A client that sends its RST again gets nothing, whatever the Context.
func TestNewRefusesAnRSTThatWasThereBefore(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SspiNegotiated", "")
	token := w.firstToken()
	if o := w.send(rst("c", token)); o.status != http.StatusOK {
		t.Fatal(o.event)
	}
	for _, context := range []string{"c", "d"} {
		o := w.send(rst(context, token))
		w.refused(o, failedAuthentication, "ticket-replay", "in leg 1", "alice")
	}
}

// Another client's Context is not known, and its owner goes on.
func TestNewRefusesTheContextOfAnotherClient(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SspiNegotiated", "")
	last := w.beforeLast("c")
	for _, m := range []sentMessage{
		{last.path, last.action, "192.0.2.8:1", last.octets},
		{"/b", last.action, w.from, last.octets},
	} {
		w.refused(w.send(m), invalidRequest, "trust-context-unknown")
	}
	w.refused(w.send(rst("c", ntlmFirst())), invalidRequest, "trust-context-in-use", "in leg 1")
	if o := w.send(last); o.status != http.StatusOK {
		t.Errorf("HTTP %d: %v", o.status, o.event)
	}
	w.refused(w.send(last), invalidRequest, "trust-context-unknown") // it was the last
}

// Of first legs that race with one Context one goes on, to its end.
func TestNewAcceptsOneOfFirstLegsThatRace(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SspiNegotiated", "")
	var accepted atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if w.serve(rst("c", ntlmFirst())).Code == http.StatusOK {
				accepted.Add(1)
			}
		})
	}
	all.Wait()
	if n := w.log.codes(); accepted.Load() != 1 || n["trust-context-in-use"] != 15 {
		t.Fatalf("%d accepted, %v", accepted.Load(), n)
	}
	if o := w.send(w.rest("c")); o.status != http.StatusOK {
		t.Errorf("HTTP %d: %v", o.status, o.event)
	}
}

// What somebody has changed on the way the client notices.
func TestClientNoticesARequestThatWasChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"KeySize left out":  `<t:KeySize>256</t:KeySize>=`,
		"AppliesTo put in":  `<t:KeySize>=<w:AppliesTo xmlns:w="http://www.w3.org/ns/ws-policy"></w:AppliesTo><t:KeySize>`,
		"something unknown": `<t:KeySize>=<x></x><t:KeySize>`,
	} {
		w := newContextWorld(t, "SspiNegotiated", "")
		from, to, _ := strings.Cut(change, ">=")
		_, err := w.negotiated(func(m sentMessage) sentMessage {
			m.octets = bytes.Replace(m.octets, []byte(from+">"), []byte(to), 1)
			return m
		})
		if err == nil || !strings.Contains(err.Error(), "CombinedHash is wrong") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewRefusesALegThatComesTooLate(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SspiNegotiated", "negotiation-timeout: 10ms\n")
	begin := time.Now()
	w.send(rst("c", ntlmFirst()))
	for time.Since(begin) < 20*time.Millisecond {
		w.send(body("/none", "urn:a", "")) // meanwhile
	}
	w.refused(w.send(rstr("c", []byte("token"))), invalidRequest, "trust-context-unknown", `"c"`)
	if o := w.send(rst("c", ntlmFirst())); o.status != http.StatusOK {
		t.Errorf("the room is not free: %v", o.event)
	}
}

// One address has its share of negotiations, whatever it sends; others have
// theirs meanwhile.
func TestNewGivesAClientItsShareOfNegotiations(t *testing.T) {
	t.Parallel()
	const firstLegs = 10_000
	w := newContextWorld(t, "SspiNegotiated", "max-negotiations: 1600\nnegotiation-timeout: 1h\n")
	var next, open atomic.Int32
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			for n := next.Add(1); n <= firstLegs; n = next.Add(1) {
				if w.serve(rst(fmt.Sprint("c", n), ntlmFirst())).Code == http.StatusOK {
					open.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := w.log.codes(); open.Load() != 100 || n["trust-busy"] != firstLegs-100 || n["ok"] != 100 {
		t.Errorf("%d open, %v", open.Load(), n)
	}
	w.refused(w.send(rst("d", ntlmFirst())), serverTooBusy, "trust-busy", "in leg 1")
	if o := w.send(rst("d", w.firstToken())); o.status != http.StatusOK {
		t.Errorf("in one leg: %v", o.event) // it needs no room
	}
	w.from = "192.0.2.8:1"
	w.severalLegs("c1")
}

// A context that is not known, on another route, cancelled or expired: one fault,
// and the log has which.
func TestNewRefusesContextsThatAreNone(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SspiNegotiated", "")
	sc := w.context()
	if o := w.ask("/a", sc); o.status != http.StatusOK {
		t.Fatal(o.event)
	}
	w.refused(w.ask("/b", sc), badContext, "security-context-unknown")
	unknown := *sc
	unknown.Identifier = "urn:uuid:00000000-0000-4000-8000-000000000000"
	w.refused(w.ask("/a", &unknown), badContext, "security-context-unknown")
	wrong := *sc
	wrong.Key = wssec.NewKey(make([]byte, 32))
	if f, _ := w.ask("/a", &wrong).env.Fault(); f.Subcode.String() != invalidSecurity {
		t.Errorf("wrong key: %+v", f)
	}
	if o := w.ask("/a", sc); o.status != http.StatusOK {
		t.Error(o.event)
	}
}

func TestNewRefusesAContextThatHasExpired(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SspiNegotiated", "context-lifetime: 10ms\n")
	begin := time.Now()
	sc := w.context()
	for time.Since(begin) < 20*time.Millisecond {
		w.send(body("/none", "urn:a", "")) // meanwhile
	}
	w.refused(w.ask("/a", sc), badContext, "security-context-expired")
}

func TestNewRefusesAContextThatWasCancelled(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SecureConversation", "max-contexts: 32\n")
	requester, err := wstrust.NewRequester(wstrust.RequesterConfig{Version: wstrust.V13, AlgorithmSuite: wssec.Basic256})
	w.must(err)
	policy, _ := wssec.Preset("SecureConversation")
	operate := func(p wssec.Policy, tok wssec.OutgoingToken, req *wstrust.ContextRequest) *wssec.SecurityContext {
		m, sent := w.under(p, tok, body("/a", req.Action, string(req.Body)))
		o := w.send(m)
		msg, err := w.clientOf(p).VerifyReply(t.Context(), o.env, sent, wssec.Channel{})
		if err != nil {
			t.Fatalf("%v: %v", err, o.event)
		}
		sc, err := req.Answer(msg.Body())
		w.must(err)
		return sc
	}
	token := func() wssec.OutgoingToken {
		token, key, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
		w.must(err)
		return wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}
	}
	issue := func() *wssec.SecurityContext {
		req, err := requester.Issue()
		w.must(err)
		return operate(*policy.Bootstrap, token(), req)
	}
	mine, other := issue(), issue()

	// Another one's context is not cancelled.
	req, err := requester.Cancel(*mine)
	w.must(err)
	m, sent := w.under(policy, wssec.OutgoingToken{Context: other}, body("/a", req.Action, string(req.Body)))
	o := w.send(m)
	if msg, err := w.clientOf(policy).VerifyReply(t.Context(), o.env, sent, wssec.Channel{}); err != nil {
		t.Error(err)
	} else if f, _ := msg.Envelope().Fault(); f == nil || f.Subcode.String() != badContext ||
		o.event["code"] != "trust-bad-context" {
		t.Errorf("%+v, %v", f, o.event)
	}
	if o := w.ask("/a", mine); o.status != http.StatusOK {
		t.Fatal(o.event)
	}

	operate(policy, wssec.OutgoingToken{Context: mine}, req)
	w.refused(w.ask("/a", mine), badContext, "security-context-cancelled")
	w.refused(w.send(m), invalidSecurity, "message-replayed")
	if o := w.ask("/a", other); o.status != http.StatusOK {
		t.Error(o.event)
	}
}

// A client is authorized before it gets a key, and with each message.
func TestNewIssuesNoContextToAClientThatIsNotAdmitted(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SspiNegotiated", "allowed-principals: [bob@EXAMPLE.COM]\n")
	w.refused(w.send(rst("c", w.firstToken())), "{"+wssec.NSWSSE+"}FailedAuthentication", "not-authorized", "alice")
	o := w.send(w.beforeLast("c"))
	w.refused(o, "{"+wssec.NSWSSE+"}FailedAuthentication", "not-authorized", "alice")
	if n := w.log.codes(); n["ok"] != 2 || n["not-authorized"] != 2 {
		t.Errorf("%v", n)
	}
	if o := w.send(rst("c", ntlmFirst())); o.status != http.StatusOK {
		t.Errorf("the room is not free: %v", o.event)
	}
}

// Over TLS clients put a Timestamp into their legs, on a route of several
// policies too, in whatever order it lists them.
func TestNewAnswersNegotiationsForAllPoliciesOfARoute(t *testing.T) {
	t.Parallel()
	for _, policies := range []string{
		"[SspiNegotiated, SspiNegotiatedOverTransport]", "[SspiNegotiatedOverTransport, SspiNegotiated]",
		"[Kerberos, wsHttpBinding, SspiNegotiatedOverTransport]",
	} {
		w := newContextWorld(t, policies, "tls-offloaded: true\nmax-contexts: 32\n")
		plain := rst("c", w.firstToken())
		stamped := rst("d", w.firstToken())
		now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		stamped.octets = bytes.Replace(stamped.octets, []byte("</s:Header>"), fmt.Appendf(nil,
			`<o:Security xmlns:o="%s" s:mustUnderstand="1"><u:Timestamp xmlns:u="%s"><u:Created>%s</u:Created></u:Timestamp>`+
				`</o:Security></s:Header>`, wssec.NSWSSE, wssec.NSWSU, now), 1)
		for name, m := range map[string]sentMessage{"plain": plain, "with a Timestamp": stamped} {
			if o := w.send(m); o.status != http.StatusOK {
				t.Errorf("%s, %s: HTTP %d: %v", policies, name, o.status, o.event)
			}
		}
	}
}

// A context may be for any policy of the route, so its key may have the size that
// any of them takes, and fits all for a client that leaves it open.
func TestNewNegotiatesKeysForAllPoliciesOfARoute(t *testing.T) {
	t.Parallel()
	const small = "{preset: SspiNegotiated, algorithm-suite: Basic128}"
	const alone = "{binding: transport, supporting-tokens: [{token: spnego-context, use: plain}]}"
	for policies, sizes := range map[string]map[string]string{
		"[SspiNegotiatedOverTransport, " + small + "]": {"128": "128", "192": "192", "256": "256", "": "256", "64": ""},
		"[" + small + ", SspiNegotiatedOverTransport]": {"128": "128", "192": "192", "256": "256", "": "256", "64": ""},
		small: {"128": "128", "": "128"},
		alone: {"128": "128", "256": "256", "": "128"},
		"[" + alone + ", SspiNegotiatedOverTransport]": {"128": "", "256": "256", "": "256"},
	} {
		w := newContextWorld(t, policies, "tls-offloaded: true\nmax-contexts: 320\n")
		for asked, want := range sizes {
			m := rst("c", w.firstToken())
			element := "<t:KeySize>" + asked + "</t:KeySize>"
			if asked == "" {
				element = ""
			}
			m.octets = bytes.Replace(m.octets, []byte("<t:KeySize>256</t:KeySize>"), []byte(element), 1)
			o := w.send(m)
			var got string
			if r := o.env.Body.FirstChild().FirstChild(); o.status == http.StatusOK {
				got = r.Child(wstrust.NSTrust13, "KeySize").Text()
			}
			if got != want {
				t.Errorf("%s, %q asked for: %q, want %q: %v", policies, asked, got, want, o.event)
			}
		}
	}
}

// Context and MessageID are a client's to choose, keys and tokens nobody's to read.
func TestNewLogsNoSecretsOfContexts(t *testing.T) {
	t.Parallel()
	w := newConversationWorld(t, "ws2007HttpBinding", "ws2007HttpBinding")
	negotiated, sc := w.context(), w.issued()
	wrong := *sc
	wrong.Key = negotiated.Key
	w.ask("/a", sc)
	w.ask("/a", &wrong)
	w.ask("/b", sc)
	token := w.firstToken()
	for _, m := range []sentMessage{rst("c", token), rst("c", token), rstr("c", token)} {
		w.send(m)
	}
	events := len(w.log.codes())
	lines := strings.Count(w.log.String(), "\n")
	w.send(rstr("c\r\n{\"msg\":\"exchange\",\"code\":\"forged\"}", token))
	if n := strings.Count(w.log.String(), "\n") - lines; n != 1 || w.log.codes()["forged"] != 0 {
		t.Errorf("%d lines for one message\n%s", n, w.log.String())
	}
	for _, secret := range [][]byte{negotiated.Key.ExposeSecretOctets(), sc.Key.ExposeSecretOctets(), token} {
		for _, text := range []string{base64.StdEncoding.EncodeToString(secret), hex.EncodeToString(secret)} {
			if strings.Contains(w.log.String(), text[:20]) {
				t.Errorf("the log has the secret %s", text)
			}
		}
	}
	// Over TLS it can be all that a message has to prove.
	log := w.log.String()
	if strings.Contains(log, sc.Identifier) || strings.Contains(log, negotiated.Identifier) || events < 4 {
		t.Errorf("the log has the name of a context, or misses events (%d codes)", events)
	}
}

// Whoever asks on under a context that he has no key of is stopped, in whatever
// form and from wherever he names it. Its client gets another context.
func TestNewSuspendsAContextThatMessagesFailUnder(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SspiNegotiated", "max-contexts: 32\n")
	sc := w.context()
	p, _ := wssec.Preset("SspiNegotiated")
	wrong := *sc
	wrong.Key = wssec.NewKey(make([]byte, 32))
	question := body("/a", "urn:q:ask", payload)
	for i := range 40 {
		m, _ := w.under(p, wssec.OutgoingToken{Context: &wrong, Omit: i%2 == 0}, question)
		if i%3 == 0 { // as CXF's streaming client has it
			m.octets = bytes.ReplaceAll(m.octets, []byte(`URI="urn:uuid:`), []byte(`URI="#urn:uuid:`))
		}
		if i%5 == 0 {
			m.octets = bytes.ReplaceAll(m.octets, []byte(wssec.NSWSC13), []byte(wssec.NSWSC05))
		}
		m.from = fmt.Sprintf("192.0.2.%d:1", 100+i%4)
		w.send(m)
	}
	// A refusal that left late counts ten times, so on a busy machine fewer than
	// 32 failures suspend the context.
	if n := w.log.codes(); n["decryption-failed"] > 32 || n["decryption-failed"] < 4 ||
		n["decryption-failed"]+n["security-token-suspended"] != 40 {
		t.Errorf("%v", n)
	}
	o := w.ask("/a", sc)
	w.refused(o, badContext, "security-token-suspended")
	if askers := fmt.Sprint(o.event["askers"]); !strings.Contains(askers, "192.0.2.103") {
		t.Errorf("askers %s", askers)
	}
	if o := w.ask("/a", w.context()); o.status != http.StatusOK {
		t.Error(o.event)
	}
}

// Contexts that were negotiated are cancelled like others, though WCF does not.
// What asks for another one is for the service, which may issue some.
func TestNewCancelsNegotiatedContexts(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SspiNegotiated", "max-contexts: 32\n")
	policy, _ := wssec.Preset("SspiNegotiated")
	requester, err := wstrust.NewRequester(wstrust.RequesterConfig{Version: wstrust.V13, AlgorithmSuite: wssec.Basic256})
	w.must(err)
	sc := w.context()
	send := func(req *wstrust.ContextRequest) outcome {
		m, _ := w.under(policy, wssec.OutgoingToken{Context: sc}, body("/a", req.Action, string(req.Body)))
		return w.send(m)
	}
	issue, err := requester.Issue()
	w.must(err)
	if o := send(issue); o.event["backend_status"] != 200.0 {
		t.Errorf("a request for a context did not reach the service: %v", o.event)
	}
	cancel, err := requester.Cancel(*sc)
	w.must(err)
	if o := send(cancel); o.status != http.StatusOK || o.event["backend_status"] != 0.0 {
		t.Errorf("Cancel: HTTP %d, %v", o.status, o.event)
	}
	w.refused(w.ask("/a", sc), badContext, "security-context-cancelled")
}

// Clients do not cancel a context that they have negotiated to ask for another
// one, so it does not live as long as those.
func TestNewLetsContextsOfABootstrapEndEarly(t *testing.T) {
	t.Parallel()
	for policies, want := range map[string]time.Duration{
		"wsHttpBinding": 15 * time.Minute, "SspiNegotiated": 10 * time.Hour,
		"[wsHttpBinding, SspiNegotiatedOverTransport]": 10 * time.Hour,
	} {
		w := newContextWorld(t, policies, "tls-offloaded: true\nmax-contexts: 32\n")
		sc := w.context()
		if got := sc.Expires.Sub(sc.Created).Round(time.Minute); got != want {
			t.Errorf("%s: %v, want %v", policies, got, want)
		}
	}
}

// What negotiations and sessions may take is in Go's memory limit, whichever
// standard they are of.
func TestMemoryLimitCountsContextsOfEveryStandard(t *testing.T) {
	t.Parallel()
	const route = "keytab: x.keytab\nbackend: http://127.0.0.1:9/\n"
	bare := memoryLimit(loadConfig(t, route+"policy: Kerberos\n"), 0)
	for _, settings := range []string{
		"policy: SspiNegotiated\n", "policy: [Kerberos, wsHttpBinding]\n", "standard: spnego-http\n",
	} {
		cfg := loadConfig(t, route+settings)
		if more := memoryLimit(cfg, 0) - bare; more != int64(cfg.MaxContexts)*contextBytes+halfOpenBytes {
			t.Errorf("%s: %d octets more", settings, more)
		}
	}
}
