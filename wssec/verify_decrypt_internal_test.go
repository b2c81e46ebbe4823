package wssec

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// TestEncryptedPartAtAllowsThePlacesOfThePolicy: the Body's content, header
// blocks and the Signature, each if the policy encrypts it, of the right Type.
func TestEncryptedPartAtAllowsThePlacesOfThePolicy(t *testing.T) {
	t.Parallel()
	data := func(kind string) string {
		return `<x:EncryptedData xmlns:x="` + nsXenc + `" Type="` + nsXenc + kind + `"><x:EncryptionMethod Algorithm="` +
			nsXenc + `aes128-cbc"/><x:CipherData><x:CipherValue>AAAA</x:CipherValue></x:CipherData></x:EncryptedData>`
	}
	header := func(content string) string {
		return `<e:EncryptedHeader xmlns:e="` + NSWSSE11 + `">` + content + `</e:EncryptedHeader>`
	}
	body := func(p *Policy) { p.EncryptedParts.Body = true }
	headers := func(p *Policy) {
		p.EncryptedParts.Headers = []string{"{urn:p}a"}
		p.SignedParts.Headers = p.EncryptedParts.Headers
	}
	signature := func(p *Policy) { p.EncryptSignature = true }
	const inBody, inHeader, inSecurity = 0, 1, 2
	for name, tt := range map[string]struct {
		place   int
		content string
		change  func(*Policy)
		want    Code
	}{
		"Body":                         {inBody, data("Content"), body, ""},
		"Body of Type Element":         {inBody, data("Element"), body, CodeSecurityInvalid},
		"Body that is not encrypted":   {inBody, data("Content"), headers, CodeReference},
		"part of the Body":             {inBody, data("Content") + `<p:a/>`, body, CodeReference},
		"header block":                 {inHeader, data("Element"), headers, ""},
		"header block of Type Content": {inHeader, data("Content"), headers, CodeSecurityInvalid},
		"header block, not encrypted":  {inHeader, data("Element"), body, CodeReference},
		"EncryptedHeader":              {inHeader, header(data("Element")), headers, ""},
		"EncryptedHeader of two":       {inHeader, header(data("Element") + data("Element")), headers, CodeSecurityInvalid},
		"EncryptedHeader of none":      {inHeader, header(""), headers, CodeReference},
		"a header block in clear":      {inHeader, `<p:a/>`, headers, CodeReference},
		"Signature":                    {inSecurity, data("Element"), signature, ""},
		"Signature, not encrypted":     {inSecurity, data("Element"), body, CodeReference},
		"another suite's algorithm": {inBody, strings.Replace(data("Content"), "aes128", "aes256", 1), body,
			CodeUnsupportedAlg},
		"no algorithm": {inBody, strings.Replace(data("Content"), "Algorithm", "x", 1), body,
			CodeSecurityInvalid},
		"a reference to other octets": {inBody, strings.Replace(data("Content"), "CipherValue>AAAA</x:CipherValue",
			"CipherReference/", 1), body, CodeSecurityInvalid},
		"Signature of more than it may": {inSecurity, strings.Replace(data("Element"), "AAAA",
			strings.Repeat("AAAA", 20_000), 1), signature, CodeLimit},
	} {
		security, blocks, content := "", "", ""
		switch tt.place {
		case inBody:
			content = tt.content
		case inHeader:
			blocks = tt.content
		case inSecurity:
			security = tt.content
		}
		v := verificationOf(t, envelopeOf(t, securityStart+security+securityEnd+blocks, content), tt.change)
		n := v.env.Body.FirstChild()
		switch tt.place {
		case inHeader:
			n = v.security.NextSibling()
		case inSecurity:
			n = v.security.FirstChild()
		}
		e, err := v.encryptedPartAt(n, &referenceList{})
		wantCode(t, name, err, tt.want)
		if err == nil && (e.isSignature != (tt.place == inSecurity) || (e.part == v.env.Body) != (tt.place == inBody)) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestPlaintextErrorQuotesNothing: the error is for logs, and a plaintext is a
// secret.
func TestPlaintextErrorQuotesNothing(t *testing.T) {
	t.Parallel()
	n := rootOf(t, `<a/>`)
	for _, err := range []error{
		fmt.Errorf("%w %q", xmltext.ErrEntity, "secret"), &xmltext.SyntaxError{Err: xmltext.ErrTag, Path: "/secret"},
		&xmltext.SyntaxError{Err: fmt.Errorf("%w %q", xmltext.ErrUndeclaredPrefix, "secret"), Path: "/secret"},
		&xmltext.SyntaxError{Err: fmt.Errorf("%w: secret", xmltext.ErrDoctype)}, errors.New("secret"),
	} {
		got := plaintextError(n, err)
		wantCode(t, err.Error(), got, CodePlaintext)
		if strings.Contains(got.Error(), "secret") {
			t.Errorf("%v quotes the plaintext", got)
		}
	}
}

// TestNamesOfTrustsNoDeclarationAroundASignedCiphertext: those are not signed,
// but for that of the signed element's own name.
func TestNamesOfTrustsNoDeclarationAroundASignedCiphertext(t *testing.T) {
	t.Parallel()
	for order, want := range map[ProtectionOrder][3]xmltext.GraftNames{ // of the Body, a header block, the Signature
		SignBeforeEncrypt: {xmltext.NamesInScope, xmltext.NamesInScope, xmltext.NamesInScope},
		EncryptBeforeSign: {xmltext.NamesParent, xmltext.NamesOwn, xmltext.NamesInScope},
	} {
		v := verificationOf(t, envelopeOf(t, securityStart+securityEnd, ``), func(p *Policy) { p.ProtectionOrder = order })
		for i, e := range []*encryptedPart{{part: v.env.Body}, {}, {isSignature: true}} {
			if got := v.namesOf(e); got != want[i] {
				t.Errorf("%s, part %d: %v", order, i, got)
			}
		}
	}
}
