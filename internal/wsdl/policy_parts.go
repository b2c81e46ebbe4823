package wsdl

import (
	"slices"

	"github.com/wssgate/wssgate/wssec"
)

// messageParts translates the SignedParts (WS-SecurityPolicy 1.2 §4.1.1) and
// EncryptedParts (§4.2.1) of a message, once its binding is known.
func (t *translation) messageParts() {
	for _, a := range t.parts {
		switch t.policy.Binding {
		case wssec.NoBinding:
			t.lack(a, "there is no binding that says how; wssgate signs and encrypts under the symmetric binding")
			continue
		case wssec.TransportBinding:
			t.note(a, "TLS does that under the transport binding")
			continue
		}
		switch {
		case !a.is("SignedParts") && !a.is("EncryptedParts"):
			t.missing(a)
		case a.is("SignedParts"):
			t.addPartsOf(a, &t.policy.SignedParts)
		default:
			t.addPartsOf(a, &t.policy.EncryptedParts)
		}
	}
}

func (t *translation) addPartsOf(a assertion, to *wssec.Parts) {
	if parts, ok := t.partsOf(a); ok {
		addParts(to, parts)
	}
}

// partsOf returns the parts that an assertion names.
func (t *translation) partsOf(a assertion) (parts wssec.Parts, ok bool) {
	before := t.lacking
	t.lacking = false
	for c := range a.node.Children() {
		n := assertion{in: a.in, node: c, optional: a.optional}
		switch {
		case n.is("Body"):
			parts.Body = true
		case n.is("Header"):
			t.header(n, &parts)
		case IsPolicyElement(c, "Policy"):
			t.lack(n, "parts have no nested policy")
		default:
			t.missing(n)
		}
	}
	if parts.IsZero() && !t.lacking {
		t.lack(a, "names no part, which means the Body and every header block for the service; wssgate wants them named")
	}
	slices.Sort(parts.Headers)
	ok = !t.lacking
	t.lacking = t.lacking || before
	return parts, ok
}

// header translates an sp:Header.
func (t *translation) header(a assertion, parts *wssec.Parts) {
	space, given := a.node.Attr("", "Namespace")
	local, named := a.node.Attr("", "Name")
	space, local = trimmed(space), trimmed(local)
	if !given || space == "" {
		t.lack(a, "names header blocks without a namespace, which SOAP does not have")
		return
	}
	if !named {
		local = "*"
	}
	name := "{" + space + "}" + local
	if local == "*" && named || wssec.CheckHeaderName(name) != nil {
		t.lack(a, "%.200q is not the name of a header block", name)
		return
	}
	addParts(parts, wssec.Parts{Headers: []string{name}})
}

// addParts adds parts to others, each once.
func addParts(to *wssec.Parts, parts wssec.Parts) {
	to.Body = to.Body || parts.Body
	for _, h := range parts.Headers {
		if !slices.Contains(to.Headers, h) {
			to.Headers = append(to.Headers, h)
		}
	}
	slices.Sort(to.Headers)
}
