package wsdl

import (
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// IsPolicyElement reports whether n is the element of WS-Policy with that local
// name, in the namespace of any version.
func IsPolicyElement(n xmltext.Node, local string) bool {
	return isPolicySpace(n.Space()) && n.Local() == local
}

func isPolicySpace(space string) bool {
	return space == NamespacePolicy15 || space == NamespacePolicy12 || space == namespacePolicy06
}

// readPolicies finds the policies of the document and their names.
func (d *Document) readPolicies() error {
	if IsPolicyElement(d.Root, "Policy") {
		return d.addPolicy(d.Root)
	}
	inside := xmltext.Node{} // the outermost policy whose content is passed
	for n := range d.Root.Descendants() {
		if !IsPolicyElement(n, "Policy") {
			continue
		}
		if inside.IsZero() || !inside.Contains(n) {
			inside = n
			if err := d.addPolicy(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Document) addPolicy(n xmltext.Node) error {
	if len(d.Policies) >= maxPolicies {
		return d.Errorf(n, "more than %d policies in one document", maxPolicies)
	}
	d.Policies = append(d.Policies, n)
	for _, name := range []xmltext.Name{{Space: namespaceWSU, Local: "Id"}, {Space: namespaceXML, Local: "id"}} {
		id, ok := n.Attr(name.Space, name.Local)
		if first, twice := d.byID["#"+id]; ok && twice && first != n {
			return d.Errorf(n, "policy %.200q is there twice, first at %v", id, d.Place(first))
		}
		if ok {
			d.byID["#"+id] = n
		}
	}
	if name, ok := n.Attr("", "Name"); ok && d.byID[name].IsZero() {
		d.byID[name] = n
	}
	return nil
}

// An Attachment is a policy that is attached to an element (WS-PolicyAttachment
// §4), by a wsp:Policy in it, a wsp:PolicyReference or an attribute wsp:PolicyURIs.
type Attachment struct {
	URI    string       // of a reference; "" for a policy that stands in the element
	Node   xmltext.Node // wsp:Policy or wsp:PolicyReference; the element itself for wsp:PolicyURIs
	Policy xmltext.Node // zero where the document has none of that URI
}

// Attachments returns the policies that are attached to n, an element of d, in
// the order of the document.
func (d *Document) Attachments(n xmltext.Node) []Attachment {
	var all []Attachment
	for name, value := range n.Attrs() {
		if isPolicySpace(name.Space) && name.Local == "PolicyURIs" {
			for uri := range strings.FieldsSeq(value) {
				all = append(all, Attachment{uri, n, d.PolicyOf(uri)})
			}
		}
	}
	for c := range n.Children() {
		switch {
		case IsPolicyElement(c, "Policy"):
			all = append(all, Attachment{Node: c, Policy: c})
		case IsPolicyElement(c, "PolicyReference"):
			uri, _ := c.Attr("", "URI")
			all = append(all, Attachment{uri, c, d.PolicyOf(uri)})
		}
	}
	return all
}

// PolicyOf returns the policy of a reference: "#id" of a policy of the document,
// or the Name of one; the zero node if there is none.
func (d *Document) PolicyOf(uri string) xmltext.Node { return d.byID[strings.TrimSpace(uri)] }

// FindPolicy returns the policy of a reference in document d: one of d, or one of
// that Name in any of the documents, with its document; ok is false if there is
// none.
func FindPolicy(documents []*Document, d *Document, uri string) (policy xmltext.Node, in *Document, ok bool) {
	if p := d.PolicyOf(uri); !p.IsZero() {
		return p, d, true
	}
	if strings.HasPrefix(uri, "#") {
		return xmltext.Node{}, nil, false
	}
	for _, o := range documents {
		if p := o.PolicyOf(uri); !p.IsZero() {
			return p, o, true
		}
	}
	return xmltext.Node{}, nil, false
}
