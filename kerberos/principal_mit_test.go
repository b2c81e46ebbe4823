package kerberos_test

import (
	"encoding/hex"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// principalTexts returns names that are easy to get wrong, and random ones of
// the characters that matter.
func principalTexts() []string {
	texts := []string{"alice", "alice@EXAMPLE.COM", "soap/gw.example.com@EXAMPLE.COM", "a/b/c@R", `a\/b@R`, `a\@b@R`,
		`a\\@R`, `a\\/b@R`, "a@R@S", "a@R/S", `a@R\/S`, `a@R\@S`, "@R", "a@", "/@R", "a/", "a//b@R", "a/@R", `a\`,
		`a\@R`, `\a\b\c@R`, "a b@R", "ä@R", `a@\R`, "a@b:c", "K/M@R", "krbtgt/R@R", `a\#b@R`, "WELLKNOWN/ANONYMOUS@R"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var b strings.Builder
		for range 1 + r.IntN(9) {
			b.WriteByte(`aR/@\.x `[r.IntN(8)])
		}
		texts = append(texts, b.String())
	}
	return texts
}

// ParsePrincipal reads a name as krb5_parse_name does, or refuses it where an
// empty or incomplete name, or one of control characters, is no client here.
func TestParsePrincipalAgreesWithMIT(t *testing.T) {
	t.Parallel()
	library := krbtest.Peer{Path: "libkrb5.so.3", Package: "libkrb5-3"}
	if found, _ := filepath.Glob("/usr/lib/*/libkrb5.so.3"); len(found) > 0 {
		library.Path = found[0]
	}
	python := krbtest.Peer{Path: "/usr/bin/python3", Package: "python3"}
	krbtest.Need(t, python, library)
	texts := principalTexts()
	var in strings.Builder
	for _, text := range texts {
		in.WriteString(hex.EncodeToString([]byte(text)) + "\n")
	}
	cmd := exec.Command(python.Path, "testdata/parse_name.py")
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers, both, stricter := strings.Fields(string(out)), 0, map[string]int{}
	for i, text := range texts {
		p, err := kerberos.ParsePrincipal(text)
		if err != nil {
			if answers[i] != "refused" {
				stricter[err.Error()[strings.LastIndexByte(err.Error(), ':')+1:]]++
			}
			continue
		}
		both++
		want := ":" + hex.EncodeToString([]byte(p.Realm))
		for _, c := range p.Components {
			want += ":" + hex.EncodeToString([]byte(c))
		}
		if answers[i] != want {
			t.Errorf("%q: MIT has %s, we %s", text, answers[i], want)
		}
	}
	t.Logf("%d names, %d read alike; refused here alone: %v", len(texts), both, stricter)
	if both < 500 {
		t.Errorf("only %d names were read", both)
	}
}
