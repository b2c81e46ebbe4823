package negotiate_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
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

func asError(err error, target **kerberos.Error) bool { return errors.As(err, target) }

func TestRequestWithoutTokenIsChallenged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a := w.do(http.MethodGet, "", nil)
	w.want(a, http.StatusUnauthorized, "no token")
	if got := a.challenge(); got != "Negotiate" {
		t.Errorf("WWW-Authenticate: %q", got)
	}
	w.want(w.do(http.MethodGet, "", w.token("alice")), http.StatusOK, "with a token")
}

func TestRequestWithoutTokenIsRefusedWithChallengeOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *negotiate.Config) { c.NoChallenge = true })
	a := w.do(http.MethodGet, "", nil)
	w.want(a, http.StatusForbidden, "no token")
	if got := a.challenge(); got != "" {
		t.Errorf("WWW-Authenticate: %q", got)
	}
	w.want(w.do(http.MethodGet, "", w.token("alice")), http.StatusOK, "with a token")
}

// TestServerTokenIsReturnedOnSuccess: with SPNEGO and without it, and whichever
// OID the client prefers.
func TestServerTokenIsReturnedOnSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, cfg := range map[string]gss.InitConfig{
		"spnego": {}, "krb5": {Mechanism: gss.MechanismKRB5},
		"spnego one-way": {GSSFlags: kerberos.GSSInteg},
	} {
		c, token := w.initiator("alice", cfg)
		a := w.do(http.MethodPost, "hello", token)
		w.want(a, http.StatusOK, name)
		if a.body != "alice@EXAMPLE.COM token hello" {
			t.Errorf("%s: %q", name, a.body)
		}
		if _, done, err := c.Step(t.Context(), a.token()); err != nil || !done {
			t.Errorf("%s: the server's token %x: done %t, %v", name, a.token(), done, err)
		}
	}
	apReq := w.negotiation("alice").apReq
	a := w.do(http.MethodGet, "", krbtest.NegTokenInit{
		MechTypes: krbtest.MechTypes(krbtest.OIDMSKRB5, krbtest.OIDKRB5), MechToken: apReq}.Token())
	resp, ok := krbtest.ReadNegTokenResp(a.token())
	if !ok || !bytes.Equal(resp.SupportedMech, krbtest.OIDMSKRB5) || resp.State != krbtest.StateAcceptCompleted {
		t.Errorf("Windows' OID first: HTTP %d, %+v", a.StatusCode, resp)
	}
}

func TestHandlerGetsNeitherTokenNorCookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.want(w.do(http.MethodGet, "", w.token("alice"), &http.Cookie{Name: "negotiate", Value: "x"},
		&http.Cookie{Name: "theirs", Value: "y"}), http.StatusOK, "token")
	h := w.seen.Load().Header
	if h.Get("Authorization") != "" || h.Get("Cookie") != "theirs=y" {
		t.Errorf("Authorization %q, Cookie %q", h.Get("Authorization"), h.Get("Cookie"))
	}
}

// TestLargeTokenIsAccepted: 64 kB, as of an account in very many groups.
func TestLargeTokenIsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	groups := krbtest.AuthzSequence(krbtest.AuthzElement(99, make([]byte, 64<<10)))
	token, _, err := w.kdc.Token("alice", service, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{AuthzData: groups}})
	w.must(err)
	w.want(w.do(http.MethodGet, "", token), http.StatusOK, "64 kB")
}

func TestReplayedTokenIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	token := w.token("alice")
	w.want(w.do(http.MethodGet, "", token), http.StatusOK, "first")
	a := w.do(http.MethodGet, "", token)
	w.want(a, http.StatusUnauthorized, "second")
	if w.calls.Load() != 1 {
		t.Errorf("%d calls", w.calls.Load())
	}
}

// TestRefusedTokenIsAnsweredWithoutInvitation: with what the GSS-API context
// tells the client, a KRB-ERROR inside a reject, and never with a bare
// challenge.
func TestRefusedTokenIsAnsweredWithoutInvitation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ticket, err := w.kdc.Ticket("alice", service, krbtest.TicketOptions{EndTime: time.Now().Add(-time.Hour)})
	w.must(err)
	c, err := gss.NewInitiatorContext(ticket, gss.InitConfig{})
	w.must(err)
	token, _, err := c.Step(t.Context(), nil)
	w.must(err)
	a := w.do(http.MethodGet, "", token)
	w.want(a, http.StatusUnauthorized, "expired ticket")
	resp, ok := krbtest.ReadNegTokenResp(a.token())
	if !ok || resp.State != krbtest.StateReject || resp.ResponseToken == nil {
		t.Errorf("WWW-Authenticate: %q, %+v", a.challenge(), resp)
	}
	_, _, err = c.Step(t.Context(), a.token())
	var refusal *kerberos.KRBError
	if !errors.As(err, &refusal) || refusal.Code != kerberos.KRBErrTicketExpired {
		t.Errorf("the client learns %v", err)
	}
	for _, invite := range []bool{false, true} {
		w = newWorld(t, func(cfg *negotiate.Config) { cfg.Invite = invite })
		a = w.do(http.MethodGet, "", []byte("no token at all"))
		want := map[bool]int{false: http.StatusForbidden, true: http.StatusUnauthorized}[invite]
		w.want(a, want, "rubbish")
		if got := a.challenge(); got != map[bool]string{true: "Negotiate"}[invite] {
			t.Errorf("invite %t: WWW-Authenticate: %q", invite, got)
		}
	}
}

func TestNTLMIsRecognizedAndExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ntlm := []byte("NTLMSSP\x00\x01\x00\x00\x00\x97\x82\x08\xe2")
	for name, token := range map[string][]byte{
		"bare":   ntlm,
		"spnego": krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDNTLM), MechToken: ntlm}.Token(),
	} {
		a := w.do(http.MethodGet, "", token)
		if !strings.Contains(a.body, "NTLM") || a.challenge() == "Negotiate" {
			t.Errorf("%s: HTTP %d %q, WWW-Authenticate %q", name, a.StatusCode, a.body, a.challenge())
		}
	}
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "NTLM TlRMTVNTUAABAAAA")
	if got := code(w.auth.Authenticate(r).Err); got != kerberos.CodeNTLM {
		t.Errorf("scheme NTLM: %q", got)
	}
}

func TestNegotiationOfThreeLegs(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory(store.MemoryConfig{MaxEntryBytes: 256 << 10})
	w := newWorld(t, func(c *negotiate.Config) { c.Store, c.CookieName = kept, "legs" })
	n := w.negotiation("alice")
	first := n.first().cookie()
	if first == nil || first.Name != "legs" || !first.HttpOnly || first.SameSite != http.SameSiteLaxMode ||
		first.MaxAge < 1 || first.Path != "/" || first.Secure {
		t.Fatalf("cookie %+v", first)
	}
	second := n.second().cookie()
	if second == nil || second.Value == first.Value {
		t.Fatalf("the second leg has the cookie %+v", second)
	}
	a := n.third(http.MethodPost, "hello")
	w.want(a, http.StatusOK, "third leg")
	if a.body != "alice@EXAMPLE.COM token hello" || !a.removed() || a.cookie() != nil {
		t.Errorf("%q, cookies %v", a.body, a.Cookies())
	}
	if w.calls.Load() != 1 || kept.Len() != 0 {
		t.Errorf("%d calls of the handler, %d negotiations are kept", w.calls.Load(), kept.Len())
	}
}

func TestInterleavedNegotiationsNeverMix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	all := []*negotiation{w.negotiation("alice"), w.negotiation("bob"), w.negotiation("carol")}
	for _, n := range all {
		n.first()
	}
	for i := range all {
		all[len(all)-1-i].second()
	}
	for i, name := range []string{"alice", "bob", "carol"} {
		if a := all[i].third(http.MethodGet, ""); a.body != name+"@EXAMPLE.COM token " {
			t.Errorf("%s: HTTP %d %q", name, a.StatusCode, a.body)
		}
	}
}

// TestLegUnderAnothersCookieIsRefused: bob's mechListMIC ends alice's
// negotiation and makes him nobody.
func TestLegUnderAnothersCookieIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice, bob := w.negotiation("alice"), w.negotiation("bob")
	for _, n := range []*negotiation{alice, bob} {
		n.first()
		n.second()
	}
	bob.cookie = alice.cookie
	if a := bob.third(http.MethodGet, ""); a.StatusCode == http.StatusOK {
		t.Errorf("HTTP 200 %q", a.body)
	}
	if w.calls.Load() != 0 {
		t.Error("the handler was called")
	}
}

func TestLegWithoutKnownCookieIsChallenged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	n := w.negotiation("alice")
	n.first()
	used := n.cookie
	n.second()
	for name, c := range map[string]*http.Cookie{
		"none": nil, "forged": {Name: "negotiate", Value: "n" + strings.Repeat("A", 43)}, "used": used,
		"not base64": {Name: "negotiate", Value: "n" + strings.Repeat("=", 43)}, "empty": {Name: "negotiate"},
		"too long": {Name: "negotiate", Value: "n" + strings.Repeat("A", 5000)},
	} {
		a := w.do(http.MethodGet, "", krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token(), c)
		w.want(a, http.StatusUnauthorized, name)
		if a.challenge() != "Negotiate" {
			t.Errorf("%s: WWW-Authenticate %q", name, a.challenge())
		}
	}
	w.want(n.third(http.MethodGet, ""), http.StatusOK, "the negotiation itself")
}

// outOfOrder is a store that fails, or has no room.
type outOfOrder struct {
	*store.Memory
	full bool
}

func (o outOfOrder) Error() string { return "the store is out of order" }
func (o outOfOrder) Full() bool    { return o.full }

func (o outOfOrder) Add(context.Context, string, []byte, string, time.Time) (bool, error) {
	return false, o
}

// TestNegotiationThatCannotBeKeptIsNotBegun: the client is told to come again,
// and the operator why.
func TestNegotiationThatCannotBeKeptIsNotBegun(t *testing.T) {
	t.Parallel()
	for want, full := range map[kerberos.Code]bool{negotiate.CodeFull: true, negotiate.CodeStore: false} {
		w := newWorld(t, func(c *negotiate.Config) { c.Store = outOfOrder{store.NewMemory(store.MemoryConfig{}), full} })
		first := krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDNTLM, krbtest.OIDKRB5),
			MechToken: []byte("NTLMSSP\x00")}.Token()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(first))
		res := w.auth.Authenticate(r)
		if res.Status != http.StatusServiceUnavailable || code(res.Err) != want || res.Identity != nil {
			t.Errorf("%s: HTTP %d, %v", want, res.Status, res.Err)
		}
	}
}

// TestFreshTokenIsAcceptedBesideAnyCookie: an unknown cookie, or one of a
// negotiation that the client gave up, is no obstacle.
func TestFreshTokenIsAcceptedBesideAnyCookie(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory(store.MemoryConfig{MaxEntryBytes: 256 << 10})
	w := newWorld(t, func(c *negotiate.Config) { c.Store = kept })
	n := w.negotiation("alice")
	n.first()
	for name, c := range map[string]*http.Cookie{
		"given up": n.cookie, "unknown": {Name: "negotiate", Value: "n" + strings.Repeat("A", 43)},
		"rubbish": {Name: "negotiate", Value: "rubbish"},
	} {
		w.want(w.do(http.MethodGet, "", w.token("alice"), c), http.StatusOK, name)
	}
	if kept.Len() != 0 {
		t.Errorf("%d negotiations are kept", kept.Len())
	}
}

func TestNegotiationOfAnotherRouteIsNotContinued(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory(store.MemoryConfig{MaxEntryBytes: 256 << 10})
	w := newWorld(t, func(c *negotiate.Config) { c.Store, c.Scope, c.CookieName = kept, "/a", "n" })
	other, err := negotiate.New(negotiate.Config{Acceptor: w.acceptor, Store: kept, Scope: "/b", CookieName: "n"})
	w.must(err)
	n := w.negotiation("alice")
	n.first()
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Negotiate "+base64Of(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token()))
	r.AddCookie(n.cookie)
	if res := other.Authenticate(r); res.Identity != nil || code(res.Err) != negotiate.CodeUnknown {
		t.Errorf("%+v", res)
	}
	n.second()
	w.want(n.third(http.MethodGet, ""), http.StatusOK, "on its own route")
}

// TestNegotiationGoesOnAtAnotherNode: with the same store and key, whichever node
// a leg comes to. To a node with another key it is unknown.
func TestNegotiationGoesOnAtAnotherNode(t *testing.T) {
	t.Parallel()
	kept, keys := store.NewMemory(store.MemoryConfig{MaxEntryBytes: 256 << 10}), seal.Random()
	w := newWorld(t, func(c *negotiate.Config) { c.Store, c.Sealer = kept, keys })
	node := func(keys seal.Keys) *httptest.Server {
		auth, err := negotiate.New(negotiate.Config{Acceptor: krbtest.Acceptor(t, w.kdc.Keytab(nil)), Store: kept,
			Sealer: keys})
		w.must(err)
		s := httptest.NewServer(auth.Handler(http.HandlerFunc(w.handle)))
		t.Cleanup(s.Close)
		return s
	}
	here, there, elsewhere := w.server, node(keys), node(seal.Random())
	n := w.negotiation("alice")
	n.first()
	w.server = there
	n.second()
	w.server = here
	if a := n.third(http.MethodGet, ""); a.body != "alice@EXAMPLE.COM token " || kept.Len() != 0 {
		t.Errorf("HTTP %d %q, %d negotiations are kept", a.StatusCode, a.body, kept.Len())
	}
	n = w.negotiation("alice")
	n.first()
	w.server = elsewhere
	a := n.send(http.MethodGet, "", krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
	if a.StatusCode != http.StatusUnauthorized || a.challenge() != "Negotiate" {
		t.Errorf("another key: HTTP %d, %q", a.StatusCode, a.challenge())
	}
}

func TestNegotiationExpires(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, func(c *negotiate.Config) { c.MaxOpen, c.Time = time.Minute, func() time.Time { return now } })
	n := w.negotiation("alice")
	n.first()
	now = now.Add(2 * time.Minute)
	a := w.do(http.MethodGet, "", krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token(), n.cookie)
	w.want(a, http.StatusUnauthorized, "too late")
	if a.challenge() != "Negotiate" {
		t.Errorf("WWW-Authenticate %q", a.challenge())
	}
}

func TestAddressHasALimitOfNegotiations(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory(store.MemoryConfig{MaxEntryBytes: 256 << 10, ClientEntries: 2})
	w := newWorld(t, func(c *negotiate.Config) { c.Store = kept })
	for range 2 {
		w.negotiation("alice").first()
	}
	n := w.negotiation("alice")
	a := n.send(http.MethodGet, "", krbtest.NegTokenInit{MechTypes: otherFirst}.Token())
	w.want(a, http.StatusServiceUnavailable, "third negotiation")
	w.want(w.do(http.MethodGet, "", w.token("bob")), http.StatusOK, "a negotiation of one leg, which needs no room")
}

func TestApplicationNegotiate(t *testing.T) {
	t.Parallel()
	want := negotiate.ApplicationChallenge{Connect: "wss://gw.example.com/kerberos5", Identifier: service}
	w := newWorld(t, func(c *negotiate.Config) { c.Application, c.Challenge = true, want })
	a := w.do(http.MethodGet, "", nil)
	if got := a.challenge(); got != "Application Negotiate wss://gw.example.com/kerberos5 "+service {
		t.Errorf("WWW-Authenticate: %q", got)
	}
	if got, ok := negotiate.ParseApplicationChallenge(a.Header); !ok || got != want {
		t.Errorf("parsed: %+v", got)
	}
	for _, prefix := range []string{"Negotiate ", "Application Negotiate ", "application NEGOTIATE "} {
		r, _ := http.NewRequest(http.MethodGet, w.server.URL, nil)
		r.Header.Set("Authorization", prefix+base64Of(w.token("alice")))
		w.want(w.send(r), http.StatusOK, prefix)
	}
}
