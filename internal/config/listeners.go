package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Listener is an entry of "listeners:" in the file: an address to listen on,
// with TLS or without. Tags are those of [Process], which describes the one
// listener of a file without listeners:.
type Listener struct {
	// Name is what routes call it by [Route.OnListeners].
	Name string `yaml:"name"`
	// Listen is the address, host:port, or that of a socket that systemd passes; see
	// Passed.
	Listen string `yaml:"listen"`
	// TLSCert and TLSKey are files with the PEM certificate chain and its
	// private key; without them the listener is plain HTTP.
	TLSCert string `yaml:"tls-cert,omitempty" placeholder:"FILE"`
	TLSKey  string `yaml:"tls-key,omitempty" placeholder:"FILE"`
	// TLSMinVersion is the lowest version of TLS: "1.2", as "" is, or "1.3".
	TLSMinVersion string `yaml:"tls-min-version,omitempty"`
	// TLSClientCA is a file with the PEM certificates of the authorities of client
	// certificates. TLSClientAuth says whether clients are asked for one: "off", as
	// "" is, "request" or "require".
	TLSClientCA   string `yaml:"tls-client-ca,omitempty" placeholder:"FILE"`
	TLSClientAuth string `yaml:"tls-client-auth,omitempty"`
}

// AsksClients reports whether clients of the listener are asked for a
// certificate.
func (l *Listener) AsksClients() bool {
	return l.TLSClientAuth == "request" || l.TLSClientAuth == "require"
}

// ownListener returns the one listener of a configuration without listeners:.
func (s *Server) ownListener() Listener {
	return Listener{Listen: s.Listen, TLSCert: s.TLSCert, TLSKey: s.TLSKey, TLSMinVersion: s.TLSMinVersion,
		TLSClientCA: s.TLSClientCA, TLSClientAuth: s.TLSClientAuth}
}

// ofListener are the settings of the process that describe its one listener.
var ofListener = []string{"listen", "tls-cert", "tls-key", "tls-min-version", "tls-client-ca", "tls-client-auth"}

// Passed reports whether systemd passes the listener's socket, and by which name:
// "systemd" is the only one, "systemd:https" that with FileDescriptorName=https.
func (l *Listener) Passed() (name string, ok bool) {
	if l.Listen == "systemd" {
		return "", true
	}
	return strings.CutPrefix(l.Listen, "systemd:")
}

func listenerPrefix(i int) string { return fmt.Sprintf("listeners[%d].", i) }

// isOfListener reports whether a setting of the process describes its one
// listener.
func isOfListener(setting string) bool {
	return slices.Contains(ofListener, setting)
}

// ListenersOf returns the listeners that serve a route.
func (c *Config) ListenersOf(r *Route) []Listener {
	if len(r.OnListeners) == 0 {
		return c.Listeners
	}
	return slices.DeleteFunc(slices.Clone(c.Listeners), func(l Listener) bool {
		return !slices.Contains(r.OnListeners, l.Name)
	})
}

// HasTLS reports whether a listener of the route has TLS.
func (c *Config) HasTLS(r *Route) bool {
	return slices.ContainsFunc(c.ListenersOf(r), func(l Listener) bool { return l.TLSCert != "" })
}

// HasPlain reports whether a listener of the route has no TLS.
func (c *Config) HasPlain(r *Route) bool {
	return slices.ContainsFunc(c.ListenersOf(r), func(l Listener) bool { return l.TLSCert == "" })
}

// RefuseListener is [Config.Refuse] for a setting of Listeners[i].
func (c *Config) RefuseListener(i int, setting, problem, cure string) error {
	if c.listenerEntries == nil {
		return c.refuse("", setting, problem, cure)
	}
	return c.refuse(listenerPrefix(i), setting, problem, cure)
}

// listenerList decodes the entries of listeners:.
func (d *fileDecoder) listenerList(node ast.Node, into *[]Listener) {
	list, ok := node.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		d.find(place(d.name, node.GetToken()), "listeners", "is not a list of listeners",
			"begin each listener with \"- name: …\"")
		return
	}
	for i, entry := range list.Values {
		var l Listener
		for setting, how := range d.mapping(entry, fieldsOf(&l), listenerPrefix(i)) {
			d.origins[listenerPrefix(i)+setting] = how
		}
		d.listenerEntries = append(d.listenerEntries, place(d.name, startOf(entry)))
		*into = append(*into, l)
	}
}

// listeners checks the listeners, each by itself and all together.
func (k *checker) listeners() {
	if k.cfg.listenerEntries == nil {
		k.listener(&k.cfg.Listeners[0])
		return
	}
	for _, setting := range ofListener {
		if _, given := k.cfg.origins[setting]; given {
			k.find(setting, "stands beside listeners:, which have their own", "write it in an entry of listeners:")
		}
	}
	names, addresses := map[string]int{}, map[string]int{}
	for i := range k.cfg.Listeners {
		l := &k.cfg.Listeners[i]
		k.prefix, k.entry = listenerPrefix(i), k.cfg.listenerEntries[i]
		first, taken := names[l.Name]
		other, twice := addresses[l.Listen]
		switch {
		case l.Name == "":
			k.findEntry("name", "is required", "write name: in this entry of listeners:")
		case !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`).MatchString(l.Name):
			k.find("name", fmt.Sprintf("%q is not a plain name", l.Name), "write letters, digits, dots and dashes")
		case taken:
			k.find("name", fmt.Sprintf("%q is the name of listener %d already", l.Name, first+1),
				"give each listener its own name")
		case l.Listen == "":
			k.findEntry("listen", "is required", "write listen: in this entry of listeners:")
		case twice && !strings.HasSuffix(l.Listen, ":0"): // :0 is a free port, each time another
			k.find("listen", fmt.Sprintf("%q is the address of listener %d already", l.Listen, other+1),
				"give each listener its own address")
		}
		names[l.Name], addresses[l.Listen] = i, i
		if l.Listen != "" {
			k.listener(l)
		}
	}
	k.prefix, k.entry = "", ""
}

// listener checks the settings of one listener.
func (k *checker) listener(l *Listener) {
	if _, _, err := net.SplitHostPort(l.Listen); err != nil {
		if _, passed := l.Passed(); !passed {
			k.find("listen", fmt.Sprintf("%q is not host:port", l.Listen), `write ":8080", "127.0.0.1:8080" or systemd:NAME`)
		}
	}
	switch {
	case l.TLSCert != "" && l.TLSKey == "":
		k.find("tls-cert", "has no tls-key beside it", "give the private key's file too")
	case l.TLSKey != "" && l.TLSCert == "":
		k.find("tls-key", "has no tls-cert beside it", "give the certificate's file too")
	}
	k.listenerTLS(l)
}

// listenerTLS checks the settings of TLS beyond certificate and key.
func (k *checker) listenerTLS(l *Listener) {
	for setting, value := range map[string]string{"tls-min-version": l.TLSMinVersion, "tls-client-auth": l.TLSClientAuth} {
		if value != "" && !slices.Contains(choices(setting), value) {
			k.find(setting, fmt.Sprintf("%q is not one of its values", value),
				"choose one of "+strings.Join(choices(setting), ", "))
			return
		}
	}
	switch {
	case l.TLSCert == "" && l.TLSMinVersion == "1.3":
		k.find("tls-min-version", "has no use: the listener has no TLS", "give tls-cert and tls-key, or remove it")
	case l.TLSCert == "" && l.AsksClients():
		k.find("tls-client-auth", "has no use: the listener has no TLS", "give tls-cert and tls-key, or remove it")
	case l.AsksClients() && l.TLSClientCA == "":
		k.find("tls-client-auth", "has no tls-client-ca beside it, and no certificate could be verified",
			"give the file of the authorities of client certificates")
	case l.TLSClientCA != "" && !l.AsksClients():
		k.find("tls-client-ca", "has no use: clients are not asked for certificates",
			"set tls-client-auth to request or require, or remove it")
	}
}

// AsksClients reports whether a listener of the route asks clients for
// certificates.
func (c *Config) AsksClients(r *Route) bool {
	return slices.ContainsFunc(c.ListenersOf(r), func(l Listener) bool { return l.AsksClients() })
}

// listenersOf checks that the listeners that a route names are there.
func (k *checker) listenersOf(r *Route) {
	var known []string
	for _, l := range k.cfg.Listeners {
		known = append(known, l.Name)
	}
	for _, name := range r.OnListeners {
		switch {
		case k.cfg.listenerEntries == nil:
			k.find("on-listeners", fmt.Sprintf("%q is not defined: the configuration has no listeners:", name),
				"define it in the file, or remove it")
		case !slices.Contains(known, name):
			k.find("on-listeners", fmt.Sprintf("%q is not among listeners:", name), nearest(name, known))
		}
	}
}
