package wssec_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"runtime"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// The sizes of a Body: a usual call, a document, a batch, an attachment in the
// message.
var benchSizes = []struct {
	name string
	size int
}{{"6kB", 6 << 10}, {"100kB", 100 << 10}, {"1MB", 1 << 20}, {"20MB", 20 << 20}}

// eachSize runs a benchmark for each size, with a request that was signed, then
// encrypted, and with the heap floor of wssgate serve.
func eachSize(b *testing.B, f func(b *testing.B, ps *peers, plain, msg []byte)) {
	defer runtime.KeepAlive(make([]byte, 64<<20))
	for _, s := range benchSizes {
		b.Run(s.name, func(b *testing.B) {
			ps := newPeers(b, symmetric(), nil)
			plain := message(s.size)
			msg, _ := ps.request(b, plain)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			f(b, ps, []byte(plain), msg)
		})
	}
}

// BenchmarkVerify parses and verifies a request, ticket included.
func BenchmarkVerify(b *testing.B) {
	eachSize(b, func(b *testing.B, ps *peers, _, msg []byte) {
		for b.Loop() {
			if _, err := ps.verify(b, msg); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkProtect parses a reply of the size of the request and protects it.
func BenchmarkProtect(b *testing.B) {
	eachSize(b, func(b *testing.B, ps *peers, plain, msg []byte) {
		m, err := ps.verify(b, msg)
		if err != nil {
			b.Fatal(err)
		}
		var out []byte
		for b.Loop() {
			if out, err = ps.service.Protect(b.Context(), out[:0], parse(b, plain), m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkVerifyProtect is one exchange: request in, envelope to forward out,
// reply in, protected reply out.
func BenchmarkVerifyProtect(b *testing.B) {
	eachSize(b, func(b *testing.B, ps *peers, plain, msg []byte) {
		var fwd, out []byte
		for b.Loop() {
			m, err := ps.verify(b, msg)
			if err != nil {
				b.Fatal(err)
			}
			if fwd, err = m.AppendForward(fwd[:0], wssec.DropHeaders); err != nil {
				b.Fatal(err)
			}
			if out, err = ps.service.Protect(b.Context(), out[:0], parse(b, plain), m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRaw is the limit: SHA-1 of the plaintext and AES-128-CBC of it, once
// in each direction, as BenchmarkVerifyProtect needs them.
func BenchmarkRaw(b *testing.B) {
	for _, s := range benchSizes {
		b.Run(s.name, func(b *testing.B) {
			plain := []byte(message(s.size))
			buf := make([]byte, (len(plain)+15)/16*16)
			block, err := aes.NewCipher(make([]byte, 16))
			if err != nil {
				b.Fatal(err)
			}
			iv := make([]byte, 16)
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				cipher.NewCBCDecrypter(block, iv).CryptBlocks(buf, buf)
				sha1.Sum(plain)
				sha1.Sum(plain)
				cipher.NewCBCEncrypter(block, iv).CryptBlocks(buf, buf)
			}
		})
	}
}

// BenchmarkSHA256 measures how fast the machine is at the moment: figures are
// stated for 2 GB/s.
func BenchmarkSHA256(b *testing.B) {
	buf := make([]byte, 1<<20)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		sha256.Sum256(buf)
	}
}

func ExamplePreset() {
	p, _ := wssec.Preset("Kerberos")
	fmt.Println(p.Binding, p.AlgorithmSuite, p.DerivedKeys)
	// Output: symmetric Basic128 required
}
