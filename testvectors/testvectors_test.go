package testvectors_test

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// transcript is a case.yaml; README.md defines the keys.
type transcript struct {
	Comment          string    `yaml:"comment"`
	Source           string    `yaml:"source"`
	Captured         time.Time `yaml:"captured"`
	TLS              bool      `yaml:"tls"`
	Keytab           string    `yaml:"keytab"`
	ClientPrincipal  string    `yaml:"client-principal"`
	ServicePrincipal string    `yaml:"service-principal"`
	Enctypes         []int32   `yaml:"enctypes"`
	Contexts         []struct {
		Identifier string `yaml:"identifier"`
		Namespace  string `yaml:"namespace"`
		Key        string `yaml:"key"`

		Token        wssec.TokenType `yaml:"token"`
		GSSKey       string          `yaml:"gss-key"`
		HashInputs   []string        `yaml:"hash-inputs"`
		CombinedHash string          `yaml:"combined-hash"`
	} `yaml:"contexts"`
	Policy   wssec.Policy `yaml:"policy"`
	Messages []struct {
		File   string `yaml:"file"`
		Expect string `yaml:"expect"`
		Under  string `yaml:"under"`
		Plain  string `yaml:"plain"`
	} `yaml:"messages"`

	dir string
}

// file returns the octets of a file that the case names.
func (c *transcript) file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(testvectors.Files, path.Join(c.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// transcripts runs f on each case.
func transcripts(t *testing.T, f func(*testing.T, *transcript)) {
	t.Helper()
	files, err := fs.Glob(testvectors.Files, "transcripts/*/case.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, name := range files {
		c := &transcript{dir: path.Dir(name)}
		t.Run(path.Base(c.dir), func(t *testing.T) {
			dec := yaml.NewDecoder(bytes.NewReader(c.file(t, "case.yaml")), yaml.DisallowUnknownField())
			if err := dec.Decode(c); err != nil {
				t.Fatal(err)
			}
			f(t, c)
		})
	}
}

func TestTranscriptsAreAsTheReadmeSays(t *testing.T) {
	t.Parallel()
	var codes []string
	for _, c := range wssec.Codes() {
		codes = append(codes, string(c.Code))
	}
	transcripts(t, func(t *testing.T, c *transcript) {
		if c.Comment == "" || c.Source == "" || c.Captured.IsZero() || c.ClientPrincipal == "" ||
			c.ServicePrincipal == "" || len(c.Enctypes) == 0 {
			t.Errorf("a key is missing: %+v", c)
		}
		if err := c.Policy.Validate(); err != nil {
			t.Errorf("policy: %v", err)
		}
		for _, x := range c.Contexts {
			key, err := base64.StdEncoding.DecodeString(x.Key)
			if x.Identifier == "" || len(key) == 0 || err != nil || x.Namespace != wssec.NSWSC05 &&
				x.Namespace != wssec.NSWSC13 {
				t.Errorf("context %+v", x)
			}
		}
		c.file(t, c.Keytab)
		named := []string{"case.yaml"}
		for _, x := range c.Contexts {
			named = append(named, x.HashInputs...)
		}
		for _, m := range c.Messages {
			known := m.Expect == "ok" || m.Expect == "fault" || m.Expect == "negotiation" || slices.Contains(codes,
				m.Expect)
			if !known {
				t.Errorf("%s: %q is not a verdict", m.File, m.Expect)
			}
			if m.Under != "" && (m.Under != "bootstrap" || c.Policy.Bootstrap == nil) {
				t.Errorf("%s: there is no policy %q", m.File, m.Under)
			}
			if (m.Expect == "ok") != (m.Plain != "") {
				t.Errorf("%s: a plaintext comes with ok, and only with it", m.File)
			}
			named = append(named, m.File, strings.TrimSuffix(m.File, ".xml")+".headers")
			if m.Plain != "" {
				named = append(named, m.Plain)
			}
		}
		entries, err := fs.ReadDir(testvectors.Files, c.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if i := slices.Index(named, e.Name()); i < 0 {
				t.Errorf("%s is named nowhere", e.Name())
			} else {
				named = slices.Delete(named, i, i+1)
			}
		}
		if len(named) > 0 {
			t.Errorf("missing: %v", named)
		}
	})
}
