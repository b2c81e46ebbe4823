package xmldsig_test

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/wssec/xmldsig"
)

// TestMACIsThatOfCryptoHMAC: for keys and messages of all lengths around the sizes
// of blocks, one after the other in the same memory.
func TestMACIsThatOfCryptoHMAC(t *testing.T) {
	t.Parallel()
	octets := make([]byte, 500)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(octets)
	for _, uri := range []string{xmldsig.HMACSHA1, xmldsig.HMACSHA256, xmldsig.HMACSHA384, xmldsig.HMACSHA512} {
		m, _ := xmldsig.LookupSignature(uri)
		for key := range 140 {
			mac, want := m.MAC(octets[:key]), m.New(octets[:key])
			for length := 0; length < 300; length += 1 + length/4 {
				mac.Reset()
				want.Reset()
				for _, h := range []interface{ Write([]byte) (int, error) }{mac, want} {
					_, _ = h.Write(octets[key:][:length/2])
					_, _ = h.Write(octets[key:][length/2 : length])
				}
				if got := mac.Value(); !bytes.Equal(got, want.Sum(nil)) {
					t.Fatalf("%s: a key of %d octets, %d octets: %x", uri, key, length, got)
				}
			}
			mac.Free()
		}
	}
}

// TestMACsAndDigestersAreOfOne: at once, with the race detector.
func TestMACsAndDigestersAreOfOne(t *testing.T) {
	t.Parallel()
	m, _ := xmldsig.LookupSignature(xmldsig.HMACSHA256)
	d, _ := xmldsig.LookupDigest(xmldsig.SHA256)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			key := bytes.Repeat([]byte{byte(worker)}, 20)
			h, digest := m.New(key), d.New()
			h.Write(key)
			digest.Write(key)
			mac, sum := h.Sum(nil), digest.Sum(nil)
			for range 300 {
				h, digester := m.MAC(key), d.Digester()
				_, _ = h.Write(key)
				digester.Write(key)
				if !bytes.Equal(h.Value(), mac) || !bytes.Equal(digester.Next(), sum) {
					t.Error("another value")
				}
				h.Free()
				digester.Free()
			}
		})
	}
	all.Wait()
}

// TestDigesterStartsAnew: after each digest, and for the next who uses it.
func TestDigesterStartsAnew(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{xmldsig.SHA1, xmldsig.SHA256, xmldsig.SHA384, xmldsig.SHA512} {
		m, _ := xmldsig.LookupDigest(uri)
		for range 3 {
			d := m.Digester()
			for _, text := range []string{"a", "", "bc"} {
				d.Write([]byte(text))
				want := m.New()
				want.Write([]byte(text))
				if got := d.Next(); !bytes.Equal(got, want.Sum(nil)) {
					t.Errorf("%s of %q: %x", uri, text, got)
				}
			}
			d.Write([]byte("left"))
			d.Free()
		}
	}
}
