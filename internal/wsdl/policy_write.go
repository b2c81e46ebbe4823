package wsdl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Namespaces of assertions.
const (
	NamespaceSP12 = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"
	// NamespaceCXF is that of CXF's own algorithm suites.
	NamespaceCXF = "http://cxf.apache.org/custom/security-policy"
	// NamespaceWSAM is that of WS-Addressing's metadata.
	NamespaceWSAM = "http://www.w3.org/2007/05/addressing/metadata"
	// NamespaceWSAW is that of its predecessor, which WCF writes.
	NamespaceWSAW = "http://www.w3.org/2006/05/addressing/wsdl"
)

// Values of sp:IncludeToken (SP 1.2 §5.1.1).
const (
	includeOnce   = NamespaceSP12 + "/IncludeToken/Once"
	includeAlways = NamespaceSP12 + "/IncludeToken/AlwaysToRecipient"
)

// The wsu:Id of the policies that are written.
const (
	endpointPolicyID = "wssgate-policy"
	messagePolicyID  = "wssgate-parts"
)

// An Addressing is what a policy says of WS-Addressing.
type Addressing int

const (
	AddressingUnsaid   Addressing = iota // no assertion
	AddressingOptional                   // clients may use it
	AddressingRequired                   // clients have to
)

// Assertions are policies as a WSDL has them.
type Assertions struct {
	// Endpoint is the wsp:Policy of an endpoint, with one alternative for each
	// policy.
	Endpoint string
	// Message is that of its messages; "" if the policy of the endpoint says it all.
	Message string
}

// WritePolicies returns the policies of one endpoint as WS-SecurityPolicy 1.2 in
// WS-Policy 1.5. What has no assertion, and a client has to be told some other way,
// is a comment. The error says which setting of which policy cannot be published at
// all.
func WritePolicies(policies []wssec.Policy, addressing Addressing) (Assertions, error) {
	var errs []error
	var all []string
	var notes []string
	parts := messageParts(&policies[0])
	for i := range policies[1:] {
		if messageParts(&policies[i+1]) != parts {
			parts = "" // an alternative of its own has them
		}
	}
	for i := range policies {
		p := &policies[i]
		if err := checkPublished(p); err != nil {
			errs = append(errs, fmt.Errorf("policy %s: %w", cmp.Or(p.Name, "without name"), err))
		}
		a := writeAlternative(p)
		if parts == "" {
			a += messageParts(p)
		}
		all = append(all, el("wsp:All", a, addressingAssertion(addressing)))
		for _, note := range notesOf(p) {
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	out := Assertions{Endpoint: topPolicy(endpointPolicyID, notes, all...)}
	if parts != "" {
		out.Message = topPolicy(messagePolicyID, nil, el("wsp:All", parts))
	}
	return out, errors.Join(errs...)
}

// checkPublished refuses what no client could learn from assertions.
func checkPublished(p *wssec.Policy) error {
	for q := p; q != nil; q = q.Bootstrap {
		for _, t := range q.SupportingTokens {
			if q.Binding == wssec.NoBinding && (t.Use == wssec.UseEndorsing || t.Use == wssec.UseSignedEndorsing) {
				return errors.New("supporting-tokens: without a binding WS-SecurityPolicy has no place for the algorithm suite " +
					"of an endorsing token; use binding: transport or symmetric, or wsdl: refuse")
			}
		}
	}
	return nil
}

// notesOf returns what a policy asks for that has no assertion.
func notesOf(p *wssec.Policy) []string {
	var notes []string
	note := func(when bool, text string) {
		if when {
			notes = append(notes, text)
		}
	}
	for q := p; q != nil; q = q.Bootstrap {
		suite, _ := wssec.LookupSuite(q.AlgorithmSuite)
		signature := cmp.Or(q.SignatureMethod, wssec.HMACSHA1)
		note(signature != wssec.HMACSHA1, fmt.Sprintf("The signature method is %s. WCF reads that from a suite of SHA-256; "+
			"for CXF set ws-security.symmetric.signature.algorithm.", signature))
		note(q.DigestMethod != "" && q.DigestMethod != digestName(suite),
			fmt.Sprintf("The digest method is %s, not that of the suite.", q.DigestMethod))
		note(len(q.Actors) > 0, "The Security header is for an actor; for CXF set ws-security.actor.")
		note(q.AllowPlainHTTP && q.Binding != wssec.SymmetricBinding, "Plain HTTP is accepted, too.")
		note(!q.OptionalEncryptedParts.IsZero(), "Some parts may be encrypted that need not be.")
		note(q.Binding != wssec.NoBinding && q.Timestamp == wssec.TimestampOptional, "The Timestamp may be left out.")
		note(q.DerivedKeys == wssec.DerivedKeysAllowed, "Keys may be used without derived keys, too.")
	}
	return notes
}

func digestName(s wssec.Suite) wssec.DigestName {
	if strings.HasSuffix(s.Digest.URI, "sha256") {
		return wssec.DigestSHA256
	}
	return wssec.DigestSHA1
}

// topPolicy returns a policy of the document, with an id and all namespaces.
func topPolicy(id string, notes []string, alternatives ...string) string {
	var b strings.Builder
	for _, note := range notes {
		b.WriteString("<!-- " + note + " -->\n")
	}
	fmt.Fprintf(&b, `<wsp:Policy xmlns:wsp="%s" xmlns:wsu="%s" xmlns:sp="%s" wsu:Id="%s">`, NamespacePolicy15,
		namespaceWSU,
		NamespaceSP12, id)
	b.WriteString(el("wsp:ExactlyOne", alternatives...) + "</wsp:Policy>\n")
	return b.String()
}

// writeAlternative returns the assertions of an endpoint (SP 1.2 §4 to §9).
func writeAlternative(p *wssec.Policy) string {
	var b strings.Builder
	switch p.Binding {
	case wssec.SymmetricBinding:
		b.WriteString(writeSymmetric(p))
	case wssec.TransportBinding:
		b.WriteString(writeTransport(p))
	}
	for _, t := range p.SupportingTokens {
		b.WriteString(writeSupporting(p, t))
	}
	if p.Bootstrap != nil {
		b.WriteString(withPolicy("sp:Trust13", "<sp:MustSupportIssuedTokens/>", "<sp:RequireClientEntropy/>",
			"<sp:RequireServerEntropy/>"))
	}
	if p.Binding != wssec.NoBinding { // else CXF misses in a plain reply what a binding would check
		b.WriteString(withPolicy("sp:Wss11", "<sp:MustSupportRefKeyIdentifier/>", "<sp:MustSupportRefIssuerSerial/>",
			"<sp:MustSupportRefThumbprint/>", "<sp:MustSupportRefEncryptedKey/>",
			when(p.SignatureConfirmation, "<sp:RequireSignatureConfirmation/>")))
	}
	return b.String()
}

func writeSymmetric(p *wssec.Policy) string {
	return withPolicy("sp:SymmetricBinding",
		withPolicy("sp:ProtectionToken", token(p, p.ProtectionToken)),
		bindingProperties(p),
		when(p.ProtectionOrder == wssec.EncryptBeforeSign, "<sp:EncryptBeforeSigning/>"),
		when(p.EncryptSignature, "<sp:EncryptSignature/>"),
		when(p.ProtectTokens, "<sp:ProtectTokens/>"),
		"<sp:OnlySignEntireHeadersAndBody/>")
}

func writeTransport(p *wssec.Policy) string {
	return withPolicy("sp:TransportBinding",
		withPolicy("sp:TransportToken", withPolicy("sp:HttpsToken")),
		bindingProperties(p))
}

// bindingProperties returns what all bindings have (SP 1.2 §6).
func bindingProperties(p *wssec.Policy) string {
	layout := map[wssec.Layout]string{wssec.LayoutStrict: "Strict", wssec.LayoutLaxTimestampFirst: "LaxTsFirst",
		wssec.LayoutLaxTimestampLast: "LaxTsLast"}[p.Layout]
	return withPolicy("sp:AlgorithmSuite", suite(p.AlgorithmSuite)) +
		withPolicy("sp:Layout", "<sp:"+cmp.Or(layout, "Lax")+"/>") +
		when(p.Timestamp != wssec.TimestampForbidden, "<sp:IncludeTimestamp/>")
}

// suite returns the assertion of a suite. A binding that does not use one still
// has to name one.
func suite(name wssec.SuiteName) string {
	name = cmp.Or(name, wssec.Basic256)
	if strings.Contains(string(name), "GCM") {
		return fmt.Sprintf(`<cxf:%s xmlns:cxf="%s"/>`, name, NamespaceCXF)
	}
	return fmt.Sprintf("<sp:%s/>", name)
}

// writeSupporting returns a token beside the binding, with the parts that its
// signature covers (SP 1.2 §8).
func writeSupporting(p *wssec.Policy, t wssec.SupportingToken) string {
	name := map[wssec.TokenUse]string{wssec.UseSigned: "Signed", wssec.UseEndorsing: "Endorsing",
		wssec.UseSignedEndorsing: "SignedEndorsing"}[t.Use]
	return withPolicy("sp:"+name+"SupportingTokens", token(p, t.Token), parts("sp:SignedParts", p.SignedParts))
}

// token returns the assertion of a token (SP 1.2 §5.4).
func token(p *wssec.Policy, t wssec.TokenType) string {
	derived := when(p.DerivedKeys == wssec.DerivedKeysRequired || p.DerivedKeys == wssec.DerivedKeysAllowed,
		"<sp:RequireDerivedKeys/>")
	include, name := includeAlways, "sp:SpnegoContextToken"
	var content []string
	switch t {
	case wssec.KerberosToken:
		name = "sp:KerberosToken"
		content = []string{derived, "<sp:WssGssKerberosV5ApReqToken11/>"}
		if p.TokenOnce {
			include = includeOnce
		}
	case wssec.SecureConversationToken:
		name = "sp:SecureConversationToken"
		content = []string{derived, bootstrap(p)}
	default:
		content = []string{derived}
	}
	return fmt.Sprintf(`<%s sp:IncludeToken="%s">%s</%s>`, name, include, el("wsp:Policy", content...), name)
}

// bootstrap returns the policy under which a security context is asked for (SP
// 1.2 §5.4.7), with its parts, which have no message to be attached to.
func bootstrap(p *wssec.Policy) string {
	if p.Bootstrap == nil {
		return ""
	}
	return withPolicy("sp:BootstrapPolicy", writeAlternative(p.Bootstrap), messageParts(p.Bootstrap))
}

// messageParts returns the parts of messages that the symmetric binding protects
// (SP 1.2 §4).
func messageParts(p *wssec.Policy) string {
	if p.Binding != wssec.SymmetricBinding {
		return ""
	}
	return parts("sp:SignedParts", p.SignedParts) + parts("sp:EncryptedParts", p.EncryptedParts)
}

func parts(name string, p wssec.Parts) string {
	if p.IsZero() {
		return ""
	}
	content := []string{when(p.Body, "<sp:Body/>")}
	for _, h := range p.Headers {
		space, local, _ := strings.Cut(strings.TrimPrefix(h, "{"), "}")
		content = append(content, "<sp:Header"+when(local != "*", attr("Name", local))+attr("Namespace", space)+"/>")
	}
	return el(name, content...)
}

func addressingAssertion(a Addressing) string {
	if a == AddressingUnsaid {
		return ""
	}
	return fmt.Sprintf(`<wsam:Addressing xmlns:wsam="%s"%s><wsp:Policy/></wsam:Addressing>`, NamespaceWSAM,
		when(a == AddressingOptional, ` wsp:Optional="true"`))
}

// withPolicy returns an assertion with a policy in it.
func withPolicy(name string, content ...string) string { return el(name, el("wsp:Policy", content...)) }

// el returns an element, of content that is markup.
func el(name string, content ...string) string {
	inside := strings.Join(content, "")
	if inside == "" {
		return "<" + name + "/>"
	}
	return "<" + name + ">" + inside + "</" + name + ">"
}

// attr returns an attribute, with white space before it.
func attr(name, value string) string {
	return " " + name + `="` + string(xmltext.AppendEscapedAttr(nil, value)) + `"`
}

func when(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}
