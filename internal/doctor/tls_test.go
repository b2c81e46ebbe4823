package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// certificate makes a self-signed certificate that lives for so long.
func (c *clinic) certificate(life time.Duration, host string) {
	c.t.Helper()
	c.certificateOf(&x509.Certificate{Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(life)}, nil)
}

// certificateOf makes one of a template, signed by itself or by an authority
// that nobody trusts.
func (c *clinic) certificateOf(template, issuer *x509.Certificate) {
	c.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	signer := key
	template.SerialNumber = big.NewInt(1)
	if issuer == nil {
		issuer = template
	} else {
		signer, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	cert, err2 := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, signer)
	der, err3 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err, err2, err3); err != nil {
		c.t.Fatal(err)
	}
	dir := c.t.TempDir()
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: cert},
		"tls.key": {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	c.set("tls-cert", filepath.Join(dir, "tls.crt"))
	c.set("tls-key", filepath.Join(dir, "tls.key"))
}

func TestCheckTLSFindsWrongCertificates(t *testing.T) {
	t.Parallel()
	good := func() *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: "gw"}, DNSNames: []string{"gw.example.com"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(9999 * time.Hour)}
	}
	authority := &x509.Certificate{Subject: pkix.Name{CommonName: "Authority"}}
	for name, test := range map[string]struct {
		prepare func(*clinic)
		want    []string
	}{
		"no TLS":  {func(*clinic) {}, nil},
		"by self": {func(c *clinic) { c.certificateOf(good(), nil) }, []string{"warn tls … signed by itself"}},
		"by an authority": {func(c *clinic) { c.certificateOf(good(), authority) }, []string{
			"warn tls … does not trust the certificate's issuer, CN=Authority, and the file holds no intermediate " +
				"certificate … append"}},
		"not yet": {func(c *clinic) {
			x := good()
			x.NotBefore = time.Now().Add(time.Hour)
			c.certificateOf(x, nil)
		}, []string{"fail tls … is valid from"}},
		"no names": {func(c *clinic) {
			x := good()
			x.DNSNames = nil
			c.certificateOf(x, nil)
		}, []string{"warn tls … no host (it has no subjectAltName), not for gw.example.com", "warn tls … signed by itself"}},
		"for an address, on a listener with a name": {func(c *clinic) {
			x := good()
			x.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 7)}
			c.certificateOf(x, nil)
			c.set("listen", "other.example.com:8443")
		}, []string{"warn tls … is for gw.example.com, 192.0.2.7, not for other.example.com", "warn tls … signed by itself"}},
		"for clients": {func(c *clinic) {
			x := good()
			x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			c.certificateOf(x, nil)
		}, []string{"fail tls … is not for servers", "warn tls … signed by itself"}},
		"of further hosts": {func(c *clinic) {
			x := good()
			x.DNSNames = []string{"a.example.com"}
			c.certificateOf(x, nil)
			further := "[{tls-cert: " + c.get("tls-cert") + ", tls-key: " + c.get("tls-key") + "}]"
			c.certificateOf(good(), nil)
			c.set("certificates", further)
			c.set("hosts", "[gw.example.com, a.example.com, b.example.com]")
		}, []string{"warn tls … is for gw.example.com, not for b.example.com", "warn tls … signed by itself",
			"warn tls … signed by itself"}},
		"key of another": {func(c *clinic) {
			c.certificateOf(good(), nil)
			first := c.get("tls-cert")
			c.certificateOf(good(), nil)
			c.set("tls-cert", first)
		}, []string{"fail tls … private key does not match public key; give a PEM"}},
		"key for everybody": {func(c *clinic) {
			c.certificateOf(good(), nil)
			os.Chmod(c.get("tls-key"), 0o644)
		}, []string{"warn tls … signed by itself",
			"fail tls … can be read by everybody (-rw-r--r--): whoever reads it can be taken for this server"}},
		"nothing protects": {func(c *clinic) { c.set("policy", "{preset: KerberosToken, allow-plain-http: true}") }, []string{
			"warn tls listener: has no TLS, and nothing else protects the messages of route /"}},
		"offloaded": {func(c *clinic) { c.set("tls-offloaded", "true") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := offline(t)
			c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
			test.prepare(c)
			c.expectOf("tls", test.want...)
		})
	}
}
