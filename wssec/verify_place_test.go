package wssec_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// TestASignedTimestampIsInTheSecurityHeader: a digest does not know where its
// element stands, and where the policy takes a message without Timestamp, one
// whose Timestamp was moved would have no age.
func TestASignedTimestampIsInTheSecurityHeader(t *testing.T) {
	ps := newPeers(t, signOnly(func(p *wssec.Policy) { p.Timestamp = wssec.TimestampOptional }), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	ts := find(t, msg, `(<wsu:Timestamp.*</wsu:Timestamp>)`)
	without := replace(t, msg, ts, "")
	other := `<wsse:Security xmlns:wsse="` + wssec.NSWSSE + `" s:actor="urn:other">`
	for place, moved := range map[string]string{
		"header block":               replace(t, without, `</s:Header>`, ts+`</s:Header>`),
		"first header block":         replace(t, without, `<s:Header>`, `<s:Header>`+ts),
		"other actor's header":       replace(t, without, `</s:Header>`, other+ts+`</wsse:Security></s:Header>`),
		"inside a header block":      replace(t, without, `</s:Header>`, `<x:h xmlns:x="urn:x">`+ts+`</x:h></s:Header>`),
		"inside an element beside":   replace(t, msg, ts, `<wsse:SecurityTokenReference>`+ts+`</wsse:SecurityTokenReference>`),
		"child of the Body":          replace(t, without, `</s:Body>`, ts+`</s:Body>`),
		"content of the Body":        replace(t, without, `</order></s:Body>`, ts+`</order></s:Body>`),
		"there and as header block":  replace(t, msg, `</s:Header>`, ts+`</s:Header>`),
		"header block of other name": replace(t, without, `</s:Header>`, `<x:h xmlns:x="urn:x" wsu:Id="`+find(t, ts, `wsu:Id="([^"]*)"`)+`" xmlns:wsu="`+wssec.NSWSU+`"/></s:Header>`),
	} {
		t.Run(place, func(t *testing.T) {
			_, err := ps.verify(t, []byte(moved))
			refused(t, err, wssec.CodeReference, wssec.CodeDuplicateID, wssec.CodeUnsupportedToken, wssec.CodeDigestInvalid)
		})
	}
	if _, err := ps.verify(t, raw); err != nil {
		t.Error(err)
	}
}

// TestElementsOfTheSecurityHeaderAreSignedThereAlone: a header block of such a
// name under a valid signature is one that was moved there, plain, encrypted or
// both.
func TestElementsOfTheSecurityHeaderAreSignedThereAlone(t *testing.T) {
	names := map[string][]string{
		wssec.NSWSU:                             {"Timestamp"},
		wssec.NSWSSE:                            {"BinarySecurityToken", "UsernameToken", "SecurityTokenReference"},
		wssec.NSWSSE11:                          {"SignatureConfirmation"},
		wssec.NSWSC05:                           {"DerivedKeyToken", "SecurityContextToken"},
		wssec.NSWSC13:                           {"DerivedKeyToken", "SecurityContextToken"},
		"http://www.w3.org/2000/09/xmldsig#":    {"Signature", "KeyInfo"},
		"http://www.w3.org/2001/04/xmlenc#":     {"ReferenceList", "EncryptedKey"},
		"http://www.w3.org/2009/xmlenc11#":      {"DerivedKey"},
		"urn:oasis:names:tc:SAML:1.0:assertion": {"Assertion"},
		"urn:oasis:names:tc:SAML:2.0:assertion": {"Assertion"},
	}
	for space, locals := range names {
		for _, local := range locals {
			for form, change := range map[string]func(*wssec.Policy){
				"signed":                 func(*wssec.Policy) {},
				"signed, then encrypted": func(p *wssec.Policy) { p.EncryptedParts.Headers = p.SignedParts.Headers },
				"encrypted, then signed": func(p *wssec.Policy) { p.EncryptedParts.Headers = p.SignedParts.Headers; encryptFirst(p) },
			} {
				t.Run(local+" "+form, func(t *testing.T) {
					ps := newPeers(t, signOnly(func(p *wssec.Policy) { p.SignedParts.Headers = []string{"{" + space + "}*"} }, change), nil)
					raw, _ := ps.request(t, replace(t, plainOrder, `</s:Header>`, `<x:`+local+` xmlns:x="`+space+`">x</x:`+local+`></s:Header>`))
					_, err := ps.verify(t, raw)
					refused(t, err, wssec.CodeReference)
				})
			}
		}
	}
}

// TestTheBodyMayHoldElementsOfTheSecurityHeader: WS-Trust sends tokens there,
// also alone and under the Ids of the header's (CXF does, to cancel a context);
// they are the application's.
func TestTheBodyMayHoldElementsOfTheSecurityHeader(t *testing.T) {
	ps := newPeers(t, signOnly(), nil)
	for _, body := range []string{
		`<c:SecurityContextToken xmlns:c="` + wssec.NSWSC13 + `" xmlns:u="` + wssec.NSWSU + `" u:Id="TS-1"><c:Identifier>urn:x</c:Identifier></c:SecurityContextToken>`,
		`<u:Timestamp xmlns:u="` + wssec.NSWSU + `" u:Id="TS-1"><u:Created>then</u:Created></u:Timestamp>`,
	} {
		raw, _ := ps.request(t, replace(t, plainOrder, `<order xmlns="urn:o"><amount>10</amount></order>`, body))
		if _, err := ps.verify(t, raw); err != nil {
			t.Error(err)
		}
	}
	raw, _ := ps.request(t, replace(t, plainOrder, `<s:Header>`, `<s:Header><w:Security xmlns:w="`+wssec.NSWSSE+`" s:actor="urn:other"><w:UsernameToken/></w:Security>`))
	if _, err := ps.verify(t, raw); err != nil {
		t.Error("another actor's header:", err)
	}
}

// TestASignatureConfirmationIsInTheSecurityHeader: one that was moved would
// leave a reply that confirms nothing.
func TestASignatureConfirmationIsInTheSecurityHeader(t *testing.T) {
	ps := newPeers(t, signOnly(func(p *wssec.Policy) { p.SignatureConfirmation = true }), nil)
	req, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, req)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil {
		t.Fatal(err)
	}
	confirmation := find(t, string(raw), `(<wsse11:SignatureConfirmation[^>]*/>|<wsse11:SignatureConfirmation.*</wsse11:SignatureConfirmation>)`)
	moved := strings.Replace(strings.Replace(string(raw), confirmation, "", 1), `</s:Header>`, confirmation+`</s:Header>`, 1)
	lenient := newPeers(t, signOnly(), nil)
	for _, p := range []*wssec.Processor{ps.client, lenient.client} {
		_, err = p.VerifyReply(t.Context(), parse(t, []byte(moved)), sent, secure())
		refused(t, err, wssec.CodeReference)
	}
}

// TestASecurityHeaderForAnotherActorIsNamed: whoever reads the log would look
// for a header that is there. The policy can say that it is ours.
func TestASecurityHeaderForAnotherActorIsNamed(t *testing.T) {
	soap12 := strings.Replace(plainOrder, soap.NS11, soap.NS12, 1)
	for _, tc := range []struct{ plain, attr, actor string }{
		{plainOrder, "actor", soap.ActorNext},
		{plainOrder, "actor", "urn:other"},
		{soap12, "role", soap.RoleNext},
		{soap12, "role", soap.RoleNone},
		{soap12, "role", "urn:other"},
	} {
		ps := newPeers(t, symmetric(), nil)
		raw, _ := ps.request(t, tc.plain)
		msg := regexp.MustCompile(`env:mustUnderstand="[^"]*"`).ReplaceAllString(string(raw), `${0} env:`+tc.attr+`="`+tc.actor+`"`)
		_, err := ps.verify(t, []byte(msg))
		refused(t, err, wssec.CodeSecurityMissing)
		if want := `one for the ` + tc.attr + ` "` + tc.actor + `"; this route takes the one without ` + tc.attr + ` (actor)`; !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
		ours := ps.service.Policy()
		ours.Actor = tc.actor
		if ps.service, err = wssec.NewProcessor(ours, ps.cfg); err != nil {
			t.Fatal(err)
		}
		if _, err := ps.verify(t, []byte(msg)); err != nil {
			t.Error(err)
		}
		_, err = ps.verify(t, raw)
		refused(t, err, wssec.CodeSecurityMissing)
		if want := `one without ` + tc.attr + `; this route takes the one for the ` + tc.attr + ` "` + tc.actor + `"`; !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}
