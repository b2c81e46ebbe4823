package wsdl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// The policies that WCF publishes, written after "Security Protocols version 1.0" of
// its documentation (dotnet/docs, docs/framework/wcf/feature-details), which has one
// for each authenticationMode, sections 6.1.4 and 6.1.5 (over transport), 6.3
// (Kerberos), 6.6 (SspiNegotiated), 6.7 (SecureConversation). The nested assertions
// of the 2007 bindings are those of "Web Services: Policy Assertions and WSDL
// Extensions" [MS-WSPOL] and WS-SecurityPolicy 1.2; http:NegotiateAuthentication is
// of "WSDL and Policy" there. What WCF declares on the root is the prefix msc.

// wcfParts are the parts of each request and reply, as section 6.7 has them.
const wcfParts = `<sp:SignedParts><sp:Body/>` + wcfHeaders +
	`</sp:SignedParts><sp:EncryptedParts><sp:Body/></sp:EncryptedParts>`

const wcfHeaders = `<sp:Header Name="To" Namespace="http://www.w3.org/2005/08/addressing"/>
<sp:Header Name="From" Namespace="http://www.w3.org/2005/08/addressing"/>
<sp:Header Name="FaultTo" Namespace="http://www.w3.org/2005/08/addressing"/>
<sp:Header Name="ReplyTo" Namespace="http://www.w3.org/2005/08/addressing"/>
<sp:Header Name="MessageID" Namespace="http://www.w3.org/2005/08/addressing"/>
<sp:Header Name="RelatesTo" Namespace="http://www.w3.org/2005/08/addressing"/>
<sp:Header Name="Action" Namespace="http://www.w3.org/2005/08/addressing"/>`

// wcfSymmetric is the binding of sections 6.3 to 6.7.
func wcfSymmetric(token, suite string) string {
	return `<sp:SymmetricBinding><wsp:Policy><sp:ProtectionToken><wsp:Policy>` + token + `</wsp:Policy>
</sp:ProtectionToken>
<sp:AlgorithmSuite><wsp:Policy><sp:` + suite + `/></wsp:Policy></sp:AlgorithmSuite><sp:Layout><wsp:Policy>
<sp:Strict/></wsp:Policy></sp:Layout>
<sp:IncludeTimestamp/><sp:EncryptSignature/><sp:OnlySignEntireHeadersAndBody/></wsp:Policy>
</sp:SymmetricBinding>` + wcfProtocols
}

// wcfTransport is that of section 6.1, with what the token signs.
func wcfTransport(token, suite string) string {
	return `<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy>
<sp:HttpsToken RequireClientCertificate="false"/></wsp:Policy></sp:TransportToken>
<sp:AlgorithmSuite><wsp:Policy><sp:` + suite + `/></wsp:Policy></sp:AlgorithmSuite><sp:Layout><wsp:Policy>
<sp:Strict/></wsp:Policy></sp:Layout>
<sp:IncludeTimestamp/></wsp:Policy></sp:TransportBinding><sp:EndorsingSupportingTokens><wsp:Policy>` + token + `
<sp:SignedParts><sp:Header Name="To" Namespace="http://www.w3.org/2005/08/addressing"/></sp:SignedParts>
</wsp:Policy></sp:EndorsingSupportingTokens>` + wcfProtocols
}

const wcfProtocols = `<sp:Wss11><wsp:Policy><sp:MustSupportRefKeyIdentifier/><sp:MustSupportRefIssuerSerial/>
<sp:MustSupportRefThumbprint/>
<sp:MustSupportRefEncryptedKey/></wsp:Policy></sp:Wss11><sp:TRUST><wsp:Policy><sp:MustSupportIssuedTokens/>
<sp:RequireClientEntropy/>
<sp:RequireServerEntropy/></wsp:Policy></sp:TRUST>`

const (
	wcfKerberos = `<sp:KerberosToken sp:IncludeToken="SP/IncludeToken/Once"><wsp:Policy><sp:RequireDerivedKeys/>
<sp:WssGssKerberosV5ApReqToken11/></wsp:Policy></sp:KerberosToken>`
	wcfKerberosKey = `<sp:KerberosToken sp:IncludeToken="SP/IncludeToken/Once"><wsp:Policy>` +
		`<sp:WssGssKerberosV5ApReqToken11/></wsp:Policy></sp:KerberosToken>`
	wcfSpnego = `<sp:SpnegoContextToken sp:IncludeToken="SP/IncludeToken/AlwaysToRecipient"><wsp:Policy>` +
		`<sp:RequireDerivedKeys/></wsp:Policy></sp:SpnegoContextToken>`
	wcfSpnegoKey = `<sp:SpnegoContextToken sp:IncludeToken="SP/IncludeToken/AlwaysToRecipient"><wsp:Policy/>` +
		`</sp:SpnegoContextToken>`
)

// wcfConversation is a SecureConversationToken under that bootstrap policy.
func wcfConversation(bootstrap, more string) string {
	return `<sp:SecureConversationToken sp:IncludeToken="SP/IncludeToken/AlwaysToRecipient"><wsp:Policy>
<sp:RequireDerivedKeys/>
<sp:BootstrapPolicy><wsp:Policy>` + bootstrap + `</wsp:Policy></sp:BootstrapPolicy>` + more + `</wsp:Policy>
</sp:SecureConversationToken>`
}

// wcf returns a WSDL as WCF writes it, in the versions of wsHttpBinding and of
// ws2007HttpBinding.
func wcf(policy, parts string) (feb2005, v2007 string) {
	src := strings.Replace(description(`<wsp:PolicyReference URI="#B_policy"/>`, parts), "<w:definitions ",
		`<w:definitions xmlns:msc="http://schemas.microsoft.com/ws/2005/12/wsdl/contract" `, 1)
	src = strings.Replace(src, "</w:definitions>", `<wsp:Policy wsu:Id="B_policy"><wsp:ExactlyOne><wsp:All>`+policy+
		`<wsaw:UsingAddressing/></wsp:All></wsp:ExactlyOne></wsp:Policy></w:definitions>`, 1)
	src = strings.ReplaceAll(src, `xmlns:wsp="`+NamespacePolicy15, `xmlns:wsp="`+NamespacePolicy12)
	older := strings.ReplaceAll(src, `xmlns:sp="`+namespaceSP12, `xmlns:sp="`+namespaceSP11)
	older = strings.NewReplacer("SP/IncludeToken", namespaceSP11+"/IncludeToken", "sp:TRUST", "sp:Trust10").Replace(older)
	return older, strings.NewReplacer("SP/IncludeToken", namespaceSP12+"/IncludeToken", "sp:TRUST",
		"sp:Trust13").Replace(src)
}

func TestPoliciesOfWCFArePresets(t *testing.T) {
	bootstrap := func(policy string) string { return wcfParts + policy }
	for _, c := range []struct{ policy, parts, preset string }{
		{wcfSymmetric(wcfKerberos, "Basic128"), wcfParts, "Kerberos"},
		{wcfTransport(wcfKerberosKey, "Basic128"), "", "KerberosOverTransport"},
		{wcfSymmetric(wcfSpnego, "Basic256"), wcfParts, "SspiNegotiated"},
		{wcfTransport(wcfSpnegoKey, "Basic256"), "", "SspiNegotiatedOverTransport"},
		{wcfSymmetric(wcfConversation(bootstrap(wcfSymmetric(wcfKerberos, "Basic128")), ""), "Basic256"), wcfParts,
			"SecureConversation"},
		{wcfSymmetric(wcfConversation(bootstrap(wcfSymmetric(wcfSpnego, "Basic256")), ""), "Basic256"), wcfParts,
			"wsHttpBinding"},
		{wcfSymmetric(wcfConversation(bootstrap(wcfSymmetric(wcfSpnego, "Basic256")),
			"<sp:MustNotSendAmend/><sp:MustNotSendRenew/>"), "Basic256"),
			wcfParts, "wsHttpBinding"},
		{wcfSymmetric(wcfConversation(bootstrap(wcfSymmetric(wcfSpnego, "Basic256")), "<mssp:MustNotSendCancel/>"),
			"Basic256"),
			wcfParts, "wsHttpBinding"},
	} {
		older, newer := wcf(c.policy, c.parts)
		for version, src := range map[string]string{"1.1": older, "1.2": newer} {
			got := readPort(t, src, "")
			if len(got.Policies) != 1 || len(got.Lacks) > 0 || PresetOf(got.Policies[0]) != c.preset ||
				got.Addressing.Line == 0 {
				t.Errorf("%s, WS-SecurityPolicy %s: %+v, lacking %v", c.preset, version, got.Policies, got.Lacks)
			}
		}
	}
}

// wsHttpBinding with TransportWithMessageCredential has no preset; docs/operations.md
// has its mapping.
func TestPolicyOfWCFOverTransportWithAConversation(t *testing.T) {
	older, newer := wcf(wcfTransport(wcfConversation(wcfTransport(wcfSpnegoKey, "Basic256"), ""), "Basic256"), "")
	for _, src := range []string{older, newer} {
		got := readPort(t, src, "")
		if len(got.Policies) != 1 || len(got.Lacks) > 0 {
			t.Fatalf("%+v, lacking %v", got.Policies, got.Lacks)
		}
		p := got.Policies[0]
		if fmt.Sprint(p.SupportingTokens) != "[{secure-conversation endorsing}]" ||
			p.DerivedKeys != wssec.DerivedKeysAllowed ||
			PresetOf(*p.Bootstrap) != "SspiNegotiatedOverTransport" || !p.SignedParts.IsZero() {
			t.Errorf("%+v with bootstrap %+v", p, p.Bootstrap)
		}
	}
}

// WCF signs with another method than WS-SecurityPolicy says, and encrypts with
// longer keys as they are.
func TestWhatNoPolicyOfWCFSaysIsKnownByItsWSDL(t *testing.T) {
	src, _ := wcf(wcfSymmetric(wcfKerberosKey, "Basic128Sha256"), wcfParts)
	p := readPort(t, src, "").Policies[0]
	if p.SignatureMethod != wssec.HMACSHA256 || p.KeyFit != wssec.FitWhole {
		t.Errorf("%+v", p)
	}
	p = readPort(t, strings.Replace(src, "xmlns:msc=", "xmlns:other=", 1), "").Policies[0]
	if p.SignatureMethod != "" || p.KeyFit != "" {
		t.Errorf("of somebody else: %+v", p)
	}
}

// A preset is more than a policy with another signed part, or one less.
func TestPresetsAreNotGuessed(t *testing.T) {
	for _, change := range []func(p *wssec.Policy){
		func(p *wssec.Policy) { p.SignedParts.Headers = p.SignedParts.Headers[1:] },
		func(p *wssec.Policy) { p.SignedParts.Headers = append(p.SignedParts.Headers, "{urn:x}y") },
		func(p *wssec.Policy) { p.EncryptSignature = false },
		func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic256 },
		func(p *wssec.Policy) { p.DerivedKeys = wssec.DerivedKeysAllowed },
		func(p *wssec.Policy) { p.TokenOnce = false },
		func(p *wssec.Policy) { p.Timestamp = wssec.TimestampOptional; p.TokenOnce = false },
	} {
		p, _ := wssec.Preset("Kerberos")
		p.SignedParts.Headers = p.SignedParts.Headers[:1:1] // WS-Addressing 1.0
		if PresetOf(p) != "Kerberos" {
			t.Fatalf("%+v is no preset", p)
		}
		if change(&p); PresetOf(p) != "" {
			t.Errorf("%+v is %s", p, PresetOf(p))
		}
	}
	for _, name := range wssec.PresetNames() {
		p, _ := wssec.Preset(name)
		if got := PresetOf(p); got != name && name != "ws2007HttpBinding" { // the same as wsHttpBinding
			t.Errorf("%s is %s", name, got)
		}
	}
}

// Policies that clients of WCF had trouble with: that of AD FS, in which another token
// is optional, and that of wsHttpBinding in normal form with a message encoding
// (both as Axis2 has generated code of them), and the like without a session,
// https://github.com/loopbackio/loopback-connector-soap/issues/19.
func TestPoliciesOfWCFInOtherForms(t *testing.T) {
	normal := strings.NewReplacer("<wsp:Policy>", "<wsp:Policy><wsp:ExactlyOne><wsp:All>",
		"</wsp:Policy>", "</wsp:All></wsp:ExactlyOne></wsp:Policy>")
	rsa := `<mssp:RsaToken xmlns:mssp="http://schemas.microsoft.com/ws/2005/07/securitypolicy" wsp:Optional="true"` +
		` sp:IncludeToken="SP/IncludeToken/Never"></mssp:RsaToken>`
	encoding := `<wsoma:OptimizedMimeSerialization` +
		` xmlns:wsoma="http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization"/>` +
		`<wspe:Utf816FFFECharacterEncoding xmlns:wspe="http://schemas.xmlsoap.org/ws/2004/09/policy/encoding"/>`
	withoutInclude := strings.Replace(wcfKerberosKey, ` sp:IncludeToken="SP/IncludeToken/Once"`, "", 1)
	for _, c := range []struct{ policy, parts, preset string }{
		{wcfTransport(wcfKerberosKey+rsa, "Basic128"), "", "KerberosOverTransport"},
		{wcfTransport(withoutInclude+rsa, "Basic128"), "", "KerberosOverTransport"},
		{normal.Replace(wcfSymmetric(wcfConversation(wcfParts+wcfSymmetric(wcfSpnego, "Basic256"), ""), "Basic256")) +
			encoding, wcfParts, "wsHttpBinding"},
		{normal.Replace(wcfSymmetric(wcfSpnego, "Basic256")) + encoding, wcfParts, "SspiNegotiated"},
	} {
		src, _ := wcf(c.policy, c.parts)
		got := readPort(t, src, "")
		if len(got.Policies) != 1 || len(got.Lacks) > 0 || PresetOf(got.Policies[0]) != c.preset {
			t.Errorf("%s: %+v, lacking %v", c.preset, got.Policies, got.Lacks)
		}
	}
}
