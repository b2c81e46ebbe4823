package etype

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"

	//lint:ignore SA1019 the key of rc4-hmac is an MD4 (RFC 4757 2)
	"golang.org/x/crypto/md4"
)

// Limits of the iteration count that a KDC may ask for. With fewer than the
// default, whoever plays KDC would get ciphertext from which the password is
// cheap to guess (RFC 3962 4, 9); with more it could keep us busy.
const (
	minIterationsSHA1 = 4096  // the default of RFC 3962 4
	minIterationsSHA2 = 32768 // the default of RFC 8009 4
	maxIterations     = 1 << 20
)

// StringToKey returns the key of a password (RFC 3962 4, RFC 8009 4, RFC 4757
// 2). params are the s2kparams of ETYPE-INFO2 (RFC 4120 5.2.7.5): the iteration
// count in four octets, or empty for the default. RC4 uses neither salt nor
// params. It returns an error if the type is not supported or the iteration
// count is out of bounds.
func StringToKey(etype int32, password, salt string, params []byte) (Key, error) {
	et, ok := ByID(etype)
	if !ok {
		return Key{}, unsupported(etype)
	}
	if et.ID == RC4 {
		return NewKey(etype, md4UTF16(password))
	}
	least := minIterationsSHA1
	if et.sha2() {
		least = minIterationsSHA2
	}
	iterations, err := iterationCount(params, least)
	if err != nil {
		return Key{}, err
	}
	if et.sha2() {
		return stringToKeySHA2(et, password, salt, iterations)
	}
	tkey, err := pbkdf2.Key(sha1.New, password, []byte(salt), iterations, et.KeyLen)
	if err != nil {
		return Key{}, err
	}
	base, octets := newAES(tkey), make([]byte, et.KeyLen) // DK(tkey, "kerberos") of RFC 3961 5.1
	base.Encrypt(octets, nfold([]byte("kerberos"), base.BlockSize()))
	if len(octets) > base.BlockSize() {
		base.Encrypt(octets[base.BlockSize():], octets)
	}
	clear(tkey)
	defer clear(octets)
	return NewKey(etype, octets)
}

func iterationCount(params []byte, least int) (int, error) {
	switch {
	case len(params) == 0:
		return least, nil
	case len(params) != 4:
		return 0, errors.New("string-to-key parameters are not four octets")
	}
	n := binary.BigEndian.Uint32(params)
	if n < uint32(least) || n > maxIterations {
		return 0, fmt.Errorf("key derivation with %d iterations; %d to %d are accepted", n, least, maxIterations)
	}
	return int(n), nil
}

func stringToKeySHA2(et *Type, password, salt string, iterations int) (Key, error) {
	tkey, err := pbkdf2.Key(et.hash, password, []byte(et.Name+"\x00"+salt), iterations, et.KeyLen)
	if err != nil {
		return Key{}, err
	}
	w := getScratch()
	defer w.put()
	in := append([]byte{0, 0, 0, 1}, "kerberos\x00"...)
	in = binary.BigEndian.AppendUint32(in, uint32(et.KeyLen*8))
	octets := w.hmac(et, tkey, in)[:et.KeyLen] // lies in w, which is wiped
	clear(tkey)
	return NewKey(et.ID, octets)
}

// md4UTF16 returns the MD4 of the password in little-endian UTF-16.
func md4UTF16(password string) []byte {
	h := md4.New()
	for _, unit := range utf16.Encode([]rune(password)) {
		h.Write([]byte{byte(unit), byte(unit >> 8)})
	}
	return h.Sum(nil)
}
