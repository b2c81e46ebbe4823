package wssec

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/wssgate/wssgate/wssec/xmlenc"
)

func TestCheckKeyBoundsTheKeyByTheSuite(t *testing.T) {
	t.Parallel()
	for length, ok := range map[int]bool{0: false, 15: false, 16: true, 32: true, 33: false} {
		w := writerOf(t, nil)
		w.key.octets = make([]byte, length)
		err := w.checkKey()
		var e *Error
		if (err == nil) != ok || err != nil && (!errors.As(err, &e) || e.Code != CodeKeyLength) {
			t.Errorf("%d octets: %v", length, err)
		}
	}
}

// TestDeriveWritesATokenForItsKey: the DerivedKeyToken has what a receiver needs
// to derive the same key, and each has its own nonce.
func TestDeriveWritesATokenForItsKey(t *testing.T) {
	t.Parallel()
	w := writerOf(t, func(p *Policy) { p.DerivedKeys = DerivedKeysRequired })
	w.scNS = NSWSC13
	key, info, err := w.derive([]byte(`<s:SecurityTokenReference xmlns:s="`+NSWSSE+`"/>`), 24)
	if err != nil {
		t.Fatal(err)
	}
	d, err := parseDerivedKeyToken(rootOf(t, string(w.derivedTokens)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key, DeriveKey(w.key.octets, d.label, d.nonce, d.offset, d.length)) || len(key) != 24 {
		t.Errorf("%d octets that the token does not derive", len(key))
	}
	id, _ := d.node.Attr(NSWSU, "Id")
	if !strings.Contains(string(info), `URI="#`+id+`" ValueType="`+NSWSC13+`/dk"`) {
		t.Errorf("%s does not name %s", info, id)
	}
	if second, _, err := w.derive(nil, 24); err != nil || bytes.Equal(key, second) {
		t.Errorf("a second key is the same, or %v", err)
	}
}

// TestWriterFailsWithoutRandomOctets: no Id, nonce or IV is guessable.
func TestWriterFailsWithoutRandomOctets(t *testing.T) {
	t.Parallel()
	failure := errors.New("no entropy")
	w := writerOf(t, func(p *Policy) { p.EncryptedParts.Body = true })
	w.p.cfg.Rand = iotest.ErrReader(failure)
	if err := w.newSuffix(); !errors.Is(err, failure) {
		t.Errorf("newSuffix: %v", err)
	}
	if _, _, err := w.derive(nil, 16); !errors.Is(err, failure) {
		t.Errorf("derive: %v", err)
	}
	w.encKey = make([]byte, 16)
	none := func(b []byte) []byte { return b }
	if _, err := w.encrypt(nil, xmlenc.TypeContent, 0, none); !errors.Is(err, failure) {
		t.Errorf("encrypt: %v", err)
	}
}

// TestOptionalAttributesAreLeftOut: as a WCF custom binding does.
func TestOptionalAttributesAreLeftOut(t *testing.T) {
	t.Parallel()
	for value, want := range map[Switch]bool{SwitchOn: true, SwitchOff: false} {
		w := writerOf(t, func(p *Policy) { p.OptionalAttributes = value })
		w.token = []byte{0x60}
		for _, b := range [][]byte{
			w.hashSTR(KerberosAPREQSHA1), kerberosProfile{}.reference(w, "id"), kerberosProfile{}.appendToken(nil, w, "id"),
		} {
			if got := bytes.Contains(b, []byte("EncodingType=")) || bytes.Contains(b, []byte("TokenType=")); got != want {
				t.Errorf("%s: %s", value, b)
			}
		}
	}
}
