package wssec_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

const plainOrder = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><a:To xmlns:a="` +
	nsWSA + `">urn:svc</a:To></s:Header>` +
	`<s:Body><order xmlns="urn:o"><amount>10</amount></order></s:Body></s:Envelope>`

// signOnly keeps the Body readable, so that an attacker has something to
// rewrite.
func signOnly(change ...func(*wssec.Policy)) wssec.Policy {
	return symmetric(append([]func(*wssec.Policy){func(p *wssec.Policy) {
		p.EncryptedParts.Body = false
		p.SignedParts.Headers = []string{"{" + nsWSA + "}To"}
	}}, change...)...)
}

// replace is strings.Replace that fails the test if it finds nothing.
func replace(t testing.TB, s, old, new string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("%q is not in\n%s", old, s)
	}
	return strings.Replace(s, old, new, 1)
}

// find returns the first match of a pattern, or of its group.
func find(t testing.TB, s, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(s)
	if m == nil {
		t.Fatalf("%s is not in\n%s", pattern, s)
	}
	return m[len(m)-1]
}

// refused requires an error with one of the codes.
func refused(t testing.TB, err error, codes ...wssec.Code) {
	t.Helper()
	var e *wssec.Error
	if !errors.As(err, &e) {
		t.Fatalf("not refused: %v", err)
	}
	for _, c := range codes {
		if e.Code == c {
			return
		}
	}
	t.Fatalf("refused with %s, want %v: %v", e.Code, codes, err)
}

const bodyPattern = `<s:Body.*</s:Body>`

func TestVerifyRejectsSignatureWrapping(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, signOnly(), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	body := find(t, msg, bodyPattern)
	id := find(t, body, `wsu:Id="([^"]*)"`)
	evil := strings.Replace(body, ">10<", ">999<", 1)
	without := regexp.MustCompile(` (xmlns:wsu="[^"]*"|wsu:Id="[^"]*")`).ReplaceAllString(evil, "")
	other := strings.Replace(evil, id, "other", 1)
	wrapper := `<w:Wrapper xmlns:w="urn:w">` + body + `</w:Wrapper>`
	timestamp := find(t, msg, `<wsu:Timestamp.*</wsu:Timestamp>`)
	to := find(t, msg, `<a:To.*</a:To>`)

	places := map[string]func(m string) string{
		"in Header":      func(m string) string { return replace(t, m, `</s:Header>`, wrapper+`</s:Header>`) },
		"bare in Header": func(m string) string { return replace(t, m, `</s:Header>`, body+`</s:Header>`) },
		"in Security":    func(m string) string { return replace(t, m, `</wsse:Security>`, wrapper+`</wsse:Security>`) },
		"in Object": func(m string) string {
			return replace(t, m, `</ds:Signature>`, `<ds:Object>`+body+`</ds:Object></ds:Signature>`)
		},
		"in KeyInfo":           func(m string) string { return replace(t, m, `</ds:KeyInfo>`, body+`</ds:KeyInfo>`) },
		"in Body":              func(m string) string { return replace(t, m, `</s:Body>`, wrapper+`</s:Body>`) },
		"after Body":           func(m string) string { return replace(t, m, `</s:Body>`, `</s:Body>`+wrapper) },
		"in the signed header": func(m string) string { return replace(t, m, `</a:To>`, body+`</a:To>`) },
	}
	for place, move := range places {
		for kind, replacement := range map[string]string{"same Id": evil, "no Id": without, "other Id": other} {
			t.Run("Body "+place+", "+kind, func(t *testing.T) {
				_, err := ps.verify(t, []byte(move(replace(t, msg, body, replacement))))
				if err == nil {
					t.Fatal("accepted")
				}
			})
		}
	}
	for name, m := range map[string]string{
		"Timestamp moved away": replace(t, replace(t, msg, timestamp, ""), `</s:Header>`,
			`<w xmlns="urn:w">`+timestamp+`</w></s:Header>`),
		"Timestamp behind a new one": replace(t, msg, timestamp, strings.Replace(timestamp, "TS-", "XX-", 1)+
			`<w xmlns="urn:w">`+timestamp+`</w>`),
		"two Timestamps": replace(t, msg, timestamp, timestamp+
			strings.Replace(timestamp, "TS-", "XX-", 1)),
		"header replaced, old one kept deeper": replace(t, replace(t, msg, to, `<a:To xmlns:a="`+nsWSA+
			`">urn:evil</a:To>`), `</s:Header>`, `<w xmlns="urn:w">`+to+`</w></s:Header>`),
		"second header of the name": replace(t, msg, to, to+`<a:To xmlns:a="`+nsWSA+`">urn:evil</a:To>`),
		"second Security header": replace(t, msg, `</s:Header>`, `<wsse:Security xmlns:wsse="`+wssec.NSWSSE+
			`"/></s:Header>`),
		"Signature emptied": replace(t, msg, find(t, msg, `<ds:Reference .*</ds:Reference>`), ""),
		"Signature removed": replace(t, msg, find(t, msg, `<ds:Signature .*</ds:Signature>`), ""),
		"Signature twice": replace(t, msg, `</wsse:Security>`, find(t, msg, `<ds:Signature .*</ds:Signature>`)+
			`</wsse:Security>`),
		"Security for another actor": replace(t, msg, `env:mustUnderstand="1"`,
			`env:mustUnderstand="1" env:actor="urn:other"`),
		"HMACOutputLength": replace(t, msg, `hmac-sha1"></ds:SignatureMethod>`,
			`hmac-sha1"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>`),
		"external Reference": replace(t, msg, `URI="#`, `URI="http://evil/#`),
		"whole document Reference": replace(t, msg, `<ds:Reference URI="#`+find(t, msg, `<ds:Reference URI="#([^"]*)"`)+
			`"`, `<ds:Reference URI=""`),
		"enveloped transform": replace(t, msg, `<ds:Transforms>`,
			`<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ps.verify(t, []byte(m)); err == nil {
				t.Fatal("accepted")
			}
		})
	}
	if _, err := ps.verify(t, raw); err != nil {
		t.Fatal("the message as it was:", err)
	}
}
