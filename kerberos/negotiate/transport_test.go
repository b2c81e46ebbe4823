package negotiate_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// tickets are those of alice, of a KDC in process.
type tickets struct {
	kdc       *krbtest.KDC
	service   string // "" for the one that is asked for
	mu        sync.Mutex
	asked     []string
	forgotten []string
	forwarded int
	flags     uint32
}

func (s *tickets) ServiceTicket(_ context.Context, name string) (kerberos.Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, name)
	if s.service != "" {
		name = s.service
	}
	ticket, err := s.kdc.Ticket("alice", name, krbtest.TicketOptions{})
	ticket.Flags |= s.flags
	return ticket, err
}

func (s *tickets) Forget(name string) { s.forgotten = append(s.forgotten, name) }

func (s *tickets) Forwarded(context.Context) (kerberos.Credential, error) {
	s.forwarded++
	return s.kdc.Ticket("alice", "krbtgt/EXAMPLE.COM", krbtest.TicketOptions{Flags: kerberos.FlagForwarded})
}

// transport returns a client's side for the world's server, and its tickets.
func (w *world) transport(change func(*negotiate.TransportConfig)) (*http.Client, *tickets) {
	w.Helper()
	s := &tickets{kdc: w.kdc, service: service}
	cfg := negotiate.TransportConfig{Tickets: s, Hosts: []string{"127.0.0.1"}, AllowHTTP: true,
		Base: w.server.Client().Transport}
	if change != nil {
		change(&cfg)
	}
	t, err := negotiate.NewTransport(cfg)
	w.must(err)
	return &http.Client{Transport: t}, s
}

// read returns the status and body of a response.
func (w *world) read(resp *http.Response, err error) (status int, body string) {
	w.Helper()
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	return resp.StatusCode, string(b)
}

func TestTransportAuthenticates(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*negotiate.TransportConfig){
		"after a challenge": nil,
		"preemptive":        func(c *negotiate.TransportConfig) { c.Preemptive = true },
		"krb5":              func(c *negotiate.TransportConfig) { c.Mechanism = gss.MechanismKRB5 },
		"one-way":           func(c *negotiate.TransportConfig) { c.NoMutual = true },
		"one-way krb5": func(c *negotiate.TransportConfig) {
			c.NoMutual, c.Mechanism, c.Preemptive = true, gss.MechanismKRB5, true
		},
	} {
		w := newWorld(t, nil)
		client, s := w.transport(change)
		status, body := w.read(client.Post(w.server.URL, "text/plain", strings.NewReader("hello")))
		if status != http.StatusOK || body != "alice@EXAMPLE.COM token hello" {
			t.Errorf("%s: HTTP %d %q", name, status, body)
		}
		if !slices.Equal(s.asked, []string{"HTTP/127.0.0.1"}) {
			t.Errorf("%s: tickets for %q", name, s.asked)
		}
	}
}

func TestTransportAnswersApplicationNegotiate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) {
		c.Application, c.Challenge.Connect = true, "wss://gw.example.com/kerberos5"
	})
	for _, on := range []bool{true, false} {
		client, _ := w.transport(func(c *negotiate.TransportConfig) { c.Application = on })
		status, _ := w.read(client.Get(w.server.URL))
		if want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[on]; status != want {
			t.Errorf("Application %t: HTTP %d", on, status)
		}
	}
}

// A recorder is a server that records the Authorization headers that it gets.
type recorder struct {
	mu   sync.Mutex
	auth []string
}

func (h *recorder) record(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.auth = append(h.auth, r.Header.Get("Authorization"))
}

func (h *recorder) tokens() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.auth {
		if strings.HasPrefix(a, "Negotiate") {
			n++
		}
	}
	return n
}

// TestTransportSendsTokensToAllowedHostsOnly: and by HTTPS only, unless that is
// set.
func TestTransportSendsTokensToAllowedHostsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var got recorder
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		got.record(r)
		return &http.Response{StatusCode: 401, Header: http.Header{"Www-Authenticate": {"Negotiate"}},
			Body: http.NoBody, Request: r}, nil
	})
	for _, tt := range []struct {
		hosts []string
		http  bool
		url   string
		want  bool
	}{
		{[]string{"gw.example.com"}, false, "https://gw.example.com/", true},
		{[]string{"gw.example.com"}, false, "https://GW.example.com:8443/", true},
		{[]string{"gw.example.com:8443"}, false, "https://gw.example.com:8443/", true},
		{[]string{"gw.example.com:8443"}, false, "https://gw.example.com/", false},
		{[]string{".example.com"}, false, "https://gw.example.com/", true},
		{[]string{".example.com"}, false, "https://gwexample.com/", false},
		{[]string{".example.com"}, false, "https://gw.example.com.evil.test/", false},
		{[]string{"*"}, false, "https://anybody.test/", true},
		{[]string{"*"}, false, "http://anybody.test/", false},
		{[]string{"*"}, true, "http://anybody.test/", true},
		{[]string{"gw.example.com"}, false, "https://evil.test/?gw.example.com", false},
		{[]string{"gw.example.com"}, false, "https://gw.example.com@evil.test/", false},
	} {
		got.auth = nil
		client, _ := w.transport(func(c *negotiate.TransportConfig) {
			c.Hosts, c.AllowHTTP, c.Base, c.Preemptive = tt.hosts, tt.http, base, true
		})
		if _, err := client.Get(tt.url); err != nil {
			t.Fatal(err)
		}
		if (got.tokens() > 0) != tt.want {
			t.Errorf("%q, HTTP %t, %s: %q", tt.hosts, tt.http, tt.url, got.auth)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTransportSendsNoTokenAfterRedirection: to another host, even one that is
// allowed, and even if the way leads back.
func TestTransportSendsNoTokenAfterRedirection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var got recorder
	other := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		got.record(r)
		if r.URL.Path == "/back" {
			http.Redirect(rw, r, w.server.URL, http.StatusFound)
			return
		}
		rw.Header().Set("WWW-Authenticate", "Negotiate")
		rw.WriteHeader(http.StatusUnauthorized)
	}))
	defer other.Close()
	first := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer first.Close()
	for _, path := range []string{"/", "/back"} {
		client, _ := w.transport(nil)
		if status, _ := w.read(client.Get(first.URL + path)); status != http.StatusUnauthorized {
			t.Errorf("%s: HTTP %d", path, status)
		}
	}
	if got.tokens() > 0 || w.calls.Load() > 0 {
		t.Errorf("%q, %d calls", got.auth, w.calls.Load())
	}
}

// TestTransportFollowsRedirectionsOfItsHost: each request has a token of its own,
// and each response is verified, that of the redirection too.
func TestTransportFollowsRedirectionsOfItsHost(t *testing.T) {
	t.Parallel()
	for _, preemptive := range []bool{false, true} {
		w := newWorld(t, nil)
		w.serveHandler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if w.calls.Add(1); r.URL.Path != "/end" {
				http.Redirect(rw, r, "/end", http.StatusFound)
			}
		}))
		client, _ := w.transport(func(c *negotiate.TransportConfig) { c.Preemptive = preemptive })
		if status, _ := w.read(client.Get(w.server.URL + "/begin")); status != http.StatusOK || w.calls.Load() != 2 {
			t.Errorf("HTTP %d, %d calls", status, w.calls.Load())
		}
	}
}

// TestTransportReturnsTheHandlersOwnRefusal: it has no token, and is asked for
// once.
func TestTransportReturnsTheHandlersOwnRefusal(t *testing.T) {
	t.Parallel()
	for _, preemptive := range []bool{false, true} {
		w := newWorld(t, nil)
		w.serveHandler(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			w.calls.Add(1)
			rw.WriteHeader(http.StatusUnauthorized)
		}))
		client, _ := w.transport(func(c *negotiate.TransportConfig) { c.Preemptive = preemptive })
		resp, err := client.Get(w.server.URL)
		w.must(err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized || w.calls.Load() != 1 || resp.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("HTTP %d, %d calls, %v", resp.StatusCode, w.calls.Load(), resp.Header)
		}
	}
}

func TestTransportLeavesAuthorizationOfCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	client, s := w.transport(nil)
	r, _ := http.NewRequest(http.MethodGet, w.server.URL, nil)
	r.Header.Set("Authorization", "Bearer x")
	if status, _ := w.read(client.Do(r)); status != http.StatusUnauthorized || len(s.asked) > 0 {
		t.Errorf("HTTP %d, tickets for %q", status, s.asked)
	}
}

// TestTransportVerifiesTheServer: nothing of a response is passed on before the
// server has proved that it has the service's key.
func TestTransportVerifiesTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	_, foreign := w.initiator("alice", gss.InitConfig{})
	for name, field := range map[string]string{
		"no token": "", "a bare challenge": "Negotiate", "rubbish": "Negotiate AAAA", "not base64": "Negotiate *",
		"a token of its own": "Negotiate " + base64Of(foreign),
		"bare accept-completed": "Negotiate " + base64Of(krbtest.NegTokenResp{
			State: krbtest.StateAcceptCompleted, SupportedMech: krbtest.OIDKRB5}.Token()),
	} {
		for _, status := range []int{http.StatusOK, http.StatusFound} {
			base := roundTripper(func(r *http.Request) (*http.Response, error) {
				h := http.Header{"Location": {"https://evil.test/"}}
				if field != "" {
					h.Set("WWW-Authenticate", field)
				}
				return &http.Response{StatusCode: status, Header: h, Body: http.NoBody, Request: r}, nil
			})
			client, _ := w.transport(func(c *negotiate.TransportConfig) { c.Base, c.Preemptive = base, true })
			resp, err := client.Get(w.server.URL)
			if got := code(err); got != negotiate.CodeNotMutual {
				t.Errorf("%s, HTTP %d: %v, %v", name, status, resp, err)
			}
		}
	}
}

func TestTransportReportsTheServersReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	client, s := w.transport(nil)
	w.kdc.AddService("HTTP/other.example.com")
	s.service = "HTTP/other.example.com"
	_, err := client.Get(w.server.URL)
	if code(err) != negotiate.CodeServerRefused {
		t.Fatal(err)
	}
	var reason *kerberos.KRBError
	if !errors.As(err, &reason) || !slices.Equal(s.forgotten, []string{"HTTP/127.0.0.1"}) {
		t.Errorf("%v, forgotten %q", err, s.forgotten)
	}
}

// onlyOnce hides what makes a body repeatable.
type onlyOnce struct{ io.Reader }

// TestTransportRepeatsBodies: those in memory, and those of which nothing was
// sent. Otherwise the caller gets the challenge, and the server no half body.
func TestTransportRepeatsBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	patient := w.server.Client().Transport.(*http.Transport).Clone()
	patient.ExpectContinueTimeout = time.Minute
	hasty := patient.Clone()
	hasty.ExpectContinueTimeout = 0 // sends the body at once
	begun := roundTripper(func(r *http.Request) (*http.Response, error) {
		// The server's challenge may come before hasty reads any of the body.
		var first [1]byte
		if _, err := io.ReadFull(r.Body, first[:]); err != nil {
			return nil, err
		}
		rest := r.Body
		r = r.Clone(r.Context())
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(first[:]), rest), rest}
		return hasty.RoundTrip(r)
	})
	large := strings.Repeat("x", 1<<20)
	// What net/http reads after the challenge: of more it resets the connection, maybe before the client has read it.
	small := large[:1<<17]
	for name, tt := range map[string]struct {
		base http.RoundTripper
		body io.Reader
		text string
		want int
	}{
		"GetBody": {hasty, strings.NewReader(small), small, http.StatusOK},
		"Expect":  {patient, onlyOnce{strings.NewReader(large)}, large, http.StatusOK},
		"neither": {begun, onlyOnce{strings.NewReader(large)}, large, http.StatusUnauthorized},
	} {
		client, _ := w.transport(func(c *negotiate.TransportConfig) { c.Base = tt.base })
		r, err := http.NewRequest(http.MethodPost, w.server.URL, tt.body)
		w.must(err)
		resp, err := client.Do(r)
		if name == "neither" && err != nil {
			continue // the server has closed the connection under the body
		}
		status, text := w.read(resp, err)
		if status != tt.want || status == http.StatusOK && text != "alice@EXAMPLE.COM token "+tt.text {
			t.Errorf("%s: HTTP %d, %d octets", name, status, len(text))
		}
	}
}

func TestTransportClosesTheBodyOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	client, _ := w.transport(nil)
	b := &closeCounter{Reader: strings.NewReader("hello")}
	r, err := http.NewRequest(http.MethodPost, w.server.URL, b)
	w.must(err)
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("hello")), nil }
	if status, body := w.read(client.Do(r)); status != http.StatusOK || !strings.HasSuffix(body, "hello") {
		t.Errorf("HTTP %d %q", status, body)
	}
	if b.n != 1 {
		t.Errorf("closed %d times", b.n)
	}
}

type closeCounter struct {
	io.Reader
	n int
}

func (c *closeCounter) Close() error {
	c.n++
	return nil
}

// TestTransportCarriesCookiesThroughLegs: the server answers a first token with
// request-mic, and names the negotiation by a cookie.
func TestTransportCarriesCookiesThroughLegs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	legs := 0
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		legs++
		resp := &http.Response{StatusCode: 401, Header: http.Header{}, Body: http.NoBody, Request: r}
		c, err := r.Cookie("leg")
		switch {
		case legs == 1:
			resp.Header.Set("WWW-Authenticate", "Basic realm=\"a, Negotiate AAAA\", Negotiate")
		case legs == 2:
			resp.Header.Set("Set-Cookie", "leg=new; HttpOnly")
			resp.Header.Set("WWW-Authenticate", "Negotiate "+base64Of(krbtest.NegTokenResp{
				State: krbtest.StateAcceptIncomplete, SupportedMech: krbtest.OIDKRB5}.Token()))
		case err != nil || c.Value != "new" || len(r.CookiesNamed("leg")) != 1 || len(r.CookiesNamed("theirs")) != 1:
			t.Errorf("leg %d: cookies %v", legs, r.Cookies())
		}
		return resp, nil
	})
	client, _ := w.transport(func(c *negotiate.TransportConfig) { c.Base = base })
	r, _ := http.NewRequest(http.MethodGet, w.server.URL, nil)
	r.AddCookie(&http.Cookie{Name: "leg", Value: "old"})
	r.AddCookie(&http.Cookie{Name: "theirs", Value: "x"})
	resp, err := client.Do(r)
	if err == nil {
		resp.Body.Close()
	}
	if legs < 3 {
		t.Errorf("%d legs, %v", legs, err)
	}
	if got := r.CookiesNamed("leg"); len(got) != 1 || got[0].Value != "old" {
		t.Error("the caller's request was changed")
	}
}

func TestTransportUsesSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.Session = time.Hour })
	client, s := w.transport(nil)
	client.Jar, _ = cookiejar.New(nil)
	for i, want := range []string{"token", "session", "session"} {
		if _, body := w.read(client.Get(w.server.URL)); body != "alice@EXAMPLE.COM "+want+" " {
			t.Errorf("request %d: %q", i, body)
		}
	}
	if len(s.asked) != 1 {
		t.Errorf("tickets for %q", s.asked)
	}
}

func TestTransportBindsTokensToTheChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var binding []byte
	auth, err := negotiate.New(negotiate.Config{Acceptor: w.acceptor, BindingRule: gss.BindingsRequired,
		Bindings: func(*http.Request) [][]byte { return [][]byte{binding} }})
	w.must(err)
	server := httptest.NewTLSServer(auth.Handler(http.HandlerFunc(w.handle)))
	defer server.Close()
	binding, err = kerberos.EndPointBinding(server.Certificate())
	w.must(err)
	for _, preemptive := range []bool{false, true} {
		client, _ := w.transport(func(c *negotiate.TransportConfig) {
			c.ChannelBindings, c.Preemptive, c.AllowHTTP, c.Base = true, preemptive, false, server.Client().Transport
		})
		for range 2 {
			if status, body := w.read(client.Get(server.URL)); status != http.StatusOK {
				t.Errorf("preemptive %t: HTTP %d %q", preemptive, status, body)
			}
		}
	}
	client, _ := w.transport(func(c *negotiate.TransportConfig) { c.Base = server.Client().Transport })
	if _, err := client.Get(server.URL); code(err) != negotiate.CodeServerRefused {
		t.Errorf("without bindings: %v", err)
	}
}

// TestTransportDelegatesToTrustedServices: those that the KDC marks.
func TestTransportDelegatesToTrustedServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.Delegation = true })
	for _, trusted := range []bool{true, false} {
		client, s := w.transport(func(c *negotiate.TransportConfig) { c.Delegate = true })
		if trusted {
			s.flags = kerberos.FlagOKAsDelegate
		}
		w.read(client.Get(w.server.URL))
		i, _ := negotiate.FromRequestContext(w.seen.Load().Context())
		if got := len(i.Delegated()) == 1; got != trusted || (s.forwarded == 1) != trusted {
			t.Errorf("trusted %t: %v", trusted, i.Delegated())
		}
	}
}

func TestNewTransportRejectsBadConfig(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]negotiate.TransportConfig{
		"no tickets": {Hosts: []string{"*"}}, "no hosts": {Tickets: &tickets{}},
		"mechanism": {Tickets: &tickets{}, Hosts: []string{"*"}, Mechanism: "ntlm"},
	} {
		if _, err := negotiate.NewTransport(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTransportAsksForTheServiceOfTheURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	client, s := w.transport(func(c *negotiate.TransportConfig) {
		c.Service = func(u *url.URL) string { return "HTTP/" + u.Port() }
	})
	w.read(client.Get(w.server.URL))
	if u, _ := url.Parse(w.server.URL); !slices.Equal(s.asked, []string{"HTTP/" + u.Port()}) {
		t.Errorf("%q", s.asked)
	}
}
