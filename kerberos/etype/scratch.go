package etype

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"hash"
	"sync"
)

// scratch is memory for one operation, which would otherwise be allocated by
// each call since it goes through interfaces. Results that lie in it are valid
// until its next use.
type scratch struct {
	hashes [len(types)]hash.Hash
	pad    [maxHashBlock]byte
	inner  [maxHashBlock]byte
	ke     [maxKeyLen]byte
	usage  [14]byte
	blocks [2 * aes.BlockSize]byte
}

// resize returns a slice of n octets, of buf if that has room for them.
func resize(buf []byte, n int) []byte {
	if cap(buf) < n {
		return make([]byte, n, max(n, 512))
	}
	return buf[:n]
}

const maxHashBlock = 128 // SHA-384's

// scratches holds unused ones. Without it an AP-REQ takes a dozen allocations
// more.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

func getScratch() *scratch { return scratches.Get().(*scratch) }

// put returns w to the pool, wiped.
func (w *scratch) put() {
	clear(w.pad[:])
	clear(w.inner[:])
	clear(w.ke[:])
	clear(w.usage[:])
	clear(w.blocks[:])
	scratches.Put(w)
}

// hmac is HMAC (RFC 2104) with the encryption type's hash. crypto/hmac does the
// same and allocates five times for each key, which here is often used once.
// Keys are no longer than a block. The result lies in w.
func (w *scratch) hmac(et *Type, key []byte, parts ...[]byte) []byte {
	h := w.hash(et)
	block := h.BlockSize()
	pad := w.pad[:block]
	fill(pad, key, 0x36)
	h.Reset()
	h.Write(pad)
	for _, p := range parts {
		h.Write(p)
	}
	inner := h.Sum(w.inner[:0])
	fill(pad, key, 0x5c)
	h.Reset()
	h.Write(pad)
	h.Write(inner)
	return h.Sum(w.inner[:0])
}

// fill sets pad to key, padded with zeros, XOR mask.
func fill(pad, key []byte, mask byte) {
	for i := range pad {
		pad[i] = mask
	}
	subtle.XORBytes(pad, pad, key)
}

func (w *scratch) hash(et *Type) hash.Hash {
	for i := range types {
		if &types[i] == et {
			if w.hashes[i] == nil {
				w.hashes[i] = et.hash()
			}
			return w.hashes[i]
		}
	}
	return et.hash()
}

// bulk is the length in octets from which crypto/cipher's CBC is worth its
// allocations.
const bulk = 2 << 10

// decryptCTS is CBC with ciphertext stealing and a zero IV (RFC 3962 5): the
// last two blocks are always swapped, the last one may be short. len(src) is at
// least one block; dst has src's length and does not overlap it.
func (w *scratch) decryptCTS(b cipher.Block, dst, src []byte) {
	const bs = aes.BlockSize
	if len(src) == bs {
		b.Decrypt(dst, src)
		return
	}
	tail := (len(src)+bs-1)/bs*bs - 2*bs // where the last two blocks begin
	if tail >= bulk {
		cipher.NewCBCDecrypter(b, zeroBlock).CryptBlocks(dst[:tail], src[:tail])
	} else if tail > 0 {
		for i := 0; i < tail; i += bs {
			b.Decrypt(dst[i:], src[i:])
		}
		subtle.XORBytes(dst[bs:tail], dst[bs:tail], src)
	}
	x, y := w.blocks[:bs], w.blocks[bs:]
	b.Decrypt(x, src[tail:])
	short := src[tail+bs:]
	subtle.XORBytes(dst[tail+bs:], x, short)
	copy(x, short) // the stolen rest of the last ciphertext block stays
	b.Decrypt(y, x)
	copy(dst[tail:], y)
	if tail > 0 {
		subtle.XORBytes(dst[tail:tail+bs], y, src[tail-bs:])
	}
}

// encryptCTS is the reverse of decryptCTS, in place.
func (w *scratch) encryptCTS(b cipher.Block, buf []byte) {
	const bs = aes.BlockSize
	if len(buf) == bs {
		b.Encrypt(buf, buf)
		return
	}
	tail := (len(buf)+bs-1)/bs*bs - 2*bs
	cipher.NewCBCEncrypter(b, zeroBlock).CryptBlocks(buf[:tail+bs], buf[:tail+bs])
	x, short := w.blocks[:bs], buf[tail+bs:]
	copy(x, buf[tail:])
	subtle.XORBytes(x, x, short) // the last block of plaintext, zeros behind it
	copy(short, buf[tail:])
	b.Encrypt(buf[tail:], x)
}
