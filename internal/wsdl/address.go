package wsdl

import (
	"bytes"
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// NamespaceIdentity is that of WCF's endpoint identities.
const NamespaceIdentity = "http://schemas.xmlsoap.org/ws/2006/02/addressingidentity"

// mark stands in a template for the address of the service. No XML document can
// have it.
const mark = "\x00"

// An Identity is what a client may expect of the service behind an address
// (wsid:Identity): its service principal name, as "HTTP/host", or the user
// principal name of the account that it runs under. The zero value says nothing.
type Identity struct{ SPN, UPN string }

// IdentityOf returns the identity of a Kerberos principal. One of several
// components is a service.
func IdentityOf(principal string) Identity {
	name := principal
	if i := strings.LastIndexByte(principal, '@'); i >= 0 {
		name = principal[:i]
	}
	if strings.Contains(name, "/") {
		return Identity{SPN: name}
	}
	return Identity{UPN: principal}
}

// element returns the wsa:EndpointReference of a port.
func (i Identity) element() string {
	claim := el("Spn", escape(i.SPN))
	switch {
	case i == Identity{}:
		return ""
	case i.SPN == "":
		claim = el("Upn", escape(i.UPN))
	}
	return `<wsa:EndpointReference xmlns:wsa="` + namespaceWSA + `"><wsa:Address>` + mark + `</wsa:Address>` +
		`<Identity xmlns="` + NamespaceIdentity + `">` + claim + `</Identity></wsa:EndpointReference>`
}

func escape(s string) string { return string(xmltext.AppendEscapedText(nil, s)) }

// A rewriting is what becomes of the documents of a set.
type rewriting struct {
	set        *Set
	own        map[xmltext.Node]bool // wsdl:port, those that stay
	assertions *Assertions           // nil leaves the policies of the documents as they are
	identity   Identity
}

// newRewriting chooses the ports that stay: those of SOAP whose address has one
// of the paths, or all of SOAP if no address has.
func newRewriting(set *Set, paths []string) *rewriting {
	r := &rewriting{set: set, own: map[xmltext.Node]bool{}}
	soapPorts := map[xmltext.Node]bool{}
	for _, d := range set.Documents {
		for _, s := range d.Services {
			for _, p := range s.Ports {
				if space := p.Address.Space(); space != NamespaceSOAP11 && space != NamespaceSOAP12 {
					continue
				}
				soapPorts[p.Node] = true
				if u, err := url.Parse(p.Location); err == nil && slices.Contains(paths, cmp.Or(u.Path, "/")) {
					r.own[p.Node] = true
				}
			}
		}
	}
	if len(r.own) == 0 {
		r.own = soapPorts
	}
	return r
}

// template returns document i as it is published, with a mark for each address.
func (r *rewriting) template(i int) []byte {
	d := r.set.Documents[i]
	e := &edits{src: d.Root.Doc().Source()}
	for k, link := range d.Links {
		if target := r.set.links[i][k]; target >= 0 {
			e.attribute(link.Node, link.Attribute(), mark+"?"+r.set.keys[target])
		}
	}
	if d.Kind == KindWSDL {
		r.ports(d, e)
		if r.assertions != nil {
			r.policies(d, e)
		}
	}
	start, _, _, end := d.Root.SourceRange()
	out := append([]byte(nil), `<?xml version="1.0" encoding="utf-8"?>`+"\n"...)
	return append(e.apply(out, start, end), '\n')
}

// ports rewrites the addresses of the ports that stay, and removes the others.
func (r *rewriting) ports(d *Document, e *edits) {
	for _, s := range d.Services {
		for _, p := range s.Ports {
			if !r.own[p.Node] {
				e.remove(p.Node)
				continue
			}
			e.attribute(p.Address, "location", mark)
			for c := range p.Node.Children() {
				if !c.Is(namespaceWSA, "EndpointReference") {
					continue
				}
				if r.assertions != nil {
					e.remove(c)
				} else if a := c.Child(namespaceWSA, "Address"); !a.IsZero() {
					e.content(a, mark)
				}
			}
			e.insertAtEnd(p.Node, r.identity.element())
		}
	}
}

// policies replaces the policies of a WSDL by those of the endpoint.
func (r *rewriting) policies(d *Document, e *edits) {
	for n := range d.Root.Descendants() {
		if isPolicySpace(n.Space()) {
			e.remove(n)
		}
		for name := range n.Attrs() {
			if isPolicySpace(name.Space) && name.Local == "PolicyURIs" {
				e.removeAttribute(n, name.Local)
			}
		}
	}
	any := false
	for _, b := range d.Bindings {
		if b.SOAP == "" {
			continue
		}
		any = true
		e.insertAtStart(b.Node, reference(endpointPolicyID))
		for _, o := range b.Operations {
			for _, m := range append([]xmltext.Node{o.Input, o.Output}, o.Faults...) {
				if !m.IsZero() && r.assertions.Message != "" {
					e.insertAtStart(m, reference(messagePolicyID))
				}
			}
		}
	}
	if any {
		e.insertAtEnd(d.Root, r.assertions.Endpoint+r.assertions.Message)
	}
}

func reference(id string) string {
	return `<wsp:PolicyReference xmlns:wsp="` + NamespacePolicy15 + `" URI="#` + id + `"/>`
}

// addressing returns what the WSDL says of WS-Addressing at the ports that stay, in
// the policies of their endpoints (WS-Addressing Metadata 1.0 §3.1: of port,
// binding or port type). Where they differ clients may use it, as all of them get
// one policy.
func (r *rewriting) addressing() Addressing {
	says, first := AddressingUnsaid, true
	for _, d := range r.set.Documents {
		for _, s := range d.Services {
			for _, p := range s.Ports {
				if !r.own[p.Node] {
					continue
				}
				at := r.addressingOf(d, s, p)
				if !first && at != says {
					return AddressingOptional
				}
				says, first = at, false
			}
		}
	}
	return says
}

// addressingOf returns what the policies of one port's endpoint say, and those that
// they name.
func (r *rewriting) addressingOf(d *Document, s Service, p Port) Addressing {
	list := policyList{documents: r.set.Documents, seen: map[xmltext.Node]bool{}}
	list.attachedTo(d, s.Node)
	list.attachedTo(d, p.Node)
	if b, in, ok := FindBinding(r.set.Documents, p.Binding); ok {
		list.attachedTo(in, b.Node)
		if t, of, ok := FindPortType(r.set.Documents, b.Type); ok {
			list.attachedTo(of, t.Node)
		}
	}
	says := AddressingUnsaid
	for i := 0; i < len(list.policies); i++ { // which grows
		in := list.policies[i]
		for n := range in.policy.Descendants() {
			says = max(says, addressingIn(n))
			if uri, ok := n.Attr("", "URI"); ok && IsPolicyElement(n, "PolicyReference") {
				list.add(in.document, uri, xmltext.Node{})
			}
		}
	}
	return says
}

// A policyList holds policies, each once.
type policyList struct {
	documents []*Document
	policies  []policyOf
	seen      map[xmltext.Node]bool
}

type policyOf struct {
	document *Document
	policy   xmltext.Node
}

// attachedTo adds what is attached to n, an element of d.
func (l *policyList) attachedTo(d *Document, n xmltext.Node) {
	for _, a := range d.Attachments(n) {
		l.add(d, a.URI, a.Policy)
	}
}

// add adds a policy of d; if that is zero the one that a reference in d names, if
// there is one.
func (l *policyList) add(d *Document, uri string, policy xmltext.Node) {
	if policy.IsZero() {
		policy, d, _ = FindPolicy(l.documents, d, uri)
	}
	if !policy.IsZero() && !l.seen[policy] {
		l.seen[policy] = true
		l.policies = append(l.policies, policyOf{d, policy})
	}
}

// addressingIn returns what n says of WS-Addressing, an element in a policy.
func addressingIn(n xmltext.Node) Addressing {
	if !n.Is(NamespaceWSAM, "Addressing") && !n.Is(NamespaceWSAW, "UsingAddressing") ||
		!IsPolicyElement(n.Parent(), "All") && !IsPolicyElement(n.Parent(), "Policy") {
		return AddressingUnsaid
	}
	for name, value := range n.Attrs() {
		if isPolicySpace(name.Space) && name.Local == "Optional" && (value == "true" || value == "1") {
			return AddressingOptional
		}
	}
	return AddressingRequired
}

// fill returns a template with an address in the places of the marks, which stand
// in text and between quotes of both kinds.
func fill(template []byte, address string) []byte {
	escaped := bytes.ReplaceAll(xmltext.AppendEscapedAttr(nil, address), []byte("'"), []byte("&#39;"))
	return bytes.ReplaceAll(template, []byte(mark), escaped)
}
