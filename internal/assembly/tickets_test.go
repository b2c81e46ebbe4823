package assembly

import (
	"bytes"
	"crypto/x509"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

func TestCheckAddresses(t *testing.T) {
	kdc := newKDC()
	keytab := "keytab: " + keytabFile(t, kdc) + "\n"
	here, elsewhere := []byte{192, 0, 2, 7}, []byte{192, 0, 2, 8}
	for _, tt := range []struct {
		setting   string
		addresses [][]byte
		status    int
	}{
		{"check-addresses: true", [][]byte{elsewhere, here}, 200},
		{"check-addresses: true", [][]byte{elsewhere}, 500},
		{"check-addresses: true", nil, 200},
		{"check-addresses: false", [][]byte{elsewhere}, 200},
	} {
		status, log := exchange(t, kdc, keytab+tt.setting, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Addresses: tt.addresses}})
		if status != tt.status || status != 200 && !strings.Contains(log, `"code":"client-address"`) {
			t.Errorf("%s, %v: HTTP %d\n%s", tt.setting, tt.addresses, status, log)
		}
	}
}

// Tickets are held against the address that the log has: the connection's,
// however it is written, or what a listed proxy told, which a client cannot.
func TestCheckAddressesTakesTheClientsAddress(t *testing.T) {
	kdc := newKDC()
	keytab := "keytab: " + keytabFile(t, kdc) + "\ncheck-addresses: true\n"
	bound := krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Addresses: [][]byte{{192, 0, 2, 7}}}}
	proxied := "client-address: x-forwarded-for\ntrusted-proxies: [10.0.0.0/8]\n"
	for _, tt := range []struct {
		settings, remote, forwarded string
		status                      int
	}{
		{"", "[::ffff:192.0.2.7]:1", "", 200},
		{"", "[2001:db8::1]:1", "", 500},
		{"", "192.0.2.7", "", 500}, {"", "", "", 500}, {"", "pipe", "", 500}, // not known
		{"", "10.0.0.1:1", "192.0.2.7", 500},
		{proxied, "10.0.0.1:1", "192.0.2.7", 200},
		{proxied, "10.0.0.1:1", "192.0.2.7, 192.0.2.8", 500},
		{proxied, "10.0.0.1:1", "", 500},
		{proxied, "192.0.2.8:1", "192.0.2.7", 500},
	} {
		status, log := exchangeFrom(t, kdc, keytab+tt.settings, bound, tt.remote, tt.forwarded)
		if status != tt.status || status != 200 && !strings.Contains(log, `"code":"client-address"`) {
			t.Errorf("%+v: HTTP %d\n%s", tt, status, log)
		}
	}
}

func TestExactKvno(t *testing.T) {
	kdc := newKDC()
	keytab := "keytab: " + keytabFile(t, kdc) + "\n"
	other := krbtest.TokenOptions{Ticket: krbtest.TicketOptions{WrittenKvno: 9}}
	if status, log := exchange(t, kdc, keytab+"exact-kvno: true", other); status != 500 {
		t.Errorf("exact: HTTP %d\n%s", status, log)
	}
	status, log := exchange(t, kdc, keytab, other)
	if status != 200 || !strings.Contains(log, `"kvno":9,`) || !strings.Contains(log, `"fallback":true`) ||
		strings.Count(log, `"msg":"ticket opened with a key of another version","service":"`+service) != 1 {
		t.Errorf("HTTP %d\n%s", status, log)
	}
}

// RC4 is said of tickets, and at start of a keytab that has nothing else.
func TestRC4IsSaid(t *testing.T) {
	kdc := newKDC()
	weak := krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype.RC4, SessionEtype: etype.RC4}}
	const atStart, ofTicket, ofClient = `"msg":"keytab holds only rc4-hmac keys`, `"msg":"ticket under an rc4-hmac key","service":"`, `"msg":"client with an rc4-hmac key","principal":"alice@`
	status, log := exchange(t, kdc, "allow-rc4: true\nkeytab: "+keytabFile(t, kdc, etype.RC4), weak)
	if status != 200 || strings.Count(log, atStart) != 1 || strings.Count(log, ofTicket) != 1 || strings.Count(log, ofClient) != 1 || !strings.Contains(log, `"kerberos":{"etype":23,"session_etype":23,`) {
		t.Errorf("HTTP %d\n%s", status, log)
	}
	status, log = exchange(t, kdc, "allow-rc4: true\nkeytab: "+keytabFile(t, kdc, etype.AES256SHA1, etype.RC4), krbtest.TokenOptions{})
	if status != 200 || strings.Contains(log, "rc4") || !strings.Contains(log, `"kerberos":{"etype":18,`) {
		t.Errorf("HTTP %d\n%s", status, log)
	}
}

// Whoever gets hold of a bare token can use it where messages are protected.
func TestSharedServicesAreSaid(t *testing.T) {
	kdc := newKDC()
	kdc.AddService("HTTP/gateway.example.com")
	top := "backend: http://localhost/\ntls-offloaded: true\nkeytab: " + keytabFile(t, kdc) + "\nservice: " + service + "\nroutes:\n  - {path: /a, policy: KerberosToken}\n"
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
		if n := strings.Count(out.String(), `"msg":"a token for this route is good for another one, whose messages it protects","path":"/a","policy":"KerberosToken","other":"/b"`); n != want {
			t.Errorf("%s: %d warnings, want %d\n%s", routes, n, want, out.String())
		}
	}
}

// So it can where bare tokens are taken too, here or by another program, unless
// they are bound to a channel.
func TestSharedBearerServicesAreSaid(t *testing.T) {
	kdc := newKDC()
	kdc.AddService("HTTP/gateway.example.com")
	kdc.AddService("host/gateway.example.com")
	top := "backend: http://localhost/\ntls-cert: c.pem\ntls-key: k.pem\nkeytab: " + keytabFile(t, kdc) + "\nservice: " + service + "\npolicy: KerberosToken\nroutes:\n"
	const another, programs = `"msg":"a token for this route is good for another one"`, `"msg":"a token for this route is good for other programs`
	for routes, want := range map[string][2]int{
		"  - {path: /a}\n":                 {0, 0},
		"  - {path: /a}\n  - {path: /b}\n": {2, 0},
		"  - {path: /a}\n  - {path: /b, keytab: " + keytabFile(t, kdc) + "}\n":               {2, 0}, // another file, the same account
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

// A token that is bound to a channel is refused where there is none, unless a
// proxy ends the channels.
func TestChannelBindingsOfARoute(t *testing.T) {
	kdc := newKDC()
	bound := krbtest.TokenOptions{Checksum: append([]byte{0: 16, 4: 1, 19: 0}, 0x3c, 0, 0, 0)}
	for settings, want := range map[string]int{"": 500, "channel-bindings: off\n": 200, "tls-offloaded: true\n": 200} {
		status, log := exchange(t, kdc, settings+"keytab: "+keytabFile(t, kdc), bound)
		if status != want || want == 500 && !strings.Contains(log, `"code":"channel-bindings"`) {
			t.Errorf("%q: HTTP %d\n%s", settings, status, log)
		}
	}
}

// A certificate whose bindings no client can compute is said.
func TestUnboundCertificateIsSaid(t *testing.T) {
	for algorithm, want := range map[x509.SignatureAlgorithm]int{x509.PureEd25519: 1, x509.ECDSAWithSHA256: 0} {
		for _, rule := range []string{"when-present", "off"} {
			var out bytes.Buffer
			cfg := &config.Config{Routes: []config.Route{{ChannelBindings: rule}}}
			warnOfUnboundCertificate(cfg, &x509.Certificate{SignatureAlgorithm: algorithm}, slog.New(slog.NewJSONHandler(&out, nil)))
			if n := strings.Count(out.String(), "clients cannot bind tokens"); n != want && rule != "off" || n != 0 && rule == "off" {
				t.Errorf("%v, %s: %s", algorithm, rule, out.String())
			}
		}
	}
}

// Routes that accept each other's messages are named, unless their addresses
// tell them apart.
func TestInterchangeableRoutesAreSaid(t *testing.T) {
	kdc := newKDC()
	kdc.AddService("HTTP/gateway.example.com")
	top := "backend: http://localhost/\ntls-offloaded: true\nkeytab: " + keytabFile(t, kdc) + "\nservice: " + service + "\nroutes:\n"
	for routes, want := range map[string]int{
		"  - {path: /a}\n  - {path: /b}\n": 2,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, name: other, max-age: 1m, layout: lax}}\n":                                  2,
		"  - {path: /a, addresses: [https://gw/a]}\n  - {path: /b}\n":                                                                          1, // /a's are refused at /b by nothing
		"  - {path: /a, addresses: [https://gw/a]}\n  - {path: /b, addresses: [https://gw/b]}\n":                                               0,
		"  - {path: /a, addresses: [https://gw/a, \"urn:x\"]}\n  - {path: /b, addresses: [https://gw/b, \"URN:x\"]}\n":                         2,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, derived-keys: allowed, encrypt-signature: false}}\n":                        2,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, algorithm-suite: Basic256}}\n":                                              0,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, encrypted-parts: {body: false}}}\n":                                         0,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, encrypted-parts: {body: false}, optional-encrypted-parts: {body: true}}}\n": 2,
		"  - {path: /a}\n  - {path: /b, service: HTTP/gateway.example.com}\n":                                                                  0,
		"  - {path: /a}\n  - {path: /b, policy: {preset: Kerberos, derived-keys: forbidden, token-once: false}}\n":                             0,
		"  - {path: /a, policy: KerberosOverTransport}\n  - {path: /b, policy: KerberosOverTransport}\n":                                       0,
		"  - {path: /a}\n": 0,
	} {
		var out bytes.Buffer
		if _, err := assembled(loadConfig(t, top+routes), &out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), `"msg":"a message for another route may be good for this one too`); n != want {
			t.Errorf("%s: %d warnings, want %d\n%s", routes, n, want, out.String())
		}
	}
}

// What is said once is bounded: clients choose names.
func TestWarningsAreBounded(t *testing.T) {
	var out bytes.Buffer
	tickets := &ticketLog{log: slog.New(slog.NewTextHandler(io.Writer(&out), nil))}
	for i := range 2 * maxWarnings {
		tickets.warn(warning{"x", strings.Repeat("a", i)}, "principal")
	}
	if n := strings.Count(out.String(), "\n"); n != maxWarnings {
		t.Errorf("%d warnings", n)
	}
}
