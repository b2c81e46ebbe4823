package assembly

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// hostClient sends messages to a listener whatever the host in the URL is.
type hostClient struct {
	*serviceWorld
	at string
}

// post sends a message for a host under a fresh token of a service. The TLS
// connection is for the host sni.
func (c *hostClient) post(sni, host, service string, http2 bool) (status int, served string, proto int) {
	c.t.Helper()
	token, key, err := c.kdc.Token("alice", service, krbtest.TokenOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	env, err := soap.Parse([]byte(question), xmltext.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	wire, _, err := c.client.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	if err != nil {
		c.t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: sni}, ForceAttemptHTTP2: http2,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, c.at)
		}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodPost, "https://"+c.at+"/svc", bytes.NewReader(wire))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Host = host
	req.Header.Set("Content-Type", env.Version.ContentType())
	resp, err := client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil { // until the gateway has written it
		c.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode, strings.Join(resp.TLS.PeerCertificates[0].DNSNames, " "), resp.ProtoMajor
}

// Two hosts on one listener have a service and a certificate each. A ticket for
// the one is refused by the other, and so is a request by the other's
// connection.
func TestServeServesSeveralHosts(t *testing.T) {
	t.Parallel()
	const a, b = "soap/a.example.com", "soap/b.example.com"
	w := newServiceWorld(t, a, b)
	certA, keyA := certificateFiles(t, "a.example.com")
	certB, keyB := certificateFiles(t, "b.example.com", "*.b.example.com")
	backend := httptest.NewServer(http.HandlerFunc(quote))
	t.Cleanup(backend.Close)
	cfg := loadConfig(t, "backend: "+backend.URL+"\nreplay-journal: false\nlisten: \"127.0.0.1:0\"\ntls-cert: "+certA+
		"\ntls-key: "+keyA+"\ncertificates:\n  - {tls-cert: "+certB+", tls-key: "+keyB+"}\nservices:\n"+
		"  - {name: a, keytab: "+w.keytab("a.keytab", a)+"}\n  - {name: b, keytab: "+w.keytab("b.keytab", b)+"}\nroutes:\n"+
		"  - {path: /svc, hosts: [a.example.com], kerberos-service: a}\n"+
		"  - {path: /svc, hosts: [b.example.com, x.b.example.com], kerberos-service: b}\n")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, &Program{Settings: cfg, Version: "test", Log: slog.New(slog.NewJSONHandler(&w.log, nil))})
	}()
	c := &hostClient{w, w.log.serving(t, 1)[""]}
	n := 0
	for _, tt := range []struct {
		sni, host, service string
		status             int
		code, served       string
	}{
		{"a.example.com", "a.example.com", a, 200, "ok", "a.example.com"},
		{"b.example.com", "b.example.com", b, 200, "ok", "b.example.com *.b.example.com"},
		{"b.example.com", "B.Example.com.:8443", b, 200, "ok", "b.example.com *.b.example.com"},
		{"b.example.com", "x.b.example.com", b, 200, "ok", "b.example.com *.b.example.com"}, // one certificate
		{"a.example.com", "a.example.com", b, 500, "ticket-service", "a.example.com"},
		{"b.example.com", "b.example.com", a, 500, "ticket-service", "b.example.com *.b.example.com"},
		{"a.example.com", "b.example.com", b, 421, "misdirected", "a.example.com"},
		{"b.example.com", "a.example.com", a, 421, "misdirected", "b.example.com *.b.example.com"},
		{"b.example.com", "A.EXAMPLE.COM.:1", a, 421, "misdirected", "b.example.com *.b.example.com"},
		{"127.0.0.1", "a.example.com", a, 200, "ok", "a.example.com"}, // the default certificate, without SNI
		{"127.0.0.1", "b.example.com", b, 421, "misdirected", "a.example.com"},
		{"c.example.com", "b.example.com", b, 421, "misdirected", "a.example.com"},
		{"a.example.com", "c.example.com", a, 404, "no-route", "a.example.com"},
	} {
		for _, http2 := range []bool{false, true} {
			status, served, proto := c.post(tt.sni, tt.host, tt.service, http2)
			n++
			w.log.exchanges(t, n)
			if status != tt.status || w.lastCode() != tt.code || served != tt.served || (proto == 2) != http2 {
				t.Errorf("%s by a connection for %s, ticket for %s, HTTP/%d: %d %s under the certificate of %s, want %d %s, %s",
					tt.host, tt.sni, tt.service, proto, status, w.lastCode(), served, tt.status, tt.code, tt.served)
			}
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTLSConfigRefusesAndWarnsOfCertificates(t *testing.T) {
	t.Parallel()
	certA, keyA := certificateFiles(t, "a.example.com")
	certB, keyB := certificateFiles(t, "b.example.com")
	none, noneKey := certificateFiles(t)
	top := "keytab: k\nbackend: http://b/\ntls-cert: " + certA + "\ntls-key: " + keyA + "\n"
	for text, want := range map[string][2]string{
		"certificates:\n  - {tls-cert: " + certB + ", tls-key: " + keyB + "}\nhosts: [a.example.com, b.example.com]\n": {},
		"hosts: [b.example.com]\n": {"", `no certificate is for this host of a route: clients refuse the one that they ` +
			`get","host":"b.example.com"`},
		"certificates:\n  - {tls-cert: " + none + ", tls-key: " + noneKey + "}\n": {"", "no client gets this certificate"},
		"certificates:\n  - {tls-cert: " + certB + ", tls-key: " + keyA + "}\n":   {"gate.yaml:6:6: tls-cert: ", ""},
		"certificates:\n  - {tls-cert: " + certB + ", tls-key: none.key}\n":       {": tls-key: ", ""},
	} {
		var out bytes.Buffer
		_, err := loadCertificates(loadConfig(t, top+text), 0, slog.New(slog.NewJSONHandler(&out, nil)))
		if (err != nil) != (want[0] != "") || err != nil && !strings.Contains(err.Error(), want[0]) {
			t.Errorf("%s: got %v, want %q", text, err, want[0])
		}
		if (out.Len() > 0) != (want[1] != "") || !strings.Contains(out.String(), want[1]) {
			t.Errorf("%s: logged %s, want %q", text, out.String(), want[1])
		}
	}
}

// A negotiation and a security context are of the hosts of their route: at
// another host they are not known, by the same path and service.
func TestNewRefusesAContextAtAnotherHost(t *testing.T) {
	t.Parallel()
	w := newContextWorld(t, "SspiNegotiated", "")
	w.must(w.assemble("refusal-delay: 20ms\npolicy: SspiNegotiated\nkeytab: " + w.keytab("svc", service) +
		"\nroutes: [{path: /a, hosts: [a.example.com]}, {path: /a}]\n")) // requests are for example.com
	last := w.beforeLast("c")
	elsewhere := last
	elsewhere.path = "http://a.example.com" + last.path
	w.refused(w.send(elsewhere), invalidRequest, "trust-context-unknown")
	sc := w.context()
	if o := w.ask("http://a.example.com/a", sc); o.status == http.StatusOK ||
		o.event["code"] != "security-context-unknown" {
		t.Errorf("the context of another host: HTTP %d, %v", o.status, o.event["code"])
	}
	if o := w.ask("/a", sc); o.status != http.StatusOK {
		t.Errorf("HTTP %d: %v", o.status, o.event)
	}
}
