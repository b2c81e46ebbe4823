package config

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// loadRelay runs LoadRelay over a file's text and flags that were given.
func loadRelay(t *testing.T, file string, flags RelayFlags, given Given) (*Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("relay.yaml", []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	flags.File = "relay.yaml"
	return LoadRelay(&flags, given)
}

func TestLoadRelayHasTheUsualPathsUnlessOneIsGiven(t *testing.T) {
	cfg, err := loadRelay(t, "kdc-realms: [EXAMPLE.COM]\nlisten: :443\n", RelayFlags{Server: Server{Listen: ":444"}},
		Given{"listen": "--listen"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.KDCProxyPath != "/KdcProxy" || cfg.KDCWebSocketPath != "/kerberos5" || cfg.Listen != ":444" ||
		len(cfg.Routes) > 0 {
		t.Errorf("%+v", cfg)
	}
	if cfg, err = loadRelay(t, "kdc-realms: [A]\nkdc-listen: :88\n", RelayFlags{}, nil); err != nil ||
		cfg.KDCProxyPath != "" {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func TestRelayedRealmsJoinsTheSettings(t *testing.T) {
	cfg, err := loadRelay(t, `
kdc-realms: [EXAMPLE.COM, OTHER.TEST]
kdc-realm-aliases: [EXAMPLE=EXAMPLE.COM]
kdc-servers: [EXAMPLE.COM=kdc1, 'other.test=tcp/k:1088', 'EXAMPLE.COM=[::1]:88']
kdc-password-servers: [OTHER.TEST=pw]
`, RelayFlags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []KDCRealm{
		{Name: "EXAMPLE.COM", Aliases: []string{"EXAMPLE"}, Servers: []string{"kdc1", "[::1]:88"}},
		{Name: "OTHER.TEST", Servers: []string{"tcp/k:1088"}, PasswordServers: []string{"pw"}},
	}
	if diff := cmp.Diff(want, cfg.RelayedRealms()); diff != "" {
		t.Error(diff)
	}
}

func TestRelayRefusesWhatContradictsItself(t *testing.T) {
	for text, says := range map[string]string{
		"":                                                              "kdc-realms: is required",
		"kdc-realms: []":                                                "is required",
		"kdc-realms: ['a b']":                                           "is not a realm",
		"kdc-realms: [A]\nbackend: x":                                   "it is a setting of wssgate serve",
		"kdc-realms: [A]\nroutes: []":                                   "it is a setting of wssgate serve",
		"kdc-realms: [A]\nkdc-relms: [A]":                               `did you mean "kdc-realms"`,
		"kdc-realms: [A]\nkdc-servers: [k]":                             "has not the form of an entry",
		"kdc-realms: [A]\nkdc-servers: [A=]":                            "has not the form of an entry",
		"kdc-realms: [A]\nkdc-servers: [B=k]":                           "is not among kdc-realms",
		"kdc-realms: [A]\nkdc-password-servers: [B=k]":                  "is not among kdc-realms",
		"kdc-realms: [A]\nkdc-realm-aliases: [A=B]":                     "is not among kdc-realms",
		"kdc-realms: [A]\nkdc-realm-aliases: [B]":                       "has not the form of an entry",
		"kdc-realms: [A]\nkdc-origins: [app.example.com]":               "is not an origin",
		"kdc-realms: [A]\nkdc-origins: ['https://a/']":                  "is not an origin",
		"kdc-realms: [A]\nkdc-listen: '88'":                             "is not host:port",
		"kdc-realms: [A]\nkdc-proxy-path: KdcProxy":                     "is not a plain path",
		"kdc-realms: [A]\nkdc-proxy-path: /x\nkdc-websocket-path: /x":   "is kdc-proxy-path too",
		"kdc-realms: [A]\nkdc-client-rate: 0":                           "is less than 1",
		"kdc-realms: [A]\nkdc-timeout: 1ms":                             "is not between",
		"kdc-realms: [A]\ntls-cert: x":                                  "has no tls-key beside it",
		"kdc-realms: [A]\nclient-address: forwarded":                    "could be written by anybody",
		"kdc-realms: [A]\nkdc-websocket-path: /a/../b":                  "is not a plain path",
		"kdc-realms: [A]\nbrowser-client: /":                            "is not a plain path",
		"kdc-realms: [A]\nbrowser-client: w":                            "is not a plain path",
		"kdc-realms: [A]\nbrowser-client: /w/":                          "is not a plain path",
		"kdc-realms: [A]\nbrowser-client: /%77":                         "is not a plain path",
		"kdc-realms: [A]\nbrowser-client: /w\nkdc-listen: :88":          "gets its tickets by a WebSocket",
		"kdc-realms: [A]\nbrowser-client: /kerberos5":                   "the relay has the path",
		"kdc-realms: [A]\nbrowser-client: /w\nkdc-websocket-path: /w/x": "the relay has the path",
	} {
		if _, err := loadRelay(t, text+"\n", RelayFlags{}, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestServeTakesRelaySettingsOnlyWithARelay(t *testing.T) {
	if _, err := load(t, oneRoute+"kdc-realms: [A]\n", Flags{}, nil); err == nil ||
		!strings.Contains(err.Error(), "has no use") {
		t.Error(err)
	}
	if _, err := load(t, oneRoute+"kdc-realms: [A]\nkdc-proxy-path: /\n", Flags{}, nil); err == nil ||
		!strings.Contains(err.Error(), "is the path of a route") {
		t.Error(err)
	}
	const both = "kdc-realms: [A]\nkdc-websocket-path: /kerberos5\nbrowser-client: /app\n"
	if _, err := load(t, oneRoute+both+"path: /app/x\n", Flags{}, nil); err == nil ||
		!strings.Contains(err.Error(), "or one below it") {
		t.Error(err)
	}
	if cfg, err := load(t, oneRoute+both, Flags{}, nil); err != nil || cfg.BrowserClient != "/app" {
		t.Error(err)
	}
	cfg, err := load(t, oneRoute+"kdc-realms: [A]\nkdc-proxy-path: /KdcProxy\n", Flags{}, nil)
	if err != nil || !cfg.Relays() {
		t.Error(err)
	}
}

// What --check prints of a relay is its configuration again, and has nothing of
// what it has not.
func TestEffectiveOfARelayIsItsConfiguration(t *testing.T) {
	cfg, err := loadRelay(t, "kdc-realms: [EXAMPLE.COM]\nkdc-servers: [EXAMPLE.COM=k]\n", RelayFlags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := cfg.Effective()
	if err != nil {
		t.Fatal(err)
	}
	again, err := loadRelay(t, string(text), RelayFlags{}, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(cfg.Process, again.Process, cmpopts.EquateEmpty()); diff != "" ||
		strings.Contains(string(text), "routes") {
		t.Errorf("%s\n%s", diff, text)
	}
	plain, err := load(t, oneRoute, Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = plain.Effective(); err != nil || strings.Contains(string(text), "kdc-") {
		t.Errorf("%v\n%s", err, text)
	}
}
