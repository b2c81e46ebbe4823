package wssec

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

// derivedKeyTokenOf returns a DerivedKeyToken with these elements beside its
// SecurityTokenReference and Nonce.
func derivedKeyTokenOf(namespace, elements string) string {
	return `<c:DerivedKeyToken xmlns:c="` + namespace + `"><s:SecurityTokenReference xmlns:s="` + NSWSSE + `"/>` +
		elements + `<c:Nonce>` + base64.StdEncoding.EncodeToString(make([]byte, 16)) + `</c:Nonce></c:DerivedKeyToken>`
}

// TestDeriveKeyIsOneStream: a key at an offset is that part of the stream, of
// any length (WSC §7.1).
func TestDeriveKeyIsOneStream(t *testing.T) {
	t.Parallel()
	secret, nonce := []byte("secret"), []byte("nonce")
	stream := DeriveKey(secret, "label", nonce, 0, maxDerivedOffset+maxDerivedLength)
	for offset := 0; offset <= maxDerivedOffset; offset += 7 {
		for length := 1; length <= maxDerivedLength; length += 5 {
			if got := DeriveKey(secret, "label", nonce, offset, length); !bytes.Equal(got, stream[offset:offset+length]) {
				t.Fatalf("offset %d, length %d", offset, length)
			}
		}
	}
	for _, other := range [][]byte{
		DeriveKey([]byte("secreT"), "label", nonce, 0, 32), DeriveKey(secret, "labeL", nonce, 0, 32),
		DeriveKey(secret, "label", []byte("noncE"), 0, 32),
	} {
		if bytes.Equal(other, stream[:32]) {
			t.Error("another secret, label or nonce derives the same key")
		}
	}
}

func TestParseDerivedKeyTokenReadsBothVersions(t *testing.T) {
	t.Parallel()
	for elements, want := range map[string]derivedKeyToken{
		``:                               {label: DefaultLabel, length: 32},
		`<c:Length>16</c:Length>`:        {label: DefaultLabel, length: 16},
		`<c:Offset> 64 </c:Offset>`:      {label: DefaultLabel, length: 32, offset: 64},
		`<c:Label>l</c:Label>`:           {label: "l", length: 32},
		`<c:Label/>`:                     {label: "", length: 32},
		`<c:Generation>2</c:Generation>`: {label: DefaultLabel, length: 32, offset: 64},
		`<c:Generation>4</c:Generation><c:Length>16</c:Length>`: {label: DefaultLabel, length: 16, offset: 64},
	} {
		for _, namespace := range []string{NSWSC05, NSWSC13} {
			d, err := parseDerivedKeyToken(rootOf(t, derivedKeyTokenOf(namespace, elements)))
			if err != nil {
				t.Errorf("%s: %v", elements, err)
				continue
			}
			if d.label != want.label || d.length != want.length || d.offset != want.offset || len(d.nonce) != 16 {
				t.Errorf("%s: %+v", elements, d)
			}
		}
	}
}

func TestParseDerivedKeyTokenRejectsWhatIsOutOfBounds(t *testing.T) {
	t.Parallel()
	for _, elements := range []string{
		`<c:Offset>65</c:Offset>`, `<c:Offset>-1</c:Offset>`, `<c:Offset>+1</c:Offset>`, `<c:Offset>0x1</c:Offset>`,
		`<c:Offset></c:Offset>`, `<c:Offset>1 1</c:Offset>`, `<c:Offset>` + strings.Repeat("0", 16) + `1</c:Offset>`,
		`<c:Length>0</c:Length>`, `<c:Length>65</c:Length>`, `<c:Generation>3</c:Generation>`,
		`<c:Generation>1</c:Generation><c:Offset>0</c:Offset>`, `<c:Length>16</c:Length><c:Length>16</c:Length>`,
		`<c:Label>` + strings.Repeat("l", maxDerivedLabel+1) + `</c:Label>`, `<c:Label><c:x/></c:Label>`,
		`<c:Properties/>`, `<x/>`, `<c:Nonce>AAAA</c:Nonce>`,
	} {
		_, err := parseDerivedKeyToken(rootOf(t, derivedKeyTokenOf(NSWSC13, elements)))
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeDerivedKey || e.Path == "" {
			t.Errorf("%s: %v", elements, err)
		}
	}
}
