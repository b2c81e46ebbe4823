package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

func TestExchangeReturnsTheProtectedReply(t *testing.T) {
	t.Parallel()
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
			if got.Method != http.MethodPost || got.URL.Path != "/service" ||
				got.Header.Get("X-Principal") != "alice@EXAMPLE.COM" || got.Header.Get("X-Realm") != "EXAMPLE.COM" {
				t.Errorf("the backend got %s %s %v", got.Method, got.URL, got.Header)
			}
		})
	}
}

func TestExchangeAcceptsOneWayMessages(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		backend http.HandlerFunc
		status  int
	}{
		"202":              {answer(http.StatusAccepted, "", ""), 202},
		"200 without body": {answer(http.StatusOK, "text/xml", ""), 202},
		"204":              {answer(http.StatusNoContent, "", ""), 204},
		"202 with the coding of no body": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			answer(http.StatusAccepted, "text/xml", "")(w, r)
		}, 202},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.backend = tt.backend
			r, _ := w.call()
			if r.StatusCode != tt.status || len(r.body) != 0 || w.code(1) != "ok" {
				t.Errorf("HTTP %d, %q, code %s", r.StatusCode, r.body, w.code(1))
			}
		})
	}
}

// A fault that the backend means is a reply like any other.
func TestExchangeProtectsFaultsOfTheBackend(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		v      soap.Version
		status int
	}{{soap.V11, 500}, {soap.V11, 200}, {soap.V11, 400}, {soap.V12, 400}, {soap.V12, 500}, {soap.V12, 503}} {
		w := newWorld(t)
		f := soap.Fault{Code: soap.Sender, Reason: "no such symbol"}
		w.backend = answer(tt.status, tt.v.ContentType(), string(f.AppendEnvelope(nil, tt.v)))
		msg, req := w.protect(tt.v, payload)
		r := w.post(tt.v, bytes.NewReader(msg))
		if r.StatusCode != 500 || bytes.Contains(r.body, []byte("symbol")) {
			t.Errorf("%v, %d from the backend: HTTP %d\n%s", tt.v, tt.status, r.StatusCode, r.body)
		}
		if got := w.openFault(r, req); got.Reason != f.Reason || w.code(1) != "ok" {
			t.Errorf("fault %+v, code %s", got, w.code(1))
		}
	}
}

// A reply whose parts the policy cannot protect: the client gets a protected
// fault.
func TestExchangeWithholdsRepliesThatCannotBeProtected(t *testing.T) {
	t.Parallel()
	const head = `<s:Envelope xmlns:s="` + soap.NS11 + `" xmlns:u="` + wssec.NSWSU + `">`
	for name, reply := range map[string]string{
		"an Id that is no name": head + `<s:Body u:Id="&lt;"><m xmlns="urn:m">secret</m></s:Body></s:Envelope>`,
		"a mandatory header block": head +
			`<s:Header><h xmlns="urn:h" s:mustUnderstand="1">secret</h></s:Header><s:Body/></s:Envelope>`,
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

func TestExchangeNeedsTLSForAPolicyWithoutProtection(t *testing.T) {
	t.Parallel()
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

// Who may not call takes no room in the token cache, so that it cannot drive
// out the tokens of those who may. Alice's is there when the backend has her
// message.
func TestExchangeRemembersAuthorizedClientsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, admit(access.Lists{AllowedPrincipals: []string{"alice@EXAMPLE.COM"}}))
	atBackend := -1
	w.backend = func(rw http.ResponseWriter, r *http.Request) { atBackend = w.tokens.Len(); echo(rw, r) }
	for _, tt := range []struct {
		client string
		tokens int
	}{{"mallory", 0}, {"alice", 1}, {"mallory", 1}, {"alice", 2}} {
		msg, _ := w.protectAs(tt.client, envelope(soap.V11, payload))
		w.post(soap.V11, bytes.NewReader(msg))
		if n := w.tokens.Len(); n != tt.tokens {
			t.Errorf("after a message of %s: %d tokens", tt.client, n)
		}
	}
	if atBackend != 2 {
		t.Errorf("%d tokens were known while the backend was asked", atBackend)
	}
}

// A disabled route says nothing of who or what, and asks nobody.
func TestExchangeRefusesDisabledServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.Disabled = true })
	for i, v := range []soap.Version{soap.V11, soap.V12} {
		msg, _ := w.protect(v, payload)
		r := w.post(v, bytes.NewReader(msg))
		if f := w.plainFault(r); f.Code != soap.Receiver || r.StatusCode != http.StatusInternalServerError ||
			w.code(i+1) != "service-disabled" || w.calls() != 0 {
			t.Errorf("HTTP %d, code %s, %+v", r.StatusCode, w.code(i+1), f)
		}
		if got := r.Header.Get("Content-Type"); got != v.ContentType() {
			t.Errorf("Content-Type %s", got)
		}
	}
	if _, err := gateway.New(gateway.Config{Log: slog.New(slog.DiscardHandler),
		Routes: []gateway.Route{{Path: "/a", Disabled: true}}}); err != nil {
		t.Error(err)
	}
}

// A client that goes away while its token is looked at has not failed to
// authenticate, for which its address might be held to a rate.
func TestExchangeWithAClientThatHasGoneIsNoFailureToAuthenticate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	msg, _ := w.protect(soap.V11, payload)
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/svc", bytes.NewReader(msg))
	r.Header.Set("Content-Type", soap.V11.ContentType())
	cancel()
	func() {
		defer func() { _ = recover() }() // as net/http has it where nothing is answered
		w.gateway.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}()
	if code := w.code(1); code != "client-gone" {
		t.Errorf("code %s", code)
	}
}

// A client that does not read its reply holds neither goroutine nor octets for
// longer than the write timeout.
func TestExchangeEndsWithClientsThatDoNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		c.WriteTimeout = 200 * time.Millisecond
	})
	w.backend = answer(200, "text/xml", envelope(soap.V11, "<a>"+strings.Repeat("a", 8<<20)+"</a>"))
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
		ShutdownTimeout: time.Second})
	msg, _ := w.protect(soap.V11, payload)
	conn, err := net.Dial("tcp", addr)
	w.must(err)
	defer conn.Close()
	w.must(conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(conn, "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\n"+
		"Content-Length: %d\r\n\r\n%s", len(msg), msg)
	w.must(err)
	if ev := w.event(1); ev["code"] != "client-gone" || !strings.Contains(fmt.Sprint(ev["error"]), "timeout") {
		t.Errorf("event %v", ev)
	}
}

// The write timeout is for one answer, not for the connection: a later request
// on it is asked for its body as the first was.
func TestExchangeEndsTheWriteTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.WriteTimeout = time.Second })
	transport := &http.Transport{MaxConnsPerHost: 1, ExpectContinueTimeout: time.Minute}
	w.gateway.Client().Transport = transport
	t.Cleanup(transport.CloseIdleConnections)
	for range 2 {
		r, req := w.call("Expect: 100-continue")
		w.open(r, req)
		time.Sleep(1100 * time.Millisecond)
	}
}

// A panic would be our bug; it costs one exchange, says nothing to the client,
// and gives its octets back.
func TestExchangeRecoversFromPanics(t *testing.T) {
	t.Parallel()
	bad := true
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		inner := gateway.NewTransport()
		c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if bad {
				panic("secret")
			}
			return inner.RoundTrip(r)
		})
	})
	r, _ := w.call()
	if f := w.plainFault(r); r.StatusCode != 500 || f.Code != soap.Receiver || bytes.Contains(r.body, []byte("secret")) {
		t.Errorf("HTTP %d %s", r.StatusCode, r.body)
	}
	if ev := w.event(1); ev["code"] != "internal" || ev["level"] != "ERROR" ||
		!strings.Contains(fmt.Sprint(ev["error"]), "secret") {
		t.Errorf("event %v", ev)
	}
	bad = false
	r, req := w.call()
	w.open(r, req)
}

// Streams of HTTP/2 are exchanges of their client, on however few connections.
func TestBudgetCountsStreamsAsExchanges(t *testing.T) {
	inside, leave := make(chan bool), make(chan bool)
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxClientExchanges = 2 })
	w.backend = func(rw http.ResponseWriter, r *http.Request) { inside <- true; <-leave; echo(rw, r) }
	s := timeouts()
	s.MaxClientConnections = 1
	s.Certificates = gateway.NewCertificates(newTLSServer(t, nil).TLS.Certificates, gateway.TLSRules{})
	addr, _ := w.listen(s)
	w.gateway.URL = "https://" + addr
	w.gateway.Client().Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: true}
	t.Cleanup(w.gateway.Client().CloseIdleConnections)
	done := make(chan httpReply)
	for range 2 {
		msg, _ := w.protect(soap.V11, payload)
		go func() { done <- w.post(soap.V11, bytes.NewReader(msg)) }()
		<-inside
	}
	msg, _ := w.protect(soap.V11, payload)
	if r := w.post(soap.V11, bytes.NewReader(msg)); r.StatusCode != 503 || r.ProtoMajor != 2 {
		t.Errorf("a third stream: %s %d", r.Proto, r.StatusCode)
	}
	close(leave)
	for range 2 {
		if r := <-done; r.StatusCode != 200 {
			t.Errorf("HTTP %d", r.StatusCode)
		}
	}
}
