package stores_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/internal/store/valkey"
	"github.com/wssgate/wssgate/internal/stores"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
)

// What is on a server satisfies the interfaces of those who use it.
var (
	_ wssec.SharedReplayCache = (*valkey.Records)(nil)
	_ gss.ClientReplayStore   = (*valkey.Records)(nil)
	_ gss.ReplayHistory       = (*valkey.Records)(nil)
	_ wssec.ContextStore      = (*valkey.Entries)(nil)
	_ negotiate.ContextStore  = (*valkey.Entries)(nil)
	_ wssec.TokenCache        = (*stores.Tokens)(nil)
	_ valkey.Local            = (*replay.Memory)(nil)
	_ valkey.Local            = (*replay.Journal)(nil)
)

// After Wait a store that works has answered, and one that is not there was asked.
func TestWaitWaitsForTheFirstAnswer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for works, url := range map[bool]string{true: server.URL(), false: "redis://127.0.0.1:1"} {
		dir := t.TempDir()
		file := filepath.Join(dir, "wssgate.yaml")
		text := "keytab: svc.keytab\nbackend: http://127.0.0.1:1\nstate-keys: state.keys\nstore-timeout: 10s\n" +
			"store: " + url + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(&config.Flags{File: file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := stores.Open(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		s.Wait(t.Context())
		if outages := s.Outages(); (len(outages) == 0) != works {
			t.Errorf("%s: %v", url, outages)
		}
		s.Close()
	}
	var none *stores.Stores
	none.Wait(t.Context())
}

// What the log says of a route is so where contexts are in their tokens.
func TestGuaranteesOfContextsInTokens(t *testing.T) {
	t.Parallel()
	const store = "store: redis://127.0.0.1:1\nstate-keys: state.keys\n"
	const token = "context-storage: token\npolicy: SspiNegotiated\n"
	for settings, want := range map[string]string{
		"":                                 "security contexts end with the process",
		token:                              "security contexts end with the process",
		token + "state-keys: state.keys\n": "good on all nodes with these state-keys and after a restart",
		token + store:                      "no ticket or message is accepted twice by any node",
		token + store + "signature-records: node\n": "a context goes on that was cancelled",
	} {
		file := filepath.Join(t.TempDir(), "wssgate.yaml")
		text := "keytab: svc.keytab\nbackend: http://127.0.0.1:1\n" + settings
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(&config.Flags{File: file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := stores.Guarantees(cfg, &cfg.Routes[0])
		if !strings.Contains(got, want) {
			t.Errorf("%q: %s", settings, got)
		}
	}
}
