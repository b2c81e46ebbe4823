package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// An open route passes a message as it came, header blocks included, and its
// reply; it tells the backend of nobody, and no client can.
func TestGatewayPassesMessagesOfAnOpenRouteUnchanged(t *testing.T) {
	t.Parallel()
	w := newOpen(t)
	message := `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Header><w:Security xmlns:w="` + wssec.NSWSSE +
		`" s:mustUnderstand="1"><!-- x --><a:T xmlns:a="urn:a"/>` +
		`</w:Security><h:H xmlns:h="urn:h">1</h:H></s:Header><s:Body>` + payload + `</s:Body></s:Envelope>`
	reply := envelope(soap.V11, `<r:R xmlns:r="urn:r">in clear</r:R>`)
	var header http.Header
	var got []byte
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		header, got = r.Header, readAll(t, r)
		answer(http.StatusOK, "text/xml", reply)(rw, r)
	}
	r := w.post(soap.V11, strings.NewReader("<?xml version=\"1.0\"?>"+message), "X-Principal: root@EXAMPLE.COM",
		"x_principal: root@EXAMPLE.COM", "SOAPAction: \"urn:do\"")
	if r.StatusCode != http.StatusOK || string(r.body) != reply {
		t.Errorf("HTTP %d %s", r.StatusCode, r.body)
	}
	if string(got) != message || header.Get("SOAPAction") != `"urn:do"` {
		t.Errorf("the backend got %v %s", header, got)
	}
	for name := range header {
		if strings.Contains(strings.ToLower(name), "principal") {
			t.Errorf("the backend got %s", name)
		}
	}
	if ev := w.event(1); ev["code"] != "ok" || ev["policy"] != "none" || ev["principal"] != "" {
		t.Error(ev)
	}
}

// Faults of the gateway are in clear there, as everything is; what is no
// message does not pass.
func TestGatewayRefusesWhatIsNotSOAPOnAnOpenRoute(t *testing.T) {
	t.Parallel()
	w := newOpen(t)
	r := w.post(soap.V11, strings.NewReader("<not-soap/>"))
	if w.plainFault(r); r.StatusCode != http.StatusInternalServerError || w.calls() != 0 {
		t.Errorf("HTTP %d, %d calls", r.StatusCode, w.calls())
	}
	w.backend = answer(http.StatusBadGateway, "text/html", "down")
	if f := w.plainFault(w.post(soap.V11,
		strings.NewReader(envelope(soap.V11, payload)))); f.Reason != "The service is not available." {
		t.Error(f)
	}
}

// Should an open route have a list of clients, it admits nobody.
func TestAuthorizeAdmitsNobodyToAnOpenRouteWithAList(t *testing.T) {
	t.Parallel()
	for _, lists := range []access.Lists{
		{AllowedPrincipals: []string{"*@*"}}, {AllowedRealms: []string{"*"}}, {AllowedGroups: []string{"S-1-5-32-544"}},
		{DeniedPrincipals: []string{"alice@EXAMPLE.COM"}}, {DeniedRealms: []string{"EVIL"}},
		{DeniedGroups: []string{"S-1-5-32-544"}},
	} {
		w := newOpen(t, admit(lists))
		w.post(soap.V11, strings.NewReader(envelope(soap.V11, payload)))
		if code := w.code(1); code != "not-authorized" || w.calls() != 0 {
			t.Errorf("%+v: %s, %d calls", lists, code, w.calls())
		}
	}
}

// newOpen makes a world whose route asks nothing.
func newOpen(t *testing.T, options ...option) *world {
	w := newWorld(t, options...)
	w.config.Routes[0].Door, w.config.Routes[0].PolicyName = door.None(), "none"
	w.config.Routes[0].PassHeaders = []string{"X_Principal"}
	w.remake()
	return w
}

// Clients under each policy of a list call one URL, and each has its reply
// under its own.
func TestGatewayAcceptsSeveralPoliciesOnARoute(t *testing.T) {
	t.Parallel()
	w, clients := newChoice(t, preset("Kerberos"), signedOnly(), preset("KerberosOverTransport"))
	for i, name := range []string{"Kerberos", "signed", "KerberosOverTransport"} {
		w.client = clients[i]
		r, req := w.call()
		if r.StatusCode != http.StatusOK || !strings.Contains(w.open(r, req), "what is it worth") {
			t.Errorf("%s: HTTP %d %s", name, r.StatusCode, r.body)
		}
		if ev := w.event(i + 1); ev["policy"] != name || ev["principal"] != "alice@EXAMPLE.COM" {
			t.Error(ev)
		}
	}
}

// Who takes the protection of a message away does not get it in under the
// weaker policy of the list, and neither does a message for neither.
func TestGatewayRefusesAStrippedMessageUnderTheWeakerPolicy(t *testing.T) {
	t.Parallel()
	w, clients := newChoice(t, preset("Kerberos"), preset("KerberosOverTransport"))
	without := func(msg []byte, names ...string) string {
		text := string(msg)
		for _, name := range names {
			text = regexp.MustCompile(`(?s)<(\w+:)?`+name+`\b.*?</(\w+:)?`+name+`>`).ReplaceAllString(text, "")
		}
		return text
	}
	w.client = clients[0]
	sealed := func() []byte { msg, _ := w.protect(soap.V11, payload); return msg }
	body := func(text string) string {
		return regexp.MustCompile(`(?s)(<\w+:Body[^>]*>).*(</\w+:Body>)`).ReplaceAllString(text, "${1}"+payload+"${2}")
	}
	w.client = clients[1]
	endorsed, _ := w.protect(soap.V11, payload)
	signature := regexp.MustCompile(`(?s)<(\w+:)?Signature\b.*?</(\w+:)?Signature>`).FindString(string(endorsed))
	w.client = clients[0]
	for i, tt := range []struct{ name, message, code string }{
		{"without its signature", body(without(sealed(), "EncryptedData", "ReferenceList", "DerivedKeyToken")),
			"policy-mismatch"},
		{"without its signature and Timestamp",
			body(without(sealed(), "EncryptedData", "ReferenceList", "DerivedKeyToken", "Timestamp")), "policy-mismatch"},
		{"with another's", strings.Replace(body(without(sealed(), "EncryptedData", "ReferenceList", "DerivedKeyToken")),
			"</wsse:Security>", signature+"</wsse:Security>", 1), "*"},
		{"without the Security header", body(without(sealed(), "Security")), "security-header-missing"},
		{"without its encryption", body(without(sealed(), "ReferenceList")), "policy-mismatch"},
	} {
		r := w.post(soap.V11, strings.NewReader(tt.message))
		if f := w.plainFault(r); f.Subcode.Local != "InvalidSecurity" || w.calls() != 0 {
			t.Errorf("%s: %v, %d calls", tt.name, f, w.calls())
		}
		if code := w.code(i + 1); tt.code != "*" && code != tt.code || code == "ok" {
			t.Errorf("%s: %s, want %s", tt.name, code, tt.code)
		}
	}
}

// A token is accepted once on a route, whichever of its policies sees it.
func TestGatewayAcceptsATokenUnderOnePolicyAlone(t *testing.T) {
	t.Parallel()
	w, clients := newChoice(t, preset("Kerberos"), preset("KerberosToken"))
	token, key, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
	w.must(err)
	for i, want := range []string{"ok", "ticket-replay"} {
		out, _, err := clients[i].ProtectRequest(nil, parse(t, envelope(soap.V11, payload)),
			wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
		w.must(err)
		w.post(soap.V11, bytes.NewReader(out))
		if code := w.code(i + 1); code != want {
			t.Errorf("%d: %s, want %s", i, code, want)
		}
	}
}

// The refusals of a list have their time like those of a single policy.
func TestReleaseHoldsRefusalsOfSeveralPolicies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c *clockwork
		c = newClockwork(t, func(cfg *gateway.Config) {
			token, err := wssec.NewProcessor(plainHTTP(preset("KerberosToken")), wssec.Config{Verifier: lazily{&c}})
			if err != nil {
				t.Fatal(err)
			}
			transport, err := wssec.NewProcessor(plainHTTP(preset("KerberosOverTransport")), wssec.Config{Verifier: lazily{&c}})
			if err != nil {
				t.Fatal(err)
			}
			all, err := door.NewOneOf(door.NewSecurity("token", token), door.NewSecurity("transport", transport))
			if err != nil {
				t.Fatal(err)
			}
			cfg.Routes[0].Door = all
		})
		for _, tt := range []struct {
			message string
			looks   int32
		}{{envelope(soap.V11, payload), 0}, {string(readAllOf(t, question(0))), 1}} {
			c.takes = 30 * time.Millisecond
			if answer, took := c.ask(t.Context(), strings.NewReader(tt.message)); answer == nil ||
				took != 50*time.Millisecond || c.looks.Load() != tt.looks {
				t.Errorf("%v, %d looks", took, c.looks.Load())
			}
		}
	})
}

func TestGatewayServesExchangesConcurrently(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var g sync.WaitGroup
	for i := range 32 {
		body := fmt.Sprintf(`<q:Ask xmlns:q="urn:q">%d%s</q:Ask>`, i, strings.Repeat("x", 5000*i))
		msg, req := w.protect(soap.V11, body)
		g.Go(func() {
			r := w.post(soap.V11, bytes.NewReader(msg))
			if opened := w.open(r, req); !strings.Contains(opened, fmt.Sprintf(">%dx", i)) && i > 0 {
				t.Errorf("%d: somebody else's reply: %.200s", i, opened)
			}
		})
	}
	g.Wait()
}

// numbered returns n attributes.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` z%d=""`, i)
	}
	return b.String()
}

func TestGatewayRefusesOtherMethodsThanPOST(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := 0
	for i, method := range []string{"GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"} {
		req, _ := http.NewRequest(method, w.gateway.URL+"/svc?wsdl", nil)
		r := w.do(req)
		if r.StatusCode != 405 || r.Header.Get("Allow") != "POST" {
			t.Errorf("%s: HTTP %d, Allow %q", method, r.StatusCode, r.Header.Get("Allow"))
		}
		if _, logged := slices.BinarySearch([]int{0, 1, 2, 5}, i); !logged {
			continue // OPTIONS and HEAD are probes of a client that was logged for GET
		}
		if n++; w.code(n) != "method-not-allowed" {
			t.Errorf("%s: code %s", method, w.code(n))
		}
	}
}

// Load balancers, monitors and browsers ask for whatever is there. Of each client
// that is logged once a minute, and counted each time.
func TestProbesAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var observed atomic.Int32
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		c.Observe = func(r *gateway.Record) {
			if r.Probe {
				observed.Add(1)
			}
		}
	})
	const n = 20
	for i := range n {
		req, _ := http.NewRequest([]string{"GET", "HEAD", "OPTIONS"}[i%3], w.gateway.URL+[]string{"/", "/svc"}[i%2], nil)
		if r := w.do(req); r.StatusCode != []int{404, 405}[i%2] {
			t.Errorf("HTTP %d", r.StatusCode)
		}
	}
	req, _ := http.NewRequest("POST", w.gateway.URL, strings.NewReader("x")) // is no probe
	w.do(req)
	if ev := w.event(1); ev["level"] != "INFO" || ev["probe"] != true || ev["code"] != "no-route" ||
		ev["method"] != "GET" {
		t.Errorf("%v", ev)
	}
	if ev := w.event(2); ev["level"] != "WARN" || ev["probe"] != nil || ev["method"] != "POST" {
		t.Errorf("%v", ev)
	}
	if got := observed.Load(); got != n || len(w.events.all()) != 2 {
		t.Errorf("%d probes were counted, and %d events written", got, len(w.events.all()))
	}
}

func TestGatewayMatchesPathsExactly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, path := range []string{"/", "/svc/", "/svc/x", "/SVC", "//svc", "/x/../svc", "/%2e/svc"} {
		req, _ := http.NewRequest("POST", w.gateway.URL, strings.NewReader("x"))
		req.URL.Opaque = path
		if r := w.do(req); r.StatusCode != 404 || w.code(i+1) != "no-route" ||
			!strings.Contains(w.event(i + 1)["error"].(string), "POST \"") {
			t.Errorf("%s: HTTP %d, code %s", path, r.StatusCode, w.code(i+1))
		}
	}
}

// remake makes the gateway of w.config anew.
func (w *world) remake() {
	g, err := gateway.New(w.config)
	w.must(err)
	w.gateway.Config.Handler = g
}

// newChoice makes a world whose route accepts several policies, over a channel
// that counts as TLS, and clients of each.
func newChoice(t *testing.T, policies ...wssec.Policy) (w *world, clients []*wssec.Processor) {
	w = newWorld(t)
	records := replay.NewMemory(replay.MemoryConfig{})
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil), Replay: records})
	w.must(err)
	var doors []door.Door
	for _, p := range policies {
		processor, err := wssec.NewProcessor(p, wssec.Config{Reserve: gateway.Reserve, Verifier: acceptor, Replay: records})
		w.must(err)
		doors = append(doors, door.NewSecurity(p.Name, processor))
		p.AllowPlainHTTP = true
		client, err := wssec.NewProcessor(p, wssec.Config{})
		w.must(err)
		clients = append(clients, client)
	}
	all, err := door.NewOneOf(doors...)
	w.must(err)
	w.config.Routes[0].Door, w.config.Routes[0].PolicyName, w.config.Routes[0].TLSOffloaded = all, all.Name(), true
	w.remake()
	return w, clients
}

func preset(name string) wssec.Policy { p, _ := wssec.Preset(name); return p }

// signedOnly is the preset Kerberos without encryption.
func signedOnly() wssec.Policy {
	p := preset("Kerberos")
	p.Name, p.EncryptSignature, p.EncryptedParts = "signed", false, wssec.Parts{}
	return p
}

// lazily is a TokenVerifier that is made after what it is given to.
type lazily struct{ c **clockwork }

func (l lazily) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (wssec.VerifiedToken, error) {
	return (*l.c).VerifyToken(ctx, token, bindings)
}

func plainHTTP(p wssec.Policy) wssec.Policy { p.AllowPlainHTTP = true; return p }

func readAll(t *testing.T, r *http.Request) []byte { return readAllOf(t, r.Body) }

func readAllOf(t *testing.T, r io.Reader) []byte {
	b, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return b
}

func parse(t *testing.T, message string) *soap.Envelope {
	env, err := soap.Parse([]byte(message), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return env
}
