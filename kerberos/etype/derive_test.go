package etype

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// TestNfoldMatchesRFC3961 has the vectors of RFC 3961 A.1, and the table.
func TestNfoldMatchesRFC3961(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"012345":                                "be072631276b1955",
		"password":                              "78a07b6caf85fa",
		"Rough Consensus, and Running Code":     "bb6ed30870b7f0e0",
		"MASSACHVSETTS INSTITVTE OF TECHNOLOGY": "db3b0d8f0b061e603282b308a50841229ad798fab9540c1b",
		"Q":                                     "518a54a215a8452a518a54a215a8452a518a54a215",
		"ba":                                    "fb25d531ae8974499f52fd92ea9857c4ba24cf297e",
		"kerberos":                              "6b65726265726f737b9b5b2b93132b93",
	} {
		if got := hex.EncodeToString(nfold([]byte(in), len(want)/2)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	for _, c := range foldedConstants {
		if got := nfold(append(binary.BigEndian.AppendUint32(nil, c.usage), c.kind), 16); !bytes.Equal(got, c.folded[:]) {
			t.Errorf("usage %d kind %x: table is wrong", c.usage, c.kind)
		}
	}
}

// TestDeriveSHA2MatchesRFC8009 has the vectors of RFC 8009 A.
func TestDeriveSHA2MatchesRFC8009(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		etype            int32
		base, kc, ke, ki string
	}{
		{AES128SHA2, "3705d96080c17728a0e800eab6e0d23c", "b31a018a48f54776f403e9a396325dc3",
			"9b197dd1e8c5609d6e67c3e37c62c72e", "9fda0e56ab2d85e1569a688696c26a6c"},
		{AES256SHA2, "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52",
			"ef5718be86cc84963d8bbb5031e9f5c4ba41f28faf69e73d",
			"56ab22bee63d82d7bc5227f6773f8ea7a5eb1c825160c38312980c442e5c7e49",
			"69b16514e3cd8e56b82010d5c73012b622c4d00ffc23ed1f"},
	} {
		et, _ := ByID(v.etype)
		for kind, want := range map[byte]string{0x99: v.kc, 0xaa: v.ke, 0x55: v.ki} {
			if got := new(scratch).deriveSHA2(et, unhex(t, v.base), 2, kind, len(want)/2); hex.EncodeToString(got) != want {
				t.Errorf("%s kind %x: %x", et.Name, kind, got)
			}
		}
	}
}
