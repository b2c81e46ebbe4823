package xmlenc_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

var methods = []string{xmlenc.TripleDESCBC, xmlenc.AES128CBC, xmlenc.AES192CBC, xmlenc.AES256CBC, xmlenc.AES128GCM, xmlenc.AES192GCM, xmlenc.AES256GCM}

func TestDecryptUndoesEncrypt(t *testing.T) {
	for _, uri := range methods {
		m, ok := xmlenc.LookupMethod(uri)
		if !ok {
			t.Fatal(uri)
		}
		key := make([]byte, m.KeySize)
		rand.Read(key)
		before, after := m.Overhead()
		for n := range 40 {
			for _, room := range []int{0, after} {
				plain := bytes.Repeat([]byte{'p'}, n)
				buf := append(make([]byte, before, before+n+room), plain...)
				data, err := m.Encrypt(key, buf, rand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				got, err := m.Decrypt(key, bytes.Clone(data))
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%s, %d octets: %q, %v", uri, n, got, err)
				}
				if m.GCM {
					data[len(data)-1] ^= 1
					if _, err := m.Decrypt(key, data); err != xmlenc.ErrDecrypt {
						t.Errorf("%s: a changed tag: %v", uri, err)
					}
				}
			}
		}
	}
	if _, ok := xmlenc.LookupMethod("http://www.w3.org/2001/04/xmlenc#rsa-1_5"); ok {
		t.Error("an algorithm that is not a block cipher")
	}
}

func TestDecryptHasOneErrorForEveryCiphertext(t *testing.T) {
	for _, uri := range methods {
		m, _ := xmlenc.LookupMethod(uri)
		key := make([]byte, m.KeySize)
		for n := range 64 {
			if _, err := m.Decrypt(key, make([]byte, n)); err != nil && err != xmlenc.ErrDecrypt {
				t.Errorf("%s, %d octets: %v", uri, n, err)
			}
		}
		if _, err := m.Decrypt(key[:5], make([]byte, 64)); err != xmlenc.ErrKeySize {
			t.Errorf("%s: a key of 5 octets: %v", uri, err)
		}
	}
}

// TestPaddingOctetsAreArbitrary: XML Encryption §5.2 fixes only the last one.
func TestPaddingOctetsAreArbitrary(t *testing.T) {
	m, _ := xmlenc.LookupMethod(xmlenc.AES128CBC)
	key, buf := make([]byte, 16), append(make([]byte, 16, 64), "0123456789xxxxx\x06"...)
	data, err := m.Encrypt(key, buf, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Decrypt(key, data[:32]) // without the block of padding that Encrypt added
	if err != nil || string(got) != "0123456789" {
		t.Errorf("%q, %v", got, err)
	}
}

// A plaintext of another shape is what wrong padding is, wherever its padding
// begins and whatever octets that has.
func TestDecryptShapedInsistsOnTheShape(t *testing.T) {
	shape := xmlenc.NewShape("Signature> :ds", "Signature>")
	for _, uri := range methods {
		m, _ := xmlenc.LookupMethod(uri)
		key := make([]byte, m.KeySize)
		before, _ := m.Overhead()
		for n := range 40 {
			for text, fits := range map[string]bool{
				"Signature>": true, "ds:Signature>": true, "Signature> ": false, "Body>": false, "": false, "xSignature>": false, "\xffds:Signature>": false,
			} {
				plain := text
				if text != "" {
					plain = fmt.Sprintf("%*s", n+len(text), text)
				}
				data, err := m.Encrypt(key, append(make([]byte, before), plain...), noise{})
				if err != nil {
					t.Fatal(err)
				}
				got, err := m.DecryptShaped(key, data, shape)
				if want := fits || m.GCM; (err == nil) != want || want && string(got) != plain {
					t.Errorf("%s, %q: %q, %v", uri, plain, got, err)
				}
			}
		}
	}
}

// noise fills with octets that no shape of the tests has.
type noise struct{}

func (noise) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 0xee
	}
	return len(b), nil
}

// TestKeyWrapVectors are those of RFC 3394 §4.
func TestKeyWrapVectors(t *testing.T) {
	for _, x := range []struct{ kek, key, want string }{
		{"000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF", "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"},
		{"000102030405060708090A0B0C0D0E0F1011121314151617", "00112233445566778899AABBCCDDEEFF", "96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D"},
		{"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
			"28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"},
	} {
		kek, _ := hex.DecodeString(x.kek)
		key, _ := hex.DecodeString(x.key)
		want, _ := hex.DecodeString(x.want)
		got, err := xmlenc.WrapKey(kek, key)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("wrap: %X, %v", got, err)
		}
		back, err := xmlenc.UnwrapKey(kek, want)
		if err != nil || !bytes.Equal(back, key) {
			t.Errorf("unwrap: %X, %v", back, err)
		}
		want[3] ^= 1
		if _, err := xmlenc.UnwrapKey(kek, want); err != xmlenc.ErrDecrypt {
			t.Errorf("a changed wrap: %v", err)
		}
	}
	for n := range 40 {
		if _, err := xmlenc.UnwrapKey(make([]byte, 16), make([]byte, n)); err == nil {
			t.Errorf("%d zero octets unwrap", n)
		}
	}
}

func node(t *testing.T, s string) xmltext.Node {
	t.Helper()
	d, err := xmltext.Scan([]byte(s), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Root()
}

func TestEncryptedDataHasOneShape(t *testing.T) {
	const start, end = `<x:EncryptedData xmlns:x="` + xmlenc.NS + `" xmlns:d="http://www.w3.org/2000/09/xmldsig#" `, `</x:EncryptedData>`
	const method = `<x:EncryptionMethod Algorithm="` + xmlenc.AES128CBC + `"/>`
	const content = `Type="` + xmlenc.TypeContent + `">`
	for name, x := range map[string]struct {
		xml string
		ok  bool
	}{
		"whole":               {start + content + method + `<d:KeyInfo/><x:CipherData><x:CipherValue> AA&#13;AA </x:CipherValue></x:CipherData>` + end, true},
		"no KeyInfo":          {start + content + method + `<x:CipherData><x:CipherValue/></x:CipherData>` + end, true},
		"no Type":             {start + `>` + method + `<x:CipherData><x:CipherValue/></x:CipherData>` + end, false},
		"no method":           {start + content + `<x:CipherData><x:CipherValue/></x:CipherData>` + end, false},
		"KeySize":             {start + content + `<x:EncryptionMethod Algorithm="` + xmlenc.AES128CBC + `"><x:KeySize>64</x:KeySize></x:EncryptionMethod><x:CipherData><x:CipherValue/></x:CipherData>` + end, false},
		"CipherReference":     {start + content + method + `<x:CipherData><x:CipherReference URI="http://evil"/></x:CipherData>` + end, false},
		"two values":          {start + content + method + `<x:CipherData><x:CipherValue/><x:CipherValue/></x:CipherData>` + end, false},
		"element in value":    {start + content + method + `<x:CipherData><x:CipherValue><a/></x:CipherValue></x:CipherData>` + end, false},
		"text":                {start + content + `text` + method + `<x:CipherData><x:CipherValue/></x:CipherData>` + end, false},
		"something behind":    {start + content + method + `<x:CipherData><x:CipherValue/></x:CipherData><x:EncryptionProperties/>` + end, false},
		"KeyInfo after value": {start + content + method + `<x:CipherData><x:CipherValue/></x:CipherData><d:KeyInfo/>` + end, false},
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

func TestReferenceListNamesAFewParts(t *testing.T) {
	list := func(refs string) xmltext.Node {
		return node(t, `<x:ReferenceList xmlns:x="`+xmlenc.NS+`">`+refs+`</x:ReferenceList>`)
	}
	got, err := xmlenc.ParseReferenceList(list(`<x:DataReference URI="#a"/> <x:DataReference URI="#b"/>`), 2)
	if err != nil || fmt.Sprint(got) != "[#a #b]" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{`<x:KeyReference URI="#a"/>`, `<x:DataReference URI="http://evil"/>`, `<x:DataReference URI="#"/>`, `<x:DataReference/>`, `URI="#a"/&gt;`,
		`<x:DataReference URI="#a"/><x:DataReference URI="#b"/><x:DataReference URI="#c"/>`} {
		if got, err := xmlenc.ParseReferenceList(list(bad), 2); err == nil {
			t.Errorf("%s: %v", bad, got)
		}
	}
}

func TestTemplateIsItsOwnCanonicalForm(t *testing.T) {
	m, _ := xmlenc.LookupMethod(xmlenc.AES256GCM)
	out := xmlenc.AppendEnd(append(xmlenc.Template{ID: "ED-1", Type: xmlenc.TypeElement, Method: m, KeyInfo: []byte(`<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"></ds:KeyInfo>`)}.AppendStart(nil), "ZGF0YQ=="...))
	n := node(t, string(out))
	if got := n.AppendCanonical(nil, xmltext.C14N{}); !bytes.Equal(got, out) {
		t.Errorf("%s\nis not canonical:\n%s", out, got)
	}
	ed, err := xmlenc.ParseEncryptedData(n)
	if err != nil || ed.Algorithm != xmlenc.AES256GCM || ed.KeyInfo.IsZero() {
		t.Errorf("%+v, %v", ed, err)
	}
}

func FuzzDecrypt(f *testing.F) {
	for i := range methods {
		f.Add(uint8(i), make([]byte, 48))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		m, _ := xmlenc.LookupMethod(methods[int(which)%len(methods)])
		plain, err := m.Decrypt(make([]byte, m.KeySize), bytes.Clone(data))
		if err != nil {
			return
		}
		before, _ := m.Overhead()
		again, err := m.Encrypt(make([]byte, m.KeySize), append(make([]byte, before), plain...), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := m.Decrypt(make([]byte, m.KeySize), again); err != nil || !bytes.Equal(back, plain) {
			t.Errorf("%x, %v", back, err)
		}
	})
}

// TestMethodParameters: what the schema allows and the algorithm has no use for
// is passed over, in EncryptedData and EncryptedKey alike.
func TestMethodParameters(t *testing.T) {
	const digest = `<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>`
	const mgf = `<m:MGF xmlns:m="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha1"/>`
	for name, tc := range map[string]struct {
		algorithm, content string
		ok                 bool
	}{
		"digest method of a key wrap":         {xmlenc.KWAES128, digest, true},
		"text and several":                    {xmlenc.KWAES256, " " + mgf + "\n" + digest + "x", true},
		"KeySize":                             {xmlenc.KWAES192, `<x:KeySize> 192 </x:KeySize>`, true},
		"all in the order of the schema":      {xmlenc.KWAES256, `<x:KeySize>256</x:KeySize><x:OAEPparams>AA==</x:OAEPparams>` + digest + mgf, true},
		"block cipher":                        {xmlenc.AES128CBC, `<x:KeySize>128</x:KeySize>` + digest, true},
		"Triple DES":                          {xmlenc.TripleDESCBC, `<x:KeySize>192</x:KeySize>`, true},
		"algorithm that is refused elsewhere": {"urn:x", `<x:KeySize>7</x:KeySize>`, true},
		"KeySize that contradicts":            {xmlenc.KWAES128, `<x:KeySize>256</x:KeySize>`, false},
		"KeySize of a block cipher":           {xmlenc.AES256GCM, `<x:KeySize>128</x:KeySize>`, false},
		"KeySize that is no number":           {xmlenc.KWAES128, `<x:KeySize>0128</x:KeySize>`, false},
		"empty KeySize":                       {xmlenc.KWAES128, `<x:KeySize/>`, false},
		"KeySize twice":                       {xmlenc.KWAES128, `<x:KeySize>128</x:KeySize><x:KeySize>128</x:KeySize>`, false},
		"KeySize behind a foreign element":    {xmlenc.KWAES128, digest + `<x:KeySize>128</x:KeySize>`, false},
		"element that the schema has not":     {xmlenc.KWAES128, `<x:Nonce/>`, false},
		"element without namespace":           {xmlenc.KWAES128, `<DigestMethod/>`, false},
	} {
		for element, parse := range map[string]func(xmltext.Node) error{
			"EncryptedKey":  func(n xmltext.Node) error { _, err := xmlenc.ParseEncryptedKey(n, 1); return err },
			"EncryptedData": func(n xmltext.Node) error { _, err := xmlenc.ParseEncryptedData(n); return err },
		} {
			kind := ""
			if element == "EncryptedData" {
				kind = ` Type="` + xmlenc.TypeContent + `"`
			}
			doc, err := xmltext.Scan([]byte(`<x:`+element+kind+` xmlns:x="`+xmlenc.NS+`"><x:EncryptionMethod Algorithm="`+tc.algorithm+`">`+tc.content+
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
