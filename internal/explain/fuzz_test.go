package explain_test

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wssgate/wssgate/internal/explain"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/testvectors"
)

// inspect.FuzzInspect: whatever a file holds is explained in harmless
// characters and without keys, and what is refused is an error too.
func FuzzInspect(f *testing.F) {
	raw, err := fs.ReadFile(testvectors.Files, "transcripts/svc.keytab")
	if err != nil {
		f.Fatal(err)
	}
	keytab, err := keytab.Parse(raw)
	if err != nil {
		f.Fatal(err)
	}
	var secrets []string
	for _, e := range keytab.Entries() {
		secrets = append(secrets, hex.EncodeToString(e.Key.ExposeKeyOctets()),
			strings.ToLower(string(e.Key.ExposeKeyOctets())))
	}
	var at time.Time
	for i, c := range transcripts(f) {
		if c.Keytab == "../svc.keytab" && i%3 == 0 {
			f.Add(c.read(f, c.Messages[0].File))
			at = c.Captured
		}
	}
	f.Add([]byte("GET / HTTP/1.1\r\nAuthorization: Negotiate YAE=\r\n"))
	f.Add([]byte("0504 07ff 0000 001c 0000000000000007 00112233445566778899aabb"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, cfg := range []explain.Config{{}, {Keytab: keytab, Plaintext: true, AllowRC4: true}} {
			cfg.Time = func() time.Time { return at }
			trees, err := explain.New(cfg).Inspect(t.Context(), b)
			out := text(trees)
			j, jsonErr := json.Marshal(trees)
			if jsonErr != nil {
				t.Fatal(jsonErr)
			}
			if !utf8.ValidString(out) || strings.ContainsFunc(out,
				func(c rune) bool { return c != '\n' && c != '\t' && !unicode.IsPrint(c) }) {
				t.Fatalf("not fit for a terminal: %q", out)
			}
			lower := strings.ToLower(out + string(j))
			for _, s := range secrets {
				if strings.Contains(lower, s) {
					t.Fatalf("shows a key:\n%s", out)
				}
			}
			if cfg.Keytab != nil && err == nil && len(trees) == 1 && strings.HasPrefix(verdict(trees), "refused") {
				t.Fatalf("refused without an error:\n%s", out)
			}
		}
	})
}
