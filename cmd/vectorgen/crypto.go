package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// newHash returns the hash of a digest or HMAC URI.
func newHash(uri string) func() hash.Hash {
	switch {
	case strings.HasSuffix(uri, "sha1"):
		return sha1.New
	case strings.HasSuffix(uri, "sha256"):
		return sha256.New
	case strings.HasSuffix(uri, "sha384"):
		return sha512.New384
	case strings.HasSuffix(uri, "sha512"):
		return sha512.New
	case strings.HasSuffix(uri, "sha224"):
		return sha256.New224
	}
	return sha1.New // for URIs that no receiver knows
}

func digest(uri string, text string) []byte {
	h := newHash(uri)()
	h.Write([]byte(text))
	return h.Sum(nil)
}

func mac(uri string, key []byte, text string) []byte {
	h := hmac.New(newHash(uri), key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// pSHA1 is P_SHA1(secret, label + nonce)[offset : offset+length]
// (WS-SecureConversation §7.1).
func pSHA1(secret []byte, label string, nonce []byte, offset, length int) []byte {
	seed := append([]byte(label), nonce...)
	var out []byte
	for a := seed; len(out) < offset+length; {
		a = mac(hmacSHA1, secret, string(a))
		out = append(out, mac(hmacSHA1, secret, string(append(bytes.Clone(a), seed...)))...)
	}
	return out[offset : offset+length]
}

// seal encrypts as XML Encryption 1.1 §5.2 has it, with random padding octets
// under CBC, of which only the last says anything.
func seal(uri string, key, plain []byte, rnd *random) []byte {
	var block cipher.Block
	var err error
	if uri == tripleDES {
		block, err = des.NewTripleDESCipher(key)
	} else {
		block, err = aes.NewCipher(key)
	}
	check(err)
	if strings.HasSuffix(uri, "-gcm") {
		aead, err := cipher.NewGCM(block)
		check(err)
		nonce := rnd.octets(aead.NonceSize())
		return aead.Seal(nonce, nonce, plain, nil)
	}
	pad := block.BlockSize() - len(plain)%block.BlockSize()
	text := append(append(bytes.Clone(plain), rnd.octets(pad-1)...), byte(pad))
	return cbc(block, text, rnd)
}

// cbc encrypts whole blocks.
func cbc(block cipher.Block, text []byte, rnd *random) []byte {
	iv := rnd.octets(block.BlockSize())
	out := append(bytes.Clone(iv), text...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out[len(iv):], text)
	return out
}

// wrapKey is the AES key wrap of RFC 3394 §2.2.1.
func wrapKey(kek, key []byte) []byte {
	block, err := aes.NewCipher(kek)
	check(err)
	n := len(key) / 8
	out := append(bytes.Repeat([]byte{0xa6}, 8), key...)
	for j := range 6 {
		for i := 1; i <= n; i++ {
			buf := append(bytes.Clone(out[:8]), out[8*i:8*i+8]...)
			block.Encrypt(buf, buf)
			t := binary.BigEndian.Uint64(buf) ^ uint64(n*j+i)
			binary.BigEndian.PutUint64(out, t)
			copy(out[8*i:], buf[8:])
		}
	}
	return out
}

// canonical is the exclusive canonical form of an element that declares its own
// namespaces. check.py computes the forms of valid cases with libxml2.
func canonical(text string, prefixes ...string) string {
	doc, err := xmltext.Scan([]byte(text), xmltext.Options{Limits: noLimits()})
	check(err)
	return string(doc.Root().AppendCanonical(nil, xmltext.C14N{Prefixes: prefixes}))
}

// noLimits lets the sender write what a receiver has to refuse.
func noLimits() xmltext.Limits {
	return xmltext.Limits{Depth: -1, Elements: -1, Attributes: -1, AttributesPerElement: -1, NamespacesInScope: -1,
		NameBytes: -1, ValueBytes: -1}
}
