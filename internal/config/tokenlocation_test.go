package config

import (
	"strings"
	"testing"
)

func TestLoadReadsTokenLocations(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "security-header",
		"token-location: authorization\n": "authorization",
		"token-location: [security-header, \"query:t\"]\n":       "security-header, query:t",
		"token-location: 'xpath://a[contains(.,\"b,c\")]'\n":     `xpath://a[contains(.,"b,c")]`,
		"token-location:\n  xpath: //wsse:BinarySecurityToken\n": "xpath://wsse:BinarySecurityToken",
		"token-location:\n  - cookie:krb\n" +
			"  - xpath: //a:T\n    namespaces: {a: 'urn:a'}\n": "cookie:krb, xpath://a:T",
	} {
		cfg, err := load(t, oneRoute+"tls-offloaded: true\npolicy: KerberosToken\n"+text, Flags{}, nil)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got := cfg.Routes[0].TokenLocation.String(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		printed, err := cfg.Effective()
		if err != nil {
			t.Fatal(err)
		}
		again, err := load(t, string(printed), Flags{}, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		a, b := cfg.Routes[0].TokenLocation.All(), again.Routes[0].TokenLocation.All()
		if a.String() != b.String() || len(a[len(a)-1].Namespaces()) != len(b[len(b)-1].Namespaces()) {
			t.Errorf("%q was printed as\n%s", text, printed)
		}
	}
}

func TestLoadReadsATokenLocationOfTheCommandLine(t *testing.T) {
	var at TokenLocations
	if err := at.UnmarshalText([]byte("header:X-Token, cookie:t")); err != nil ||
		at.String() != "header:X-Token, cookie:t" {
		t.Errorf("%v, %v", at, err)
	}
	if err := at.UnmarshalText([]byte("xpath://a[.='1,2']")); err != nil || len(at.All()) != 1 {
		t.Errorf("%v, %v", at, err)
	}
	if err := at.UnmarshalText([]byte("nowhere")); err == nil || len(at.All()) != 1 {
		t.Errorf("%v, %v", at, err)
	}
}

// A combination in which no message could ever be accepted, or a token would be
// good for more than it seems, is refused with both settings.
func TestCheckRefusesContradictoryTokenLocations(t *testing.T) {
	for text, want := range map[string]string{
		"token-location: nowhere\n": `gate.yaml:5:17: token-location: "nowhere" is not a location of tokens`,
		"token-location: []\n":      "token-location: is an empty list",
		"token-location: [[a]]\n":   "token-location: is neither a place",
		"token-location: 'xpath://a['\n": `token-location: XPath expression "//a[": expression must evaluate to a ` +
			`node-set`,
		"token-location: {xpath: '//b:a'}\n":                 "prefix b not defined",
		"token-location: {xpaths: '//a'}\n":                  "is not xpath: with namespaces:",
		"token-location: {xpath: //a, namespaces: {a: 1}}\n": "",
		"token-location: authorization\nstandard: none\n": "token-location: has no effect under " +
			"standard none of the route",
		"token-location: authorization\npolicy: SspiNegotiated\n": "token-location: authorization contradicts policy " +
			"SspiNegotiated (gate.yaml:6:1), under which clients send a spnego-context token",
		"token-location: authorization\npolicy: SecureConversation\n": "send a secure-conversation token",
		"token-location: authorization\npolicy: [Kerberos, {preset: KerberosOverTransport, timestamp: required}]\n" +
			"tls-offloaded: true\n": "contradicts policy Kerberos, KerberosOverTransport (changed) " +
			"(gate.yaml:6:1), which is several",
		"token-location: authorization\npolicy: {preset: Kerberos, protect-tokens: true}\n": "(protect-tokens): " +
			"nothing signs",
		"token-location: authorization\npass-http-headers: [Authorization]\n": "authorization would reach " +
			"the backend with the " + `token: pass-http-headers (gate.yaml:6:1) lists "Authorization"`,
		"token-location: header:X-Token\npass-http-headers: [x_token]\n": "would reach the backend",
		"token-location: [cookie:a, cookie:a]\n":                         "cookie:a is listed twice",
		"token-location: header:Content-Type\n":                          `"Content-Type" is a header that HTTP needs`,
		"token-location: header:Accept\n":                                `"Accept" is a header that HTTP needs`,
		"token-location: header:Host\n":                                  `"Host" is a header that HTTP needs`,
	} {
		_, err := load(t, oneRoute+text, Flags{}, nil)
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
