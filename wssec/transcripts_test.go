package wssec_test

import (
	"io/fs"
	"path"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// transcript is a recorded conversation; testvectors/README.md defines the keys, and the
// tests of testvectors hold every message against its verdict.
type transcript struct {
	Captured time.Time    `yaml:"captured"`
	TLS      bool         `yaml:"tls"`
	Keytab   string       `yaml:"keytab"`
	Client   string       `yaml:"client-principal"`
	Service  string       `yaml:"service-principal"`
	Enctypes []int32      `yaml:"enctypes"`
	Policy   wssec.Policy `yaml:"policy"`
	Messages []struct {
		File   string `yaml:"file"`
		Expect string `yaml:"expect"`
		Plain  string `yaml:"plain"`
	} `yaml:"messages"`
	name string
}

func (c *transcript) file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(testvectors.Files, path.Join("transcripts", c.name, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// loadTranscript reads one case.
func loadTranscript(t testing.TB, name string) *transcript {
	t.Helper()
	c := &transcript{name: name}
	if err := yaml.Unmarshal(c.file(t, "case.yaml"), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// processor makes a Processor that lives at the time of the recording. The recordings
// were made with one clock and no replay, so the replay store is new.
func (c *transcript) processor(t testing.TB, replay kerberos.ReplayStore) *wssec.Processor {
	t.Helper()
	keytab, err := kerberos.ParseKeytab(c.file(t, c.Keytab))
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return c.Captured.Add(3 * time.Second) }
	if replay == nil {
		replay = kerberos.NewMemoryReplayStore(kerberos.MemoryReplayConfig{Time: now, CompleteSince: c.Captured.Add(-time.Hour)})
	}
	acceptor, err := kerberos.NewAcceptor(kerberos.AcceptorConfig{
		Keytab: keytab, Services: []string{c.Service}, Etypes: append(c.Enctypes, 17, 18, 19, 20), Time: now, Replay: replay,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := wssec.NewProcessor(c.Policy, wssec.Config{Tickets: acceptor, Replay: replay, Time: now})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
