package gateway

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
)

// EndPointBinding gives the channel binding tls-server-end-point of a server's
// certificate (RFC 5929 §4.1). It fails if the certificate's signature has not
// exactly one hash, for then the RFC defines none.
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
		return nil, fmt.Errorf("gateway: tls-server-end-point is not defined for a certificate signed with %v (RFC 5929 4.1)", c.SignatureAlgorithm)
	}
	h := hash.New()
	h.Write(c.Raw)
	return h.Sum([]byte("tls-server-end-point:")), nil
}

type endPointsKey struct{}

// withEndPoints is the context of a listener's requests: the bindings of the
// certificates that it serves. One that is not defined is left out, so that a client
// with any is refused.
func withEndPoints(ctx context.Context, cfg *tls.Config) context.Context {
	var bindings [][]byte
	if cfg == nil {
		return ctx
	}
	for _, c := range cfg.Certificates {
		leaf, err := leafOf(c)
		if err != nil {
			continue
		}
		if b, err := EndPointBinding(leaf); err == nil {
			bindings = append(bindings, b)
		}
	}
	return context.WithValue(ctx, endPointsKey{}, bindings)
}

func leafOf(c tls.Certificate) (*x509.Certificate, error) {
	if c.Leaf != nil {
		return c.Leaf, nil
	}
	if len(c.Certificate) == 0 {
		return nil, errors.New("gateway: certificate without octets")
	}
	return x509.ParseCertificate(c.Certificate[0])
}

// bindings gives the channel bindings of the connection that r came by: that of the
// certificate (RFC 5929), which Windows and Java clients have, and that of the
// connection itself (RFC 9266). Where TLS ends in front of us there are none.
func bindings(r *http.Request) [][]byte {
	if r.TLS == nil {
		return nil
	}
	all, _ := r.Context().Value(endPointsKey{}).([][]byte)
	if ekm, err := r.TLS.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32); err == nil {
		all = append(all[:len(all):len(all)], append([]byte("tls-exporter:"), ekm...))
	}
	return all
}
