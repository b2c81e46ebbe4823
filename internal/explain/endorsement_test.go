package explain_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/explain"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A renewal is both sides of a conversation that Kerberos bootstraps, and whoever
// inspects its messages.
type renewal struct {
	*testing.T
	kdc             *krbtest.KDC
	client, service *wssec.Processor // of the bootstrap
	issuer          *wstrust.Issuer
	requester       *wstrust.Requester
	x               *explain.Inspector
}

func newRenewal(t *testing.T) *renewal {
	r := &renewal{T: t, kdc: krbtest.New(krbtest.Config{})}
	r.kdc.AddService("soap/gw.example.com")
	policy, _ := wssec.Preset("SecureConversation")
	contexts := wssec.NewSecurityContexts(wssec.ContextsConfig{})
	seen := replay.NewMemory(replay.MemoryConfig{})
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: r.kdc.Keytab(nil), Replay: seen})
	r.must(err)
	r.client, err = wssec.NewProcessor(*policy.Bootstrap, wssec.Config{})
	r.must(err)
	r.service, err = wssec.NewProcessor(*policy.Bootstrap, wssec.Config{
		Verifier: acceptor, Replay: seen, Contexts: contexts, EndorsingContexts: true, ReplyHeaders: wssec.PassHeaders,
	})
	r.must(err)
	r.issuer, err = wstrust.NewIssuer(wstrust.IssuerConfig{Contexts: contexts, Policy: policy})
	r.must(err)
	r.requester, err = wstrust.NewRequester(wstrust.RequesterConfig{Version: wstrust.V13,
		AlgorithmSuite: policy.AlgorithmSuite})
	r.must(err)
	r.x = explain.New(explain.Config{Keytab: r.kdc.Keytab(nil)})
	return r
}

func (r *renewal) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *renewal) parse(message []byte) *soap.Envelope {
	r.Helper()
	env, err := soap.Parse(message, xmltext.Options{})
	r.must(err)
	return env
}

// exchange sends a request to the service, and returns the context that it
// answers and what the Inspector says of the request.
func (r *renewal) exchange(req *wstrust.ContextRequest, endorsing *wssec.SecurityContext) (*wssec.SecurityContext,
	string) {
	r.Helper()
	token, key, err := r.kdc.Token("alice", "soap/gw.example.com", krbtest.TokenOptions{})
	r.must(err)
	message := fmt.Sprintf(`<s:Envelope xmlns:s="%s"><s:Header><a:Action xmlns:a="%s">%s</a:Action></s:Header>`+
		`<s:Body>%s</s:Body></s:Envelope>`, soap.NS12, soap.NSAddressing, req.Action, req.Body)
	wire, sent, err := r.client.ProtectRequest(nil, r.parse([]byte(message)), wssec.OutgoingToken{Token: token,
		Key: wssec.NewKey(key.ExposeKeyOctets()), Endorsing: endorsing})
	r.must(err)
	explained := r.inspect(wire)
	msg, err := r.service.Verify(r.Context(), r.parse(wire), wssec.Channel{})
	r.must(err)
	op, _, err := r.issuer.Operation(msg.Envelope(), req.Action)
	r.must(err)
	answer, err := r.issuer.Answer(r.Context(), msg, op)
	r.must(err)
	wire, err = r.service.Protect(r.Context(), nil, r.parse(answer), msg)
	r.must(err)
	r.inspect(wire)
	reply, err := r.client.VerifyReply(r.Context(), r.parse(wire), sent, wssec.Channel{})
	r.must(err)
	sc, err := req.Answer(reply.Body())
	r.must(err)
	return sc, explained
}

func (r *renewal) inspect(wire []byte) string {
	r.Helper()
	trees, err := r.x.Inspect(r.Context(), wire)
	if err != nil {
		r.Errorf("%v\n%s", err, text(trees))
	}
	return text(trees)
}

// A request to renew is under the bootstrap policy, and not under that of the
// context that endorses it; its answer has the key for what follows.
func TestARenewalThatItsContextEndorsesIsExplained(t *testing.T) {
	t.Parallel()
	r := newRenewal(t)
	issue, err := r.requester.Issue()
	r.must(err)
	sc, _ := r.exchange(issue, nil)
	renew, err := r.requester.Renew(*sc)
	r.must(err)
	renewed, out := r.exchange(renew, sc)
	for _, want := range []string{`\| protection-token: kerberos\n`, `verdict +accepted`,
		`endorsed by +the context ` + sc.Identifier, `signs +Signature #SIG-\S+ \(sha1, digest right\)`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	policy, _ := wssec.Preset("SecureConversation")
	client, err := wssec.NewProcessor(policy, wssec.Config{})
	r.must(err)
	message := `<s:Envelope xmlns:s="` + soap.NS12 + `"><s:Body><q/></s:Body></s:Envelope>`
	wire, _, err := client.ProtectRequest(nil, r.parse([]byte(message)), wssec.OutgoingToken{Context: renewed})
	r.must(err)
	if out := r.inspect(wire); !strings.Contains(out, "| protection-token: secure-conversation\n") ||
		strings.Contains(out, "endorsed by") {
		t.Error(out)
	}
}
