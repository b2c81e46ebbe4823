package negotiate_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

func base64Of(token []byte) string { return base64.StdEncoding.EncodeToString(token) }

func TestMalformedAuthorizationIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	good := base64Of(w.token("alice"))
	for name, fields := range map[string][]string{
		"not base64":        {"Negotiate ***"},
		"base64 of URLs":    {"Negotiate _-_-"},
		"cut":               {"Negotiate " + good[:len(good)-3]},
		"spare bits":        {"Negotiate YR=="},
		"two tokens":        {"Negotiate " + good + " " + good},
		"list of tokens":    {"Negotiate " + good + ", Negotiate " + good},
		"folded":            {"Negotiate " + good[:20] + "\t" + good[20:]},
		"two headers":       {"Negotiate " + good, "Negotiate " + good},
		"beside a password": {"Basic eDp5", "Negotiate " + good},
	} {
		r, _ := http.NewRequest(http.MethodGet, w.server.URL, nil)
		r.Header["Authorization"] = fields
		w.want(w.send(r), http.StatusBadRequest, name)
	}
	if w.calls.Load() != 0 {
		t.Error("the handler was called")
	}
	for _, text := range []string{"", "Negotiate", "Negotiate ", "Basic eDp5", "Bearer x", "Negotiat " + good} {
		r, _ := http.NewRequest(http.MethodGet, w.server.URL, nil)
		r.Header.Set("Authorization", text)
		w.want(w.send(r), http.StatusUnauthorized, text)
	}
}

// TestOversizeTokenIsRefusedUndecoded: its length alone decides.
func TestOversizeTokenIsRefusedUndecoded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Negotiate "+strings.Repeat("*", 300<<10))
	if res := w.auth.Authenticate(r); code(res.Err) != kerberos.CodeTokenTooLarge {
		t.Errorf("%+v", res)
	}
}

// TestBodyIsNotReadBeforeAuthentication: a client that waits for 100-continue
// is not told to go on, and of one that does not wait nothing is read into
// memory.
func TestBodyIsNotReadBeforeAuthentication(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	w.must(err)
	defer c.Close()
	w.must(c.SetDeadline(time.Now().Add(30 * time.Second)))
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: gw\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", int64(1)<<40)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	w.must(err)
	if resp.StatusCode != http.StatusUnauthorized || !resp.Close {
		t.Errorf("HTTP %d, close %t", resp.StatusCode, resp.Close)
	}
	r, _ := http.NewRequest(http.MethodPost, "/", unreadable{t})
	if res := w.auth.Authenticate(r); res.Status != http.StatusUnauthorized {
		t.Errorf("%+v", res)
	}
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// TestSessionCookieCannotBeForged: only what we sealed for this route, unaltered
// and not expired, and present once, is a session.
func TestSessionCookieCannotBeForged(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, func(c *negotiate.Config) {
		c.Session, c.Time, c.Scope, c.CookieName = time.Hour, func() time.Time { return now }, "/a", "s"
	})
	good := w.do(http.MethodGet, "", w.token("alice")).cookie()
	if good == nil {
		t.Fatal("no session cookie")
	}
	w.want(w.do(http.MethodGet, "", nil, good), http.StatusOK, "ours")
	altered := *good
	altered.Value = good.Value[:40] + string('A'+(good.Value[40]-'A'+1)%26) + good.Value[41:]
	another := newWorld(t, func(c *negotiate.Config) { c.Session, c.Scope, c.CookieName = time.Hour, "/a", "s" })
	calls := w.calls.Load()
	for name, cookies := range map[string][]*http.Cookie{
		"altered":     {&altered},
		"cut":         {{Name: "s", Value: good.Value[:len(good.Value)-4]}},
		"other kind":  {{Name: "s", Value: "s" + good.Value[1:]}},
		"other key":   {another.do(http.MethodGet, "", another.token("alice")).cookie()},
		"twice":       {good, good},
		"with a toss": {{Name: "s", Value: "x"}, good},
		"empty":       {{Name: "s"}},
	} {
		a := w.do(http.MethodGet, "", nil, cookies...)
		w.want(a, http.StatusUnauthorized, name)
		if !a.removed() {
			t.Errorf("%s: the cookie stays", name)
		}
	}
	now = now.Add(2 * time.Hour)
	w.want(w.do(http.MethodGet, "", nil, good), http.StatusUnauthorized, "expired")
	if w.calls.Load() != calls {
		t.Error("the handler was called")
	}
}

// TestCookieOfALegIsNoSession: a secret of one kind is of no use as another.
func TestCookieOfALegIsNoSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.Session, c.BodyLater = time.Hour, true })
	n := w.negotiation("alice")
	n.first()
	n.second()
	for _, kind := range "ncse" {
		c := &http.Cookie{Name: n.cookie.Name, Value: string(kind) + n.cookie.Value[1:]}
		w.want(w.do(http.MethodGet, "", nil, c), http.StatusUnauthorized, string(kind))
	}
	w.want(n.third(http.MethodGet, ""), http.StatusOK, "the negotiation itself")
}

// TestLegCannotBeSentTwice: the state of a negotiation is used once, whatever
// comes of it.
func TestLegCannotBeSentTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	n := w.negotiation("alice")
	n.first()
	c := n.cookie
	n.second()
	a := w.do(http.MethodGet, "", krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token(), c)
	w.want(a, http.StatusUnauthorized, "again")
	if a.token() != nil {
		t.Error("the leg was continued a second time")
	}
}

// TestContextIsUsedOnceInParallel: of many requests at once with its cookie one
// is the client's.
func TestContextIsUsedOnceInParallel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.BodyLater = true })
	c := w.do(http.MethodPost, "", w.token("alice")).cookie()
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("hello"))
			r.AddCookie(c)
			w.auth.Handler(http.HandlerFunc(w.handle)).ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	if group.Wait(); w.calls.Load() != 1 {
		t.Errorf("%d calls", w.calls.Load())
	}
}

// TestNoSharedCacheKeepsAResponse: one that a session has authenticated looks to
// it like any other, and one with our cookie would give the session to others.
func TestNoSharedCacheKeepsAResponse(t *testing.T) {
	t.Parallel()
	for theirs, want := range map[string]string{
		"":                                   "private",
		"max-age=60":                         "max-age=60, private",
		"no-cache":                           "no-cache, private",
		"no-store":                           "no-store",
		"private, max-age=60":                "private, max-age=60",
		"public, max-age=60":                 "max-age=60, private",
		"Public, S-MaxAge=60, max-age=5":     "max-age=5, private",
		`private="set-cookie, x", max-age=5`: "max-age=5, private",
		`x="public, y"`:                      `x="public, y", private`,
	} {
		w := newWorld(t, func(c *negotiate.Config) { c.Session = time.Hour })
		w.serveHandler(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			if theirs != "" {
				rw.Header().Set("Cache-Control", theirs)
			}
			rw.Header().Set("Surrogate-Control", "max-age=60")
			rw.Header().Set("CDN-Cache-Control", "max-age=60")
			rw.Header().Set("X-Accel-Expires", "60")
		}))
		first := w.do(http.MethodGet, "", w.token("alice"))
		for how, a := range map[string]answer{"token": first, "session": w.do(http.MethodGet, "", nil, first.cookie())} {
			h := a.Header
			got := strings.Join(h.Values("Cache-Control"), "|")
			if got != want || h.Get("Surrogate-Control")+h.Get("Cdn-Cache-Control")+h.Get("X-Accel-Expires") != "" {
				t.Errorf("%q, by %s: Cache-Control %q, %v", theirs, how, got, h)
			}
		}
	}
}

// TestRefusalsAreInNoCache: nor is the invitation, which may set a cookie.
func TestRefusalsAreInNoCache(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	n := w.negotiation("alice")
	for name, a := range map[string]answer{"invitation": w.do(http.MethodGet, "", nil), "leg": n.first(),
		"refusal": w.do(http.MethodGet, "", []byte("x"))} {
		if got := a.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s, HTTP %d: Cache-Control %q", name, a.StatusCode, got)
		}
	}
}

// TestTokensWithEachRequestDoNotFillTheStore: a client that keeps no cookies has
// a few sessions at most, and none of another client's is in their place.
func TestTokensWithEachRequestDoNotFillTheStore(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory(store.MemoryConfig{MaxEntryBytes: 256 << 10})
	w := newWorld(t, func(c *negotiate.Config) { c.Session, c.Sessions, c.Delegation = time.Hour, kept, true })
	delegate := func(client string, cookies ...*http.Cookie) *http.Cookie {
		tgt, err := w.kdc.Ticket(client, "krbtgt/EXAMPLE.COM", krbtest.TicketOptions{Flags: kerberos.FlagForwarded})
		w.must(err)
		_, token := w.initiator(client, gss.InitConfig{Delegate: &tgt})
		return w.do(http.MethodGet, "", token, cookies...).cookie()
	}
	bobs := delegate("bob")
	var last *http.Cookie
	for range 100 {
		last = delegate("alice")
	}
	if kept.Len() > 9 {
		t.Errorf("%d entries", kept.Len())
	}
	w.want(w.do(http.MethodGet, "", nil, bobs), http.StatusOK, "the other client")
	w.want(w.do(http.MethodGet, "", nil, last), http.StatusOK, "the last session")
	renewed := delegate("alice", last)
	w.want(w.do(http.MethodGet, "", nil, renewed), http.StatusOK, "with token and cookie")
	w.want(w.do(http.MethodGet, "", nil, last), http.StatusUnauthorized, "what that has replaced")
	before := kept.Len()
	delegate("alice", bobs)
	w.want(w.do(http.MethodGet, "", nil, bobs), http.StatusOK, "whose cookie another has sent with its token")
	if kept.Len() > before+1 {
		t.Errorf("%d entries, and %d before", kept.Len(), before)
	}
	forged := *bobs
	forged.Value = bobs.Value[:len(bobs.Value)-8] + "AAAAAAAA"
	w.want(w.do(http.MethodGet, "", nil, &forged), http.StatusUnauthorized, "another secret")
}

// TestNetworksHaveSharesOfTheNegotiations: a /64 has one, and a /48 four.
func TestNetworksHaveSharesOfTheNegotiations(t *testing.T) {
	t.Parallel()
	from := ""
	w := newWorld(t, func(c *negotiate.Config) {
		c.Store = store.NewMemory(store.MemoryConfig{MaxEntries: 32, MaxEntryBytes: 256 << 10})
		c.ClientAddr = func(*http.Request) netip.Addr { return netip.MustParseAddr(from) }
	})
	first := krbtest.NegTokenInit{MechTypes: otherFirst}.Token()
	begin := func(status int, client string) {
		t.Helper()
		from = client
		w.want(w.do(http.MethodGet, "", first), status, client)
	}
	for i := range 4 {
		begin(http.StatusUnauthorized, fmt.Sprintf("2001:db8:0:%d::1", i))
		begin(http.StatusUnauthorized, fmt.Sprintf("2001:db8:0:%d::2", i))
		begin(http.StatusServiceUnavailable, fmt.Sprintf("2001:db8:0:%d::3", i))
	}
	begin(http.StatusServiceUnavailable, "2001:db8:0:4::1")
	begin(http.StatusUnauthorized, "2001:db8:1:4::1")
	begin(http.StatusUnauthorized, "192.0.2.1")
}

// TestTabsAfterTheSchemeAreTaken, and such a token is not for the handler.
func TestTabsAfterTheSchemeAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.Session = time.Hour })
	session := w.do(http.MethodGet, "", w.token("alice")).cookie()
	for _, between := range []string{"\t", " \t ", "   "} {
		r, _ := http.NewRequest(http.MethodGet, w.server.URL, nil)
		r.Header.Set("Authorization", "Negotiate"+between+base64Of(w.token("alice")))
		w.want(w.send(r), http.StatusOK, between)
		if got := w.seen.Load().Header.Values("Authorization"); len(got) > 0 {
			t.Errorf("%q: Authorization %d times", between, len(got))
		}
	}
	r, _ := http.NewRequest(http.MethodGet, w.server.URL, nil)
	r.Header.Set("Authorization", "NTLM\tTlRMTVNTUAABAAAA")
	r.AddCookie(session)
	w.want(w.send(r), http.StatusForbidden, "NTLM")
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	token, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Error(err)
	}
	return token
}
