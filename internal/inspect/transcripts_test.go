package inspect_test

import (
	"bytes"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/internal/inspect"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/testvectors"
)

// A transcript is what is needed of a case.yaml.
type transcript struct {
	Name     string
	Captured time.Time `yaml:"captured"`
	Keytab   string    `yaml:"keytab"`
	Enctypes []int32   `yaml:"enctypes"`
	Messages []struct {
		File, Expect string
	} `yaml:"messages"`
}

func transcripts(t testing.TB) (list []transcript) {
	t.Helper()
	files, err := fs.Glob(testvectors.Files, "transcripts/*/case.yaml")
	if err != nil || len(files) < 40 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		c := transcript{Name: path.Base(path.Dir(file))}
		if err := yaml.Unmarshal(read(t, file), &c); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := fs.ReadFile(testvectors.Files, file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (c *transcript) read(t testing.TB, file string) []byte {
	return read(t, path.Join("transcripts", c.Name, file))
}

// inspector knows the case's keytab and lives at its time.
func (c *transcript) inspector(t testing.TB, cfg inspect.Config) *inspect.Inspector {
	t.Helper()
	var err error
	if cfg.Keytab, err = kerberos.ParseKeytab(c.read(t, c.Keytab)); err != nil {
		t.Fatal(err)
	}
	cfg.Time = func() time.Time { return c.Captured }
	cfg.AllowRC4 = true
	return inspect.New(cfg)
}

func text(trees []*kerberos.InspectNode) string {
	var b []byte
	for _, tree := range trees {
		b = tree.AppendText(b)
	}
	return string(b)
}

// verdict is that of the message as a whole.
func verdict(trees []*kerberos.InspectNode) string {
	for _, c := range trees[0].Children {
		if c.Name == "verdict" {
			return c.Value
		}
	}
	return ""
}

// The policy that a message seems to follow is one under which the gateway accepts it, for every message recorded; every
// signature and digest is found right, and every plaintext comes out.
func TestFittingPolicyAcceptsEveryTranscript(t *testing.T) {
	for _, c := range transcripts(t) {
		t.Run(c.Name, func(t *testing.T) {
			x := c.inspector(t, inspect.Config{})
			for _, m := range c.Messages {
				trees, err := x.Inspect(t.Context(), c.read(t, m.File))
				want := "accepted"
				switch m.Expect {
				case "protection-order", "part-not-signed": // by the case's own policy, which asks for more than the message has
				case "ok":
					if !bytes.Contains(c.read(t, m.File), []byte(":Security ")) {
						want = "not protected"
					}
				case "fault":
					want = "not protected"
				default:
					want = "refused"
				}
				if got, _, _ := strings.Cut(verdict(trees), ":"); got != want || (err == nil) != (want != "refused") {
					t.Errorf("%s: verdict %q, want %q (%s): %v\n%s", m.File, got, want, m.Expect, err, text(trees))
				}
			}
		})
	}
}
