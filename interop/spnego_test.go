package interop

import (
	"maps"
	"strings"
	"testing"
)

// negotiated returns the policy of a port with a SPNEGO token: that of the port
// with a Kerberos token of the same name.
func negotiated(t *testing.T, port string) map[string]any {
	t.Helper()
	policy := maps.Clone(policyOf(t, "Ktp"+strings.TrimPrefix(port, "Spnego")))
	if _, symmetric := policy["protection-token"]; symmetric {
		policy["protection-token"] = "spnego-context"
		return policy
	}
	token := maps.Clone(policy["supporting-tokens"].([]any)[0].(map[string]any))
	token["token"] = "spnego-context"
	policy["supporting-tokens"] = []any{token}
	return policy
}

// serveNegotiated starts the program with a route for each port with a SPNEGO
// token.
func serveNegotiated(t *testing.T, program string, k *kdc, backend string, tls bool, ports ...string) *gateway {
	t.Helper()
	return serveRoutes(t, program, k, backend, tls, nil, underContexts(t), ports...)
}

// underContexts sets the policies of routes to those of ports whose messages are
// under security contexts and that no recorded conversation has.
func underContexts(t *testing.T) func(string, map[string]any) {
	return func(_ string, route map[string]any) {
		switch port := strings.TrimPrefix(route["path"].(string), "/"); {
		case port == "KtpSecureConversationNoDerived":
			policy := policyOf(t, "KtpSymmetric")
			policy["protection-token"] = "secure-conversation"
			policy["bootstrap"] = policyOf(t, "KtpSymmetric")
			route["policy"] = policy
		case port == "SpnegoSecureConversation":
			policy := policyOf(t, "KtpSecureConversation")
			policy["bootstrap"].(map[string]any)["protection-token"] = "spnego-context"
			policy["layout"], policy["bootstrap"].(map[string]any)["layout"] = "lax", "lax"
			route["policy"] = policy
		case strings.HasPrefix(port, "Spnego"):
			route["policy"] = negotiated(t, port)
		}
	}
}

// CXF's client negotiates once and makes all its calls under the context, which
// it was given in one leg.
func TestCXFClientsNegotiateWithSPNEGO(t *testing.T) {
	c := newCXF(t, startKDC(t))
	backend, wssgate := c.backend(t), program(t)
	plain := []string{
		"SpnegoSymmetric", "SpnegoSymmetricDerived", "SpnegoSymmetricEncryptBeforeSigning", "SpnegoSymmetricEncryptSignature",
		"SpnegoSymmetric256",
	}
	overTLS := []string{"SpnegoTransport", "SpnegoTransportEndorsing"}
	call := func(name string, g *gateway, port string, args ...string) {
		t.Run(port+"/"+name, func(t *testing.T) {
			t.Parallel()
			if out, err := c.call(t, port, g.url+"/"+port, args...); err != nil {
				t.Errorf("CXF's client: %v\n%s\n%s", err, out, g.log)
			}
		})
	}
	g := serveNegotiated(t, wssgate, c.kdc, backend, false, plain...)
	for _, port := range plain {
		call("DOM", g, port, "-count", "3")
		call("streaming", g, port, "-count", "3", "-streaming")
	}
	g = serveNegotiated(t, wssgate, c.kdc, backend, true, overTLS...)
	for _, port := range overTLS {
		call("DOM", g, port, "-count", "3")
	}
	// Under SpnegoTransport the streaming client leaves the token out.
	call("streaming", g, "SpnegoTransportEndorsing", "-count", "3", "-streaming")
	inTokens := map[string]any{"context-storage": "token", "state-keys": stateKeys(t)}
	policy := func(_ string, route map[string]any) { route["policy"] = negotiated(t, "SpnegoSymmetric") }
	g = serveRoutes(t, wssgate, c.kdc, backend, false, inTokens, policy, "SpnegoSymmetric")
	call("in tokens", g, "SpnegoSymmetric", "-count", "3")
	call("in tokens, streaming", g, "SpnegoSymmetric", "-count", "3", "-streaming")
}

// CXF's client asks for a context under the bootstrap policy, with entropy of
// both sides, calls under it, and cancels it.
func TestCXFClientsConverseUnderSecurityContexts(t *testing.T) {
	c := newCXF(t, startKDC(t))
	unprotectedBootstrap := policyOf(t, "KtpSecureConversation")
	bootstrap := unprotectedBootstrap["bootstrap"].(map[string]any)
	delete(bootstrap, "signed-parts")
	delete(bootstrap, "encrypted-parts")
	change := func(url string, route map[string]any) {
		underContexts(t)(url, route)
		if route["path"] == "/KtpSecureConversationUnprotected" {
			route["policy"], route["bootstrap-unprotected-body"] = unprotectedBootstrap, true
		}
	}
	plain := []string{"KtpSecureConversation", "KtpSecureConversationNoDerived", "SpnegoSecureConversation"}
	overTLS := []string{"KtpSecureConversationTransport", "KtpSecureConversationUnprotected"}
	converse(t, c, "", nil, change, plain, overTLS)
	// The others fail in CXF's streaming client, as docs/interop.md has it.
	converse(t, c, " streaming", nil, change, plain[1:], nil, "-streaming")
	inTokens := map[string]any{"context-storage": "token", "state-keys": stateKeys(t)}
	converse(t, c, " in tokens", inTokens, change, []string{"KtpSecureConversation", "SpnegoSecureConversation"}, nil)
}

// converse has CXF's client talk on routes, and cancel its context.
func converse(t *testing.T, c *cxf, what string, settings map[string]any, change func(string, map[string]any),
	plain, overTLS []string, args ...string) {
	t.Helper()
	backend, wssgate := c.backend(t), program(t)
	for tls, ports := range map[bool][]string{false: plain, true: overTLS} {
		if len(ports) == 0 {
			continue
		}
		g := serveRoutes(t, wssgate, c.kdc, backend, tls, settings, change, ports...)
		for _, port := range ports {
			t.Run(port+what, func(t *testing.T) {
				t.Parallel()
				if out, err := c.call(t, port, g.url+"/"+port,
					append(args, "-count", "3", "-cancel")...); err != nil {
					t.Errorf("CXF's client: %v\n%s\n%s", err, out, g.log)
				}
			})
		}
	}
}
