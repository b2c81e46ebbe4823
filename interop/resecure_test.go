package interop

import (
	"maps"
	"strings"
	"testing"
)

// CXF's own server stays as it is behind a route with another policy: it is called
// in a principal of the gateway's, and in the name of a CXF client that delegates,
// by Kerberos tokens and by negotiated contexts. The client succeeds only if CXF
// verified our reply, and we have verified that of CXF's server.
func TestCXFServersAreCalledAsSecuredBackends(t *testing.T) {
	c := newCXF(t, startKDC(t))
	secured, _ := c.secureServer(t)
	kinds := map[string]map[string]any{
		"gateway":   {"backend-principal": "alice@EXAMPLE.COM", "backend-keytab": c.file("alice.keytab")},
		"delegated": {"backend-credential": "delegated"},
	}
	behind := []string{"KtpSymmetric", "SpnegoSymmetric"}
	var paths []string
	for _, port := range behind {
		for kind := range kinds {
			paths = append(paths, port+"-"+kind)
		}
	}
	change := func(_ string, route map[string]any) {
		port, kind, _ := strings.Cut(strings.TrimPrefix(route["path"].(string), "/"), "-")
		policy := policyOf
		if strings.HasPrefix(port, "Spnego") {
			policy = negotiated
			route["backend-trust"], route["backend-authenticator"] = "1.3", false
		}
		leg := maps.Clone(policy(t, port))
		if leg["derived-keys"] == "allowed" {
			leg["derived-keys"] = "required"
		}
		route["policy"], route["backend"], route["backend-policy"] = policyOf(t, "KtpSymmetric256"), secured+"/"+port, leg
		maps.Copy(route, kinds[kind])
	}
	g := serveRoutes(t, program(t), c.kdc, secured, false,
		map[string]any{"krb5-conf": c.file("krb5.conf"), "backend-service": service}, change, paths...)
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			if out, err := c.call(t, "KtpSymmetric256", g.url+"/"+path, "-count", "3", "-deleg"); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	if out, err := c.call(t, "KtpSymmetric256", g.url+"/KtpSymmetric-delegated", "-count", "1"); err == nil {
		t.Errorf("a client that delegates nothing is served\n%s", out)
	}
}
