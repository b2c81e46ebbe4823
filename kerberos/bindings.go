package kerberos

import (
	"crypto"
	"crypto/x509"
	"fmt"
)

// EndPointBinding returns the channel binding tls-server-end-point of a
// server's certificate (RFC 5929 §4.1), the application data of a channel's
// bindings. It fails if the certificate's signature does not use exactly one
// hash, for which the RFC defines none.
func EndPointBinding(c *x509.Certificate) ([]byte, error) {
	var hash crypto.Hash
	switch c.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, // SHA-256 in their place
		x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256:
		hash = crypto.SHA256
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		hash = crypto.SHA512
	default:
		return nil, fmt.Errorf("kerberos: tls-server-end-point is not defined for a certificate signed with %v "+
			"(RFC 5929 4.1)", c.SignatureAlgorithm)
	}
	h := hash.New()
	h.Write(c.Raw)
	return h.Sum([]byte("tls-server-end-point:")), nil
}
