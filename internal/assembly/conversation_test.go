package assembly

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

const payload = `<q:GetQuote xmlns:q="urn:q"/>`

// A conversationWorld is a gateway with a bootstrap policy, and a client that
// knows both.
type conversationWorld struct {
	*contextWorld
	policy, bootstrap wssec.Policy
	requester         *wstrust.Requester
}

func newConversationWorld(t *testing.T, preset, policies string) *conversationWorld {
	t.Helper()
	return newConversationWorldWith(t, preset, policies, "max-contexts: 320\n")
}

func newConversationWorldWith(t *testing.T, preset, policies, settings string) *conversationWorld {
	t.Helper()
	w := &conversationWorld{contextWorld: newContextWorld(t, policies, settings)}
	w.policy, _ = wssec.Preset(preset)
	w.bootstrap = *w.policy.Bootstrap
	w.useRequester()
	return w
}

func (w *conversationWorld) useRequester() {
	w.t.Helper()
	var err error
	w.requester, err = wstrust.NewRequester(wstrust.RequesterConfig{Version: wstrust.V13, AlgorithmSuite: wssec.Basic256})
	w.must(err)
}

// token is one for the bootstrap policy: of a ticket, or of a negotiation.
func (w *conversationWorld) token() wssec.OutgoingToken {
	w.t.Helper()
	if w.bootstrap.ClientToken() == wssec.SpnegoContextToken {
		return wssec.OutgoingToken{Context: w.context()}
	}
	token, key, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
	w.must(err)
	return wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}
}

// issued is a context that the gateway issues.
func (w *conversationWorld) issued() *wssec.SecurityContext {
	w.t.Helper()
	req, err := w.requester.Issue()
	w.must(err)
	sc, err := w.operate(w.bootstrap, w.token(), req)
	w.must(err)
	return sc
}

// operate sends a request and reads the answer, which is protected like the
// request.
func (w *conversationWorld) operate(p wssec.Policy, tok wssec.OutgoingToken, req *wstrust.ContextRequest) (
	*wssec.SecurityContext, error) {
	w.t.Helper()
	m, sent := w.under(p, tok, body("/a", req.Action, string(req.Body)))
	msg := w.opened(p, w.send(m), sent)
	return req.Answer(msg.Body())
}

// opened is an answer that was protected.
func (w *conversationWorld) opened(p wssec.Policy, o outcome, sent *wssec.Request) *wssec.Message {
	w.t.Helper()
	msg, err := w.clientOf(p).VerifyReply(w.t.Context(), o.env, sent, wssec.Channel{})
	if err != nil {
		w.t.Fatalf("%v: %v", err, o.event)
	}
	return msg
}

// Each message of a conversation is for one purpose. What stands in clear says
// which policy it is for; under that it has to be what the policy is for.
func TestNewKeepsTheMessagesOfAConversationApart(t *testing.T) {
	t.Parallel()
	for _, world := range []struct{ preset, policies string }{
		{"SecureConversation", "SecureConversation"}, {"ws2007HttpBinding", "ws2007HttpBinding"},
		{"SecureConversation", "[SecureConversation, Kerberos]"},
		{"ws2007HttpBinding", "[Kerberos, ws2007HttpBinding]"},
	} {
		w := newConversationWorld(t, world.preset, world.policies)
		sc := w.issued()
		issue, err := w.requester.Issue()
		w.must(err)
		cancel, err := w.requester.Cancel(*sc)
		w.must(err)
		asIssue := func(content string) sentMessage { return body("/a", issue.Action, content) }
		both := asIssue(string(issue.Body))
		both.octets = bytes.Replace(both.octets, []byte("</s:Header>"),
			[]byte(`<a:Action xmlns:a="`+soap.NSAddressing04+`">urn:q:ask</a:Action></s:Header>`), 1)
		underContext := func() (wssec.Policy, wssec.OutgoingToken) { return w.policy, wssec.OutgoingToken{Context: sc} }
		underBootstrap := func() (wssec.Policy, wssec.OutgoingToken) { return w.bootstrap, w.token() }
		for name, tt := range map[string]struct {
			under func() (wssec.Policy, wssec.OutgoingToken)
			m     sentMessage
			code  string
		}{
			"RST/SCT under a context":      {underContext, asIssue(string(issue.Body)), "policy-mismatch"},
			"action alone under a context": {underContext, asIssue(payload), "policy-mismatch"},
			"action of a message":          {underBootstrap, asIssue(payload), "policy-mismatch"},
			"action of a Cancel":           {underBootstrap, asIssue(string(cancel.Body)), "trust-invalid-request"},
			"actions of two kinds":         {underBootstrap, both, "policy-mismatch"},
		} {
			p, tok := tt.under()
			m, _ := w.under(p, tok, tt.m)
			o, code := w.send(m), tt.code
			if tt.m.action == issue.Action && tok.Context == sc && w.bootstrap.ClientToken() == wssec.SpnegoContextToken {
				code = "security-context-type" // it stands there as a token of a negotiation does
			}
			w.refused(o, map[string]string{"policy-mismatch": invalidSecurity, "trust-invalid-request": invalidRequest,
				"security-context-type": badContext}[code], code)
			if o.event["backend_status"] != 0.0 {
				t.Errorf("%s, %s: the backend was called", world.policies, name)
			}
		}
		if o := w.ask("/a", sc); o.status != http.StatusOK {
			t.Errorf("%s: %v", world.policies, o.event)
		}
	}
}

// A bootstrap policy is for requests for a context, unless it stands in the list
// of the route's policies too.
func TestNewForwardsNothingUnderABootstrapPolicy(t *testing.T) {
	t.Parallel()
	for policies, preset := range map[string]string{
		"SecureConversation": "SecureConversation", "ws2007HttpBinding": "ws2007HttpBinding",
		"[SecureConversation, Kerberos]": "SecureConversation",
	} {
		w := newConversationWorld(t, preset, policies)
		cancel, err := w.requester.Cancel(*w.issued())
		w.must(err)
		for action, content := range map[string]string{"urn:q:ask": payload, cancel.Action: string(cancel.Body)} {
			m, _ := w.under(w.bootstrap, w.token(), body("/a", action, content))
			o := w.send(m)
			code := map[string]string{"SecureConversation": "policy-mismatch", "ws2007HttpBinding": "security-context-type",
				"[SecureConversation, Kerberos]": "ok"}[policies]
			if o.event["code"] != code || (o.event["backend_status"] == 200.0) != (code == "ok") {
				t.Errorf("%s, %s: HTTP %d: %v", policies, action, o.status, o.event)
			}
		}
	}
}

// The header of HTTP is nobody's: it does not make a Cancel of another message.
func TestNewHoldsTheActionOfHTTPAgainstTheMessage(t *testing.T) {
	t.Parallel()
	w := newConversationWorld(t, "SecureConversation", "SecureConversation")
	sc := w.issued()
	cancel, err := w.requester.Cancel(*sc)
	w.must(err)
	for action, http := range map[string]string{"urn:q:ask": cancel.Action, cancel.Action: "urn:q:ask"} {
		m, sent := w.under(w.policy, wssec.OutgoingToken{Context: sc}, body("/a", action, string(cancel.Body)))
		m.action = http
		o := w.send(m)
		if f, ok := w.opened(w.policy, o, sent).Envelope().Fault(); !ok || o.event["code"] != "action-mismatch" ||
			o.event["backend_status"] != 0.0 {
			t.Errorf("%s: fault %+v: %v", action, f, o.event)
		}
	}
	if o := w.ask("/a", sc); o.status != 200 {
		t.Error(o.event)
	}
}

// The backend may be a security token service: an RST that a client has protected
// is for it, with the token of a negotiation in it or without.
func TestNewForwardsAProtectedRSTToTheBackend(t *testing.T) {
	t.Parallel()
	w := newConversationWorld(t, "ws2007HttpBinding", "ws2007HttpBinding")
	sc := w.issued()
	for _, m := range []sentMessage{
		rst("c", w.firstToken()),
		body("/a", wstrust.V13.ActionRST(), `<RequestSecurityToken xmlns="`+wstrust.NSTrust13+`"/>`),
	} {
		protected, _ := w.under(w.policy, wssec.OutgoingToken{Context: sc}, m)
		if o := w.send(protected); o.event["backend_status"] != 200.0 || o.event["policy"] == "negotiation" {
			t.Errorf("%v", o.event)
		}
	}
}

// What the gateway has answered is no request.
func TestNewRefusesItsOwnAnswers(t *testing.T) {
	t.Parallel()
	w := newConversationWorld(t, "ws2007HttpBinding", "ws2007HttpBinding")
	reflect := func(o outcome, m sentMessage, code string) {
		t.Helper()
		if o.status != http.StatusOK {
			t.Fatal(o.event)
		}
		m.octets = o.env.Doc.Source()
		back := w.send(m)
		if back.status == http.StatusOK || back.event["code"] != code {
			t.Errorf("HTTP %d: %v", back.status, back.event)
		}
	}
	first := rst("c", w.firstToken())
	final := body("/a", wstrust.V13.ActionFinal(), "")
	reflect(w.send(first), final, "security-header-missing")
	continued := rstr("d", nil)
	reflect(w.send(rst("d", ntlmFirst())), continued, "spnego-negotiation")
	tok := w.token()
	req, err := w.requester.Issue()
	w.must(err)
	m, _ := w.under(w.bootstrap, tok, body("/a", req.Action, string(req.Body)))
	reflect(w.send(m), m, "security-context-type") // its action is none of a request
	sc := w.issued()
	m, _ = w.under(w.policy, wssec.OutgoingToken{Context: sc}, body("/a", "urn:q:ask", payload))
	reflect(w.send(m), m, "message-replayed")
}

// wsa-to: required is for requests for a context as for any message: one that was
// made for another route of the service is not answered here. A leg of a
// negotiation has no protection that could cover a wsa:To.
func TestNewRequiresTheToOfARequestForAContext(t *testing.T) {
	t.Parallel()
	const policies = "ws2007HttpBinding\naddresses: [http://gw.example.com/a]\nwsa-to: required"
	w := newConversationWorld(t, "ws2007HttpBinding", policies)
	issue, err := w.requester.Issue()
	w.must(err)
	for to, code := range map[string]string{
		"": "wrong-address", "http://gw.example.com/b": "wrong-address", "http://gw.example.com/a": "ok",
	} {
		m := body("/a", issue.Action, string(issue.Body))
		if to != "" {
			m.octets = bytes.Replace(m.octets, []byte("</s:Header>"),
				[]byte(`<a:To xmlns:a="`+soap.NSAddressing+`">`+to+`</a:To></s:Header>`), 1)
		}
		m, _ = w.under(w.bootstrap, w.token(), m)
		if o := w.send(m); o.event["code"] != code {
			t.Errorf("%q: %v", to, o.event)
		}
	}
}
