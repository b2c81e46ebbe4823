package interop

import (
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// wsdlBackend starts CXF's plain service with a WSDL, and returns its URL.
func (c *cxf) wsdlBackend(t *testing.T) string {
	t.Helper()
	return c.server(t, "WsdlBackend", func(port, _ string) []string {
		return []string{"-wsdl", "cxf/wsdl/Plain.wsdl", "-address", "http://127.0.0.1:" + port + "/DoubleIt"}
	}).url + "/DoubleIt"
}

// generated makes a client of a WSDL with wsdl2java and calls twice. The client
// gets nothing but its credentials and the name of the service.
func (c *cxf) generated(t *testing.T, wsdl, address string) {
	t.Helper()
	out, err := c.run(t, "Generated", wsdl, t.TempDir(), "cxf/generated/GeneratedClient.java",
		"bob@service.ws.apache.org", "2")
	if err != nil || !strings.Contains(out, "RESULT ok at "+address+"\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A client that wsdl2java makes of the gateway's own ?wsdl calls the service: the
// address, the schemas and the policy are those of that WSDL.
func TestWsdl2javaMakesAClientOfTheGatewaysWSDL(t *testing.T) {
	c := newCXF(t, startKDC(t))
	program, backend := program(t), c.wsdlBackend(t)
	ports := []string{"KtpSymmetric", "KtpSymmetricDerivedEncryptSignature", "SpnegoSymmetricDerived",
		"KtpSecureConversation"}
	g := serveWith(t, program, c.kdc, backend, false, map[string]any{"wsdl": "backend"}, ports...)
	for _, port := range ports {
		t.Run(port, func(t *testing.T) { c.generated(t, g.url+"/"+port+"?wsdl", g.url+"/"+port) })
	}
}

var everyPreset = flag.Bool("every-preset", false, "let wsdl2java make a client of every preset, which takes minutes")

// The same for presets over TLS, all of them if asked for, and for a route with two
// policies of which the client follows one.
func TestWsdl2javaMakesClientsOfEveryPreset(t *testing.T) {
	c := newCXF(t, startKDC(t))
	program, backend := program(t), c.wsdlBackend(t)
	policies := map[string]any{"Both": []string{"SspiNegotiated", "KerberosOverTransport"}}
	presets := []string{"ws2007HttpBinding"}
	if *everyPreset {
		presets = wssec.PresetNames()
	}
	for _, name := range presets {
		policies[name] = name
	}
	g := serveRoutes(t, program, c.kdc, backend, true, map[string]any{"wsdl": "backend"},
		func(url string, route map[string]any) {
			route["policy"] = policies[strings.TrimPrefix(route["path"].(string), "/")]
		},
		slices.Sorted(maps.Keys(policies))...)
	for path := range policies {
		t.Run(path, func(t *testing.T) { c.generated(t, g.url+"/"+path+"?wsdl", g.url+"/"+path) })
	}
}
