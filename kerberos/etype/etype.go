package etype

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/md5"
	"crypto/rand"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
)

// Supported encryption types (IANA "Kerberos Encryption Type Numbers").
const (
	AES128SHA1 int32 = 17 // aes128-cts-hmac-sha1-96, RFC 3962
	AES256SHA1 int32 = 18 // aes256-cts-hmac-sha1-96, RFC 3962
	AES128SHA2 int32 = 19 // aes128-cts-hmac-sha256-128, RFC 8009
	AES256SHA2 int32 = 20 // aes256-cts-hmac-sha384-192, RFC 8009
	RC4        int32 = 23 // rc4-hmac, RFC 4757: broken, accepted only when listed
)

// Key usage numbers (RFC 4120 7.5.1).
const (
	UsageTicket        = 2
	UsageAuthenticator = 11
)

const maxKeyLen = 32

// A Type holds the sizes of one encryption type, in octets.
type Type struct {
	ID         int32 // IANA number
	Name       string
	KeyLen     int
	confounder int
	MACLen     int
	hash       func() hash.Hash
	checksum   int32 // number of its required checksum type (RFC 3962 7, RFC 8009 6, RFC 4757 4)
}

// MinCipher returns the length of the shortest ciphertext, in octets: a
// confounder and a checksum.
func (e *Type) MinCipher() int { return e.confounder + e.MACLen }

// sha2 reports whether the type is one of RFC 8009.
func (e *Type) sha2() bool { return e.ID == AES128SHA2 || e.ID == AES256SHA2 }

var types = [...]Type{
	{AES128SHA1, "aes128-cts-hmac-sha1-96", 16, aes.BlockSize, 12, sha1.New, 15},
	{AES256SHA1, "aes256-cts-hmac-sha1-96", 32, aes.BlockSize, 12, sha1.New, 16},
	{AES128SHA2, "aes128-cts-hmac-sha256-128", 16, aes.BlockSize, 16, sha256.New, 19},
	{AES256SHA2, "aes256-cts-hmac-sha384-192", 32, aes.BlockSize, 24, sha512.New384, 20},
	{RC4, "rc4-hmac", 16, 8, md5.Size, md5.New, -138},
}

// Approved reports whether the type has algorithms alone that GODEBUG=fips140=only
// allows. The others need HMAC-SHA1, or RC4 and MD5.
func (e *Type) Approved() bool { return e.sha2() }

// ByID returns the encryption type with a number, and reports whether it is
// supported. One that is not [Type.Approved] is not supported where
// [fips140.Enforced]. It must not be changed.
func ByID(id int32) (*Type, bool) {
	if et := byID(id); et != nil && (et.Approved() || !fips140.Enforced()) {
		return et, true
	}
	return nil, false
}

// byID returns the encryption type with a number, supported now or not, or nil.
func byID(id int32) *Type {
	for i := range types {
		if types[i].ID == id {
			return &types[i]
		}
	}
	return nil
}

// All returns the supported encryption types. They must not be changed.
func All() (list []*Type) {
	for i := range types {
		if et, ok := ByID(types[i].ID); ok {
			list = append(list, et)
		}
	}
	return list
}

// Supported returns those of ids that are supported, in their order.
func Supported(ids ...int32) []int32 {
	return slices.DeleteFunc(ids, func(id int32) bool {
		_, ok := ByID(id)
		return !ok
	})
}

// ByName returns the number of the encryption type with a name, as [Name]
// returns it.
func ByName(name string) (id int32, ok bool) {
	for i := range types {
		if types[i].Name == name {
			return types[i].ID, true
		}
	}
	return 0, false
}

// Name returns an encryption type's name as in krb5.conf, or "etype 16" for one
// that is not supported.
func Name(id int32) string {
	if e := byID(id); e != nil {
		return e.Name
	}
	return "etype " + strconv.Itoa(int(id))
}

var zeroBlock = make([]byte, aes.BlockSize)

var errIntegrity = errors.New("integrity check failed")

// A UsageKey is a protocol key specialised for one key usage: the derived keys
// Ke and Ki of RFC 3961 5.3 and RFC 8009 5, or K1' of RFC 4757 4. It is
// immutable and safe for concurrent use.
type UsageKey struct {
	et    *Type
	block cipher.Block // AES under Ke; nil for RC4
	ki    [maxKeyLen]byte
	kiLen int
}

// NewUsageKey derives the keys of k for one usage. k must not be the zero Key.
func NewUsageKey(k Key, usage uint32) *UsageKey {
	w := getScratch()
	defer w.put()
	et, _ := ByID(k.etype)
	u := &UsageKey{et: et}
	ke := w.ke[:et.KeyLen]
	switch {
	case et.ID == RC4:
		binary.LittleEndian.PutUint32(w.usage[:], usage)
		u.kiLen = copy(u.ki[:], w.hmac(et, k.octets(), w.usage[:4]))
		return u
	case et.sha2():
		copy(ke, w.deriveSHA2(et, k.octets(), usage, 0xaa, et.KeyLen))
		u.kiLen = copy(u.ki[:], w.deriveSHA2(et, k.octets(), usage, 0x55, et.MACLen))
	default:
		base := newAES(k.octets())
		deriveSHA1(base, ke, usage, 0xaa)
		u.kiLen = et.KeyLen
		deriveSHA1(base, u.ki[:et.KeyLen], usage, 0x55)
	}
	u.block = newAES(ke)
	return u
}

func newAES(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic("kerberos: AES key of a wrong length: " + err.Error()) // lengths were checked by NewKey
	}
	return b
}

// hmac returns the HMAC under Ki. It lies in w.
func (u *UsageKey) hmac(w *scratch, parts ...[]byte) []byte {
	return w.hmac(u.et, u.ki[:u.kiLen], parts...)
}

// Format writes the type, never keys.
func (u UsageKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, u.et.Name+" key for a usage (redacted)") }

// Decrypt checks and decrypts a ciphertext and returns the plaintext without
// the confounder. The plaintext lies in buf if that has room for the
// ciphertext, else in new memory. It overwrites buf even if it returns an
// error.
func (u *UsageKey) Decrypt(buf, ciphertext []byte) ([]byte, error) {
	if len(ciphertext) < u.et.MinCipher() {
		return nil, errors.New("ciphertext shorter than confounder and checksum")
	}
	w := getScratch()
	defer w.put()
	plain := resize(buf, len(ciphertext)-u.et.MACLen)
	if u.et.ID == RC4 {
		return u.decryptRC4(w, plain, ciphertext)
	}
	body, mac := ciphertext[:len(ciphertext)-u.et.MACLen], ciphertext[len(ciphertext)-u.et.MACLen:]
	var want []byte
	if u.et.sha2() { // RFC 8009 5: checksum over cipher state, which is zero, and ciphertext
		want = u.hmac(w, zeroBlock, body)
	} else { // RFC 3962 6: checksum over confounder and plaintext
		w.decryptCTS(u.block, plain, body)
		want = u.hmac(w, plain)
	}
	if subtle.ConstantTimeCompare(want[:u.et.MACLen], mac) != 1 {
		return nil, errIntegrity
	}
	if u.et.sha2() {
		w.decryptCTS(u.block, plain, body)
	}
	return plain[u.et.confounder:], nil
}

// decryptRC4 is RFC 4757 5: the checksum comes first and keys the cipher.
func (u *UsageKey) decryptRC4(w *scratch, plain, ciphertext []byte) ([]byte, error) {
	mac, body := ciphertext[:u.et.MACLen], ciphertext[u.et.MACLen:]
	newRC4(u.hmac(w, mac)).XORKeyStream(plain, body)
	if subtle.ConstantTimeCompare(u.hmac(w, plain), mac) != 1 {
		return nil, errIntegrity
	}
	return plain[u.et.confounder:], nil
}

// AppendEncrypted appends the encryption of the concatenated parts, with a new
// confounder. The parts must not lie in dst's spare capacity.
func (u *UsageKey) AppendEncrypted(dst []byte, parts ...[]byte) []byte {
	w := getScratch()
	defer w.put()
	size := u.et.MinCipher()
	for _, p := range parts {
		size += len(p)
	}
	start := len(dst)
	dst = slices.Grow(dst, size)
	if u.et.ID == RC4 {
		dst = dst[:start+u.et.MACLen] // RFC 4757 5: the checksum comes first
	}
	body := len(dst)
	dst = dst[:body+u.et.confounder]
	rand.Read(dst[body:])
	for _, p := range parts {
		dst = append(dst, p...)
	}
	plain := dst[body:]
	switch {
	case u.et.ID == RC4:
		mac := dst[start:body]
		copy(mac, u.hmac(w, plain))
		newRC4(u.hmac(w, mac)).XORKeyStream(plain, plain)
		return dst
	case u.et.sha2(): // RFC 8009 5: checksum over cipher state, which is zero, and ciphertext
		w.encryptCTS(u.block, plain)
		return append(dst, u.hmac(w, zeroBlock, plain)[:u.et.MACLen]...)
	default: // RFC 3962 6: checksum over confounder and plaintext
		mac := u.hmac(w, plain)[:u.et.MACLen]
		w.encryptCTS(u.block, plain)
		return append(dst, mac...)
	}
}

// A ChecksumKey is a protocol key's Kc for one key usage (RFC 3961 5.3, RFC
// 8009 5), of an AES key. It is immutable and safe for concurrent use.
type ChecksumKey struct {
	et *Type
	kc [maxKeyLen]byte
	n  int // octets of kc
}

// NewChecksumKey derives the checksum key of k for one usage. k must be an AES
// key.
func NewChecksumKey(k Key, usage uint32) ChecksumKey {
	w := getScratch()
	defer w.put()
	et, _ := ByID(k.etype)
	c := ChecksumKey{et: et, n: et.KeyLen}
	if et.sha2() {
		c.n = copy(c.kc[:], w.deriveSHA2(et, k.octets(), usage, 0x99, et.MACLen))
	} else {
		deriveSHA1(newAES(k.octets()), c.kc[:c.n], usage, 0x99)
	}
	return c
}

// Format writes the type, never keys.
func (c ChecksumKey) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, c.et.Name+" key for checksums (redacted)")
}

// AppendSum appends the checksum of the concatenated parts.
func (c *ChecksumKey) AppendSum(dst []byte, parts ...[]byte) []byte {
	w := getScratch()
	defer w.put()
	return append(dst, w.hmac(c.et, c.kc[:c.n], parts...)[:c.et.MACLen]...)
}

// Verify reports whether sum is the checksum of the concatenated parts. It
// takes the same time for every sum of the right length.
func (c *ChecksumKey) Verify(sum []byte, parts ...[]byte) bool {
	w := getScratch()
	defer w.put()
	return subtle.ConstantTimeCompare(w.hmac(c.et, c.kc[:c.n], parts...)[:c.et.MACLen], sum) == 1
}

func newRC4(key []byte) *rc4.Cipher {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic("kerberos: " + err.Error()) // always an MD5 sum
	}
	return c
}

// Checksum returns the checksum of the concatenated parts, of the type that the
// key's encryption type requires, and the number of that type (RFC 3961 4, RFC
// 4757 4, RFC 8009 6).
func Checksum(k Key, usage uint32, parts ...[]byte) (kind int32, sum []byte) {
	if k.etype == RC4 {
		return HMACMD5(k, usage, parts...)
	}
	c := NewChecksumKey(k, usage)
	return c.et.checksum, c.AppendSum(nil, parts...)
}

// HMACMD5 returns the checksum of the concatenated parts, of the type HMAC-MD5,
// -138 (RFC 4757 4), and the number of that type. The key may be of any
// encryption type, as MS-SFU 2.2.1 has it.
func HMACMD5(k Key, usage uint32, parts ...[]byte) (kind int32, sum []byte) {
	w := getScratch()
	defer w.put()
	et, _ := ByID(RC4)
	sign := bytes.Clone(w.hmac(et, k.octets(), []byte("signaturekey\x00")))
	inner := md5.New()
	inner.Write(binary.LittleEndian.AppendUint32(nil, usage))
	for _, part := range parts {
		inner.Write(part)
	}
	return et.checksum, bytes.Clone(w.hmac(et, sign, inner.Sum(nil)))
}

// GenerateKey returns a random key. For all supported types any octets are a
// key (random-to-key, RFC 3961 3). It returns an error if the type is not
// supported.
func GenerateKey(etype int32) (Key, error) {
	et, ok := ByID(etype)
	if !ok {
		return Key{}, fmt.Errorf("unsupported encryption type %d", etype)
	}
	octets := make([]byte, et.KeyLen)
	rand.Read(octets)
	return NewKey(etype, octets)
}
