package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/wssgate/wssgate/kerberos"
)

// Certificates are those of a listener. Clients get them by the host that they
// ask for (SNI); the first is for those that ask for none, or for one that no
// certificate is for. They may be replaced while the listener is served:
// connections go on under the one that they began with, and no TLS session of an
// earlier one is resumed, so that tokens are bound to one that the client has
// seen. Certificates are safe for concurrent use.
type Certificates struct{ current atomic.Pointer[generation] }

// A generation is the certificates of one time. Each has TLS session tickets of
// its own.
type generation struct {
	config *tls.Config
	all    certificates
}

// TLSRules are what a listener asks of its clients. The zero value asks for TLS
// 1.2, and no client certificate.
type TLSRules struct {
	MinVersion uint16 // such as [tls.VersionTLS13]; 0 for TLS 1.2
	// ClientCAs verify client certificates, for which clients are asked unless it is
	// nil. One that they do not verify ends the connection. RequireClient ends that
	// of a client without one, too.
	ClientCAs     *x509.CertPool
	RequireClient bool
}

func (r TLSRules) clientAuth() tls.ClientAuthType {
	switch {
	case r.RequireClient: // without ClientCAs none is verified
		return tls.RequireAndVerifyClientCert
	case r.ClientCAs != nil:
		return tls.VerifyClientCertIfGiven
	}
	return tls.NoClientCert
}

// NewCertificates returns Certificates, of which there has to be one at least.
func NewCertificates(all []tls.Certificate, rules TLSRules) *Certificates {
	c := new(Certificates)
	c.Replace(all, rules)
	return c
}

// Replace puts other certificates and rules in the place of those that clients
// have got.
func (c *Certificates) Replace(all []tls.Certificate, rules TLSRules) {
	g := &generation{config: &tls.Config{MinVersion: max(rules.MinVersion, tls.VersionTLS12),
		NextProtos: []string{"h2", "http/1.1"}, Certificates: slices.Clone(all),
		ClientAuth: rules.clientAuth(), ClientCAs: rules.ClientCAs}}
	if rules.ClientCAs == nil {
		g.config.ClientCAs = x509.NewCertPool() // nil would be the authorities of the system
	}
	// Else the keys of tickets are those of the listener, for all generations.
	g.config.WrapSession, g.config.UnwrapSession = g.config.EncryptTicket, g.config.DecryptTicket
	for _, one := range all {
		var known certificate
		if leaf, err := leafOf(one); err == nil {
			known.leaf = leaf
			known.binding, _ = kerberos.EndPointBinding(leaf)
		}
		g.all = append(g.all, known)
	}
	c.current.Store(g)
}

// config returns the configuration of a listener whose connections are
// countedConns: each keeps the certificates that it began with.
func (c *Certificates) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			g := c.current.Load()
			if conn, ok := hello.Conn.(*countedConn); ok {
				conn.certificates = g.all
			}
			return g.config, nil
		}}
}

// certificates are those of a listener, the default first.
type certificates []certificate

type certificate struct {
	leaf    *x509.Certificate // nil if it cannot be read: it is for no host then
	binding []byte            // nil if it has none, so that a token that is bound is refused
}

// certificatesOf returns the certificates that the connection of a request began
// with, after the handshake.
func certificatesOf(ctx context.Context) certificates {
	if conn, _ := ctx.Value(connKey{}).(*countedConn); conn != nil {
		return conn.certificates
	}
	return nil
}

// of returns the certificates that a client may get that asks for a host, as
// indexes: those that are for the host, of which there are several while one is
// being replaced. Without one, named is false, and they are the default one and
// those that are for a name of it.
func (all certificates) of(host string) (list []int, named bool) {
	for i := range all {
		if all[i].isFor(host) {
			list = append(list, i)
		}
	}
	if list != nil || len(all) == 0 {
		return list, list != nil
	}
	list = []int{0}
	for i := 1; i < len(all) && all[0].leaf != nil; i++ {
		if slices.ContainsFunc(all[0].leaf.DNSNames, all[i].isFor) {
			list = append(list, i)
		}
	}
	return list, false
}

func (c *certificate) isFor(host string) bool {
	return host != "" && c.leaf != nil && c.leaf.VerifyHostname(host) == nil
}

// misdirected returns an error for a request whose host has a certificate, if
// its connection is for a host with another one (RFC 9110 7.4). The channel
// that its tokens are bound to would be that of the other host.
func misdirected(r *http.Request) error {
	all := certificatesOf(r.Context())
	if r.TLS == nil || len(all) < 2 {
		return nil
	}
	host, asked := hostName(r.Host), strings.ToLower(r.TLS.ServerName)
	own, named := all.of(host)
	used, _ := all.of(asked)
	if !named || host == asked || slices.Contains(own, used[0]) {
		return nil
	}
	return &Error{Code: CodeMisdirected, Err: fmt.Errorf("the request is for the host %.200q, the connection for %.200q",
		host, asked)}
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

// clientSubject returns the subject of the certificate by which the client of a
// request is verified in TLS, "" if it has none. It is written as in RFC 4514;
// octets beyond those of printable ASCII are escaped.
func clientSubject(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	var b strings.Builder
	for _, c := range []byte(r.TLS.PeerCertificates[0].Subject.String()) {
		if c < ' ' || c > '~' {
			fmt.Fprintf(&b, `\%02X`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// Bindings returns the channel bindings of the connection of r: that of the
// certificate (RFC 5929), which Windows and Java clients use, and that of the
// connection itself (RFC 9266). There are none if TLS ends in front of the
// gateway.
func Bindings(r *http.Request) [][]byte {
	if r.TLS == nil {
		return nil
	}
	var list [][]byte
	all := certificatesOf(r.Context())
	used, _ := all.of(strings.ToLower(r.TLS.ServerName))
	for _, i := range used {
		if b := all[i].binding; b != nil {
			list = append(list, b)
		}
	}
	if ekm, err := r.TLS.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32); err == nil {
		list = append(list, append([]byte("tls-exporter:"), ekm...))
	}
	return list
}
