package assembly

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Who is who in these tests.
const (
	realm   = "EXAMPLE.COM"
	service = "soap/gateway.example.com"
)

const question = `<soap:Envelope xmlns:soap="` + soap.NS11 +
	`"><soap:Body><q:GetQuote xmlns:q="urn:q"/></soap:Body></soap:Envelope>`

// quote is the backend.
func quote(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", soap.V11.ContentType())
	fmt.Fprintf(w, `<soap:Envelope xmlns:soap="%s"><soap:Body><q:Quote `+
		`xmlns:q="urn:q">42.50</q:Quote></soap:Body></soap:Envelope>`, soap.NS11)
}

// newKDC makes one with the service of the demo.
func newKDC() *krbtest.KDC {
	kdc := krbtest.New(krbtest.Config{Realm: realm})
	kdc.AddService(service)
	return kdc
}

// keytabFile writes a keytab of the services' keys of the given types.
func keytabFile(t *testing.T, kdc *krbtest.KDC, etypes ...int32) string {
	t.Helper()
	octets, err := kdc.Keytab(nil, etypes...).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "svc.keytab")
	if err := os.WriteFile(name, octets, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// loadConfig makes the configuration of a file's text.
func loadConfig(t *testing.T, text string) *config.Config {
	t.Helper()
	name := filepath.Join(t.TempDir(), "gate.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(&config.Flags{File: name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// assembled makes a gateway that logs to out.
func assembled(cfg *config.Config, out io.Writer) (*gateway.Gateway, error) {
	log := slog.New(slog.NewJSONHandler(out, nil))
	return New(Config{cfg, NewKeyring(cfg, log), MemoryReplay(cfg), log, nil, nil})
}

// exchange assembles a gateway of the file, sends one message under the token,
// and returns status and log.
func exchange(t *testing.T, kdc *krbtest.KDC, text string, o krbtest.TokenOptions) (status int, log string) {
	t.Helper()
	return exchangeFrom(t, kdc, text, o, "192.0.2.7:49152", "")
}

// exchangeFrom is exchange over a connection from remote, with an
// X-Forwarded-For.
func exchangeFrom(t *testing.T, kdc *krbtest.KDC, text string, o krbtest.TokenOptions, remote,
	forwarded string) (status int, log string) {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(quote))
	defer backend.Close()
	var out bytes.Buffer
	g, err := assembled(loadConfig(t, text+"\nbackend: "+backend.URL+"\n"), &out)
	if err != nil {
		t.Fatal(err)
	}
	policy, _ := wssec.Preset("Kerberos")
	client, err := wssec.NewProcessor(policy, wssec.Config{Replay: replay.NewMemory(replay.MemoryConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	env, err := soap.Parse([]byte(question), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is said once must be
		token, key, err := kdc.Token("alice", service, o)
		if err != nil {
			t.Fatal(err)
		}
		wire, _, err := client.ProtectRequest(nil, env,
			wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(wire))
		r.Header.Set("Content-Type", env.Version.ContentType())
		r.RemoteAddr = remote
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		status = w.Code
	}
	return status, out.String()
}

// A lineBuffer takes a log from several goroutines.
type lineBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lineBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}
func (b *lineBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.buf.String() }

// codes counts the outcomes of exchanges.
func (b *lineBuffer) codes() map[string]int {
	n := map[string]int{}
	for line := range strings.Lines(b.String()) {
		var ev struct{ Msg, Code string }
		if json.Unmarshal([]byte(line), &ev) == nil && ev.Msg == "exchange" {
			n[ev.Code]++
		}
	}
	return n
}

// A serviceWorld is a gateway of a configuration, whose keytabs are files of
// one KDC, and what it logs.
type serviceWorld struct {
	t       *testing.T
	kdc     *krbtest.KDC
	dir     string
	log     lineBuffer
	keys    *Keyring
	gateway http.Handler
	client  *wssec.Processor
}

func newServiceWorld(t *testing.T, services ...string) *serviceWorld {
	t.Helper()
	w := &serviceWorld{t: t, kdc: krbtest.New(krbtest.Config{Realm: realm}), dir: t.TempDir()}
	for _, s := range services {
		w.kdc.AddService(s)
	}
	policy, _ := wssec.Preset("Kerberos")
	var err error
	if w.client, err = wssec.NewProcessor(policy,
		wssec.Config{Replay: replay.NewMemory(replay.MemoryConfig{})}); err != nil {
		t.Fatal(err)
	}
	return w
}

// keytab writes the present keys of services to a file, and returns its path.
func (w *serviceWorld) keytab(name string, services ...string) string {
	w.t.Helper()
	octets, err := w.kdc.Keytab(services).AppendBinary(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// assemble makes the gateway; the configuration has no backend yet.
func (w *serviceWorld) assemble(config string) error {
	w.t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(quote))
	w.t.Cleanup(backend.Close)
	cfg := loadConfig(w.t, "backend: "+backend.URL+"\n"+config)
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	w.keys = NewKeyring(cfg, log)
	g, err := New(Config{cfg, w.keys, MemoryReplay(cfg), log, nil, nil})
	w.gateway = g
	return err
}

// post sends a message under a fresh token to a route, and returns the code of
// the event.
func (w *serviceWorld) post(path, service string, o krbtest.TokenOptions) (status int) {
	w.t.Helper()
	token, key, err := w.kdc.Token("alice", service, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.postToken(path, token, key)
}

func (w *serviceWorld) postToken(path string, token []byte, key etype.Key) (status int) {
	w.t.Helper()
	env, err := soap.Parse([]byte(question), xmltext.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	wire, _, err := w.client.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(wire))
	r.Header.Set("Content-Type", env.Version.ContentType())
	rec := httptest.NewRecorder()
	w.gateway.ServeHTTP(rec, r)
	return rec.Code
}

// lastCode is the code of the last exchange.
func (w *serviceWorld) lastCode() (code string) {
	for line := range strings.Lines(w.log.String()) {
		var ev struct{ Msg, Code string }
		if json.Unmarshal([]byte(line), &ev) == nil && ev.Msg == "exchange" {
			code = ev.Code
		}
	}
	return code
}
