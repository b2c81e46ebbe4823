package wsdl

import (
	"slices"
	"strings"

	"github.com/wssgate/wssgate/wssec"
)

// symmetric translates a SymmetricBinding (WS-SecurityPolicy 1.2 §7.4).
func (t *translation) symmetric(a assertion) {
	t.policy.Binding = wssec.SymmetricBinding
	t.policy.Timestamp = wssec.TimestampForbidden
	for _, n := range nested(a) {
		switch {
		case n.is("ProtectionToken"):
			t.protectionToken(n)
		case n.is("EncryptBeforeSigning"):
			t.policy.ProtectionOrder = wssec.EncryptBeforeSign
		case n.is("EncryptSignature"):
			t.policy.EncryptSignature = true
		case n.is("ProtectTokens"):
			t.policy.ProtectTokens = true
		case n.is("OnlySignEntireHeadersAndBody"): // wssgate takes no other signatures
		case !t.shared(n):
			t.missing(n)
		}
	}
	if t.policy.ProtectionToken == "" && !t.lacking {
		t.lack(a, "has no ProtectionToken")
	}
	t.onceToken()
}

// transport translates a TransportBinding (§7.3).
func (t *translation) transport(a assertion) {
	t.policy.Binding = wssec.TransportBinding
	t.policy.Timestamp = wssec.TimestampForbidden
	https := false
	for _, n := range nested(a) {
		switch {
		case n.is("TransportToken"):
			for _, token := range nested(n) {
				if !token.is("HttpsToken") {
					t.missing(token)
					continue
				}
				https = true
				t.httpsToken(token)
			}
		case !t.shared(n):
			t.missing(n)
		}
	}
	if !https && !t.lacking {
		t.lack(a, "has no HttpsToken")
	}
}

// httpsToken translates an HttpsToken (§5.4.11; version 1.1 §6.3.8).
func (t *translation) httpsToken(a assertion) {
	if value, given := a.node.Attr("", "RequireClientCertificate"); given {
		required, err := boolean(a.in, a.node, "RequireClientCertificate", value)
		if err != nil || required {
			t.lack(a, "RequireClientCertificate=%.40q: wssgate asks for no client certificates in TLS", value)
		}
	}
	for _, n := range nested(a) {
		t.missing(n)
	}
}

// shared translates what both bindings have, and reports whether n is that.
func (t *translation) shared(n assertion) bool {
	switch {
	case n.is("AlgorithmSuite"):
		t.algorithmSuite(n)
	case n.is("Layout"):
		t.layout(n)
	case n.is("IncludeTimestamp"):
		t.policy.Timestamp = wssec.TimestampRequired
	default:
		return false
	}
	return true
}

// layout translates a Layout (§6.7).
func (t *translation) layout(a assertion) {
	layouts := map[string]wssec.Layout{"Lax": wssec.LayoutLax, "Strict": wssec.LayoutStrict,
		"LaxTsFirst": wssec.LayoutLaxTimestampFirst, "LaxTsLast": wssec.LayoutLaxTimestampLast,
		"LaxTimestampFirst": wssec.LayoutLaxTimestampFirst, "LaxTimestampLast": wssec.LayoutLaxTimestampLast}
	for _, n := range nested(a) {
		layout, ok := layouts[n.node.Local()]
		switch {
		case !ok || !isSecuritySpace(n.node.Space()):
			t.missing(n)
		case t.policy.Layout != "" && t.policy.Layout != layout:
			t.lack(n, "contradicts the layout %s", t.policy.Layout)
		default:
			t.policy.Layout = layout
		}
	}
}

// algorithmSuite translates an AlgorithmSuite (§6.1), CXF's own among them.
func (t *translation) algorithmSuite(a assertion) {
	for _, n := range nested(a) {
		if n.is("STRTransform10") || n.is("XPath10") || n.is("SOAPNormalization10") && n.optional {
			continue // what a signature may have; wssgate takes the STR-Transform
		}
		// The suites for RSA 1.5 are the same for symmetric keys.
		name := wssec.SuiteName(strings.TrimSuffix(n.node.Local(), "Rsa15"))
		suite, known := wssec.LookupSuite(name)
		switch {
		case !known || !isSecuritySpace(n.node.Space()) && n.node.Space() != namespaceCXF:
			t.missing(n)
		case t.policy.AlgorithmSuite != "" && t.policy.AlgorithmSuite != name:
			t.lack(n, "contradicts the algorithm suite %s", t.policy.AlgorithmSuite)
		default:
			t.policy.AlgorithmSuite = name
			t.sha256(n, suite)
		}
	}
}

// sha256 chooses the symmetric signature of a suite with SHA-256: that of WS-
// SecurityPolicy is HMAC-SHA1, and WCF's another.
func (t *translation) sha256(a assertion, suite wssec.Suite) {
	if !strings.Contains(string(suite.Name), "Sha256") {
		return
	}
	if t.fromWCF {
		t.policy.SignatureMethod = wssec.HMACSHA256
		t.note(a, "WCF signs with hmac-sha256 under this suite, and not with hmac-sha1 as WS-SecurityPolicy has it")
		return
	}
	t.note(a, "symmetric signatures are hmac-sha1 as WS-SecurityPolicy has it; for WCF clients set "+
		"signature-method: hmac-sha256")
}

// protectionToken translates a ProtectionToken (§7.4).
func (t *translation) protectionToken(a assertion) {
	for _, n := range nested(a) {
		token, ok := t.token(n)
		switch {
		case !ok:
		case t.policy.ProtectionToken != "":
			t.lack(n, "is a second token; a message carries one")
		default:
			t.policy.ProtectionToken = token
			t.policy.TokenOnce = token == wssec.KerberosToken && inclusion(n) == "Once"
		}
	}
}

// onceToken drops what needs a Timestamp where there is none.
func (t *translation) onceToken() {
	if t.policy.Timestamp != wssec.TimestampRequired {
		t.policy.TokenOnce = false
	}
}

// supporting translates the tokens of §8, and what they sign.
func (t *translation) supporting(a assertion, use wssec.TokenUse) {
	for _, n := range nested(a) {
		switch {
		case n.is("AlgorithmSuite"):
			t.algorithmSuite(n)
			continue
		case n.is("SignedParts"):
			t.endorsedParts(n, use)
			continue
		case n.is("EncryptedParts"), n.is("SignedElements"), n.is("EncryptedElements"), n.is("ContentEncryptedElements"):
			t.lack(n, "wssgate's supporting tokens sign the Timestamp and parts, and nothing else")
			continue
		}
		token, ok := t.token(n)
		switch {
		case !ok:
		case t.tokens() > 0:
			t.lack(n, "is a second token; wssgate takes messages with one that says who the client is")
		default:
			t.policy.SupportingTokens = []wssec.SupportingToken{{Token: token, Use: use}}
		}
	}
}

// endorsedParts translates the parts that an endorsing token signs (§8.3).
func (t *translation) endorsedParts(a assertion, use wssec.TokenUse) {
	parts, ok := t.partsOf(a)
	switch {
	case !ok:
	case use == wssec.UsePlain || use == wssec.UseSigned:
		t.lack(a, "a token that is not endorsing signs nothing")
	case !parts.Body && slices.Equal(parts.Headers, []string{"{" + namespaceWSA + "}To"}):
		t.note(a, "WCF publishes that wsa:To is signed, and with symmetric keys its clients sign the Timestamp alone; add "+
			"signed-parts if yours sign it")
	default:
		addParts(&t.policy.SignedParts, parts)
	}
}
