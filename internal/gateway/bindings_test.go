package gateway_test

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// certificate makes a self-signed one.
func certificate(t *testing.T, key crypto.Signer) tls.Certificate {
	t.Helper()
	return certificateFor(t, key, "gw.example.com")
}

func certificateFor(t *testing.T, key crypto.Signer, host string) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host},
		NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: must(x509.ParseCertificate(der))}
}

func ecdsaCertificate(t *testing.T, c elliptic.Curve) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return certificate(t, key)
}

// boundTo is the GSS-API checksum (RFC 4121 4.1.1) of a token with channel
// bindings.
func boundTo(application []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 16)
	sum := md5.Sum(append(binary.LittleEndian.AppendUint32(make([]byte, 16), uint32(len(application))), application...))
	return binary.LittleEndian.AppendUint32(append(b, sum[:]...), 0x3c)
}

// endPoint is tls-server-end-point as a client computes it.
func endPoint(c *x509.Certificate, hash crypto.Hash) []byte {
	h := hash.New()
	h.Write(c.Raw)
	return h.Sum([]byte("tls-server-end-point:"))
}

// A bearer token that is bound to a TLS channel is accepted over that channel,
// and over no other.
func TestBindingsRefuseTokensOfAnotherChannel(t *testing.T) {
	for _, rule := range []gss.BindingRule{gss.BindingsOff, gss.BindingsWhenPresent, gss.BindingsRequired} {
		w := newWorld(t, func(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) { *p, _ = wssec.Preset("KerberosToken") })
		w.gateway.Config.Handler = w.bearer(rule)
		cert := ecdsaCertificate(t, elliptic.P384())
		other := ecdsaCertificate(t, elliptic.P384())
		own := gateway.NewCertificates([]tls.Certificate{cert}, gateway.TLSRules{})
		addr, _ := w.listen(&gateway.Server{Certificates: own,
			HeaderTimeout: time.Minute, ReadTimeout: time.Minute, ShutdownTimeout: time.Millisecond})
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for what, bindings := range map[string]func(c *tls.ConnectionState) []byte{
				"none":            func(*tls.ConnectionState) []byte { return nil },
				"the certificate": func(c *tls.ConnectionState) []byte { return endPoint(c.PeerCertificates[0], crypto.SHA384) },
				"the connection":  exporter,
				"a wrong hash":    func(c *tls.ConnectionState) []byte { return endPoint(c.PeerCertificates[0], crypto.SHA256) },
				"another server": func(*tls.ConnectionState) []byte {
					return endPoint(must(x509.ParseCertificate(other.Certificate[0])), crypto.SHA384)
				},
				"no type of these": func(*tls.ConnectionState) []byte { return []byte("tls-unique:0") },
			} {
				conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
				w.must(err)
				state := conn.ConnectionState()
				status := w.bearerCall(conn, bindings(&state))
				bound := what == "the certificate" || what == "the connection"
				if ok := bound || rule == gss.BindingsOff || what == "none" &&
					rule == gss.BindingsWhenPresent; ok != (status == 200) || !ok && status != 500 {
					t.Errorf("%q, %s, bound to %s: HTTP %d", rule, tls.VersionName(version), what, status)
				}
			}
			// What is bound to one connection is not good on the next.
			first, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
			w.must(err)
			state := first.ConnectionState()
			second, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
			w.must(err)
			if status := w.bearerCall(second, exporter(&state)); (status == 200) != (rule == gss.BindingsOff) {
				t.Errorf("%q, %s, bound to an earlier connection: HTTP %d", rule, tls.VersionName(version), status)
			}
			first.Close()
		}
	}
}

// A token is bound to its channel whether or not the client has a certificate of
// its own, of which the event has the subject.
func TestBindingsHoldBesideAClientCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) { *p, _ = wssec.Preset("KerberosToken") })
	w.gateway.Config.Handler = w.bearer(gss.BindingsRequired)
	server, client := ecdsaCertificate(t, elliptic.P256()), ecdsaCertificate(t, elliptic.P256())
	pool := x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(client.Certificate[0])))
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
		ShutdownTimeout: time.Millisecond, Certificates: gateway.NewCertificates([]tls.Certificate{server},
			gateway.TLSRules{MinVersion: tls.VersionTLS13, ClientCAs: pool, RequireClient: true})})
	own := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{client}}
	for what, bindings := range map[string]func(c *tls.ConnectionState) []byte{
		"the certificate": func(c *tls.ConnectionState) []byte {
			return endPoint(c.PeerCertificates[0], crypto.SHA256)
		},
		"the connection":         exporter,
		"the client certificate": func(*tls.ConnectionState) []byte { return endPoint(client.Leaf, crypto.SHA256) },
	} {
		conn, err := tls.Dial("tcp", addr, own)
		w.must(err)
		state := conn.ConnectionState()
		if status := w.bearerCall(conn, bindings(&state)); (status == 200) == (what == "the client certificate") {
			t.Errorf("bound to %s: HTTP %d", what, status)
		}
	}
}

// exporter is the binding tls-exporter (RFC 9266).
func exporter(c *tls.ConnectionState) []byte {
	return append([]byte("tls-exporter:"), must(c.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32))...)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// bearer makes a gateway of bare tokens under a rule.
func (w *world) bearer(rule gss.BindingRule) http.Handler {
	w.t.Helper()
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil), BindingRule: rule})
	w.must(err)
	policy, _ := wssec.Preset("KerberosToken")
	processor, err := wssec.NewProcessor(policy, wssec.Config{Verifier: acceptor})
	w.must(err)
	cfg := w.config
	cfg.Routes[0].Door = door.NewSecurity(policy.Name, processor)
	g, err := gateway.New(cfg)
	w.must(err)
	return g
}

// bearerCall sends one message under a token with bindings, nil for none, and
// closes the connection.
func (w *world) bearerCall(conn *tls.Conn, bindings []byte) (status int) {
	w.t.Helper()
	return w.bearerCallTo(conn, "gw.example.com", bindings)
}

// bearerCallTo is bearerCall for a host.
func (w *world) bearerCallTo(conn *tls.Conn, host string, bindings []byte) (status int) {
	w.t.Helper()
	defer conn.Close()
	var o krbtest.TokenOptions
	if bindings != nil {
		o.Checksum = boundTo(bindings)
	}
	msg, _ := w.protectWith("alice", envelope(soap.V11, payload), o)
	req, err := http.NewRequest(http.MethodPost, "https://"+host+"/svc", bytes.NewReader(msg))
	w.must(err)
	req.Header.Set("Content-Type", soap.V11.ContentType())
	w.must(req.Write(conn))
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	w.must(err)
	defer resp.Body.Close()
	return resp.StatusCode
}

// A token has to be bound to a certificate for the host that its connection is
// for: that of another host is refused, and of several for one host, while one
// is being replaced, each is good.
func TestBindingsFollowTheHostOfTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) { *p, _ = wssec.Preset("KerberosToken") })
	w.gateway.Config.Handler = w.bearer(gss.BindingsRequired)
	var all []tls.Certificate
	for _, host := range []string{"gw.example.com", "b.example.com", "b.example.com"} {
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		all = append(all, certificateFor(t, key, host))
	}
	addr, _ := w.listen(&gateway.Server{Certificates: gateway.NewCertificates(all, gateway.TLSRules{}),
		HeaderTimeout: time.Minute,
		ReadTimeout:   time.Minute, ShutdownTimeout: time.Millisecond})
	for _, tt := range []struct {
		sni, host string
		good      []int
	}{
		{"gw.example.com", "gw.example.com", []int{0}}, {"GW.example.com", "gw.example.com", []int{0}},
		{"127.0.0.1", "gw.example.com", []int{0}}, // without SNI
		{"other.example.com", "other.example.com", []int{0}}, {"b.example.com", "b.example.com", []int{1, 2}},
	} {
		for i := range all {
			conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, ServerName: tt.sni})
			w.must(err)
			status := w.bearerCallTo(conn, tt.host, endPoint(must(x509.ParseCertificate(all[i].Certificate[0])), crypto.SHA256))
			if (status == 200) != slices.Contains(tt.good, i) {
				t.Errorf("connection for %q, bound to certificate %d: HTTP %d", tt.sni, i, status)
			}
		}
	}
}

// A certificate that is replaced stays that of the connections that began with
// it. New ones have the new one, also those whose client would resume its
// session, and no token that is bound to the old one is good on them.
func TestCertificatesAreReplacedForNewConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) { *p, _ = wssec.Preset("KerberosToken") })
	w.gateway.Config.Handler = w.bearer(gss.BindingsRequired)
	var all []tls.Certificate
	var bindings [][]byte
	for range 2 {
		c := certificateFor(t, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), "gw.example.com")
		all = append(all, c)
		bindings = append(bindings, endPoint(must(x509.ParseCertificate(c.Certificate[0])), crypto.SHA256))
	}
	used := gateway.NewCertificates(all[:1], gateway.TLSRules{})
	addr, _ := w.listen(&gateway.Server{Certificates: used, HeaderTimeout: time.Minute,
		ReadTimeout: time.Minute, ShutdownTimeout: time.Millisecond})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		used.Replace(all[:1], gateway.TLSRules{})
		cache := tls.NewLRUClientSessionCache(1)
		dial := func(want int) *tls.Conn {
			conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, ServerName: "gw.example.com",
				ClientSessionCache: cache, MinVersion: version, MaxVersion: version, NextProtos: []string{"http/1.1"}})
			w.must(err)
			state := conn.ConnectionState()
			if !bytes.Equal(state.PeerCertificates[0].Raw, all[want].Certificate[0]) || state.NegotiatedProtocol != "http/1.1" {
				t.Errorf("%s: not under certificate %d, or %q", tls.VersionName(version), want, state.NegotiatedProtocol)
			}
			return conn
		}
		first, open, wrong := dial(0), dial(0), dial(0)
		if status := w.bearerCall(first, bindings[0]); status != 200 {
			t.Errorf("before: HTTP %d", status)
		}
		if conn := dial(0); !conn.ConnectionState().DidResume {
			t.Error("no session was resumed: there is nothing to see here")
		}
		used.Replace(all[1:], gateway.TLSRules{})
		for name, tt := range map[string]struct {
			conn   *tls.Conn
			bound  int
			status int
		}{
			"open before": {open, 0, 200}, "open before, the new binding": {wrong, 1, 500},
			"new": {dial(1), 1, 200}, "new, the old binding": {dial(1), 0, 500},
		} {
			if status := w.bearerCall(tt.conn, bindings[tt.bound]); status != tt.status {
				t.Errorf("%s, %s: HTTP %d, want %d", tls.VersionName(version), name, status, tt.status)
			}
		}
	}
}
