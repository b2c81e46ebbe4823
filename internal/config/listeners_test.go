package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const twoListeners = `keytab: k
backend: http://b/
listeners:
  - {name: public, listen: ":8443", tls-cert: c.pem, tls-key: k.pem}
  - {name: inside, listen: "127.0.0.1:8080"}
`

func TestLoadReadsListeners(t *testing.T) {
	cfg, err := load(t, twoListeners+"routes: [{path: /a}, {path: /b, on-listeners: [public]}, "+
		"{path: /c, on-listeners: [inside]}]\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	public := Listener{Name: "public", Listen: ":8443", TLSCert: "c.pem", TLSKey: "k.pem"}
	inside := Listener{Name: "inside", Listen: "127.0.0.1:8080"}
	for i, want := range [][]Listener{{public, inside}, {public}, {inside}} {
		r := &cfg.Routes[i]
		if d := cmp.Diff(want, cfg.ListenersOf(r)); d != "" || cfg.HasTLS(r) != (i < 2) || cfg.HasPlain(r) != (i != 1) {
			t.Errorf("%s: TLS %t, plain %t (-want +got):\n%s", r.Path, cfg.HasTLS(r), cfg.HasPlain(r), d)
		}
	}
	// What is printed leads to the same, and says where it is from.
	text, err := cfg.Effective()
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, string(text), Flags{}, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if d := cmp.Diff(cfg.Listeners, again.Listeners); d != "" || !strings.Contains(string(text), "# gate.yaml:5:20") ||
		strings.Contains(string(text), "tls-cert: \"\"") || len(again.Routes[2].OnListeners) != 1 {
		t.Errorf("%s\n%s", d, text)
	}
}

func TestLoadMakesOneListenerOfTheTopLevel(t *testing.T) {
	cfg, err := load(t, oneRoute+"listen: :1\ntls-cert: c\ntls-key: k\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	own := Listener{Listen: ":1", TLSCert: "c", TLSKey: "k", TLSMinVersion: "1.2", TLSClientAuth: "off"}
	if d := cmp.Diff([]Listener{own}, cfg.Listeners); d != "" {
		t.Error(d)
	}
	if text, _ := cfg.Effective(); strings.Contains(string(text), "listeners:\n") {
		t.Errorf("%s", text)
	}
}

func TestCheckRefusesWrongListeners(t *testing.T) {
	const top = "keytab: k\nbackend: http://b/\n"
	for text, want := range map[string]string{
		"listeners: {a: b}\n": "listeners: is not a list of listeners",
		"listeners: []\n":     "listeners: is not a list of listeners",
		"listeners: [{listen: \":1\"}]\n": "gate.yaml:3:14: name: is required; write " +
			"name: in this entry of listeners:",
		"listeners: [{name: a}]\n":                                            "listen: is required; write listen:",
		"listeners: [{name: a b, listen: \":1\"}]\n":                          `"a b" is not a plain name`,
		"listeners: [{name: a, listen: \"1\"}]\n":                             `gate.yaml:3:23: listen: "1" is not host:port`,
		"listeners: [{name: a, listen: \":1\", tls-cert: c}]\n":               "tls-cert: has no tls-key beside it",
		"listeners: [{name: a, listen: \":1\", path: /}]\n":                   "listeners[0].path: unknown setting",
		"listeners: [{name: a, listen: \":1\"}, {name: a, listen: \":2\"}]\n": `"a" is the name of listener 1 already`,
		"listeners: [{name: a, listen: \":1\"}, {name: b, listen: \":1\"}]\n": `":1" is the address of listener 1 already`,
		"listeners: [{name: a, listen: \":1\"}]\nlisten: \":2\"\n": "gate.yaml:4:1: listen: stands " +
			"beside listeners:",
		"listeners: [{name: a, listen: \":1\"}]\non-listeners: [b]\n": `on-listeners: "b" is not among listeners:; known ` +
			`names: a`,
		"on-listeners: [b]\n": `on-listeners: "b" is not defined: ` +
			`the configuration has no listeners:`,
		"routes: [{path: /a, listeners: [{name: a}]}]\n": "routes[0].listeners: unknown setting",
	} {
		_, err := load(t, top+text, Flags{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	_, err := load(t, twoListeners, Flags{Process: Process{Server: Server{Listen: ":1"}}}, Given{"listen": "--listen"})
	if err == nil || !strings.Contains(err.Error(), "--listen: stands beside listeners:") {
		t.Errorf("a flag beside listeners: %v", err)
	}
}

// What needs TLS needs it on a listener of its own route.
func TestCheckLooksForTLSOnTheListenersOfARoute(t *testing.T) {
	for routes, want := range map[string]string{
		"{path: /a, policy: KerberosToken}":                              "",
		"{path: /a, policy: KerberosToken, on-listeners: [public]}":      "",
		"{path: /a, policy: KerberosToken, on-listeners: [inside]}":      "policy: KerberosToken protects messages only",
		"{path: /a, channel-bindings: required, on-listeners: [public]}": "",
		"{path: /a, channel-bindings: required, on-listeners: [inside]}": "channel-bindings: cannot " +
			"be required",
		"{path: /a, policy: KerberosToken, tls-offloaded: true, on-listeners: [inside]}": "",
	} {
		_, err := load(t, twoListeners+"routes: ["+routes+"]\n", Flags{}, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", routes, err, want)
		}
	}
}
