package xmlenc_test

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

var santuario = flag.String("santuario", "", "folder of the unpacked jar org.apache.santuario:xmlsec:2.3.4:tests")

const nsSignature = "http://www.w3.org/2000/09/xmldsig#"

// santuarioFile scans a file of the jar.
func santuarioFile(t *testing.T, path string) *xmltext.Doc {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := xmltext.Scan(src, xmltext.Options{})
	if err != nil {
		t.Fatal(path, err)
	}
	return doc
}

// santuarioKeys returns the keys of both folders by their names: those of
// Baltimore from its Readme, those of Phaos from key.txt.
func santuarioKeys(t *testing.T) map[string][]byte {
	t.Helper()
	keys := map[string][]byte{"bob": []byte("abcdefghijklmnopqrstuvwx"), "job": []byte("abcdefghijklmnop"),
		"jeb": []byte("abcdefghijklmnopqrstuvwx"), "jed": []byte("abcdefghijklmnopqrstuvwxyz012345")}
	text, err := os.ReadFile(filepath.Join(*santuario, "com/phaos/phaos-xmlenc-3/key.txt"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`key name = ([\w-]+)\):\s+#-+\s+([0-9a-f\s]+)`)
	for _, m := range named.FindAllStringSubmatch(string(text), -1) {
		if keys[m[1]], err = hex.DecodeString(strings.Join(strings.Fields(m[2]), "")); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

// Why a file is not decrypted.
const (
	ofAnotherForm = "of a form that is refused: EncryptionProperties, CipherReference, not an element's place"
	byAnotherKey  = "by a key that is elsewhere, agreed, or wrapped by another algorithm"
	failed        = "wrong"
)

// santuarioKey returns the key that a KeyInfo names, or has in an EncryptedKey,
// or why there is none.
func santuarioKey(keys map[string][]byte, info xmltext.Node) (key []byte, reason string) {
	if name := info.Child(nsSignature, "KeyName"); !name.IsZero() {
		if key = keys[strings.TrimSpace(name.Text())]; key == nil {
			reason = byAnotherKey
		}
		return key, reason
	}
	n := info.Child(xmlenc.NS, "EncryptedKey")
	if n.IsZero() {
		return nil, byAnotherKey
	}
	ek, err := xmlenc.ParseEncryptedKey(n, 8)
	if _, ok := xmlenc.WrapKeySize(ek.Algorithm); !ok || err != nil {
		return nil, byAnotherKey
	}
	kek, reason := santuarioKey(keys, ek.KeyInfo)
	if reason != "" {
		return nil, reason
	}
	wrapped, err := ek.AppendCipher(nil)
	if err != nil {
		return nil, err.Error()
	}
	if key, err = xmlenc.UnwrapKey(kek, wrapped); err != nil {
		return nil, failed
	}
	return key, ""
}

// decryptSantuario replaces the EncryptedData of a document and returns the
// canonical form, or why there is none.
func decryptSantuario(keys map[string][]byte, doc *xmltext.Doc) (plain, reason string) {
	for n := range doc.Root().Descendants() {
		if !n.Is(xmlenc.NS, "EncryptedData") {
			continue
		}
		ed, err := xmlenc.ParseEncryptedData(n)
		m, ok := xmlenc.LookupMethod(ed.Algorithm)
		if err != nil || !ok {
			return "", ofAnotherForm
		}
		key, reason := santuarioKey(keys, ed.KeyInfo)
		if reason != "" {
			return "", reason
		}
		octets, err := ed.AppendCipher(nil)
		if err != nil {
			return "", err.Error()
		}
		if octets, err = m.Decrypt(key, octets); err != nil {
			return "", failed
		}
		kind := xmltext.GraftElement
		if ed.Type == xmlenc.TypeContent {
			kind = xmltext.GraftContent
		}
		if err := n.Graft(octets, kind, xmltext.Options{}); err != nil {
			return "", err.Error()
		}
		return string(doc.Root().AppendCanonical(nil, xmltext.C14N{})), ""
	}
	return "", ofAnotherForm
}

// Baltimore's and Phaos' files of encrypted elements, which the working group of
// XML Encryption had, and which are among Santuario's tests: each is decrypted to
// its plaintext.
func TestDecryptMatchesSantuario(t *testing.T) {
	if *santuario == "" {
		t.Skip("the jar is fetched by .ci/suites, and read with -santuario DIR")
	}
	keys, not, n, right := santuarioKeys(t), map[string]int{}, 0, 0
	for dir, plain := range map[string]string{
		"ie/baltimore/merlin-examples/merlin-xmlenc-five": "plaintext.xml", "com/phaos/phaos-xmlenc-3": "payment.xml",
	} {
		dir = filepath.Join(*santuario, dir)
		want := string(santuarioFile(t, filepath.Join(dir, plain)).Root().AppendCanonical(nil, xmltext.C14N{}))
		files, err := filepath.Glob(filepath.Join(dir, "*enc*-*-*.xml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name := filepath.Base(file)
			if strings.HasPrefix(name, "encsig-") {
				continue // signatures
			}
			n++
			switch got, reason := decryptSantuario(keys, santuarioFile(t, file)); {
			case reason == ofAnotherForm || reason == byAnotherKey:
				not[reason]++
			case reason == "" && got == want, reason == failed && strings.HasPrefix(name, "bad-"):
				right++
			default:
				t.Errorf("%s: %s %s, want %s", name, reason, got, want)
			}
		}
	}
	t.Logf("santuario: %d files of XML Encryption, %d right; not applicable: %v", n, right, not)
	if n < 40 || right < 12 {
		t.Errorf("%d files, %d right", n, right)
	}
}
