package kerberos_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
)

// RFC 5929 4.1: the hash is that of the certificate's signature, SHA-256 for
// MD5 and SHA-1; without a single one it is not defined.
func TestEndPointBindingHashesTheCertificate(t *testing.T) {
	t.Parallel()
	for algorithm, hash := range map[x509.SignatureAlgorithm]crypto.Hash{
		x509.MD5WithRSA: crypto.SHA256, x509.SHA1WithRSA: crypto.SHA256, x509.ECDSAWithSHA1: crypto.SHA256,
		x509.SHA256WithRSA: crypto.SHA256, x509.SHA256WithRSAPSS: crypto.SHA256, x509.ECDSAWithSHA256: crypto.SHA256,
		x509.SHA384WithRSA: crypto.SHA384, x509.SHA384WithRSAPSS: crypto.SHA384, x509.ECDSAWithSHA384: crypto.SHA384,
		x509.SHA512WithRSA: crypto.SHA512, x509.SHA512WithRSAPSS: crypto.SHA512, x509.ECDSAWithSHA512: crypto.SHA512,
	} {
		c := &x509.Certificate{Raw: []byte("a certificate"), SignatureAlgorithm: algorithm}
		h := hash.New()
		h.Write(c.Raw)
		got, err := kerberos.EndPointBinding(c)
		if want := h.Sum([]byte("tls-server-end-point:")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %q, %v", algorithm, got, err)
		}
	}
	c := &x509.Certificate{Raw: []byte("a certificate"), SignatureAlgorithm: x509.PureEd25519}
	if got, err := kerberos.EndPointBinding(c); err == nil {
		t.Errorf("Ed25519: %q", got)
	}
}
