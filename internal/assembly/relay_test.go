package assembly

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// At a reload the krb5.conf counts as it is then: KDCs that have moved, realms
// that have come. One that cannot be used changes nothing. So it is in serve,
// which reads nothing else again, and in a relay alone.
func TestReloadReadsTheKrb5ConfOfTheRelay(t *testing.T) {
	t.Parallel()
	for name, alone := range map[string]bool{"serve": false, "kdcproxy": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reloadKrb5Conf(t, alone)
		})
	}
}

func reloadKrb5Conf(t *testing.T, alone bool) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "krb5.conf")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	realm := func(kdc string) string {
		return "[realms]\n" + krbtest.DefaultRealm + " = {\nkdc = tcp/" + kdc + "\n}\n"
	}
	first, second := startKDC(t), startKDC(t)
	write(conf, realm(first))
	file := filepath.Join(dir, "relay.yaml")
	write(file, fmt.Sprintf("kdc-realms: [%s]\nkdc-krb5-conf: %q\nkdc-timeout: 2s\n", krbtest.DefaultRealm, conf))
	load := func() (*config.Config, error) { return config.LoadRelay(&config.RelayFlags{File: file}, nil) }
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	log := new(lineBuffer)
	logger := slog.New(slog.NewJSONHandler(log, nil))
	relay, err := newRelay(cfg, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	r := &relayReloader{relay: relay, running: cfg, log: logger}
	if alone {
		r.load = load
	}
	s := httptest.NewServer(relay.Proxy())
	defer s.Close()
	answers := func(want string) {
		t.Helper()
		before := len(log.String())
		if err := probe(t, s.URL); err != nil {
			t.Fatal(err)
		}
		if said := log.String()[before:]; !strings.Contains(said, `"kdc":"tcp/`+want+`"`) {
			t.Errorf("not answered by %s: %s", want, said)
		}
	}
	answers(first)
	write(conf, realm(second))
	answers(first)
	r.reload()
	answers(second)
	for _, bad := range []string{"[realms\n", "[realms]\nOTHER.TEST = {\nkdc = x\n}\n", realm("x:y")} {
		write(conf, bad)
		before := len(log.String())
		r.reload()
		if said := log.String()[before:]; !strings.Contains(said, "kdc relay not reloaded") {
			t.Errorf("%q: %s", bad, said)
		}
		answers(second)
	}
	if err := os.Remove(conf); err != nil {
		t.Fatal(err)
	}
	r.reload()
	answers(second)
	write(conf, realm(first))
	r.reload()
	answers(first)
}

// startKDC starts a KDC and returns its address.
func startKDC(t *testing.T) string {
	t.Helper()
	s, err := krbtest.New(krbtest.Config{}).Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.Addr()
}

// probe asks for a ticket through a relay. Any answer of a KDC will do.
func probe(t *testing.T, url string) error {
	c, err := kdcproxy.NewClient(kdcproxy.ClientConfig{URL: url})
	if err != nil {
		return err
	}
	defer c.Close()
	realm := krbtest.DefaultRealm
	_, err = kdc.Probe(t.Context(), c, kerberos.Principal{Components: []string{"nobody"}, Realm: realm},
		kerberos.Principal{Components: []string{"krbtgt", realm}, Realm: realm})
	return err
}
