package etype

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/jcmturner/gokrb5/v8/crypto"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNfold has the vectors of RFC 3961 A.1, and the table.
func TestNfold(t *testing.T) {
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

// TestCTS has the vectors of RFC 3962 B.
func TestCTS(t *testing.T) {
	b := newAES([]byte("chicken teriyaki"))
	text := []byte("I would like the General Gau's Chicken, please, and wonton soup.")
	for _, want := range []string{
		"c6353568f2bf8cb4d8a580362da7ff7f97",
		"fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5",
		"39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584",
		"97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5",
		"97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8",
		"97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a84807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8",
	} {
		n := len(want) / 2
		got, back := bytes.Clone(text[:n]), make([]byte, n)
		new(scratch).encryptCTS(b, got)
		if hex.EncodeToString(got) != want {
			t.Errorf("%d octets: %x", n, got)
		}
		if new(scratch).decryptCTS(b, back, got); !bytes.Equal(back, text[:n]) {
			t.Errorf("%d octets: back to %q", n, back)
		}
	}
}

// TestDeriveSHA2 has the vectors of RFC 8009 A.
func TestDeriveSHA2(t *testing.T) {
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

func lengthsTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestSealOpenAgainstGokrb5 opens what gokrb5 seals and the other way round, at all lengths around the block size.
func TestSealOpenAgainstGokrb5(t *testing.T) {
	for i := range types {
		et := &types[i]
		theirs, err := crypto.GetEtype(et.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range append(lengthsTo(70), bulk-1, bulk, bulk+1, bulk+16, bulk+17, bulk+40) {
			plain := make([]byte, n)
			rand.Read(plain)
			key, err := GenerateKey(et.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, usage := range []uint32{1, 2, 11, 24} {
				u := NewUsageKey(key, usage)
				_, c, err := theirs.EncryptMessage(key.octets(), plain, usage)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := u.Decrypt(nil, c); err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%s, %d octets, usage %d: %v", et.Name, n, usage, err)
				}
				if got, err := theirs.DecryptMessage(key.octets(), u.AppendEncrypted(nil, plain), usage); err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%s, %d octets, usage %d, sealed by us: %v", et.Name, n, usage, err)
				}
				c[n%len(c)] ^= 0x10
				if _, err := u.Decrypt(nil, c); err != errIntegrity {
					t.Fatalf("%s: altered ciphertext: %v", et.Name, err)
				}
				for short := range et.MinCipher() {
					if _, err := u.Decrypt(nil, c[:short]); err == nil {
						t.Fatalf("%s: %d octets opened", et.Name, short)
					}
				}
			}
		}
	}
}

func TestEtypeName(t *testing.T) {
	if got := fmt.Sprint(Name(18), ", ", Name(16)); got != "aes256-cts-hmac-sha1-96, etype 16" {
		t.Error(got)
	}
}
