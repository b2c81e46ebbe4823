package wsdl

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Namespaces of assertions.
const (
	namespaceSP11      = "http://schemas.xmlsoap.org/ws/2005/07/securitypolicy"      // WS-SecurityPolicy 1.1
	namespaceSP12draft = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200512" // a draft of 1.2
	namespaceSP12      = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702" // WS-SecurityPolicy 1.2 and 1.3
	namespaceSP13      = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200802" // what 1.3 has beside
	namespaceCXF       = "http://cxf.apache.org/custom/security-policy"              // CXF's algorithm suites
	namespaceMSSP      = "http://schemas.microsoft.com/ws/2005/07/securitypolicy"    // of [MS-WSPOL]
	namespaceMSHTTP    = "http://schemas.microsoft.com/ws/06/2004/policy/http"       // of [MS-WSPOL]
	namespaceWSAM      = "http://www.w3.org/2007/05/addressing/metadata"             // WS-Addressing Metadata 1.0
	namespaceWSAW      = "http://www.w3.org/2006/05/addressing/wsdl"                 // its draft, which WCF has
	namespaceMTOM      = "http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization"
	namespaceMTOM12    = "http://www.w3.org/2007/08/soap12-mtom-policy"
	namespaceEncoding  = "http://schemas.xmlsoap.org/ws/2004/09/policy/encoding"
	namespaceRampart   = "http://ws.apache.org/rampart/policy"
	namespaceWSA04     = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
)

func isSecuritySpace(space string) bool {
	return space == namespaceSP12 || space == namespaceSP11 || space == namespaceSP13 || space == namespaceSP12draft
}

// isAddressing reports whether n asks for WS-Addressing: wsam:Addressing (WS-
// Addressing Metadata 1.0 §3.1) or wsaw:UsingAddressing.
func isAddressing(n xmltext.Node) bool {
	return n.Is(namespaceWSAM, "Addressing") || n.Local() == "UsingAddressing" &&
		(n.Space() == namespaceWSAW || n.Space() == namespaceWSA || n.Space() == namespaceWSA04)
}

// translate returns the policies of the alternatives that wssgate has, merged
// where one policy says the same.
func (r *policyReader) translate(alternatives []alternative) ([]wssec.Policy, error) {
	var policies []wssec.Policy
	open := false // an alternative without any security
	for _, alt := range alternatives {
		for _, a := range alt {
			if err := r.step(a.in, a.node, 1); err != nil {
				return nil, err
			}
		}
		t := &translation{policyReader: r}
		t.alternative(alt)
		switch {
		case t.lacking:
		case t.negotiate && t.policy.Binding != wssec.SymmetricBinding && len(t.policy.SupportingTokens) == 0:
			r.result.Negotiate = true
			r.result.NeedsTLS = r.result.NeedsTLS || t.policy.Binding == wssec.TransportBinding
		case t.tokens() > 0:
			policies = append(policies, t.policy)
		case t.security:
			t.lack(alt[0], "this alternative has no token by which wssgate would know the client")
		default:
			open = true
		}
	}
	if open && (len(policies) > 0 || r.result.Negotiate) {
		r.lack(Finding{r.result.Attached[0], "an alternative of the policy lets messages pass without protection, " +
			"and a route " +
			"that protects others does not"})
	}
	return merged(policies), nil
}

// A translation makes a wssec.Policy of one alternative.
type translation struct {
	*policyReader
	policy    wssec.Policy
	binding   assertion // zero without
	parts     []assertion
	lacking   bool
	security  bool // there is any security assertion
	negotiate bool // http:NegotiateAuthentication

	isBootstrap bool // of a SecureConversationToken
}

func (t *translation) tokens() int {
	n := len(t.policy.SupportingTokens)
	if t.policy.ProtectionToken != "" {
		n++
	}
	return n
}

// lack notes that wssgate does not have an assertion, or that it contradicts
// others. What is optional is noted only: a client can do without it.
func (t *translation) lack(a assertion, format string, args ...any) {
	t.lacking = true
	f := Finding{a.in.Place(a.node), fmt.Sprintf("%.100s: ", a.node.Local()) + fmt.Sprintf(format, args...)}
	if a.optional {
		f.Text += " (optional: left out)"
		t.policyReader.note(f)
	} else {
		t.policyReader.lack(f)
	}
}

func (t *translation) note(a assertion, format string, args ...any) {
	t.policyReader.note(Finding{a.in.Place(a.node), fmt.Sprintf("%.100s: ", a.node.Local()) + fmt.Sprintf(format,
		args...)})
}

// nested returns the assertions of a's nested policy. One that is optional makes
// those in it optional.
func nested(a assertion) alternative {
	if !a.optional {
		return a.nested
	}
	list := slices.Clone(a.nested)
	for i := range list {
		list[i].optional = true
	}
	return list
}

// alternative translates all assertions, and checks them together.
func (t *translation) alternative(alt alternative) {
	for _, a := range alt {
		switch {
		case isSecuritySpace(a.node.Space()):
			t.security = true
			t.assertion(a)
		default:
			t.other(a)
		}
	}
	if t.lacking || t.tokens() == 0 {
		return
	}
	if t.binding.node.IsZero() {
		t.policy.Binding, t.policy.Timestamp = wssec.NoBinding, wssec.TimestampOptional
	}
	t.messageParts()
	t.conversation()
	t.keyFit()
	if !t.lacking {
		t.validate(alt)
	}
}

// conversation makes the exception for CXF's clients, which cancel a context
// under the transport binding with the context's own key.
func (t *translation) conversation() {
	p := &t.policy
	if p.Binding == wssec.TransportBinding && p.ClientToken() == wssec.SecureConversationToken &&
		p.DerivedKeys == wssec.DerivedKeysRequired {
		p.DerivedKeys = wssec.DerivedKeysAllowed
		t.note(t.binding, "derived-keys is allowed and not required over TLS: CXF's clients cancel a context with "+
			"its own key")
	}
}

// keyFit chooses what WCF does with keys that are longer than the cipher's. It has
// no effect where all keys are derived.
func (t *translation) keyFit() {
	p := &t.policy
	encrypts := !p.EncryptedParts.IsZero() || p.EncryptSignature
	if t.fromWCF && encrypts && p.DerivedKeys != wssec.DerivedKeysRequired &&
		!strings.HasPrefix(string(p.AlgorithmSuite), "TripleDes") {
		p.KeyFit = wssec.FitWhole
		t.note(t.binding, "WCF encrypts with the whole key where it is longer than the cipher's: key-fit")
	}
}

// validate holds the policy against the rules of wssgate. That a bootstrap policy
// signs no Body is for the route to allow.
func (t *translation) validate(alt alternative) {
	p := t.policy
	if t.isBootstrap && isUnprotected(p) {
		p.AllowUnsignedBody = true
		t.note(t.binding, "this BootstrapPolicy signs no Body; whoever reads the requests for contexts knows their keys")
	}
	err := validate(p)
	if err == nil {
		return
	}
	at := t.binding
	if at.node.IsZero() {
		at = alt[0]
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		t.lack(at, "wssgate refuses such a policy: %s", line)
	}
}

// validate returns what [wssec.Policy.Validate] does where the route allows that a
// bootstrap policy signs no Body.
func validate(p wssec.Policy) error {
	if p.Bootstrap != nil && isUnprotected(*p.Bootstrap) {
		b := *p.Bootstrap
		b.AllowUnsignedBody = true
		p.Bootstrap = &b
	}
	return p.Validate()
}

// assertion translates a security assertion of an alternative.
func (t *translation) assertion(a assertion) {
	switch local := a.node.Local(); local {
	case "SymmetricBinding":
		if t.isOnly(a) {
			t.symmetric(a)
		}
	case "TransportBinding":
		if t.isOnly(a) {
			t.transport(a)
		}
	case "SupportingTokens":
		t.supporting(a, wssec.UsePlain)
	case "SignedSupportingTokens":
		t.supporting(a, wssec.UseSigned)
	case "EndorsingSupportingTokens":
		t.supporting(a, wssec.UseEndorsing)
	case "SignedEndorsingSupportingTokens":
		t.supporting(a, wssec.UseSignedEndorsing)
	case "SignedParts", "EncryptedParts", "SignedElements", "EncryptedElements", "ContentEncryptedElements":
		t.parts = append(t.parts, a)
	case "Wss10", "Wss11":
		t.options(a, local, map[string]bool{"MustSupportRefKeyIdentifier": true, "MustSupportRefIssuerSerial": true,
			"MustSupportRefExternalURI": true, "MustSupportRefEmbeddedToken": true, "MustSupportRefThumbprint": true,
			"MustSupportRefEncryptedKey": true})
	case "Trust10", "Trust13":
		t.options(a, local, map[string]bool{"MustSupportIssuedTokens": true, "RequireClientEntropy": true,
			"RequireServerEntropy": true, "RequireRequestSecurityTokenCollection": true, "RequireAppliesTo": true,
			"ScopePolicy15": true})
	default:
		t.missing(a)
	}
}

// isOnly reports whether a is the only binding. The same binding twice, as two
// subjects may have it, is one.
func (t *translation) isOnly(a assertion) bool {
	first := t.binding
	if first.node.IsZero() {
		t.binding = a
		return true
	}
	if !sameAs(first.node, a.node) {
		t.lack(a, "contradicts the %s at %v: a message has one binding", first.node.Local(), first.in.Place(first.node))
	}
	return false
}

// sameAs reports whether two elements have the same canonical form.
func sameAs(a, b xmltext.Node) bool {
	return a == b || bytes.Equal(a.AppendCanonical(nil, xmltext.C14N{}), b.AppendCanonical(nil, xmltext.C14N{}))
}

// options translates Wss10, Wss11, Trust10 and Trust13. Those in ignored say what a
// peer may send, and wssgate takes it.
func (t *translation) options(a assertion, local string, ignored map[string]bool) {
	for _, n := range nested(a) {
		switch {
		case !isSecuritySpace(n.node.Space()):
			t.missing(n)
		case n.is("RequireSignatureConfirmation") && local == "Wss11":
			t.policy.SignatureConfirmation = true
		case !ignored[n.node.Local()]:
			t.missing(n)
		}
	}
}

// other translates an assertion that is none of WS-SecurityPolicy.
func (t *translation) other(a assertion) {
	switch space := a.node.Space(); {
	case isAddressing(a.node):
		t.addressing(a.in.Place(a.node))
		for _, n := range nested(a) {
			if n.node.Is(namespaceWSAM, "NonAnonymousResponses") {
				t.lack(n, "wssgate sends replies by the connection of the request alone")
			}
		}
	case a.node.Is(namespaceMSHTTP, "NegotiateAuthentication"):
		t.negotiate = true
	case space == namespaceMTOM || space == namespaceMTOM12:
		t.note(a, "see the setting mtom of the route")
	case space == namespaceEncoding, space == namespaceRampart:
		t.note(a, "nothing to configure")
	default:
		t.missing(a)
	}
}
