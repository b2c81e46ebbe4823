package assembly

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/soap"
)

// A secureBackend asks its clients for the certificate that it trusts, and shows
// its own; both can be replaced.
type secureBackend struct {
	*httptest.Server
	mu      sync.Mutex
	current *tls.Config
}

func newSecureBackend(t *testing.T) *secureBackend {
	t.Helper()
	b := &secureBackend{}
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(quote))
	b.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.current, nil
	}}
	b.Config.ErrorLog = log.New(io.Discard, "", 0)
	b.StartTLS()
	t.Cleanup(b.Close)
	return b
}

// replace replaces both certificates, and ends all connections. It returns the
// texts of the files that clients need then.
func (b *secureBackend) replace(t *testing.T) (ca, certificate, key string) {
	t.Helper()
	own, ownKey := certificateFiles(t, "app.example.com")
	theirs, theirKey := certificateFiles(t, "gateway.example.com")
	pair, err := tls.LoadX509KeyPair(own, ownKey)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, path := range []string{own, theirs, theirKey} {
		octets, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(octets))
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM([]byte(texts[1]))
	b.mu.Lock()
	b.current = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: clients,
		ClientAuth: tls.RequireAnyClientCert, VerifyConnection: func(c tls.ConnectionState) error {
			_, err := c.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: clients,
				KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
			return err
		}}
	b.mu.Unlock()
	b.CloseClientConnections()
	return texts[0], texts[1], texts[2]
}

// Both sides of TLS to a backend get new certificates while wssgate runs.
func TestCertificatesOfBackendsFollowTheirFiles(t *testing.T) {
	t.Parallel()
	b := newSecureBackend(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	w := &followWorld{T: t}
	settings := "standard: none\nbackend: " + b.URL + "\nbackend-server-name: app.example.com\nbackend-ca: " +
		path("ca.pem") + "\nbackend-cert: " + path("cert.pem") + "\nbackend-key: " + path("key.pem") + "\n"
	cfg := loadConfig(t, settings+"routes: [{path: /a}, {path: /b}]\n")
	logger := slog.New(slog.NewJSONHandler(&w.out, nil))
	w.keys = NewKeyring(cfg, logger)
	put := func(ca, certificate, key string) {
		w.put(map[string]string{path("ca.pem"): ca, path("cert.pem"): certificate, path("key.pem"): key})
	}
	put(b.replace(t))
	g, err := New(Config{Settings: cfg, Keys: w.keys, Replay: MemoryReplay(cfg), Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	expect := func(route string, want int) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, route, strings.NewReader(question))
		r.Header.Set("Content-Type", soap.V11.ContentType())
		rec := httptest.NewRecorder()
		if g.ServeHTTP(rec, r); rec.Code != want {
			t.Errorf("%s: %d, want %d\n%s", route, rec.Code, want, w.out.String())
		}
	}
	expect("/a", http.StatusOK)
	expect("/b", http.StatusOK)
	ca, certificate, key := b.replace(t)
	expect("/a", http.StatusInternalServerError)
	put(ca, certificate, key)
	w.looked(1, "")
	w.looked(1, `"file reloaded","setting":"backend-cert"`)
	got := w.out.String()
	if strings.Count(got, "file reloaded") != 2 || !strings.Contains(got, `"setting":"backend-ca"`) {
		t.Errorf("logged %s", got)
	}
	expect("/a", http.StatusOK)
	expect("/b", http.StatusOK)
	put("no certificate", certificate, key)
	w.looked(2, "file not reloaded; the last good one stays in use")
	for _, set := range w.keys.backends[0].users {
		set.CloseIdleConnections()
	}
	expect("/a", http.StatusOK)
}

// A file that is of no use is refused at start, with the setting that names it.
func TestFilesOfBackendsAreRefusedAtStart(t *testing.T) {
	t.Parallel()
	certificate, key := certificateFiles(t, "gateway.example.com")
	const rest = "standard: none\nbackend: https://localhost:1/\n"
	for settings, want := range map[string]string{
		"backend-ca: " + key: "backend-ca: " + key + ": its PEM block 1 is a PRIVATE KEY, not a CERTIFICATE",
		"backend-ca: /none":  "backend-ca: /none: no such file",
		"backend-cert: " + certificate + "\nbackend-key: /none.key": "backend-key: /none.key: no such file",
		"backend-cert: " + key + "\nbackend-key: " + certificate:    "backend-cert: " + key,
	} {
		_, err := assembled(loadConfig(t, rest+settings+"\n"), io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", settings, err, want)
		}
	}
}
