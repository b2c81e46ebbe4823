package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
)

func frontServiceOf(*url.URL) string { return frontService }

// TestSecuredBackendIsCalledAsAsked: under every kind of policy, in the gateway's
// name or the caller's.
func TestSecuredBackendIsCalledAsAsked(t *testing.T) {
	const gate, alice = frontService + "@EXAMPLE.COM", "alice@EXAMPLE.COM"
	var routes strings.Builder
	routes.WriteString(ofFront + "backend-service: " + securedService + "\nroutes:\n")
	presets := map[string]string{"ktp": "Kerberos", "spnego": "SspiNegotiated", "conversation": "wsHttpBinding"}
	for path, preset := range presets {
		for _, credential := range []string{"gateway", "delegated"} {
			fmt.Fprintf(&routes, "- {path: /%s-%s, backend: BACKEND/%s, backend-policy: %s, backend-credential: %s, "+
				"backend-addressing: %q, policy: [Kerberos, SspiNegotiated]}\n", path, credential, path, preset, credential,
				map[bool]string{true: "1.0", false: "none"}[path == "spnego"])
		}
	}
	routes.WriteString("- {path: /http-delegated, backend: BACKEND/http, backend-policy: spnego-http, " +
		"backend-service: HTTP/backend.example.com, backend-credential: delegated, policy: [Kerberos, SspiNegotiated]}\n")
	w := newSecuredWorld(t, routes.String())
	for path, want := range map[string]string{
		"/ktp-gateway": gate, "/spnego-gateway": gate, "/conversation-gateway": gate,
		"/ktp-delegated": alice, "/spnego-delegated": alice, "/conversation-delegated": alice, "/http-delegated": alice,
	} {
		for _, preset := range []string{"Kerberos", "SspiNegotiated"} {
			c := w.client("alice", path, preset, true)
			for n := range 2 {
				if name := w.by(c, fmt.Sprint(n)); name != want {
					t.Errorf("%s by %s: the backend was called by %q, want %q", path, preset, name, want)
				}
			}
		}
	}
}

// TestSecuredBackendBehindOtherStandards: a plain client calls it in the gateway's
// name, and one of HTTP requests in its own.
func TestSecuredBackendBehindOtherStandards(t *testing.T) {
	w := newSecuredWorld(t, `
routes:
- {path: /app, standard: spnego-http, backend: BACKEND/http, backend-policy: spnego-http,
   backend-service: HTTP/backend.example.com, backend-credential: delegated, keytab: DIR/front.keytab}
- {path: /out, standard: none, backend: BACKEND/ktp, backend-policy: Kerberos, backend-service: `+securedService+`,
   backend-principal: `+frontService+`, backend-keytab: DIR/front.keytab}
`)
	resp, err := http.Post(w.url+"/out", soap.V11.ContentType(), bytes.NewReader(bodyOf("<q/>").Message))
	w.must(err)
	reply, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if !bytes.Contains(reply, []byte(frontService+"@EXAMPLE.COM<")) || bytes.Contains(reply, []byte("Security")) {
		t.Errorf("%d %s\n%s", resp.StatusCode, reply, w.lastText())
	}
	for _, user := range []string{"alice", "bob"} {
		resp, err = w.negotiating(user, true).Post(w.url+"/app/x", "text/plain", strings.NewReader("hello"))
		w.must(err)
		reply, _ = io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(reply) != user+"@EXAMPLE.COM POST hello" {
			t.Errorf("%d %s\n%s", resp.StatusCode, reply, w.lastText())
		}
	}
	resp, err = w.negotiating("alice", false).Get(w.url + "/app/x")
	w.must(err)
	resp.Body.Close()
	if code := w.code(4); resp.StatusCode != http.StatusBadGateway || code != "not-delegated" {
		t.Errorf("without a credential: HTTP %d, %s", resp.StatusCode, code)
	}
}

// TestBackendsRepliesAreVerified: whatever is wrong with a reply has a name in the
// log; the client gets one fault, protected, and nothing of what came. A fault
// that verifies is the backend's and reaches it.
func TestBackendsRepliesAreVerified(t *testing.T) {
	w := newSecuredWorld(t, ofFront+`
backend-service: `+securedService+`
routes:
- {path: /ktp, backend: BACKEND/ktp, backend-policy: Kerberos}
- {path: /spnego, backend: BACKEND/spnego, backend-policy: SspiNegotiated, backend-addressing: "1.0"}
- {path: /http, backend: BACKEND/http, backend-policy: spnego-http, backend-service: HTTP/backend.example.com}
- {path: /wrong, backend: BACKEND/ktp, backend-policy: Kerberos, backend-service: HTTP/backend.example.com}
- {path: /unknown, backend: BACKEND/ktp, backend-policy: Kerberos, backend-service: soap/nobody.example.com}
- {path: /delegated, backend: BACKEND/ktp, backend-policy: Kerberos, backend-credential: delegated}
`)
	const secret = "of the attacker"
	plain := bodyOf("<q>" + secret + "</q>").Message
	set := func(status int, body []byte) func(*httptest.ResponseRecorder) {
		return func(r *httptest.ResponseRecorder) {
			r.Code = status
			r.Body = bytes.NewBuffer(body)
			r.Header().Set("Content-Type", soap.V11.ContentType())
		}
	}
	fault := (&soap.Fault{Code: soap.Sender, Reason: secret}).AppendEnvelope(nil, soap.V11)
	edit := func(f func([]byte) []byte) func(*httptest.ResponseRecorder) {
		return func(r *httptest.ResponseRecorder) { r.Body = bytes.NewBuffer(f(r.Body.Bytes())) }
	}
	var earlier []byte
	keep := func(r *httptest.ResponseRecorder) { earlier = bytes.Clone(r.Body.Bytes()) }
	w.between.Store(&keep)
	w.by(w.client("alice", "/ktp", "Kerberos", false), "0")
	for n, a := range []struct {
		name, path string
		between    func(*httptest.ResponseRecorder)
		code       string
	}{
		{"without protection", "/ktp", set(200, plain), "backend-reply-not-verified"},
		{"a fault in clear", "/ktp", set(500, fault), "backend-refuses"},
		{"under the key of another request", "/ktp", func(r *httptest.ResponseRecorder) { set(200, earlier)(r) },
			"backend-reply-not-verified"},
		{"changed", "/ktp", edit(func(b []byte) []byte {
			return bytes.Replace(b, []byte("CipherValue>"), []byte("CipherValue>AAAA"), 1)
		}), "backend-reply-not-verified"},
		{"no signature", "/ktp", edit(func(b []byte) []byte {
			from, to := bytes.Index(b, []byte("<xenc:EncryptedData")), bytes.Index(b, []byte("</wsse:Security>"))
			return slices.Concat(b[:max(from, 0)], b[max(to, 0):])
		}), "backend-reply-not-verified"},
		{"HTML", "/ktp", func(r *httptest.ResponseRecorder) { r.Header().Set("Content-Type", "text/html") },
			"backend-not-soap"},
		{"cut", "/ktp", edit(func(b []byte) []byte { return b[:len(b)/2] }), "backend-not-soap"},
		{"another service's ticket", "/wrong", nil, "backend-refuses"},
		{"no such service", "/unknown", nil, "backend-no-ticket"},
		{"nothing delegated", "/delegated", nil, "not-delegated"},
		{"without protection under a context", "/spnego", set(200, plain), "backend-negotiation-failed"},
		{"a fault in the negotiation", "/spnego", set(500, fault), "backend-refuses"},
		{"401", "/http", set(401, plain), "backend-refuses"},
		{"no proof of the server", "/http", func(r *httptest.ResponseRecorder) {
			set(200, plain)(r)
			r.Header().Del("WWW-Authenticate")
		}, "backend-reply-not-verified"},
		{"a fault without proof", "/http", func(r *httptest.ResponseRecorder) {
			set(500, fault)(r)
			r.Header().Del("WWW-Authenticate")
		}, "backend-reply-not-verified"},
	} {
		w.between.Store(nil)
		if a.between != nil {
			w.between.Store(&a.between)
		}
		arrived := w.arrived.Load()
		_, err := w.client("alice", a.path, "Kerberos", false).Call(t.Context(), bodyOf("<q/>"))
		failed, ok := errors.AsType[*client.Error](err)
		if !ok || failed.Code != client.CodeFault || failed.Fault.Reason != "The service is not available." ||
			bytes.Contains(failed.Reply.Message, []byte(secret)) {
			t.Errorf("%s: %v", a.name, err)
		}
		if code := w.code(n + 2); code != a.code {
			t.Errorf("%s: %s, want %s\n%s", a.name, code, a.code, w.lastText())
		}
		if got := w.arrived.Load() - arrived; got > 1 {
			t.Errorf("%s: %d messages reached the backend", a.name, got)
		}
	}
	w.between.Store(nil)
	for _, path := range []string{"/ktp", "/spnego", "/http"} {
		_, err := w.client("alice", path, "Kerberos", false).Call(t.Context(), bodyOf("<q>no such symbol</q>"))
		failed, ok := errors.AsType[*client.Error](err)
		if !ok || failed.Code != client.CodeFault || failed.Fault.Reason != "no such symbol" {
			t.Errorf("%s: a fault that verifies: %v", path, err)
		}
		if name := w.by(w.client("alice", path, "Kerberos", false), "1"); name != frontService+"@EXAMPLE.COM" {
			t.Errorf("%s: afterwards by %q", path, name)
		}
	}
}

// TestCallersAreNeverMixed: of 64 that call at the same time, by two credentials
// each, every message reaches the backend in the name of the one who sent it, and
// every reply the one who asked.
func TestCallersAreNeverMixed(t *testing.T) {
	w := newSecuredWorld(t, ofFront+`
backend-service: `+securedService+`
backend-credential: delegated
routes:
- {path: /ktp, backend: BACKEND/ktp, backend-policy: Kerberos}
- {path: /spnego, backend: BACKEND/spnego, backend-policy: SspiNegotiated, backend-addressing: "1.0"}
- {path: /http, backend: BACKEND/http, backend-policy: spnego-http, backend-service: HTTP/backend.example.com}
`)
	const callers, messages = 64, 3
	var clients sync.WaitGroup
	for n := range callers {
		user := fmt.Sprintf("user%02d", n)
		w.kdc.AddUser(user, "secret")
		clients.Go(func() {
			for m := range messages {
				for _, path := range []string{"/ktp", "/spnego", "/http"} {
					c := w.client(user, path, "Kerberos", true)
					if name := w.by(c, fmt.Sprint(user, " ", m)); name != user+"@EXAMPLE.COM" {
						t.Errorf("%s was called by %q in the place of %s", path, name, user)
					}
				}
			}
		})
	}
	clients.Wait()
	if got := w.calls.Load(); got != callers*messages*3 {
		t.Errorf("%d calls of %d messages", got, callers*messages*3)
	}
}
