package etype

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/jcmturner/gokrb5/v8/crypto"
)

// TestStringToKeyMatchesRFCs has vectors of RFC 8009 A and RFC 3961's sibling
// specifications, which use counts above our least, and compares with gokrb5.
func TestStringToKeyMatchesRFCs(t *testing.T) {
	t.Parallel()
	salt := string([]byte{0x10, 0xDF, 0x9D, 0xD7, 0x83, 0xE5, 0xBC, 0x8A, 0xCE, 0xA1, 0x73, 0x0E, 0x74, 0x35, 0x5F,
		0x61}) + "ATHENA.MIT.EDUraeburn"
	for etype, want := range map[int32]string{ // RFC 8009 A, 32768 iterations
		AES128SHA2: "089bca48b105ea6ea77ca5d2f39dc5e7",
		AES256SHA2: "45bd806dbf6a833a9cffc1c94589a222367a79bc21c413718906e9f578a78467",
	} {
		key, err := StringToKey(etype, "password", salt, []byte{0, 0, 0x80, 0})
		if err != nil || hex.EncodeToString(key.octets()) != want {
			t.Errorf("%d: %x, %v", etype, key.octets(), err)
		}
	}
	for _, et := range types {
		theirs, err := crypto.GetEtype(et.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, password := range []string{"", "secret", "pässword𝄞"} {
			if et.ID == RC4 && password != "secret" { // gokrb5 knows ASCII; the others are compared with MIT's KDC
				continue
			}
			for _, count := range []uint32{4096, 32768, 40000} {
				params := binary.BigEndian.AppendUint32(nil, count)
				if et.sha2() && count < minIterationsSHA2 {
					continue
				}
				key, err := StringToKey(et.ID, password, "EXAMPLE.COMalice", params)
				if err != nil {
					t.Fatal(err)
				}
				want, err := theirs.StringToKey(password, "EXAMPLE.COMalice", fmt.Sprintf("%08x", count))
				if err != nil || !bytes.Equal(key.octets(), want) {
					t.Errorf("%s, %q, %d: differs from gokrb5's, %v", et.Name, password, count, err)
				}
			}
		}
	}
}

// TestStringToKeyBoundsIterations: a KDC's parameters make the key neither
// cheap to guess nor endless to compute.
func TestStringToKeyBoundsIterations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		etype  int32
		params []byte
		ok     bool
	}{
		{18, nil, true}, {20, nil, true}, {18, []byte{0, 0, 0x10, 0}, true}, {18, []byte{0, 0, 0x0f, 0xff}, false},
		{18, []byte{0, 0, 0, 0}, false},
		{18, []byte{0, 0x10, 0, 1}, false}, {18, []byte{0xff, 0xff, 0xff, 0xff}, false}, {17, []byte{0, 0, 0x10}, false},
		{20, []byte{0, 0, 0x10, 0}, false}, {19, []byte{0, 0, 0x80, 0}, true}, {16, nil, false},
	} {
		if _, err := StringToKey(c.etype, "p", "s", c.params); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if n, err := iterationCount([]byte{0, 0x10, 0, 0}, 4096); err != nil || n != maxIterations { // the most
		t.Errorf("%d, %v", n, err)
	}
}
