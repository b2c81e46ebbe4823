package xmlenc

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
)

// Key wrap algorithm URIs (§5.6.3).
const (
	KWAES128 = NS + "kw-aes128"
	KWAES192 = NS + "kw-aes192"
	KWAES256 = NS + "kw-aes256"
)

// WrapKeySize returns the size in octets of the key encryption key of a key
// wrap algorithm; ok is false for an unknown URI.
func WrapKeySize(uri string) (size int, ok bool) {
	switch uri {
	case KWAES128:
		return 16, true
	case KWAES192:
		return 24, true
	case KWAES256:
		return 32, true
	}
	return 0, false
}

const wrapIV = 0xa6a6a6a6a6a6a6a6 // RFC 3394 §2.2.3.1

// UnwrapKey unwraps a key (AES key wrap, RFC 3394 §2.2.2). The result is a new
// slice of len(wrapped)-8 octets. The error is [ErrKeySize] or [ErrDecrypt].
func UnwrapKey(kek, wrapped []byte) ([]byte, error) {
	b, err := aes.NewCipher(kek)
	if err != nil {
		return nil, ErrKeySize
	}
	n := len(wrapped)/8 - 1
	if n < 2 || len(wrapped)%8 != 0 || n > 64 {
		return nil, ErrDecrypt
	}
	out := append([]byte(nil), wrapped[8:]...)
	var blk [16]byte
	a := binary.BigEndian.Uint64(wrapped)
	for t := 6 * n; t > 0; t-- {
		r := out[8*((t-1)%n):][:8]
		binary.BigEndian.PutUint64(blk[:8], a^uint64(t))
		copy(blk[8:], r)
		b.Decrypt(blk[:], blk[:])
		a = binary.BigEndian.Uint64(blk[:8])
		copy(r, blk[8:])
	}
	binary.BigEndian.PutUint64(blk[:8], a)
	binary.BigEndian.PutUint64(blk[8:], wrapIV)
	if subtle.ConstantTimeCompare(blk[:8], blk[8:]) != 1 {
		return nil, ErrDecrypt
	}
	return out, nil
}

// WrapKey wraps a key of 16 to 512 octets, a multiple of 8 (AES key wrap, RFC
// 3394 §2.2.1). The error is [ErrKeySize].
func WrapKey(kek, key []byte) ([]byte, error) {
	b, err := aes.NewCipher(kek)
	n := len(key) / 8
	if err != nil || n < 2 || len(key)%8 != 0 || n > 64 {
		return nil, ErrKeySize
	}
	out := append(make([]byte, 8, 8+len(key)), key...)
	var blk [16]byte
	a := uint64(wrapIV)
	for t := 1; t <= 6*n; t++ {
		r := out[8+8*((t-1)%n):][:8]
		binary.BigEndian.PutUint64(blk[:8], a)
		copy(blk[8:], r)
		b.Encrypt(blk[:], blk[:])
		a = binary.BigEndian.Uint64(blk[:8]) ^ uint64(t)
		copy(r, blk[8:])
	}
	binary.BigEndian.PutUint64(out, a)
	return out, nil
}
