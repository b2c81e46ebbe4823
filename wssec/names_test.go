package wssec

import (
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// rootOf returns the root element of a document.
func rootOf(t testing.TB, text string) xmltext.Node {
	t.Helper()
	doc, err := xmltext.Scan([]byte(text), xmltext.Options{})
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return doc.Root()
}

// envelopeOf returns a SOAP 1.1 envelope with these header blocks and Body.
func envelopeOf(t testing.TB, blocks, body string) *soap.Envelope {
	t.Helper()
	header := ""
	if blocks != "" {
		header = `<s:Header>` + blocks + `</s:Header>`
	}
	env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+soap.NS11+`" xmlns:p="urn:p">`+header+
		`<s:Body>`+body+`</s:Body></s:Envelope>`), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// TestBelongsToSecurityKnowsEveryNamespace: a signed element for which it is
// true must stand in the Security header (checkPlace).
func TestBelongsToSecurityKnowsEveryNamespace(t *testing.T) {
	t.Parallel()
	for name, want := range map[xmltext.Name]bool{
		{Space: NSWSU, Local: "Timestamp"}:                true,
		{Space: NSWSSE, Local: "BinarySecurityToken"}:     true,
		{Space: NSWSSE11, Local: "SignatureConfirmation"}: true,
		{Space: NSWSC05, Local: "DerivedKeyToken"}:        true,
		{Space: NSWSC13, Local: "SecurityContextToken"}:   true,
		{Space: nsDS, Local: "Signature"}:                 true,
		{Space: nsXenc, Local: "EncryptedKey"}:            true,
		{Space: nsXenc11, Local: "DerivedKey"}:            true,
		{Space: nsSAML1, Local: "Assertion"}:              true,
		{Space: nsSAML2, Local: "Assertion"}:              true,
		{Space: NSWSSE, Local: "Security"}:                false, // another actor's
		{Space: NSWSSE11, Local: "EncryptedHeader"}:       false, // an encrypted header block
		{Space: nsXenc, Local: "EncryptedData"}:           false,
		{Space: nsWSA, Local: "To"}:                       false,
	} {
		if got := belongsToSecurity(rootOf(t, `<x:`+name.Local+` xmlns:x="`+name.Space+`"/>`)); got != want {
			t.Errorf("%v: %t", name, got)
		}
	}
	if belongsToSecurity(rootOf(t, `<Timestamp/>`)) {
		t.Error("a name without a namespace belongs to the Security header")
	}
}
