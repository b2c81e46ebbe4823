package xmlenc_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/wssgate/wssgate/wssec/xmlenc"
)

var methods = []string{xmlenc.TripleDESCBC, xmlenc.AES128CBC, xmlenc.AES192CBC, xmlenc.AES256CBC, xmlenc.AES128GCM,
	xmlenc.AES192GCM, xmlenc.AES256GCM}

func TestDecryptReturnsWhatEncryptTook(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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

// TestDecryptAcceptsArbitraryPaddingOctets: XML Encryption §5.2 fixes only the
// last one.
func TestDecryptAcceptsArbitraryPaddingOctets(t *testing.T) {
	t.Parallel()
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

// A last octet that counts no padding, or more than a block, is refused (XML
// Encryption §5.2): else it would cut off a part of the plaintext, or none.
func TestDecryptRejectsPaddingOfWrongLength(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{xmlenc.TripleDESCBC, xmlenc.AES128CBC} {
		m, _ := xmlenc.LookupMethod(uri)
		key := make([]byte, m.KeySize)
		size, _ := m.Overhead()
		for last := range 256 {
			plain := append(bytes.Repeat([]byte{'p'}, 2*size-1), byte(last))
			data, err := m.Encrypt(key, append(make([]byte, size), plain...), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Decrypt(key, data[:3*size]) // without the block of padding that Encrypt added
			if last >= 1 && last <= size {
				if err != nil || !bytes.Equal(got, plain[:2*size-last]) {
					t.Errorf("%s, last octet %d: %q, %v", uri, last, got, err)
				}
			} else if err != xmlenc.ErrDecrypt {
				t.Errorf("%s, last octet %d: %q, %v", uri, last, got, err)
			}
		}
	}
}

// A plaintext of another shape is what wrong padding is, wherever its padding
// begins and whatever octets that has.
func TestDecryptShapedRejectsOtherShapes(t *testing.T) {
	t.Parallel()
	shape := xmlenc.NewShape("Signature> :ds", "Signature>")
	for _, uri := range methods {
		m, _ := xmlenc.LookupMethod(uri)
		key := make([]byte, m.KeySize)
		before, _ := m.Overhead()
		for n := range 40 {
			for text, fits := range map[string]bool{
				"Signature>": true, "ds:Signature>": true, "Signature> ": false, "Body>": false, "": false, "xSignature>": false,
				"\xffds:Signature>": false,
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
