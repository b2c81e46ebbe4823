package config

import (
	"cmp"
	"crypto/fips140"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// RelayFlags is [Flags] for a process that relays requests to KDCs and protects
// no service.
type RelayFlags struct {
	File string `yaml:"config" name:"config" short:"c" placeholder:"FILE"`
	Server
	Relay
}

// The paths of a relay that names neither path nor address.
const (
	DefaultKDCProxyPath     = "/KdcProxy"
	DefaultKDCWebSocketPath = "/kerberos5"
)

// LoadRelay is [Load] for a relay alone: it has no routes, and its file no
// setting of them. Without any of kdc-proxy-path, kdc-websocket-path and
// kdc-listen it has the usual paths.
func LoadRelay(flags *RelayFlags, given Given) (*Config, error) {
	l := &loader{origins: origins{"config": given["config"]}, relayAlone: true}
	l.settings = Flags{File: flags.File}
	setDefaults(&l.settings.Process)
	if flags.File != "" {
		if err := l.readFile(flags.File); err != nil {
			return nil, err
		}
	}
	all := &Flags{File: flags.File, Process: Process{Server: flags.Server, Relay: flags.Relay}}
	l.overlay(all, given)
	cfg := &Config{Process: l.settings.Process, origins: l.origins, relayAlone: true}
	cfg.Listeners = []Listener{cfg.ownListener()}
	if !cfg.Relays() {
		cfg.KDCProxyPath = DefaultKDCProxyPath
		if !fips140.Enforced() {
			cfg.KDCWebSocketPath = DefaultKDCWebSocketPath
		}
	}
	if len(l.findings) == 0 {
		l.findings = cfg.check()
	}
	if len(l.findings) > 0 {
		return nil, &Error{Findings: l.findings}
	}
	return cfg, nil
}

// ofRelay reports whether a process that only relays has the setting.
func ofRelay(name string) bool {
	_, ok := fieldsOf(&RelayFlags{})[name]
	return ok && name != "config"
}

// unknown returns the cure for a key that is not known in its place.
func (d *fileDecoder) unknown(name, prefix string, known []string) string {
	_, ofServe := fieldsOf(&Flags{})[name]
	if d.relayAlone && (ofServe || slices.Contains([]string{"routes", "services", "listeners", "certificates"}, name)) {
		return "it is a setting of wssgate serve, and a relay alone has none of it: remove it"
	}
	return unknown(name, prefix, known)
}

// ChangedRelay returns an error if next differs from c in what a running relay
// cannot change: anything but its realms and where their servers are.
func (c *Config) ChangedRelay(next *Config) error {
	was, is := fieldsOf(&c.Process), fieldsOf(&next.Process)
	for _, name := range sorted(was) {
		free := slices.Contains([]string{"kdc-realms", "kdc-realm-aliases", "kdc-servers", "kdc-password-servers",
			"kdc-krb5-conf", "kdc-dns"}, name)
		if !free && !reflect.DeepEqual(was[name].Interface(), is[name].Interface()) {
			return next.refuse("", name, "has changed, which a running relay cannot apply", "restart it, or change it back")
		}
	}
	return nil
}

// Relays reports whether requests to KDCs are relayed.
func (r *Relay) Relays() bool {
	return r.KDCProxyPath != "" || r.KDCWebSocketPath != "" || r.KDCListen != ""
}

// A KDCRealm is an entry of kdc-realms with what other settings say of it.
type KDCRealm struct {
	Name                     string
	Aliases                  []string
	Servers, PasswordServers []string
}

// RelayedRealms returns the realms of KDCRealms.
func (r *Relay) RelayedRealms() (list []KDCRealm) {
	of := func(entries []string, realm string) (values []string) {
		for _, entry := range entries {
			if name, value, _ := strings.Cut(entry, "="); strings.EqualFold(name, realm) {
				values = append(values, value)
			}
		}
		return values
	}
	for _, name := range r.KDCRealms {
		one := KDCRealm{Name: name, Servers: of(r.KDCServers, name), PasswordServers: of(r.KDCPasswordServers, name)}
		for _, entry := range r.KDCRealmAliases {
			if alias, realm, _ := strings.Cut(entry, "="); strings.EqualFold(realm, name) {
				one.Aliases = append(one.Aliases, alias)
			}
		}
		list = append(list, one)
	}
	return list
}

// relay checks the settings of the relay.
func (k *checker) relay(r *Relay) {
	if !r.Relays() {
		for _, name := range sorted(fieldsOf(r)) {
			if _, given := k.cfg.origins[name]; given {
				k.find(name, "has no use: nothing is relayed to KDCs",
					"give kdc-proxy-path, kdc-websocket-path or kdc-listen, or remove it")
			}
		}
		return
	}
	k.relayPaths(r)
	k.browserClient(r)
	if _, _, err := net.SplitHostPort(r.KDCListen); r.KDCListen != "" && err != nil {
		k.find("kdc-listen", fmt.Sprintf("%q is not host:port", r.KDCListen), `write ":88" or "10.1.2.3:88"`)
	}
	if len(r.KDCRealms) == 0 {
		k.find("kdc-realms", "is required: a relay for every realm would lead anybody to any host",
			"list the realms of your KDCs")
	}
	k.realms("kdc-realms", r.KDCRealms)
	k.ofRelayedRealms(r)
	for _, origin := range r.KDCOrigins {
		if origin != "*" && !isOrigin(origin) {
			k.find("kdc-origins", fmt.Sprintf("%q is not an origin", origin),
				"write it as https://app.example.com, without a path")
		}
	}
}

// isOrigin reports whether a text has the form of an origin (RFC 6454 6.2).
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && u.Host != "" && u.Scheme+"://"+u.Host == text
}

// relayPaths checks that the relay's paths are plain, and no others'.
func (k *checker) relayPaths(r *Relay) {
	for _, p := range []struct{ name, path string }{
		{"kdc-proxy-path", r.KDCProxyPath}, {"kdc-websocket-path", r.KDCWebSocketPath},
	} {
		switch {
		case p.path == "":
		case p.path[0] != '/' || strings.ContainsAny(p.path, "*{}?# ") || p.path != cleanPath(p.path):
			k.find(p.name, fmt.Sprintf("%q is not a plain path", p.path), `write it as "/KdcProxy"`)
		case slices.ContainsFunc(k.cfg.Routes, func(route Route) bool { return route.Path == p.path }):
			k.find(p.name, fmt.Sprintf("%q is the path of a route", p.path), "give each its own path")
		}
	}
	if r.KDCWebSocketPath != "" && fips140.Enforced() {
		k.find("kdc-websocket-path", "WebSockets begin with a SHA-1 (RFC 6455 §4.2.2), which GODEBUG=fips140=only "+
			"forbids", "remove it, and let clients use kdc-proxy-path")
	}
	if r.KDCProxyPath != "" && r.KDCProxyPath == r.KDCWebSocketPath {
		k.find("kdc-websocket-path", fmt.Sprintf("%q is kdc-proxy-path too", r.KDCWebSocketPath), "give each its own path")
	}
}

// browserClient checks that the files of the browser client have a folder of their
// own, beside a relay that they can use.
func (k *checker) browserClient(r *Relay) {
	own := func(path string) bool { return path != r.BrowserClient && !below(path, r.BrowserClient) }
	switch path := r.BrowserClient; {
	case path == "":
	case path[0] != '/' || path == "/" || strings.ContainsAny(path, "*{}?# %") || path != cleanPath(path) ||
		strings.HasSuffix(path, "/"):
		k.find("browser-client", fmt.Sprintf("%q is not a plain path", path), `write it as "/wssgate"`)
	case r.KDCWebSocketPath == "":
		k.find("browser-client", "has no use: the browser client gets its tickets by a WebSocket",
			"give kdc-websocket-path, or remove it")
	case slices.ContainsFunc(k.cfg.Routes, func(route Route) bool { return !own(route.Path) }):
		k.find("browser-client", fmt.Sprintf("a route has the path %q, or one below it", path), "give each its own path")
	case !own(r.KDCWebSocketPath) || !own(r.KDCProxyPath):
		k.find("browser-client", fmt.Sprintf("the relay has the path %q, or one below it", path),
			"give each its own path")
	}
}

// ofRelayedRealms checks the settings whose entries name a realm of kdc-realms.
func (k *checker) ofRelayedRealms(r *Relay) {
	for _, s := range []struct {
		name    string
		entries []string
		form    string
		alias   bool // the realm is behind the sign
	}{
		{"kdc-realm-aliases", r.KDCRealmAliases, "EXAMPLE=EXAMPLE.COM", true},
		{"kdc-servers", r.KDCServers, "EXAMPLE.COM=kdc1.example.com", false},
		{"kdc-password-servers", r.KDCPasswordServers, "EXAMPLE.COM=kdc1.example.com", false},
	} {
		for _, entry := range s.entries {
			realm, other, _ := strings.Cut(entry, "=")
			if s.alias {
				realm, other = other, realm
			}
			switch {
			case other == "" || !isRealm(cmp.Or(realm, " ")) || s.alias && !isRealm(other):
				k.find(s.name, fmt.Sprintf("%q has not the form of an entry", entry), "write it as "+s.form)
			case !slices.ContainsFunc(r.KDCRealms, func(listed string) bool { return strings.EqualFold(listed, realm) }):
				k.find(s.name, fmt.Sprintf("%s of %q is not among kdc-realms", realm, entry), "list it there, or remove the entry")
			}
		}
	}
}
