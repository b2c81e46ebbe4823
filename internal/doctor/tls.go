package doctor

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/config"
)

// certificateWarning is how long before its end a certificate should have been
// renewed.
const certificateWarning = 30 * 24 * time.Hour

// checkTLS looks at every listener, and every certificate.
func (d *doctor) checkTLS(context.Context) (list []Result) {
	for i := range d.Settings.Listeners {
		l := &d.Settings.Listeners[i]
		if l.TLSCert == "" {
			list = append(list, d.plainListener(l))
			continue
		}
		list = append(list, d.certificateNames(l)...)
		list = append(list, d.checkCertificate(config.Certificate{TLSCert: l.TLSCert, TLSKey: l.TLSKey})...)
	}
	for _, c := range d.Settings.Certificates {
		list = append(list, d.checkCertificate(c)...)
	}
	return list
}

// checkCertificate looks at a certificate as a client would.
func (d *doctor) checkCertificate(c config.Certificate) []Result {
	path := c.TLSCert
	pair, err := tls.LoadX509KeyPair(path, c.TLSKey)
	if err != nil {
		return []Result{fail(path, err.Error(),
			"give a PEM certificate chain and its key; openssl x509 -noout -pubkey and openssl pkey -pubout print the "+
				"same for a pair")}
	}
	leaf := pair.Leaf
	if leaf == nil {
		return []Result{fail(path, "holds no certificate", "give a PEM certificate chain")}
	}
	list := []Result{d.certificateLife(path, leaf)}
	list = append(list, certificateUse(path, leaf)...)
	list = append(list, d.certificateChain(path, leaf, pair.Certificate)...)
	if r, bad := checkSecretFile(c.TLSKey, "whoever reads it can be taken for this server"); bad {
		list = append(list, r)
	}
	return list
}

// plainListener returns the result for a listener without TLS.
func (d *doctor) plainListener(l *config.Listener) Result {
	subject := strings.TrimSpace("listener " + l.Name)
	for i := range d.Settings.Routes {
		r := &d.Settings.Routes[i]
		switch {
		case !slices.Contains(d.Settings.ListenersOf(r), *l):
		case r.Standard == config.StandardNone:
			return warn(subject, "has no TLS, and the route "+r.Name()+
				" takes messages of everybody, as they are (standard: none)",
				"give it a policy, or see to it that only those who may call reach the port")
		case r.Standard == config.StandardHTTP && !r.TLSOffloaded:
			return warn(subject, "has no TLS, and nothing else protects the requests of route "+r.Name()+
				" with their tokens and cookies (standard: spnego-http)",
				"give tls-cert and tls-key, or tls-offloaded if a proxy in front of wssgate ends TLS")
		case slices.ContainsFunc(r.Policy.All(), config.Policy.ReliesOnNothing) && !r.TLSOffloaded:
			return warn(subject, "has no TLS, and nothing else protects the messages of route "+r.Name()+" (allow-plain-http)",
				"give tls-cert and tls-key, or tls-offloaded if a proxy in front of wssgate ends TLS")
		case r.TLSOffloaded:
			return ok(subject, "has no TLS; a proxy ends it (tls-offloaded), and nothing else may reach the port")
		}
	}
	return skip(subject, "has no TLS; the policies protect the messages themselves")
}

func (d *doctor) certificateLife(path string, leaf *x509.Certificate) Result {
	now := d.Now()
	left := leaf.NotAfter.Sub(now)
	switch until := leaf.NotAfter.UTC().Format(time.DateOnly); {
	case now.Before(leaf.NotBefore):
		return fail(path, "the certificate is valid from "+leaf.NotBefore.UTC().Format(time.RFC3339)+" on only",
			"check this machine's clock, or wait")
	case left <= 0:
		return fail(path, "the certificate has expired on "+until, "renew it, and restart wssgate")
	case left < certificateWarning:
		return warn(path, fmt.Sprintf("the certificate expires on %s, in %s", until,
			plural(int(left/(24*time.Hour)), "day")), "renew it, and restart wssgate")
	default:
		return ok(path, "certificate and key fit; valid until %s", until)
	}
}

// certificateNames compares the certificates of a listener with the hosts that
// clients are likely to have in their URLs.
func (d *doctor) certificateNames(l *config.Listener) (list []Result) {
	hosts, leaves := d.hosts(), d.leavesOf(l)
	for i := range d.Settings.Routes {
		if r := &d.Settings.Routes[i]; slices.Contains(d.Settings.ListenersOf(r), *l) {
			hosts = append(hosts, r.Hosts...)
		}
	}
	if host, _, err := net.SplitHostPort(l.Listen); err == nil && host != "" && net.ParseIP(host) == nil {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	for _, host := range slices.Compact(hosts) {
		if len(leaves) > 0 && !slices.ContainsFunc(leaves, func(leaf *x509.Certificate) bool {
			return leaf.VerifyHostname(host) == nil
		}) {
			list = append(list, warn(l.TLSCert,
				fmt.Sprintf("the certificate is for %s, not for %s", strings.Join(certificateHosts(leaves[0]), ", "), host),
				"fine if clients call another name; else get a certificate for it"))
		}
	}
	return list
}

// leavesOf returns the certificates of a listener that can be read.
func (d *doctor) leavesOf(l *config.Listener) (list []*x509.Certificate) {
	for _, c := range d.Settings.CertificatesOf(l) {
		if pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err == nil && pair.Leaf != nil {
			list = append(list, pair.Leaf)
		}
	}
	return list
}

func certificateHosts(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{"no host (it has no subjectAltName)"}
	}
	return names
}

// certificateUse finds what clients refuse whatever the chain.
func certificateUse(path string, leaf *x509.Certificate) (list []Result) {
	if len(leaf.ExtKeyUsage) > 0 && !slices.ContainsFunc(leaf.ExtKeyUsage, func(u x509.ExtKeyUsage) bool {
		return u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageAny
	}) {
		list = append(list, fail(path, "the certificate is not for servers (extended key usage)", "get one with serverAuth"))
	}
	if key, isRSA := leaf.PublicKey.(*rsa.PublicKey); isRSA && key.N.BitLen() < 2048 {
		list = append(list, fail(path, fmt.Sprintf("the certificate has an RSA key of %d bits", key.N.BitLen()),
			"get one with 2048 or more, or ECDSA"))
	}
	if leaf.SignatureAlgorithm == x509.SHA1WithRSA || leaf.SignatureAlgorithm == x509.ECDSAWithSHA1 {
		list = append(list, fail(path, "the certificate is signed with SHA-1, which clients refuse",
			"get one signed with SHA-256"))
	}
	return list
}

// certificateChain tries to build the chain from what is sent and what this
// machine trusts.
func (d *doctor) certificateChain(path string, leaf *x509.Certificate, sent [][]byte) []Result {
	pool := x509.NewCertPool()
	for _, der := range sent[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			pool.AddCert(c)
		}
	}
	_, err := leaf.Verify(x509.VerifyOptions{Intermediates: pool, CurrentTime: d.Now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	var unknown x509.UnknownAuthorityError
	switch {
	case !errors.As(err, &unknown): // its life was checked already
		return nil
	case leaf.CheckSignatureFrom(leaf) == nil || leaf.Issuer.String() == leaf.Subject.String():
		return []Result{warn(path, "the certificate is signed by itself",
			"let every client trust it, or get one from an authority that they trust")}
	case len(sent) == 1:
		return []Result{warn(path, "this machine does not trust the certificate's issuer, "+leaf.Issuer.String()+
			", and the file holds no intermediate certificate",
			"fine if clients trust that issuer itself; else append the intermediate certificates to the file")}
	}
	return []Result{warn(path, "this machine does not trust the chain of "+plural(len(sent), "certificate"),
		"fine if clients trust its authority; else look for a missing intermediate certificate")}
}
