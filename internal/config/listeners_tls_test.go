package config

import (
	"strings"
	"testing"
)

// What a listener asks of its clients in TLS is refused where it would have no
// effect, or could not be checked.
func TestTLSOfListenersIsChecked(t *testing.T) {
	const tls = "tls-cert: c\ntls-key: k\n"
	for _, tt := range []struct{ text, want string }{
		{tls + "tls-min-version: 1.3\ntls-client-ca: ca\ntls-client-auth: require\nclient-certificate-header: X-Cert\n", ""},
		{tls + "tls-client-ca: ca\ntls-client-auth: request\n", ""},
		{"tls-min-version: 1.2\ntls-client-auth: off\n", ""}, // as --check prints it
		{tls + "tls-min-version: 1.1\n", `tls-min-version: "1.1" is not one of its values`},
		{tls + "tls-client-auth: yes\n", `tls-client-auth: `},
		{"tls-min-version: 1.3\n", "tls-min-version: has no use"},
		{"tls-client-auth: require\ntls-client-ca: ca\n", "tls-client-auth: has no use"},
		{tls + "tls-client-auth: require\n", "tls-client-auth: has no tls-client-ca"},
		{tls + "tls-client-ca: ca\n", "tls-client-ca: has no use"},
		{tls + "client-certificate-header: X-Cert\n", "client-certificate-header: has no use"},
		{tls + "tls-client-ca: ca\ntls-client-auth: request\nclient-certificate-header: X-Cert\n" +
			"pass-http-headers: [x_cert]\n",
			"pass-http-headers: a client could write"},
		{"listeners:\n  - {name: a, listen: \":1\", tls-cert: c, tls-key: k, tls-client-ca: ca, tls-client-auth: require}\n" +
			"  - {name: b, listen: \":2\"}\n", ""},
		{"listeners:\n  - {name: a, listen: \":1\", tls-cert: c, tls-key: k, tls-min-version: 1.4}\n",
			"gate.yaml:4:54: tls-min-version"},
		{"tls-min-version: 1.3\nlisteners:\n  - {name: a, listen: \":1\"}\n", "tls-min-version: stands beside listeners:"},
	} {
		_, err := Parse("gate.yaml", []byte("keytab: k\nbackend: http://b\n"+tt.text))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s\n%v, want %q", tt.text, err, tt.want)
		}
	}
}

// Both listeners of a file have what their entries say, and the one without it
// has the defaults.
func TestTLSOfListenersIsTheirOwn(t *testing.T) {
	cfg, err := Parse("gate.yaml", []byte("keytab: k\nbackend: http://b\nlisteners:\n"+
		"  - {name: a, listen: \":1\", tls-cert: c, tls-key: k, tls-client-ca: ca, tls-client-auth: request, "+
		"tls-min-version: 1.3}\n"+
		"  - {name: b, listen: \":2\", tls-cert: c, tls-key: k}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := cfg.Listeners[0], cfg.Listeners[1]; !a.AsksClients() || a.TLSMinVersion != "1.3" || a.TLSClientCA != "ca" ||
		b.AsksClients() || b.TLSMinVersion != "" {
		t.Errorf("%+v", cfg.Listeners)
	}
}
