package backend

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An authority issues certificates.
type authority struct {
	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	der := a.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		BasicConstraintsValid: true})
	a.leaf, a.pem = der.Leaf, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der.Certificate[0]})
	a.key = der.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue issues a certificate, the first one to itself.
func (a *authority) issue(t *testing.T, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.leaf, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) forHost(t *testing.T, names ...string) tls.Certificate {
	return a.issue(t, &x509.Certificate{DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
}

// write writes a certificate and its key to files.
func write(t *testing.T, dir string, c tls.Certificate) (certificate, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key")
	writeFile(t, certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
	writeFile(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return certificate, key
}

func writeFile(t *testing.T, path string, octets []byte) {
	t.Helper()
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		t.Fatal(err)
	}
}

// secureServer returns a recorder behind TLS.
func secureServer(t *testing.T, c *tls.Config) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewUnstartedServer(r)
	r.TLS = c
	r.EnableHTTP2 = true
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

// A backend that cannot be trusted gets nothing, and the next one does.
func TestUntrustedBackendGetsNothing(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "ca.pem"), ours.pem)
	for name, certificate := range map[string]tls.Certificate{
		"signed by another authority": others.forHost(t, "app.example.com"),
		"for another name":            ours.issue(t, &x509.Certificate{DNSNames: []string{"other.example.com"}}),
	} {
		bad := secureServer(t, &tls.Config{Certificates: []tls.Certificate{certificate}})
		good := secureServer(t, &tls.Config{Certificates: []tls.Certificate{ours.forHost(t)}})
		config, err := TLSFiles{CA: filepath.Join(dir, "ca.pem")}.Load()
		if err != nil {
			t.Fatal(err)
		}
		trusting := func() *tls.Config { return config }
		s := newSet(t, Config{Targets: []Target{targetOf(bad.URL), targetOf(good.URL)}, TLS: trusting})
		if _, err := exchange(t, s, request(t, "POST", "m")); err != nil || len(bad.got()) != 0 || len(good.got()) != 1 {
			t.Errorf("%s: %v; it got %q, the good one %q", name, err, bad.got(), good.got())
		}
		alone := newSet(t, Config{Targets: []Target{targetOf(bad.URL)}, TLS: trusting})
		if _, err := exchange(t, alone, request(t, "POST", "m")); err == nil || !strings.Contains(err.Error(), "x509: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServerNameIsWhatTheCertificateIsFor(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	var asked atomic.Value
	server := secureServer(t, &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		asked.Store(h.ServerName)
		c := ours.issue(t, &x509.Certificate{DNSNames: []string{"app.example.com"}})
		return &c, nil
	}})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, ca, ours.pem)
	config, err := TLSFiles{CA: ca, ServerName: "app.example.com"}.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := newSet(t, Config{Targets: []Target{targetOf(server.URL)}, TLS: func() *tls.Config { return config }})
	if _, err := exchange(t, s, request(t, "POST", "m")); err != nil || asked.Load() != "app.example.com" {
		t.Errorf("%v, asked for %v", err, asked.Load())
	}
}

func TestBackendThatAsksForACertificate(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	clients := x509.NewCertPool()
	clients.AddCert(ours.leaf)
	server := secureServer(t, &tls.Config{Certificates: []tls.Certificate{ours.forHost(t)},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients})
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "ca.pem"), ours.pem)
	files := TLSFiles{CA: filepath.Join(dir, "ca.pem")}
	without, err := files.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := newSet(t, Config{Targets: []Target{targetOf(server.URL)}, TLS: func() *tls.Config { return without }})
	// The backend's alert may come too late to be in the error: TLS 1.3 is set up
	// before it has seen the client's certificate.
	if _, err := exchange(t, s, request(t, "POST", "m")); err == nil || len(server.got()) != 0 {
		t.Errorf("without a certificate: %v, %q", err, server.got())
	}
	files.Certificate, files.Key = write(t, dir, ours.issue(t, &x509.Certificate{
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}))
	with, err := files.Load()
	if err != nil {
		t.Fatal(err)
	}
	s = newSet(t, Config{Targets: []Target{targetOf(server.URL)}, TLS: func() *tls.Config { return with }})
	if _, err := exchange(t, s, request(t, "POST", "m")); err != nil || len(server.got()) != 1 {
		t.Errorf("with one: %v, %q", err, server.got())
	}
}

// Idle connections end with the configuration that they were made with.
func TestNewConfigurationIsForNewConnections(t *testing.T) {
	t.Parallel()
	server := secureServer(t, nil)
	var current atomic.Pointer[tls.Config]
	good := trust(server.Server)()
	current.Store(good)
	s := newSet(t, Config{Targets: []Target{targetOf(server.URL)}, TLS: current.Load})
	if _, err := exchange(t, s, request(t, "POST", "m")); err != nil {
		t.Fatal(err)
	}
	current.Store(&tls.Config{RootCAs: x509.NewCertPool()})
	s.CloseIdleConnections()
	if _, err := exchange(t, s, request(t, "POST", "m")); err == nil || !strings.Contains(err.Error(), "x509: ") {
		t.Errorf("got %v", err)
	}
	current.Store(good)
	if _, err := exchange(t, s, request(t, "POST", "m")); err != nil {
		t.Error(err)
	}
}

func TestConnectTimeoutCoversTLS(t *testing.T) {
	t.Parallel()
	silent := peer(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	silent.Scheme = "https"
	good := newRecorder(t)
	s := newSet(t, Config{Targets: []Target{silent, targetOf(good.URL)}, ConnectTimeout: 5 * time.Second})
	if _, err := exchange(t, s, request(t, "POST", "m")); err != nil || len(good.got()) != 1 {
		t.Errorf("%v, %q", err, good.got())
	}
	alone := newSet(t, Config{Targets: []Target{silent}, ConnectTimeout: 200 * time.Millisecond})
	if _, err := exchange(t, alone, request(t, "POST", "m")); err == nil ||
		!strings.Contains(err.Error(), "no connection within 200ms") {
		t.Errorf("got %v", err)
	}
}

// HTTP/2 is spoken where the backend does, but for what is to be upgraded.
func TestHTTP2AndUpgrades(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			_, _ = io.WriteString(w, r.Proto)
			return
		}
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		c, brw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		line, _ := brw.ReadString('\n')
		_, _ = io.WriteString(c, line)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	s := newSet(t, Config{Targets: []Target{targetOf(server.URL)}, TLS: trust(server),
		Transport: &http.Transport{ForceAttemptHTTP2: true}})
	for _, method := range []string{"POST", "GET"} {
		if got, err := exchange(t, s, request(t, method, "")); err != nil || got != "HTTP/2.0" {
			t.Errorf("%s: %q, %v", method, got, err)
		}
	}
	r := request(t, "GET", "")
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	resp, err := s.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp, err)
	}
	defer resp.Body.Close()
	_, _ = io.WriteString(resp.Body.(io.Writer), "hello\n")
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); line != "hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

func TestFilesThatAreOfNoUseAreNamed(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	dir := t.TempDir()
	certificate, key := write(t, dir, ours.forHost(t))
	ca, empty := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "empty")
	writeFile(t, ca, ours.pem)
	writeFile(t, empty, nil)
	for want, files := range map[string]TLSFiles{
		empty + ": holds no PEM certificate":               {CA: empty},
		key + ": its PEM block 1 is a PRIVATE KEY":         {CA: key},
		dir + "/none: no such file":                        {CA: dir + "/none"},
		dir + "/no.key: no such file":                      {CA: ca, Certificate: certificate, Key: dir + "/no.key"},
		certificate + ": tls: failed to find any PEM data": {Certificate: certificate, Key: empty},
	} {
		if _, err := files.Load(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func pool(a *authority) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.leaf)
	return p
}
