package kerberos

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"encoding/binary"
)

// deriveSHA1 is DK of RFC 3961 5.1 for AES: the n-folded constant encrypted again and again until size octets are there.
func deriveSHA1(base cipher.Block, usage uint32, kind byte, size int) []byte {
	out := make([]byte, 2*aes.BlockSize)
	constant := usageConstant(usage, kind)
	base.Encrypt(out, constant[:])
	base.Encrypt(out[aes.BlockSize:], out)
	return out[:size]
}

// deriveSHA2 is KDF-HMAC-SHA2 of RFC 8009 3 with the usage and kind as label and no context; size in octets.
func deriveSHA2(et *enctype, key []byte, usage uint32, kind byte, size int) []byte {
	var in [14]byte
	binary.BigEndian.PutUint32(in[0:], 1)
	binary.BigEndian.PutUint32(in[4:], usage)
	in[8] = kind
	binary.BigEndian.PutUint32(in[10:], uint32(size*8))
	return sum(hmac.New(et.hash, key), in[:])[:size]
}

// usageConstant is the well-known constant of a key usage (RFC 3961 5.3), n-folded to an AES block: the usage in four
// octets and 0xaa for Ke, 0x55 for Ki, 0x99 for Kc. The usages of each request are looked up.
func usageConstant(usage uint32, kind byte) [aes.BlockSize]byte {
	for _, c := range foldedConstants {
		if c.usage == usage && c.kind == kind {
			return c.folded
		}
	}
	var c [5]byte
	binary.BigEndian.PutUint32(c[:], usage)
	c[4] = kind
	return [aes.BlockSize]byte(nfold(c[:], aes.BlockSize))
}

// foldedConstants are n-fold results; a test recomputes them.
var foldedConstants = []struct {
	usage  uint32
	kind   byte
	folded [aes.BlockSize]byte
}{
	// TABLE
}

// nfold is RFC 3961 5.1: copies of in, each rotated right by 13 bits more than the one before, are added up in
// pieces of size octets with end-around carry.
func nfold(in []byte, size int) []byte {
	total := len(in) * size / gcd(len(in), size)
	bits := len(in) * 8
	acc := make([]int, size)
	for i := range total {
		// Octet i of the long string is octet i%len(in) of a copy rotated right by 13 for each copy before it.
		first := ((i%len(in))*8 - 13*(i/len(in))%bits + bits) % bits
		pair := int(in[first/8])<<8 | int(in[(first/8+1)%len(in)])
		acc[i%size] += pair >> (8 - first%8) & 0xff
	}
	for carry := 0; ; {
		for i := size - 1; i >= 0; i-- {
			acc[i] += carry
			acc[i], carry = acc[i]&0xff, acc[i]>>8
		}
		if carry == 0 {
			break
		}
	}
	out := make([]byte, size)
	for i, v := range acc {
		out[i] = byte(v)
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
