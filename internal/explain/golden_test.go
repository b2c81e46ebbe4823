package explain_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wssgate/wssgate/internal/explain"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds text to testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, diff)
	}
}

// What is printed of recorded messages: one that delegates, one with derived
// keys and an encrypted signature, one over TLS whose token signs the
// Timestamp.
func TestInspectPrintsMessages(t *testing.T) {
	t.Parallel()
	want := map[string]explain.Config{
		"KtpSymmetric-deleg":                  {Plaintext: true},
		"KtpSymmetricDerivedEncryptSignature": {},
		"KtpTransportEndorsing":               {},
	}
	for _, c := range transcripts(t) {
		cfg, ok := want[c.Name]
		if !ok {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			x := c.inspector(t, cfg)
			var out []byte
			for _, file := range []string{"01-request.xml", "01-response.xml"} {
				trees, err := x.Inspect(t.Context(), c.read(t, file))
				if err != nil {
					t.Error(err)
				}
				out = append(out, text(trees)+"\n"...)
			}
			golden(t, c.Name+".txt", string(out))
		})
	}
}

// A negotiation over WS-Trust is followed to its end: the key that it ends with
// opens the messages after it.
func TestInspectFollowsANegotiation(t *testing.T) {
	t.Parallel()
	c := findTranscript(t, "SpnegoSymmetricDerived")
	x := c.inspector(t, explain.Config{Plaintext: true})
	var out []byte
	for _, file := range []string{"01-request.xml", "01-response.xml", "02-request.xml", "02-response.xml"} {
		trees, err := x.Inspect(t.Context(), c.read(t, file))
		if err != nil {
			t.Error(err)
		}
		out = append(out, text(trees)+"\n"...)
	}
	golden(t, "SpnegoSymmetricDerived.txt", string(out))
}

// Without a keytab the structure is shown, and there is no verdict.
func TestInspectPrintsWithoutAKeytab(t *testing.T) {
	t.Parallel()
	c := findTranscript(t, "KtpSymmetricDerivedEncryptSignature")
	x := explain.New(explain.Config{Time: func() time.Time { return c.Captured }})
	trees, err := x.Inspect(t.Context(), c.read(t, "01-request.xml"))
	if err != nil {
		t.Error(err)
	}
	golden(t, "without-keytab.txt", text(trees))
	b, err := json.Marshal(trees)
	if err != nil || !bytes.Contains(b, []byte(`"name":"DerivedKeyToken"`)) {
		t.Errorf("%v %s", err, b)
	}
}
