package wssec

import "github.com/wssgate/wssgate/internal/pool"

// A buffer is memory for a plaintext. It is the [xmltext.Owner] of the plaintext
// that is grafted, and used again when the message is released, unless it is part
// of the message itself.
type buffer struct {
	octets   []byte
	borrowed bool // from the message
}

var freeBuffers pool.Pool[buffer]

// newBuffer returns an empty buffer with room for pool.Size(size) octets.
func newBuffer(size int) *buffer {
	if b := freeBuffers.Get(size); b != nil {
		return b
	}
	return &buffer{octets: make([]byte, 0, pool.Size(size))}
}

// Release overwrites the plaintext with zeros and gives the buffer back. Nobody
// may read it any more.
func (b *buffer) Release() {
	clear(b.octets[:cap(b.octets)])
	b.octets = b.octets[:0]
	if !b.borrowed {
		freeBuffers.Put(cap(b.octets), b)
	}
}
