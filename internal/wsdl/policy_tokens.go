package wsdl

import (
	"strings"

	"github.com/wssgate/wssgate/wssec"
)

// token translates a token assertion (WS-SecurityPolicy 1.2 §5.4); ok is false
// for a token that wssgate does not have.
func (t *translation) token(a assertion) (token wssec.TokenType, ok bool) {
	switch {
	case a.is("KerberosToken"):
		token = wssec.KerberosToken
	case a.is("SpnegoContextToken"):
		token = wssec.SpnegoContextToken
	case a.is("SecureConversationToken"):
		token = wssec.SecureConversationToken
	default:
		t.missing(a)
		return "", false
	}
	before := t.lacking
	t.lacking = false
	t.tokenIssuer(a)
	t.tokenInclusion(a)
	t.policy.DerivedKeys = wssec.DerivedKeysForbidden
	for _, n := range nested(a) {
		t.tokenProperty(n, token)
	}
	if token == wssec.SecureConversationToken && t.policy.Bootstrap == nil && !t.lacking {
		t.lack(a, "has no BootstrapPolicy that says how a client gets one")
	}
	ok = !t.lacking
	t.lacking = t.lacking || before
	return token, ok
}

// tokenProperty translates an assertion in a token's policy.
func (t *translation) tokenProperty(n assertion, token wssec.TokenType) {
	switch local := n.node.Local(); {
	case n.node.Space() == namespaceMSSP && local == "MustNotSendCancel":
	case !isSecuritySpace(n.node.Space()):
		t.missing(n)
	case local == "RequireDerivedKeys", local == "RequireExplicitDerivedKeys":
		t.policy.DerivedKeys = wssec.DerivedKeysRequired
	case token == wssec.KerberosToken && (local == "WssGssKerberosV5ApReqToken11" ||
		local == "WssKerberosV5ApReqToken11" ||
		local == "RequireKeyIdentifierReference"): // wssgate takes both, and both references
	case token != wssec.KerberosToken && (local == "MustNotSendCancel" || local == "MustNotSendAmend" ||
		local == "MustNotSendRenew"): // what a client does not do
	case token == wssec.SecureConversationToken && (local == "SC13SecurityContextToken" ||
		local == "SC10SecurityContextToken"): // wssgate takes both versions
	case token == wssec.SecureConversationToken && local == "BootstrapPolicy":
		t.bootstrap(n)
	default:
		t.missing(n)
	}
}

// bootstrap translates a BootstrapPolicy (§5.4.7).
func (t *translation) bootstrap(a assertion) {
	b := &translation{policyReader: t.policyReader, isBootstrap: true}
	b.alternative(nested(a))
	switch {
	case b.lacking:
		t.lacking = true
	case b.tokens() == 0:
		t.lack(a, "has no token by which wssgate would know the client")
	default:
		t.policy.Bootstrap = &b.policy
	}
}

// tokenIssuer refuses tokens of another issuer than the service itself.
func (t *translation) tokenIssuer(a assertion) {
	for c := range a.node.Children() {
		issuer := assertion{in: a.in, node: c, optional: a.optional}
		if issuer.is("Issuer") || issuer.is("IssuerName") {
			t.lack(issuer, "wssgate issues the tokens of its own routes, and takes no others")
		}
	}
}

// tokenInclusion reads the [token inclusion] (§5.1.1).
func (t *translation) tokenInclusion(a assertion) {
	switch value := inclusion(a); {
	case value == "" || value == "Once" || value == "Always" || value == "AlwaysToRecipient":
	case value != "Never" && value != "AlwaysToInitiator":
		t.lack(a, "IncludeToken has none of the values of WS-SecurityPolicy")
	case a.is("KerberosToken"):
		t.lack(a, "IncludeToken: wssgate has no key for a ticket that no message brings, and CXF's clients do not "+
			"name it then")
	}
}

// inclusion returns the last segment of the URI in sp:IncludeToken, "" without.
func inclusion(a assertion) string {
	for name, value := range a.node.Attrs() {
		if name.Local == "IncludeToken" && (isSecuritySpace(name.Space) || name.Space == "") {
			value = trimmed(value)
			i := strings.LastIndexByte(value, '/')
			return value[i+1:]
		}
	}
	return ""
}

// missing notes an assertion that wssgate does not have, with what that is about.
func (t *translation) missing(a assertion) {
	space, local := a.node.Space(), a.node.Local()
	if text := missingWords[local]; text != "" && (isSecuritySpace(space) || space == namespaceMSSP ||
		space == namespaceMSHTTP) {
		t.lack(a, "wssgate does not have %s", text)
		return
	}
	if isSecuritySpace(space) {
		t.lack(a, "an assertion of WS-SecurityPolicy that wssgate does not have")
		return
	}
	if text := missingSpaces[space]; text != "" {
		t.lack(a, "wssgate does not have %s", text)
		return
	}
	t.lack(a, "an assertion of %.200q, which wssgate does not know", space)
}

// missingWords says what an assertion that wssgate does not have is about.
var missingWords = map[string]string{
	"AsymmetricBinding": "the asymmetric binding, with a certificate of each side",
	"InitiatorToken":    "the asymmetric binding",
	"RecipientToken":    "the asymmetric binding",
	"EncryptionToken":   "two tokens, one that encrypts and one that signs: a ProtectionToken does both",
	"SignatureToken":    "two tokens, one that encrypts and one that signs: a ProtectionToken does both",
	"X509Token":         "X.509 certificates as tokens",
	"UsernameToken":     "user names with passwords",
	"SamlToken":         "SAML assertions",
	"IssuedToken":       "tokens that a security token service issues",
	"RelToken":          "REL licenses",
	"KeyValueToken":     "tokens of a bare public key",
	"RsaToken":          "tokens of a bare public key",
	"SslContextToken":   "TLS negotiated in WS-Trust messages",
	"SecurityContextToken": "contexts that another service has issued; a SecureConversationToken says how a " +
		"client gets one",

	"EncryptedSupportingTokens":                "encrypted tokens",
	"SignedEncryptedSupportingTokens":          "encrypted tokens",
	"EndorsingEncryptedSupportingTokens":       "encrypted tokens",
	"SignedEndorsingEncryptedSupportingTokens": "encrypted tokens",

	"SignedElements":           "parts named by XPath: signed parts are the Body and header blocks",
	"EncryptedElements":        "parts named by XPath: encrypted parts are the Body and header blocks",
	"ContentEncryptedElements": "parts named by XPath: encrypted parts are the Body and header blocks",
	"RequiredElements":         "a check that elements are present",
	"RequiredParts":            "a check that header blocks are present; for wsa:To there is the setting wsa-to",
	"Attachments":              "signed or encrypted attachments (SwA)",

	"RequireImplicitDerivedKeys":  "implied derived keys in replies",
	"RequireExternalUriReference": "references to contexts outside of the message",
	"RequireExternalReference":    "references to tokens outside of the message",
	"InclusiveC14N":               "inclusive canonicalization in what it signs",
	"SOAPNormalization10":         "the SOAP message normalization transform",
	"XPathFilter20":               "XPath filters in signatures",

	"RequireClientCertificate":   "client certificates in TLS",
	"HttpBasicAuthentication":    "HTTP Basic authentication",
	"HttpDigestAuthentication":   "HTTP Digest authentication",
	"BasicAuthentication":        "HTTP Basic authentication",
	"DigestAuthentication":       "HTTP Digest authentication",
	"NtlmAuthentication":         "NTLM",
	"MustSupportClientChallenge": "challenges in WS-Trust",
	"MustSupportServerChallenge": "challenges in WS-Trust",

	"MustSupportInteractiveChallenge": "challenges in WS-Trust",
}

// missingSpaces does so for all assertions of a namespace.
var missingSpaces = map[string]string{
	"http://schemas.xmlsoap.org/ws/2005/02/rm/policy":             "WS-ReliableMessaging",
	"http://docs.oasis-open.org/ws-rx/wsrmp/200702":               "WS-ReliableMessaging",
	"http://schemas.microsoft.com/net/2005/02/rm/policy":          "WS-ReliableMessaging",
	"http://schemas.microsoft.com/ws-rx/wsrmp/200702":             "WS-ReliableMessaging",
	"http://schemas.microsoft.com/net/2006/06/duplex":             "duplex channels over two connections",
	"http://schemas.microsoft.com/ws/06/2004/mspolicy/netbinary1": "WCF's binary encoding",
	"http://schemas.microsoft.com/ws/2006/05/framing/policy":      "WCF's message framing over TCP and pipes",
	"http://schemas.microsoft.com/ws/2005/07/securitypolicy":      "this security of WCF",
	"http://schemas.xmlsoap.org/ws/2004/10/wsat":                  "WS-AtomicTransaction",
	"http://docs.oasis-open.org/ws-tx/wsat/2006/06":               "WS-AtomicTransaction",
	"http://schemas.microsoft.com/ws/2005/05/routing/policy":      "one-way messages over other transports",
}
