package wsdl

import (
	"errors"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// Namespaces of descriptions.
const (
	NamespaceWSDL   = "http://schemas.xmlsoap.org/wsdl/"
	NamespaceSOAP11 = "http://schemas.xmlsoap.org/wsdl/soap/"
	NamespaceSOAP12 = "http://schemas.xmlsoap.org/wsdl/soap12/"
	NamespaceHTTP   = "http://schemas.xmlsoap.org/wsdl/http/"
	NamespaceSchema = "http://www.w3.org/2001/XMLSchema"

	NamespacePolicy15 = "http://www.w3.org/ns/ws-policy"               // WS-Policy 1.5
	NamespacePolicy12 = "http://schemas.xmlsoap.org/ws/2004/09/policy" // WS-Policy 1.2
	namespacePolicy06 = "http://www.w3.org/2006/07/ws-policy"          // a draft of 1.5, which CXF reads too
	namespaceWSDL20   = "http://www.w3.org/ns/wsdl"                    // WSDL 2.0
	namespaceXML      = "http://www.w3.org/XML/1998/namespace"         // of xml:id
	namespaceWSU      = wss2004 + "-wss-wssecurity-utility-1.0.xsd"    // of wsu:Id
	namespaceWSA      = "http://www.w3.org/2005/08/addressing"         // WS-Addressing 1.0
	wss2004           = "http://docs.oasis-open.org/wss/2004/01/oasis-200401"
)

// Bounds of one document.
const (
	// DefaultMaxDocument limits the octets of a document where nobody sets a limit.
	DefaultMaxDocument = 4 << 20
	// maxLinks limits the links of a document.
	maxLinks = 1024
	// maxPolicies limits the policies of a document, and its references to them.
	maxPolicies = 4096
)

// A Kind is what a document is, by its root element.
type Kind string

const (
	KindWSDL   Kind = "WSDL"   // wsdl:definitions, WSDL 1.1
	KindSchema Kind = "schema" // xsd:schema
	KindPolicy Kind = "policy" // wsp:Policy
)

// A Document is a WSDL, a schema or a policy as it was read. It is not changed
// after [Parse] and safe for concurrent use. Nodes and strings share the memory of
// its source.
type Document struct {
	Name            string // for errors: a file or URL
	Kind            Kind
	TargetNamespace string
	Root            xmltext.Node

	Links     []Link         // in the order of the document
	Services  []Service      // wsdl:service
	Bindings  []Binding      // wsdl:binding
	PortTypes []PortType     // wsdl:portType
	Policies  []xmltext.Node // every outermost wsp:Policy

	byID  map[string]xmltext.Node // wsp:Policy by "#" and wsu:Id or xml:id, and by Name
	lines []int
}

// A Link is an element of a document that names another one.
type Link struct {
	Kind      Kind   // of the other document
	Location  string // its URL, as it is written
	Namespace string
	Node      xmltext.Node // wsdl:import, or xsd:import, xsd:include, xsd:redefine
}

// Attribute returns the name of the attribute that holds the location.
func (l Link) Attribute() string {
	if l.Kind == KindWSDL {
		return "location"
	}
	return "schemaLocation"
}

// A Service is a wsdl:service (WSDL 1.1 §2.7).
type Service struct {
	Name  xmltext.Name
	Node  xmltext.Node
	Ports []Port
}

// A Port is a wsdl:port (WSDL 1.1 §2.6).
type Port struct {
	Name     string
	Binding  xmltext.Name
	Node     xmltext.Node
	Address  xmltext.Node // soap:address, soap12:address or http:address; zero without
	Location string       // of the address
}

// A Binding is a wsdl:binding (WSDL 1.1 §2.5).
type Binding struct {
	Name       xmltext.Name
	Type       xmltext.Name // of the port type
	Node       xmltext.Node
	SOAP       string // namespace of soap:binding, [NamespaceSOAP11] or [NamespaceSOAP12]; "" for another
	Transport  string
	Operations []Operation
}

// A PortType is a wsdl:portType (WSDL 1.1 §2.4).
type PortType struct {
	Name       xmltext.Name
	Node       xmltext.Node
	Operations []Operation
}

// An Operation is a wsdl:operation of a binding or port type. The nodes are zero
// where it has no such message.
type Operation struct {
	Name          string
	Action        string // soapAction, of a binding
	Node          xmltext.Node
	Input, Output xmltext.Node
	Faults        []xmltext.Node
}

// Options bounds [Parse]. The zero value has the defaults.
type Options struct {
	MaxDocument int // octets; zero means [DefaultMaxDocument]
	// Charset is the charset parameter of the Content-Type, if there is one.
	Charset string
}

// Parse reads a document. name is for errors. It refuses what xmltext.Scan does,
// a document type declaration among others; processing instructions are allowed.
// Every error is an [*Error].
func Parse(name string, src []byte, o Options) (*Document, error) {
	if o.MaxDocument <= 0 {
		o.MaxDocument = DefaultMaxDocument
	}
	doc, err := xmltext.Scan(src, xmltext.Options{
		Limits:  xmltext.Limits{MessageBytes: o.MaxDocument, Elements: 200_000, Attributes: 400_000},
		Charset: o.Charset, AllowPI: true, RelativeNamespaces: true,
	})
	if err != nil {
		return nil, scanError(name, src, err)
	}
	d := &Document{Name: name, Root: doc.Root(), byID: map[string]xmltext.Node{}, lines: lineStarts(doc.Source())}
	d.TargetNamespace, _ = d.Root.Attr("", "targetNamespace")
	switch root := d.Root; {
	case root.Is(NamespaceWSDL, "definitions"):
		d.Kind, err = KindWSDL, d.readDefinitions()
	case root.Is(NamespaceSchema, "schema"):
		d.Kind, err = KindSchema, d.readSchema(root)
	case IsPolicyElement(root, "Policy"):
		d.Kind = KindPolicy
	case root.Is(namespaceWSDL20, "description"):
		err = d.Errorf(root, "this is WSDL 2.0; only WSDL 1.1 is known")
	default:
		err = d.Errorf(root, "%.200s is neither wsdl:definitions (WSDL 1.1), xsd:schema nor wsp:Policy", root.Name())
	}
	return d, errors.Join(err, d.readPolicies())
}

// readDefinitions reads the children of wsdl:definitions.
func (d *Document) readDefinitions() error {
	for n := range d.Root.Children() {
		if n.Space() != NamespaceWSDL {
			continue
		}
		var err error
		switch n.Local() {
		case "import":
			err = d.addLink(KindWSDL, n, "location")
		case "types":
			err = d.readTypes(n)
		case "service":
			err = d.readService(n)
		case "binding":
			err = d.readBinding(n)
		case "portType":
			d.PortTypes = append(d.PortTypes, PortType{Name: d.own(n), Node: n, Operations: operations(n)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Document) readTypes(types xmltext.Node) error {
	for n := range types.Children() {
		if n.Is(NamespaceSchema, "schema") {
			if err := d.readSchema(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// readSchema reads what an xsd:schema imports and includes.
func (d *Document) readSchema(schema xmltext.Node) error {
	for n := range schema.Children() {
		if n.Space() != NamespaceSchema {
			continue
		}
		switch n.Local() {
		case "import", "include", "redefine":
			if err := d.addLink(KindSchema, n, "schemaLocation"); err != nil {
				return err
			}
		}
	}
	return nil
}

// addLink adds a link; without a location there is none.
func (d *Document) addLink(kind Kind, n xmltext.Node, attr string) error {
	location, ok := n.Attr("", attr)
	if !ok {
		return nil
	}
	if len(d.Links) >= maxLinks {
		return d.Errorf(n, "more than %d imports in one document", maxLinks)
	}
	namespace, _ := n.Attr("", "namespace")
	d.Links = append(d.Links, Link{kind, strings.TrimSpace(location), namespace, n})
	return nil
}

func (d *Document) readService(n xmltext.Node) error {
	s := Service{Name: d.own(n), Node: n}
	for c := range n.Children() {
		if !c.Is(NamespaceWSDL, "port") {
			continue
		}
		p := Port{Node: c}
		p.Name, _ = c.Attr("", "name")
		var err error
		if p.Binding, err = d.QName(c, "binding"); err != nil {
			return err
		}
		for a := range c.Children() {
			if isBindingSpace(a.Space()) && a.Local() == "address" {
				p.Address = a
				p.Location, _ = a.Attr("", "location")
				break
			}
		}
		s.Ports = append(s.Ports, p)
	}
	d.Services = append(d.Services, s)
	return nil
}

func isBindingSpace(space string) bool {
	return space == NamespaceSOAP11 || space == NamespaceSOAP12 || space == NamespaceHTTP
}

func (d *Document) readBinding(n xmltext.Node) (err error) {
	b := Binding{Name: d.own(n), Node: n, Operations: operations(n)}
	if b.Type, err = d.QName(n, "type"); err != nil {
		return err
	}
	for c := range n.Children() {
		if c.Local() == "binding" && (c.Space() == NamespaceSOAP11 || c.Space() == NamespaceSOAP12) {
			b.SOAP = c.Space()
			b.Transport, _ = c.Attr("", "transport")
			break
		}
	}
	d.Bindings = append(d.Bindings, b)
	return nil
}

// operations returns those of a binding or port type.
func operations(n xmltext.Node) []Operation {
	var all []Operation
	for c := range n.Children() {
		if !c.Is(NamespaceWSDL, "operation") {
			continue
		}
		o := Operation{Node: c, Input: c.Child(NamespaceWSDL, "input"), Output: c.Child(NamespaceWSDL, "output")}
		o.Name, _ = c.Attr("", "name")
		for m := range c.Children() {
			switch {
			case m.Is(NamespaceWSDL, "fault"):
				o.Faults = append(o.Faults, m)
			case m.Local() == "operation" && (m.Space() == NamespaceSOAP11 || m.Space() == NamespaceSOAP12):
				o.Action, _ = m.Attr("", "soapAction")
			}
		}
		all = append(all, o)
	}
	return all
}

// own returns the name of a component of the target namespace.
func (d *Document) own(n xmltext.Node) xmltext.Name {
	local, _ := n.Attr("", "name")
	return xmltext.Name{Space: d.TargetNamespace, Local: local}
}

// QName returns the expanded name in an attribute of n, without prefix of the
// default namespace (XML Schema Part 2 §3.2.18).
func (d *Document) QName(n xmltext.Node, attr string) (xmltext.Name, error) {
	value, ok := n.Attr("", attr)
	if !ok {
		return xmltext.Name{}, d.Errorf(n, "%s has no attribute %s", n.Local(), attr)
	}
	value = strings.TrimSpace(value)
	prefix, local, found := strings.Cut(value, ":")
	if !found {
		prefix, local = "", value
	}
	space, ok := n.LookupNamespace(prefix)
	if !ok || local == "" {
		return xmltext.Name{}, d.Errorf(n, "%s: %.200q is no qualified name of a declared prefix", attr, value)
	}
	return xmltext.Name{Space: space, Local: local}, nil
}

// FindBinding returns the binding of a name among documents, with its document; ok
// is false if none of them has it.
func FindBinding(documents []*Document, name xmltext.Name) (b Binding, in *Document, ok bool) {
	for _, d := range documents {
		for _, b := range d.Bindings {
			if b.Name == name {
				return b, d, true
			}
		}
	}
	return Binding{}, nil, false
}

// FindPortType returns the port type of a name among documents, with its
// document; ok is false if none of them has it.
func FindPortType(documents []*Document, name xmltext.Name) (t PortType, in *Document, ok bool) {
	for _, d := range documents {
		for _, t := range d.PortTypes {
			if t.Name == name {
				return t, d, true
			}
		}
	}
	return PortType{}, nil, false
}
