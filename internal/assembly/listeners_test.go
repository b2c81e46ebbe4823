package assembly

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// certificateFiles writes a certificate for hosts, and its key.
func certificateFiles(t *testing.T, hosts ...string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: hosts, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	octets, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: octets},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// serving returns the addresses of the listeners of a running Serve, by name.
func (b *lineBuffer) serving(t *testing.T, n int) map[string]string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		found := map[string]string{}
		for line := range strings.Lines(b.String()) {
			var ev struct{ Msg, Listen, Listener string }
			if json.Unmarshal([]byte(line), &ev) == nil && ev.Msg == "serving" {
				found[ev.Listener] = ev.Listen
			}
		}
		if len(found) == n {
			return found
		}
	}
	t.Fatalf("not serving\n%s", b.String())
	return nil
}

// exchanges waits until the log has the events of n exchanges.
func (b *lineBuffer) exchanges(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if strings.Count(b.String(), `"msg":"exchange"`) == n {
			return
		}
	}
	t.Fatalf("no %d exchanges\n%s", n, b.String())
}

// One process serves two services on two listeners, plain and TLS. Each route is
// on its own, and a ticket for one service is refused by the other, which the
// log names.
func TestServeServesSeveralListenersAndServices(t *testing.T) {
	t.Parallel()
	const quotes, orders = "soap/quotes.example.com", "soap/orders.example.com"
	w := newServiceWorld(t, quotes, orders)
	cert, key := certificateFiles(t)
	backend := httptest.NewServer(http.HandlerFunc(quote))
	t.Cleanup(backend.Close)
	cfg := loadConfig(t, "backend: "+backend.URL+"\nreplay-journal: false\nlisteners:\n"+
		"  - {name: public, listen: \"127.0.0.1:0\", tls-cert: "+cert+", tls-key: "+key+"}\n"+
		"  - {name: inside, listen: \"127.0.0.1:0\"}\nservices:\n"+
		"  - {name: quotes, keytab: "+w.keytab("quotes.keytab", quotes)+"}\n"+
		"  - {name: orders, keytab: "+w.keytab("orders.keytab", orders)+"}\nroutes:\n"+
		"  - {path: /quotes, kerberos-service: quotes}\n"+
		"  - {path: /orders, kerberos-service: orders, on-listeners: [inside]}\n"+
		"  - {path: /tls, kerberos-service: quotes, policy: KerberosToken, on-listeners: [public]}\n")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, &Program{Settings: cfg, Version: "test", Log: slog.New(slog.NewJSONHandler(&w.log, nil))})
	}()
	at := w.log.serving(t, 2)
	public, inside := "https://"+at["public"], "http://"+at["inside"]
	for i, tt := range []struct {
		url, service string
		status       int
		code         string
	}{
		{public + "/quotes", quotes, 200, "ok"},
		{inside + "/quotes", quotes, 200, "ok"},
		{inside + "/orders", orders, 200, "ok"},
		{public + "/orders", orders, 404, "no-route"},
		{inside + "/tls", quotes, 404, "no-route"},
		{inside + "/orders", quotes, 500, "ticket-service"},
		{public + "/quotes", orders, 500, "ticket-service"},
	} {
		status := w.postTo(tt.url, tt.service)
		w.log.exchanges(t, i+1)
		if status != tt.status || w.lastCode() != tt.code {
			t.Errorf("%s for %s: %d %s, want %d %s", tt.url, tt.service, status, w.lastCode(), tt.status, tt.code)
		}
	}
	log := w.log.String()
	if last := log[strings.LastIndex(log, `"ticket-service"`):]; !strings.Contains(last, orders) || !strings.Contains(last,
		quotes) {
		t.Errorf("the log does not name both services: %s", last)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// postTo sends a message under a fresh token of a service to a URL.
func (w *serviceWorld) postTo(url, service string) (status int) {
	w.t.Helper()
	token, key, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	env, err := soap.Parse([]byte(question), xmltext.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	wire, _, err := w.client.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	if err != nil {
		w.t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	resp, err := client.Post(url, env.Version.ContentType(), bytes.NewReader(wire))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil { // until the gateway has written it
		w.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// A start that fails at one listener leaves none open.
func TestServeOpensAllListenersOrNone(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	top := "backend: http://b/\nkeytab: " + keytabFile(t, kdc) + "\nreplay-journal: false\nlisteners:\n" +
		"  - {name: a, listen: \"127.0.0.1:0\"}\n"
	for second, want := range map[string]string{
		"  - {name: b, listen: \"192.0.2.1:1\"}\n":                                        "listen: ",
		"  - {name: b, listen: \"127.0.0.1:1\", tls-cert: none.pem, tls-key: none.key}\n": "tls-cert: ",
	} {
		cfg := loadConfig(t, top+second)
		all, err := listen(cfg, NewKeyring(cfg, slog.New(slog.DiscardHandler)))
		if err == nil || !strings.Contains(err.Error(), "gate.yaml:6:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", second, err)
		}
		if len(all) != 1 {
			t.Fatalf("%d listeners", len(all))
		}
		if _, err := all[0].Accept(); err == nil {
			t.Error("the first listener is still open")
		}
	}
}

func TestWarnOfPlainHTTPFindsThePlainListenerOfARoute(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	top := "backend: http://b/\nkeytab: " + keytabFile(t, kdc) + "\nlisteners:\n" +
		"  - {name: a, listen: \":1\", tls-cert: c, tls-key: k}\n  - {name: b, listen: \":2\"}\nroutes:\n"
	for route, want := range map[string]int{
		"  - {path: /a, policy: KerberosToken}\n":                    1,
		"  - {path: /a, policy: KerberosToken, on-listeners: [a]}\n": 0,
		"  - {path: /a}\n": 0,
		"  - {path: /a, policy: KerberosToken, tls-offloaded: true}\n":              0,
		"  - {path: /a, policy: {preset: KerberosToken, allow-plain-http: true}}\n": 0,
	} {
		var out bytes.Buffer
		if _, err := assembled(loadConfig(t, top+route), &out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "a listener of this route is plain HTTP"); n != want {
			t.Errorf("%s: %d warnings, want %d\n%s", route, n, want, out.String())
		}
	}
}
