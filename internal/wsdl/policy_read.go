package wsdl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A PortPolicy is what the policies of a port ask for, as a route has it. Its
// zero value asks for nothing.
type PortPolicy struct {
	// Policies are those of requests, one for each kind of message that a client
	// may send; each passes [wssec.Policy.Validate]. None where Negotiate is set,
	// and where nothing could be read.
	Policies []wssec.Policy
	// UnprotectedBootstrap is set if one of them has a Bootstrap that signs no
	// Body, which a route has to allow.
	UnprotectedBootstrap bool
	// Negotiate is set if clients authenticate by HTTP Negotiate, and the message
	// has no protection of its own.
	Negotiate bool
	// NeedsTLS is set if one of the policies has the transport binding.
	NeedsTLS bool
	// Addressing is where the use of WS-Addressing is asked for or allowed; zero
	// where it is not.
	Addressing Place
	// Attached are the places of the policies that are attached to the port, in
	// the order of service, port, binding, port type, operations and messages. It
	// is empty if the port has no policy.
	Attached []Place

	// Lacks are the assertions that wssgate does not have, and what contradicts
	// itself: alternatives that have them are not among Policies.
	Lacks []Finding
	// Notes are what somebody who uses the policies should know.
	Notes []Finding
}

// A Finding is something about an element of a policy.
type Finding struct {
	Place Place
	Text  string
}

// String returns place and text.
func (f Finding) String() string { return f.Place.String() + ": " + f.Text }

// A PolicyReader reads the policies of ports. It is not safe for concurrent use.
type PolicyReader struct {
	normalizer *normalizer
	messages   map[xmltext.Name]subject // wsdl:message
	fromWCF    bool
}

// NewPolicyReader returns a [PolicyReader] for ports in these documents, which
// import each other. They must not be changed as long as it is in use.
func NewPolicyReader(documents []*Document) *PolicyReader {
	r := &PolicyReader{
		normalizer: &normalizer{documents: documents, known: map[subject]map[string][]alternative{}},
		messages:   map[xmltext.Name]subject{},
		fromWCF:    slices.ContainsFunc(documents, (*Document).isFromWCF),
	}
	for _, d := range documents {
		for n := range d.Root.Children() {
			name := d.own(n)
			if _, twice := r.messages[name]; n.Is(NamespaceWSDL, "message") && !twice {
				r.messages[name] = subject{d, n}
			}
		}
	}
	return r
}

// Read reads the policies of port p of service s in document d, which is one of
// those of the reader, as WS-Policy 1.2 and 1.5 with WS-SecurityPolicy 1.1, 1.2 and
// 1.3. The effective policy of each request and reply is made of those of all
// subjects that it belongs to (WS-PolicyAttachment §4.1). The error is an [*Error]
// where a policy has no normal form within bounds, or a port no binding; whatever
// can be read and not be used is in Lacks.
func (r *PolicyReader) Read(d *Document, s Service, p Port) (*PortPolicy, error) {
	one := &policyReader{
		PolicyReader: r, normalizer: r.normalizer,
		memo: map[string][]wssec.Policy{}, result: &PortPolicy{}, said: map[Finding]bool{},
	}
	e, err := one.endpoint(d, s, p)
	if err != nil {
		return nil, err
	}
	if err := one.readMessages(e); err != nil {
		return nil, err
	}
	return one.result, nil
}

// isFromWCF reports whether WCF wrote the document, which declares this prefix in
// each.
func (d *Document) isFromWCF() bool {
	space, _ := d.Root.LookupNamespace("msc")
	return space == "http://schemas.microsoft.com/ws/2005/12/wsdl/contract"
}

// A policyReader reads the policies of one port.
type policyReader struct {
	*PolicyReader
	*normalizer
	memo   map[string][]wssec.Policy // by what is attached
	result *PortPolicy
	said   map[Finding]bool
}

// lack notes that wssgate does not have something.
func (r *policyReader) lack(f Finding) {
	if !r.said[f] {
		r.said[f] = true
		r.result.Lacks = append(r.result.Lacks, f)
	}
}

// note notes something for whoever uses the policy.
func (r *policyReader) note(f Finding) {
	if !r.said[f] {
		r.said[f] = true
		r.result.Notes = append(r.result.Notes, f)
	}
}

// A subject is an element of a document to which policies may be attached.
type subject struct {
	in   *Document
	node xmltext.Node
}

// An endpoint is a port with what its policies are attached to.
type endpoint struct {
	port       subject
	subjects   []subject // the service, and those of the endpoint policy subject
	operations []endpointOperation
}

type endpointOperation struct {
	name          string
	subjects      []subject
	input, output []subject
}

// maxOperations bounds the operations of a port type and of a binding.
const maxOperations = 2000

// endpoint finds the subjects of a port.
func (r *policyReader) endpoint(d *Document, s Service, p Port) (*endpoint, error) {
	binding, in, ok := FindBinding(r.documents, p.Binding)
	if !ok {
		return nil, d.Errorf(p.Node, "there is no binding %.200s in the documents read", p.Binding)
	}
	e := &endpoint{port: subject{d, p.Node}, subjects: []subject{{d, s.Node}, {d, p.Node}, {in, binding.Node}}}
	portType, of, ok := FindPortType(r.documents, binding.Type)
	if !ok {
		return nil, in.Errorf(binding.Node, "there is no port type %.200s in the documents read", binding.Type)
	}
	if len(binding.Operations) > maxOperations || len(portType.Operations) > maxOperations {
		return nil, in.Errorf(binding.Node, "there are more than %d operations", maxOperations)
	}
	e.subjects = append(e.subjects, subject{of, portType.Node})
	for _, op := range binding.Operations {
		o := endpointOperation{name: op.Name, subjects: []subject{{in, op.Node}}}
		o.input, o.output = subjectOf(in, op.Input), subjectOf(in, op.Output)
		if i := slices.IndexFunc(portType.Operations, func(x Operation) bool { return x.Name == op.Name }); i >= 0 {
			abstract := portType.Operations[i]
			o.subjects = append(o.subjects, subject{of, abstract.Node})
			o.input = append(o.input, r.messageSubjects(of, abstract.Input)...)
			o.output = append(o.output, r.messageSubjects(of, abstract.Output)...)
		}
		e.operations = append(e.operations, o)
	}
	return e, nil
}

func subjectOf(d *Document, n xmltext.Node) []subject {
	if n.IsZero() {
		return nil
	}
	return []subject{{d, n}}
}

// messageSubjects returns an input or output of a port type, and the wsdl:message
// that it names.
func (r *policyReader) messageSubjects(d *Document, n xmltext.Node) []subject {
	list := subjectOf(d, n)
	if len(list) == 0 {
		return nil
	}
	name, err := d.QName(n, "message")
	if err != nil {
		return list
	}
	if m, ok := r.messages[name]; ok {
		list = append(list, m)
	}
	return list
}

// readMessages reads the policies of all requests and replies. A route has one set of
// policies, for all operations and in both directions.
func (r *policyReader) readMessages(e *endpoint) error {
	if len(e.operations) == 0 {
		e.operations = []endpointOperation{{}}
	}
	var first string
	for i, o := range e.operations {
		shared := slices.Concat(e.subjects, o.subjects)
		request, err := r.effective(slices.Concat(shared, o.input))
		if err != nil {
			return err
		}
		if i == 0 {
			r.result.Policies, first = request, keysOf(request)
		} else if keysOf(request) != first {
			r.differ(o.input, o.subjects, fmt.Sprintf("the policy of requests of operation %.100q is not that of %.100q: a "+
				"route has one for all operations", o.name, e.operations[0].name))
		}
		if len(o.output) == 0 {
			continue // one-way
		}
		reply, err := r.effective(slices.Concat(shared, o.output))
		if err != nil {
			return err
		}
		if keysOf(reply) != keysOf(request) {
			r.differ(o.output, o.subjects, fmt.Sprintf("the policy of replies of operation %.100q is not that of its "+
				"requests: a route protects both alike", o.name))
		}
	}
	r.finish(e)
	return nil
}

// differ notes that the policy of a message is another one; the first of subjects
// is its place.
func (r *policyReader) differ(message, operation []subject, text string) {
	at := slices.Concat(message, operation)[0]
	r.lack(Finding{at.in.Place(at.node), text})
}

// finish sums up what the policies ask for.
func (r *policyReader) finish(e *endpoint) {
	if len(r.result.Attached) > 0 && len(r.result.Policies) == 0 && len(r.result.Lacks) == 0 && !r.result.Negotiate {
		r.lack(Finding{e.port.in.Place(e.port.node), "no alternative of the policy protects messages"})
	}
	if len(r.result.Policies) > 0 && r.result.Negotiate {
		r.lack(Finding{e.port.in.Place(e.port.node), "one alternative authenticates clients by HTTP Negotiate and " +
			"another by " +
			"a token in the message: a route follows one of the two standards"})
		r.result.Negotiate = false
	}
	name, _ := e.port.node.Attr("", "name")
	for i := range r.result.Policies {
		p := &r.result.Policies[i]
		if p.Name = wordOf(name); len(r.result.Policies) > 1 {
			p.Name = fmt.Sprintf("%s %d", wordOf(name), i+1)
		}
		r.result.NeedsTLS = r.result.NeedsTLS || needsTLS(*p)
		r.result.UnprotectedBootstrap = r.result.UnprotectedBootstrap || p.Bootstrap != nil && isUnprotected(*p.Bootstrap)
	}
	if len(r.result.Policies) < 2 {
		return
	}
	var names []string
	for _, p := range r.result.Policies {
		names = append(names, p.Name)
	}
	if _, err := wssec.NewChoice(names, r.result.Policies); err != nil {
		r.lack(Finding{e.port.in.Place(e.port.node), "wssgate cannot tell the alternatives of the policy by what a message " +
			"carries in clear: " + err.Error()})
		r.result.Policies = nil
	}
}

func needsTLS(p wssec.Policy) bool {
	return p.NeedsTLS() || p.Bootstrap != nil && (p.Bootstrap.NeedsTLS() || isUnprotected(*p.Bootstrap))
}

// isUnprotected reports whether a bootstrap policy leaves the Body to TLS although
// its binding does not.
func isUnprotected(p wssec.Policy) bool {
	return p.Binding == wssec.SymmetricBinding && !p.SignedParts.Body && !p.EncryptedParts.Body
}

// wordOf returns a name of at most 64 octets of printable text.
func wordOf(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == 0x2028 || c == 0x2029 || c == 0x85 {
			return ' '
		}
		return c
	}, s)
	return strings.ToValidUTF8(s[:min(len(s), 64)], "")
}

// An attached is a policy that is attached to an element of a document.
type attached struct {
	in *Document
	Attachment
}

// effective returns the policies of a message, of all that is attached to its
// subjects.
func (r *policyReader) effective(subjects []subject) ([]wssec.Policy, error) {
	all, err := r.attachedTo(subjects)
	if err != nil {
		return nil, err
	}
	key := &strings.Builder{}
	for _, a := range all {
		fmt.Fprintf(key, "%p %d %s\n", a.in, a.Node.Offset(), a.URI)
	}
	if known, ok := r.memo[key.String()]; ok {
		return known, nil
	}
	alternatives := []alternative{{}}
	for _, a := range all {
		more, err := r.alternativesOf(a.in, a.Attachment)
		if err != nil {
			return nil, err
		}
		if alternatives, err = r.product(a.in, a.Node, alternatives, more); err != nil {
			return nil, err
		}
		if len(alternatives) == 0 {
			r.lack(Finding{a.in.Place(a.Node), "the policy has no alternative: nobody can meet it"})
		}
	}
	policies, err := r.translate(alternatives)
	r.memo[key.String()] = policies
	return policies, err
}

// attachedTo returns what is attached to subjects, and reads what else they have.
func (r *policyReader) attachedTo(subjects []subject) ([]attached, error) {
	var all []attached
	for _, s := range subjects {
		if err := r.step(s.in, s.node, 1); err != nil {
			return nil, err
		}
		if err := unknownPolicies(s); err != nil {
			return nil, err
		}
		for _, a := range s.in.Attachments(s.node) {
			all = append(all, attached{s.in, a})
		}
		r.extensions(s)
	}
	return all, nil
}

// alternativesOf returns the alternatives of one attachment, and remembers its place.
func (r *policyReader) alternativesOf(d *Document, a Attachment) ([]alternative, error) {
	place := d.Place(a.Node)
	if policy, in, ok := FindPolicy(r.documents, d, a.URI); a.URI != "" && ok {
		place = in.Place(policy)
	}
	if !slices.Contains(r.result.Attached, place) {
		r.result.Attached = append(r.result.Attached, place)
	}
	key := subject{d, a.Node}
	if known, ok := r.known[key][a.URI]; ok {
		return known, nil
	}
	alternatives, err := r.attachment(d, a)
	if err == nil {
		if r.known[key] == nil {
			r.known[key] = map[string][]alternative{}
		}
		r.known[key][a.URI] = alternatives
	}
	return alternatives, err
}

// unknownPolicies refuses policies of a version that wssgate does not know, which
// would otherwise not be seen.
func unknownPolicies(s subject) error {
	for c := range s.node.Children() {
		if local := c.Local(); (local == "Policy" || local == "PolicyReference") && !isPolicySpace(c.Space()) {
			return s.in.Errorf(c, "%s: %.200q is the namespace of no version of WS-Policy that wssgate knows", local, c.Space())
		}
	}
	return nil
}

// extensions reads the extensibility elements of a subject that stand outside of
// policies: WS-Addressing (WS-Addressing WSDL Binding §3.1), and what is mandatory
// and not known (WSDL 1.1 §2.1.3).
func (r *policyReader) extensions(s subject) {
	for c := range s.node.Children() {
		if isAddressing(c) {
			r.addressing(s.in.Place(c))
			continue
		}
		required, _ := c.Attr(NamespaceWSDL, "required")
		if trimmed(required) == "true" && c.Space() != NamespaceWSDL && !isBindingSpace(c.Space()) &&
			!isPolicySpace(c.Space()) {
			r.lack(Finding{s.in.Place(c), fmt.Sprintf("%.200s is mandatory and wssgate does not know it", c.Name())})
		}
	}
}

// addressing notes where WS-Addressing is asked for first.
func (r *policyReader) addressing(at Place) {
	if r.result.Addressing == (Place{}) {
		r.result.Addressing = at
	}
}

func trimmed(s string) string { return strings.Trim(s, " \t\r\n") }
