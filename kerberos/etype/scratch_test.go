package etype

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestCTSMatchesRFC3962 has the vectors of RFC 3962 B.
func TestCTSMatchesRFC3962(t *testing.T) {
	t.Parallel()
	b := newAES([]byte("chicken teriyaki"))
	text := []byte("I would like the General Gau's Chicken, please, and wonton soup.")
	for _, want := range []string{
		"c6353568f2bf8cb4d8a580362da7ff7f97",
		"fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5",
		"39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584",
		"97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5",
		"97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8",
		"97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8" +
			"4807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8",
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
