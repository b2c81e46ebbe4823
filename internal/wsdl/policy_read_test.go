package wsdl

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// readPort reads a WSDL and the policy of its port of that name; "" is the first.
func readPort(t testing.TB, src, port string) *PortPolicy {
	t.Helper()
	p, err := readPortOf(src, port)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func readPortOf(src, port string) (*PortPolicy, error) {
	d, err := Parse("x.wsdl", []byte(src), Options{})
	if err != nil {
		return nil, err
	}
	for _, s := range d.Services {
		for _, p := range s.Ports {
			if p.Name == port || port == "" {
				return NewPolicyReader([]*Document{d}).Read(d, s, p)
			}
		}
	}
	return nil, fmt.Errorf("no port %s", port)
}

func lab(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/lab.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The policies of testdata/lab.wsdl, which interop/cxf/gen_wsdl.py writes, are those
// under which the conversations that CXF's clients had with it are verified.
func TestLabPoliciesAreThoseOfTheTranscripts(t *testing.T) {
	d, err := Parse("lab.wsdl", []byte(lab(t)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, p := range d.Services[0].Ports {
		name := strings.TrimSuffix(p.Name, "Port")
		got, err := NewPolicyReader([]*Document{d}).Read(d, d.Services[0], p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "KtpSymmetricIncludeNever" { // its transcript is refused
			if len(got.Policies) != 0 || len(got.Lacks) != 1 || !strings.Contains(got.Lacks[0].Text, "IncludeToken") {
				t.Errorf("%s: %+v", name, got)
			}
			continue
		}
		if len(got.Policies) != 1 || len(got.Lacks) > 0 || len(got.Attached) == 0 {
			t.Errorf("%s: %d policies, lacking %v", name, len(got.Policies), got.Lacks)
			continue
		}
		if want, ok := transcriptPolicy(t, name); ok {
			compared++
			if policy := comparable(got.Policies[0]); !isPreset(policy, comparable(want)) {
				t.Errorf("%s: read\n%s\nand the transcript has\n%s", name, keyOf(policy), keyOf(want))
			}
		}
	}
	if compared < 20 {
		t.Errorf("%d policies were compared", compared)
	}
}

// comparable returns a policy without what the transcripts do not set: that a client
// need not send its token twice, and what is the operator's.
func comparable(p wssec.Policy) wssec.Policy {
	p.TokenOnce, p.AllowPlainHTTP, p.STRTransform, p.Name = false, false, "", ""
	if p.Bootstrap != nil {
		b := comparable(*p.Bootstrap)
		p.Bootstrap = &b
	}
	return p
}

func transcriptPolicy(t *testing.T, name string) (p wssec.Policy, ok bool) {
	t.Helper()
	b, err := fs.ReadFile(testvectors.Files, "transcripts/"+name+"/case.yaml")
	if err != nil {
		return p, false
	}
	var c struct {
		Policy wssec.Policy `yaml:"policy"`
	}
	if err := yaml.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c.Policy, true
}

func TestLabPolicyThatSignsNoBodyOfTheBootstrap(t *testing.T) {
	p := readPort(t, lab(t), "KtpSecureConversationUnprotectedPort")
	if !p.UnprotectedBootstrap || !p.NeedsTLS || p.Policies[0].Bootstrap.AllowUnsignedBody {
		t.Errorf("%+v", p)
	}
	if p := readPort(t, lab(t), "KtpSecureConversationPort"); p.UnprotectedBootstrap || p.NeedsTLS {
		t.Errorf("%+v", p)
	}
}

// description returns a WSDL with one port whose binding has these children, and
// whose operation's input and output have a policy with these parts. Prefixes: wsp
// is WS-Policy 1.5, sp WS-SecurityPolicy 1.2, and sp05 version 1.1.
func description(binding, parts string) string {
	message := ""
	if parts != "" {
		message = `<wsp:PolicyReference URI="#parts"/>`
		parts = `<wsp:Policy wsu:Id="parts">` + parts + `</wsp:Policy>`
	}
	prefixes := ""
	for _, p := range [][2]string{{"w", NamespaceWSDL}, {"s", NamespaceSOAP11}, {"wsp", NamespacePolicy15},
		{"wsp04", NamespacePolicy12}, {"sp", namespaceSP12}, {"sp05", namespaceSP11}, {"mssp", namespaceMSSP},
		{"http", namespaceMSHTTP}, {"wsam", namespaceWSAM}, {"wsaw", namespaceWSAW}, {"cxf", namespaceCXF},
		{"wsu", namespaceWSU}, {"t", "urn:t"}} {
		prefixes += fmt.Sprintf(" xmlns:%s=%q", p[0], p[1])
	}
	return `<w:definitions` + prefixes + ` targetNamespace="urn:t">


<w:message name="m"/>
<w:portType name="T"><w:operation name="Ask"><w:input message="t:m"/><w:output message="t:m"/></w:operation>` +
		`</w:portType>

<w:binding name="B" type="t:T">
` + binding + `
<s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
<w:operation name="Ask"><s:operation soapAction=""/>` +
		`<w:input>` + message + `</w:input><w:output>` + message + `</w:output></w:operation></w:binding>
<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://localhost/a"/></w:port></w:service>
` + parts + `</w:definitions>`
}

const (
	gssToken  = `<sp:KerberosToken><wsp:Policy><sp:WssGssKerberosV5ApReqToken11/></wsp:Policy></sp:KerberosToken>`
	bodyParts = `<sp:SignedParts><sp:Body/></sp:SignedParts><sp:EncryptedParts><sp:Body/></sp:EncryptedParts>`
)

// symmetricBinding returns one with that token, and more.
func symmetricBinding(token, more string) string {
	return `<sp:SymmetricBinding><wsp:Policy>` +
		`<sp:ProtectionToken><wsp:Policy>` + token + `</wsp:Policy></sp:ProtectionToken>
<sp:AlgorithmSuite><wsp:Policy><sp:Basic128/></wsp:Policy></sp:AlgorithmSuite>` + more +
		`</wsp:Policy></sp:SymmetricBinding>`
}

func policy(s string) string { return "<wsp:Policy>" + s + "</wsp:Policy>" }

func transportBinding(more string) string {
	return `<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy>` +
		`<sp:HttpsToken><wsp:Policy/></sp:HttpsToken></wsp:Policy></sp:TransportToken>
<sp:AlgorithmSuite><wsp:Policy><sp:Basic128/></wsp:Policy></sp:AlgorithmSuite>` + more +
		`</wsp:Policy></sp:TransportBinding>`
}

func TestAssertionsBecomeFieldsOfThePolicy(t *testing.T) {
	const stamp = "<sp:IncludeTimestamp/>"
	symmetric := func(token, more string) string { return policy(symmetricBinding(token, more)) }
	once := strings.Replace(gssToken, "<sp:KerberosToken>",
		`<sp:KerberosToken sp:IncludeToken="`+namespaceSP12+`/IncludeToken/Once">`, 1)
	derived := strings.Replace(gssToken, "<sp:Wss", "<sp:RequireDerivedKeys/><sp:Wss", 1)
	for _, c := range []struct {
		name, binding, parts string
		is                   func(p wssec.Policy) bool
	}{
		{"the binding and its token", symmetric(gssToken, stamp), bodyParts, func(p wssec.Policy) bool {
			return p.Binding == wssec.SymmetricBinding && p.ProtectionToken == wssec.KerberosToken &&
				p.AlgorithmSuite == wssec.Basic128 && p.SignedParts.Body && p.EncryptedParts.Body && !p.TokenOnce
		}},
		{"a timestamp", symmetric(gssToken, stamp), bodyParts,
			func(p wssec.Policy) bool { return p.Timestamp == wssec.TimestampRequired }},
		{"no timestamp", symmetric(gssToken, ""), bodyParts,
			func(p wssec.Policy) bool { return p.Timestamp == wssec.TimestampForbidden }},
		{"a token once", symmetric(once, stamp), bodyParts, func(p wssec.Policy) bool { return p.TokenOnce }},
		{"a token once, without timestamp", symmetric(once, ""), bodyParts,
			func(p wssec.Policy) bool { return !p.TokenOnce }},
		{"derived keys", symmetric(derived, stamp), bodyParts,
			func(p wssec.Policy) bool { return p.DerivedKeys == wssec.DerivedKeysRequired }},
		{"order, signature, tokens", symmetric(gssToken,
			"<sp:EncryptBeforeSigning/><sp:EncryptSignature/><sp:ProtectTokens/>"), bodyParts,
			func(p wssec.Policy) bool {
				return p.ProtectionOrder == wssec.EncryptBeforeSign && p.EncryptSignature && p.ProtectTokens
			}},
		{"layout", symmetric(gssToken, "<sp:Layout><wsp:Policy><sp:LaxTsFirst/></wsp:Policy></sp:Layout>"), bodyParts,
			func(p wssec.Policy) bool { return p.Layout == wssec.LayoutLaxTimestampFirst }},
		{"CXF's suites", strings.Replace(symmetric(gssToken, stamp), "<sp:Basic128/>", "<cxf:Basic256GCM/>", 1), bodyParts,
			func(p wssec.Policy) bool { return p.AlgorithmSuite == wssec.Basic256GCM }},
		{"suites for RSA", strings.Replace(symmetric(gssToken, stamp), "<sp:Basic128/>", "<sp:Basic256Sha256Rsa15/>",
			1), bodyParts,
			func(p wssec.Policy) bool { return p.AlgorithmSuite == wssec.Basic256Sha256 }},
		{"header blocks", symmetric(gssToken, stamp),
			`<sp:SignedParts><sp:Body/><sp:Header Namespace="urn:b"/><sp:Header Name="x" Namespace="urn:a"/></sp:SignedParts>`,
			func(p wssec.Policy) bool {
				return fmt.Sprint(p.SignedParts.Headers) == "[{urn:a}x {urn:b}*]" && p.EncryptedParts.IsZero()
			}},
		{"parts of two assertions", symmetric(gssToken, stamp),
			`<sp:SignedParts><sp:Body/></sp:SignedParts><sp:SignedParts><sp:Header Name="x" Namespace="urn:a"/>` +
				`</sp:SignedParts>`,
			func(p wssec.Policy) bool { return p.SignedParts.Body && len(p.SignedParts.Headers) == 1 }},
		{"signature confirmation", policy(symmetricBinding(gssToken, stamp) +
			"<sp:Wss11><wsp:Policy><sp:MustSupportRefThumbprint/><sp:RequireSignatureConfirmation/></wsp:Policy>" +
			"</sp:Wss11>"), bodyParts,
			func(p wssec.Policy) bool { return p.SignatureConfirmation }},
		{"a version of 1.1", strings.NewReplacer("<sp:", "<sp05:", "</sp:", "</sp05:", "wsp:",
			"wsp04:").Replace(symmetric(gssToken, stamp)),
			bodyParts, func(p wssec.Policy) bool { return p.ProtectionToken == wssec.KerberosToken }},
		{"TLS and an endorsing token", policy(transportBinding(stamp) +
			"<sp:EndorsingSupportingTokens><wsp:Policy>" + gssToken +
			`<sp:SignedParts><sp:Header Name="a" Namespace="urn:a"/></sp:SignedParts>` +
			"</wsp:Policy></sp:EndorsingSupportingTokens>"), bodyParts,
			func(p wssec.Policy) bool {
				return p.Binding == wssec.TransportBinding && p.SupportingTokens[0].Use == wssec.UseEndorsing && p.NeedsTLS() &&
					fmt.Sprint(p.SignedParts) == "{false [{urn:a}a]}" && p.EncryptedParts.IsZero()
			}},
		{"a token alone", policy("<sp:SupportingTokens><wsp:Policy>" + gssToken + "</wsp:Policy></sp:SupportingTokens>"), "",
			func(p wssec.Policy) bool { return p.Binding == wssec.NoBinding && PresetOf(p) == "KerberosToken" }},
		{"an optional timestamp", symmetric(gssToken, `<sp:IncludeTimestamp wsp:Optional="true"/>`), bodyParts,
			func(p wssec.Policy) bool { return p.Timestamp == wssec.TimestampOptional }},
		{"optional derived keys", symmetric(strings.Replace(derived, "Keys/>", `Keys wsp:Optional="1"/>`, 1), stamp),
			bodyParts,
			func(p wssec.Policy) bool { return p.DerivedKeys == wssec.DerivedKeysAllowed }},
		{"three optional properties", symmetric(strings.Replace(derived, "Keys/>", `Keys wsp:Optional="true"/>`, 1),
			`<sp:IncludeTimestamp wsp:Optional="true"/>`),
			strings.Replace(bodyParts, "<sp:EncryptedParts>", `<sp:EncryptedParts wsp:Optional="true">`, 1),
			func(p wssec.Policy) bool {
				return p.Timestamp == wssec.TimestampOptional && p.DerivedKeys == wssec.DerivedKeysAllowed &&
					p.EncryptedParts.IsZero() && p.OptionalEncryptedParts.Body
			}},
		{"an optional assertion that nobody knows", policy(symmetricBinding(gssToken, stamp) +
			`<x xmlns="urn:x" wsp:Optional="true"/>`), bodyParts,
			func(p wssec.Policy) bool { return p.ProtectionToken == wssec.KerberosToken }},
		{"one to ignore", policy(symmetricBinding(gssToken, stamp) + `<x xmlns="urn:x" wsp:Ignorable="true"/>`), bodyParts,
			func(p wssec.Policy) bool { return p.ProtectionToken == wssec.KerberosToken }},
		{"an optional token beside", policy(transportBinding(stamp) + "<sp:EndorsingSupportingTokens><wsp:Policy>" +
			gssToken +
			`<mssp:RsaToken wsp:Optional="true"/></wsp:Policy></sp:EndorsingSupportingTokens>`), "",
			func(p wssec.Policy) bool { return len(p.SupportingTokens) == 1 }},
		{"the same binding twice", symmetric(gssToken, stamp) + symmetric(gssToken, stamp), bodyParts,
			func(p wssec.Policy) bool { return p.ProtectionToken == wssec.KerberosToken }},
	} {
		got := readPort(t, description(c.binding, c.parts), "")
		if len(got.Policies) != 1 || len(got.Lacks) > 0 || !c.is(got.Policies[0]) {
			t.Errorf("%s: %+v, lacking %v", c.name, got.Policies, got.Lacks)
		}
	}
}

func TestWhatMessagesTellApartIsSeveralPolicies(t *testing.T) {
	one := symmetricBinding(gssToken, "<sp:IncludeTimestamp/>")
	other := strings.Replace(symmetricBinding(gssToken, "<sp:IncludeTimestamp/><sp:EncryptSignature/>"), gssToken,
		"<sp:SpnegoContextToken/>", 1)
	got := readPort(t, description(policy("<wsp:ExactlyOne><wsp:All>"+one+"</wsp:All>"+
		"<wsp:All>"+other+"</wsp:All></wsp:ExactlyOne>"), bodyParts), "")
	if len(got.Policies) != 2 || len(got.Lacks) > 0 || got.Policies[0].Name == got.Policies[1].Name {
		t.Errorf("%+v, lacking %v", got.Policies, got.Lacks)
	}
	// One suite or another: nothing in a message shows for which it was made.
	other = strings.Replace(one, "Basic128", "Basic256", 1)
	got = readPort(t, description(policy("<wsp:ExactlyOne><wsp:All>"+one+"</wsp:All>"+
		"<wsp:All>"+other+"</wsp:All></wsp:ExactlyOne>"), bodyParts), "")
	if len(got.Policies) != 0 || len(got.Lacks) != 1 || !strings.Contains(got.Lacks[0].Text, "cannot tell") {
		t.Errorf("%+v, lacking %v", got.Policies, got.Lacks)
	}
}

func TestAddressingAndNegotiateAreFound(t *testing.T) {
	p := readPort(t, description(policy(symmetricBinding(gssToken,
		"<sp:IncludeTimestamp/>")+"<wsam:Addressing/>"), bodyParts), "")
	if p.Addressing.Line == 0 {
		t.Errorf("%+v", p)
	}
	p = readPort(t, description(policy(symmetricBinding(gssToken,
		"<sp:IncludeTimestamp/>"))+`<wsaw:UsingAddressing w:required="true"/>`, bodyParts), "")
	if p.Addressing.Line == 0 || len(p.Lacks) > 0 {
		t.Errorf("%+v", p)
	}
	// WCF's basicHttpBinding with Windows credentials ([MS-WSPOL] 2.2.5).
	p = readPort(t, description(policy("<http:NegotiateAuthentication/>"), ""), "")
	if !p.Negotiate || p.NeedsTLS || len(p.Policies)+len(p.Lacks) > 0 {
		t.Errorf("%+v", p)
	}
	p = readPort(t, description(policy("<http:NegotiateAuthentication/>"+transportBinding("")), ""), "")
	if !p.Negotiate || !p.NeedsTLS || len(p.Policies)+len(p.Lacks) > 0 {
		t.Errorf("%+v", p)
	}
	if p := readPort(t, description("", ""), ""); len(p.Attached)+len(p.Policies)+len(p.Lacks) > 0 {
		t.Errorf("without a policy: %+v", p)
	}
}
