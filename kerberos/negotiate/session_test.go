package negotiate_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

func withSession(c *negotiate.Config) { c.Session = time.Hour }

// TestSessionOutlivesRotatedKeysOnly: a new first key changes nothing, and
// removing the old one ends the session.
func TestSessionOutlivesRotatedKeysOnly(t *testing.T) {
	t.Parallel()
	const oldKey, newKey = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=", "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
	at := func(keys ...string) func(*negotiate.Config) {
		return func(c *negotiate.Config) {
			parsed, err := seal.Parse([]byte(strings.Join(keys, "\n")))
			if err != nil {
				t.Fatal(err)
			}
			c.Session, c.Sealer = time.Hour, parsed
		}
	}
	session := func() *http.Cookie {
		w := newWorld(t, at(oldKey))
		return w.do(http.MethodGet, "", w.token("alice")).cookie()
	}()
	w := newWorld(t, at(newKey, oldKey))
	if a := w.do(http.MethodPost, "hello", nil, session); a.body != "alice@EXAMPLE.COM session hello" {
		t.Errorf("HTTP %d %q", a.StatusCode, a.body)
	}
	w = newWorld(t, at(newKey))
	w.want(w.do(http.MethodGet, "", nil, session), http.StatusUnauthorized, "without the old key")
}

func TestSessionEndsWithTheTicket(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, func(c *negotiate.Config) { c.Session, c.Time = 10*time.Hour, func() time.Time { return now } })
	token, _, err := w.kdc.Token("alice", service, krbtest.TokenOptions{
		Ticket: krbtest.TicketOptions{EndTime: now.Add(time.Hour)}})
	w.must(err)
	session := w.do(http.MethodGet, "", token).cookie()
	w.want(w.do(http.MethodGet, "", nil, session), http.StatusOK, "at once")
	now = now.Add(61 * time.Minute)
	w.want(w.do(http.MethodGet, "", nil, session), http.StatusUnauthorized, "after the ticket's end")
}

// TestIdentityIsGoodUntil the end of its session, which is before the ticket's.
func TestIdentityIsGoodUntil(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, func(c *negotiate.Config) { c.Session, c.Time = time.Hour, func() time.Time { return now } })
	until := func() time.Time {
		i, _ := negotiate.FromRequestContext(w.seen.Load().Context())
		return i.Until()
	}
	session := w.do(http.MethodGet, "", w.token("alice")).cookie()
	i, _ := negotiate.FromRequestContext(w.seen.Load().Context())
	if got := until(); !got.Equal(i.EndTime()) || got.IsZero() {
		t.Errorf("by its token: %v, of a ticket until %v", got, i.EndTime())
	}
	w.want(w.do(http.MethodGet, "", nil, session), http.StatusOK, "session")
	if got := until(); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("by a session of an hour: %v", got.Sub(now))
	}
}

// TestSessionEndsWithTheDelegatedCredential, for a handler cannot ask for another.
func TestSessionEndsWithTheDelegatedCredential(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, func(c *negotiate.Config) {
		c.Session, c.Delegation, c.Time = 3*time.Hour, true, func() time.Time { return now }
	})
	tgt, err := w.kdc.Ticket("alice", "krbtgt/EXAMPLE.COM", krbtest.TicketOptions{Flags: kerberos.FlagForwarded,
		EndTime: now.Add(time.Hour)})
	w.must(err)
	_, token := w.initiator("alice", gss.InitConfig{Delegate: &tgt})
	session := w.do(http.MethodGet, "", token).cookie()
	w.want(w.do(http.MethodGet, "", nil, session), http.StatusOK, "at once")
	now = now.Add(61 * time.Minute)
	w.want(w.do(http.MethodGet, "", nil, session), http.StatusUnauthorized, "after the credential's end")
}

// TestLargeSessionIsKeptInTheStore: the groups of a client may not fit into a
// cookie.
func TestLargeSessionIsKeptInTheStore(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory(store.MemoryConfig{MaxEntryBytes: 256 << 10})
	w := newWorld(t, func(c *negotiate.Config) {
		c.Session, c.Store, c.Delegation = time.Hour, kept, true
	})
	tgt, err := w.kdc.Ticket("alice", "krbtgt/EXAMPLE.COM", krbtest.TicketOptions{Flags: kerberos.FlagForwarded})
	w.must(err)
	_, token := w.initiator("alice", gss.InitConfig{Delegate: &tgt})
	session := w.do(http.MethodGet, "", token).cookie()
	if session == nil || len(session.Value) > 100 || kept.Len() != 1 {
		t.Fatalf("cookie %v, %d entries", session, kept.Len())
	}
	for range 2 {
		w.want(w.do(http.MethodGet, "", nil, session), http.StatusOK, "session")
		i, _ := negotiate.FromRequestContext(w.seen.Load().Context())
		got := i.Delegated()
		if len(got) != 1 || !got[0].SessionKey.Equal(tgt.SessionKey) || got[0].Client.String() != "alice@EXAMPLE.COM" {
			t.Errorf("delegated: %v", got)
		}
	}
}

// A node that holds a session in memory is asked with the cookie of the one that has
// just taken its place at another node.
func TestSessionThatReplacedAnotherIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	kept := &staleStore{Memory: store.NewMemory(store.MemoryConfig{MaxEntryBytes: 256 << 10})}
	w := newWorld(t, func(c *negotiate.Config) {
		c.Session, c.Sessions, c.Delegation = time.Hour, kept, true
	})
	tgt, err := w.kdc.Ticket("alice", "krbtgt/EXAMPLE.COM", krbtest.TicketOptions{Flags: kerberos.FlagForwarded})
	w.must(err)
	signOn := func(cookies ...*http.Cookie) *http.Cookie {
		_, token := w.initiator("alice", gss.InitConfig{Delegate: &tgt})
		return w.do(http.MethodGet, "", token, cookies...).cookie()
	}
	former := signOn()
	w.want(w.do(http.MethodGet, "", nil, former), http.StatusOK, "session")
	next := signOn(former)
	w.want(w.do(http.MethodGet, "", nil, next), http.StatusOK, "session")
	if kept.current != 1 {
		t.Errorf("the store was asked %d times for what is there now", kept.current)
	}
	kept.held = nil // what it holds in memory ends
	if r := w.do(http.MethodGet, "", nil, former); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the former session: HTTP %d", r.StatusCode)
	}
}

// A staleStore returns what it has read once, until it is asked for what is there
// now.
type staleStore struct {
	*store.Memory
	held    map[string][]byte
	current int
}

func (s *staleStore) Get(ctx context.Context, id string) ([]byte, error) {
	if b, ok := s.held[id]; ok {
		return b, nil
	}
	b, err := s.Memory.Get(ctx, id)
	if s.held == nil {
		s.held = map[string][]byte{}
	}
	s.held[id] = b
	return b, err
}

func (s *staleStore) Current(ctx context.Context, id string) ([]byte, error) {
	s.current++
	return s.Memory.Get(ctx, id)
}

func TestDelegatedCredentialIsForTheHandler(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		w := newWorld(t, func(c *negotiate.Config) { c.Delegation = on })
		tgt, err := w.kdc.Ticket("alice", "krbtgt/EXAMPLE.COM", krbtest.TicketOptions{Flags: kerberos.FlagForwarded})
		w.must(err)
		_, token := w.initiator("alice", gss.InitConfig{Delegate: &tgt})
		w.want(w.do(http.MethodGet, "", token), http.StatusOK, "delegating")
		i, _ := negotiate.FromRequestContext(w.seen.Load().Context())
		if got := i.Delegated(); (len(got) == 1) != on {
			t.Errorf("Delegation %t: %v", on, got)
		}
		if c, err := gss.ParseCredentials(i.ClientCredentials()); err != nil || (len(c.Delegated) == 1) != on {
			t.Errorf("Delegation %t: %v, %v", on, c, err)
		}
		if s := i.Context(); s == nil || !s.Established() {
			t.Error("no context")
		}
	}
}

// TestBodyFollowsInOneMoreRequest: the request that establishes the context has
// no body and is answered here; the cookie names the context once.
func TestBodyFollowsInOneMoreRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.BodyLater = true })
	single := w.do(http.MethodPost, "", w.token("alice"))
	n := w.negotiation("alice")
	n.first()
	n.second()
	for name, a := range map[string]answer{"one leg": single, "three legs": n.third(http.MethodPut, "")} {
		w.want(a, http.StatusNoContent, name)
		c := a.cookie()
		if c == nil || w.calls.Load() != 0 || name == "one leg" && a.token() == nil {
			t.Fatalf("%s: cookie %v, %d calls, token %x", name, c, w.calls.Load(), a.token())
		}
		after := w.do(http.MethodPost, "hello", nil, c)
		if after.body != "alice@EXAMPLE.COM context hello" || !after.removed() {
			t.Errorf("%s: HTTP %d %q, cookies %v", name, after.StatusCode, after.body, after.Cookies())
		}
		w.want(w.do(http.MethodPost, "hello", nil, c), http.StatusUnauthorized, name+", a second time")
		w.calls.Store(0)
	}
	w.want(w.do(http.MethodGet, "", w.token("alice")), http.StatusOK, "a method without body")
	w.want(w.do(http.MethodPost, "hello", w.token("alice")), http.StatusOK, "a body")
	if w.calls.Load() != 2 {
		t.Errorf("%d calls", w.calls.Load())
	}
}

// TestBodyFollowsWithoutRoomForASession: the cookie names the context then, for
// else the client would authenticate itself for ever and never send the body.
func TestBodyFollowsWithoutRoomForASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) {
		c.BodyLater, c.Session, c.Delegation = true, time.Hour, true
		c.Sessions = store.NewMemory(store.MemoryConfig{MaxEntryBytes: 10})
	})
	tgt, err := w.kdc.Ticket("alice", "krbtgt/EXAMPLE.COM", krbtest.TicketOptions{Flags: kerberos.FlagForwarded})
	w.must(err)
	_, token := w.initiator("alice", gss.InitConfig{Delegate: &tgt})
	a := w.do(http.MethodPost, "", token)
	w.want(a, http.StatusNoContent, "without the body")
	if after := w.do(http.MethodPost, "hello", nil, a.cookie()); after.body != "alice@EXAMPLE.COM context hello" {
		t.Errorf("HTTP %d %q", after.StatusCode, after.body)
	}
}

func TestContextWaitsForTheBodyForATime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, func(c *negotiate.Config) { c.BodyLater, c.Time = true, func() time.Time { return now } })
	c := w.do(http.MethodPost, "", w.token("alice")).cookie()
	now = now.Add(2 * time.Minute)
	w.want(w.do(http.MethodPost, "hello", nil, c), http.StatusUnauthorized, "too late")
}

func TestConnectionIsAuthenticatedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.ConnectionBound = true })
	a := w.do(http.MethodGet, "", nil)
	if got := a.Header.Get("Proxy-Support"); got != "Session-Based-Authentication" {
		t.Errorf("Proxy-Support: %q", got)
	}
	a = w.do(http.MethodGet, "", w.token("alice"))
	w.want(a, http.StatusOK, "token")
	if got := a.Header.Get("Persistent-Auth"); got != "true" {
		t.Errorf("Persistent-Auth: %q", got)
	}
	if a := w.do(http.MethodPost, "hello", nil); a.body != "alice@EXAMPLE.COM connection hello" {
		t.Errorf("HTTP %d %q", a.StatusCode, a.body)
	}
	for _, name := range []string{"Via", "X-Forwarded-For", "Forwarded"} {
		r, _ := http.NewRequest(http.MethodGet, w.server.URL, nil)
		r.Header.Set(name, "1.1 proxy")
		w.want(w.send(r), http.StatusUnauthorized, name)
	}
	w.client.CloseIdleConnections()
	w.want(w.do(http.MethodGet, "", nil), http.StatusUnauthorized, "another connection")
}

// TestRefusedTokenEndsTheConnectionsIdentity: also when it is not that of the
// client.
func TestRefusedTokenEndsTheConnectionsIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.ConnectionBound = true })
	w.want(w.do(http.MethodGet, "", w.token("alice")), http.StatusOK, "token")
	w.want(w.do(http.MethodGet, "", []byte("rubbish")), http.StatusForbidden, "rubbish")
	w.want(w.do(http.MethodGet, "", nil), http.StatusUnauthorized, "after it")
}

// TestConnectionTracksLegsWithoutCookies: of a client that keeps none.
func TestConnectionTracksLegsWithoutCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.ConnectionBound = true })
	n := w.negotiation("alice")
	n.first()
	n.cookie = nil
	n.second()
	n.cookie = nil
	w.want(n.third(http.MethodGet, ""), http.StatusOK, "third leg")
}

func TestConnectionIsNotTrustedWithHTTP2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.ConnectionBound = true })
	ctx := negotiate.ConnContext(t.Context(), nil)
	ask := func(token []byte) *negotiate.Result {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		r.ProtoMajor, r.ProtoMinor = 2, 0
		if token != nil {
			r.Header.Set("Authorization", "Negotiate "+base64Of(token))
		}
		return w.auth.Authenticate(r)
	}
	if res := ask(w.token("alice")); res.Identity == nil || res.Header.Get("Persistent-Auth") != "false" {
		t.Errorf("%+v", res)
	}
	if res := ask(nil); res.Identity != nil {
		t.Error("the second request is authenticated by its connection")
	}
}

// TestChannelBindings: off, when present, required; several certificates; and
// only where TLS ends here.
func TestChannelBindings(t *testing.T) {
	t.Parallel()
	of := func(certificate string) []byte { return []byte("tls-server-end-point:" + certificate) }
	ours, next, others := of("ours"), of("next"), of("others")
	for _, tt := range []struct {
		rule     gss.BindingRule
		bindings []byte
		tls, ok  bool
	}{
		{gss.BindingsOff, nil, true, true}, {gss.BindingsOff, others, true, true},
		{gss.BindingsWhenPresent, nil, true, true}, {gss.BindingsWhenPresent, ours, true, true},
		{gss.BindingsWhenPresent, next, true, true}, {gss.BindingsWhenPresent, others, true, false},
		{gss.BindingsRequired, nil, true, false}, {gss.BindingsRequired, ours, true, true},
		{gss.BindingsRequired, others, true, false}, {gss.BindingsRequired, ours, false, false},
	} {
		w := newWorld(t, func(c *negotiate.Config) {
			c.BindingRule, c.Bindings = tt.rule, func(*http.Request) [][]byte { return [][]byte{ours, next} }
		})
		_, token := w.initiator("alice", gss.InitConfig{ChannelBindings: tt.bindings})
		target := map[bool]string{true: "https://gw.example.com/", false: "http://gw.example.com/"}[tt.tls]
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, target, nil)
		r.Header.Set("Authorization", "Negotiate "+base64Of(token))
		res := w.auth.Authenticate(r)
		if (res.Identity != nil) != tt.ok || !tt.ok && code(res.Err) != kerberos.CodeBindings {
			t.Errorf("rule %q, bindings %q, TLS %t: %v", tt.rule, tt.bindings, tt.tls, res.Err)
		}
	}
}

// TestSessionDoesNotReplaceRequiredBindings: one that was begun without, before
// they were required, and one that comes without TLS.
func TestSessionDoesNotReplaceRequiredBindings(t *testing.T) {
	t.Parallel()
	ours, keys := []byte("tls-server-end-point:ours"), seal.Random()
	at := func(rule gss.BindingRule) *world {
		return newWorld(t, func(c *negotiate.Config) {
			c.Session, c.Sealer, c.BindingRule = time.Hour, keys, rule
			c.Bindings = func(*http.Request) [][]byte { return [][]byte{ours} }
		})
	}
	session := func(w *world, sent []byte) *http.Cookie {
		_, token := w.initiator("alice", gss.InitConfig{ChannelBindings: sent})
		r := httptest.NewRequest(http.MethodGet, "https://gw.example.com/", nil)
		r.Header.Set("Authorization", "Negotiate "+base64Of(token))
		return (&http.Response{Header: w.auth.Authenticate(r).Header}).Cookies()[0]
	}
	before, now := at(gss.BindingsWhenPresent), at(gss.BindingsRequired)
	for _, tt := range []struct {
		name, target string
		session      *http.Cookie
		ok           bool
	}{
		{"bound", "https://gw.example.com/", session(now, ours), true},
		{"bound before", "https://gw.example.com/", session(before, ours), true},
		{"not bound", "https://gw.example.com/", session(before, nil), false},
		{"without TLS", "http://gw.example.com/", session(now, ours), false},
	} {
		r := httptest.NewRequest(http.MethodGet, tt.target, nil)
		r.AddCookie(tt.session)
		if res := now.auth.Authenticate(r); (res.Identity != nil) != tt.ok {
			t.Errorf("%s: %+v", tt.name, res)
		}
	}
}

// TestCookieIsSecureWithTLS: and also where TLS ends in front of us.
func TestCookieIsSecureWithTLS(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ tls, set, want bool }{{true, false, true}, {false, true, true}, {false, false, false}} {
		w := newWorld(t, func(c *negotiate.Config) {
			c.SecureCookie, c.SameSite, c.CookiePath = tt.set, http.SameSiteStrictMode, "/app"
		})
		target := map[bool]string{true: "https://gw.example.com/", false: "http://gw.example.com/"}[tt.tls]
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("Authorization", "Negotiate "+base64Of(krbtest.NegTokenInit{MechTypes: otherFirst}.Token()))
		resp := http.Response{Header: w.auth.Authenticate(r).Header}
		c := resp.Cookies()
		if len(c) != 1 || c[0].Secure != tt.want || c[0].SameSite != http.SameSiteStrictMode || c[0].Path != "/app" {
			t.Errorf("%+v: %v", tt, c)
		}
	}
}

func TestNewRejectsBadConfig(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, change := range map[string]func(*negotiate.Config){
		"no acceptor":          func(c *negotiate.Config) { c.Acceptor = nil },
		"cookie name":          func(c *negotiate.Config) { c.CookieName = "a b" },
		"cookie path":          func(c *negotiate.Config) { c.CookiePath = "/;x" },
		"relative cookie path": func(c *negotiate.Config) { c.CookiePath = "x" },
		"session":              func(c *negotiate.Config) { c.Session = -1 },
		"unused challenge":     func(c *negotiate.Config) { c.Challenge.Connect = "https://a" },
		"split challenge": func(c *negotiate.Config) {
			c.Application, c.Challenge.Connect = true, "https://a\r\nSet-Cookie: x"
		},
		"identifier alone": func(c *negotiate.Config) { c.Application, c.Challenge.Identifier = true, "x" },
	} {
		cfg := negotiate.Config{Acceptor: w.acceptor}
		change(&cfg)
		if _, err := negotiate.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
