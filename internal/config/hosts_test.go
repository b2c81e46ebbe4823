package config

import (
	"strings"
	"testing"
)

func TestCheckRefusesWrongHosts(t *testing.T) {
	const top = "keytab: k\nbackend: http://b/\nroutes:\n"
	for text, want := range map[string]string{
		"  - {path: /a, hosts: [a.example.com]}\n  - {path: /a, hosts: [b.example.com]}\n" +
			"  - {path: /a}\n": "",
		"  - {path: /a, hosts: [192.0.2.1, localhost, xn--bcher-kva.example]}\n": "",
		"  - {path: /a, hosts: [\"a.example.com:443\"]}\n": `gate.yaml:4:16: hosts: "a.example.com:443" is not the name of ` +
			`a host; write it as gw`,
		"  - {path: /a, hosts: [\"*.example.com\"]}\n":                  "no scheme, port, pattern",
		"  - {path: /a, hosts: [a.example.com.]}\n":                     "is not the name of a host",
		"  - {path: /a, hosts: [\"\"]}\n":                               "is not the name of a host",
		"  - {path: /a, hosts: [\"[::1]\"]}\n":                          "is not the name of a host",
		"  - {path: /a, hosts: [\"a b\"]}\n":                            "is not the name of a host",
		"  - {path: /a, hosts: [" + strings.Repeat("a.", 127) + "a]}\n": "is not the name of a host",
		"  - {path: /a, hosts: [bücher.example]}\n":                     "write it as clients send it, in A-labels: xn--…",
		"  - {path: /a, hosts: [a.example, A.example]}\n":               `"A.example" is there twice`,
		"  - {path: /a}\n  - {path: /a}\n": `gate.yaml:5:6: path: "/a" is the path of ` +
			`route 1 already`,
		"  - {path: /a, hosts: [a.example, b.example]}\n  - {path: /a, hosts: [B.example]}\n": `gate.yaml:5:16: hosts: ` +
			`b.example has the path "/a" by route 1 already`,
	} {
		_, err := load(t, top+text, Flags{}, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// Routes with one path may be on different listeners.
func TestCheckRefusesASecondRouteOnAListener(t *testing.T) {
	const top = "keytab: k\nbackend: http://b/\nlisteners:\n  - {name: l, listen: \":1\"}\n" +
		"  - {name: m, listen: \":2\"}\nroutes:\n"
	const taken = `gate.yaml:8:6: path: "/a" is the path of route 1 already; give each route its own path, or hosts or ` +
		`on-listeners of its own`
	for text, want := range map[string]string{
		"  - {path: /a, on-listeners: [l]}\n  - {path: /a, on-listeners: [m]}\n":    "",
		"  - {path: /a, on-listeners: [l]}\n  - {path: /a}\n":                       taken,
		"  - {path: /a}\n  - {path: /a, on-listeners: [m]}\n":                       taken,
		"  - {path: /a, on-listeners: [l]}\n  - {path: /a, on-listeners: [m, l]}\n": taken,
		"  - {path: /a, on-listeners: [l]}\n  - {path: /a, hosts: [h]}\n":           "",
		"  - {path: /a, hosts: [h], on-listeners: [l]}\n  - {path: /a, hosts: [g, h]}\n": `hosts: h has the path "/a" by ` +
			`route 1`,
	} {
		_, err := load(t, top+text, Flags{}, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// Neither order nor case of the hosts makes another route of a route: sessions
// and security contexts are bound to its name.
func TestNameOfARouteFollowsItsHosts(t *testing.T) {
	for want, r := range map[string]Route{
		"/a":                        {Path: "/a"},
		"/a at a.example b.example": {Path: "/a", Hosts: []string{"B.example", "a.Example"}},
		"/a at a.example":           {Path: "/a", Hosts: []string{"a.example"}},
		"/a at a.example on l m":    {Path: "/a", Hosts: []string{"a.example"}, OnListeners: []string{"m", "l"}},
		"/a on m":                   {Path: "/a", OnListeners: []string{"m"}},
	} {
		if got := r.Name(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Browsers send the cookie of a path to all below it: two of one name would be
// worth nothing there.
func TestCheckRefusesOneCookieOfTwoRoutes(t *testing.T) {
	const top = "keytab: k\nbackend: http://b/\nstandard: spnego-http\n"
	const named = "cookie-name: c\n"
	for text, want := range map[string]string{
		"routes:\n  - {path: /a}\n  - {path: /a/b}\n":                                    "",
		named + "routes:\n  - {path: /a}\n  - {path: /ab}\n":                             "",
		named + "routes:\n  - {path: /a, hosts: [g]}\n  - {path: /a/b, hosts: [h]}\n":    "",
		named + "routes:\n  - {path: /a, cookie-name: d}\n  - {path: /a/b}\n":            "",
		named + "routes:\n  - {path: /a}\n  - {path: /a/b}\n":                            "path /a, whose",
		named + "routes:\n  - {path: /a/b}\n  - {path: /}\n":                             "path /, whose",
		named + "routes:\n  - {path: /a, hosts: [g]}\n  - {path: /a/b, hosts: [h, G]}\n": "path /a, whose",
		named + "routes:\n  - {path: /a, hosts: [g]}\n  - {path: /a}\n":                  "path /a, whose",
		"routes:\n  - {path: /a, cookie-name: c}\n  - {path: /a/b, cookie-name: c}\n":    "path /a, whose",
	} {
		_, err := load(t, top+text, Flags{}, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
