package assembly

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// A password file is followed like a keytab; its further lines are the
// passwords before.
func TestPasswordsAreFollowedInTheirFile(t *testing.T) {
	t.Parallel()
	w := newServiceWorld(t)
	file := filepath.Join(w.dir, "password")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first pass word\r\n")
	if err := w.assemble("services: [{name: a, password-file: " + file +
		", principals: [soap/a.example.com@EXAMPLE.COM], salt: EXAMPLE.COMsvc, kvno: 2}]\n" +
		"kerberos-service: a\n"); err != nil {
		t.Fatal(err)
	}
	has := func(when, password string, kvno uint32, want bool) {
		t.Helper()
		p, _ := kerberos.ParsePrincipal("soap/a.example.com@EXAMPLE.COM")
		for _, e := range []int32{17, 18, 19, 20, 23} {
			keys, err := keytab.FromPassword(keytab.PasswordConfig{Principal: p, Salt: "EXAMPLE.COMsvc", Etypes: []int32{e}},
				password)
			if err != nil {
				t.Fatal(err)
			}
			got := slices.ContainsFunc(w.keys.files[0].Keytab().Entries(),
				func(e keytab.Entry) bool { return e.Kvno == kvno && e.Key.Equal(keys[0].Key) })
			if got != want {
				t.Errorf("%s: key of %q, kvno %d, etype %d: %v", when, password, kvno, e, got)
			}
		}
	}
	has("at first", "first pass word", 2, true)
	write("second\nfirst pass word\n")
	w.keys.reload()
	has("with two", "second", 2, true)
	has("with two", "first pass word", 1, true)
	has("with two", "first pass word", 2, false)
	write("")
	w.keys.reload()
	has("after a bad one", "second", 2, true)
	if log := w.log.String(); !strings.Contains(log,
		`"msg":"keys not reloaded; the last good ones stay in use","setting":"password-file"`) ||
		strings.Contains(log, "second") {
		t.Error(log)
	}
}
