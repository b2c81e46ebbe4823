package etype

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestDecryptMatchesMIT has the octets that MIT's library expects of its own
// encryption (crypto_tests/t_decrypt.c of krb5 1.20, and of RFC 8009 A).
// The caller translates usages for RC4, of which 3 is 8 there (RFC 4757 3).
func TestDecryptMatchesMIT(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		etype              int32
		usage              uint32
		key, plain, cipher string
	}{
		{23, 0, "f81fec39255f5784e850c4377c88bd85", "",
			"02c1eb15586144122ec717763dd348bf00434ddc6585954c"},
		{23, 1, "67d1300d281223867f9647ff48721273", "31",
			"6156e0cc04e0a0874f9fda008f498a7adbbc80b70b14dddbc0"},
		{23, 2, "3e40ab6093695281b3ac1a9304224d98", "392062797465737373",
			"0f9ad121d99d4a09448e4f1f718c4f5cbe6096262c66f29df232a87c9f98755d55"},
		{23, 8, "4ba2fbf0379faed87a254d3b353d5a7e", "31332062797465732062797465",
			"612c57568b17a70352bae8cf26fb9459a6f3353cd35fd439db3107cbec765d326dfc04c1dd"},
		{23, 4, "68f263db3fce15d031c9eab02d67107a", "333020627974657320627974657320627974657320627974657320627974",
			"95f9047c3ad75891c2e9b04b16566dc8b6eb9ce4231afb2542ef87a7b5a0f260a99f0460508de0cecc632d07c354124e46c5" +
				"d2234eb8"},
		{17, 0, "5a5c0f0ba54f3828b2195e66ca24a289", "",
			"49ff8e11c173d9583a3254fbe7b1f1df36c538e8416784a1672e6676"},
		{17, 1, "98450e3f3baa13f5c99beb936981b06f", "31",
			"f86742f537b35dc2174a4dbaa920faf9042090b065e1ebb1cad9a65394"},
		{17, 2, "9062430c8cda3388922e6d6a509f5b7a", "392062797465737373",
			"68fb9679601f45c78857b2bf820fd6e53eca8d42fd4b1d7024a09205abb7cd2ec26c355d2f"},
		{17, 3, "033ee6502c54fd23e27791e987983827", "31332062797465732062797465",
			"ec366d0327a933bf49330e650e49bc6b974637fe80bf532fe51795b4809718e6194724db948d1fd637"},
		{17, 4, "dceeb70b3de76562e689226c76429148", "333020627974657320627974657320627974657320627974657320627974",
			"c96081032d5d8eeb7e32b4089f789d0faa481dea74c0f97cbf3146ddfcf8e800156ecb532fc203e30ff600b63b350939fece" +
				"510f02d7ff1e7bac"},
		{18, 0, "17f275f2954f2ed1f90c377ba7f4d6a369aa0136e0bf0c927ad6133c693759a9", "",
			"e5094c55ee7b38262e2b044280b069379a95bf95bd8376fb3281b435"},
		{18, 1, "b9477e1ff0329c0050e20ce6c72d2dff27e8fe541ab0954429a9cb5b4f7b1e2a", "31",
			"406150b97aeb76d43b36b62cc1ecdfbe6f40e95755e0beb5c27825f3a4"},
		{18, 2, "b1ae4cd8462aff1677053cc9279aac30b796fb81ce21474dd3ddbcfea4ec76d7", "392062797465737373",
			"09957aa25fcaf88f7b39e4406e633012d5fea21853f6478da7065caef41fd454a40824eec5"},
		{18, 3, "e5a72be9b7926c1225bafef9c1872e7ba4cdb2b17893d84abd90acdd8764d966", "31332062797465732062797465",
			"d8f1aafeec84587cc3e700a774e56651a6d693e174ec4473b5e6d96f80297a653fb818ad893e719f96"},
		{18, 4, "f1c795e9248a09338d82c3f8d5b567040b0110736845041347235b1404231398",
			"333020627974657320627974657320627974657320627974657320627974",
			"d1137a4d634cfece924dbc3bf6790648bd5cff7de0e7b99460211d0daef3d79a295c688858f3b34b9cbd6eebae81daf6b734" +
				"d4d498b6714f1c1d"},
		{19, 2, "3705d96080c17728a0e800eab6e0d23c", "",
			"ef85fb890bb8472f4dab20394dca781dad877eda39d50c870c0d5a0a8e48c718"},
		{19, 2, "3705d96080c17728a0e800eab6e0d23c", "000102030405",
			"84d7f30754ed987bab0bf3506beb09cfb55402cef7e6877ce99e247e52d16ed4421dfdf8976c"},
		{19, 2, "3705d96080c17728a0e800eab6e0d23c", "000102030405060708090a0b0c0d0e0f",
			"3517d640f50ddc8ad3628722b3569d2ae07493fa8263254080ea65c1008e8fc295fb4852e7d83e1e7c48c37eebe6b0d3"},
		{19, 2, "3705d96080c17728a0e800eab6e0d23c", "000102030405060708090a0b0c0d0e0f1011121314",
			"720f73b18d9859cd6ccb4346115cd336c70f58edc0c4437c5573544c31c813bce1e6d072c186b39a413c2f92ca9b8334a287" +
				"ffcbfc"},
		{20, 2, "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52", "",
			"41f53fa5bfe7026d91faf9be959195a058707273a96a40f0a01960621ac612748b9bbfbe7eb4ce3c"},
		{20, 2, "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52", "000102030405",
			"4ed7b37c2bcac8f74f23c1cf07e62bc7b75fb3f637b9f559c7f664f69eab7b6092237526ea0d1f61cb20d69d10f2"},
		{20, 2, "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52", "000102030405060708090a0b0c0d0e0f",
			"bc47ffec7998eb91e8115cf8d19dac4bbbe2e163e87dd37f49beca92027764f68cf51f14d798c2273f35df574d1f932e40c4" +
				"ff255b36a266"},
		{20, 2, "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52",
			"000102030405060708090a0b0c0d0e0f1011121314",
			"40013e2df58e8751957d2878bcd2d6fe101ccfd556cb1eae79db3c3ee86429f2b2a602ac86fef6ecb647d6295fae077a1feb" +
				"517508d2c16b4192e01f62"},
	} {
		key, err := NewKey(v.etype, unhex(t, v.key))
		if err != nil {
			t.Fatal(err)
		}
		cipher := unhex(t, v.cipher)
		plain, err := NewUsageKey(key, v.usage).Decrypt(nil, cipher)
		if err != nil || hex.EncodeToString(plain) != v.plain {
			t.Errorf("%s, usage %d: %x, %v", Name(v.etype), v.usage, plain, err)
		}
		changed := bytes.Clone(cipher)
		changed[len(changed)/2] ^= 1
		if _, err := NewUsageKey(key, v.usage).Decrypt(nil, changed); err == nil {
			t.Errorf("%s, usage %d: a changed ciphertext decrypts", Name(v.etype), v.usage)
		}
	}
}

// TestChecksumMatchesMIT has what MIT's library expects of its own checksums
// (crypto_tests/t_cksums.c of krb5 1.20).
func TestChecksumMatchesMIT(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		etype          int32
		usage          uint32
		key, text, sum string
	}{
		{17, 3, "9062430c8cda3388922e6d6a509f5b7a", "eight nine ten eleven twelve thirteen", "01a4b088d45628f6946614e3"},
		{18, 4, "b1ae4cd8462aff1677053cc9279aac30b796fb81ce21474dd3ddbcfea4ec76d7", "fourteen",
			"e08739e3279e2903ec8e3836"},
		{23, 6, "f7d3a155af5e238a0b7a871a96ba2ab2", "seventeen eighteen nineteen twenty",
			"eb38cc97e2230f59da4117dc5859d7ec"},
		{19, 2, "3705d96080c17728a0e800eab6e0d23c", string(unhex(t, "000102030405060708090a0b0c0d0e0f1011121314")),
			"d78367186643d67b411cba9139fc1dee"},
		{20, 2, "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52",
			string(unhex(t, "000102030405060708090a0b0c0d0e0f1011121314")),
			"45ee791567eefca37f4ac1e0222de80d43c3bfa06699672a"},
	} {
		key, err := NewKey(v.etype, unhex(t, v.key))
		if err != nil {
			t.Fatal(err)
		}
		if _, sum := Checksum(key, v.usage, []byte(v.text)); hex.EncodeToString(sum) != v.sum {
			t.Errorf("%s, usage %d: %x", Name(v.etype), v.usage, sum)
		}
	}
}

// TestDeriveSHA1MatchesMIT has what MIT's tests expect of Kc, Ke and Ki
// (crypto_tests/t_derive.c of krb5 1.20).
func TestDeriveSHA1MatchesMIT(t *testing.T) {
	t.Parallel()
	for base, keys := range map[string]map[byte]string{
		"42263c6e89f4fc28b8df68ee09799f15": {
			0x99: "34280a382bc92769b2da2f9ef066854b",
			0xaa: "5b14fc4e250e14ddf9dccf1af6674f53",
			0x55: "4ed31063621684f09ae8d89991af3e8f",
		},
		"fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161": {
			0x99: "bfab388bdcb238e9f9c98d6a878304f04d30c82556375ac507a7a852790f4674",
			0xaa: "c7cfd9cd75fe793a586a542d87e0d1396f1134a104bb1a9190b8c90ada3ddf37",
			0x55: "97151b4c76945063e2eb0529dc067d97d7bba90776d8126d91f34f3101aea8ba",
		},
	} {
		for kind, want := range keys {
			got := make([]byte, len(want)/2)
			if deriveSHA1(newAES(unhex(t, base)), got, 2, kind); hex.EncodeToString(got) != want {
				t.Errorf("%s, %x: %x, want %s", base, kind, got, want)
			}
		}
	}
}
