package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

func TestExchange(t *testing.T) {
	for _, v := range []soap.Version{soap.V11, soap.V12} {
		t.Run(v.String(), func(t *testing.T) {
			w := newWorld(t)
			var got *http.Request
			var body []byte
			w.backend = func(rw http.ResponseWriter, r *http.Request) {
				got = r
				body, _ = io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				echo(rw, r)
			}
			msg, req := w.protect(v, payload)
			if bytes.Contains(msg, []byte("worth")) {
				t.Fatal("the request is in the clear")
			}
			r := w.post(v, bytes.NewReader(msg))
			if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != v.ContentType() {
				t.Fatalf("HTTP %d %s\n%s", r.StatusCode, r.Header, r.body)
			}
			if bytes.Contains(r.body, []byte("worth")) {
				t.Errorf("the reply is in the clear: %s", r.body)
			}
			if opened := w.open(r, req); !strings.Contains(opened, "what is it worth") {
				t.Errorf("opened reply is %s", opened)
			}
			if bytes.Contains(body, []byte("Security")) || !bytes.Contains(body, []byte(">what is it worth</q:Ask>")) {
				t.Errorf("the backend got %s", body)
			}
			if got.Method != http.MethodPost || got.URL.Path != "/service" || got.Header.Get("X-Principal") != "alice@EXAMPLE.COM" || got.Header.Get("X-Realm") != "EXAMPLE.COM" {
				t.Errorf("the backend got %s %s %v", got.Method, got.URL, got.Header)
			}
		})
	}
}

// The event has everything that an operator asks for, once.
func TestOneEventForAnExchange(t *testing.T) {
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.PolicyName = "Kerberos" })
	msg, _ := w.protect(soap.V11, payload)
	r := w.post(soap.V11, bytes.NewReader(msg))
	ev := w.event(1)
	for key, want := range map[string]any{
		"msg": "exchange", "level": "INFO", "code": "ok", "status": 200.0, "route": "/svc", "policy": "Kerberos",
		"principal": "alice@EXAMPLE.COM", "service": service + "@EXAMPLE.COM", "bytes_in": float64(len(msg)),
		"bytes_out": float64(len(r.body)), "backend_status": 200.0,
	} {
		if ev[key] != want {
			t.Errorf("%s is %v, want %v", key, ev[key], want)
		}
	}
	stages, _ := ev["stages"].(map[string]any)
	for _, s := range []string{"read", "verify", "ticket", "backend", "protect", "write"} {
		if d, ok := stages[s].(float64); !ok || d <= 0 {
			t.Errorf("stage %s took %v", s, stages[s])
		}
	}
	if n := len(w.events.all()); n != 1 {
		t.Errorf("%d events", n)
	}
	if text := strings.ToLower(strings.Join(strings.Fields(toJSON(t, ev)), " ")); strings.Contains(text, "worth") {
		t.Errorf("the event has the message's content: %s", text)
	}
}

func TestOneWayMessages(t *testing.T) {
	for name, backend := range map[string]http.HandlerFunc{
		"202": answer(http.StatusAccepted, "", ""), "200 without body": answer(http.StatusOK, "text/xml", ""), "204": answer(http.StatusNoContent, "", ""),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.backend = backend
			r, _ := w.call()
			if r.StatusCode != http.StatusAccepted || len(r.body) != 0 || w.code(1) != "ok" {
				t.Errorf("HTTP %d, %q, code %s", r.StatusCode, r.body, w.code(1))
			}
		})
	}
}

// A fault that the backend means is a reply like any other.
func TestBackendFaultsAreProtected(t *testing.T) {
	for _, tt := range []struct {
		v            soap.Version
		status, want int
	}{{soap.V11, 500, 500}, {soap.V11, 200, 500}, {soap.V11, 400, 500}, {soap.V12, 400, 400}, {soap.V12, 500, 500}, {soap.V12, 503, 500}} {
		w := newWorld(t)
		f := soap.Fault{Code: soap.Sender, Reason: "no such symbol"}
		w.backend = answer(tt.status, tt.v.ContentType(), string(f.AppendEnvelope(nil, tt.v)))
		msg, req := w.protect(tt.v, payload)
		r := w.post(tt.v, bytes.NewReader(msg))
		if r.StatusCode != tt.want || bytes.Contains(r.body, []byte("symbol")) {
			t.Errorf("%v, %d from the backend: HTTP %d\n%s", tt.v, tt.status, r.StatusCode, r.body)
		}
		if got := w.openFault(r, req); got.Reason != f.Reason || w.code(1) != "ok" {
			t.Errorf("fault %+v, code %s", got, w.code(1))
		}
	}
}

// What a backend may answer that is not a SOAP reply: its words never reach the
// client, protected or not.
func TestRepliesThatAreNotSOAPAreWithheld(t *testing.T) {
	const secret = "Stacktrace at com.example.Internal"
	v11 := soap.V11.ContentType()
	tests := map[string]struct {
		backend http.HandlerFunc
		code    string
	}{
		"HTML error page":      {answer(500, "text/html", secret), "backend-not-soap"},
		"text":                 {answer(200, "text/plain", secret), "backend-not-soap"},
		"no type":              {answer(200, "", secret), "backend-not-soap"},
		"not XML":              {answer(200, v11, secret), "backend-not-soap"},
		"XML but not SOAP":     {answer(200, v11, "<a>"+secret+"</a>"), "backend-not-soap"},
		"other SOAP version":   {answer(200, soap.V12.ContentType(), envelope(soap.V12, secret)), "backend-not-soap"},
		"other version inside": {answer(200, v11, envelope(soap.V12, secret)), "backend-not-soap"},
		"DOCTYPE":              {answer(200, v11, "<!DOCTYPE a>"+envelope(soap.V11, secret)), "backend-not-soap"},
		"404 with an envelope": {answer(404, v11, envelope(soap.V11, secret)), "backend-not-soap"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusTemporaryRedirect)
		}, "backend-not-soap"},
		"compressed": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			answer(200, v11, secret)(w, r)
		}, "backend-not-soap"},
		"multipart": {answer(200, `multipart/related; type="text/xml"`, secret), "backend-not-soap"},
		"broken off": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "9999")
			answer(200, v11, secret)(w, r)
		}, "backend-down"},
		"connection closed":     {func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "backend-down"},
		"204 with a fault code": {answer(304, "", ""), "backend-not-soap"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.backend = tt.backend
			r, req := w.call()
			if r.StatusCode != 500 || bytes.Contains(r.body, []byte("Stacktrace")) {
				t.Errorf("HTTP %d\n%s", r.StatusCode, r.body)
			}
			if f := w.openFault(r, req); f.Code != soap.Receiver || f.Reason != "The service is not available." {
				t.Errorf("fault %+v", f)
			}
			if w.code(1) != tt.code {
				t.Errorf("code %s, want %s", w.code(1), tt.code)
			}
			if w.calls() != 1 {
				t.Errorf("%d calls of the backend", w.calls())
			}
		})
	}
}

// A reply whose parts the policy cannot protect: the client gets a protected fault.
func TestRepliesThatCannotBeProtectedAreWithheld(t *testing.T) {
	const head = `<s:Envelope xmlns:s="` + soap.NS11 + `" xmlns:u="` + wssec.NSWSU + `">`
	for name, reply := range map[string]string{
		"an Id that is no name":    head + `<s:Body u:Id="&lt;"><m xmlns="urn:m">secret</m></s:Body></s:Envelope>`,
		"a mandatory header block": head + `<s:Header><h xmlns="urn:h" s:mustUnderstand="1">secret</h></s:Header><s:Body/></s:Envelope>`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.backend = answer(200, soap.V11.ContentType(), reply)
			r, req := w.call()
			if r.StatusCode != 500 || bytes.Contains(r.body, []byte("secret")) {
				t.Errorf("HTTP %d\n%s", r.StatusCode, r.body)
			}
			if f := w.openFault(r, req); f.Code != soap.Receiver || w.code(1) != "reply-not-protected" {
				t.Errorf("fault %+v, code %s", f, w.code(1))
			}
		})
	}
}

// The user information of a backend's URL is for the backend alone.
func TestBackendCredentials(t *testing.T) {
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		r.Backend.User = url.UserPassword("gate", "s3cret")
	})
	var user, password string
	w.backend = func(rw http.ResponseWriter, r *http.Request) { user, password, _ = r.BasicAuth(); echo(rw, r) }
	w.call()
	if user != "gate" || password != "s3cret" || strings.Contains(toJSON(t, w.event(1)), "s3cret") {
		t.Errorf("the backend got %q, %q; the event is %v", user, password, w.event(1))
	}
}

func TestUnprotectedPolicyRepliesNeedTLS(t *testing.T) {
	preset := func(offloaded bool) option {
		return func(_ *gateway.Config, r *gateway.Route, p *wssec.Policy) {
			*p, _ = wssec.Preset("KerberosToken")
			r.TLSOffloaded = offloaded
		}
	}
	w := newWorld(t, preset(true))
	r, _ := w.call()
	if r.StatusCode != 200 || !bytes.Contains(r.body, []byte("worth")) {
		t.Errorf("over TLS that a proxy ended: HTTP %d\n%s", r.StatusCode, r.body)
	}
	w = newWorld(t, preset(false))
	r, _ = w.call()
	if w.plainFault(r); r.StatusCode != 500 || w.calls() != 0 || w.code(1) != "transport-not-secure" {
		t.Errorf("over plain HTTP: HTTP %d, %d calls, code %s", r.StatusCode, w.calls(), w.code(1))
	}
}
