package config

import (
	"strings"
	"testing"
)

func TestCheckRefusesWhatAWSDLCannotBePublishedWith(t *testing.T) {
	const top = "keytab: k\nbackend: http://b/\n"
	for text, want := range map[string]string{
		"wsdl: backend\nwsdl-imports: [a.example.com, \"b:8080\"]\nwsdl-address: https://gate/a\n": "",
		"wsdl: own.wsdl\n": "",
		"wsdl: refuse\n":   "",
		"wsdl: backend\nwsdl-imports: [\"http://a\"]\n": `"http://a" is not a host`,
		"wsdl: backend\nwsdl-imports: [a/b]\n":          `"a/b" is not a host`,
		"wsdl: backend\nwsdl-imports: [\"\"]\n":         `"" is not a host`,
		"wsdl: backend\nwsdl-imports: [\"u@a\"]\n":      `"u@a" is not a host`,
		"wsdl-imports: [a]\n":                           "wsdl-imports: has no use without a WSDL",
		"wsdl: own.wsdl\nwsdl-imports: [a]\n":           "wsdl-imports: has no use with a WSDL in a file",
		"wsdl-address: https://gate/a\n":                "wsdl-address: has no use without a WSDL",
		"wsdl: backend\nwsdl-address: gate/a\n":         `"gate/a" is not the URL of a service`,
		"wsdl: backend\nwsdl-address: ftp://gate/a\n":   "is not the URL of a service",
		"wsdl: backend\nwsdl-address: http://g/?wsdl\n": "is not the URL of a service",
		"wsdl: backend\nwsdl-address: http://u:p@g/\n":  "is not the URL of a service",
		"wsdl: backend\npolicy: KerberosToken\ntoken-location: authorization\n": "no assertion of WS-SecurityPolicy says " +
			"token-location",
		"wsdl: backend\nstandard: spnego-http\n": "wsdl: has no effect under standard spnego-http",
	} {
		_, err := load(t, top+text, Flags{}, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// The address in the WSDL is the operator's before it is the client's.
func TestPublicAddressIsThatOfTheConfiguration(t *testing.T) {
	const top = "keytab: k\nbackend: http://b/\nwsdl: backend\n"
	for text, want := range map[string]string{
		"":                         "",
		"addresses: [\"urn:a\"]\n": "",
		"addresses: [\"urn:a\", \"https://g/a\", \"http://h/b\"]\n":      "https://g/a",
		"addresses: [\"https://g/a\"]\nwsdl-address: https://public/c\n": "https://public/c",
	} {
		cfg, err := load(t, top+text, Flags{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Routes[0].PublicAddress(); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}
