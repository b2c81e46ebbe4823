package wssec_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"runtime"
	"testing"

	"github.com/wssgate/wssgate/internal/base64"
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
			m, err := ps.verify(b, msg)
			if err != nil {
				b.Fatal(err)
			}
			m.Release()
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
			reply := parse(b, plain)
			if out, err = ps.service.Protect(b.Context(), out[:0], reply, m); err != nil {
				b.Fatal(err)
			}
			reply.Release()
		}
	})
}

// BenchmarkVerifyProtect is one exchange: request in, envelope to forward out,
// reply in, protected reply out.
func BenchmarkVerifyProtect(b *testing.B) {
	eachSize(b, exchange)
}

// BenchmarkVerifyProtectContext is one exchange of 6 kB with a ticket in each
// request, and the same under a security context.
func BenchmarkVerifyProtectContext(b *testing.B) {
	defer runtime.KeepAlive(make([]byte, 64<<20))
	for _, p := range []struct {
		name   string
		policy wssec.Policy
	}{
		{"ticket", symmetric()}, {"context", underContext()},
		{"Kerberos", changed(preset(b, "Kerberos"), func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic256 })},
		{"SspiNegotiated", preset(b, "SspiNegotiated")},
	} {
		b.Run(p.name, func(b *testing.B) {
			ps := newPeers(b, p.policy, nil)
			plain := message(6 << 10)
			msg, _ := ps.request(b, plain)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			exchange(b, ps, []byte(plain), msg)
		})
	}
}

// exchange runs a benchmark of exchanges.
func exchange(b *testing.B, ps *peers, plain, msg []byte) {
	e := exchanger{ps: ps, plain: plain, msg: msg}
	for b.Loop() {
		e.run(b)
	}
}

// exchanger runs exchanges, and keeps their buffers and releases messages as a
// server does.
type exchanger struct {
	ps         *peers
	plain, msg []byte
	fwd, out   []byte
}

func (e *exchanger) run(t testing.TB) {
	m, err := e.ps.verify(t, e.msg)
	if err != nil {
		t.Fatal(err)
	}
	if e.fwd, err = m.AppendForward(e.fwd[:0], wssec.Forwarding{}); err != nil {
		t.Fatal(err)
	}
	reply := parse(t, e.plain)
	if e.out, err = e.ps.service.Protect(t.Context(), e.out[:0], reply, m); err != nil {
		t.Fatal(err)
	}
	reply.Release()
	m.Release()
}

// BenchmarkRaw is the limit: SHA-1 of the plaintext and AES-128-CBC of it, once
// in each direction, as BenchmarkVerifyProtect needs them.
func BenchmarkRaw(b *testing.B) { eachRaw(b, false) }

// BenchmarkRaw2 is BenchmarkRaw and base64 of the ciphertext, once in each
// direction, by our own base64.
func BenchmarkRaw2(b *testing.B) { eachRaw(b, true) }

func eachRaw(b *testing.B, base64 bool) {
	for _, s := range benchSizes {
		b.Run(s.name, func(b *testing.B) {
			r := newRaw(b, s.size, base64)
			b.SetBytes(int64(len(r.plain)))
			for b.Loop() {
				r.run(b)
			}
		})
	}
}

// raw is the work of BenchmarkRaw and BenchmarkRaw2.
type raw struct {
	block            cipher.Block
	iv               []byte
	plain, buf, text []byte // text is nil without base64
}

func newRaw(t testing.TB, size int, encode bool) *raw {
	r := &raw{plain: []byte(message(size)), iv: make([]byte, 16)}
	size = (len(r.plain) + 15) / 16 * 16
	r.buf = make([]byte, size, size+3) // as much as text may stand for
	var err error
	if r.block, err = aes.NewCipher(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	if encode {
		r.text = base64.AppendEncode(nil, r.buf)
	}
	return r
}

func (r *raw) run(t testing.TB) {
	if r.text != nil {
		if _, err := base64.AppendDecode(r.buf[:0], r.text); err != nil {
			t.Fatal(err)
		}
	}
	cipher.NewCBCDecrypter(r.block, r.iv).CryptBlocks(r.buf, r.buf)
	sha1.Sum(r.plain)
	sha1.Sum(r.plain)
	cipher.NewCBCEncrypter(r.block, r.iv).CryptBlocks(r.buf, r.buf)
	if r.text != nil {
		r.text = base64.AppendEncode(r.text[:0], r.buf)
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

// BenchmarkLookup finds a security context: what an exchange under one has in
// the place of verifying a ticket.
func BenchmarkLookup(b *testing.B) {
	c := newContexts(b)
	sc := c.issue(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Lookup(b.Context(), sc.Identifier, "", nil); err != nil {
			b.Fatal(err)
		}
	}
}
