package wssec_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// hash names token n of a test.
func hash(n int) wssec.TokenHash { return wssec.HashToken(fmt.Append(nil, n)) }

func put(t *testing.T, c wssec.TokenCache, n int, tok wssec.CachedToken) {
	t.Helper()
	if err := c.PutToken(t.Context(), hash(n), tok); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, c wssec.TokenCache, n int) bool {
	t.Helper()
	_, ok, err := c.GetToken(t.Context(), hash(n))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// client is a token of the n-th client.
func client(n int) wssec.CachedToken {
	return wssec.CachedToken{Name: fmt.Sprint("user", n), Realm: "EXAMPLE.COM",
		Service:   "soap/gw.example.com@EXAMPLE.COM",
		ValueType: wssec.GSSKerberosAPREQ, Key: wssec.NewKey(make([]byte, 32))}
}

// groups are SIDs, each an allocation of its own as those of a PAC are.
func groups(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("S-1-5-21-3623811015-3361044348-30300820-%d", 5000+i))
	}
	return out
}

func TestMemoryTokenCacheDropsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	c := wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{MaxBytes: 32 << 10})
	n := 0
	for ; c.Len() == n; n++ {
		put(t, c, n, client(n))
		has(t, c, 0) // a use keeps a token
		put(t, c, 1, client(1))
	}
	if has(t, c, 2) || !has(t, c, 0) || !has(t, c, 1) || !has(t, c, n-1) {
		t.Errorf("of %d tokens the wrong one was dropped", n)
	}
	if tok, _, _ := c.GetToken(t.Context(), hash(n-1)); tok.Name != client(n-1).Name || tok.Service != client(0).Service {
		t.Errorf("%+v", tok)
	}
}

// TestMemoryTokenCacheEvictsWithinTheClientsShare: with any number of tokens a
// client takes its share of the cache, and of that what it used last.
func TestMemoryTokenCacheEvictsWithinTheClientsShare(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	c := wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{MaxBytes: size})
	for n := range 100 {
		put(t, c, n, client(n))
	}
	before := c.Bytes()
	mallory := client(-1)
	for n := range 10_000 {
		mallory.Groups = groups(n % 7)
		put(t, c, 1000+n, mallory)
	}
	for n := range 100 {
		if !has(t, c, n) {
			t.Fatalf("token %d was driven out", n)
		}
	}
	if took := c.Bytes() - before; took > size/16 || !has(t, c, 1000+9_999) || has(t, c, 1000) {
		t.Errorf("one client takes %d of %d octets", took, size)
	}
	mallory.Groups = groups(10_000)
	put(t, c, 20_000, mallory)
	if has(t, c, 20_000) || c.Bytes() != before {
		t.Error("a token of more than a client's share was kept")
	}
}

// A KDC that knows a user by its name in any case issues tickets for each:
// they are one client's in the cache, and have its name as the ticket has it.
func TestMemoryTokenCacheFoldsTheCaseOfNames(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	c := wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{MaxBytes: size})
	put(t, c, 0, client(0))
	for n := 1; n < 10_000; n++ {
		mallory, name := client(0), []byte("malloryofthesales")
		for i := range name {
			name[i] -= byte(n>>i&1) << 5
		}
		mallory.Name = string(name)
		put(t, c, n, mallory)
		if tok, _, _ := c.GetToken(t.Context(), hash(n)); tok.Name != mallory.Name {
			t.Fatalf("%q is remembered as %q", mallory.Name, tok.Name)
		}
	}
	if !has(t, c, 0) || c.Bytes() > size/16+4<<10 {
		t.Errorf("one client takes %d of %d octets", c.Bytes(), size)
	}
}

func TestScopeSharesNothingButMemory(t *testing.T) {
	t.Parallel()
	c := wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{MaxBytes: 64 << 10})
	a, b := c.Scope(), c.Scope()
	put(t, a, 1, client(1))
	if has(t, b, 1) || has(t, c, 1) || !has(t, a, 1) {
		t.Error("a token of one scope is found in another")
	}
	for n := range 1000 {
		put(t, b, n, client(n))
	}
	if c.Bytes() > 64<<10 || c.Bytes() != a.Bytes() || has(t, a, 1) {
		t.Errorf("%d octets", c.Bytes())
	}
}

// TestMemoryTokenCacheCountsWhatItTakes compares Bytes with the heap, and what
// tokens of one ticket take against the one list of groups that they share.
func TestMemoryTokenCacheCountsWhatItTakes(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	fresh := func(groupsEach int, sameClient bool) func(int) wssec.CachedToken {
		return func(n int) wssec.CachedToken {
			tok := client(n)
			if sameClient {
				tok = client(0)
			}
			tok.Groups = groups(groupsEach)
			return tok
		}
	}
	for name, token := range map[string]func(int) wssec.CachedToken{
		"of many clients": fresh(0, false), "of many clients with groups": fresh(60, false),
		"of one ticket with 1000 groups": fresh(1000, true),
		"with credentials": func(n int) wssec.CachedToken {
			tok := client(n)
			tok.Credentials = make([]byte, 3000)
			return tok
		},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 3000
			before := heap()
			c := wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{MaxBytes: 256 << 20})
			for i := range n {
				put(t, c, i, token(i))
			}
			used := heap() - before
			t.Logf("%d octets a token, counted as %d", used/n, c.Bytes()/n)
			if c.Len() != n || used > c.Bytes() {
				t.Errorf("%d tokens take %d octets and count as %d", c.Len(), used, c.Bytes())
			}
			if name == "of one ticket with 1000 groups" && c.Bytes()/n > 1024 {
				t.Error("the list of groups is there more than once")
			}
			for i := range n {
				put(t, c, i, wssec.CachedToken{Name: "one"})
			}
			if one := c.Bytes(); one > n*1024 {
				t.Errorf("%d octets are counted for what is no longer there", one)
			}
		})
	}
}

// failing is a token cache that is out of order.
type failing struct{ wssec.TokenCache }

func (failing) PutToken(context.Context, wssec.TokenHash, wssec.CachedToken) error {
	return errors.New("no room")
}

// TestVerifyRemembersNoToken: who has a ticket is not yet who
// may call.
func TestVerifyRemembersNoToken(t *testing.T) {
	t.Parallel()
	cache := wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{})
	ps := newPeers(t, signOnly(tokenOnce), nil)
	ps.cfg.Tokens = cache
	service := ps.withTickets(t, ps)
	first, _ := ps.request(t, plainOrder)
	m, err := service.Verify(t.Context(), parse(t, first), secure())
	if err != nil || cache.Len() != 0 {
		t.Fatalf("%v, %d tokens", err, cache.Len())
	}
	ps.token.Omit = true
	later, _ := ps.request(t, plainOrder)
	_, err = service.Verify(t.Context(), parse(t, later), secure())
	refused(t, err, wssec.CodeTokenUnavailable)
	if err := m.Remember(t.Context()); err != nil || cache.Len() != 1 {
		t.Fatalf("%v, %d tokens", err, cache.Len())
	}
	byHash, err := service.Verify(t.Context(), parse(t, later), secure())
	if err != nil {
		t.Fatal(err)
	}
	if name, realm := byHash.Principal(); name != "alice" || realm == "" {
		t.Errorf("%s@%s", name, realm)
	}

	ps.cfg.Tokens = failing{cache}
	ps.token.Omit = false
	if m, err = ps.withTickets(t, ps).Verify(t.Context(), parse(t, first), secure()); err != nil {
		t.Fatal(err)
	}
	if m.Remember(t.Context()) == nil {
		t.Error("nobody hears that the cache failed")
	}
	plain := newPeers(t, signOnly(), nil)
	msg, _ := plain.request(t, plainOrder)
	if m, err = plain.verify(t, msg); err != nil || m.Remember(t.Context()) != nil {
		t.Error("without token-once there is nothing to remember")
	}
}
