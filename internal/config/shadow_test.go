package config

import (
	"strings"
	"testing"
)

// TestCheckRefusesWhatContradictsShadow: nothing of a route on trial may change
// messages, name clients or need a key that wssgate does not get to know.
func TestCheckRefusesWhatContradictsShadow(t *testing.T) {
	const route = oneRoute + "shadow: true\n"
	cfg, err := load(t, route+"allowed-principals: [alice@EXAMPLE.COM]\n", Flags{}, nil)
	if err != nil || !cfg.Routes[0].Shadow {
		t.Fatalf("%v", err)
	}
	for _, tt := range [][2]string{
		{"policy: SspiNegotiated\n", "SspiNegotiated cannot be tried with shadow"},
		{"policy: [Kerberos, wsHttpBinding]\n", "wsHttpBinding cannot be tried with shadow"},
		{"principal-header: X-User\n", "principal-header: has no effect with shadow"},
		{"realm-header: X-Realm\n", "realm-header: has no effect with shadow"},
		{"groups-header: X-Groups\n", "groups-header: has no effect with shadow"},
		{"assertion-header: X-Assertion\n", "assertion-header: has no effect with shadow"},
		{"addressing: terminate\n", "addressing: contradicts shadow"},
		{"rewrite-to: backend\n", "rewrite-to: contradicts shadow"},
		{"wsdl: backend\n", "wsdl: contradicts shadow"},
		{"backend-policy: Kerberos\nbackend-service: soap/b\n", "backend-policy: contradicts shadow"},
		{"token-location: authorization\n", "token-location: authorization contradicts shadow"},
		{"standard: none\n", "shadow: has no effect under standard none"},
		{"standard: spnego-http\n", "shadow: has no effect under standard spnego-http"},
	} {
		if _, err := load(t, route+tt[0], Flags{}, nil); err == nil || !strings.Contains(err.Error(), tt[1]) {
			t.Errorf("%s%v, want %q", tt[0], err, tt[1])
		}
	}
}
