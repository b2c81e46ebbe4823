package importer

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/wsdl"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A router makes routes of ports.
type router struct {
	Config
	documents []*wsdl.Document
	reader    *wsdl.PolicyReader

	ports   int
	routes  []*route
	lacks   []wsdl.Finding
	skipped []wsdl.Finding // ports that need no route
}

// A route is what several ports with one address and one policy have in common.
type route struct {
	path  string
	tls   bool
	ports []port

	policies  []wssec.Policy
	attached  []wsdl.Place // where the policies stand
	negotiate bool
	bootstrap bool // signs no Body
	actions   []actionPair
	uses      wsdl.Place // of WS-Addressing; zero without
	identity  identity
	notes     []wsdl.Finding
}

// A port is one of a route.
type port struct {
	name, service string
	at            wsdl.Place
	location      string
	locationAt    wsdl.Place
}

// readPorts makes routes of the ports of all services.
func (r *router) readPorts() error {
	for _, d := range r.documents {
		r.external(d)
		for _, s := range d.Services {
			for _, p := range s.Ports {
				r.ports++
				if r.ports > maxPorts {
					return d.Errorf(p.Node, "there are more than %d ports", maxPorts)
				}
				r.readPort(d, s, p)
			}
		}
	}
	return nil
}

// external names policies that are attached from outside of what they are for (WS-
// PolicyAttachment §3.4).
func (r *router) external(d *wsdl.Document) {
	for n := range d.Root.Children() {
		if wsdl.IsPolicyElement(n, "PolicyAttachment") {
			r.lack(d.Place(n), "PolicyAttachment: wssgate reads policies where they are attached to ports, bindings, "+
				"operations "+
				"and messages")
		}
	}
}

// maxPorts bounds the ports of one import.
const maxPorts = 1000

// skip notes that a port needs no route.
func (r *router) skip(d *wsdl.Document, p wsdl.Port, why string) {
	r.skipped = append(r.skipped, wsdl.Finding{Place: d.Place(p.Node), Text: "port " + p.Name + " " + why})
}

// lack notes that a port cannot have the route that the WSDL asks for.
func (r *router) lack(at wsdl.Place, format string, args ...any) {
	f := wsdl.Finding{Place: at, Text: fmt.Sprintf(format, args...)}
	if !slices.Contains(r.lacks, f) {
		r.lacks = append(r.lacks, f)
	}
}

// readPort makes a route of a port, or adds it to one.
func (r *router) readPort(d *wsdl.Document, s wsdl.Service, p wsdl.Port) {
	binding, _, ok := wsdl.FindBinding(r.documents, p.Binding)
	switch u, problem := addressOf(p); {
	case ok && binding.SOAP == "":
		r.skip(d, p, "is none of SOAP")
	case ok && !isHTTP(binding.Transport):
		r.skip(d, p, fmt.Sprintf("is not reached by HTTP: its transport is %.200q", binding.Transport))
	case problem == "" && len(r.Routes) > 0 && !slices.Contains(r.Routes, u.Path):
	default:
		if policy := r.policyOf(d, s, p); policy != nil && problem != "" {
			r.lack(addressPlace(d, p), "port %.100q: %s", p.Name, problem)
		} else if policy != nil {
			r.add(r.routeOf(d, s, p, binding, policy, u))
		}
	}
}

// addressPlace returns the place of a port's address, or of the port if it has none.
func addressPlace(d *wsdl.Document, p wsdl.Port) wsdl.Place {
	if p.Address.IsZero() {
		return d.Place(p.Node)
	}
	return d.Place(p.Address)
}

// policyOf returns the policy of a port, nil if there is none that wssgate has, and
// notes why.
func (r *router) policyOf(d *wsdl.Document, s wsdl.Service, p wsdl.Port) *wsdl.PortPolicy {
	policy, err := r.reader.Read(d, s, p)
	if err != nil {
		r.lackError(d.Place(p.Node), err)
		return nil
	}
	for _, f := range policy.Lacks {
		r.lack(f.Place, "%s", f.Text)
	}
	if len(policy.Attached) == 0 {
		r.skip(d, p, "has no policy")
	}
	if len(policy.Policies) == 0 && !policy.Negotiate {
		return nil
	}
	return policy
}

// routeOf returns the route of a port with that policy, at u.
func (r *router) routeOf(d *wsdl.Document, s wsdl.Service, p wsdl.Port, binding wsdl.Binding, policy *wsdl.PortPolicy,
	u *url.URL) *route {
	e := &route{
		path: u.Path, tls: policy.NeedsTLS || u.Scheme == "https",
		ports:    []port{{p.Name, s.Name.Local, d.Place(p.Node), p.Location, addressPlace(d, p)}},
		policies: policy.Policies, attached: policy.Attached, negotiate: policy.Negotiate,
		bootstrap: policy.UnprotectedBootstrap, uses: policy.Addressing, notes: policy.Notes,
		identity: identityOf(d, p.Node),
	}
	if policy.Addressing != (wsdl.Place{}) {
		e.actions = replyActions(r.documents, binding)
	}
	return e
}

// lackError notes an error about a port, with its own place if it has one.
func (r *router) lackError(at wsdl.Place, err error) {
	var e *wsdl.Error
	if errors.As(err, &e) {
		r.lack(e.Place, "%v", e.Err)
		return
	}
	r.lack(at, "%v", err)
}

// isHTTP reports whether a binding's transport is HTTP, which it is for SOAP 1.2
// without any too (WSDL 1.1 binding for SOAP 1.2 §2.1).
func isHTTP(transport string) bool {
	return transport == "http://schemas.xmlsoap.org/soap/http" || transport == "" ||
		transport == "http://www.w3.org/2003/05/soap/bindings/HTTP/"
}

// addressOf returns the URL of a port, or what is wrong with it.
func addressOf(p wsdl.Port) (u *url.URL, problem string) {
	u, err := url.Parse(strings.TrimSpace(p.Location))
	switch {
	case p.Location == "":
		return nil, "has no soap:address"
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Sprintf("its address %.200q is no http or https URL", p.Location)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, fmt.Sprintf("its address %.200q has a query, a fragment or a user, by which no route is found",
			p.Location)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, ""
}

// add adds a route, or its port to the route that has its path.
func (r *router) add(more *route) {
	for _, old := range r.routes {
		if old.path != more.path || old.tls != more.tls {
			continue
		}
		p := more.ports[0]
		switch {
		case old.negotiate != more.negotiate:
			r.lack(p.at, "port %.100q has the path of %.100q, and a route follows one standard: HTTP Negotiate or WS-Security",
				p.name, old.ports[0].name)
		case old.identity.service != more.identity.service:
			r.lack(p.at, "port %.100q has the path of %.100q, and another service principal", p.name, old.ports[0].name)
		case r.share(old, more):
			old.ports = append(old.ports, p)
			old.join(more)
		}
		return
	}
	r.routes = append(r.routes, more)
}

// share gives the route the policies of another port, and reports whether a message
// is for one of them.
func (r *router) share(old, more *route) bool {
	policies := slices.Clone(old.policies)
	for _, p := range more.policies {
		same := slices.ContainsFunc(policies, func(q wssec.Policy) bool { return wsdl.SamePolicy(p, q) })
		if !same {
			policies = append(policies, p)
		}
	}
	var names []string
	for _, p := range policies {
		names = append(names, p.Name)
	}
	if _, err := wssec.NewChoice(names, policies); len(policies) > 1 && err != nil {
		r.lack(more.ports[0].at, "port %.100q has the path of %.100q, and wssgate cannot tell their messages: %v",
			more.ports[0].name, old.ports[0].name, err)
		return false
	}
	old.policies = policies
	return true
}

// join adds what another port of the route has.
func (old *route) join(more *route) {
	old.bootstrap = old.bootstrap || more.bootstrap
	if old.uses == (wsdl.Place{}) {
		old.uses = more.uses
	}
	for _, a := range more.attached {
		if !slices.Contains(old.attached, a) {
			old.attached = append(old.attached, a)
		}
	}
	for _, f := range more.notes {
		if !slices.Contains(old.notes, f) {
			old.notes = append(old.notes, f)
		}
	}
	for _, a := range more.actions {
		if !slices.ContainsFunc(old.actions, func(b actionPair) bool { return b.input == a.input }) {
			old.actions = append(old.actions, a)
		}
	}
}

// addressesOf returns the public URLs of a route, each once, those that can stand in
// a wsa:To.
func (r *router) addressesOf(e *route) []string {
	if r.Address != "" {
		return []string{withPath(r.Address, e.path)}
	}
	var list []string
	for _, p := range e.ports {
		location := strings.TrimSpace(p.location)
		if _, err := soap.NormalAddress(location); err == nil && !slices.Contains(list, location) {
			list = append(list, location)
		}
	}
	return list
}

// backendOf returns the URL of the service behind a route.
func (r *router) backendOf(e *route) string {
	if r.Backend != "" {
		return withPath(r.Backend, e.path)
	}
	return withPath("http://backend.invalid", e.path) // a name that never exists (RFC 2606 §2)
}

// withPath returns a URL, with that path if it has none.
func withPath(text, path string) string {
	u, err := url.Parse(text)
	if err != nil || u.Path != "" && u.Path != "/" || u.Host == "" {
		return text
	}
	u.Path = path
	return u.String()
}
