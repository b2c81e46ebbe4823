package wssec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/wssec"
)

// contexts are SecurityContexts with a clock that tests move.
type contexts struct {
	*wssec.SecurityContexts
	store *store.Memory
	now   time.Time
}

func newContexts(t testing.TB) *contexts {
	t.Helper()
	c := &contexts{now: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)}
	clock := func() time.Time { return c.now }
	c.store = store.NewMemory(store.MemoryConfig{Time: clock})
	c.SecurityContexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Store: c.store, Scope: "/route", Time: clock})
	return c
}

// issue enters a context of alice and returns it.
func (c *contexts) issue(t testing.TB) wssec.SecurityContext {
	t.Helper()
	sc := contextOf(wssec.SecureConversationToken, c.now)
	if err := c.Issue(t.Context(), sc); err != nil {
		t.Fatal(err)
	}
	return sc
}

// renewed is sc after a renewal.
func (c *contexts) renewed(sc wssec.SecurityContext, instance string) wssec.SecurityContext {
	sc.Instance, sc.Created, sc.Expires, sc.TicketEnd = instance, c.now, c.now.Add(time.Hour), c.now.Add(2*time.Hour)
	sc.Key = wssec.NewKey([]byte("key of instance " + instance + strings.Repeat("-", 16)))
	return sc
}

// expect looks a context up and compares the outcome with code, "" for none.
func (c *contexts) expect(t testing.TB, identifier, instance string, code wssec.Code) wssec.SecurityContext {
	t.Helper()
	sc, err := c.Lookup(t.Context(), identifier, instance, nil)
	if code == "" && err != nil {
		t.Fatal(err)
	}
	if code != "" {
		refused(t, err, code)
	}
	return sc
}

func TestLookupFindsWhatWasIssued(t *testing.T) {
	t.Parallel()
	c := newContexts(t)
	want := c.issue(t)
	got := c.expect(t, want.Identifier, "", "")
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || !got.Key.Equal(want.Key) ||
		!got.Created.Equal(want.Created) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if err := c.Issue(t.Context(), want); err == nil {
		t.Error("one Identifier was issued twice")
	}
	c.expect(t, want.Identifier+"0", "", wssec.CodeContextUnknown)
	c.expect(t, strings.ToUpper(want.Identifier), "", wssec.CodeContextUnknown)
	c.expect(t, "", "", wssec.CodeContextUnknown)
	c.expect(t, strings.Repeat("a", 1<<20), "", wssec.CodeContextUnknown)
}

// A context is good until it expires; for a while it then differs from one that
// never was.
func TestLookupRejectsExpiredContexts(t *testing.T) {
	t.Parallel()
	c := newContexts(t)
	sc := c.issue(t)
	for _, step := range []struct {
		after time.Duration
		code  wssec.Code
	}{
		{time.Hour - time.Nanosecond, ""},
		{time.Hour, wssec.CodeContextExpired},
		{time.Hour + 9*time.Minute, wssec.CodeContextExpired},
		{time.Hour + 10*time.Minute, wssec.CodeContextUnknown},
	} {
		c.now = sc.Created.Add(step.after)
		c.expect(t, sc.Identifier, "", step.code)
		if step.code != "" {
			refused(t, c.Renew(t.Context(), c.renewed(sc, "urn:2")), step.code)
			refused(t, c.Cancel(t.Context(), sc.Identifier, nil), step.code)
		}
	}
	if n := c.store.Len(); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}

func TestLookupRejectsCancelledContexts(t *testing.T) {
	t.Parallel()
	c := newContexts(t)
	sc := c.issue(t)
	if err := c.Cancel(t.Context(), sc.Identifier, nil); err != nil {
		t.Fatal(err)
	}
	c.expect(t, sc.Identifier, "", wssec.CodeContextCancelled)
	refused(t, c.Cancel(t.Context(), sc.Identifier, nil), wssec.CodeContextCancelled)
	refused(t, c.Renew(t.Context(), c.renewed(sc, "urn:2")), wssec.CodeContextCancelled)
	refused(t, c.Cancel(t.Context(), "urn:other", nil), wssec.CodeContextUnknown)
	if err := c.Issue(t.Context(), sc); err == nil {
		t.Error("a cancelled Identifier was issued again")
	}
	c.now = c.now.Add(10 * time.Minute)
	c.expect(t, sc.Identifier, "", wssec.CodeContextUnknown)
	if n := c.store.Len(); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}

// A client that cancels its contexts can always have another: WCF's have one for
// each proxy, a hundred in a second. What is remembered of them takes no more than
// one share, whoever they were of.
func TestCancelledContextsTakeNoRoom(t *testing.T) {
	t.Parallel()
	c := newContexts(t)
	c.store = store.NewMemory(store.MemoryConfig{MaxEntries: 64, Time: func() time.Time { return c.now }})
	c.SecurityContexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Store: c.store,
		Time: func() time.Time { return c.now }})
	for n := range 100 {
		sc := contextOf(wssec.SecureConversationToken, c.now)
		sc.Name, sc.Identifier = []string{"alice", "bob"}[n%2], fmt.Sprint("urn:", n)
		if err := c.Issue(t.Context(), sc); err != nil {
			t.Fatalf("context %d: %v", n, err)
		}
		if err := c.Cancel(t.Context(), sc.Identifier, nil); err != nil {
			t.Fatal(err)
		}
		code := wssec.CodeContextCancelled
		if n >= 4 {
			code = wssec.CodeContextUnknown // a share has four
		}
		c.expect(t, sc.Identifier, "", code)
	}
	if n := c.store.Len(); n != 4 {
		t.Errorf("%d entries", n)
	}
}

// After a renewal the new Instance is good, the one before for five minutes,
// and no other.
func TestRenewKeepsTheKeyBeforeForAWhile(t *testing.T) {
	t.Parallel()
	c := newContexts(t)
	first := c.issue(t)
	second := c.renewed(first, "urn:2")
	if err := c.Renew(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	got := c.expect(t, first.Identifier, "urn:2", "")
	if !got.Key.Equal(second.Key) || !got.Expires.Equal(second.Expires) {
		t.Errorf("%+v", got)
	}
	got = c.expect(t, first.Identifier, "", "")
	if !got.Key.Equal(first.Key) || !got.Expires.Equal(c.now.Add(5*time.Minute)) {
		t.Errorf("the key before: %+v", got)
	}
	c.expect(t, first.Identifier, "urn:3", wssec.CodeContextInstance)

	c.now = c.now.Add(time.Minute)
	third := c.renewed(first, "urn:3")
	if err := c.Renew(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	c.expect(t, first.Identifier, "", wssec.CodeContextInstance)
	c.expect(t, first.Identifier, "urn:2", "")
	c.now = c.now.Add(5 * time.Minute)
	c.expect(t, first.Identifier, "urn:2", wssec.CodeContextInstance)
	c.expect(t, first.Identifier, "urn:3", "")
}

// The key before a renewal is not good for longer than it would have been.
func TestRenewDoesNotProlongTheKeyBefore(t *testing.T) {
	t.Parallel()
	c := newContexts(t)
	sc := c.issue(t)
	c.now = sc.Expires.Add(-time.Minute)
	if err := c.Renew(t.Context(), c.renewed(sc, "urn:2")); err != nil {
		t.Fatal(err)
	}
	c.expect(t, sc.Identifier, "", "")
	c.now = sc.Expires
	c.expect(t, sc.Identifier, "", wssec.CodeContextInstance)
	c.expect(t, sc.Identifier, "urn:2", "")
}

func TestRenewRejectsAnotherClientOrType(t *testing.T) {
	t.Parallel()
	c := newContexts(t)
	sc := c.issue(t)
	for name, change := range map[string]func(*wssec.SecurityContext){
		"client":        func(n *wssec.SecurityContext) { n.Name = "mallory" },
		"realm":         func(n *wssec.SecurityContext) { n.Realm = "OTHER" },
		"service":       func(n *wssec.SecurityContext) { n.Service = "host/other" },
		"type":          func(n *wssec.SecurityContext) { n.Token = wssec.SpnegoContextToken },
		"same instance": func(n *wssec.SecurityContext) { n.Instance = "" },
		"no key":        func(n *wssec.SecurityContext) { n.Key = wssec.Key{} },
	} {
		next := c.renewed(sc, "urn:2")
		change(&next)
		if err := c.Renew(t.Context(), next); err == nil {
			t.Errorf("another %s is accepted", name)
		}
	}
	if got := c.expect(t, sc.Identifier, "", ""); !got.Key.Equal(sc.Key) {
		t.Error("a renewal that failed changed the key")
	}
}

func TestIssueRejectsIncompleteContexts(t *testing.T) {
	t.Parallel()
	c := newContexts(t)
	for name, change := range map[string]func(*wssec.SecurityContext){
		"no Identifier":     func(sc *wssec.SecurityContext) { sc.Identifier = "" },
		"a space in it":     func(sc *wssec.SecurityContext) { sc.Identifier = "urn:a b" },
		"a long Identifier": func(sc *wssec.SecurityContext) { sc.Identifier = strings.Repeat("a", 257) },
		"a bad Instance":    func(sc *wssec.SecurityContext) { sc.Instance = "é" },
		"no type":           func(sc *wssec.SecurityContext) { sc.Token = "" },
		"Kerberos":          func(sc *wssec.SecurityContext) { sc.Token = wssec.KerberosToken },
		"no namespace":      func(sc *wssec.SecurityContext) { sc.Namespace = "" },
		"a short key":       func(sc *wssec.SecurityContext) { sc.Key = wssec.NewKey(make([]byte, 15)) },
		"a long key":        func(sc *wssec.SecurityContext) { sc.Key = wssec.NewKey(make([]byte, 65)) },
		"no lifetime":       func(sc *wssec.SecurityContext) { sc.Expires = sc.Created },
		"beyond the ticket": func(sc *wssec.SecurityContext) { sc.TicketEnd = sc.Expires.Add(-time.Second) },
		"a long name":       func(sc *wssec.SecurityContext) { sc.Name = strings.Repeat("a", 1025) },
		"a long group":      func(sc *wssec.SecurityContext) { sc.Groups = []string{strings.Repeat("a", 1025)} },
		"a client's Cookie": func(sc *wssec.SecurityContext) { sc.Cookie = []byte("a") },
		"credentials":       func(sc *wssec.SecurityContext) { sc.Credentials = make([]byte, 49153) },
		"many groups":       func(sc *wssec.SecurityContext) { sc.Groups = make([]string, 5000) },
	} {
		sc := contextOf(wssec.SpnegoContextToken, c.now)
		change(&sc)
		if err := c.Issue(t.Context(), sc); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
	if n := c.store.Len(); n != 0 {
		t.Errorf("%d entries", n)
	}
}

// Contexts of one route are unknown on another, under one store and one sealer.
func TestLookupRejectsContextsOfAnotherScope(t *testing.T) {
	t.Parallel()
	shared := wssec.ContextsConfig{Store: store.NewMemory(store.MemoryConfig{}), Sealer: seal.Random()}
	scoped := func(scope string) *wssec.SecurityContexts {
		cfg := shared
		cfg.Scope = scope
		return wssec.NewSecurityContexts(cfg)
	}
	sc := contextOf(wssec.SpnegoContextToken, time.Now())
	if err := scoped("/a").Issue(t.Context(), sc); err != nil {
		t.Fatal(err)
	}
	if _, err := scoped("/a").Lookup(t.Context(), sc.Identifier, "", nil); err != nil {
		t.Error(err)
	}
	for _, scope := range []string{"", "/b", "/a ", "/A"} {
		_, err := scoped(scope).Lookup(t.Context(), sc.Identifier, "", nil)
		refused(t, err, wssec.CodeContextUnknown)
	}
}

// An entry that whoever can write to the store puts in the place of another is
// not taken for that; nor one that somebody else sealed, or changed.
func TestLookupRejectsExchangedEntries(t *testing.T) {
	t.Parallel()
	for name, exchange := range map[string]func(m *store.Memory, scope, alice, mallory string) (from, to string){
		"another Identifier": func(_ *store.Memory, scope, alice, mallory string) (string, string) {
			return "context v1 " + scope + " " + mallory, "context v1 " + scope + " " + alice
		},
		"another route": func(_ *store.Memory, scope, alice, _ string) (string, string) {
			return "context v1 /other " + alice, "context v1 " + scope + " " + alice
		},
	} {
		m, sealer := store.NewMemory(store.MemoryConfig{}), seal.Random()
		on := func(scope string) *wssec.SecurityContexts {
			return wssec.NewSecurityContexts(wssec.ContextsConfig{Store: m, Sealer: sealer, Scope: scope})
		}
		alice, mallory := contextOf(wssec.SpnegoContextToken, time.Now()), contextOf(wssec.SpnegoContextToken, time.Now())
		mallory.Identifier, mallory.Name = "urn:mallory", "mallory"
		if err := errors.Join(on("/r").Issue(t.Context(), alice), on("/r").Issue(t.Context(), mallory),
			on("/other").Issue(t.Context(), alice)); err != nil {
			t.Fatal(err)
		}
		from, to := exchange(m, "/r", alice.Identifier, mallory.Identifier)
		entry, _ := m.Get(t.Context(), from)
		if old, _ := m.Take(t.Context(), to); entry == nil || old == nil {
			t.Fatalf("%s: the ids are others", name)
		}
		if _, err := m.Add(t.Context(), to, entry, "", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		_, err := on("/r").Lookup(t.Context(), alice.Identifier, "", nil)
		refused(t, err, wssec.CodeContextUnknown)
	}
}

func TestIssueSealsWhatItStores(t *testing.T) {
	t.Parallel()
	c := newContexts(t)
	sc := c.issue(t)
	entry, err := c.store.Get(t.Context(), "context v1 /route "+sc.Identifier)
	if err != nil || entry == nil {
		t.Fatal(entry, err)
	}
	for _, secret := range []string{string(sc.Key.ExposeSecretOctets()), sc.Name, sc.Realm, sc.Service, sc.Groups[0]} {
		if bytes.Contains(entry, []byte(secret)) {
			t.Errorf("%q is in the entry", secret)
		}
	}
	other := wssec.NewSecurityContexts(wssec.ContextsConfig{Store: c.store, Scope: "/route"})
	_, err = other.Lookup(t.Context(), sc.Identifier, "", nil)
	refused(t, err, wssec.CodeContextUnknown)
}

// brokenStore fails, and loses every Swap.
type brokenStore struct {
	wssec.ContextStore
	err error
}

func (s brokenStore) Get(ctx context.Context, id string) ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.ContextStore.Get(ctx, id)
}

func (s brokenStore) Swap(context.Context, string, []byte, []byte, time.Time) (bool, error) {
	return false, s.err
}

func TestLookupDistinguishesAFailingStore(t *testing.T) {
	t.Parallel()
	m, sealer := store.NewMemory(store.MemoryConfig{}), seal.Random()
	over := func(err error) *wssec.SecurityContexts {
		return wssec.NewSecurityContexts(wssec.ContextsConfig{Store: brokenStore{m, err}, Sealer: sealer})
	}
	sc := contextOf(wssec.SpnegoContextToken, time.Now())
	if err := over(nil).Issue(t.Context(), sc); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("connection reset")
	_, err := over(broken).Lookup(t.Context(), sc.Identifier, "", nil)
	refused(t, err, wssec.CodeContextStore)
	if !errors.Is(err, broken) {
		t.Errorf("the cause is lost: %v", err)
	}
	refused(t, over(broken).Cancel(t.Context(), sc.Identifier, nil), wssec.CodeContextStore)
	// Somebody else is always faster.
	refused(t, over(nil).Cancel(t.Context(), sc.Identifier, nil), wssec.CodeContextStore)
}

func TestIssueReturnsTheFullErrorOfItsStore(t *testing.T) {
	t.Parallel()
	c := wssec.NewSecurityContexts(wssec.ContextsConfig{Store: store.NewMemory(store.MemoryConfig{MaxEntries: 1})})
	sc := contextOf(wssec.SpnegoContextToken, time.Now())
	if err := c.Issue(t.Context(), sc); err != nil {
		t.Fatal(err)
	}
	sc.Identifier = "urn:2"
	var full interface{ Full() bool }
	if err := c.Issue(t.Context(), sc); !errors.As(err, &full) || !full.Full() {
		t.Errorf("%v", err)
	}
}

// A client does not get a share for each spelling of its name.
func TestIssueCountsSpellingsOfAClientTogether(t *testing.T) {
	t.Parallel()
	c := wssec.NewSecurityContexts(wssec.ContextsConfig{
		Store: store.NewMemory(store.MemoryConfig{ClientEntries: 2}),
	})
	var errs []error
	for i, name := range []string{"alice", "Alice", "ALICE", "bob"} {
		sc := contextOf(wssec.SpnegoContextToken, time.Now())
		sc.Identifier, sc.Name = fmt.Sprint("urn:", i), name
		errs = append(errs, c.Issue(t.Context(), sc))
	}
	var full interface{ Full() bool }
	if errs[0] != nil || errs[1] != nil || !errors.As(errs[2], &full) || errs[3] != nil {
		t.Errorf("%v", errs)
	}
}

// Whatever renewals a Cancel races with, nothing brings the context back.
func TestCancelWinsOverRacingRenewals(t *testing.T) {
	t.Parallel()
	c := newContexts(t)
	sc := c.issue(t)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			if i == 32 {
				err := c.Cancel(t.Context(), sc.Identifier, nil)
				for tries := 0; err != nil && tries < 100; tries++ {
					err = c.Cancel(t.Context(), sc.Identifier, nil)
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
			err := c.Renew(t.Context(), c.renewed(sc, fmt.Sprint("urn:", i)))
			var e *wssec.Error
			if err != nil && (!errors.As(err, &e) || e.Code != wssec.CodeContextCancelled && e.Code != wssec.CodeContextStore) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c.expect(t, sc.Identifier, "", wssec.CodeContextCancelled)
}

// 100,000 contexts of as many clients are kept in 64 MB.
func TestSecurityContextsTakeLittleMemory(t *testing.T) {
	const many, most = 100_000, 64_000_000
	m := store.NewMemory(store.MemoryConfig{})
	c := wssec.NewSecurityContexts(wssec.ContextsConfig{Store: m, Scope: "/services/quotes"})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	sc := contextOf(wssec.SpnegoContextToken, time.Now())
	sc.Groups = nil
	for i := range many {
		sc.Identifier = fmt.Sprintf("urn:uuid:7c1f0000-1111-2222-3333-%012d", i)
		sc.Name = fmt.Sprintf("client-%06d", i)
		if err := c.Issue(t.Context(), sc); err != nil {
			t.Fatalf("after %d: %v", i, err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	took := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d octets each", took/many)
	if took > most || m.Len() != many {
		t.Errorf("%d contexts take %d octets", m.Len(), took)
	}
	runtime.KeepAlive(c)
}
