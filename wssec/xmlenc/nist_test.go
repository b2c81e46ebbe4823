package xmlenc_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec/xmlenc"
)

var nist = flag.String("nist", "", "folder cryptography_vectors of the PyPI package of that name")

// A nistCase is a case of a file in the form of NIST's CAVS, with the
// parameters of its section: names in capitals, values as they are written.
type nistCase map[string]string

// octets returns the value of a name.
func (c nistCase) octets(t *testing.T, name string) []byte {
	t.Helper()
	b, err := hex.DecodeString(c[name])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// nistCases reads the files that match a pattern below the folder.
func nistCases(t *testing.T, pattern string) (all []nistCase) {
	t.Helper()
	if *nist == "" {
		t.Skip("the vectors are fetched by .ci/suites, and read with -nist DIR")
	}
	files, err := filepath.Glob(filepath.Join(*nist, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		section := nistCase{}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			name, value, _ := strings.Cut(strings.Trim(line, "[]"), "=")
			name, value = strings.ToUpper(strings.TrimSpace(name)), strings.TrimSpace(value)
			switch {
			case line == "", line[0] == '#':
			case line[0] == '[':
				section[name] = value
			case name == "COUNT":
				all = append(all, maps.Clone(section))
			default:
				all[len(all)-1][name] = value
			}
		}
	}
	return all
}

// method returns the algorithm for a size of keys in bits.
func method(t *testing.T, uri string, bits int) xmlenc.Method {
	t.Helper()
	m, ok := xmlenc.LookupMethod(fmt.Sprintf(uri, bits))
	if !ok {
		t.Fatalf(uri, bits)
	}
	return m
}

const gcmURI = "http://www.w3.org/2009/xmlenc11#aes%d-gcm"

// NIST's vectors of AES-GCM (CAVS 14.0), with 96 bits of IV, no additional data
// and a tag of 128 bits, as XML Encryption 1.1 has it.
func TestGCMMatchesNIST(t *testing.T) {
	decrypt, encrypt := nistCases(t, "ciphers/AES/GCM/gcmDecrypt*"), nistCases(t, "ciphers/AES/GCM/gcmEncrypt*")
	applicable, refused := 0, 0
	for i, c := range append(slices.Clone(decrypt), encrypt...) {
		if c["IVLEN"] != "96" || c["AADLEN"] != "0" || c["TAGLEN"] != "128" {
			continue
		}
		applicable++
		key, iv, plain := c.octets(t, "KEY"), c.octets(t, "IV"), c.octets(t, "PT")
		m := method(t, gcmURI, 8*len(key))
		sealed := slices.Concat(iv, c.octets(t, "CT"), c.octets(t, "TAG"))
		got, err := m.Decrypt(key, bytes.Clone(sealed))
		_, fails := c["FAIL"]
		if fails {
			refused++
		}
		if (err != nil) != fails || !bytes.Equal(got, plain) {
			t.Errorf("%v: %x, %v", c, got, err)
		}
		if i < len(decrypt) {
			continue
		}
		got, err = m.Encrypt(key, append(make([]byte, len(iv)), plain...), bytes.NewReader(iv))
		if err != nil || !bytes.Equal(got, sealed) {
			t.Errorf("%v: %x, %v", c, got, err)
		}
	}
	all := len(decrypt) + len(encrypt)
	t.Logf("nist: %d cases of GCM, %d applicable, %d of them to be refused", all, applicable, refused)
	if applicable < 400 || refused == 0 {
		t.Errorf("%d applicable, %d refused", applicable, refused)
	}
}

// NIST's vectors of AES in CBC mode (CAVS 11.1). XML Encryption pads what is
// whole blocks with one more, behind the ciphertext that NIST has.
func TestCBCMatchesNIST(t *testing.T) {
	all := nistCases(t, "ciphers/AES/CBC/CBC*")
	for _, c := range all {
		key, iv, plain := c.octets(t, "KEY"), c.octets(t, "IV"), c.octets(t, "PLAINTEXT")
		checkCBC(t, method(t, xmlenc.NS+"aes%d-cbc", 8*len(key)), key, iv, plain, c.octets(t, "CIPHERTEXT"))
	}
	t.Logf("nist: %d cases of AES-CBC, all applicable", len(all))
	if len(all) < 2000 {
		t.Errorf("only %d cases", len(all))
	}
}

// NIST's vectors of TripleDES in CBC mode, with messages of several blocks.
func TestTripleDESMatchesNIST(t *testing.T) {
	all := nistCases(t, "ciphers/3DES/CBC/TCBCMMT*")
	m, _ := xmlenc.LookupMethod(xmlenc.TripleDESCBC)
	for _, c := range all {
		key := slices.Concat(c.octets(t, "KEY1"), c.octets(t, "KEY2"), c.octets(t, "KEY3"))
		checkCBC(t, m, key, c.octets(t, "IV"), c.octets(t, "PLAINTEXT"), c.octets(t, "CIPHERTEXT"))
	}
	t.Logf("nist: %d cases of TripleDES, all applicable", len(all))
	if len(all) < 50 {
		t.Errorf("only %d cases", len(all))
	}
}

// checkCBC encrypts, compares all but the block of padding, and decrypts.
func checkCBC(t *testing.T, m xmlenc.Method, key, iv, plain, want []byte) {
	t.Helper()
	got, err := m.Encrypt(key, append(make([]byte, len(iv)), plain...), bytes.NewReader(iv))
	if err != nil || !bytes.HasPrefix(got, append(bytes.Clone(iv), want...)) {
		t.Errorf("key %x, IV %x: %x, %v", key, iv, got, err)
	}
	back, err := m.Decrypt(key, got)
	if err != nil || !bytes.Equal(back, plain) {
		t.Errorf("key %x, IV %x, back: %x, %v", key, iv, back, err)
	}
}

// NIST's vectors of AES key wrap (SP 800-38F, CAVS 17.4), without padding and by
// the forward cipher, as RFC 3394 has it.
func TestKeyWrapMatchesNIST(t *testing.T) {
	cases, refused := 0, 0
	for _, bits := range []string{"128", "192", "256"} {
		for _, c := range nistCases(t, "keywrap/kwtestvectors/KW_AD_"+bits+".txt") {
			cases++
			_, fails := c["FAIL"]
			if fails {
				refused++
			}
			got, err := xmlenc.UnwrapKey(c.octets(t, "K"), c.octets(t, "C"))
			if (err != nil) != fails || !bytes.Equal(got, c.octets(t, "P")) {
				t.Errorf("%v: %x, %v", c, got, err)
			}
		}
		for _, c := range nistCases(t, "keywrap/kwtestvectors/KW_AE_"+bits+".txt") {
			cases++
			got, err := xmlenc.WrapKey(c.octets(t, "K"), c.octets(t, "P"))
			if err != nil || !bytes.Equal(got, c.octets(t, "C")) {
				t.Errorf("%v: %x, %v", c, got, err)
			}
		}
	}
	t.Logf("nist: %d cases of key wrap, all applicable, %d of them to be refused", cases, refused)
	if cases < 1000 || refused == 0 {
		t.Errorf("%d cases, %d refused", cases, refused)
	}
}
