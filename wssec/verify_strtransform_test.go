package wssec_test

import (
	"encoding/base64"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

func TestVerifySTRTransformCoversTheToken(t *testing.T) {
	t.Parallel()
	for form, defaultNS := range map[wssec.STRForm]bool{wssec.STRWSS: true, wssec.STRWCF: false} {
		t.Run(string(form), func(t *testing.T) {
			ps := newPeers(t, symmetric(func(p *wssec.Policy) {
				p.ProtectTokens, p.STRTransform, p.EncryptedParts.Body = true, form, false
			}), nil)
			msg, err := wssec.ProtectWithSTRTransform(ps.client, parse(t, []byte(plainOrder)), ps.token, defaultNS)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ps.verify(t, msg); err != nil {
				t.Fatalf("%v\n%s", err, msg)
			}
			other, err := wssec.ProtectWithSTRTransform(ps.client, parse(t, []byte(plainOrder)), ps.token, !defaultNS)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ps.verify(t, other)
			refused(t, err, wssec.CodeDigestInvalid)
		})
	}
}

// KeyInfo is not signed: whoever can change a message can choose what the
// SecurityTokenReference leads to.
func TestVerifyRejectsAnSTRTransformWithoutItsToken(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.ProtectTokens, p.EncryptedParts.Body = true, false }), nil)
	raw, err := wssec.ProtectWithSTRTransform(ps.client, parse(t, []byte(plainOrder)), ps.token, true)
	if err != nil {
		t.Fatal(err)
	}
	msg := string(raw)
	direct := find(t, msg, `<wsse:Reference URI="#BST[^>]*></wsse:Reference>`)
	hash := wssec.HashToken(ps.token.Token)
	keyID := `<wsse:KeyIdentifier ValueType="` + wssec.KerberosAPREQSHA1 + `">` +
		base64.StdEncoding.EncodeToString(hash[:]) + `</wsse:KeyIdentifier>`
	for name, m := range map[string]string{
		"KeyIdentifier": replace(t, msg, direct, keyID),
		"another Id":    replace(t, msg, `wsu:Id="STR-1"`, `wsu:Id="STR-2"`),
		"no Id":         replace(t, msg, ` wsu:Id="STR-1"`, ``),
		"a second element of the Id": replace(t, msg, `</s:Header>`, `<x xmlns="urn:x" xmlns:wsu="`+wssec.NSWSU+
			`" wsu:Id="STR-1"/></s:Header>`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ps.verify(t, []byte(m))
			refused(t, err, wssec.CodeReference, wssec.CodeDuplicateID)
		})
	}
}
