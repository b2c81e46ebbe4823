package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/demo"
	"github.com/wssgate/wssgate/internal/loopback"
	"github.com/wssgate/wssgate/soap"
)

// An authority issues client certificates.
type authority struct {
	*testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{T: t}
	pair := a.issue("the authority")
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue returns a certificate for a name; without an authority yet, that of one.
func (a *authority) issue(name string) tls.Certificate {
	a.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:   pkix.Name{CommonName: name, Organization: []string{"Example"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		IsCA: a.cert == nil, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// write replaces a file by the certificate of the authority.
func (a *authority) write(path string) {
	a.Helper()
	octets := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	if err := os.WriteFile(path+".new", octets, 0o600); err != nil {
		a.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		a.Fatal(err)
	}
}

// call sends a message with a client certificate, nil for none, by a connection
// of its own. Status is 0 if the connection ends without an answer.
func call(t *testing.T, url string, client *tls.Certificate, change func(*tls.Config, http.Header)) (status int) {
	t.Helper()
	config, header := &tls.Config{InsecureSkipVerify: true}, http.Header{"Content-Type": {soap.V11.ContentType()}}
	if client != nil { // whatever authorities the server names
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return client, nil }
	}
	if change != nil {
		change(config, header)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(demo.Question))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// subjects is a backend that remembers by which subject it was called.
func subjects(t *testing.T) (url string, got chan string) {
	t.Helper()
	got = make(chan string, 100)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- strings.Join(append(r.Header["X-Client-Certificate"], r.Header["X_client_certificate"]...), "|")
		w.Header().Set("Content-Type", soap.V11.ContentType())
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(backend.Close)
	return backend.URL, got
}

// Client certificates are asked for or required, verified by tls-client-ca as it is
// now, and named to the backend, which a client cannot do itself.
func TestClientCertificates(t *testing.T) {
	for _, mode := range []string{"request", "require"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			pairIn(t, dir, "server")
			ours, other := newAuthority(t), newAuthority(t)
			ours.write(filepath.Join(dir, "ca.pem"))
			backend, got := subjects(t)
			w := newBackendsWorld(t, dir, "standard: none\nadmin: \"off\"\nbackend: "+backend+"\nclient-certificate-header: "+
				"X-Client-Certificate\ntls-cert: DIR/server/tls.crt\ntls-key: DIR/server/tls.key\n"+
				"tls-client-ca: DIR/ca.pem\ntls-client-auth: "+mode+"\n")
			url := strings.Replace(w.url, "http:", "https:", 1)
			alice, mallory := ours.issue("Alice, \n\"é\""), other.issue("mallory")
			const subject = `CN=Alice\, \0A\"\C3\A9\",O=Example`
			expect := func(what string, client *tls.Certificate, status int, wanted string) {
				t.Helper()
				now := call(t, url, client, func(_ *tls.Config, h http.Header) {
					h["X-Client-Certificate"], h["X_client_certificate"] = []string{"CN=admin"}, []string{"CN=admin"}
				})
				if now != status {
					t.Errorf("%s: HTTP %d, want %d", what, now, status)
				}
				if status == http.StatusOK {
					if s := <-got; s != wanted {
						t.Errorf("%s: the backend is told %q", what, s)
					}
				}
			}
			without := map[string]int{"request": http.StatusOK}[mode]
			expect("of the authority", &alice, http.StatusOK, subject)
			if e := w.exchanges(1)[0]; e["client_certificate"] != subject {
				t.Errorf("%v", e)
			}
			expect("of another", &mallory, 0, "")
			expect("none", nil, without, "")

			other.write(filepath.Join(dir, "ca.pem"))
			w.log.wait(t, "file reloaded")
			expect("of the new authority", &mallory, http.StatusOK, "CN=mallory,O=Example")
			expect("of the old one", &alice, 0, "")
			if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("nothing"), 0o600); err != nil {
				t.Fatal(err)
			}
			w.log.wait(t, "file not reloaded; the last good one stays in use")
			expect("with a bad file", &mallory, http.StatusOK, "CN=mallory,O=Example")
			expect("none, with a bad file", nil, without, "")
		})
	}
}

// The listeners of a file have their own rules.
func TestTLSRulesOfListeners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pairIn(t, dir, "server")
	ours := newAuthority(t)
	ours.write(filepath.Join(dir, "ca.pem"))
	backend, _ := subjects(t)
	first, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	second, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	listener := "  - name: %s\n    listen: %s\n    tls-cert: DIR/server/tls.crt\n    tls-key: DIR/server/tls.key\n"
	startGateway(t, dir, "standard: none\nadmin: \"off\"\nstate-dir: DIR\nbackend: "+backend+
		"\npath: /quotes\nlisteners:\n"+
		fmt.Sprintf(listener, "strict", first)+
		"    tls-min-version: 1.3\n    tls-client-ca: DIR/ca.pem\n    tls-client-auth: require\n"+
		fmt.Sprintf(listener, "lax", second))
	alice := ours.issue("alice")
	old := func(c *tls.Config, _ http.Header) { c.MaxVersion = tls.VersionTLS12 }
	for _, tt := range []struct {
		what, addr string
		client     *tls.Certificate
		change     func(*tls.Config, http.Header)
		status     int
	}{
		{"TLS 1.3 and a certificate", first, &alice, nil, http.StatusOK},
		{"TLS 1.2", first, &alice, old, 0},
		{"no certificate", first, nil, nil, 0},
		{"no certificate on the other", second, nil, nil, http.StatusOK},
		{"TLS 1.2 on the other", second, nil, old, http.StatusOK},
	} {
		if status := call(t, "https://"+tt.addr+"/quotes", tt.client, tt.change); status != tt.status {
			t.Errorf("%s: HTTP %d, want %d", tt.what, status, tt.status)
		}
	}
}
