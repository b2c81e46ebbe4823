package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/seal"
)

func line(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32)) + "\n"
}

func parse(t testing.TB, text string) seal.Keys {
	t.Helper()
	keys, err := seal.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// A new key comes second, then first; what either has sealed
// opens everywhere meanwhile.
func TestKeysOpenWhatEarlierKeysSealed(t *testing.T) {
	t.Parallel()
	stages := []seal.Keys{parse(t, line(1)), parse(t, "# old first\n"+line(1)+"\n"+line(2)), parse(t, line(2)+line(1)),
		parse(t, line(2))}
	for i, from := range stages {
		sealed, err := from.Seal("p", []byte("state"))
		if err != nil {
			t.Fatal(err)
		}
		for j, at := range stages {
			plain, err := at.Open("p", sealed)
			reachable := i <= 1 && j <= 2 || i >= 2 && j >= 1
			if reachable != (err == nil) || reachable && string(plain) != "state" {
				t.Errorf("sealed at stage %d, opened at %d: %q, %v", i, j, plain, err)
			}
		}
	}
}

// That is another purpose, another key, and any altered octet.
func TestOpenRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	keys := parse(t, line(1))
	sealed, err := keys.Seal("route /a", []byte("state"))
	if err != nil || len(sealed) != len("state")+seal.Overhead || bytes.Contains(sealed, []byte("state")) {
		t.Fatal(err, len(sealed))
	}
	again, _ := keys.Seal("route /a", []byte("state"))
	if bytes.Equal(sealed, again) {
		t.Error("two states are sealed alike")
	}
	refuse := func(what string, keys seal.Keys, purpose string, b []byte) {
		if plain, err := keys.Open(purpose, b); !errors.Is(err, seal.ErrOpen) || plain != nil {
			t.Errorf("%s: %q, %v", what, plain, err)
		}
	}
	refuse("purpose", keys, "route /b", sealed)
	refuse("key", parse(t, line(2)), "route /a", sealed)
	refuse("no keys", seal.Keys{}, "route /a", sealed)
	for i := range sealed {
		b := bytes.Clone(sealed)
		b[i] ^= 1
		refuse(fmt.Sprint("octet ", i), keys, "route /a", b)
		refuse(fmt.Sprint("cut at ", i), keys, "route /a", sealed[:i])
	}
	refuse("longer", keys, "route /a", append(bytes.Clone(sealed), 0))
	if _, err := (seal.Keys{}).Seal("p", nil); err == nil {
		t.Error("sealed without a key")
	}
	if _, err := seal.Random().Open("route /a", sealed); err == nil {
		t.Error("a random key opens it")
	}
}

func TestLoadKeysRefusesWrongFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.keys")
	if err := os.WriteFile(path, []byte(line(7)), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Load(path)
	if err != nil || fmt.Sprintf("%v %+v %#v %x", keys, keys, keys, keys) != strings.Repeat("1 state key ", 3)+
		"1 state key" {
		t.Errorf("%v, %v", keys, err)
	}
	if _, err := seal.Load(path + ".none"); err == nil {
		t.Error("no file, no error")
	}
	secret := "c2VjcmV0IHRoYXQgbXVzdCBub3Qgc2hvdw=="
	for text, words := range map[string]string{
		"":                          "no key",
		"# only a comment\n":        "no key",
		line(1) + secret:            "line 2 is not 32 octets",
		"!" + line(1):               "line 1 is not 32 octets",
		line(1) + line(1):           "line 2 repeats",
		strings.Repeat(" ", 20<<10): "more than",
		manyKeys():                  "more than 16 keys",
	} {
		if _, err := seal.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), words) ||
			strings.Contains(err.Error(), secret) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func manyKeys() (text string) {
	for i := range 17 {
		text += line(byte(i))
	}
	return text
}

func FuzzOpen(f *testing.F) {
	keys, err := seal.Parse([]byte(line(1) + line(2)))
	if err != nil {
		f.Fatal(err)
	}
	// Sealed once and for all: fuzzing happens in several processes, and each
	// would seal anew.
	sealed, err := hex.DecodeString("01aa284a392a5e647c6a061eec6779ecb2412b9dd1a0691491a1" +
		"afd4862609416ee5e6c5a70dff4e2d73d4810b54ec06abf8fe6798e0")
	if err != nil {
		f.Fatal(err)
	}
	if plain, err := keys.Open("p", sealed); string(plain) != "state" {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if plain, err := keys.Open("p", b); err == nil && !bytes.Equal(b, sealed) {
			t.Errorf("%x opens to %q", b, plain)
		}
	})
}
