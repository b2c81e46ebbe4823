package importer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/wssec"
)

// A service is a WSDL for tests, with a policy of WS-SecurityPolicy 1.2: Kerberos,
// symmetric binding. The fields stand in the places that their names say.
type service struct {
	namespace        string // target namespace; urn:t without one
	imports          string // before everything else
	input, output    string // attributes of the messages of the port type
	binding          string // policies and extensions; the policy of Kerberos without
	location         string
	port             string // name; P without one
	endpoint         string // children of wsdl:port
	ports            string // after the first port
	soap, definition string // soapAction; more definitions
}

const kerberosPolicy = `<wsp:Policy><sp:SymmetricBinding><wsp:Policy><sp:ProtectionToken><wsp:Policy>` +
	`<sp:KerberosToken><wsp:Policy><sp:WssGssKerberosV5ApReqToken11/></wsp:Policy></sp:KerberosToken></wsp:Policy>` +
	`</sp:ProtectionToken><sp:AlgorithmSuite><wsp:Policy><sp:Basic128/></wsp:Policy></sp:AlgorithmSuite>` +
	`<sp:IncludeTimestamp/></wsp:Policy></sp:SymmetricBinding><sp:SignedParts><sp:Body/></sp:SignedParts></wsp:Policy>`

// wsdl returns the text.
func (s service) wsdl() string {
	or := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	return `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:wsp="http://www.w3.org/ns/ws-policy" xmlns:sp="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"
 xmlns:wsam="http://www.w3.org/2007/05/addressing/metadata" xmlns:wsa="http://www.w3.org/2005/08/addressing"
 xmlns:i="http://schemas.xmlsoap.org/ws/2006/02/addressingidentity"
 xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
 xmlns:t="` + or(s.namespace, "urn:t") + `" targetNamespace="` + or(s.namespace, "urn:t") + `">
` + s.imports + `
<w:portType name="T"><w:operation name="Ask"><w:input message="t:m" ` + s.input + `/><w:output message="t:m" ` +
		s.output + `/></w:operation></w:portType>
<w:binding name="B" type="t:T">
` + or(s.binding, kerberosPolicy) + `
<s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
<w:operation name="Ask"><s:operation soapAction="` + s.soap + `"/><w:input/><w:output/></w:operation></w:binding>
<w:service name="S"><w:port name="` + or(s.port, "P") + `" binding="t:B">
<s:address location="` + or(s.location, "http://localhost:9100/quotes") + `"/>` + s.endpoint + `</w:port>` + s.ports +
		`</w:service>` + s.definition + `</w:definitions>`
}

// imported returns what Import prints for the WSDL, and the configuration that it is.
func imported(t *testing.T, src string, c Config) (string, *config.Config) {
	t.Helper()
	c.Source, c.Stdin = "-", strings.NewReader(src)
	text, err := Import(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("out.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return string(text), cfg
}

// Every port of the lab has its route, but for one whose clients have tickets that
// they do not send.
func TestLabIsImportedWhole(t *testing.T) {
	c := Config{Source: "../wsdl/testdata/lab.wsdl", Keytab: "svc.keytab", Backend: "http://localhost:9100/DoubleIt"}
	_, err := Import(t.Context(), c)
	problem, ok := errors.AsType[*Problem](err)
	if !ok || len(problem.Findings) != 1 || !strings.Contains(err.Error(), "IncludeToken") {
		t.Error(err)
	}
	c.Partial = true
	text, err := Import(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("lab.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Routes) < 35 || len(cfg.Listeners) != 2 {
		t.Errorf("%d routes, %d listeners", len(cfg.Routes), len(cfg.Listeners))
	}
	for _, r := range cfg.Routes {
		policies := r.Policy.All()
		if len(policies) != 1 || r.Backend[0] != "http://localhost:9100/DoubleIt" || !isIn(t, r.Keytab, "svc.keytab") {
			t.Errorf("%+v", r)
		}
		needsTLS := policies[0].NeedsTLS() || r.BootstrapUnprotectedBody
		if cfg.HasTLS(&r) != needsTLS || cfg.HasPlain(&r) == needsTLS {
			t.Errorf("%s: is on %v", r.Path, r.OnListeners)
		}
		if unprotected := strings.HasSuffix(r.Path, "Unprotected"); r.BootstrapUnprotectedBody != unprotected {
			t.Errorf("%s: bootstrap-unprotected-body is %v", r.Path, r.BootstrapUnprotectedBody)
		}
		if addressing := strings.HasSuffix(r.Path, "Addressing"); (r.Addressing == "terminate") != addressing {
			t.Errorf("%s: addressing is %s", r.Path, r.Addressing)
		}
		if file, err := filepath.Abs(c.Source); err != nil || r.WSDL != file {
			t.Errorf("%s: wsdl is %s, %v", r.Path, r.WSDL, err)
		}
		if !strings.HasSuffix(r.Addresses[0], r.Path) {
			t.Errorf("%s: addresses %v", r.Path, r.Addresses)
		}
	}
	presets := map[string]string{"KtpSupporting": "KerberosToken", "KtpTransportEndorsing": "KerberosOverTransport"}
	for _, r := range cfg.Routes {
		if want := presets[r.Path[1:]]; want != "" && r.Policy.String() != want {
			t.Errorf("%s: %s, not %s", r.Path, r.Policy, want)
		}
	}
}

// isIn reports whether path is that of a file in the working directory.
func isIn(t *testing.T, path, name string) bool {
	t.Helper()
	dir, err := os.Getwd()
	return err == nil && path == filepath.Join(dir, name)
}

// The configuration may be saved anywhere, and there relative paths count from its
// folder.
func TestFilesOfFlagsAreAbsolute(t *testing.T) {
	w := &writer{}
	r := &router{Config: Config{TLSCert: "c.pem", TLSKey: "/k.pem"}, routes: []*route{{tls: true}}}
	r.listeners(w)
	dir, err := os.Getwd()
	text := w.buf.String()
	if err != nil || !strings.Contains(text, filepath.Join(dir, "c.pem")) || !strings.Contains(text, " /k.pem") {
		t.Error(text)
	}
	if got := absolute("FILE:k"); got != "FILE:"+filepath.Join(dir, "k") {
		t.Error(got)
	}
}

func TestWhatNoWSDLSaysIsMarked(t *testing.T) {
	text, cfg := imported(t, service{}.wsdl(), Config{})
	r := cfg.Routes[0]
	if filepath.Base(r.Keytab) != noKeytab || r.Backend[0] != "http://backend.invalid/quotes" || r.Service != "" {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{"From standard input", "path: /quotes # 14:1", "policy: # 10:1", "# replace",
		"# 13:21: port P of service S", "# service: the WSDL names no principal", "# wsdl: write the name of a file"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	_, cfg = imported(t, service{}.wsdl(), Config{Keytab: "a", Service: "soap/a@B", Backend: "http://b:1/",
		Address: "https://gw", Listen: ":1"})
	r = cfg.Routes[0]
	if r.Service != "soap/a@B" || r.Backend[0] != "http://b:1/quotes" ||
		fmt.Sprint(r.Addresses) != "[https://gw/quotes]" ||
		cfg.Listeners[0].Listen != ":1" {
		t.Errorf("%+v", cfg)
	}
}

func TestTLSOfTheListeners(t *testing.T) {
	tls := service{location: "https://localhost/quotes"}.wsdl()
	text, cfg := imported(t, tls, Config{})
	if cfg.Listeners[0].TLSCert == "" || cfg.Listeners[0].Listen != ":8443" || !strings.Contains(text, noCert) {
		t.Errorf("%s", text)
	}
	if _, cfg = imported(t, tls, Config{TLSOffloaded: true}); cfg.Listeners[0].TLSCert != "" ||
		!cfg.Routes[0].TLSOffloaded {
		t.Errorf("%+v", cfg)
	}
	both := service{ports: `<w:port name="Q" binding="t:B"><s:address location="https://localhost:9100/quotes"/></w:port>`}
	_, cfg = imported(t, both.wsdl(), Config{TLSCert: "c", TLSKey: "k"}) // one path, on each listener
	if len(cfg.Listeners) != 2 || len(cfg.Routes) != 2 || cfg.Listeners[1].TLSCert == "" {
		t.Errorf("%+v", cfg)
	}
}

func TestPortsOfOnePathShareARoute(t *testing.T) {
	port := `<w:port name="Q" binding="t:%s"><s:address location="http://other:9100/quotes"/></w:port>`
	text, cfg := imported(t, service{ports: fmt.Sprintf(port, "B")}.wsdl(), Config{})
	if len(cfg.Routes) != 1 || len(cfg.Routes[0].Addresses) != 2 || len(cfg.Routes[0].Policy.All()) != 1 {
		t.Errorf("%s", text)
	}
	binding := func(policy string) string {
		return `<w:binding name="C" type="t:T">` + policy +
			`<s:binding transport="http://schemas.xmlsoap.org/soap/http"/><w:operation name="Ask"/></w:binding>`
	}
	other := strings.Replace(kerberosPolicy, "<sp:IncludeTimestamp/>", "<sp:IncludeTimestamp/><sp:EncryptSignature/>", 1)
	s := service{ports: fmt.Sprintf(port, "C"), definition: binding(other)}
	text, cfg = imported(t, s.wsdl(), Config{})
	if len(cfg.Routes) != 1 || len(cfg.Routes[0].Policy.All()) != 2 {
		t.Errorf("%s", text)
	}
	s.definition = binding(strings.Replace(kerberosPolicy, "Basic128", "Basic256", 1))
	if err := refused(t, s.wsdl(), Config{}); !strings.Contains(err.Error(), "cannot tell their messages") {
		t.Error(err)
	}
}

// refused returns the error of an import, which has to have one.
func refused(t *testing.T, src string, c Config) error {
	t.Helper()
	c.Source, c.Stdin = "-", strings.NewReader(src)
	text, err := Import(t.Context(), c)
	if err == nil {
		t.Fatalf("imported:\n%s", text)
	}
	return err
}

func TestWhatWssgateDoesNotHaveEndsTheImport(t *testing.T) {
	bad := `<w:port name="Q" binding="t:C"><s:address location="http://localhost/other"/></w:port>`
	asymmetric := `<w:binding name="C" type="t:T"><wsp:Policy><sp:AsymmetricBinding/></wsp:Policy>` +
		`<s:binding transport="http://schemas.xmlsoap.org/soap/http"/></w:binding>`
	s := service{ports: bad, definition: asymmetric}
	err := refused(t, s.wsdl(), Config{})
	problem, ok := errors.AsType[*Problem](err)
	if !ok || len(problem.Findings) != 1 || !strings.HasPrefix(err.Error(), "standard input:14:") ||
		!strings.Contains(err.Error(), "AsymmetricBinding") {
		t.Error(err)
	}
	text, cfg := imported(t, s.wsdl(), Config{Partial: true})
	if len(cfg.Routes) != 1 || !strings.Contains(text, "# NOT COMPLETE") || !strings.Contains(text, "AsymmetricBinding") {
		t.Errorf("%s", text)
	}
	if text, _ := imported(t, s.wsdl(), Config{Routes: []string{"/quotes"}}); strings.Contains(text, "other") {
		t.Errorf("%s", text)
	}
	if err := refused(t, s.wsdl(), Config{Routes: []string{"/none"},
		Partial: true}); !strings.Contains(err.Error(), "the paths /none; the ports have /") {
		t.Error(err)
	}
	outside := service{definition: "<wsp:PolicyAttachment/>"}.wsdl()
	if err := refused(t, outside, Config{}); !strings.Contains(err.Error(), "PolicyAttachment") {
		t.Error(err)
	}
	plain := service{binding: " "}.wsdl()
	if err := refused(t, plain, Config{Partial: true}); !strings.Contains(err.Error(), "no port has a policy") {
		t.Error(err)
	}
}

// What is no address of a route is named.
func TestAddressesThatAreNone(t *testing.T) {
	for location, says := range map[string]string{
		" ": "no http or https URL", "urn:x": "no http or https URL", "jms:queue": "no http or https URL",
		"http://localhost/a?b=c": "has a query", "http://user@localhost/a": "a user", "http:///a": "no http or https URL",
		"http://local host/a": "no http or https URL",
	} {
		if err := refused(t, service{location: location}.wsdl(), Config{}); !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", location, err)
		}
	}
	// That of a path is up to package config.
	for _, path := range []string{"/a*", "/a/../b", "/{a}", "/a%0ab"} {
		if err := refused(t, service{location: "http://localhost" + path}.wsdl(),
			Config{}); !strings.Contains(err.Error(), "path") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// Nothing of a WSDL stands in the configuration but as the value of its setting.
func TestNoValueOfAWSDLBecomesASetting(t *testing.T) {
	const evil = "x&#10;allow-rc4: true&#13;&#x85;&#x2028;backend: http://evil/ # &quot;'{}[]"
	src := service{
		port: evil, namespace: "urn:" + strings.ReplaceAll(evil, " ", ""),
		input: `wsam:Action="urn:a` + evil + `"`, output: `wsam:Action="urn:b` + evil + `"`,
		binding:  kerberosPolicy + "<wsam:Addressing/>",
		endpoint: `<wsa:EndpointReference><i:Identity><i:Spn>host/` + evil + `</i:Spn></i:Identity></wsa:EndpointReference>`,
	}.wsdl()
	text, cfg := imported(t, src, Config{})
	r := cfg.Routes[0]
	if len(cfg.Routes) != 1 || r.AllowRC4 || r.Backend[0] != "http://backend.invalid/quotes" || r.Service != "" {
		t.Errorf("%+v\n%s", r, text)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "allow-rc4") || strings.HasPrefix(trimmed,
			"backend: http://evil") {
			t.Errorf("%s", text)
		}
	}
}

func TestHTTPNegotiateIsAStandardOfItsOwn(t *testing.T) {
	src := service{binding: `<wsp:Policy><NegotiateAuthentication ` +
		`xmlns="http://schemas.microsoft.com/ws/06/2004/policy/http"/></wsp:Policy>`}
	text, cfg := imported(t, src.wsdl(), Config{})
	if r := cfg.Routes[0]; r.Standard != config.StandardHTTP || r.Path != "/quotes" {
		t.Errorf("%s", text)
	}
}

func TestIdentityIsTheServicePrincipal(t *testing.T) {
	for _, c := range []struct{ identity, service, says string }{
		{"<i:Spn>soap/gw.example.com@EXAMPLE.COM</i:Spn>", "soap/gw.example.com@EXAMPLE.COM", "service:"},
		{"<i:Spn> HTTP/gw </i:Spn>", "HTTP/gw", "service:"},
		{"<i:Dns>gw.example.com</i:Dns>", "host/gw.example.com", "DNS name"},
		{"<i:Upn>bob@example.com</i:Upn>", "", "the user bob@example.com"},
		{"<KeyInfo xmlns='http://www.w3.org/2000/09/xmldsig#'/>", "", "names no principal"},
		{"<i:Spn>a\\q@@</i:Spn>", "", "is no principal"},
	} {
		s := service{endpoint: "<wsa:EndpointReference><i:Identity>" + c.identity + "</i:Identity></wsa:EndpointReference>"}
		text, cfg := imported(t, s.wsdl(), Config{})
		if cfg.Routes[0].Service != c.service || !strings.Contains(text, c.says) {
			t.Errorf("%s: %q\n%s", c.identity, cfg.Routes[0].Service, text)
		}
	}
}

// The actions of WS-Addressing Metadata 1.0 §4.4: by attribute, by SOAPAction, by
// default. Only those that wssgate would not write by itself are listed.
func TestActionsOfReplies(t *testing.T) {
	for _, c := range []struct {
		s    service
		want string
	}{
		{service{}, "[]"}, // urn:t:T:AskRequest and urn:t:T:AskResponse
		{service{input: `wsam:Action="urn:ask"`}, "[urn:ask urn:t:T:AskResponse]"},
		{service{input: `wsam:Action="urn:ask"`, output: `wsam:Action="urn:askResponse"`}, "[]"},
		{service{input: `wsam:Action="urn:ask"`, output: `wsam:Action="urn:told"`}, "[urn:ask urn:told]"},
		{service{soap: "urn:soap"}, "[urn:soap urn:t:T:AskResponse]"},
		{service{soap: "urn:soap", input: `wsam:Action="urn:ask"`, output: `wsa:Action="urn:told"`}, "[urn:ask urn:told]"},
		{service{namespace: "http://x/y/", input: `name="in"`}, "[http://x/y/T/in http://x/y/T/AskResponse]"},
		{service{namespace: "http://x/y", output: `name="out"`}, "[http://x/y/T/AskRequest http://x/y/T/out]"},
	} {
		c.s.binding = kerberosPolicy + "<wsam:Addressing/>"
		text, cfg := imported(t, c.s.wsdl(), Config{})
		if r := cfg.Routes[0]; fmt.Sprint(r.ReplyActions) != c.want || r.Addressing != "terminate" {
			t.Errorf("%+v: %v, not %s\n%s", c.s, r.ReplyActions, c.want, text)
		}
		if _, cfg := imported(t, c.s.wsdl(), Config{Addressing: "pass"}); len(cfg.Routes[0].ReplyActions) > 0 {
			t.Errorf("%+v", cfg.Routes[0])
		}
	}
}

// Each policy that wssgate has is read back as it is written.
func TestPoliciesAreWrittenWhole(t *testing.T) {
	for _, name := range wssec.PresetNames() {
		p, _ := wssec.Preset(name)
		p.Layout, p.SignatureConfirmation = wssec.LayoutStrict, p.Binding == wssec.SymmetricBinding
		p.ProtectTokens, p.SignatureMethod = true, wssec.HMACSHA256
		p.ProtectionOrder, p.Name = wssec.EncryptBeforeSign, ""
		if p.Binding == wssec.SymmetricBinding {
			p.OptionalEncryptedParts = wssec.Parts{Headers: p.SignedParts.Headers}
		}
		w := &writer{}
		w.line("listen: :8443", "")
		w.line("tls-offloaded: true", "")
		w.line("keytab: k", "")
		w.line("backend: http://b", "")
		w.line("policy:", "")
		w.indent = "  "
		writePolicy(w, p)
		cfg, err := config.Parse("x", w.buf.Bytes())
		if err != nil {
			t.Fatalf("%v\n%s", err, w.buf.String())
		}
		got := cfg.Routes[0].Policy.All()[0].Policy
		if a, b := fmt.Sprintf("%+v", flat(got)), fmt.Sprintf("%+v", flat(p)); a != b {
			t.Errorf("%s: written\n%s\nread\n%s", name, b, a)
		}
	}
}

// flat returns a policy and its bootstrap without names and pointers.
func flat(p wssec.Policy) []wssec.Policy {
	b := p.Bootstrap
	p.Bootstrap, p.Name, p.ClockSkew = nil, "", 0
	p.SignedParts.Headers = slices.Sorted(slices.Values(p.SignedParts.Headers))
	if b == nil {
		return []wssec.Policy{p}
	}
	return append([]wssec.Policy{p}, flat(*b)...)
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
