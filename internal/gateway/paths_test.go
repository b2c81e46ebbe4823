package gateway

import (
	"net/url"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
)

// FuzzPaths: whatever a client writes as a path, it reaches a protected part of
// the backend by the route of that part alone, and the backend gets the path
// below its own.
func FuzzPaths(f *testing.F) {
	for _, seed := range []string{"/", "/app", "/app/x%2Fy", "/a/../app", "/%61pp", "//app", "/app;x", "/APP/%5c..",
		"/%25%32%65"} {
		f.Add(seed)
	}
	backend, err := url.Parse("http://backend/b%2Fase")
	if err != nil {
		f.Fatal(err)
	}
	routes := []*route{{Route: Route{Path: "/", HTTP: door.NewHTTP(nil, nil), Backend: backend}},
		{Route: Route{Path: "/app", HTTP: door.NewHTTP(nil, nil), Backend: backend}}}
	p := newPaths(routes)
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.ParseRequestURI(text)
		if err != nil || !strings.HasPrefix(u.Path, "/") {
			return
		}
		rt, err := p.find(u)
		if err != nil {
			return
		}
		if clean := normalPath(u.Path); (clean == "/app" || strings.HasPrefix(clean, "/app/")) != (rt == routes[1]) {
			t.Errorf("%q goes to %s", text, rt.Path)
		}
		out, err := rt.backendURL(u)
		if err != nil {
			return
		}
		if got := out.EscapedPath(); got != "/b%2Fase" && !strings.HasPrefix(got, "/b%2Fase/") {
			t.Errorf("%q becomes %q", text, got)
		}
		if again, err := url.ParseRequestURI(out.RequestURI()); err != nil || again.Path != out.Path {
			t.Errorf("%q becomes %q, %v", text, out.RequestURI(), err)
		}
	})
}

// FuzzHostName: a host is the same with a port, in capitals, and with the dot of
// the root, and no other is taken for it.
func FuzzHostName(f *testing.F) {
	for _, seed := range []string{"gw.example.com", "GW.example.com.:443", "[::1]:80", ":", "a:b", "a..", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name := hostName(text)
		if name != strings.ToLower(name) || !strings.HasPrefix(strings.ToLower(text), name) {
			t.Errorf("%q becomes %q", text, name)
		}
		if strings.ContainsAny(name, ":[]") || strings.HasSuffix(name, ".") || name == "" {
			return // no DNS name
		}
		for _, other := range []string{name, name + ":8443", name + ".", strings.ToUpper(name) + ".:1"} {
			if got := hostName(other); got != name && strings.ToLower(strings.ToUpper(name)) == name {
				t.Errorf("%q becomes %q, want %q", other, got, name)
			}
		}
		for _, other := range []string{"x" + name, name + "x", name + "..", name + ":x"} {
			if hostName(other) == name {
				t.Errorf("%q is taken for %q", other, name)
			}
		}
	})
}
