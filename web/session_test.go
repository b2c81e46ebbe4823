package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

const secret = "correct horse ünd battery"

// A realm is a KDC in process, with a clock that the test moves, and keeps what it
// is asked.
type realm struct {
	t   *testing.T
	kdc kdc.Exchanger

	mu    sync.Mutex
	now   time.Time
	asked [][]byte
	hold  chan struct{} // nil, or exchanges wait for it
}

func newRealm(t *testing.T) *realm {
	t.Helper()
	r := &realm{t: t, now: time.Now().Truncate(time.Second)}
	k := krbtest.New(krbtest.Config{Time: r.time})
	k.AddUser("alice", secret)
	k.AddService("HTTP/localhost")
	k.AddService("HTTP/127.0.0.1")
	server, err := k.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if r.kdc, err = kdc.NewTransport(kdc.TransportConfig{Krb5Conf: server.Krb5Conf()}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *realm) time() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *realm) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// Exchange implements [kdc.Exchanger].
func (r *realm) Exchange(ctx context.Context, name string, request []byte) ([]byte, error) {
	r.mu.Lock()
	r.asked = append(r.asked, bytes.Clone(request))
	hold := r.hold
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r.kdc.Exchange(ctx, name, request)
}

func (r *realm) config() Config {
	return Config{Realm: krbtest.DefaultRealm, User: "alice", Password: secret, Transport: http.DefaultTransport,
		KDC: r, Time: r.time}
}

func (r *realm) login() *Session {
	r.t.Helper()
	s, err := Login(r.t.Context(), r.config())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { s.Logout(context.Background()) })
	return s
}

// The password stands in no message, tree, text or error, in no encoding.
func TestThePasswordIsNowhere(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	s := r.login()
	if _, err := s.tickets.ServiceTicket(t.Context(), "HTTP/localhost"); err != nil {
		t.Fatal(err)
	}
	tree, err := s.Tickets()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	wrong := r.config()
	wrong.Password = secret + "!"
	_, refused := Login(t.Context(), wrong)
	if Explain(refused).Code != string(kerberos.CodePreauth) {
		t.Fatal(refused)
	}
	shown := append(r.asked, text, []byte(refused.Error()), fmt.Appendf(nil, "%v %+v", Explain(refused), s.tickets))
	var wide []byte
	for _, unit := range utf16.Encode([]rune(secret)) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	for i, octets := range shown {
		if bytes.Contains(octets, []byte(secret)) || bytes.Contains(octets, wide) {
			t.Errorf("%d: %q", i, octets)
		}
	}
	if len(r.asked) < 5 {
		t.Errorf("only %d requests", len(r.asked))
	}
}

// A ticket in the last fifth of its life is renewed without the password, until it
// cannot be: then the user has to log in again.
func TestSessionRenewsItsTicketUntilItCannot(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	s := r.login()
	first := s.Expires()
	r.advance(first.Sub(r.time()) * 9 / 10)
	for until := time.Now().Add(30 * time.Second); s.Expires().Equal(first); time.Sleep(time.Millisecond) {
		if _, err := s.tickets.ServiceTicket(t.Context(), "HTTP/localhost"); err != nil || time.Now().After(until) {
			t.Fatalf("not renewed: %v", err)
		}
	}
	r.advance(2 * renewLife)
	_, err := s.RoundTrip(httptest.NewRequest(http.MethodGet, challenging(t), nil))
	x := Explain(err)
	if x.Code != string(kerberos.CodeCredentialExpired) || x.Kind != "login" || x.Cure != "Log in again." {
		t.Errorf("%+v", x)
	}
}

// challenging is a service that asks for a token.
func challenging(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Negotiate")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Logout ends what waits for a KDC, and leaves no ticket.
func TestLogoutEndsCallsThatWait(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	s := r.login()
	r.mu.Lock()
	r.hold = make(chan struct{})
	before := len(r.asked)
	r.mu.Unlock()
	url, ended := challenging(t), make(chan error, 2)
	go func() {
		_, err := s.RoundTrip(httptest.NewRequest(http.MethodGet, url, nil))
		ended <- err
	}()
	go func() {
		_, err := s.Call(context.Background(), Call{URL: url, Message: `<a xmlns="urn:a"/>`})
		ended <- err
	}()
	for asked := before; asked == before; time.Sleep(time.Millisecond) {
		r.mu.Lock()
		asked = len(r.asked)
		r.mu.Unlock()
	}
	s.Logout(t.Context())
	if key := s.granted.SessionKey.ExposeKeyOctets(); len(key) == 0 || !bytes.Equal(key, make([]byte, len(key))) {
		t.Error("the key of the ticket-granting ticket is not wiped")
	}
	for range 2 {
		if err := <-ended; Explain(err).Code != string(CodeOver) {
			t.Error(err)
		}
	}
	_, err := s.Tickets()
	if left := s.tickets.Tickets(); Explain(err).Code != string(CodeOver) || len(left) > 0 || !s.Expires().IsZero() {
		t.Errorf("%v, %d tickets", err, len(left))
	}
}

// A clock is set by the error of a KDC within bounds, and by nothing else.
func TestClockLearnsWithinBounds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	skew := func(d time.Duration) error { return &kerberos.Error{Code: kerberos.CodeSkew, Skew: d} }
	for name, test := range map[string]struct {
		err    error
		offset time.Duration // 0: not learnt
	}{
		"behind":     {skew(-9 * time.Hour), 9 * time.Hour},
		"ahead":      {skew(36 * time.Hour), -36 * time.Hour},
		"too far":    {skew(37 * time.Hour), 0},
		"years":      {skew(-1000 * 24 * time.Hour), 0},
		"another":    {&kerberos.Error{Code: kerberos.CodePreauth, Skew: time.Hour}, 0},
		"not at all": {errors.New("other"), 0},
	} {
		c := newClock(func() time.Time { return now })
		if learnt := c.learn(test.err); learnt != (test.offset != 0) || c.now().Sub(now) != test.offset {
			t.Errorf("%s: %t, %v", name, learnt, c.offset())
		}
	}
	c := newClock(func() time.Time { return now })
	for range 10 { // many small steps lead no further
		c.learn(skew(-30 * time.Hour))
	}
	if c.offset() != 30*time.Hour {
		t.Error(c.offset())
	}
}

// Where a token may go without TLS: to this machine, by its name.
func TestTokensNeedTLSButOnTheMachine(t *testing.T) {
	t.Parallel()
	s := newRealm(t).login()
	for address, want := range map[string]Code{
		"https://gw.example.com/": "", "http://localhost:1/": "", "http://app.localhost/": "", "http://127.1.2.3/": "",
		"http://[::1]/": "", "ws://localhost/": "",
		"http://gw.example.com/": CodeInsecure, "ws://gw.example.com/": CodeInsecure,
		"http://localhost.example.com/": CodeInsecure, "http://127.0.0.1.example.com/": CodeInsecure,
		"http://10.0.0.1/": CodeInsecure, "http://0x7f000001/": CodeInsecure, "ftp://localhost/": CodeArgument,
		"javascript:alert(1)": CodeArgument, "https://gw.example.com@evil.example/": CodeArgument,
		"https://user:theirs@gw.example.com/": CodeArgument,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		var err error
		if r.URL, err = r.URL.Parse(address); err != nil {
			t.Fatal(err)
		}
		err = s.allow(r.URL)
		var got Code
		if failed, ok := errors.AsType[*Error](err); ok {
			got = failed.Code
		}
		if got != want || err != nil && strings.Contains(err.Error(), "theirs") {
			t.Errorf("%s: %v", address, err)
		}
		if want == CodeInsecure && checkTLS(r.URL, true) != nil {
			t.Errorf("%s: refused with AllowHTTP", address)
		}
	}
}

// Every error has a code of the catalogue, with cause and cure; what has none is a
// fault of ours.
func TestExplain(t *testing.T) {
	t.Parallel()
	for _, c := range Codes() {
		x := Explain(&Error{c.Code, errors.New("because")})
		if x.Code != string(c.Code) || x.Cause != c.Cause || x.Cure != c.Cure || x.Kind == "" {
			t.Errorf("%+v", x)
		}
	}
	unopened := &kerberos.Error{Code: kerberos.CodeKDC, Err: kdcproxy.ErrNotOpened}
	missing := &kerberos.Error{Code: kerberos.CodeServiceUnknown}
	for name, test := range map[string]struct {
		err        error
		code, kind string
	}{
		"no socket":       {unopened, "browser-relay", "kdc"},
		"a silent KDC":    {&kerberos.Error{Code: kerberos.CodeKDC}, "kdc-unreachable", "kdc"},
		"wrong password":  {&kerberos.Error{Code: kerberos.CodePreauth}, "preauthentication-failed", "login"},
		"a ticket's":      {&client.Error{Code: client.CodeTicket, Err: missing}, "service-unknown", "service"},
		"a ticket's own":  {&client.Error{Code: client.CodeTicket, Err: unopened}, "browser-relay", "kdc"},
		"a reply's":       {&client.Error{Code: client.CodeUnverified}, "reply-not-verified", "service"},
		"a fault":         {&client.Error{Code: client.CodeFault}, "service-fault", "fault"},
		"no response":     {&Error{CodeFetch, errors.New("CORS")}, "browser-fetch", "service"},
		"something wrong": {errors.New("slice bounds"), "browser-internal", "internal"},
	} {
		x := Explain(test.err)
		if x.Code != test.code || x.Kind != test.kind || x.Cause == "" || x.Cure == "" {
			t.Errorf("%s: %+v", name, x)
		}
	}
	for code := range cures() {
		if cause, _ := catalogue(code); cause == "" {
			t.Errorf("there is no code %s", code)
		}
	}
}
