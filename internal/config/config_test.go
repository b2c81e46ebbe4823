package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// load runs Load over a file's text and flags that were given.
func load(t *testing.T, file string, flags Flags, given Given) (*Config, error) {
	t.Helper()
	if file != "" {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("gate.yaml", []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		flags.File = "gate.yaml"
	}
	return Load(&flags, given)
}

const oneRoute = `
backend: http://localhost:9100/quotes
keytab: gate.keytab
service: soap/gw.example.com@EXAMPLE.COM
`

func TestFlagBeatsFileBeatsDefault(t *testing.T) {
	flags := Flags{Process: Process{ClockSkew: time.Minute, Listen: ":1"}}
	cfg, err := load(t, oneRoute+"clock-skew: 2m\nmax-message: 1MiB\nlisten: :2\n", flags, Given{"clock-skew": "--clock-skew"})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{cfg.ClockSkew, cfg.MaxMessage, cfg.Listen, cfg.IdleTimeout}
	want := []any{time.Minute, Size(1 << 20), ":2", 2 * time.Minute}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("clock-skew by flag, max-message and listen by file, idle-timeout by default (-want +got):\n%s", d)
	}
}

func TestOneRouteFromFlagsAlone(t *testing.T) {
	flags := Flags{Route: Route{Backend: "http://b/", Keytab: "k", Path: "/q"}}
	cfg, err := load(t, "", flags, Given{"backend": "--backend", "keytab": "WSSGATE_KEYTAB", "path": "--path"})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Routes) != 1 || cfg.Routes[0].Path != "/q" || cfg.Routes[0].Policy.String() != "Kerberos" || !cfg.ReplayJournal {
		t.Errorf("got %+v", cfg)
	}
}

func TestRoutesStartFromTheTopLevel(t *testing.T) {
	cfg, err := load(t, `
keytab: gate.keytab
allowed-realms: [A.EXAMPLE]
tls-offloaded: true
routes:
  - path: /a
    backend: http://localhost/a
  - path: /b
    backend: http://localhost/b
    keytab: other.keytab
    policy: KerberosToken
    allowed-realms: [B.EXAMPLE, C.EXAMPLE]
`, Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := cfg.Routes[0], cfg.Routes[1]
	got := []any{a.Keytab, a.AllowedRealms, a.Policy.String(), b.Keytab, b.AllowedRealms, b.Policy.String(), b.TLSOffloaded}
	want := []any{"gate.keytab", []string{"A.EXAMPLE"}, "Kerberos", "other.keytab", []string{"B.EXAMPLE", "C.EXAMPLE"}, "KerberosToken", true}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestPolicyAsMapping(t *testing.T) {
	cfg, err := load(t, oneRoute+`
policy:
  preset: Kerberos
  derived-keys: allowed
  signed-parts: {body: true, headers: ["{urn:x}*"]}
  max-age: 90s
`, Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := cfg.Routes[0].Policy.All()[0]
	if p.DerivedKeys != "allowed" || p.MaxAge != 90*time.Second || !p.EncryptSignature || p.Name != "Kerberos (changed)" ||
		!cmp.Equal(p.SignedParts.Headers, []string{"{urn:x}*"}) {
		t.Errorf("got %+v", p.Policy)
	}
}

// Each refusal names the place, the setting and the cure.
func TestRefusals(t *testing.T) {
	tests := map[string]struct{ file, want string }{
		"unknown key":             {oneRoute + "polcy: Kerberos\n", `gate.yaml:5:1: polcy: unknown setting; did you mean "policy"?`},
		"unknown key of a route":  {"routes:\n  - path: /a\n    bakend: x\n", `gate.yaml:3:5: routes[0].bakend: unknown setting; did you mean "backend"?`},
		"unknown key of a policy": {oneRoute + "policy:\n  preset: Kerberos\n  derived-key: allowed\n", `gate.yaml:7:3: policy.derived-key: unknown setting; did you mean "derived-keys"?`},
		"key of a nested part":    {oneRoute + "policy:\n  preset: Kerberos\n  signed-parts: {bdy: true}\n", `policy.signed-parts.bdy: unknown setting; did you mean "body"?`},
		"key in a list":           {oneRoute + "policy:\n  binding: none\n  supporting-tokens:\n    - {token: kerberos, usage: plain}\n", `gate.yaml:8:`},
		"unknown preset":          {oneRoute + "policy: kerberos\n", `gate.yaml:5:9: policy: no policy is called "kerberos"; the presets are Kerberos,`},
		"wrong type":              {oneRoute + "clock-skew: soon\n", `gate.yaml:5:13: clock-skew: "soon" is not a time; write it as 500ms, 30s or 5m`},
		"number for a time":       {oneRoute + "clock-skew: 300\n", `gate.yaml:5:13: clock-skew: "300" is not a time: it has no unit; write it as 300s or 300m`},
		"wrong switch":            {oneRoute + "allow-rc4: 1\n", `gate.yaml:5:12: allow-rc4: "1" is not a switch; write true or false`},
		"list for a word":         {oneRoute + "log-level: [info]\n", "log-level: is not a single value; write one word"},
		"hours of skew":           {oneRoute + "clock-skew: 100h\n", "gate.yaml:5:1: clock-skew: 100h0m0s is more than any clock is wrong by; write 5m, at most 1h"},
		"hasty refusals":          {oneRoute + "refusal-delay: 5ms\n", "gate.yaml:5:1: refusal-delay: 5ms is not between 20ms and 1s; write 50ms, or more where refusals are logged as late"},
		"tardy refusals":          {oneRoute + "refusal-delay: 1m\n", "gate.yaml:5:1: refusal-delay: 1m0s is not between 20ms and 1s; write 50ms, or more where refusals are logged as late"},
		"wrong size":              {oneRoute + "max-message: lots\n", `gate.yaml:5:14: max-message: "lots" is not a size; write it as 500kB, 20MB or 32MiB`},
		"list as scalar":          {oneRoute + "allowed-realms: A.EXAMPLE\n", `gate.yaml:5:17: allowed-realms: "A.EXAMPLE" is not a list; write a list: [A, B]`},
		"no value":                {oneRoute + "service:\n", "mapping key \"service\" already defined"},
		"empty value":             {"backend:\n", "gate.yaml:1:1: backend: has no value"},
		"same key, quoted":        {oneRoute + "allowed-realms: [A]\n\"allowed-realms\": []\n", "already defined"},
		"not YAML":                {"backend: [\n", "gate.yaml:1:"},
		"two documents":           {"listen: :1\n---\nlisten: :2\n", "gate.yaml: holds more than one YAML document"},
		"not a mapping":           {"- a\n", "gate.yaml:1:1: is not a mapping"},
		"routes not a list":       {"routes: {path: /a}\n", "routes: is not a list of routes"},
		"missing":                 {"listen: :1\n", "backend: is required; give --backend, WSSGATE_BACKEND or, in the file, backend:"},
		"missing in a route":      {"keytab: k\nroutes:\n  - path: /a\n", "gate.yaml:3:5: backend: is required"},
		"no path in a route":      {"keytab: k\nbackend: http://b\nroutes:\n  - path: /a\n  - allowed-realms: [A]\n    service: s/h\n", "gate.yaml:5:5: path: is required; write path: in this entry of routes:"},
		"no paths at all":         {"keytab: k\nbackend: http://b\nroutes: [{keytab: a}, {keytab: b}]\n", "gate.yaml:3:24: path: is required"},
		"masked user":             {"keytab: k\nbackend: http://xxxxx@b/\n", "gate.yaml:2:1: backend: xxxxx is a mask of --check; write the real one"},
		"masked query":            {"keytab: k\nbackend: http://b/?a=1&b=xxxxx\n", "backend: xxxxx is a mask of --check"},
		"masked word":             {"keytab: k\nbackend: http://b/?xxxxx\n", "backend: xxxxx is a mask of --check"},
		"a default":               {oneRoute + "max-message: 100MiB\n", "max-in-flight: 256MiB has no room"},
		"listen":                  {oneRoute + "listen: 8080\n", `gate.yaml:5:1: listen: "8080" is not host:port; write ":8080"`},
		"half of TLS":             {oneRoute + "tls-cert: c.pem\n", "gate.yaml:5:1: tls-cert: has no tls-key beside it"},
		"token without TLS":       {oneRoute + "policy: KerberosToken\n", "gate.yaml:5:1: policy: KerberosToken protects messages only together with TLS, and this listener has none; give tls-cert and tls-key, or tls-offloaded"},
		"transport without TLS":   {oneRoute + "policy: KerberosOverTransport\n", "protects messages only together with TLS"},
		"weak policy":             {oneRoute + "policy:\n  preset: Kerberos\n  signed-parts: {body: false}\n", "gate.yaml:7:3: policy.signed-parts: "},
		"values of a policy":      {oneRoute + "policy:\n  preset: Kerberos\n  layout: loose\n  key-fit: tight\n", "gate.yaml:7:3: policy.layout: \"loose\" is not one of"},
		"budget":                  {oneRoute + "max-message: 200MiB\n", "raise it to 800MiB or more"},
		"no time":                 {oneRoute + "read-timeout: 0s\n", "read-timeout: 0s is not a time to wait"},
		"choice":                  {oneRoute + "other-headers: keep\n", `other-headers: "keep" is not a choice; choose of drop, pass, refuse`},
		"same path":               {"keytab: k\nbackend: http://b\nroutes: [{path: /a}, {path: /a}]\n", `"/a" is the path of route 1 already`},
		"pattern":                 {oneRoute + "path: /a/*\n", "is not a plain path"},
		"dots in the path":        {oneRoute + "path: /a/../b\n", "is not a plain path"},
		"escaped path":            {oneRoute + "path: /%61\n", "is not a plain path"},
		"path beside routes":      {"path: /x\nkeytab: k\nbackend: http://b\nroutes: [{path: /a}]\n", "path: does not say which route it is for"},
		"backend":                 {"backend: localhost:9100\nkeytab: k\n", "gate.yaml:1:1: backend: is not an http or https URL"},
		"principal without realm": {oneRoute + "allowed-principals: [alice]\n", `"alice" names no realm; write it as alice@EXAMPLE.COM`},
		"service":                 {"backend: http://b\nkeytab: k\nservice: soap/\n", `"soap/" is not a service principal`},
		"header":                  {oneRoute + "principal-header: Content-Type\n", `"Content-Type" cannot carry it`},
		"header of the client":    {oneRoute + "realm-header: Cookie\n", `"Cookie" cannot carry it`},
		"one header for two":      {oneRoute + "principal-header: X-Who\nrealm-header: x_who\n", `realm-header: "x_who" is principal-header too`},
		"two Authorizations":      {"keytab: k\nbackend: http://u:p@b/\nprincipal-header: authorization\n", `principal-header: "authorization" already carries the user information of backend`},
		"address of a proxy":      {oneRoute + "check-addresses: true\ntls-offloaded: true\n", "check-addresses: would compare tickets with the address of the proxy"},
		"proxies of anybody":      {oneRoute + "client-address: x-forwarded-for\n", "client-address: x-forwarded-for could be written by anybody; name the proxies that write it in trusted-proxies"},
		"proxies for nothing":     {oneRoute + "trusted-proxies: [10.0.0.1]\n", "trusted-proxies: has no use without client-address"},
		"no network":              {oneRoute + "client-address: forwarded\ntrusted-proxies: [lb.example.com]\n", `trusted-proxies: "lb.example.com" is not an address or a network; write it as 10.1.2.3 or 10.0.0.0/8`},
		"no percent":              {oneRoute + "client-share: 101\n", "client-share: 101 is not a percentage; write a whole number from 1 to 100"},
		"no connection":           {oneRoute + "max-connections: 0\n", "max-connections: 0 is less than 1; write a whole number from 1 on"},
		"no number":               {oneRoute + "max-connections: 5k\n", `max-connections: "5k" is not a whole number`},
		"address of nothing":      {oneRoute + "addresses: [/quotes]\n", `addresses: "/quotes" is not the address of a service; write it as https://gw.example.com/quotes`},
		"anonymous address":       {oneRoute + "addresses: [\"http://www.w3.org/2005/08/addressing/anonymous\"]\n", "is not the address of a service"},
		"required To of none":     {oneRoute + "wsa-to: required\n", "wsa-to: is required, and the route has no addresses that it could be; list the route's public URLs in addresses"},
		"bindings without TLS":    {oneRoute + "channel-bindings: required\n", "channel-bindings: cannot be required where TLS does not end at wssgate: only who ends it knows the channel; give tls-cert and tls-key, without tls-offloaded, or write when-present"},
		"bindings of a proxy":     {oneRoute + "channel-bindings: required\ntls-cert: c.pem\ntls-key: k.pem\ntls-offloaded: true\n", "channel-bindings: cannot be required"},
		"rule of bindings":        {oneRoute + "channel-bindings: always\n", `channel-bindings: "always" is not a choice; choose of off, when-present, required`},
		"hop-by-hop":              {oneRoute + "pass-http-headers: [Transfer-Encoding]\n", "is made anew for each connection"},
		"asserted by clients":     {oneRoute + "pass-http-headers: [x_wssgate_principal]\n", "a client could write"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, tt.file, Flags{}, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			var e *Error
			if !errors.As(err, &e) || e.ExitCode() != 2 {
				t.Errorf("%T is not an *Error with exit code 2", err)
			}
		})
	}
}

// A variable that was not expanded must not lift an allow-list or turn TLS off.
func TestEmptyFlagsAndVariablesAreRefused(t *testing.T) {
	const file = oneRoute + "tls-cert: c.pem\ntls-key: k.pem\nallowed-principals: [alice@A.EXAMPLE]\nallowed-realms: [A.EXAMPLE]\ntrusted-realms: [A.EXAMPLE]\n"
	for _, name := range []string{"allowed-principals", "allowed-realms", "trusted-realms", "allowed-groups", "realm-sids", "addresses", "pass-http-headers", "kerberos-service", "tls-cert", "tls-key",
		"service", "keytab", "backend", "state-dir", "listen", "path", "kerberos-key", "channel-bindings", "other-headers", "log-level"} {
		for _, how := range []string{"--" + name, Variable(name)} {
			_, err := load(t, file, Flags{}, Given{name: how})
			if err == nil || !strings.Contains(err.Error(), how+": is empty; unset it, or write the value") {
				t.Errorf("%s=: got %v", how, err)
			}
		}
	}
	for _, list := range [][]string{{""}, {" "}, {"alice@A.EXAMPLE", ""}} {
		if _, err := load(t, file, Flags{Route: Route{AllowedPrincipals: list}}, Given{"allowed-principals": "--allowed-principals"}); err == nil {
			t.Errorf("%q was accepted", list)
		}
	}
	cfg, err := load(t, file, Flags{}, Given{"principal-header": "--principal-header", "realm-header": "WSSGATE_REALM_HEADER"})
	if err != nil || cfg.Routes[0].PrincipalHeader != "" {
		t.Errorf("no header is a value: %v", err)
	}
}

// What an anchor or a tag stands before may be nothing at all.
func TestAnchorsAliasesAndTagsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"allowed-principals: &a ~\n":                                `gate.yaml:5:21: "&" is an anchor, and this file takes none; write the value itself`,
		"allowed-principals: &a\n":                                  "gate.yaml:5:21: ",
		"allowed-realms: [A.EXAMPLE]\nallowed-principals: !!null\n": "gate.yaml:6:21: ",
		"allowed-principals: !!null x\n":                            `gate.yaml:5:21: "!!null" is a tag`,
		"allowed-principals: !!seq x\n":                             "gate.yaml:5:26: ",
		"allowed-principals: !!map [x]\n":                           "gate.yaml:5:26: ",
		"allowed-principals: [!!null x]\n":                          "gate.yaml:5:22: ",
		"clock-skew: !!binary x\n":                                  "gate.yaml:5:13: ",
		"policy: !x {preset: Kerberos}\n":                           "gate.yaml:5:9: ",
		"&a path: /x\n":                                             "gate.yaml:5:1: ",
		"log-level: &l info\nlog-format: *l\n":                      "is an anchor",
		"policy:\n  <<: {preset: Kerberos}\n":                       `"<<" is an alias`,
	} {
		_, err := load(t, oneRoute+text, Flags{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// Who emptied a list is said, too.
func TestEffectiveTellsTheOriginOfEmptyLists(t *testing.T) {
	cfg, err := load(t, "keytab: k\nbackend: http://b\nallowed-realms: [A.EXAMPLE]\nroutes:\n  - path: /a\n    allowed-realms: []\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := cfg.Effective()
	if err != nil || !strings.Contains(string(text), "# gate.yaml:6:5, empty:\n    allowed-realms: []\n") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := load(t, string(text), Flags{}, nil); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestAllFindingsAtOnce(t *testing.T) {
	_, err := load(t, "polcy: x\nlisten: 1\nbackend: x\n", Flags{}, nil)
	if n := strings.Count(err.Error(), "\n") + 1; n != 1 {
		t.Errorf("unknown keys come before checks; got %d findings:\n%v", n, err)
	}
	_, err = load(t, "listen: 1\nbackend: x\n", Flags{}, nil)
	if n := strings.Count(err.Error(), "\n") + 1; n != 3 {
		t.Errorf("want 3 findings (listen, backend, keytab), got:\n%v", err)
	}
}

// Whichever of the two won, somebody would be surprised.
func TestFlagAgainstARouteIsRefused(t *testing.T) {
	flags := Flags{Route: Route{AllowedPrincipals: []string{"alice@A"}}}
	_, err := load(t, "keytab: k\nbackend: http://b\nroutes:\n  - path: /a\n    allowed-principals: [bob@A]\n", flags,
		Given{"allowed-principals": "--allowed-principals"})
	if err == nil || !strings.Contains(err.Error(), "--allowed-principals: the route sets it too, at gate.yaml:5:5") {
		t.Errorf("got %v", err)
	}
}

func TestUnknownVariables(t *testing.T) {
	found := UnknownVariables([]string{"PATH=x", "WSSGATE_POLICY=x", "WSSGATE_CONFIG=x", "WSSGATE_ALLOWED_REALM=x",
		"WSSGATE_SERVICE_HOST=10.0.0.1", "WSSGATE_PORT_8080_TCP_ADDR=10.0.0.1", "WSSGATE_PORT=tcp://10.0.0.1:80"})
	if len(found) != 1 || found[0].String() != `WSSGATE_ALLOWED_REALM: unknown setting; did you mean "WSSGATE_ALLOWED_REALMS"?` {
		t.Errorf("got %v", found)
	}
}

func TestEffectiveIsAFileThatLeadsToItself(t *testing.T) {
	cfg, err := load(t, oneRoute+"clock-skew: 90s\npolicy: {preset: Kerberos, derived-keys: allowed}\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := cfg.Effective()
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, string(text), Flags{}, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	repeated, _ := again.Effective()
	strip := func(b []byte) string {
		var lines []string
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			line, _, _ = strings.Cut(line, " #")
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
		return strings.Join(lines, "\n")
	}
	if d := cmp.Diff(strip(text), strip(repeated)); d != "" {
		t.Errorf("(-first +second):\n%s", d)
	}
	for _, want := range []string{"clock-skew: 1m30s # gate.yaml:5:1", "listen: :8080\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestEffectiveMasksSecrets(t *testing.T) {
	cfg, err := load(t, "keytab: k\nbackend: https://gate:s3cret@backend.example.com:8443/a?b=c\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := cfg.Effective()
	if strings.Contains(string(text), "s3cret") || !strings.Contains(string(text), "backend: https://xxxxx@backend.example.com:8443/a?b=xxxxx") {
		t.Errorf("got\n%s", text)
	}
	if cfg.Routes[0].Backend != "https://gate:s3cret@backend.example.com:8443/a?b=c" {
		t.Error("masking changed the configuration itself")
	}
}

func TestMaskURL(t *testing.T) {
	for url, want := range map[string]string{
		"http://b/a":                     "http://b/a",
		"http://b/a?":                    "http://b/a?",
		"http://b/a?key=s3cret&x=":       "http://b/a?key=xxxxx&x=xxxxx",
		"http://b/a?s3cret":              "http://b/a?xxxxx",
		"http://b/a?a=1;s3cret;b=s3cret": "http://b/a?a=xxxxx&xxxxx&b=xxxxx",
		"https://u@b/?a=s3cret":          "https://xxxxx@b/?a=xxxxx",
	} {
		if got := maskURL(url); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}

// A principal is written as the log and the backend have it.
func TestEscapedPrincipals(t *testing.T) {
	cfg, err := load(t, oneRoute+`allowed-principals: ['alice\@home@EXAMPLE.COM', 'batch/a\/b@EXAMPLE.COM']`+"\n", Flags{}, nil)
	if err != nil || len(cfg.Routes[0].AllowedPrincipals) != 2 {
		t.Errorf("%v", err)
	}
	for _, p := range []string{`alice\@EXAMPLE.COM`, "alice@A@B", "@EXAMPLE.COM", "alice@", "alice//x@A", `al ice@A`, `alice@A\/B`, `alice\n@A`} {
		if _, err := load(t, oneRoute+"allowed-principals: ['"+p+"']\n", Flags{}, nil); err == nil || !strings.Contains(err.Error(), "allowed-principals: ") {
			t.Errorf("%s: got %v", p, err)
		}
	}
}

func TestRefusalMasksSecrets(t *testing.T) {
	_, err := load(t, "keytab: k\nbackend: ftp://gate:s3cret@b/\n", Flags{}, nil)
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

// Clients' headers that may not tell who they are may still be passed.
func TestCookiesMayBePassed(t *testing.T) {
	if _, err := load(t, oneRoute+"pass-http-headers: [Cookie, User-Agent]\n", Flags{}, nil); err != nil {
		t.Error(err)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Load(&Flags{File: filepath.Join(t.TempDir(), "none.yaml")}, nil)
	var e *Error
	if !errors.As(err, &e) || e.ExitCode() != 2 || !strings.Contains(err.Error(), "no such file or directory; name a file that this process can read") {
		t.Errorf("got %v", err)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "7": 7, "1kB": 1000, "1KB": 1000, "2KiB": 2048, "20MB": 20e6, "32MiB": 32 << 20, "1 GiB": 1 << 30, "5B": 5} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: got %d, %v, want %d", text, s, err, want)
		}
		var back Size
		if err := back.UnmarshalText([]byte(s.String())); err != nil || back != s {
			t.Errorf("%q: String %q reads back as %d, %v", text, s, back, err)
		}
	}
	for _, text := range []string{"", "-1", "1.5MB", "9999999999GiB", "MB", "1TB"} {
		if err := new(Size).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
