package xmlenc

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"errors"
	"testing"
)

// Both forms of GCM make and take the same octets: a peer need not be in FIPS
// 140-3 mode too.
func TestGCMWithItsNonceIsThatOfXMLEncryption(t *testing.T) {
	m, _ := LookupMethod(AES256GCM)
	key, plain := bytes.Repeat([]byte{7}, m.KeySize), []byte("<a/>")
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := m.Overhead()
	sealed, err := m.Encrypt(key, append(make([]byte, before), plain...), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := openGCMWithItsNonce(block, bytes.Clone(sealed)); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%q, %v", got, err)
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := openGCMWithItsNonce(block, sealed); !errors.Is(err, ErrDecrypt) {
		t.Errorf("a changed tag: %v", err)
	}
	sealed, err = sealGCMWithItsNonce(block, plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Decrypt(key, sealed); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%q, %v", got, err)
	}
}
