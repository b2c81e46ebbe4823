package wsdl

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// What wssgate does not have is named with its place, and no policy is made of it.
func TestWhatIsNotThereIsNamedAtItsPlace(t *testing.T) {
	const stamp = "<sp:IncludeTimestamp/>"
	kerberos := symmetricBinding(gssToken, stamp)
	with := func(more string) string { return policy(kerberos + "\n" + more) }
	token := func(token string) string { return policy(symmetricBinding("\n"+token, stamp)) }
	for _, c := range []struct{ name, binding, parts, place, says string }{
		{"an assertion of nobody", with(`<x xmlns="urn:x"/>`), bodyParts, "10:1",
			`x: an assertion of "urn:x", which wssgate does not know`},
		{"the namespace of 1.1 misspelt", with(`<sp:Wss11 xmlns:sp="` + namespaceSP11 + `/"/>`), bodyParts, "10:1",
			"does not know"},
		{"certificates on both sides", policy("\n<sp:AsymmetricBinding/>"), bodyParts, "9:1",
			"AsymmetricBinding: wssgate does not have the asymmetric binding"},
		{"a certificate", token("<sp:X509Token/>"), bodyParts, "9:1", "X509Token: wssgate does not have X.509 certificates"},
		{"a password", with("<sp:SignedSupportingTokens><wsp:Policy>\n<sp:UsernameToken/></wsp:Policy>" +
			"</sp:SignedSupportingTokens>"), bodyParts,
			"11:1", "UsernameToken: wssgate does not have user names"},
		{"SAML", token("<sp:IssuedToken/>"), bodyParts, "9:1",
			"IssuedToken: wssgate does not have tokens that a security token service issues"},
		{"TLS in messages", token("<mssp:SslContextToken/>"), bodyParts, "9:1",
			"SslContextToken: wssgate does not have TLS negotiated in WS-Trust"},
		{"client certificates", policy(strings.Replace(transportBinding(stamp), "<sp:HttpsToken>",
			"\n"+`<sp:HttpsToken RequireClientCertificate="true">`, 1)),
			"", "9:1", "asks for no client certificates"},
		{"HTTP Basic", policy("\n<http:BasicAuthentication/>"), "", "9:1", "HTTP Basic"},
		{"NTLM", policy("<wsp:ExactlyOne><http:NegotiateAuthentication/>\n<http:NtlmAuthentication/>" +
			"</wsp:ExactlyOne>"), "", "9:1", "NTLM"},
		{"XPath", with("<sp:SignedElements/>"), bodyParts, "10:1", "XPath"},
		{"header blocks that have to be there", with("<sp:RequiredParts/>"), bodyParts, "10:1", "wsa-to"},
		{"all header blocks", policy(kerberos), bodyParts + "\n<sp:SignedParts/>", "14:1", "names no part"},
		{"attachments", policy(kerberos), bodyParts + "<sp:SignedParts>\n<sp:Attachments/></sp:SignedParts>", "14:1",
			"attachments"},
		{"a header block without namespace", policy(kerberos), bodyParts + "<sp:SignedParts>\n" +
			`<sp:Header Name="x"/></sp:SignedParts>`, "14:1", "without a namespace"},
		{"a header block without a name that is one", policy(kerberos), bodyParts + "<sp:SignedParts>\n" +
			`<sp:Header Name="a b" Namespace="urn:x"/></sp:SignedParts>`,
			"14:1", "is not the name of a header block"},
		{"implied derived keys", token(strings.Replace(gssToken, "<sp:Wss",
			"\n<sp:RequireImplicitDerivedKeys/><sp:Wss", 1)), bodyParts, "10:1", "implied derived keys"},
		{"another issuer", token("<sp:SpnegoContextToken>\n<sp:Issuer/></sp:SpnegoContextToken>"), bodyParts, "10:1",
			"takes no others"},
		{"an inclusion of nobody", token(`<sp:KerberosToken sp:IncludeToken="urn:x/Sometimes"/>`), bodyParts, "9:1",
			"IncludeToken"},
		{"no bootstrap", token("<sp:SecureConversationToken/>"), bodyParts, "9:1", "BootstrapPolicy"},
		{"a bootstrap without token", token("<sp:SecureConversationToken><wsp:Policy>\n<sp:BootstrapPolicy>" +
			"<wsp:Policy/></sp:BootstrapPolicy>" +
			"</wsp:Policy></sp:SecureConversationToken>"), bodyParts, "10:1", "no token"},
		{"replies elsewhere", with("<wsam:Addressing><wsp:Policy>\n<wsam:NonAnonymousResponses/></wsp:Policy>" +
			"</wsam:Addressing>"), bodyParts, "11:1", "connection of the request"},
		{"reliable messaging", with(`<RMAssertion xmlns="http://schemas.xmlsoap.org/ws/2005/02/rm/policy"/>`),
			bodyParts, "10:1", "WS-ReliableMessaging"},
		{"an extension that is mandatory", policy(kerberos) + "\n" + `<x xmlns="urn:x" w:required="true"/>`,
			bodyParts, "10:1", "is mandatory"},
		{"a suite of nobody", policy(strings.Replace(kerberos, "<sp:Basic128/>", "\n<sp:Basic64/>", 1)), bodyParts,
			"10:1", "Basic64"},
		{"challenges", with("<sp:Trust13><wsp:Policy>\n<sp:MustSupportClientChallenge/></wsp:Policy></sp:Trust13>"),
			bodyParts, "11:1", "challenges"},

		// Contradictions.
		{"two bindings", with(transportBinding(stamp)), bodyParts, "10:1", "contradicts the SymmetricBinding at x.wsdl:8:13"},
		{"two suites", policy(strings.Replace(kerberos, "<sp:Basic128/>", "<sp:Basic128/>\n<sp:Basic256/>", 1)),
			bodyParts, "10:1", "contradicts the algorithm suite Basic128"},
		{"two layouts", policy(symmetricBinding(gssToken,
			"<sp:Layout><wsp:Policy><sp:Lax/>\n<sp:Strict/></wsp:Policy></sp:Layout>")), bodyParts, "10:1",
			"contradicts the layout lax"},
		{"two tokens", with("<sp:SupportingTokens><wsp:Policy>\n" + gssToken +
			"</wsp:Policy></sp:SupportingTokens>"), bodyParts, "11:1", "is a second token"},
		{"two protection tokens", policy(symmetricBinding(gssToken+"\n<sp:SpnegoContextToken/>", stamp)), bodyParts,
			"9:1", "is a second token"},
		{"no alternative", policy("<wsp:ExactlyOne/>"), bodyParts, "8:1", "nobody can meet it"},
		{"parts without a binding", policy("<sp:SupportingTokens><wsp:Policy>" + gssToken +
			"</wsp:Policy></sp:SupportingTokens>"), "\n" + bodyParts, "13:1", "there is no binding"},
		{"a Body that is not signed", policy("\n" + kerberos), "", "9:1", "add body: true"},
		{"no token", policy("\n" + transportBinding(stamp)), "", "9:1", "no token by which"},
		{"nothing at all, optionally", policy("<wsp:ExactlyOne><wsp:All>" + kerberos + "<sp:SignedParts><sp:Body/>" +
			"</sp:SignedParts></wsp:All><wsp:All/></wsp:ExactlyOne>"), "", "8:1", "lets messages pass without protection"},
		{"a token alone, optionally", policy(`<sp:SupportingTokens wsp:Optional="true"><wsp:Policy>` + gssToken +
			"</wsp:Policy></sp:SupportingTokens>"), "", "8:1", "lets messages pass without protection"},
		{"no protection at all, optionally", policy("<wsp:ExactlyOne><wsp:All>" + kerberos +
			"</wsp:All>\n<wsp:All>" + transportBinding(stamp) +
			"</wsp:All></wsp:ExactlyOne>"), bodyParts, "10:10", "no token by which"},
	} {
		got := readPort(t, description(c.binding, c.parts), "")
		found := false
		for _, f := range got.Lacks {
			found = found || f.Place.String() == "x.wsdl:"+c.place && strings.Contains(f.Text, c.says)
		}
		if !found {
			t.Errorf("%s: %v, not %s: %s", c.name, got.Lacks, c.place, c.says)
		}
	}
}

func TestMessagesThatDifferAreNamed(t *testing.T) {
	src := description(policy(symmetricBinding(gssToken, "<sp:IncludeTimestamp/>")), bodyParts)
	plain := strings.Replace(src, `<w:output><wsp:PolicyReference URI="#parts"/>`, "<w:output>", 1)
	if got := readPort(t, plain, ""); len(got.Lacks) == 0 || !strings.Contains(got.Lacks[len(got.Lacks)-1].Text,
		"replies of operation") {
		t.Errorf("%v", got.Lacks)
	}
	second := `<w:operation name="Tell"><w:input><wsp:Policy><sp:SignedParts><sp:Body/></sp:SignedParts>` +
		`</wsp:Policy></w:input></w:operation></w:binding>`
	if got := readPort(t, strings.Replace(src, "</w:binding>", second, 1), ""); len(got.Lacks) != 1 ||
		!strings.Contains(got.Lacks[0].Text, `"Tell"`) {
		t.Errorf("%v", got.Lacks)
	}
}

// Policies of all subjects count (WS-PolicyAttachment §4.1).
func TestPoliciesOfEverySubjectCount(t *testing.T) {
	src := description("", bodyParts)
	binding := policy(symmetricBinding(gssToken, "<sp:IncludeTimestamp/>"))
	for _, at := range []string{`<w:service name="S">`, `<w:port name="P" binding="t:B">`,
		`<w:binding name="B" type="t:T">`,
		`<w:portType name="T">`, `<w:operation name="Ask">`} {
		got := readPort(t, strings.ReplaceAll(src, at, at+binding), "")
		if len(got.Policies) != 1 || len(got.Lacks) > 0 {
			t.Errorf("at %s: %+v, lacking %v", at, got.Policies, got.Lacks)
		}
	}
	byMessage := strings.Replace(src, `<w:message name="m"/>`, `<w:message name="m">`+binding+`</w:message>`, 1)
	if got := readPort(t, byMessage, ""); len(got.Policies) != 1 {
		t.Errorf("at the message: %+v, lacking %v", got.Policies, got.Lacks)
	}
	byURIs := strings.Replace(src, `<w:binding name="B" type="t:T">`,
		`<w:binding name="B" type="t:T" wsp:PolicyURIs="urn:named">`, 1)
	byURIs = strings.Replace(byURIs, "</w:definitions>", strings.Replace(binding, "<wsp:Policy>",
		`<wsp:Policy Name="urn:named">`, 1)+"</w:definitions>", 1)
	if got := readPort(t, byURIs, ""); len(got.Policies) != 1 {
		t.Errorf("by its URI: %+v, lacking %v", got.Policies, got.Lacks)
	}
}

// The normal form of a policy is exponential in its size; what reads it is not.
func TestPoliciesThatExplodeAreRefused(t *testing.T) {
	deep := strings.Repeat("<wsp:ExactlyOne><wsp:All>", 40) + "<sp:Wss11/>" +
		strings.Repeat("</wsp:All></wsp:ExactlyOne>", 40)
	if got := readPort(t, description(policy(deep), ""), ""); len(got.Policies) != 0 {
		t.Errorf("%+v", got)
	}
	doubled := `<sp:Wss11/>`
	for range 30 {
		doubled = "<wsp:ExactlyOne>" + doubled + "<sp:Wss10/></wsp:ExactlyOne><wsp:ExactlyOne><sp:Trust10/>" +
			"<sp:Trust13/></wsp:ExactlyOne>"
	}
	references, nested := policy(`<wsp:PolicyReference URI="#p0"/>`), ""
	for i := range 60 {
		references += fmt.Sprintf(`<wsp:Policy wsu:Id="p%d"><wsp:PolicyReference URI="#p%d"/><wsp:PolicyReference `+
			`URI="#p%d"/></wsp:Policy>`, i, i+1, i+1)
		nested += `<x xmlns="urn:x" wsp:Optional="true"><wsp:Policy>`
	}
	references += `<wsp:Policy wsu:Id="p60"><sp:Wss11/></wsp:Policy>`
	nested += strings.Repeat(`</wsp:Policy></x>`, 60)
	wide := strings.Repeat(`<x xmlns="urn:x" wsp:Optional="true"/>`, 20_000)
	for _, c := range []struct{ name, binding, says string }{
		{"alternatives of alternatives", policy(doubled), "more than 128 alternatives"},
		{"references that double", references, "more than 2000000 steps"},
		{"a reference to itself", `<wsp:Policy wsu:Id="p"><wsp:PolicyReference URI="#p"/></wsp:Policy>`,
			"contains a reference to itself"},
		{"a circle", `<wsp:Policy wsu:Id="p"><wsp:PolicyReference URI="#q"/></wsp:Policy><wsp:Policy wsu:Id="q">` +
			`<wsp:All><wsp:PolicyReference URI="#p"/></wsp:All></wsp:Policy>`,
			"contains a reference to itself"},
		{"a reference to nothing", `<wsp:PolicyReference URI="#no"/>`, `there is no policy "#no"`},
		{"a digest", `<wsp:PolicyReference URI="#parts" Digest="AA=="/>`, "Digest"},
		{"many optional assertions", policy(wide), "more than 128 alternatives"},
		{"an operator of nobody", policy("<wsp:OneOrMore/>"), "no operator"},
		{"two nested policies", policy("<sp:Wss11><wsp:Policy/><wsp:Policy/></sp:Wss11>"), "two nested policies"},
		{"an Optional of nobody", policy(`<sp:Wss11 wsp:Optional="perhaps"/>`), "neither true nor false"},
		{"a version of nobody", `<p:Policy xmlns:p="http://schemas.xmlsoap.org/ws/2002/12/policy"/>`,
			"no version of WS-Policy"},
	} {
		started := time.Now()
		got, err := readPortOf(description(c.binding, "<sp:Wss11/>"), "")
		if e, ok := errors.AsType[*Error](err); !ok || e.Place.Line < 8 || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %+v", c.name, err, got)
		}
		if took := time.Since(started); took > time.Minute {
			t.Errorf("%s took %v", c.name, took)
		}
	}
	// That of optional assertions in one another is linear.
	if _, err := readPortOf(description(policy(nested), ""), ""); err != nil {
		t.Errorf("nested optional assertions: %v", err)
	}
}
