package etype

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/jcmturner/gokrb5/v8/crypto"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func lengthsTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestUsageKeyAgreesWithGokrb5 opens what gokrb5 seals and the other way round,
// at all lengths around the block size.
func TestUsageKeyAgreesWithGokrb5(t *testing.T) {
	t.Parallel()
	for i := range types {
		et := &types[i]
		theirs, err := crypto.GetEtype(et.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range append(lengthsTo(70), bulk-1, bulk, bulk+1, bulk+16, bulk+17, bulk+40) {
			plain := make([]byte, n)
			rand.Read(plain)
			key, err := GenerateKey(et.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, usage := range []uint32{1, 2, 11, 24} {
				u := NewUsageKey(key, usage)
				_, c, err := theirs.EncryptMessage(key.octets(), plain, usage)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := u.Decrypt(nil, c); err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%s, %d octets, usage %d: %v", et.Name, n, usage, err)
				}
				if got, err := theirs.DecryptMessage(key.octets(), u.AppendEncrypted(nil, plain), usage); err != nil ||
					!bytes.Equal(got, plain) {
					t.Fatalf("%s, %d octets, usage %d, sealed by us: %v", et.Name, n, usage, err)
				}
				c[n%len(c)] ^= 0x10
				if _, err := u.Decrypt(nil, c); err != errIntegrity {
					t.Fatalf("%s: altered ciphertext: %v", et.Name, err)
				}
				for short := range et.MinCipher() {
					if _, err := u.Decrypt(nil, c[:short]); err == nil {
						t.Fatalf("%s: %d octets opened", et.Name, short)
					}
				}
			}
		}
	}
}

func TestNameReturnsKrb5ConfNames(t *testing.T) {
	t.Parallel()
	if got := fmt.Sprint(Name(18), ", ", Name(16)); got != "aes256-cts-hmac-sha1-96, etype 16" {
		t.Error(got)
	}
}
