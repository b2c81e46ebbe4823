package wssec_test

import (
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

func TestTheTokenCacheDropsWhatWasUsedLongestAgo(t *testing.T) {
	c := wssec.NewMemoryTokenCache(2)
	put := func(n byte) {
		if err := c.PutToken(t.Context(), wssec.TokenHash{n}, wssec.CachedToken{Name: string('a' + rune(n))}); err != nil {
			t.Fatal(err)
		}
	}
	has := func(n byte) bool {
		tok, ok, err := c.GetToken(t.Context(), wssec.TokenHash{n})
		if err != nil || ok && tok.Name != string('a'+rune(n)) {
			t.Fatalf("%d: %+v, %v", n, tok, err)
		}
		return ok
	}
	put(1)
	put(2)
	put(1) // again: moved, not doubled
	put(3)
	if has(2) || !has(1) || !has(3) {
		t.Error("the wrong token was dropped")
	}
	has(1)
	put(4)
	if has(3) || !has(1) || !has(4) {
		t.Error("a use does not keep a token")
	}
}
