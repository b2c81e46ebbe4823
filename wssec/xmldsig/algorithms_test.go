package xmldsig_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"github.com/wssgate/wssgate/wssec/xmldsig"
)

func TestLookupDigestKnowsItsURIsOnly(t *testing.T) {
	t.Parallel()
	for uri, size := range map[string]int{
		xmldsig.SHA1: 20, xmldsig.SHA256: 32, xmldsig.SHA384: 48, xmldsig.SHA512: 64,
	} {
		m, ok := xmldsig.LookupDigest(uri)
		if !ok || m.URI != uri || m.New().Size() != size {
			t.Errorf("%s: %+v, %t", uri, m, ok)
		}
	}
	for _, uri := range []string{"", "sha1", xmldsig.NS + "md5", xmldsig.HMACSHA1, xmldsig.SHA1 + " "} {
		if m, ok := xmldsig.LookupDigest(uri); ok || m != (xmldsig.DigestMethod{}) {
			t.Errorf("%q is a digest method", uri)
		}
	}
}

func TestLookupSignatureKnowsItsURIsOnly(t *testing.T) {
	t.Parallel()
	for uri, size := range map[string]int{
		xmldsig.HMACSHA1: 20, xmldsig.HMACSHA256: 32, xmldsig.HMACSHA384: 48, xmldsig.HMACSHA512: 64,
	} {
		m, ok := xmldsig.LookupSignature(uri)
		if !ok || m.URI != uri || m.New(nil).Size() != size {
			t.Errorf("%s: %+v, %t", uri, m, ok)
		}
	}
	for _, uri := range []string{"", "hmac-sha1", xmldsig.NSMore + "hmac-md5", xmldsig.NS + "rsa-sha1", xmldsig.SHA1} {
		if m, ok := xmldsig.LookupSignature(uri); ok || m.URI != "" {
			t.Errorf("%q is a signature method", uri)
		}
	}
}

// TestNewIsTheHMACOfAKeyOfAnyLength: RFC 2104 hashes a key that is longer than a
// block.
func TestNewIsTheHMACOfAKeyOfAnyLength(t *testing.T) {
	t.Parallel()
	m, _ := xmldsig.LookupSignature(xmldsig.HMACSHA256)
	for _, length := range []int{0, 1, 16, 64, 65, 200} {
		key := make([]byte, length)
		h, want := m.New(key), hmac.New(sha256.New, key)
		h.Write([]byte("text"))
		want.Write([]byte("text"))
		if !hmac.Equal(h.Sum(nil), want.Sum(nil)) {
			t.Errorf("a key of %d octets", length)
		}
	}
}
