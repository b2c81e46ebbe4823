package xmlenc_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// TestWrapKeyAndUnwrapKeyVectors are those of RFC 3394 §4.
func TestWrapKeyAndUnwrapKeyVectors(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ kek, key, want string }{
		{"000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF",
			"1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"},
		{"000102030405060708090A0B0C0D0E0F1011121314151617", "00112233445566778899AABBCCDDEEFF",
			"96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D"},
		{"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
			"00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
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
