package assembly

import (
	"bytes"
	"crypto/x509"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
)

// Whoever gets hold of a bare token can use it where messages are protected.
func TestWarnOfSharedServicesFindsBareTokens(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	kdc.AddService("HTTP/gateway.example.com")
	top := "backend: http://localhost/\ntls-offloaded: true\nkeytab: " + keytabFile(t, kdc) + "\nservice: " + service +
		"\nroutes:\n  - {path: /a, policy: KerberosToken}\n"
	for routes, want := range map[string]int{
		"  - {path: /b}\n": 1,
		"  - {path: /b, policy: KerberosOverTransport, service: " + service + "@" + realm + "}\n": 1,
		"  - {path: /b, service: HTTP/gateway.example.com}\n":                                     0,
		"  - {path: /b, policy: KerberosToken}\n":                                                 0, // said otherwise
		"": 0,
	} {
		var out bytes.Buffer
		if _, err := assembled(loadConfig(t, top+routes), &out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(),
			`"msg":"another route protects messages with tokens that are accepted here without a `+
				`signature","path":"/a","policy":"KerberosToken","other":"/b"`); n != want {
			t.Errorf("%s: %d warnings, want %d\n%s", routes, n, want, out.String())
		}
	}
}

// So it can where bare tokens are taken too, here or by another program, unless
// they are bound to a channel.
func TestWarnOfSharedServicesFindsOtherPrograms(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	kdc.AddService("HTTP/gateway.example.com")
	kdc.AddService("host/gateway.example.com")
	top := "backend: http://localhost/\ntls-cert: c.pem\ntls-key: k.pem\nkeytab: " + keytabFile(t, kdc) +
		"\nservice: " + service + "\npolicy: KerberosToken\nroutes:\n"
	const another, programs = `"msg":"another route accepts the tokens of this one"`,
		`"msg":"other programs of the host accept the tokens of this route`
	for routes, want := range map[string][2]int{
		"  - {path: /a}\n":                 {0, 0},
		"  - {path: /a}\n  - {path: /b}\n": {2, 0},
		// another file, the same account
		"  - {path: /a}\n  - {path: /b, keytab: " + keytabFile(t, kdc) + "}\n":               {2, 0},
		"  - {path: /a, channel-bindings: required}\n  - {path: /b}\n":                       {1, 0},
		"  - {path: /a, service: HTTP/gateway.example.com}\n  - {path: /b}\n":                {0, 1},
		"  - {path: /a, service: host/gateway.example.com}\n":                                {0, 1},
		"  - {path: /a, service: host/gateway.example.com, channel-bindings: required}\n":    {0, 0},
		"  - {path: /a, service: HTTP/gateway.example.com, policy: KerberosOverTransport}\n": {0, 0},
	} {
		var out bytes.Buffer
		if _, err := assembled(loadConfig(t, top+routes), &out); err != nil {
			t.Fatal(err)
		}
		if got := [2]int{strings.Count(out.String(), another), strings.Count(out.String(), programs)}; got != want {
			t.Errorf("%s: %v warnings, want %v\n%s", routes, got, want, out.String())
		}
	}
}

// A certificate whose bindings no client can compute is said.
func TestWarnOfUnboundCertificateFindsEd25519(t *testing.T) {
	t.Parallel()
	for algorithm, want := range map[x509.SignatureAlgorithm]int{x509.PureEd25519: 1, x509.ECDSAWithSHA256: 0} {
		for _, rule := range []string{"when-present", "off"} {
			var out bytes.Buffer
			cfg := &config.Config{Listeners: make([]config.Listener, 1), Routes: []config.Route{{ChannelBindings: rule}}}
			warnOfUnboundCertificate(cfg, &cfg.Listeners[0], "c.pem", &x509.Certificate{SignatureAlgorithm: algorithm},
				slog.New(slog.NewJSONHandler(&out, nil)))
			if n := strings.Count(out.String(), "clients cannot bind tokens"); n != want && rule != "off" || n != 0 &&
				rule == "off" {
				t.Errorf("%v, %s: %s", algorithm, rule, out.String())
			}
		}
	}
}

// A browser client that a listener serves without TLS is said, unless a proxy is
// said to end that.
func TestWarnOfClientWithoutTLSFindsPlainListeners(t *testing.T) {
	t.Parallel()
	plain, secure := config.Listener{}, config.Listener{TLSCert: "c.pem"}
	for name, tt := range map[string]struct {
		path      string
		listeners []config.Listener
		offloaded bool
		want      int
	}{
		"plain":     {"/wssgate", []config.Listener{plain}, false, 1},
		"one plain": {"/wssgate", []config.Listener{secure, plain}, false, 1},
		"TLS":       {"/wssgate", []config.Listener{secure}, false, 0},
		"a proxy":   {"/wssgate", []config.Listener{plain}, true, 0},
		"none":      {"", []config.Listener{plain}, false, 0},
	} {
		var out bytes.Buffer
		cfg := &config.Config{Listeners: tt.listeners, Routes: []config.Route{{}}}
		cfg.BrowserClient, cfg.Routes[0].TLSOffloaded = tt.path, tt.offloaded
		warnOfClientWithoutTLS(cfg, slog.New(slog.NewJSONHandler(&out, nil)))
		if n := strings.Count(out.String(), "nothing protects the browser client"); n != tt.want {
			t.Errorf("%s: %s", name, out.String())
		}
	}
}

// Routes that accept each other's messages are named, unless their addresses
// tell them apart.
func TestWarnOfInterchangeableRoutesComparesPolicies(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	kdc.AddService("HTTP/gateway.example.com")
	top := "backend: http://localhost/\ntls-offloaded: true\nkeytab: " + keytabFile(t, kdc) + "\nservice: " + service +
		"\nroutes:\n"
	for routes, want := range map[string]int{
		"  - {path: /a}\n  - {path: /b}\n": 2,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, name: other, max-age: 1m, layout: lax}}\n": 2,
		// /a's are refused at /b by nothing
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, actor: \"urn:b\"}}\n": 2,
		// no digest covers an actor
		"  - {path: /a, addresses: [https://gw/a]}\n  - {path: /b}\n":                                                   1,
		"  - {path: /a, addresses: [https://gw/a]}\n  - {path: /b, addresses: [https://gw/b]}\n":                        0,
		"  - {path: /a, addresses: [https://gw/a, \"urn:x\"]}\n  - {path: /b, addresses: [https://gw/b, \"URN:x\"]}\n":  2,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, derived-keys: allowed, encrypt-signature: false}}\n": 2,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, algorithm-suite: Basic256}}\n":                       0,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, encrypted-parts: {body: false}}}\n":                  0,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, encrypted-parts: {body: false}, " +
			"optional-encrypted-parts: {body: true}}}\n": 2,
		"  - {path: /a}\n  - {path: /b, service: HTTP/gateway.example.com}\n":                                      0,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, derived-keys: forbidden, token-once: false}}\n": 0,
		"  - {path: /a, policy: KerberosOverTransport}\n  - {path: /b, policy: KerberosOverTransport}\n":           0,
		"  - {path: /a}\n": 0,
	} {
		var out bytes.Buffer
		if _, err := assembled(loadConfig(t, top+routes), &out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), `"msg":"a message for another route may be accepted here too`); n != want {
			t.Errorf("%s: %d warnings, want %d\n%s", routes, n, want, out.String())
		}
	}
}

// Routes that do not know what each other have accepted on other nodes are named, if
// one ticket is good for both.
func TestWarnOfDividedStoresComparesThoseOfOneService(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	kdc.AddService("HTTP/gateway.example.com")
	dir := t.TempDir()
	stateKeys(t, dir, "a")
	top := "backend: http://localhost/\ntls-offloaded: true\nkeytab: " + keytabFile(t, kdc) + "\nservice: " + service +
		"\nstate-keys: " + filepath.Join(dir, "state.keys") + "\nroutes:\n"
	const s, u = "store: redis://127.0.0.1:1", "store: redis://127.0.0.1:2"
	for routes, want := range map[string]int{
		"  - {path: /a}\n  - {path: /b}\n":                                                    0,
		"  - {path: /a, " + s + "}\n  - {path: /b, " + s + "/0}\n":                            0,
		"  - {path: /a, " + s + "}\n  - {path: /b, " + u + "}\n":                              1,
		"  - {path: /a, " + s + "}\n  - {path: /b, store: none}\n":                            1,
		"  - {path: /a}\n  - {path: /b, " + s + "}\n":                                         1,
		"  - {path: /a, " + s + "}\n  - {path: /b, " + u + "}\n  - {path: /c}\n":              2,
		"  - {path: /a, " + s + "}\n  - {path: /b, standard: spnego-http}\n":                  1,
		"  - {path: /a, " + s + "}\n  - {path: /b, policy: KerberosToken}\n":                  1,
		"  - {path: /a, " + s + "}\n  - {path: /b, shadow: true}\n":                           0,
		"  - {path: /a, " + s + "}\n  - {path: /b, service: HTTP/gateway.example.com}\n":      0,
		"  - {path: /a, " + s + "}\n  - {path: /b, service: " + service + "@" + realm + "}\n": 1,
		"  - {path: /a, signature-records: node, " + s + "}\n  - {path: /b, " + s + "}\n":     0,
	} {
		var out bytes.Buffer
		if _, err := assembled(loadConfig(t, top+routes), &out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), `"msg":"another route of this service has another store`); n != want {
			t.Errorf("%s: %d warnings, want %d\n%s", routes, n, want, out.String())
		}
	}
}

// That a route names clients that it cannot admit is said at start.
func TestWarnOfRealmsWithoutGroupsFindsThem(t *testing.T) {
	t.Parallel()
	const admins = "allowed-groups: [S-1-5-21-1-2-3-512]\n"
	for settings, want := range map[string]int{
		admins + "allowed-realms: [EXAMPLE.COM]\n":                                            0,
		admins + "allowed-realms: [EXAMPLE.COM, OTHER]\ntrusted-realms: [OTHER]\n":            1,
		admins + "allowed-principals: [alice@OTHER, bob@THIRD]\n":                             2,
		admins + "allowed-realms: [EXAMPLE.COM, OTHER]\nrealm-sids: [OTHER=S-1-5-21-7-8-9]\n": 0,
		"allowed-realms: [OTHER]\n":                                                           0,
	} {
		w := newServiceWorld(t, "soap/a")
		if err := w.assemble("keytab: " + w.keytab("k", "soap/a") + "\n" + settings); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(w.log.String(),
			`"msg":"clients of this realm are refused: none of their groups count"`); n != want {
			t.Errorf("%s: said %d times, want %d\n%s", settings, n, want, w.log.String())
		}
	}
}
