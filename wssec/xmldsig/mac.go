package xmldsig

import (
	"hash"
	"sync"
)

// MAC is an HMAC (RFC 2104) under one key. Other keys use its memory later, which
// crypto/hmac cannot do: there each key takes seven allocations, a microsecond.
// It belongs to one goroutine.
type MAC struct {
	inner, outer hash.Hash
	pad          []byte // the key, of the size of a block
	sum          [maxDigest]byte
	method       *algorithm
}

const (
	maxDigest = 64
	maxBlock  = 128
)

// MAC returns the HMAC with a key of any length. The caller has to call Free.
func (m SignatureMethod) MAC(key []byte) *MAC {
	h, _ := m.algorithm.macs.Get().(*MAC)
	if h == nil {
		h = &MAC{inner: m.algorithm.new(), outer: m.algorithm.new(), method: m.algorithm}
		h.pad = make([]byte, h.inner.BlockSize(), maxBlock)
	}
	clear(h.pad)
	if len(key) > len(h.pad) {
		h.outer.Reset()
		h.outer.Write(key)
		key = h.outer.Sum(h.sum[:0])
	}
	copy(h.pad, key)
	h.Reset()
	return h
}

// Reset starts the code of another message under the same key.
func (h *MAC) Reset() {
	h.start(h.inner, 0x36)
	h.start(h.outer, 0x5c)
}

func (h *MAC) start(half hash.Hash, mask byte) {
	for i := range h.pad {
		h.pad[i] ^= mask
	}
	half.Reset()
	half.Write(h.pad)
	for i := range h.pad {
		h.pad[i] ^= mask
	}
}

// Write adds octets of the message. It never fails.
func (h *MAC) Write(p []byte) (int, error) { return h.inner.Write(p) }

// Value returns the code of what was written. It is valid until the next call of
// any method. Call Reset before another Write.
func (h *MAC) Value() []byte {
	h.outer.Write(h.inner.Sum(h.sum[:0]))
	return h.outer.Sum(h.sum[:0])
}

// Free forgets the key and the message, and ends the use of h.
func (h *MAC) Free() {
	clear(h.pad)
	clear(h.sum[:])
	forget(h.inner)
	forget(h.outer)
	h.method.macs.Put(h)
}

// forget resets h and overwrites the block in which it collects octets: Reset leaves
// there the end of a message, or of a long key.
func forget(h hash.Hash) {
	h.Reset()
	h.Write(zeros[:1]) // a whole block would pass it by
	h.Write(zeros[:h.BlockSize()-1])
	h.Reset()
}

var zeros [maxBlock]byte // never written to

// A Digester computes digests, one after the other. It belongs to one goroutine.
type Digester struct {
	hash.Hash
	sum    [maxDigest]byte
	method *algorithm
}

// Digester returns an empty Digester. The caller has to call Free.
func (m DigestMethod) Digester() *Digester {
	if d, ok := m.algorithm.digesters.Get().(*Digester); ok {
		return d
	}
	return &Digester{Hash: m.algorithm.new(), method: m.algorithm}
}

// Next returns the digest of what was written, valid until the next call, and
// starts another.
func (d *Digester) Next() []byte {
	value := d.Sum(d.sum[:0])
	d.Reset()
	return value
}

// Free forgets what was written and ends the use of d.
func (d *Digester) Free() {
	forget(d.Hash)
	clear(d.sum[:])
	d.method.digesters.Put(d)
}

// An algorithm is a hash function, and what was made of it before.
type algorithm struct {
	new             func() hash.Hash
	macs, digesters sync.Pool // of *MAC and *Digester
}
