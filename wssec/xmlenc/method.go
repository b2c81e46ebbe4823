package xmlenc

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/fips140"
	"crypto/subtle"
	"errors"
	"io"
	"slices"
)

// Namespaces and types of XML Encryption.
const (
	NS          = "http://www.w3.org/2001/04/xmlenc#"
	NS11        = "http://www.w3.org/2009/xmlenc11#"
	TypeElement = NS + "Element" // the EncryptedData stands for an element
	TypeContent = NS + "Content" // the EncryptedData stands for the content of its parent
)

// Algorithm URIs (XML Encryption 1.0 §5.1, 1.1 §5.1).
const (
	TripleDESCBC = NS + "tripledes-cbc"
	AES128CBC    = NS + "aes128-cbc"
	AES192CBC    = NS + "aes192-cbc"
	AES256CBC    = NS + "aes256-cbc"
	AES128GCM    = NS11 + "aes128-gcm"
	AES192GCM    = NS11 + "aes192-gcm"
	AES256GCM    = NS11 + "aes256-gcm"
)

// ErrDecrypt is the one error for a ciphertext that cannot be decrypted: a
// short ciphertext, bad padding and a bad tag are not distinguished.
var ErrDecrypt = errors.New("xmlenc: decryption failed")

// ErrKeySize is the error for a key that does not fit the cipher.
var ErrKeySize = errors.New("xmlenc: key does not fit the algorithm")

// Method is a block encryption algorithm; see [LookupMethod]. The zero value is
// no algorithm. Methods are immutable and safe for concurrent use.
type Method struct {
	URI     string
	KeySize int // octets that the URI names: 16, 24 or 32
	GCM     bool
	des     bool
}

// LookupMethod returns the [Method] of an algorithm URI; ok is false for an
// unknown one.
func LookupMethod(uri string) (m Method, ok bool) {
	for _, m := range [...]Method{
		{URI: AES128CBC, KeySize: 16}, {URI: AES256CBC, KeySize: 32}, {URI: AES192CBC, KeySize: 24},
		{URI: AES128GCM, KeySize: 16, GCM: true}, {URI: AES256GCM, KeySize: 32, GCM: true},
		{URI: AES192GCM, KeySize: 24, GCM: true},
		{URI: TripleDESCBC, KeySize: 24, des: true},
	} {
		if m.URI == uri {
			return m, true
		}
	}
	return Method{}, false
}

// block returns the block cipher. The key may be longer or shorter than KeySize
// if it is a key of the cipher: peers differ in what they do with such keys,
// and the caller has chosen.
func (m Method) block(key []byte) (cipher.Block, error) {
	var b cipher.Block
	var err error
	if m.des {
		b, err = des.NewTripleDESCipher(key)
	} else {
		b, err = aes.NewCipher(key)
	}
	if err != nil {
		return nil, ErrKeySize
	}
	return b, nil
}

// gcmNonce and gcmTag are the sizes that XML Encryption 1.1 §5.2.4 fixes.
const gcmNonce, gcmTag = 12, 16

// Decrypt decrypts data (the decoded CipherValue: IV or nonce, ciphertext, tag)
// in place and returns the plaintext, which aliases data. The error is
// [ErrKeySize] or [ErrDecrypt].
func (m Method) Decrypt(key, data []byte) ([]byte, error) { return m.DecryptShaped(key, data, Shape{}) }

// A Shape is what is known of a plaintext before it is decrypted: the octets
// that it may have, and its end. The zero Shape fits any plaintext.
type Shape struct {
	octets [4]uint64 // a bit for each that may occur
	ending string
}

// NewShape returns the [Shape] of plaintexts that have only the octets of the
// string octets, and end in ending.
func NewShape(octets, ending string) Shape {
	s := Shape{ending: ending}
	for i := range len(octets) {
		s.octets[octets[i]>>6] |= 1 << (octets[i] & 63)
	}
	return s
}

// DecryptShaped is [Method.Decrypt] for data that nothing has authenticated.
// Under CBC a plaintext of another shape is [ErrDecrypt] like wrong padding,
// and the two take the same time. Each change of a ciphertext leaves a block of
// random octets in the plaintext, so a changed ciphertext is refused before
// anything of the plaintext is parsed.
func (m Method) DecryptShaped(key, data []byte, shape Shape) ([]byte, error) {
	b, err := m.block(key)
	if err != nil {
		return nil, err
	}
	if m.GCM {
		return openGCM(b, data)
	}
	return openCBC(b, data, shape)
}

func openGCM(b cipher.Block, data []byte) ([]byte, error) {
	if len(data) < gcmNonce+gcmTag {
		return nil, ErrDecrypt
	}
	if fips140.Enforced() {
		return openGCMWithItsNonce(b, data)
	}
	aead, err := cipher.NewGCM(b)
	if err != nil {
		return nil, ErrKeySize
	}
	plain, err := aead.Open(data[gcmNonce:gcmNonce], data[:gcmNonce], data[gcmNonce:], nil)
	if err != nil {
		return nil, ErrDecrypt
	}
	return plain, nil
}

// openGCMWithItsNonce is openGCM for where FIPS 140-3 is enforced: what takes a
// nonce apart from the ciphertext is not allowed there.
func openGCMWithItsNonce(b cipher.Block, data []byte) ([]byte, error) {
	aead, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		return nil, ErrKeySize
	}
	plain, err := aead.Open(data[:0], nil, data, nil)
	if err != nil {
		return nil, ErrDecrypt
	}
	return plain, nil
}

// sealGCMWithItsNonce is the other way: nonce, ciphertext and tag, in new memory.
func sealGCMWithItsNonce(b cipher.Block, plain []byte) ([]byte, error) {
	aead, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		return nil, ErrKeySize
	}
	return aead.Seal(nil, nil, plain, nil), nil
}

// openCBC decrypts CBC and removes the padding of XML Encryption §5.2: the last
// octet is the length of the padding, its other octets are arbitrary.
func openCBC(b cipher.Block, data []byte, shape Shape) ([]byte, error) {
	size := b.BlockSize()
	if len(data) < 2*size || len(data)%size != 0 {
		return nil, ErrDecrypt
	}
	plain := data[size:]
	cipher.NewCBCDecrypter(b, data[:size]).CryptBlocks(plain, plain)
	pad := int(plain[len(plain)-1])
	good := subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, size)
	if shape.ending != "" { // the shape is no secret
		good &= shape.fits(plain, pad, size)
	}
	if good != 1 {
		return nil, ErrDecrypt
	}
	return plain[:len(plain)-pad], nil
}

// fits returns 1 if plain, without its padding, is of the shape, else 0. It
// examines every octet, and each place where the ending could be, so that its
// time does not depend on either.
func (s *Shape) fits(plain []byte, pad, size int) int {
	text, last := plain[:len(plain)-size], plain[len(plain)-size:]
	all := uint64(1)
	for _, c := range text {
		all &= s.octets[c>>6] >> (c & 63)
	}
	for i, c := range last {
		padding := uint64(subtle.ConstantTimeLessOrEq(size, i+pad))
		all &= s.octets[c>>6]>>(c&63) | padding
	}
	ends := 0
	for p := 1; p <= size && len(plain)-p >= len(s.ending); p++ {
		end := len(plain) - p
		there := subtle.ConstantTimeCompare(plain[end-len(s.ending):end], []byte(s.ending))
		ends |= there & subtle.ConstantTimeEq(int32(pad), int32(p))
	}
	return int(all) & ends
}

// Overhead returns the number of octets that [Method.Encrypt] adds before and,
// at most, after the plaintext.
func (m Method) Overhead() (before, after int) {
	switch {
	case m.GCM:
		return gcmNonce, gcmTag
	case m.des:
		return des.BlockSize, des.BlockSize
	}
	return aes.BlockSize, aes.BlockSize
}

// Encrypt encrypts in place. buf holds as many octets of room as
// [Method.Overhead] returns as before, then the plaintext; its capacity should
// leave room for the octets after. The result (IV or nonce, ciphertext, tag)
// aliases buf if it does. rand supplies the IV or nonce. The error is
// [ErrKeySize] or that of rand.
func (m Method) Encrypt(key, buf []byte, rand io.Reader) ([]byte, error) {
	b, err := m.block(key)
	if err != nil {
		return nil, err
	}
	before, after := m.Overhead()
	buf = slices.Grow(buf, after)
	iv := buf[:before]
	if _, err := io.ReadFull(rand, iv); err != nil {
		return nil, err
	}
	switch {
	case m.GCM && fips140.Enforced(): // the nonce has to be the cipher's own
		return sealGCMWithItsNonce(b, buf[before:])
	case m.GCM:
		aead, err := cipher.NewGCM(b)
		if err != nil {
			return nil, ErrKeySize
		}
		return buf[:before+len(aead.Seal(buf[before:before], iv, buf[before:], nil))], nil
	}
	size := b.BlockSize()
	pad := size - (len(buf)-before)%size
	for i := 1; i < pad; i++ {
		buf = append(buf, 0)
	}
	buf = append(buf, byte(pad))
	cipher.NewCBCEncrypter(b, buf[:before]).CryptBlocks(buf[before:], buf[before:])
	return buf, nil
}
