package browser

import (
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
)

// A Place is where a page has the browser client from, and whom it calls.
type Place struct {
	// At is the address of the folder of the files: https://gw.example.com/wssgate,
	// or a path if the page itself is served there.
	At string
	// Connect are the relays and services that are called, by wss, ws, https or http.
	// Those of the page's own origin need not be named.
	Connect []string
}

// Policy returns the Content-Security-Policy with which a page is served that uses
// the browser client from a place and loads nothing else from elsewhere. An address
// that cannot be in one is an error.
func (p Place) Policy() (string, error) {
	scripts, connect := []string{"'self'"}, []string{"'self'"}
	at, err := p.source(p.At, "https", "http")
	if err != nil {
		return "", err
	}
	if at != "" { // the module is a script, and fetches the WebAssembly
		scripts, connect = append(scripts, at), append(connect, at)
	}
	for _, address := range p.Connect {
		source, err := p.source(address, "wss", "ws", "https", "http")
		if err != nil {
			return "", err
		}
		if source != "" && !slices.Contains(connect, source) {
			connect = append(connect, source)
		}
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src " + strings.Join(append(scripts, "'wasm-unsafe-eval'"), " "),
		"connect-src " + strings.Join(connect, " "),
		"style-src 'self'", "img-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	}, "; "), nil
}

// source returns the origin of an address, which is the source expression of it
// (CSP 3 2.3.1); "" for a path, which is of the page's own origin.
func (p Place) source(address string, schemes ...string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q is no address: write it as %s://gw.example.com", address, schemes[0])
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(address, "/"):
		return "", nil
	case !slices.Contains(schemes, u.Scheme), u.Host == "", u.User != nil, !isHost(u.Host):
		return "", fmt.Errorf("%q is no address of %s: write it as %s://gw.example.com", u.Redacted(),
			strings.Join(schemes, ", "), schemes[0])
	}
	return u.Scheme + "://" + u.Host, nil
}

// isHost reports whether a host with port can be part of a policy: what ends a
// source or a directive there cannot.
func isHost(host string) bool { return !strings.ContainsAny(host, " ;,'\"*\t\r\n") }

// Script returns the element that loads the module with its integrity, before the
// page's own module, whose import of the same address is then that very module.
func (p Place) Script(f *Files) string {
	return fmt.Sprintf(`<script type="module" src="%s" integrity="%s" crossorigin="anonymous"></script>`,
		html.EscapeString(p.address(f.Module)), f.Named(f.Module).Integrity)
}

// address returns the address of a file.
func (p Place) address(name string) string { return strings.TrimSuffix(p.At, "/") + "/" + name }
