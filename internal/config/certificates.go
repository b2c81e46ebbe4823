package config

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Certificate is an entry of "certificates:" in the file. All listeners with TLS
// have it beside their own, for the clients that ask for a host that it is for
// and the earlier ones are not. Tags are those of [Process].
type Certificate struct {
	// TLSCert and TLSKey are files with the PEM certificate chain and its
	// private key.
	TLSCert string `yaml:"tls-cert" placeholder:"FILE"`
	TLSKey  string `yaml:"tls-key" placeholder:"FILE"`
}

func certificatePrefix(i int) string { return fmt.Sprintf("certificates[%d].", i) }

// CertificatesOf returns the certificates of a listener: its own, which is for
// clients that ask for no host, or one that none is for, and those of
// certificates:. A listener without TLS has none.
func (c *Config) CertificatesOf(l *Listener) []Certificate {
	if l.TLSCert == "" {
		return nil
	}
	return append([]Certificate{{TLSCert: l.TLSCert, TLSKey: l.TLSKey}}, c.Certificates...)
}

// RefuseCertificate is [Config.Refuse] for a setting of the certificate i of
// [Config.CertificatesOf] Listeners[listener].
func (c *Config) RefuseCertificate(listener, i int, setting, problem, cure string) error {
	if i == 0 {
		return c.RefuseListener(listener, setting, problem, cure)
	}
	return c.refuse(certificatePrefix(i-1), setting, problem, cure)
}

// certificateList decodes the entries of certificates:.
func (d *fileDecoder) certificateList(node ast.Node, into *[]Certificate) {
	list, ok := node.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		d.find(place(d.name, node.GetToken()), "certificates", "is not a list of certificates",
			"begin each certificate with \"- tls-cert: …\"")
		return
	}
	for i, entry := range list.Values {
		var c Certificate
		for setting, how := range d.mapping(entry, fieldsOf(&c), certificatePrefix(i)) {
			d.origins[certificatePrefix(i)+setting] = how
		}
		d.certificateEntries = append(d.certificateEntries, place(d.name, startOf(entry)))
		*into = append(*into, c)
	}
}

// certificates checks the entries of certificates:, and that a listener has TLS.
func (k *checker) certificates() {
	all := k.cfg.Certificates
	if len(all) > 0 && !slices.ContainsFunc(k.cfg.Listeners, func(l Listener) bool { return l.TLSCert != "" }) {
		k.find("certificates", "has no use: no listener has TLS", "give a listener tls-cert and tls-key")
	}
	for i, c := range all {
		k.prefix, k.entry = certificatePrefix(i), k.cfg.certificateEntries[i]
		first := slices.IndexFunc(all, func(o Certificate) bool { return o.TLSCert == c.TLSCert })
		switch {
		case c.TLSCert == "":
			k.findEntry("tls-cert", "is required", "write tls-cert: in this entry of certificates:")
		case c.TLSKey == "":
			k.findEntry("tls-key", "is required", "write tls-key: in this entry of certificates:")
		case first < i:
			k.find("tls-cert", fmt.Sprintf("%s is that of certificate %d already", c.TLSCert, first+1), "remove one")
		}
	}
	k.prefix, k.entry = "", ""
}
