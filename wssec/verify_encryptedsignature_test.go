package wssec_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// encryptedSignaturePolicy signs the Body and every WS-Addressing header and
// encrypts the Signature alone.
func encryptedSignaturePolicy() wssec.Policy {
	return symmetric(func(p *wssec.Policy) {
		p.SignedParts.Headers = []string{"{" + nsWSA + "}*"}
		p.EncryptedParts.Body, p.EncryptSignature = false, true
	})
}

// signatureCiphertext returns the EncryptedData of a message and its ciphertext
// in base64.
func signatureCiphertext(t *testing.T, msg string) (ed, cipher string) {
	ed = find(t, msg, `<xenc:EncryptedData.*?</xenc:EncryptedData>`)
	return ed, find(t, ed, `<xenc:CipherValue>([^<]*)<`)
}

// addressed is an order with so many header blocks beside wsa:To.
func addressed(t *testing.T, headers int) string {
	var h strings.Builder
	for i := range headers {
		fmt.Fprintf(&h, `<a:H%d xmlns:a="%s">urn:svc</a:H%d>`, i, nsWSA, i)
	}
	return replace(t, plainOrder, `</a:To>`, `</a:To>`+h.String())
}

func TestVerifyRejectsASecondEncryptedSignature(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, encryptedSignaturePolicy(), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	ed, _ := signatureCiphertext(t, msg)
	id := find(t, ed, ` Id="([^"]*)"`)
	second := replace(t, msg, ed, ed+replace(t, ed, id, "second"))
	second = replace(t, second, `<xenc:DataReference URI="#`+id+`"/>`, `<xenc:DataReference URI="#`+id+
		`"/><xenc:DataReference URI="#second"/>`)
	_, err := ps.verify(t, []byte(second))
	refused(t, err, wssec.CodeLimit)
}

// An encrypted Signature is not opened where its place is taken: what its
// ciphertext holds would decide between two refusals.
func TestVerifyRejectsAnEncryptedSignatureBesideAnother(t *testing.T) {
	t.Parallel()
	plain := newPeers(t, symmetric(func(p *wssec.Policy) { p.EncryptedParts.Body = false }), nil)
	raw, _ := plain.request(t, plainOrder)
	signature := find(t, string(raw), `<ds:Signature .*</ds:Signature>`)

	ps := newPeers(t, encryptedSignaturePolicy(), nil)
	raw, _ = ps.request(t, plainOrder)
	_, cipher := signatureCiphertext(t, string(raw))
	for name, other := range map[string]string{"good": cipher,
		"noise": base64.StdEncoding.EncodeToString(make([]byte, 64))} {
		t.Run(name, func(t *testing.T) {
			msg := replace(t, replace(t, string(raw), cipher, other), `</wsse:Security>`, signature+`</wsse:Security>`)
			_, err := ps.verify(t, []byte(msg))
			refused(t, err, wssec.CodeSignatureExtra)
		})
	}
}

// The length of an encrypted Signature is a question's worth, so it is checked
// before anything is decrypted.
func TestVerifyBoundsAnEncryptedSignatureByTheParts(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, encryptedSignaturePolicy(), nil)
	for headers, most := range map[int]int{0: 11 << 10, 8: 19 << 10, 40: 48 << 10, 200: 48 << 10} {
		raw, _ := ps.request(t, addressed(t, min(headers, 40)))
		msg := string(raw)
		if _, err := ps.verify(t, raw); err != nil {
			t.Fatalf("%d headers: %v", headers, err)
		}
		for i := 40; i < headers; i++ {
			msg = replace(t, msg, `</s:Header>`, fmt.Sprintf(`<a:H%d xmlns:a="%s"/></s:Header>`, i, nsWSA))
		}
		_, cipher := signatureCiphertext(t, msg)
		for length, want := range map[int]wssec.Code{most - 64: wssec.CodePlaintext, most + 64: wssec.CodeLimit,
			1 << 20: wssec.CodeLimit} {
			long := base64.StdEncoding.EncodeToString(make([]byte, length&^15))
			_, err := ps.verify(t, []byte(replace(t, msg, cipher, long)))
			if want == wssec.CodePlaintext { // it was decrypted
				refused(t, err, wssec.CodePlaintext, wssec.CodeDecryption)
			} else {
				refused(t, err, want)
			}
		}
	}
}

// Blocks that the policy does not sign make no room for a longer question.
func TestVerifyBoundsAnEncryptedSignatureWithForeignHeaders(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, encryptedSignaturePolicy(), nil)
	raw, _ := ps.request(t, plainOrder)
	_, cipher := signatureCiphertext(t, string(raw))
	msg := replace(t, string(raw), cipher, base64.StdEncoding.EncodeToString(make([]byte, 16<<10)))
	msg = replace(t, msg, `</s:Header>`, strings.Repeat(`<o:x xmlns:o="urn:o"/>`, 100)+`</s:Header>`)
	_, err := ps.verify(t, []byte(msg))
	refused(t, err, wssec.CodeLimit)
}

// Of a plaintext that does not end as a Signature nobody learns whether it was
// XML, or where it stopped to be: it is what wrong padding is. An outsider's
// ciphertext ends otherwise but for the Signature that he recorded.
func TestVerifyParsesOnlyASignatureBeforeTheHMAC(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.EncryptSignature = true }), nil)
	raw, _ := ps.request(t, message(8<<10))
	msg := string(raw)
	values := regexp.MustCompile(`<xenc:CipherValue>([^<]*)<`).FindAllStringSubmatch(msg, -1)
	own, body := unbase64(t, values[0][1]), unbase64(t, values[1][1])
	// One block of plaintext that he knows lets an outsider write the last 16
	// octets, at the price of the 16 before them.
	known := parse(t, []byte(message(8<<10))).Body.AppendDetachedContent(nil)
	forged, wanted := bytes.Clone(body[:1024]), []byte("Signature>     \x06")
	for i := range wanted {
		forged = append(forged, wanted[i]^known[i]^body[i])
	}
	forged = append(forged, body[16:32]...)
	for name, cipher := range map[string][]byte{
		"the Body's":                 body,
		"the start of the Body's":    body[:1024],
		"a block of it":              body[512:544],
		"the Signature's, cut":       own[:len(own)-32],
		"the Signature's, continued": append(bytes.Clone(own), body[512:1024]...),
		"the Body's, changed":        flip(body, 3),
		"the Body's, with an ending": forged,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ps.verify(t, []byte(replace(t, msg, values[0][1], base64.StdEncoding.EncodeToString(cipher))))
			refused(t, err, wssec.CodeDecryption)
		})
	}
	_, err := ps.verify(t, []byte(replace(t, msg, values[0][1], base64.StdEncoding.EncodeToString(flip(own, 3)))))
	refused(t, err, wssec.CodePlaintext) // what its first octets are everybody knows
}

func unbase64(t *testing.T, s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}
