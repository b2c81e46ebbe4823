package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"golang.org/x/net/http/httpguts"
)

// Backends are the URLs of the backends of a route: one, or several that do the
// same. In the file they are a word or a list. Besides http and https URLs there
// are those of unix sockets, as unix:/run/app.sock:/service.
type Backends []string

// A Backend is one of [Backends].
type Backend struct {
	// Name is what logs call it: the host with its port, or the socket. It has
	// no secrets.
	Name string
	// URL is its URL. For a unix socket it is http with the host localhost.
	URL *url.URL
	// Socket is the path of its unix socket, "" if it has none.
	Socket string
}

// ParseBackend parses a URL of [Backends].
func ParseBackend(text string) (Backend, error) {
	var b Backend
	rest, isUnix := strings.CutPrefix(text, "unix:")
	if isUnix {
		socket, path, _ := strings.Cut(rest, ":")
		if !strings.HasPrefix(socket, "/") || path != "" && path[0] != '/' {
			return Backend{}, errors.New("is not a unix socket with a path")
		}
		b.Socket, b.Name, text = socket, "unix:"+socket, "http://localhost"+path
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		return Backend{}, errors.New("is not an http or https URL")
	}
	if b.URL = u; b.Name == "" {
		b.Name = u.Host
	}
	return b, nil
}

// All returns the backends. It fails if one is not understood, which a checked
// configuration has not.
func (all Backends) All() (list []Backend, err error) {
	for _, text := range all {
		b, err := ParseBackend(text)
		if err != nil {
			return nil, err // without the text, which may have a password
		}
		list = append(list, b)
	}
	if len(list) == 0 {
		return nil, errors.New("is empty")
	}
	return list, nil
}

// URL returns the URL of the first backend, whose path, query and user
// information are those of all.
func (all Backends) URL() (*url.URL, error) {
	list, err := all.All()
	if err != nil {
		return nil, err
	}
	return list[0].URL, nil
}

// String returns the URLs without secrets, separated by commas.
func (all Backends) String() string { return strings.Join(all.masked(), ", ") }

// MarshalYAML returns the URL, or a list of several.
func (all Backends) MarshalYAML() (any, error) {
	if len(all) == 1 {
		return all[0], nil
	}
	return []string(all), nil
}

// decodeNode decodes a URL or a list of URLs.
func (all *Backends) decodeNode(d *fileDecoder, node ast.Node, setting string) {
	nodes := []ast.Node{node}
	if list, ok := node.(*ast.SequenceNode); ok {
		nodes = list.Values
	}
	*all = nil
	for _, n := range nodes {
		if _, scalar := n.(ast.ScalarNode); !scalar {
			d.find(place(d.name, startOf(n)), setting, "is neither a URL nor a list of URLs",
				"write it as http://localhost:9100/service")
			continue
		}
		d.checkScalar(n, setting, setting)
		*all = append(*all, n.GetToken().Value)
	}
	if len(nodes) == 0 {
		d.find(place(d.name, node.GetToken()), setting, "is an empty list", "write it as http://localhost:9100/service")
	}
}

func (all Backends) masked() Backends {
	list := make(Backends, len(all))
	for i, text := range all {
		list[i] = maskURL(text)
	}
	return list
}

// hasUser reports whether requests to a backend carry a password.
func (all Backends) hasUser() bool {
	list, err := all.All()
	return err == nil && list[0].URL.User != nil
}

// backends checks the backends of a route, and how they are connected to.
func (k *checker) backends(r *Route) {
	if len(r.Backend) == 0 {
		k.missing("backend")
		return
	}
	var list []Backend
	for _, text := range r.Backend {
		b, err := ParseBackend(text)
		switch {
		case err != nil && strings.HasPrefix(text, "unix:"):
			k.find("backend", err.Error(), "write it as unix:/run/app.sock:/service")
		case err != nil:
			k.find("backend", err.Error(), "write it as http://localhost:9100/service")
		case isMasked(b.URL):
			k.find("backend", fmt.Sprintf("%s is what --check prints in place of a secret", mask), "write the real one")
		default:
			list = append(list, b)
		}
	}
	if len(list) == len(r.Backend) {
		k.alike(list)
		k.backendTLS(r, list)
	}
}

// alike checks that the backends of a route can stand in for each other.
func (k *checker) alike(list []Backend) {
	first := list[0].URL
	for i, b := range list {
		for _, other := range list[:i] {
			if other.Name == b.Name && other.URL.Scheme == b.URL.Scheme {
				k.find("backend", fmt.Sprintf("%s is there twice", b.Name), "remove one")
			}
		}
		same := *b.URL
		same.Scheme, same.Host = first.Scheme, first.Host
		if same.String() != first.String() {
			k.find("backend", fmt.Sprintf("%s and %s differ in path, query or user", list[0].Name, b.Name),
				"give all backends of a route the same, or let each have a route of its own")
		}
	}
}

// backendTLS checks the settings of TLS to the backends.
func (k *checker) backendTLS(r *Route, list []Backend) {
	secure := false
	for _, b := range list {
		secure = secure || b.URL.Scheme == "https"
	}
	for _, s := range []struct{ setting, value string }{
		{"backend-ca", r.BackendCA}, {"backend-cert", r.BackendCert}, {"backend-key", r.BackendKey},
		{"backend-server-name", r.BackendServerName},
	} {
		if s.value != "" && !secure {
			k.find(s.setting, "has no use: no backend of the route is https", "write https:// in backend, or remove it")
		}
	}
	switch {
	case r.BackendCert != "" && r.BackendKey == "":
		k.find("backend-cert", "has no key", "give backend-key too")
	case r.BackendKey != "" && r.BackendCert == "":
		k.find("backend-key", "has no certificate", "give backend-cert too")
	}
	if name := r.BackendServerName; strings.ContainsAny(name, "/:@* ") || strings.HasPrefix(name, ".") {
		k.find("backend-server-name", fmt.Sprintf("%q is not a host name", name),
			"write it as app.example.com, without port")
	}
}

// Asserts reports whether the backends of the route get an assertion about the
// client.
func (r *Route) Asserts() bool { return r.AssertionHeader != "" }

// identity checks the settings of assertions.
func (k *checker) identity(r *Route) {
	if !r.Asserts() {
		if _, given := k.cfg.origins[k.prefix+"assertion-header"]; !given && r.AssertionKey != "" {
			k.find("assertion-key", "has no use without assertion-header", "name the header, or remove it")
		}
		return
	}
	for _, s := range []struct{ setting, value, what string }{
		{"assertion-key", r.AssertionKey, "which holds the key that signs"},
		{"assertion-issuer", r.AssertionIssuer, "by which backends know who signs, as https://gw.example.com"},
		{"assertion-audience", strings.Join(r.AssertionAudience, ""), "by which a backend knows that it is meant"},
	} {
		if s.value == "" {
			k.find("assertion-header", "needs "+s.setting+", "+s.what, "give "+s.setting+" too")
		}
	}
	if t := r.AssertionType; !httpguts.ValidHeaderFieldName(t) {
		k.find("assertion-type", fmt.Sprintf("%q is not the type of a token", t), "write wssgate+jwt, at+jwt or JWT")
	}
}
