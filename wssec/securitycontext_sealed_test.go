package wssec_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// sealedNodes makes SecurityContexts of nodes that share keys, at one time.
type sealedNodes struct {
	t      testing.TB
	now    time.Time
	sealer wssec.StateSealer
}

func newSealedNodes(t testing.TB) *sealedNodes {
	return &sealedNodes{t, time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC), seal.Random()}
}

// node makes one that shares a store with those made with the same.
func (n *sealedNodes) node(s wssec.ContextStore, change ...func(*wssec.ContextsConfig)) *wssec.SecurityContexts {
	cfg := wssec.ContextsConfig{Store: s, Sealer: n.sealer, Scope: "/route", Sealed: true,
		Time: func() time.Time { return n.now }}
	for _, c := range change {
		c(&cfg)
	}
	return wssec.NewSecurityContexts(cfg)
}

func (n *sealedNodes) memory() *store.Memory {
	return store.NewMemory(store.MemoryConfig{Time: func() time.Time { return n.now }})
}

// issue issues a context of alice, with its Cookie.
func (n *sealedNodes) issue(c *wssec.SecurityContexts) wssec.SecurityContext {
	n.t.Helper()
	sc := contextOf(wssec.SecureConversationToken, n.now)
	if err := c.Issue(n.t.Context(), sc); err != nil {
		n.t.Fatal(err)
	}
	return n.withCookie(c, sc)
}

func (n *sealedNodes) withCookie(c *wssec.SecurityContexts, sc wssec.SecurityContext) wssec.SecurityContext {
	n.t.Helper()
	var err error
	if sc.Cookie, err = c.Cookie(sc); err != nil {
		n.t.Fatal(err)
	}
	return sc
}

// renewed is sc after a renewal that is still to be made.
func (n *sealedNodes) renewed(sc wssec.SecurityContext, instance string) wssec.SecurityContext {
	sc.Instance, sc.Created, sc.Expires, sc.TicketEnd = instance, n.now, n.now.Add(time.Hour), n.now.Add(2*time.Hour)
	sc.Key = wssec.NewKey([]byte("key of instance " + instance + strings.Repeat("-", 16)))
	return sc
}

// expect looks a token up and compares the outcome with code, "" for none.
func (n *sealedNodes) expect(c *wssec.SecurityContexts, sc wssec.SecurityContext, code wssec.Code) (
	got wssec.SecurityContext) {
	n.t.Helper()
	var err error
	got, err = c.Lookup(n.t.Context(), sc.Identifier, sc.Instance, sc.Cookie)
	if code == "" && err != nil {
		n.t.Fatal(err)
	}
	if code != "" {
		refused(n.t, err, code)
	}
	return got
}

// Nodes that share nothing but keys accept each other's tokens, and keep nothing.
func TestSealedContextsNeedNoStore(t *testing.T) {
	t.Parallel()
	n := newSealedNodes(t)
	first, second := n.memory(), n.memory()
	want := n.issue(n.node(first))
	got := n.expect(n.node(second), want, "")
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || !got.Key.Equal(want.Key) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	t.Logf("%d octets", len(want.Cookie))
	if first.Len()+second.Len() != 0 {
		t.Errorf("%d entries are kept", first.Len()+second.Len())
	}
	for _, secret := range []string{string(want.Key.ExposeSecretOctets()), want.Name, want.Realm, want.Groups[0]} {
		if bytes.Contains(want.Cookie, []byte(secret)) {
			t.Errorf("%q is in the Cookie", secret)
		}
	}
	n.now = want.Expires
	n.expect(n.node(second), want, wssec.CodeContextExpired)
	refused(t, n.node(second).Cancel(t.Context(), want.Identifier, want.Cookie), wssec.CodeContextExpired)
}

// A Cookie is good as it is, for its Identifier, Instance, route and keys.
func TestSealedLookupRefusesOtherCookies(t *testing.T) {
	t.Parallel()
	n := newSealedNodes(t)
	m := n.memory()
	c := n.node(m)
	sc := n.issue(c)
	for i := range sc.Cookie {
		altered, short := sc, sc
		altered.Cookie = bytes.Clone(sc.Cookie)
		altered.Cookie[i] ^= 1
		n.expect(c, altered, wssec.CodeContextCookie)
		short.Cookie = sc.Cookie[:i]
		n.expect(c, short, wssec.CodeContextCookie)
	}
	foreign := func(change func(*wssec.ContextsConfig)) []byte { return n.issue(n.node(m, change)).Cookie }
	kept := wssec.NewSecurityContexts(wssec.ContextsConfig{Store: m, Sealer: n.sealer, Scope: "/route",
		Time: func() time.Time { return n.now }})
	if err := kept.Issue(t.Context(), contextOf(wssec.SecureConversationToken, n.now)); err != nil {
		t.Fatal(err)
	}
	entry, err := m.Get(t.Context(), "context v1 /route "+sc.Identifier)
	if err != nil || entry == nil {
		t.Fatal(entry, err)
	}
	for name, cookie := range map[string][]byte{
		"longer":           append(bytes.Clone(sc.Cookie), 0),
		"huge":             append(bytes.Clone(sc.Cookie), make([]byte, 1<<20)...),
		"of another route": foreign(func(cfg *wssec.ContextsConfig) { cfg.Scope = "/other" }),
		"of another key":   foreign(func(cfg *wssec.ContextsConfig) { cfg.Sealer = seal.Random() }),
		"entry of a store": entry,
	} {
		other := sc
		other.Cookie = cookie
		if _, err := c.Lookup(t.Context(), sc.Identifier, "", cookie); err == nil {
			t.Errorf("a Cookie %s was accepted", name)
		} else {
			refused(t, err, wssec.CodeContextCookie)
		}
		refused(t, c.Cancel(t.Context(), sc.Identifier, cookie), wssec.CodeContextCookie)
		refused(t, c.Renew(t.Context(), n.renewed(other, "urn:2")), wssec.CodeContextCookie)
	}
	other := sc
	other.Identifier += "0"
	n.expect(c, other, wssec.CodeContextCookie)
	other.Identifier = ""
	n.expect(c, other, wssec.CodeContextUnknown)
	other = sc
	other.Instance = "urn:2"
	n.expect(c, other, wssec.CodeContextInstance)
	n.expect(kept, wssec.SecurityContext{Identifier: "urn:uuid:else", Cookie: sc.Cookie}, wssec.CodeContextUnknown)
	n.expect(c, sc, "")
}

// A Cancel holds on every node with the same store for as long as the token would
// be good, and no longer; a node without that store cannot know of it.
func TestCancelOfASealedContextIsRemembered(t *testing.T) {
	t.Parallel()
	n := newSealedNodes(t)
	m := n.memory()
	sc := n.issue(n.node(m))
	sc = n.renewedAt(n.node(m), sc, "urn:2")
	first := sc
	first.Instance = ""
	if err := n.node(m).Cancel(t.Context(), sc.Identifier, sc.Cookie); err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, 9 * time.Minute, 20 * time.Minute, time.Hour - 1} {
		n.now = sc.Created.Add(after)
		n.expect(n.node(m), sc, wssec.CodeContextCancelled)
		refused(t, n.node(m).Cancel(t.Context(), sc.Identifier, sc.Cookie), wssec.CodeContextCancelled)
		refused(t, n.node(m).Renew(t.Context(), n.renewed(sc, "urn:3")), wssec.CodeContextCancelled)
		n.expect(n.node(n.memory()), sc, "")
	}
	n.now = sc.Expires
	n.expect(n.node(m), sc, wssec.CodeContextExpired)
	n.now = sc.Expires.Add(time.Hour)
	if m.Len() != 0 {
		t.Errorf("%d entries are left", m.Len())
	}
}

// renewedAt renews a context at a node, and returns it with its new token.
func (n *sealedNodes) renewedAt(c *wssec.SecurityContexts, sc wssec.SecurityContext, instance string) (
	next wssec.SecurityContext) {
	n.t.Helper()
	next = n.renewed(sc, instance)
	if err := c.Renew(n.t.Context(), next); err != nil {
		n.t.Fatal(err)
	}
	return n.withCookie(c, next)
}

// After a renewal the token before is good for five minutes, and those before that
// are not.
func TestRenewOfASealedContextEndsEarlierTokens(t *testing.T) {
	t.Parallel()
	n := newSealedNodes(t)
	m := n.memory()
	first := n.issue(n.node(m))
	second := n.renewedAt(n.node(m), first, "urn:2")
	if got := n.expect(n.node(m), second, ""); !got.Key.Equal(second.Key) {
		t.Error("the key is not new")
	}
	if got := n.expect(n.node(m), first, ""); !got.Expires.Equal(n.now.Add(5 * time.Minute)) {
		t.Errorf("the token before is good until %s", got.Expires)
	}
	third := n.renewedAt(n.node(m), second, "urn:3")
	n.expect(n.node(m), first, wssec.CodeContextInstance)
	n.expect(n.node(m), second, "")
	others := n.renewed(third, "urn:4")
	others.Name = "mallory"
	for name, next := range map[string]wssec.SecurityContext{
		"Instance of the token":  n.renewed(second, "urn:2"),
		"Instance that is there": n.renewed(second, "urn:3"),
		"another client":         others,
	} {
		if err := n.node(m).Renew(t.Context(), next); err == nil {
			t.Errorf("%s: renewed", name)
		}
	}
	n.now = n.now.Add(5 * time.Minute)
	n.expect(n.node(m), second, wssec.CodeContextInstance)
	n.expect(n.node(m), third, "")
}

// Of many renewals of one token two can win: one by the token, and one by it as
// the token before.
func TestRacingRenewalsOfASealedContextLeaveOneCurrentToken(t *testing.T) {
	t.Parallel()
	n := newSealedNodes(t)
	m := n.memory()
	sc := n.issue(n.node(m))
	var wg sync.WaitGroup
	var mu sync.Mutex
	var won []wssec.SecurityContext
	for i := range 64 {
		wg.Go(func() {
			next := n.renewed(sc, fmt.Sprint("urn:", i))
			if n.node(m).Renew(t.Context(), next) == nil {
				next = n.withCookie(n.node(m), next)
				mu.Lock()
				won = append(won, next)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(won) == 0 || len(won) > 2 {
		t.Fatalf("%d renewals of one token", len(won))
	}
	n.now = n.now.Add(5 * time.Minute)
	good := 0
	for _, token := range append(won, sc) {
		if _, err := n.node(m).Lookup(t.Context(), token.Identifier, token.Instance, token.Cookie); err == nil {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d tokens are good", good)
	}
}

// Keys change while contexts live: what the old key has sealed opens until it is
// removed.
func TestSealedContextsOutliveANewKey(t *testing.T) {
	t.Parallel()
	key := func(fill byte) string {
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32)) + "\n"
	}
	keys := func(text string) seal.Keys {
		k, err := seal.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	n := newSealedNodes(t)
	ring := seal.NewRing(keys(key(1)))
	n.sealer = ring
	c := n.node(n.memory())
	sc := n.issue(c)
	ring.Replace(keys(key(1) + key(2)))
	n.expect(c, sc, "")
	ring.Replace(keys(key(2) + key(1)))
	n.expect(c, sc, "")
	later := n.renewedAt(c, sc, "urn:2")
	ring.Replace(keys(key(2)))
	n.expect(c, sc, wssec.CodeContextCookie)
	n.expect(c, later, "")
}

// While the store fails nothing is changed, and nothing is accepted unless that
// was asked for.
func TestSealedContextsWithoutTheirStore(t *testing.T) {
	t.Parallel()
	n := newSealedNodes(t)
	broken := errors.New("connection reset")
	s := brokenStore{n.memory(), broken}
	goOn := func(cfg *wssec.ContextsConfig) { cfg.GoOnWithoutStore = true }
	sc := n.issue(n.node(s))
	n.expect(n.node(s), sc, wssec.CodeContextStore)
	n.expect(n.node(s, goOn), sc, "")
	for _, c := range []*wssec.SecurityContexts{n.node(s), n.node(s, goOn)} {
		err := c.Cancel(t.Context(), sc.Identifier, sc.Cookie)
		refused(t, err, wssec.CodeContextStore)
		if !errors.Is(err, broken) {
			t.Errorf("the cause is lost: %v", err)
		}
		refused(t, c.Renew(t.Context(), n.renewed(sc, "urn:2")), wssec.CodeContextStore)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := n.node(n.memory(), goOn).Lookup(done, sc.Identifier, "", sc.Cookie)
	refused(t, err, wssec.CodeContextStore)
}

// Whoever can write to the store ends contexts, and brings none back.
func TestSealedContextsDoNotTrustTheirStore(t *testing.T) {
	t.Parallel()
	n := newSealedNodes(t)
	m := n.memory()
	sc := n.issue(n.node(m))
	other := sc
	other.Identifier = "urn:uuid:other"
	other = n.withCookie(n.node(m), other)
	_ = n.renewedAt(n.node(m), other, "urn:2")
	const id = "changes of a sealed context v1 /route "
	entry, err := m.Get(t.Context(), id+other.Identifier)
	if err != nil || entry == nil {
		t.Fatal(entry, err)
	}
	if err := n.node(m).Cancel(t.Context(), sc.Identifier, sc.Cookie); err != nil {
		t.Fatal(err)
	}
	for name, written := range map[string][]byte{"of another context": entry, "no entry": []byte("x"), "empty": {}} {
		if was, err := m.Take(t.Context(), id+sc.Identifier); was == nil || err != nil {
			t.Fatal(was, err)
		}
		if _, err := m.Add(t.Context(), id+sc.Identifier, written, "", n.now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := n.node(m).Lookup(t.Context(), sc.Identifier, "", sc.Cookie); err == nil {
			t.Errorf("%s: the context lives again", name)
		}
	}
}

// What is remembered of contexts counts against the share of their client, and a
// Cancel that there is no room for fails.
func TestCancelOfASealedContextFailsWithoutRoom(t *testing.T) {
	t.Parallel()
	n := newSealedNodes(t)
	m := store.NewMemory(store.MemoryConfig{ClientEntries: 2, Time: func() time.Time { return n.now }})
	for i := range 3 {
		sc := contextOf(wssec.SpnegoContextToken, n.now)
		sc.Identifier = fmt.Sprint("urn:", i)
		sc = n.withCookie(n.node(m), sc)
		err := n.node(m).Cancel(t.Context(), sc.Identifier, sc.Cookie)
		var full interface{ Full() bool }
		if i < 2 && err != nil || i == 2 && (!errors.As(err, &full) || !full.Full()) {
			t.Errorf("Cancel %d: %v", i, err)
		}
	}
}

// A Cookie has room for a client with a thousand groups; what has none is not
// issued.
func TestCookieOfManyGroups(t *testing.T) {
	t.Parallel()
	n := newSealedNodes(t)
	c := n.node(n.memory())
	sc := contextOf(wssec.SpnegoContextToken, n.now)
	sc.Groups = nil
	for i := range 1000 {
		sc.Groups = append(sc.Groups, fmt.Sprintf("S-1-5-21-3623811015-3361044348-30300820-%d", 1000+7*i))
	}
	sc = n.withCookie(c, sc)
	t.Logf("%d octets", len(sc.Cookie))
	if got := n.expect(c, sc, ""); fmt.Sprint(got.Groups) != fmt.Sprint(sc.Groups) {
		t.Errorf("%d groups became %d", len(sc.Groups), len(got.Groups))
	}
	for i := range 1000 {
		sc.Groups = append(sc.Groups, fmt.Sprintf("S-1-5-21-%d-3361044348-30300820-%d", 3623811015+i, i))
	}
	sc.Cookie = nil
	if cookie, err := c.Cookie(sc); err == nil || !strings.Contains(err.Error(), "2000 groups") {
		t.Errorf("%d octets, %v", len(cookie), err)
	}
	if sc.Key = wssec.NewKey(nil); sc.Key.Len() != 0 {
		t.Fatal("a key")
	}
	if _, err := c.Cookie(sc); err == nil {
		t.Error("an incomplete context has a Cookie")
	}
}

// sealedConversing are peers whose service keeps no context of alice.
func sealedConversing(t testing.TB, p wssec.Policy) *conversing {
	t.Helper()
	c := newConversing(t, p, nil)
	c.cfg.Contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Scope: "/route", Sealed: true, Time: c.cfg.Time})
	var err error
	if c.alice.Cookie, err = c.cfg.Contexts.Cookie(c.alice); err != nil {
		t.Fatal(err)
	}
	c.token.Context.Cookie = c.alice.Cookie
	c.serve(t, p)
	return c
}

const cookiePattern = `<d:Cookie .*?</d:Cookie>`

// The state is taken from the token that the message carries, under each policy;
// what the message was verified under goes on with it, for a Renew or Cancel.
func TestVerifyTakesTheStateOfAContextFromItsToken(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]wssec.Policy{
		"raw key": underContext(), "derived keys": underContext(derived),
		"protect tokens": underContext(derived, func(p *wssec.Policy) { p.ProtectTokens = true }),
		"SspiNegotiated": preset(t, "SspiNegotiated"), "over transport": preset(t, "SspiNegotiatedOverTransport"),
		"SecureConversation": preset(t, "SecureConversation"),
	} {
		for _, namespace := range []string{wssec.NSWSC05, wssec.NSWSC13} {
			c := sealedConversing(t, p)
			c.token.Context.Namespace = namespace
			c.exchange(namespace)
			msg, err := c.verify(t, []byte(c.message()))
			if err != nil {
				t.Fatal(name, err)
			}
			sc, ok := msg.Context()
			if !ok || !bytes.Equal(sc.Cookie, c.alice.Cookie) || sc.Groups[0] != c.alice.Groups[0] {
				t.Errorf("%s: %+v", name, sc)
			}
		}
	}
}

// All that can be wrong with a Cookie is one fault, that of a context that is not
// known; white space in its base64 is allowed.
func TestVerifyRefusesTokensWithoutTheirState(t *testing.T) {
	t.Parallel()
	faults := map[string]bool{}
	for name, tt := range map[string]struct {
		code   wssec.Code // "" is accepted
		omit   bool
		change func(m string) string
	}{
		"untouched": {"", false, func(m string) string { return m }},
		"lines": {"", false, func(m string) string {
			cookie := find(t, m, cookiePattern)
			return replace(t, m, cookie, strings.Replace(cookie, ">", ">\r\n  ", 1))
		}},
		"no Cookie": {wssec.CodeContextCookie, false, func(m string) string {
			return replace(t, m, find(t, m, cookiePattern), "")
		}},
		"empty": {wssec.CodeContextCookie, false, func(m string) string {
			return replace(t, m, find(t, m, `<d:Cookie [^>]*>(.*?)</d:Cookie>`), "")
		}},
		"no token": {wssec.CodeContextCookie, true, func(m string) string { return m }},
		"of another namespace": {wssec.CodeContextCookie, false, func(m string) string {
			return replace(t, m, "http://schemas.microsoft.com/ws/2006/05/security", "urn:other")
		}},
		"two": {wssec.CodeInvalidToken, false, func(m string) string {
			cookie := find(t, m, cookiePattern)
			return replace(t, m, cookie, cookie+cookie)
		}},
		"an element in it": {wssec.CodeContextCookie, false, func(m string) string {
			return replace(t, m, "</d:Cookie>", "<x/></d:Cookie>")
		}},
		"no base64": {wssec.CodeContextCookie, false, func(m string) string {
			return replace(t, m, "</d:Cookie>", "!</d:Cookie>")
		}},
		"altered": {wssec.CodeContextCookie, false, func(m string) string {
			return replace(t, m, "</d:Cookie>", "AAAA</d:Cookie>")
		}},
		"huge": {wssec.CodeContextCookie, false, func(m string) string {
			return replace(t, m, "</d:Cookie>", strings.Repeat("AAAA", 1<<18)+"</d:Cookie>")
		}},
		"another Identifier": {wssec.CodeContextCookie, false, func(m string) string {
			return strings.ReplaceAll(m, "444455556666", "444455556667")
		}},
		"an Instance": {wssec.CodeContextInstance, false, func(m string) string {
			return replace(t, m, "</wsc:Identifier>", "</wsc:Identifier><wsc:Instance>urn:2</wsc:Instance>")
		}},
	} {
		c := sealedConversing(t, underContext(derived))
		c.token.Omit = tt.omit
		msg := tt.change(c.message())
		if tt.code == "" {
			if _, err := c.verify(t, []byte(msg)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		fault := wssec.FaultFor(c.refuses(msg, tt.code))
		if fault.Subcode.Local != "BadContextToken" || fault.Code != soap.Sender {
			t.Errorf("%s: %+v", name, fault)
		}
		if tt.code == wssec.CodeContextCookie {
			faults[fmt.Sprintf("%+v", *fault)] = true
		}
	}
	if len(faults) != 1 {
		t.Errorf("the wire has %d different faults: %v", len(faults), faults)
	}
}

// A token with a Cookie is nothing more on a route that keeps its contexts.
func TestVerifyDoesNotOpenCookiesWhereContextsAreKept(t *testing.T) {
	t.Parallel()
	sealed := sealedConversing(t, underContext(derived))
	kept := newConversing(t, underContext(derived), nil)
	msg := strings.ReplaceAll(sealed.message(), "444455556666", "444455556667")
	kept.refuses(msg, wssec.CodeContextUnknown)
}

// A suspended key stays so, though nothing is kept of its context.
func TestKeyGuardSuspendsASealedContext(t *testing.T) {
	t.Parallel()
	c := sealedConversing(t, underContext())
	for range 32 {
		c.refuses(c.forged(), wssec.CodeSignatureInvalid, wssec.CodeDecryption)
	}
	c.refuses(c.message(), wssec.CodeTokenSuspended)
}
