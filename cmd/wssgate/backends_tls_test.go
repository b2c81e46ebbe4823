package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// pairIn writes a certificate and a key to a new folder in dir, and loads them.
func pairIn(t *testing.T, dir, name string) (tls.Certificate, string) {
	t.Helper()
	folder := filepath.Join(dir, name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeCertificate(folder); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	return pair, folder
}

// A backend over TLS gets a message if it can be trusted and trusts us. Else the
// next one does, or nobody.
func TestTLSToBackends(t *testing.T) {
	dir := t.TempDir()
	server, _ := pairIn(t, dir, "server")
	client, _ := pairIn(t, dir, "client")
	pairIn(t, dir, "other")
	clients := x509.NewCertPool()
	clients.AddCert(client.Leaf)
	secure := newNumbers(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert,
			ClientCAs: clients}
		s.StartTLS()
	})
	const shown = "backend-cert: DIR/client/tls.crt\nbackend-key: DIR/client/tls.key\n"
	for _, tt := range []struct {
		name, settings, err string
	}{
		{"trusted", "backend-ca: DIR/server/tls.crt\n" + shown, ""},
		{"authority of the system", shown, "x509: certificate signed by unknown authority"},
		{"another authority", "backend-ca: DIR/other/tls.crt\n" + shown, "x509: certificate signed by unknown authority"},
		{"another name", "backend-ca: DIR/server/tls.crt\nbackend-server-name: app.example.com\n" + shown,
			"x509: certificate is not valid for any names"},
		{"no client certificate", "backend-ca: DIR/server/tls.crt\n", "127.0.0.1"}, // an alert that may be missed
		{"another client certificate", "backend-ca: DIR/server/tls.crt\nbackend-cert: DIR/other/tls.crt\n" +
			"backend-key: DIR/other/tls.key\n", "127.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(secure.all())
			w := newBackendsWorld(t, dir, "standard: none\nbackend: "+secure.URL+"/\n"+tt.settings)
			status, _ := w.send("1")
			event := w.exchanges(1)[0]
			if tt.err == "" {
				if status != http.StatusOK || len(secure.all()) != before+1 {
					t.Errorf("%d, %v", status, event)
				}
				return
			}
			if status != http.StatusInternalServerError || event["code"] != "backend-down" ||
				!strings.Contains(fmt.Sprint(event["error"]), tt.err) || len(secure.all()) != before {
				t.Errorf("%d, %v; the backend got %v", status, event, secure.all())
			}
		})
	}
}

// The authority and the client certificate are replaced while the program runs.
func TestTLSToBackendsIsRotated(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	var config *tls.Config
	rotate := func() { // at the backend
		server, serverFolder := pairIn(t, dir, "server")
		client, clientFolder := pairIn(t, dir, "client")
		clients := x509.NewCertPool()
		clients.AddCert(client.Leaf)
		mu.Lock()
		config = &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert,
			ClientCAs: clients}
		mu.Unlock()
		for from, to := range map[string]string{filepath.Join(serverFolder, "tls.crt"): "ca.pem",
			filepath.Join(clientFolder, "tls.crt"): "client.crt", filepath.Join(clientFolder, "tls.key"): "client.key"} {
			octets, err := os.ReadFile(from)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, to+".new"), octets, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	rename := func() { // at the gateway
		for _, name := range []string{"ca.pem", "client.crt", "client.key"} {
			if err := os.Rename(filepath.Join(dir, name+".new"), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	rotate()
	rename()
	secure := newNumbers(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			mu.Lock()
			defer mu.Unlock()
			return config, nil
		}}
		s.StartTLS()
	})
	w := newBackendsWorld(t, dir, "standard: none\nbackend: "+secure.URL+
		"/\nbackend-ca: DIR/ca.pem\nbackend-cert: DIR/client.crt\nbackend-key: DIR/client.key\n")
	if status, _ := w.send("1"); status != http.StatusOK {
		t.Fatalf("%d, %v", status, w.log.all())
	}
	rotate()
	secure.CloseClientConnections()
	if status, _ := w.send("2"); status != http.StatusInternalServerError {
		t.Errorf("%d with the old files", status)
	}
	rename()
	for deadline := time.Now().Add(time.Minute); w.said("file reloaded") < 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%v", w.log.all())
		}
	}
	if status, _ := w.send("3"); status != http.StatusOK {
		t.Errorf("%d with the new files, %v", status, w.log.all())
	}
	if got := fmt.Sprint(secure.all()); got != "[1 3]" {
		t.Error(got)
	}
}
