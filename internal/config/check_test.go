package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// Each refusal names the place, the setting and the cure.
func TestCheckRefusesWrongSettings(t *testing.T) {
	tests := map[string]struct{ file, want string }{
		"unknown key": {oneRoute + "polcy: Kerberos\n",
			`gate.yaml:5:1: polcy: unknown setting; did you mean "policy"?`},
		"unknown key of a route": {"routes:\n  - path: /a\n    bakend: x\n",
			`gate.yaml:3:5: routes[0].bakend: unknown setting; did you mean "backend"?`},
		"unknown key of a policy": {oneRoute + "policy:\n  preset: Kerberos\n  derived-key: allowed\n",
			`gate.yaml:7:3: policy.derived-key: unknown setting; did you mean "derived-keys"?`},
		"key of a nested part": {oneRoute + "policy:\n  preset: Kerberos\n  signed-parts: {bdy: true}\n",
			`policy.signed-parts.bdy: unknown setting; did you mean "body"?`},
		"key in a list": {oneRoute +
			"policy:\n  binding: none\n  supporting-tokens:\n    - {token: kerberos, usage: plain}\n", `gate.yaml:8:`},
		"unknown preset": {oneRoute + "policy: kerberos\n",
			`gate.yaml:5:9: policy: no policy is called "kerberos"; the presets are Kerberos,`},
		"wrong type": {oneRoute + "clock-skew: soon\n",
			`gate.yaml:5:13: clock-skew: "soon" is not a time; write it as 500ms, 30s or 5m`},
		"number for a time": {oneRoute + "clock-skew: 300\n",
			`gate.yaml:5:13: clock-skew: "300" is not a time: it has no unit; write it as 300s or 300m`},
		"wrong switch": {oneRoute + "allow-rc4: 1\n",
			`gate.yaml:5:12: allow-rc4: "1" is not a switch; write true or false`},
		"list for a word": {oneRoute + "log-level: [info]\n", "log-level: is not a single value; write one word"},
		"hours of skew": {oneRoute + "clock-skew: 100h\n",
			"gate.yaml:5:1: clock-skew: 100h0m0s is too much; write 5m, at most 1h"},
		"hasty refusals": {oneRoute + "refusal-delay: 5ms\n",
			"gate.yaml:5:1: refusal-delay: 5ms is not between 20ms and 1s; write 50ms, or more where refusals are logged " +
				"as late"},
		"tardy refusals": {oneRoute + "refusal-delay: 1m\n",
			"gate.yaml:5:1: refusal-delay: 1m0s is not between 20ms and 1s; write 50ms, or more where refusals are logged " +
				"as late"},
		"wrong size": {oneRoute + "max-message: lots\n",
			`gate.yaml:5:14: max-message: "lots" is not a size; write it as 500kB, 20MB or 32MiB`},
		"list as scalar": {oneRoute + "allowed-realms: A.EXAMPLE\n",
			`gate.yaml:5:17: allowed-realms: "A.EXAMPLE" is not a list; write a list: [A, B]`},
		"no value":          {oneRoute + "service:\n", "mapping key \"service\" already defined"},
		"empty value":       {"backend:\n", "gate.yaml:1:1: backend: has no value"},
		"same key, quoted":  {oneRoute + "allowed-realms: [A]\n\"allowed-realms\": []\n", "already defined"},
		"not YAML":          {"backend: [\n", "gate.yaml:1:"},
		"two documents":     {"listen: :1\n---\nlisten: :2\n", "gate.yaml: holds more than one YAML document"},
		"not a mapping":     {"- a\n", "gate.yaml:1:1: is not a mapping"},
		"routes not a list": {"routes: {path: /a}\n", "routes: is not a list of routes"},
		"missing": {"listen: :1\n",
			"backend: is required; give --backend, WSSGATE_BACKEND or, in the file, backend:"},
		"missing in a route": {"keytab: k\nroutes:\n  - path: /a\n", "gate.yaml:3:5: backend: is required"},
		"no path in a route": {"keytab: k\nbackend: http://b\nroutes:\n  - path: /a\n  - allowed-realms: [A]\n    " +
			"service: s/h\n", "gate.yaml:5:5: path: is required; write path: in this entry of routes:"},
		"no paths at all": {"keytab: k\nbackend: http://b\nroutes: [{keytab: a}, {keytab: b}]\n",
			"gate.yaml:3:24: path: is required"},
		"masked user": {"keytab: k\nbackend: http://xxxxx@b/\n",
			"gate.yaml:2:1: backend: xxxxx is what --check prints in place of a secret; write the real one"},
		"masked query": {"keytab: k\nbackend: http://b/?a=1&b=xxxxx\n",
			"backend: xxxxx is what --check prints in place of a secret"},
		"masked word": {"keytab: k\nbackend: http://b/?xxxxx\n",
			"backend: xxxxx is what --check prints in place of a secret"},
		"a default": {oneRoute + "max-message: 100MiB\n", "max-in-flight: 256MiB has no room"},
		"listen": {oneRoute + "listen: 8080\n",
			`gate.yaml:5:1: listen: "8080" is not host:port; write ":8080"`},
		"half of TLS": {oneRoute + "tls-cert: c.pem\n", "gate.yaml:5:1: tls-cert: has no tls-key beside it"},
		"bare contexts beside shown ones": {oneRoute + "tls-offloaded: true\npolicy:\n  - SspiNegotiated\n" +
			"  - {preset: SspiNegotiatedOverTransport, supporting-tokens: [{token: spnego-context, use: plain}]}\n",
			"without a signature of its key, and messages under SspiNegotiated show theirs"},
		"bootstrap of nothing": {oneRoute + "bootstrap-unprotected-body: true\n",
			"gate.yaml:5:1: bootstrap-unprotected-body: has no use under Kerberos"},
		"keys in clear": {oneRoute + "policy: SecureConversation\nbootstrap-unprotected-body: true\n",
			"gate.yaml:6:1: bootstrap-unprotected-body: shows the key of each context"},
		"context without bootstrap": {oneRoute + "policy: {preset: Kerberos, protection-token: secure-conversation}\n",
			"gate.yaml:5:1: policy"},
		"bootstrap without TLS": {oneRoute + "policy: {preset: SecureConversation, bootstrap: KerberosOverTransport}\n",
			"protects messages only together with TLS"},
		"unknown bootstrap": {oneRoute + "policy: {preset: SecureConversation, bootstrap: Kerbros}\n",
			`no policy is called "Kerbros"`},
		"mistake in a bootstrap": {oneRoute +
			"policy: {preset: SecureConversation, bootstrap: {preset: Kerberos, layout: x}}\n",
			"policy.bootstrap"},
		"key size": {oneRoute + "context-key-size: 512\n", "gate.yaml:5:1: context-key-size"},
		"token without TLS": {oneRoute + "policy: KerberosToken\n",
			"gate.yaml:5:1: policy: KerberosToken protects messages only together with TLS, and this listener has none; " +
				"give tls-cert and tls-key, or tls-offloaded"},
		"transport without TLS": {oneRoute + "policy: KerberosOverTransport\n", "protects messages only together with TLS"},
		"weak policy": {oneRoute + "policy:\n  preset: Kerberos\n  signed-parts: {body: false}\n",
			"gate.yaml:7:3: policy.signed-parts: "},
		"values of a policy": {oneRoute + "policy:\n  preset: Kerberos\n  layout: loose\n  key-fit: tight\n",
			"gate.yaml:7:3: policy.layout: \"loose\" is not one of"},
		"budget":  {oneRoute + "max-message: 200MiB\n", "raise it to 800MiB or more"},
		"no time": {oneRoute + "read-timeout: 0s\n", "read-timeout: 0s is not a duration"},
		"actors that are wssgate's": {oneRoute + "policy: {preset: Kerberos, actor: urn:a}\nforward-actors: [\"urn:a\"]\n",
			`gate.yaml:6:1: forward-actors: "urn:a" is wssgate's own role, by actor of the policy; remove it here or there`},
		"next behind the route": {oneRoute + "forward-actors: [http://www.w3.org/2003/05/soap-envelope/role/next]\n",
			"role/next\" is a role of ours in any case; remove it"},
		"next as an actor": {oneRoute + "policy: {preset: Kerberos, actor: [http://schemas.xmlsoap.org/soap/actor/next]}\n",
			"gate.yaml:5:28: policy.actor: "},
		"a number of actors": {oneRoute + "policy: {preset: Kerberos, actor: {a: b}}\n", "gate.yaml:5:"},
		"no header name": {oneRoute + "understood-headers: [Trace]\n",
			`header name "Trace" is not of the form {namespace}local or {namespace}*; write it as {namespace}name`},
		"understood Security": {oneRoute + "understood-headers: [\"{" + wssec.NSWSSE + "}Security\"]\n",
			"understood-headers: a wsse:Security header for wssgate is processed, and never passed on"},
		"choice": {oneRoute + "other-headers: keep\n",
			`other-headers: "keep" is not one of its values; choose one of drop, pass, refuse`},
		"same path": {"keytab: k\nbackend: http://b\nroutes: [{path: /a}, {path: /a}]\n",
			`"/a" is the path of route 1 already`},
		"pattern":          {oneRoute + "path: /a/*\n", "is not a plain path"},
		"dots in the path": {oneRoute + "path: /a/../b\n", "is not a plain path"},
		"escaped path":     {oneRoute + "path: /%61\n", "is not a plain path"},
		"path beside routes": {"path: /x\nkeytab: k\nbackend: http://b\nroutes: [{path: /a}]\n",
			"path: applies to no route: the file has routes:"},
		"backend": {"backend: localhost:9100\nkeytab: k\n",
			"gate.yaml:1:1: backend: is not an http or https URL"},
		"principal without realm": {oneRoute + "allowed-principals: [alice]\n",
			`"alice" names no realm; write it as alice@EXAMPLE.COM`},
		"service": {"backend: http://b\nkeytab: k\nservice: soap/\n", `"soap/" is not a service principal`},
		"header": {oneRoute + "principal-header: Content-Type\n",
			`"Content-Type" is not a header name, or one that HTTP needs`},
		"header of the client": {oneRoute + "realm-header: Cookie\n",
			`"Cookie" is not a header name, or one that HTTP needs`},
		"one header for two": {oneRoute + "principal-header: X-Who\nrealm-header: x_who\n",
			`realm-header: "x_who" is principal-header too`},
		"two Authorizations": {"keytab: k\nbackend: http://u:p@b/\nprincipal-header: authorization\n",
			`principal-header: "authorization" already carries the user information of backend`},
		"address of a proxy": {oneRoute + "check-addresses: true\ntls-offloaded: true\n",
			"check-addresses: would compare tickets with the address of the proxy"},
		"proxies of anybody": {oneRoute + "client-address: x-forwarded-for\n",
			"client-address: x-forwarded-for could be written by anybody; name the proxies that write it in trusted-proxies"},
		"proxies for nothing": {oneRoute + "trusted-proxies: [10.0.0.1]\n",
			"trusted-proxies: has no use without client-address"},
		"no network": {oneRoute + "client-address: forwarded\ntrusted-proxies: [lb.example.com]\n",
			`trusted-proxies: "lb.example.com" is not an address or a network; write it as 10.1.2.3 or 10.0.0.0/8`},
		"no percent": {oneRoute + "client-share: 101\n",
			"client-share: 101 is not a percentage; write a whole number from 1 to 100"},
		"no connection": {oneRoute + "max-connections: 0\n",
			"max-connections: 0 is less than 1; write a whole number from 1 on"},
		"no number": {oneRoute + "max-connections: 5k\n", `max-connections: "5k" is not a whole number`},
		"address of nothing": {oneRoute + "addresses: [/quotes]\n",
			`addresses: "/quotes" is not the address of a service; write it as https://gw.example.com/quotes`},
		"anonymous address": {oneRoute + "addresses: [\"http://www.w3.org/2005/08/addressing/anonymous\"]\n",
			"is not the address of a service"},
		"required To of none": {oneRoute + "wsa-to: required\n",
			"wsa-to: is required, but the route has no addresses to compare it with; list the route's public URLs in addresses"},
		"addressing of another name": {oneRoute + "addressing: strip\n",
			`addressing: "strip" is not one of its values; choose one of pass, terminate`},
		"actions of no replies": {oneRoute + "reply-actions: [urn:a urn:b]\n",
			"reply-actions: has no use where wssgate writes no actions of replies; set addressing: terminate, or remove it"},
		"half an action": {oneRoute + "addressing: terminate\nreply-actions: [urn:a=urn:b]\n",
			`reply-actions: "urn:a=urn:b" is not an action, a blank and an action; write each as 'http://example.org/`},
		"two actions": {oneRoute + "addressing: terminate\nreply-actions: [urn:a urn:b, urn:a urn:c]\n",
			`reply-actions: "urn:a" is there twice`},
		"To of nothing": {oneRoute + "rewrite-to: quotes\n",
			`rewrite-to: "quotes" is not the address of a service; write backend, or http://quotes.internal/service`},
		"To that ends": {oneRoute + "addressing: terminate\nrewrite-to: backend\n",
			"rewrite-to: has no use with addressing: terminate, under which the backend gets no wsa:To; remove one of the two"},
		"bindings without TLS": {oneRoute + "channel-bindings: required\n",
			"channel-bindings: cannot be required where TLS does not end at wssgate: only the end of the TLS connection " +
				"knows the channel; give tls-cert and tls-key, without tls-offloaded, or write when-present"},
		"bindings of a proxy": {oneRoute +
			"channel-bindings: required\ntls-cert: c.pem\ntls-key: k.pem\ntls-offloaded: true\n",
			"channel-bindings: cannot be required"},
		"rule of bindings": {oneRoute + "channel-bindings: always\n",
			`channel-bindings: "always" is not one of its values; choose one of off, when-present, required`},
		"compressed replies": {oneRoute + "pass-http-headers: [accept_encoding]\n", "is set by wssgate or belongs"},
		"hop-by-hop": {oneRoute + "pass-http-headers: [Transfer-Encoding]\n",
			"is set by wssgate or belongs to the connection"},
		"asserted by clients": {oneRoute + "pass-http-headers: [x_wssgate_principal]\n", "a client could write"},
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

// A principal is written as the log and the backend have it.
func TestCheckReadsEscapedPrincipals(t *testing.T) {
	cfg, err := load(t, oneRoute+`allowed-principals: ['alice\@home@EXAMPLE.COM', 'batch/a\/b@EXAMPLE.COM']`+"\n",
		Flags{}, nil)
	if err != nil || len(cfg.Routes[0].AllowedPrincipals) != 2 {
		t.Errorf("%v", err)
	}
	for _, p := range []string{`alice\@EXAMPLE.COM`, "alice@A@B", "@EXAMPLE.COM", "alice@", "alice//x@A", `al ice@A`,
		`alice@A\/B`, `alice\n@A`} {
		if _, err := load(t, oneRoute+"allowed-principals: ['"+p+"']\n", Flags{}, nil); err == nil ||
			!strings.Contains(err.Error(), "allowed-principals: ") {
			t.Errorf("%s: got %v", p, err)
		}
	}
}

// Headers of clients that name nobody may be passed.
func TestCheckLetsCookiesPass(t *testing.T) {
	if _, err := load(t, oneRoute+"pass-http-headers: [Cookie, User-Agent]\n", Flags{}, nil); err != nil {
		t.Error(err)
	}
}

// A value that several routes have from one place is refused once.
func TestCheckNamesAPlaceOnce(t *testing.T) {
	_, err := load(t, "keytab: k\nbackend: http://b\ncontext-lifetime: 1ms\nroutes:\n"+
		"  - path: /a\n  - path: /b\n  - {path: /c, context-lifetime: 2ms}\n", Flags{}, nil)
	var e *Error
	if !errors.As(err, &e) || len(e.Findings) != 2 || e.Findings[0].Origin != "gate.yaml:3:1" ||
		e.Findings[1].Origin != "gate.yaml:7:16" {
		t.Errorf("got %v", err)
	}
}
