package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// Header blocks that nobody signed follow the route's rule.
func TestForwardFollowsTheRuleOfOtherHeaders(t *testing.T) {
	t.Parallel()
	const plain = `<s:Envelope xmlns:s="` + soap.NS11 +
		`"><s:Header><x:Trace xmlns:x="urn:x">t</x:Trace></s:Header><s:Body>` + payload + `</s:Body></s:Envelope>`
	const mandatory = `<s:Envelope xmlns:s="` + soap.NS11 +
		`"><s:Header><x:Trace xmlns:x="urn:x" s:mustUnderstand="1">t</x:Trace></s:Header><s:Body>` + payload +
		`</s:Body></s:Envelope>`
	tests := []struct {
		rule    wssec.HeaderRule
		message string
		passed  bool
		code    string
	}{
		{wssec.DropHeaders, plain, false, "ok"},
		{wssec.PassHeaders, plain, true, "ok"},
		{wssec.RefuseHeaders, plain, false, "header-refused"},
		{wssec.DropHeaders, mandatory, false, "header-not-understood"},
		{wssec.PassHeaders, mandatory, true, "ok"},
	}
	for _, tt := range tests {
		w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.OtherHeaders = tt.rule })
		passed := false
		w.backend = func(rw http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			passed = bytes.Contains(b, []byte("urn:x"))
			r.Body = io.NopCloser(bytes.NewReader(b))
			echo(rw, r)
		}
		msg, req := w.protectAs("alice", tt.message)
		r := w.post(soap.V11, bytes.NewReader(msg))
		if passed != tt.passed || w.code(1) != tt.code {
			t.Errorf("%s: passed %v, code %s", tt.rule, passed, w.code(1))
		}
		if tt.code == "ok" {
			w.open(r, req)
		} else {
			w.openFault(r, req)
		}
	}
}

// The settings of a route say what reaches which node behind it; the client
// learns which mandatory block was in the way, under its own protection.
func TestForwardFollowsTheRolesOfTheRoute(t *testing.T) {
	t.Parallel()
	const security = `<w:Security xmlns:w="` + wssec.NSWSSE + `" s:role="urn:%s" s:mustUnderstand="1">` +
		`<w:UsernameToken/></w:Security>`
	block := func(role string) string {
		return `<x:Trace xmlns:x="urn:x" s:role="` + role + `" s:mustUnderstand="1">t</x:Trace>`
	}
	for _, tt := range []struct {
		block, code string
		fault       soap.FaultCode
		named       bool // by NotUnderstood
	}{
		{fmt.Sprintf(security, "ledger"), "ok", 0, false},
		{fmt.Sprintf(security, "stranger"), "actor-not-forwarded", soap.Sender, false},
		{block("urn:ledger"), "ok", 0, false},
		{block("urn:stranger"), "actor-not-forwarded", soap.Sender, false},
		{block("urn:gate"), "header-not-understood", soap.MustUnderstandFault, true},
		{block(soap.RoleNext), "header-not-understood", soap.MustUnderstandFault, true},
		{strings.ReplaceAll(block(soap.RoleNext), "Trace", "Known"), "ok", 0, false},
	} {
		w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, p *wssec.Policy) {
			p.Actors, r.ForwardActors = []string{"urn:gate"}, []string{"urn:ledger"}
			r.UnderstoodHeaders, r.OtherHeaders = []string{"{urn:x}Known"}, wssec.PassHeaders
			if strings.Contains(tt.block, "stranger") {
				r.OtherHeaders = wssec.DropHeaders
			}
		})
		var got []byte
		w.backend = func(rw http.ResponseWriter, r *http.Request) {
			got, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(got))
			echo(rw, r)
		}
		plain := strings.Replace(envelope(soap.V12, payload), `<s:Body>`, `<s:Header>`+tt.block+`</s:Header><s:Body>`, 1)
		msg, req := w.protectAs("alice", plain)
		r := w.post(soap.V12, bytes.NewReader(msg))
		switch code := w.code(1); {
		case code != tt.code:
			t.Errorf("%s: %s, want %s", tt.block, code, tt.code)
		case code == "ok":
			if w.open(r, req); !bytes.Contains(got, []byte(tt.block)) {
				t.Errorf("%s did not reach the backend: %s", tt.block, got)
			}
		default:
			if f := w.openFault(r, req); f.Code != tt.fault || w.calls() != 0 {
				t.Errorf("%s: %+v, %d calls", tt.block, f, w.calls())
			}
			if strings.Contains(string(r.body), "NotUnderstood") != tt.named {
				t.Errorf("%s: %s", tt.block, r.body)
			}
		}
	}
}

// What a backend may answer that is not a SOAP reply: its words never reach the
// client, protected or not.
func TestReadReplyRefusesWhatIsNotSOAP(t *testing.T) {
	t.Parallel()
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
		"connection closed": {func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
			"backend-down"},
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

// The user information of a backend's URL is for the backend alone.
func TestForwardSendsTheCredentialsOfTheURL(t *testing.T) {
	t.Parallel()
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

func TestForwardEndsAtTheBackendTimeout(t *testing.T) {
	t.Parallel()
	for name, backend := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, "<s:Envelope")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
				r.BackendTimeout = 50 * time.Millisecond
			})
			w.backend = backend
			r, req := w.call()
			if f := w.openFault(r, req); f.Code != soap.Receiver || w.code(1) != "backend-timeout" {
				t.Errorf("fault %+v, code %s", f, w.code(1))
			}
		})
	}
}

func TestForwardReportsABackendThatIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln.Close() // nobody is there
		r.Backend.Host = ln.Addr().String()
	})
	r, req := w.call()
	if f := w.openFault(r, req); f.Code != soap.Receiver || w.code(1) != "backend-down" {
		t.Errorf("fault %+v, code %s", f, w.code(1))
	}
	if bytes.Contains(r.body, []byte("127.0.0.1")) {
		t.Error("the fault tells the backend's address")
	}
}

func TestReadReplyRefusesHugeReplies(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	for name, backend := range map[string]http.HandlerFunc{
		"told": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "99999999999")
			answer(200, "text/xml", "<")(w, r)
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			for chunk := bytes.Repeat([]byte(" "), 1<<16); r.Context().Err() == nil; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxMessage = limit })
			w.backend = backend
			r, req := w.call()
			if w.openFault(r, req); w.code(1) != "backend-too-large" {
				t.Errorf("code %s", w.code(1))
			}
		})
	}
}

func TestForwardEndsWithTheClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inside := make(chan bool)
	w.backend = func(_ http.ResponseWriter, r *http.Request) { inside <- true; <-r.Context().Done() }
	msg, _ := w.protect(soap.V11, payload)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-inside; cancel() }()
	req, _ := http.NewRequestWithContext(ctx, "POST", w.gateway.URL+"/svc", bytes.NewReader(msg))
	req.Header.Set("Content-Type", "text/xml")
	if _, err := w.gateway.Client().Do(req); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if w.code(1) != "client-gone" {
		t.Errorf("code %s", w.code(1))
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A transport may read the request after RoundTrip has returned, and says when
// it has read it. Meanwhile other messages pass, in buffers that are used again.
func TestTransportReadsMessageAfterItsExchange(t *testing.T) {
	slow := make(chan *http.Request, 1)
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Accept") == "slow" {
				slow <- r
			} else {
				_, _ = io.Copy(io.Discard, r.Body)
				httptrace.ContextClientTrace(r.Context()).WroteRequest(httptrace.WroteRequestInfo{})
			}
			return &http.Response{StatusCode: http.StatusAccepted, Body: http.NoBody}, nil
		})
	})
	send := func(body string, header ...string) {
		message, _ := w.protect(soap.V11, body)
		if r := w.post(soap.V11, bytes.NewReader(message), header...); r.StatusCode != http.StatusAccepted {
			t.Fatalf("HTTP %d %s", r.StatusCode, r.body)
		}
	}
	send("<first>"+strings.Repeat("one ", 1000)+"</first>", "Accept: slow")
	for range 20 {
		send("<other>" + strings.Repeat("two ", 1000) + "</other>")
	}
	first := <-slow
	got, err := io.ReadAll(first.Body)
	if !strings.Contains(string(got), ">"+strings.Repeat("one ", 1000)+"</first>") || err != nil {
		t.Errorf("%.300q, %v", got, err)
	}
	httptrace.ContextClientTrace(first.Context()).WroteRequest(httptrace.WroteRequestInfo{}) // nobody listens any more
}

// Every message arrives as it was protected, though buffers are used again and
// the backend answers some requests before it has read them.
func TestBackendAnswersBeforeItHasRead(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(rw)
		_ = rc.EnableFullDuplex()
		rw.WriteHeader(http.StatusAccepted)
		if r.Header.Get("Accept") == "early" {
			_ = rc.Flush()
		}
		b, err := io.ReadAll(r.Body)
		if err == nil && (!strings.HasSuffix(string(b), "</s:Envelope>") || strings.Contains(string(b), "!!")) {
			t.Errorf("a message arrived as %.300q", b)
		}
	}))
	defer backend.Close()
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.Backend, _ = url.Parse(backend.URL) })
	var all sync.WaitGroup
	for n := range 8 {
		var messages [10][]byte
		for i := range messages {
			messages[i], _ = w.protect(soap.V11, "<q>"+strings.Repeat("word ", 100<<n/5)+"</q>")
		}
		accept := [...]string{"Accept: early", "Accept: late"}[n%2]
		all.Go(func() {
			for _, m := range messages {
				if r := w.post(soap.V11, bytes.NewReader(m), accept); r.StatusCode != http.StatusAccepted {
					t.Errorf("HTTP %d %s", r.StatusCode, r.body)
				}
			}
		})
	}
	all.Wait()
}
