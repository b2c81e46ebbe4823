package assembly

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A contextWorld is a gateway whose clients negotiate and use security contexts,
// seen by its HTTP and its log.
type contextWorld struct {
	*serviceWorld
	from string // address of the client
	tls  bool
}

// newContextWorld makes one with routes /a and /b of a policy. Of each kind of
// state one client may have one entry, so that what is left behind is noticed:
// there is no room for the next.
func newContextWorld(t *testing.T, policy, settings string) *contextWorld {
	t.Helper()
	w := &contextWorld{serviceWorld: newServiceWorld(t, service), from: "192.0.2.7:1"}
	if !strings.Contains(settings, "max-") {
		settings += "max-negotiations: 16\nmax-contexts: 16\n"
	}
	w.must(w.assemble(fmt.Sprintf("refusal-delay: 20ms\npolicy: %s\nkeytab: %s\n%s"+
		"routes: [{path: /a}, {path: /b}]\n", policy, w.keytab("svc", service), settings)))
	return w
}

func (w *contextWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// A sentMessage is one that a client sends.
type sentMessage struct {
	path, action, from string
	octets             []byte
}

// An outcome is what became of a message: the answer, and the event in the log.
type outcome struct {
	status int
	env    *soap.Envelope
	event  map[string]any
}

// send sends a message of SOAP 1.1, and waits for the answer.
func (w *contextWorld) send(m sentMessage) outcome {
	w.t.Helper()
	rec := w.serve(m)
	env, err := soap.Parse(rec.Body.Bytes(), xmltext.Options{})
	w.must(err)
	return outcome{rec.Code, env, w.lastEvent()}
}

// serve sends a message, with others at the same time.
func (w *contextWorld) serve(m sentMessage) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, m.path, bytes.NewReader(m.octets))
	r.Header.Set("Content-Type", soap.V11.ContentType())
	r.Header.Set("SOAPAction", `"`+m.action+`"`)
	if r.RemoteAddr = m.from; m.from == "" {
		r.RemoteAddr = w.from
	}
	if w.tls {
		r.TLS = &tls.ConnectionState{}
	}
	rec := httptest.NewRecorder()
	w.gateway.ServeHTTP(rec, r)
	return rec
}

// lastEvent is that of the last exchange.
func (w *contextWorld) lastEvent() (event map[string]any) {
	for line := range strings.Lines(w.log.String()) {
		var ev map[string]any
		if json.Unmarshal([]byte(line), &ev) == nil && ev["msg"] == "exchange" {
			event = ev
		}
	}
	return event
}

// body makes a message around the content of a Body.
func body(path, action, content string) sentMessage {
	return sentMessage{path: path, action: action, octets: fmt.Appendf(nil,
		`<s:Envelope xmlns:s="%s"><s:Header><a:Action xmlns:a="%s">%s</a:Action></s:Header><s:Body>%s</s:Body></s:Envelope>`,
		soap.NS11, soap.NSAddressing, action, content)}
}

// rst is a first leg of a negotiation, of WS-Trust 1.3, with a token.
func rst(context string, token []byte) sentMessage {
	const v = wstrust.V13
	r := wstrust.RequestSecurityToken{Version: v, Context: context, TokenType: v.TokenType(), RequestType: wstrust.Issue,
		KeySize: 256, Exchange: &wstrust.BinaryExchange{ValueType: v.SPNEGO(), Token: token}}
	return body("/a", v.ActionRST(), string(r.Append(nil)))
}

// rstr is a further leg.
func rstr(context string, token []byte) sentMessage {
	const v = wstrust.V13
	r := wstrust.RequestSecurityTokenResponse{Version: v, Context: context,
		Exchange: &wstrust.BinaryExchange{ValueType: v.SPNEGO(), Token: token}}
	return body("/a", v.ActionRSTR(), string(r.Append(nil)))
}

// ntlmFirst is a token of a client whose Kerberos token is still to come.
func ntlmFirst() []byte {
	return krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDNTLM, krbtest.OIDKRB5),
		MechToken: []byte("NTLMSSP\x00\x01\x00\x00\x00")}.Token()
}

// mechanism is the client's GSS-API context, of alice.
func (w *contextWorld) mechanism(m gss.Mechanism) *gss.Context {
	w.t.Helper()
	ticket, err := w.kdc.Ticket("alice", service, krbtest.TicketOptions{})
	w.must(err)
	c, err := gss.NewInitiatorContext(ticket, gss.InitConfig{Mechanism: m})
	w.must(err)
	return c
}

// firstToken is a SPNEGO token of alice, with which one leg is enough.
func (w *contextWorld) firstToken() []byte {
	w.t.Helper()
	token, _, err := w.mechanism(gss.MechanismSPNEGO).Step(w.t.Context(), nil)
	w.must(err)
	return token
}

// negotiated is the security context of a negotiation on /a. change, if not nil,
// stands between client and gateway.
func (w *contextWorld) negotiated(change func(sentMessage) sentMessage) (*wssec.SecurityContext, error) {
	w.t.Helper()
	i, err := wstrust.NewInitiator(w.mechanism(gss.MechanismSPNEGO),
		wstrust.InitiatorConfig{Version: wstrust.V13, AlgorithmSuite: wssec.Basic256})
	w.must(err)
	content, err := i.Start(w.t.Context())
	w.must(err)
	m := body("/a", i.Action(), string(content))
	if change != nil {
		m = change(m)
	}
	o := w.send(m)
	if o.status != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d: %v", o.status, o.event)
	}
	_, err = i.Step(w.t.Context(), o.env)
	return i.Established(), err
}

// context is that of a negotiation that has to succeed.
func (w *contextWorld) context() *wssec.SecurityContext {
	w.t.Helper()
	sc, err := w.negotiated(nil)
	w.must(err)
	return sc
}

// client is a client's Processor of a policy.
func (w *contextWorld) clientOf(p wssec.Policy) *wssec.Processor {
	w.t.Helper()
	c, err := wssec.NewProcessor(p, wssec.Config{Replay: replay.NewMemory(replay.MemoryConfig{})})
	w.must(err)
	return c
}

// under protects a message with a token.
func (w *contextWorld) under(p wssec.Policy, tok wssec.OutgoingToken, m sentMessage) (sentMessage, *wssec.Request) {
	w.t.Helper()
	env, err := soap.Parse(m.octets, xmltext.Options{})
	w.must(err)
	var sent *wssec.Request
	m.octets, sent, err = w.clientOf(p).ProtectRequest(nil, env, tok)
	w.must(err)
	return m, sent
}

// ask sends a question to the backend under a security context.
func (w *contextWorld) ask(path string, sc *wssec.SecurityContext) outcome {
	w.t.Helper()
	policy := map[wssec.TokenType]string{
		wssec.SpnegoContextToken: "SspiNegotiated", wssec.SecureConversationToken: "SecureConversation",
	}[sc.Token]
	p, _ := wssec.Preset(policy)
	m, _ := w.under(p, wssec.OutgoingToken{Context: sc}, body(path, "urn:q:ask", `<q:GetQuote xmlns:q="urn:q"/>`))
	return w.send(m)
}

// refused checks that a message was refused by a fault, and how the log has it.
func (w *contextWorld) refused(o outcome, fault, code string, words ...string) {
	w.t.Helper()
	f, ok := o.env.Fault()
	if !ok || f.Subcode.String() != fault || o.status == http.StatusOK {
		w.t.Errorf("HTTP %d, fault %+v; want %s", o.status, f, fault)
	}
	text := fmt.Sprint(o.event["error"])
	for _, word := range words {
		if !strings.Contains(text, word) {
			w.t.Errorf("the log has no %q: %s", word, text)
		}
	}
	if o.event["code"] != code {
		w.t.Errorf("code %v, want %s: %s", o.event["code"], code, text)
	}
	if reason := f.Reason; strings.Contains(reason, "alice") || strings.Contains(reason, "kerberos") {
		w.t.Errorf("the fault tells %q", reason)
	}
}

// nothingLeft checks that there is room for what one client may have: a
// negotiation of several legs, and a context.
func (w *contextWorld) nothingLeft() {
	w.t.Helper()
	w.severalLegs("nothing-left")
}

// severalLegs negotiates a context in three legs.
func (w *contextWorld) severalLegs(context string) {
	w.t.Helper()
	last := w.beforeLast(context)
	if o := w.send(last); o.status != http.StatusOK {
		w.t.Errorf("last leg: HTTP %d: %v", o.status, o.event)
	}
}

// beforeLast plays all legs of a negotiation but the last, which it returns.
func (w *contextWorld) beforeLast(context string) sentMessage {
	w.t.Helper()
	if o := w.send(rst(context, ntlmFirst())); o.status != http.StatusOK {
		w.t.Fatalf("first leg: HTTP %d: %v", o.status, o.event)
	}
	return w.rest(context)
}

// rest plays what follows the first leg, but the last.
func (w *contextWorld) rest(context string) sentMessage {
	w.t.Helper()
	krb5 := w.mechanism(gss.MechanismKRB5)
	token, _, err := krb5.Step(w.t.Context(), nil)
	w.must(err)
	o := w.send(rstr(context, krbtest.NegTokenResp{State: krbtest.StateAcceptIncomplete, ResponseToken: token}.Token()))
	resp, ok := krbtest.ReadNegTokenResp(w.tokenOf(o))
	if !ok {
		w.t.Fatalf("second leg: HTTP %d: %v", o.status, o.event)
	}
	_, _, err = krb5.Step(w.t.Context(), resp.ResponseToken)
	w.must(err)
	mic, err := krb5.MIC(krbtest.MechTypes(krbtest.OIDNTLM, krbtest.OIDKRB5))
	w.must(err)
	return rstr(context, krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, MIC: mic}.Token())
}

// tokenOf is the token of an answer with one RSTR, nil without.
func (w *contextWorld) tokenOf(o outcome) []byte {
	w.t.Helper()
	element := o.env.Body.FirstChild()
	exchange := element.Child(wstrust.NSTrust13, "BinaryExchange")
	if exchange.IsZero() {
		return nil
	}
	token, err := base64.StdEncoding.DecodeString(exchange.Text())
	w.must(err)
	return token
}
