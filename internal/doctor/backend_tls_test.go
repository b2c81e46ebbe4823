package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// clientPair writes the certificate of a client, signed by itself, and its key.
func clientPair(t *testing.T, life time.Duration, uses ...x509.ExtKeyUsage) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(life), ExtKeyUsage: uses}
	der, err2 := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	secret, err3 := x509.MarshalPKCS8PrivateKey(private)
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key")
	if err := errors.Join(err, err2, err3,
		os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)); err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

const year = 365 * 24 * time.Hour

func TestCheckBackendUsesTheFilesOfTheRoute(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	start := func(c *tls.Config) *httptest.Server {
		server := httptest.NewUnstartedServer(handler)
		server.Config.ErrorLog, server.TLS = log.New(io.Discard, "", 0), c
		server.StartTLS()
		t.Cleanup(server.Close)
		return server
	}
	// By TLS 1.2 the alert for a missing certificate is part of the handshake, and
	// cannot be overtaken by the end of the connection.
	open, asking := start(nil), start(&tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12})
	dir := t.TempDir()
	ca, junk := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "junk.pem")
	octets := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: open.Certificate().Raw})
	if err := errors.Join(os.WriteFile(ca, octets, 0o600), os.WriteFile(junk, []byte("junk"), 0o600)); err != nil {
		t.Fatal(err)
	}
	certificate, key := clientPair(t, year, x509.ExtKeyUsageClientAuth)
	forServers, itsKey := clientPair(t, year, x509.ExtKeyUsageServerAuth)
	ending, endingKey := clientPair(t, time.Hour)
	for _, tt := range []struct {
		settings []string
		want     []string
	}{
		{[]string{"backend", open.URL, "backend-ca", ca}, nil},
		{[]string{"backend", open.URL, "backend-ca", certificate},
			[]string{"fail backend … authority that is not in " + certificate + "; … backend-ca"}},
		{[]string{"backend", open.URL, "backend-ca", ca, "backend-server-name", "app.test"},
			[]string{"fail backend … its certificate is refused … backend-server-name"}},
		{[]string{"backend", open.URL, "backend-ca", junk}, []string{"fail backend … holds no PEM certificate; …"}},
		{[]string{"backend", asking.URL, "backend-ca", ca},
			[]string{"fail backend … refuses the TLS connection: … give backend-cert"}},
		{[]string{"backend", asking.URL, "backend-ca", ca, "backend-cert", certificate, "backend-key", key}, nil},
		{[]string{"backend", asking.URL, "backend-ca", ca, "backend-cert", forServers, "backend-key", itsKey},
			[]string{"warn backend … not for clients"}},
		{[]string{"backend", asking.URL, "backend-ca", ca, "backend-cert", ending, "backend-key", endingKey},
			[]string{"warn backend … the certificate expires on"}},
		{[]string{"backend", asking.URL, "backend-ca", ca, "backend-cert", certificate, "backend-key", itsKey},
			[]string{"fail backend … private key does not match public key; …"}},
		{[]string{"backend", "[" + open.URL + ", \"http://127.0.0.1:1\"]", "backend-ca", ca},
			[]string{"fail backend http://127.0.0.1:1: no connection"}},
	} {
		c := offline(t)
		c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
		for i := 0; i < len(tt.settings); i += 2 {
			c.set(tt.settings[i], tt.settings[i+1])
		}
		c.expectOf("backend", tt.want...)
	}
}

func TestCheckBackendAtAUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Skip("no unix sockets here:", err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Listener.Close()
	server.Listener = ln
	server.Start()
	defer server.Close()
	c := offline(t)
	c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	c.set("backend", "unix:"+path+":/service")
	c.expectOf("backend", "warn backend unix:"+path+":/service: answers 404")
	c.set("backend", "unix:"+path+".none:/service")
	c.expectOf("backend", "fail backend unix:"+path+".none:/service: no connection: … no such file")
}
