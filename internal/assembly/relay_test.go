package assembly

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/browser"
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
	relay, err := newRelay(cfg, nil, logger, nobody)
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

// A relay serves the browser client beside its own paths, to the pages that may use
// the relay. A binary without the client refuses the setting.
func TestRelayServesTheBrowserClientThatTheBinaryHas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "relay.yaml")
	text := fmt.Sprintf("kdc-realms: [%s]\nkdc-servers: [%s=127.0.0.1]\nkdc-websocket-path: /kerberos5\n"+
		"kdc-origins: ['https://app.example.com']\nbrowser-client: /wssgate\n", krbtest.DefaultRealm,
		krbtest.DefaultRealm)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadRelay(&config.RelayFlags{File: file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if err := CheckRelay(cfg, log); (err == nil) != has(browser.Embedded) {
		t.Errorf("the binary has the client: %v; %v", has(browser.Embedded), err)
	}
	none := func() (*browser.Files, error) { return nil, browser.ErrNotBuilt }
	if _, err := newBrowserClient(cfg, none); err == nil ||
		!strings.Contains(err.Error(), "browser-client: this binary was built without") ||
		!strings.Contains(err.Error(), "go generate") {
		t.Errorf("without the client: %v", err)
	}
	files := &browser.Files{List: []*browser.File{{Name: "there"}}}
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h, done, err := BesideRelay(cfg, files, next, log)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	for path, want := range map[string]int{
		"/wssgate/not-there": 404, "/wssgate/": 404, "/wssgate": 418, "/wssgatex/there": 418, "/": 418,
		"/kerberos5": 426,
	} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Origin", "https://app.example.com")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want || want == 404 && w.Header().Get("Access-Control-Allow-Origin") != "https://app.example.com" {
			t.Errorf("%s: %d, not %d; %v", path, w.Code, want, w.Header())
		}
	}
}

// has reports whether there are files.
func has(files func() (*browser.Files, error)) bool {
	_, err := files()
	return err == nil
}
