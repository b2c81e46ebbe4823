package interop

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// The cases of mod_auth_gssapi's tests (tests/ of its sources, September 2024)
// that mean something to serve, re-made with the client that they use. They
// have the names of its files, and requests/client.py has what each expects.
// docs/interop.md has the table of all.
func TestCasesOfModAuthGSSAPI(t *testing.T) {
	modules, k, backend := requestsGSSAPI(t), startKDC(t), page(t)
	routes := map[string]map[string]any{
		"/t_spnego":                {"session-lifetime": "1h"},
		"/t_spnego_no_auth":        nil,
		"/t_spnego_rewrite":        {"backend": backend + "/rewritten"},
		"/t_spnego_negotiate_once": nil,
		"/t_hostname_acceptor":     {"kerberos-service": "any"},
		"/t_bad_acceptor_name":     {"kerberos-service": "other"},
		"/t_localname":             nil,
		"/t_nonego":                {"challenge": false},
		"/t_basic_k5":              nil,
	}
	g := serveHTTPRoutes(t, k, backend, routes)
	for _, path := range slices.Sorted(maps.Keys(routes)) {
		t.Run(path[1:], func(t *testing.T) {
			k.requests(t, modules, path[1:], g.url+path)
		})
	}
	for _, want := range []string{`"mech":"krb5"`, `"authenticated_by":"session"`, `"code":"ticket-service"`} {
		if !strings.Contains(g.log.String(), want) {
			t.Errorf("no %s in the log: %s", want, g.log)
		}
	}
}

// t_bad_acceptor_name and t_file_check: serve does not start with what
// mod_auth_gssapi refuses every request for.
func TestServeNeedsTheKeysOfItsService(t *testing.T) {
	k := startKDC(t)
	wssgate := program(t)
	serve := []string{"serve", "--check", "--standard", "spnego-http", "--backend", "http://localhost/", "--state-dir",
		t.TempDir()}
	for want, options := range map[string][]string{
		"keytab has no key for service BAD/example.com": {"--service", "BAD/example.com", "--keytab", k.file("svc.keytab")},
		"no such file or directory":                     {"--service", "HTTP/localhost", "--keytab", k.file("none.keytab")},
	} {
		out, err := runs(t, nil, wssgate, append(slices.Clone(serve), options...)...)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%q: %s%v", options, out, err)
		}
	}
}
