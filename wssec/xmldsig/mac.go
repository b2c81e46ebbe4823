package xmldsig

import (
	"crypto/subtle"
	"encoding"
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
	h.start(h.inner, &innerMask)
	h.start(h.outer, &outerMask)
}

func (h *MAC) start(half hash.Hash, mask *[maxBlock]byte) {
	subtle.XORBytes(h.pad, h.pad, mask[:])
	half.Reset()
	half.Write(h.pad)
	subtle.XORBytes(h.pad, h.pad, mask[:])
}

// The ipad and opad of RFC 2104.
var innerMask, outerMask = filled(0x36), filled(0x5c)

func filled(with byte) (mask [maxBlock]byte) {
	for i := range mask {
		mask[i] = with
	}
	return mask
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
	h.method.forget(h.inner)
	h.method.forget(h.outer)
	h.method.macs.Put(h)
}

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
	d.method.forget(d.Hash)
	clear(d.sum[:])
	d.method.digesters.Put(d)
}

// An algorithm is a hash function, and what was made of it before.
type algorithm struct {
	new             func() hash.Hash
	fresh           []byte    // the state of a new one
	macs, digesters sync.Pool // of *MAC and *Digester
}

func newAlgorithm(new func() hash.Hash) *algorithm {
	fresh, err := new().(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic("xmldsig: " + err.Error()) // those of the standard library have a state
	}
	return &algorithm{new: new, fresh: fresh}
}

// forget resets h and overwrites the block in which it collects octets: Reset leaves
// there the end of a message, or of a long key. To hash a block of zeros for that
// took a hundredth of an exchange of 6 kB.
func (a *algorithm) forget(h hash.Hash) {
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(a.fresh); err != nil {
		panic("xmldsig: " + err.Error()) // it is a state of the same hash
	}
}
