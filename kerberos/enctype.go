package kerberos

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
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

// Encryption types that this package knows (IANA "Kerberos Encryption Type Numbers").
const (
	EtypeAES128SHA1 int32 = 17 // aes128-cts-hmac-sha1-96, RFC 3962
	EtypeAES256SHA1 int32 = 18 // aes256-cts-hmac-sha1-96, RFC 3962
	EtypeAES128SHA2 int32 = 19 // aes128-cts-hmac-sha256-128, RFC 8009
	EtypeAES256SHA2 int32 = 20 // aes256-cts-hmac-sha384-192, RFC 8009
	EtypeRC4        int32 = 23 // rc4-hmac, RFC 4757: broken, accepted only when listed
)

// Key usage numbers (RFC 4120 7.5.1).
const (
	usageTicket        = 2
	usageAuthenticator = 11
)

const maxKeyLen = 32

// enctype holds the sizes of one encryption type, in octets.
type enctype struct {
	id         int32
	name       string
	keyLen     int
	confounder int
	macLen     int
	hash       func() hash.Hash
	checksum   int32 // number of the checksum type that belongs to it (RFC 3962 7, RFC 8009 6, RFC 4757 4)
}

// minCipher is the shortest ciphertext: a confounder and a checksum around nothing.
func (e *enctype) minCipher() int { return e.confounder + e.macLen }

// sha2 tells RFC 8009 from RFC 3962.
func (e *enctype) sha2() bool { return e.id == EtypeAES128SHA2 || e.id == EtypeAES256SHA2 }

var enctypes = [...]enctype{
	{EtypeAES128SHA1, "aes128-cts-hmac-sha1-96", 16, aes.BlockSize, 12, sha1.New, 15},
	{EtypeAES256SHA1, "aes256-cts-hmac-sha1-96", 32, aes.BlockSize, 12, sha1.New, 16},
	{EtypeAES128SHA2, "aes128-cts-hmac-sha256-128", 16, aes.BlockSize, 16, sha256.New, 19},
	{EtypeAES256SHA2, "aes256-cts-hmac-sha384-192", 32, aes.BlockSize, 24, sha512.New384, 20},
	{EtypeRC4, "rc4-hmac", 16, 8, md5.Size, md5.New, -138},
}

func enctypeByID(id int32) (*enctype, bool) {
	for i := range enctypes {
		if enctypes[i].id == id {
			return &enctypes[i], true
		}
	}
	return nil, false
}

// etypeByName returns the number of the encryption type that EtypeName calls so.
func etypeByName(name string) (id int32, ok bool) {
	for i := range enctypes {
		if enctypes[i].name == name {
			return enctypes[i].id, true
		}
	}
	return 0, false
}

// EtypeName is the encryption type's name as krb5.conf has it, or "etype 16" for one that this package does not know.
func EtypeName(id int32) string {
	if e, ok := enctypeByID(id); ok {
		return e.name
	}
	return "etype " + strconv.Itoa(int(id))
}

var zeroBlock = make([]byte, aes.BlockSize)

var errIntegrity = errors.New("integrity check failed")

// A usageKey is a protocol key specialised for one key usage: the derived keys Ke and Ki of RFC 3961 5.3 and RFC 8009
// 5, or K1' of RFC 4757 4. It is immutable and safe for concurrent use.
type usageKey struct {
	et    *enctype
	block cipher.Block // AES under Ke; nil for RC4
	ki    [maxKeyLen]byte
	kiLen int
}

// newUsageKey derives the keys of k for one usage. Their lengths were checked when k was made.
func newUsageKey(k Key, usage uint32) *usageKey {
	w := getScratch()
	defer w.put()
	et, _ := enctypeByID(k.etype)
	u := &usageKey{et: et}
	ke := w.ke[:et.keyLen]
	switch {
	case et.id == EtypeRC4:
		binary.LittleEndian.PutUint32(w.usage[:], usage)
		u.kiLen = copy(u.ki[:], w.hmac(et, k.octets(), w.usage[:4]))
		return u
	case et.sha2():
		copy(ke, w.deriveSHA2(et, k.octets(), usage, 0xaa, et.keyLen))
		u.kiLen = copy(u.ki[:], w.deriveSHA2(et, k.octets(), usage, 0x55, et.macLen))
	default:
		base := newAES(k.octets())
		deriveSHA1(base, ke, usage, 0xaa)
		u.kiLen = et.keyLen
		deriveSHA1(base, u.ki[:et.keyLen], usage, 0x55)
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

// hmac is HMAC under Ki. The result lies in w.
func (u *usageKey) hmac(w *scratch, parts ...[]byte) []byte {
	return w.hmac(u.et, u.ki[:u.kiLen], parts...)
}

// open checks and decrypts a ciphertext and returns the plaintext, without the confounder. It lies in buf if that has room
// for the ciphertext, else in new memory; what buf held is lost, also when the ciphertext is refused.
func (u *usageKey) open(buf, ciphertext []byte) ([]byte, error) {
	if len(ciphertext) < u.et.minCipher() {
		return nil, errors.New("ciphertext shorter than confounder and checksum")
	}
	w := getScratch()
	defer w.put()
	plain := resize(buf, len(ciphertext)-u.et.macLen)
	if u.et.id == EtypeRC4 {
		return u.openRC4(w, plain, ciphertext)
	}
	body, mac := ciphertext[:len(ciphertext)-u.et.macLen], ciphertext[len(ciphertext)-u.et.macLen:]
	var want []byte
	if u.et.sha2() { // RFC 8009 5: checksum over cipher state, which is zero, and ciphertext
		want = u.hmac(w, zeroBlock, body)
	} else { // RFC 3962 6: checksum over confounder and plaintext
		w.decryptCTS(u.block, plain, body)
		want = u.hmac(w, plain)
	}
	if subtle.ConstantTimeCompare(want[:u.et.macLen], mac) != 1 {
		return nil, errIntegrity
	}
	if u.et.sha2() {
		w.decryptCTS(u.block, plain, body)
	}
	return plain[u.et.confounder:], nil
}

// openRC4 is RFC 4757 5: the checksum comes first and keys the cipher.
func (u *usageKey) openRC4(w *scratch, plain, ciphertext []byte) ([]byte, error) {
	mac, body := ciphertext[:u.et.macLen], ciphertext[u.et.macLen:]
	newRC4(u.hmac(w, mac)).XORKeyStream(plain, body)
	if subtle.ConstantTimeCompare(u.hmac(w, plain), mac) != 1 {
		return nil, errIntegrity
	}
	return plain[u.et.confounder:], nil
}

// appendSealed appends the encryption of the parts, one after the other, under a fresh confounder. The parts do not lie in
// dst's spare capacity.
func (u *usageKey) appendSealed(dst []byte, parts ...[]byte) []byte {
	w := getScratch()
	defer w.put()
	size := u.et.minCipher()
	for _, p := range parts {
		size += len(p)
	}
	start := len(dst)
	dst = slices.Grow(dst, size)
	if u.et.id == EtypeRC4 {
		dst = dst[:start+u.et.macLen] // RFC 4757 5: the checksum comes first
	}
	body := len(dst)
	dst = dst[:body+u.et.confounder]
	rand.Read(dst[body:])
	for _, p := range parts {
		dst = append(dst, p...)
	}
	plain := dst[body:]
	switch {
	case u.et.id == EtypeRC4:
		mac := dst[start:body]
		copy(mac, u.hmac(w, plain))
		newRC4(u.hmac(w, mac)).XORKeyStream(plain, plain)
		return dst
	case u.et.sha2(): // RFC 8009 5: checksum over cipher state, which is zero, and ciphertext
		w.encryptCTS(u.block, plain)
		return append(dst, u.hmac(w, zeroBlock, plain)[:u.et.macLen]...)
	default: // RFC 3962 6: checksum over confounder and plaintext
		mac := u.hmac(w, plain)[:u.et.macLen]
		w.encryptCTS(u.block, plain)
		return append(dst, mac...)
	}
}

// A checksumKey is a protocol key's Kc for one key usage (RFC 3961 5.3, RFC 8009 5). It is for AES.
type checksumKey struct {
	et *enctype
	kc [maxKeyLen]byte
	n  int // octets of kc
}

func newChecksumKey(k Key, usage uint32) checksumKey {
	w := getScratch()
	defer w.put()
	et, _ := enctypeByID(k.etype)
	c := checksumKey{et: et, n: et.keyLen}
	if et.sha2() {
		c.n = copy(c.kc[:], w.deriveSHA2(et, k.octets(), usage, 0x99, et.macLen))
	} else {
		deriveSHA1(newAES(k.octets()), c.kc[:c.n], usage, 0x99)
	}
	return c
}

// appendSum appends the checksum of the parts, one after the other.
func (c *checksumKey) appendSum(dst []byte, parts ...[]byte) []byte {
	w := getScratch()
	defer w.put()
	return append(dst, w.hmac(c.et, c.kc[:c.n], parts...)[:c.et.macLen]...)
}

// verify reports whether sum is the checksum of the parts, one after the other. It takes the same time for every sum of
// the right length.
func (c *checksumKey) verify(sum []byte, parts ...[]byte) bool {
	w := getScratch()
	defer w.put()
	return subtle.ConstantTimeCompare(w.hmac(c.et, c.kc[:c.n], parts...)[:c.et.macLen], sum) == 1
}

func newRC4(key []byte) *rc4.Cipher {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic("kerberos: " + err.Error()) // always an MD5 sum
	}
	return c
}

// keyedChecksum returns the checksum that belongs to a key's encryption type, with the number of its type (RFC 3961 4, RFC
// 4757 4, RFC 8009 6), of the parts one after the other.
func keyedChecksum(k Key, usage uint32, parts ...[]byte) (kind int32, sum []byte) {
	if k.etype == EtypeRC4 { // HMAC-MD5
		w := getScratch()
		defer w.put()
		et, _ := enctypeByID(EtypeRC4)
		sign := bytes.Clone(w.hmac(et, k.octets(), []byte("signaturekey\x00")))
		inner := md5.New()
		inner.Write(binary.LittleEndian.AppendUint32(nil, usage))
		for _, part := range parts {
			inner.Write(part)
		}
		return et.checksum, bytes.Clone(w.hmac(et, sign, inner.Sum(nil)))
	}
	c := newChecksumKey(k, usage)
	return c.et.checksum, c.appendSum(nil, parts...)
}

// generateKey makes a random key. All supported types take any octets as a key (RFC 3961 random-to-key).
func generateKey(etype int32) (Key, error) {
	et, ok := enctypeByID(etype)
	if !ok {
		return Key{}, fmt.Errorf("unsupported encryption type %d", etype)
	}
	octets := make([]byte, et.keyLen)
	rand.Read(octets)
	return NewKey(etype, octets)
}
