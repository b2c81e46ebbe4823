package xmldsig

import (
	"bytes"
	"fmt"
	"hash"
	"strings"
	"testing"
)

// TestFreeForgets: nothing of a key or a message is left in the hashes.
func TestFreeForgets(t *testing.T) {
	t.Parallel()
	secret := bytes.Repeat([]byte("secret!"), 40)
	for _, uri := range []string{HMACSHA1, HMACSHA256, HMACSHA384, HMACSHA512} {
		m, _ := LookupSignature(uri)
		for n := range len(secret) {
			mac := m.MAC(secret[:n])
			_, _ = mac.Write(secret[:len(secret)-n])
			_ = mac.Value()
			inner, outer := mac.inner, mac.outer
			mac.method = newAlgorithm(m.algorithm.new) // nobody else gets it
			mac.Free()
			for _, h := range []hash.Hash{inner, outer} {
				left(t, uri, h)
			}
		}
	}
	for _, uri := range []string{SHA1, SHA256, SHA384, SHA512} {
		m, _ := LookupDigest(uri)
		for n := range len(secret) {
			d := m.Digester()
			d.Write(secret[:n])
			d.method = newAlgorithm(m.algorithm.new)
			d.Free()
			left(t, uri, d.Hash)
		}
	}
}

// left fails if a part of the secret is in h.
func left(t *testing.T, uri string, h hash.Hash) {
	t.Helper()
	if state := fmt.Sprintf("%x", h); strings.Contains(state, fmt.Sprintf("%x", "et!")) {
		t.Errorf("%s: a secret is left in %s", uri, state)
	}
}
