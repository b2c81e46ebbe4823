package xmlenc_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

func node(t *testing.T, s string) xmltext.Node {
	t.Helper()
	d, err := xmltext.Scan([]byte(s), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Root()
}

func TestParseEncryptedDataRejectsOtherShapes(t *testing.T) {
	t.Parallel()
	const start, end = `<x:EncryptedData xmlns:x="` + xmlenc.NS + `" xmlns:d="http://www.w3.org/2000/09/xmldsig#" `,
		`</x:EncryptedData>`
	const method = `<x:EncryptionMethod Algorithm="` + xmlenc.AES128CBC + `"/>`
	const content = `Type="` + xmlenc.TypeContent + `">`
	for name, x := range map[string]struct {
		xml string
		ok  bool
	}{
		"whole": {start + content + method +
			`<d:KeyInfo/><x:CipherData><x:CipherValue> AA&#13;AA </x:CipherValue></x:CipherData>` + end, true},
		"no KeyInfo": {start + content + method + `<x:CipherData><x:CipherValue/></x:CipherData>` + end, true},
		"no Type":    {start + `>` + method + `<x:CipherData><x:CipherValue/></x:CipherData>` + end, false},
		"no method":  {start + content + `<x:CipherData><x:CipherValue/></x:CipherData>` + end, false},
		"KeySize": {start + content + `<x:EncryptionMethod Algorithm="` + xmlenc.AES128CBC +
			`"><x:KeySize>64</x:KeySize></x:EncryptionMethod><x:CipherData><x:CipherValue/></x:CipherData>` + end, false},
		"CipherReference": {start + content + method +
			`<x:CipherData><x:CipherReference URI="http://evil"/></x:CipherData>` + end, false},
		"two values": {start + content + method +
			`<x:CipherData><x:CipherValue/><x:CipherValue/></x:CipherData>` + end, false},
		"element in value": {start + content + method +
			`<x:CipherData><x:CipherValue><a/></x:CipherValue></x:CipherData>` + end, false},
		"text": {start + content + `text` + method + `<x:CipherData><x:CipherValue/></x:CipherData>` + end,
			false},
		"something behind": {start + content + method +
			`<x:CipherData><x:CipherValue/></x:CipherData><x:EncryptionProperties/>` + end, false},
		"KeyInfo after value": {start + content + method + `<x:CipherData><x:CipherValue/></x:CipherData><d:KeyInfo/>` +
			end, false},
	} {
		ed, err := xmlenc.ParseEncryptedData(node(t, x.xml))
		if (err == nil) != x.ok {
			t.Errorf("%s: %v", name, err)
		}
		if name == "whole" {
			if b, err := ed.AppendCipher(nil); err != nil || !bytes.Equal(b, []byte{0, 0, 0}) {
				t.Errorf("%x, %v", b, err)
			}
		}
	}
}

func TestParseReferenceListBoundsItsParts(t *testing.T) {
	t.Parallel()
	list := func(refs string) xmltext.Node {
		return node(t, `<x:ReferenceList xmlns:x="`+xmlenc.NS+`">`+refs+`</x:ReferenceList>`)
	}
	got, err := xmlenc.ParseReferenceList(list(`<x:DataReference URI="#a"/> <x:DataReference URI="#b"/>`), 2)
	if err != nil || fmt.Sprint(got) != "[#a #b]" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{`<x:KeyReference URI="#a"/>`, `<x:DataReference URI="http://evil"/>`,
		`<x:DataReference URI="#"/>`, `<x:DataReference/>`, `URI="#a"/&gt;`,
		`<x:DataReference URI="#a"/><x:DataReference URI="#b"/><x:DataReference URI="#c"/>`} {
		if got, err := xmlenc.ParseReferenceList(list(bad), 2); err == nil {
			t.Errorf("%s: %v", bad, got)
		}
	}
}

// TestParseEncryptedDataChecksMethodParameters: what the schema allows and the
// algorithm has no use for is passed over, in EncryptedData and EncryptedKey
// alike.
func TestParseEncryptedDataChecksMethodParameters(t *testing.T) {
	t.Parallel()
	const digest = `<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ` +
		`Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>`
	const mgf = `<m:MGF xmlns:m="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha1"/>`
	for name, tc := range map[string]struct {
		algorithm, content string
		ok                 bool
	}{
		"digest method of a key wrap": {xmlenc.KWAES128, digest, true},
		"text and several":            {xmlenc.KWAES256, " " + mgf + "\n" + digest + "x", true},
		"KeySize":                     {xmlenc.KWAES192, `<x:KeySize> 192 </x:KeySize>`, true},
		"all in the order of the schema": {xmlenc.KWAES256,
			`<x:KeySize>256</x:KeySize><x:OAEPparams>AA==</x:OAEPparams>` + digest + mgf, true},
		"block cipher":                        {xmlenc.AES128CBC, `<x:KeySize>128</x:KeySize>` + digest, true},
		"Triple DES":                          {xmlenc.TripleDESCBC, `<x:KeySize>192</x:KeySize>`, true},
		"algorithm that is refused elsewhere": {"urn:x", `<x:KeySize>7</x:KeySize>`, true},
		"KeySize that contradicts":            {xmlenc.KWAES128, `<x:KeySize>256</x:KeySize>`, false},
		"KeySize of a block cipher":           {xmlenc.AES256GCM, `<x:KeySize>128</x:KeySize>`, false},
		"KeySize that is no number":           {xmlenc.KWAES128, `<x:KeySize>0128</x:KeySize>`, false},
		"empty KeySize":                       {xmlenc.KWAES128, `<x:KeySize/>`, false},
		"KeySize twice": {xmlenc.KWAES128, `<x:KeySize>128</x:KeySize><x:KeySize>128</x:KeySize>`,
			false},
		"KeySize behind a foreign element": {xmlenc.KWAES128, digest + `<x:KeySize>128</x:KeySize>`, false},
		"element that the schema has not":  {xmlenc.KWAES128, `<x:Nonce/>`, false},
		"element without namespace":        {xmlenc.KWAES128, `<DigestMethod/>`, false},
	} {
		for element, parse := range map[string]func(xmltext.Node) error{
			"EncryptedKey":  func(n xmltext.Node) error { _, err := xmlenc.ParseEncryptedKey(n, 1); return err },
			"EncryptedData": func(n xmltext.Node) error { _, err := xmlenc.ParseEncryptedData(n); return err },
		} {
			kind := ""
			if element == "EncryptedData" {
				kind = ` Type="` + xmlenc.TypeContent + `"`
			}
			doc, err := xmltext.Scan([]byte(`<x:`+element+kind+` xmlns:x="`+xmlenc.NS+`"><x:EncryptionMethod Algorithm="`+
				tc.algorithm+`">`+tc.content+
				`</x:EncryptionMethod><x:CipherData><x:CipherValue/></x:CipherData></x:`+element+`>`), xmltext.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := parse(doc.Root()); (err == nil) != tc.ok {
				t.Errorf("%s of %s: %v", name, element, err)
			}
		}
	}
}

func TestParseEncryptedKeyReadsItsList(t *testing.T) {
	t.Parallel()
	key := func(kind, rest string) xmltext.Node {
		return node(t, `<x:EncryptedKey`+kind+` xmlns:x="`+xmlenc.NS+`"><x:EncryptionMethod Algorithm="`+xmlenc.KWAES128+
			`"/><x:CipherData><x:CipherValue>AAAA</x:CipherValue></x:CipherData>`+rest+`</x:EncryptedKey>`)
	}
	const list = `<x:ReferenceList><x:DataReference URI="#a"/><x:DataReference URI="#b"/></x:ReferenceList>`
	ek, err := xmlenc.ParseEncryptedKey(key("", list), 2)
	if err != nil || !ek.HasList || fmt.Sprint(ek.References) != "[#a #b]" || ek.CipherLen() != 3 ||
		ek.Algorithm != xmlenc.KWAES128 {
		t.Errorf("%+v, %v", ek, err)
	}
	if ek, err = xmlenc.ParseEncryptedKey(key("", ""), 2); err != nil || ek.HasList || ek.References != nil {
		t.Errorf("%+v, %v", ek, err)
	}
	for want, n := range map[string]xmltext.Node{
		"xmlenc: /EncryptedKey: EncryptedKey has a Type (BSP R3209)": key(` Type="`+xmlenc.TypeContent+`"`, ""),
		"xmlenc: /EncryptedKey/CarriedKeyName: unexpected element":   key("", `<x:CarriedKeyName/>`),
		"xmlenc: /EncryptedKey/ReferenceList: unexpected element":    key("", list+`<x:CarriedKeyName/>`),
		"xmlenc: /EncryptedKey/ReferenceList: more than 2 DataReferences": key("",
			`<x:ReferenceList><x:DataReference URI="#a"/><x:DataReference URI="#b"/><x:DataReference URI="#c"/>`+
				`</x:ReferenceList>`),
	} {
		if _, err := xmlenc.ParseEncryptedKey(n, 2); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestAppendReferenceListIsReadAsWritten(t *testing.T) {
	t.Parallel()
	got, err := xmlenc.ParseReferenceList(node(t, string(xmlenc.AppendReferenceList(nil, "a", "b-2"))), 2)
	if err != nil || fmt.Sprint(got) != "[#a #b-2]" {
		t.Errorf("%v, %v", got, err)
	}
}

// Base64 is read with white space, of references too, and an error does not
// quote it.
func TestBase64IsReadAsItStands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"AQ ID": "\x01\x02\x03", "A&#81;ID": "\x01\x02\x03", "": ""} {
		got, err := xmlenc.AppendBase64([]byte("x"), node(t, `<v>`+text+`</v>`))
		if err != nil || string(got) != "x"+want {
			t.Errorf("%q: %x, %v", text, got, err)
		}
	}
	if got, err := xmlenc.DecodeBase64(" AQID\n"); err != nil || string(got) != "\x01\x02\x03" {
		t.Errorf("%x, %v", got, err)
	}
	if _, err := xmlenc.DecodeBase64("secret!"); err == nil || err.Error() != "xmlenc: not base64" {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"secret!":  "xmlenc: /v: not base64",
		"AA<b/>AA": "xmlenc: /v: an element inside base64",
	} {
		if got, err := xmlenc.AppendBase64([]byte("x"), node(t, `<v>`+text+`</v>`)); err == nil || err.Error() != want ||
			string(got) != "x" {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
