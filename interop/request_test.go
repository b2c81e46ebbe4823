package interop

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// clientConfig writes a configuration with a route for each port and its
// policy, as a gateway of these ports would have it, and returns its path.
func clientConfig(t *testing.T, ports ...string) string {
	t.Helper()
	config := map[string]any{"keytab": "not-needed.keytab", "service": service, "backend": "http://backend.example.com/",
		"tls-offloaded": true}
	var routes []map[string]any
	for _, port := range ports {
		policy := policyOf
		if strings.HasPrefix(port, "Spnego") {
			policy = negotiated
		}
		p := maps.Clone(policy(t, port))
		if p["derived-keys"] == "allowed" {
			p["derived-keys"] = "required" // as the WSDL has it; CXF's client does not always keep to it
		}
		routes = append(routes, map[string]any{"path": "/" + port, "policy": p})
	}
	config["routes"] = routes
	octets, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "client.yaml")
	if err := os.WriteFile(file, octets, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Our client against CXF's own server, which verifies what it sends and
// protects what it answers.
func TestRequestCallsCXFServers(t *testing.T) {
	c := newCXF(t, startKDC(t))
	wssgate := program(t)
	var plain []string
	for _, p := range overHTTP {
		plain = append(plain, p.port)
	}
	spnego := []string{
		"SpnegoSymmetric", "SpnegoSymmetricDerived", "SpnegoSymmetricEncryptBeforeSigning",
		"SpnegoSymmetricEncryptSignature", "SpnegoSymmetric256",
	}
	config := clientConfig(t, slices.Concat(plain, spnego, overTLS, []string{
		"KtpTransportEndorsingDerived", "SpnegoTransportEndorsing", "KtpSecureConversation", "KtpSecureConversationTransport",
	})...)
	httpURL, tlsURL := c.secureServer(t)
	body := filepath.Join(t.TempDir(), "body.xml")
	if err := os.WriteFile(body, []byte(doubleIt), 0o600); err != nil {
		t.Fatal(err)
	}
	call := func(base, port string, args ...string) {
		t.Run(port, func(t *testing.T) {
			t.Parallel()
			args = append([]string{
				"-c", `exec "$@" <"$0"`, body, wssgate, "request", base + "/" + port, "--config", config,
				"--keytab", c.file("alice.keytab"), "--principal", "alice@EXAMPLE.COM", "--krb5-conf", c.file("krb5.conf"),
				"--tls-ca", c.file("tls.crt"),
			}, args...)
			out, err := runs(t, c.env(), "bash", args...)
			if err != nil || !strings.Contains(out, "<doubledNumber>42</doubledNumber>") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	for _, port := range append(plain, "KtpSupporting") {
		switch {
		case strings.HasSuffix(port, "Soap12"):
			call(httpURL, port, "--soap", "1.2")
		case strings.HasSuffix(port, "Addressing"):
			call(httpURL, port, "--addressing", "1.0",
				"--action", "http://www.example.org/contract/DoubleIt/DoubleItPortType/DoubleItRequest")
		default:
			call(httpURL, port, "--allow-plain-http")
		}
	}
	for _, port := range overTLS {
		if port != "KtpSupporting" { // which has no binding, and that server none with TLS
			call(tlsURL, port)
		}
	}
	call(tlsURL, "KtpTransportEndorsingDerived")
	for _, port := range spnego {
		call(httpURL, port, "--no-authenticator")
	}
	call(tlsURL, "SpnegoTransportEndorsing", "--no-authenticator")
	// CXF's server answers a Cancel in a way that its policy does not have.
	call(httpURL, "KtpSecureConversation", "--trust-version", "1.3")
	call(tlsURL, "KtpSecureConversationTransport", "--trust-version", "1.3")
}
