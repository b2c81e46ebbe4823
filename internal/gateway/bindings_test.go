package gateway_test

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"net/http"
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
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"gw.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func ecdsaCertificate(t *testing.T, c elliptic.Curve) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return certificate(t, key)
}

// boundTo is the GSS-API checksum (RFC 4121 4.1.1) of a token with channel bindings.
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

// A bearer token that is bound to a TLS channel is accepted over that channel, and over no other.
func TestBearerTokensBoundToAChannel(t *testing.T) {
	for _, rule := range []gss.BindingRule{gss.BindingsOff, gss.BindingsWhenPresent, gss.BindingsRequired} {
		w := newWorld(t, func(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) { *p, _ = wssec.Preset("KerberosToken") })
		w.gateway.Config.Handler = w.bearer(rule)
		cert := ecdsaCertificate(t, elliptic.P384())
		other := ecdsaCertificate(t, elliptic.P384())
		addr, _ := w.listen(&gateway.Server{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, HeaderTimeout: time.Minute, ReadTimeout: time.Minute, ShutdownTimeout: time.Millisecond})
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
				if ok := bound || rule == gss.BindingsOff || what == "none" && rule == gss.BindingsWhenPresent; ok != (status == 200) || !ok && status != 500 {
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

// bearerCall sends one message under a token with bindings, nil for none, and closes the connection.
func (w *world) bearerCall(conn *tls.Conn, bindings []byte) (status int) {
	w.t.Helper()
	defer conn.Close()
	var o krbtest.TokenOptions
	if bindings != nil {
		o.Checksum = boundTo(bindings)
	}
	msg, _ := w.protectWith("alice", envelope(soap.V11, payload), o)
	req, err := http.NewRequest(http.MethodPost, "https://gw.example.com/svc", bytes.NewReader(msg))
	w.must(err)
	req.Header.Set("Content-Type", soap.V11.ContentType())
	w.must(req.Write(conn))
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	w.must(err)
	defer resp.Body.Close()
	return resp.StatusCode
}

// RFC 5929 4.1: the hash is that of the certificate's signature, SHA-256 for MD5 and SHA-1; without a single one it is
// not defined.
func TestEndPointBinding(t *testing.T) {
	for algorithm, hash := range map[x509.SignatureAlgorithm]crypto.Hash{
		x509.MD5WithRSA: crypto.SHA256, x509.SHA1WithRSA: crypto.SHA256, x509.ECDSAWithSHA1: crypto.SHA256,
		x509.SHA256WithRSA: crypto.SHA256, x509.SHA256WithRSAPSS: crypto.SHA256, x509.ECDSAWithSHA256: crypto.SHA256,
		x509.SHA384WithRSA: crypto.SHA384, x509.SHA384WithRSAPSS: crypto.SHA384, x509.ECDSAWithSHA384: crypto.SHA384,
		x509.SHA512WithRSA: crypto.SHA512, x509.SHA512WithRSAPSS: crypto.SHA512, x509.ECDSAWithSHA512: crypto.SHA512,
	} {
		c := &x509.Certificate{Raw: []byte("a certificate"), SignatureAlgorithm: algorithm}
		if got, err := gateway.EndPointBinding(c); err != nil || !bytes.Equal(got, endPoint(c, hash)) {
			t.Errorf("%v: %q, %v", algorithm, got, err)
		}
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := gateway.EndPointBinding(must(x509.ParseCertificate(certificate(t, key).Certificate[0]))); err == nil {
		t.Errorf("Ed25519: %q", got)
	}
}
