package config

import (
	"strings"
	"testing"
)

const soapRoute = "keytab: svc.keytab\nbackend: http://localhost:9100\n"

const httpRoute = "keytab: svc.keytab\nbackend: http://localhost:9100\nstandard: spnego-http\n"

func TestRoutesMakeRoomForTokensInHeaders(t *testing.T) {
	for text, want := range map[string]Size{
		httpRoute:                                            128 << 10,
		httpRoute + "max-headers: 16KiB\n":                   16 << 10,
		httpRoute + "max-headers: 256KiB\n":                  256 << 10,
		strings.Replace(httpRoute, "spnego-http", "soap", 1): 32 << 10,
		soapRoute: 32 << 10,
		soapRoute + "token-location: authorization\n":                     128 << 10,
		soapRoute + "token-location: header:X-Token\n":                    128 << 10,
		soapRoute + "token-location: [security-header, cookie:token]\n":   128 << 10,
		soapRoute + "token-location: query:token\n":                       128 << 10,
		soapRoute + "token-location: any-security-header\n":               32 << 10,
		soapRoute + "token-location: authorization\nmax-headers: 16KiB\n": 16 << 10,
		soapRoute + "max-headers: 1MiB\n":                                 1 << 20,
	} {
		cfg, err := load(t, text, Flags{}, nil)
		if err != nil {
			t.Errorf("%s%v", text, err)
		} else if cfg.MaxHeaders != want {
			t.Errorf("%s%v", text, cfg.MaxHeaders)
		}
	}
}

// TestSettingsOfOneStandardAreRefusedUnderOthers: one that is not applied is
// worse than none.
func TestSettingsOfOneStandardAreRefusedUnderOthers(t *testing.T) {
	soap := strings.Replace(httpRoute, "spnego-http", "soap", 1)
	app := httpRoute + "challenge-scheme: application\n"
	proxied := httpRoute + "client-address: forwarded\ntrusted-proxies: [10.0.0.1]\n"
	for _, tt := range [][2]string{
		{httpRoute + "policy: Kerberos\n",
			"policy: has no effect under standard spnego-http"},
		{httpRoute + "token-location: authorization\n",
			"token-location: has no effect under standard spnego-http"},
		{httpRoute + "pass-http-headers: [X-A]\n",
			"pass-http-headers: has no effect"},
		{httpRoute + "context-lifetime: 1h\n",
			"context-lifetime: has no effect"},
		{soap + "challenge: false\n",
			"challenge: has no effect under standard soap"},
		{soap + "session-lifetime: 1h\n",
			"session-lifetime: has no effect under standard soap"},
		{soap + "connection-bound: true\n",
			"connection-bound: has no effect under standard soap"},
		{httpRoute + "cookie-name: a b\n",
			"cookie-name: \"a b\" cannot be"},
		{httpRoute + "cookie-same-site: none\n",
			"cookie-same-site: is none"},
		{httpRoute + "cookie-same-site: any\n",
			"cookie-same-site: \"any\" is not one of its values"},
		{httpRoute + "challenge-connect: wss://a\n",
			"challenge-connect: has no effect without"},
		{httpRoute + "challenge-identifier: a\n",
			"challenge-identifier: has no effect without"},
		{httpRoute + "cors-origins: ['*']\n",
			"cors-origins: \"*\" is not an origin"},
		{httpRoute + "cors-origins: ['null']\n",
			"cors-origins: \"null\" is not an origin"},
		{httpRoute + "cors-origins: ['https://*.example.com']\n",
			"cors-origins: \"https://*.example.com\" is not an origin"},
		{httpRoute + "cors-origins: ['https://a.example.com', 'https://App.example.com']\n",
			"cors-origins: \"https://App.example.com\" is not an origin"},
		{httpRoute + "cors-origins: ['https://app.example.com/']\n",
			"cors-origins: \"https://app.example.com/\" is not an origin"},
		{httpRoute + "cors-origins: ['https://app.example.com:443']\n",
			"cors-origins: \"https://app.example.com:443\" is not an origin"},
		{soap + "cors-origins: ['https://app.example.com/']\n",
			"cors-origins: \"https://app.example.com/\" is not an origin"},
		{app + "challenge-connect: a b\n",
			"challenge-connect: \"a b\" is not a URI"},
		{app + "challenge-identifier: a\n",
			"challenge-identifier: is written behind"},
		{app + "challenge-connect: wss://a\nchallenge-identifier: a b\n",
			"challenge-identifier: \"a b\""},
		{proxied + "connection-bound: true\n",
			"connection-bound: would take all clients"},
		{httpRoute + "channel-bindings: required\n",
			"channel-bindings: cannot be required"},
		{httpRoute + "tls-offloaded: true\nconnection-bound: true\n",
			"connection-bound: would take all clients"},
		{httpRoute + "groups-header: x_wssgate_principal\n",
			"groups-header: \"x_wssgate_principal\" is principal-header too"},
		{httpRoute + "session-lifetime: 48h\n",
			"session-lifetime: 48h0m0s is not between"},
		{strings.Replace(httpRoute, "keytab: svc.keytab\n", "", 1),
			"keytab: is required"},
	} {
		text, want := tt[0], tt[1]
		if _, err := load(t, text, Flags{}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s%v\nwant %s", text, err, want)
		}
	}
}
