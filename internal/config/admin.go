package config

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

// AdminOff is the value of admin for a process without an operator's listener.
const AdminOff = "off"

// HasAdmin reports whether there is an operator's listener.
func (p *Process) HasAdmin() bool { return p.Admin != AdminOff && p.Admin != "" }

// AdminGiven reports whether the operator has written where the operator's
// listener is.
func (c *Config) AdminGiven() bool {
	_, given := c.origins["admin"]
	return given
}

// admin checks the operator's listener. Nothing is asked of those who reach it, so
// an address that others reach is refused.
func (k *checker) admin(p *Process) {
	k.adminClients(p)
	if !p.HasAdmin() {
		return
	}
	if path, ok := strings.CutPrefix(p.Admin, "unix:"); ok {
		if !filepath.IsAbs(path) {
			k.find("admin", fmt.Sprintf("%q is not the absolute path of a socket", path),
				"write it as unix:/run/wssgate/admin.sock")
		}
		return
	}
	host, _, err := net.SplitHostPort(p.Admin)
	if err != nil {
		k.find("admin", fmt.Sprintf("%q is not host:port", p.Admin), `write "127.0.0.1:9180", unix:/path or off`)
		return
	}
	for _, name := range p.AdminHosts {
		if strings.ContainsAny(name, ":/") || name == "" {
			k.find("admin-hosts", fmt.Sprintf("%q is not a host name", name), "write it without a port, as gw1.example.com")
		}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && !p.AdminAnywhere {
		k.find("admin", fmt.Sprintf("%q is reached from elsewhere, and asks nobody who they are", p.Admin),
			"write 127.0.0.1:9180 or unix:/path; or set admin-anywhere, where a firewall or a pod's network keeps others off")
	}
}

// adminClients checks who may use the operator's listener. A list that nothing is
// held against is worse than none, and so is a keytab that admits the whole realm.
func (k *checker) adminClients(p *Process) {
	k.principals("admin-allowed-principals", p.AdminAllowedPrincipals)
	switch {
	case p.AdminKeytab == "" && len(p.AdminAllowedPrincipals) > 0:
		k.find("admin-allowed-principals", "has no use without admin-keytab",
			"name a keytab with the key of HTTP/HOST, HOST being the name by which browsers ask")
	case p.AdminKeytab != "" && len(p.AdminAllowedPrincipals) == 0:
		k.find("admin-keytab", "would let in everybody who has a ticket",
			"write admin-allowed-principals: [alice@EXAMPLE.COM]")
	}
}
