package assembly

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A followWorld is a Keyring that has looked at its files, and what it logs.
type followWorld struct {
	*testing.T
	keys *Keyring
	out  bytes.Buffer
}

func newFollowWorld(t *testing.T, settings string) *followWorld {
	w := &followWorld{T: t}
	w.keys = NewKeyring(loadConfig(t, "keytab: k\nbackend: http://b/\n"+settings),
		slog.New(slog.NewJSONHandler(&w.out, nil)))
	return w
}

// put writes files, whose modification is another one than before.
func (w *followWorld) put(files map[string]string) {
	w.Helper()
	for path, text := range files {
		next := path + ".new" // renamed into place, as ACME tools and editors do
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			w.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			w.Fatal(err)
		}
	}
}

// looked looks at the files so many times, and holds what that logs against want;
// "" for nothing.
func (w *followWorld) looked(times int, want string) {
	w.Helper()
	w.out.Reset()
	for range times {
		w.keys.look()
	}
	if got := w.out.String(); (got == "") != (want == "") || !strings.Contains(got, want) {
		w.Errorf("logged %s, want %s", got, want)
	}
}

func stateKey(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) + "\n"
}

// State keys are rotated while cookies and contexts are sealed under them. A file
// that is wrong, or missing for a moment, changes nothing.
func TestStateKeysFollowTheirFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.keys")
	w := newFollowWorld(t, "state-keys: '"+path+"'\n")
	w.put(map[string]string{path: stateKey(1)})
	keys, err := w.keys.stateKeys()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := w.keys.stateKeys(); again != keys {
		t.Error("two rings for one file")
	}
	seal := func() []byte {
		sealed, err := keys.Seal("p", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	opens := func(sealed []byte, want bool) {
		t.Helper()
		if _, err := keys.Open("p", sealed); (err == nil) != want {
			t.Errorf("%v, want %t", err, want)
		}
	}
	first := seal()
	w.looked(3, "")
	w.put(map[string]string{path: stateKey(2) + stateKey(1)})
	w.looked(1, "") // it may be in the middle of being written
	w.looked(1, `"file reloaded","setting":"state-keys"`)
	if !strings.Contains(w.out.String(), `"cause":"watch","change":"2 state keys, 1 of them new; 0 removed"`) {
		t.Error(w.out.String())
	}
	second := seal()
	opens(first, true)
	w.put(map[string]string{path: "no key"})
	w.looked(2, "file not reloaded; the last good one stays in use")
	w.looked(3, "")
	opens(second, true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.looked(2, "no such file")
	w.looked(3, "")
	w.put(map[string]string{path: stateKey(2)})
	w.out.Reset()
	w.keys.reload() // at SIGHUP it does not wait
	if !strings.Contains(w.out.String(), `"cause":"SIGHUP","change":"1 state key, 0 of them new; 1 removed"`) {
		t.Error(w.out.String())
	}
	opens(first, false)
	opens(second, true)
	w.looked(3, "")
}

// A certificate is renewed while it is served. One whose key is not written yet is
// not used.
func TestCertificatesFollowTheirFiles(t *testing.T) {
	t.Parallel()
	cert, key := certificateFiles(t, "gw.example.com")
	w := newFollowWorld(t, "listen: 127.0.0.1:0\ntls-cert: '"+cert+"'\ntls-key: '"+key+"'\n")
	all, err := listen(w.keys.cfg, w.keys)
	if err != nil {
		t.Fatal(err)
	}
	defer all.close()
	served := w.serve(all[0])
	old := served()
	next, nextKey := certificateFiles(t, "gw.example.com", "gw2.example.com")
	w.put(map[string]string{cert: read(t, next)})
	w.looked(2, "private key does not match public key")
	if served() != old {
		t.Error("a certificate without its key is served")
	}
	w.put(map[string]string{key: read(t, nextKey)})
	w.looked(2, `"file reloaded","setting":"tls-cert"`)
	if !strings.Contains(w.out.String(), `"change":"good until `) {
		t.Error(w.out.String())
	}
	if served() == old {
		t.Error("the old certificate is served")
	}
	w.looked(3, "")
}

// serve serves a listener, and returns a func that returns the certificate that a
// client gets there.
func (w *followWorld) serve(l listener) func() string {
	s := newServer(w.keys.cfg, nil, w.keys.log)
	s.Certificates = l.tls
	go func() { _ = s.Serve(w.Context(), l) }()
	return func() string {
		w.Helper()
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", l.Addr().String(),
			&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			w.Fatal(err)
		}
		defer c.Close()
		state := c.ConnectionState()
		if state.NegotiatedProtocol != "h2" {
			w.Errorf("protocol %q", state.NegotiatedProtocol)
		}
		return names(state.PeerCertificates[0])
	}
}

func names(c *x509.Certificate) string {
	return c.SerialNumber.String() + strings.Join(c.DNSNames, " ")
}

func read(t *testing.T, path string) string {
	t.Helper()
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(octets)
}

// State keys and certificates change while clients use them. Each handshake
// succeeds, and each request with a session under a key of the file is served.
func TestFilesChangeUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificateFiles(t, "gw.example.com")
	stateKeys(t, dir, "a")
	gate := newHTTPGate(t, newKDC(), dir, "keytab: KEYTAB\nbackend: BACKEND\nstandard: spnego-http\n"+
		"session-lifetime: 1h\nstate-keys: DIR/state.keys\ntls-cert: '"+cert+"'\ntls-key: '"+key+"'\nroutes:\n"+
		"  - path: /app\nlisten: 127.0.0.1:0\n")
	w := &followWorld{T: t, keys: gate.keys}
	all, err := listen(w.keys.cfg, w.keys)
	if err != nil {
		t.Fatal(err)
	}
	defer all.close()
	served, session := w.serve(all[0]), gate.get("/app", &krbtest.TokenOptions{}).Result().Cookies()
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 20 {
				served()
				if got := gate.get("/app", nil, session...); got.Code != http.StatusOK {
					t.Errorf("HTTP %d", got.Code)
				}
			}
		})
	}
	for n := range 20 {
		other := string(rune('b' + n))
		stateKeys(t, dir, other, "a")
		next, nextKey := certificateFiles(t, "gw.example.com")
		w.put(map[string]string{cert: read(t, next), key: read(t, nextKey)})
		w.keys.reload()
	}
	clients.Wait()
	stateKeys(t, dir, "z")
	w.keys.reload()
	if got := gate.get("/app", nil, session...); got.Code != http.StatusUnauthorized {
		t.Errorf("without its key: HTTP %d", got.Code)
	}
}
