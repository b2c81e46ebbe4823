package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/wsdl"
)

// Config is what to import, and what no WSDL says. Only Source is required.
type Config struct {
	Source string    // file or http(s) URL of the WSDL; "-" is Stdin
	Stdin  io.Reader // where Source is "-"
	Allow  []string  // folders and URLs under which imports may stand too

	Routes []string // paths of the routes to write; empty for all

	Backend string // URL of the service behind the gateway; without a path, that of each route is added
	Address string // public URL of the gateway, likewise; empty: the addresses of the WSDL
	// Keytab, Service, TLSCert, TLSKey, TLSOffloaded, Listen and ListenTLS are
	// settings of the same names; ListenTLS is the address of the listener with
	// TLS. Service overrides the identity in the WSDL.
	Keytab, Service   string
	TLSCert, TLSKey   string
	TLSOffloaded      bool
	Listen, ListenTLS string
	Addressing        string // pass or terminate, for ports with WS-Addressing; empty: terminate

	// Partial makes Import leave out what wssgate does not have.
	Partial bool
}

// A Problem is an [Import] that found what wssgate does not have, or what
// contradicts itself, in the order of the documents.
type Problem struct{ Findings []wsdl.Finding }

// Error returns one line for each finding.
func (p *Problem) Error() string {
	var lines []string
	for i, f := range p.Findings {
		if i == maxFindings {
			lines = append(lines, fmt.Sprintf("and %d more", len(p.Findings)-i))
			break
		}
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// An ArgumentError is an [Import] whose Config names what is not there: a file, a
// folder, or the path of no route. Of what is read none is one.
type ArgumentError struct{ Err error }

func (e *ArgumentError) Error() string { return e.Err.Error() }
func (e *ArgumentError) Unwrap() error { return e.Err }

// maxFindings bounds the findings of one message.
const maxFindings = 100

// Import returns a configuration file with a route for each port that has a
// policy. The error is a [*Problem] where the WSDL asks for what wssgate does not
// have, unless c.Partial is set: the file then has comments in their place. It is an
// [*ArgumentError] where c names what is not there. It is an error, Partial or not,
// if no route is left, if a document cannot be read, or if package config refuses
// the file.
func Import(ctx context.Context, c Config) ([]byte, error) {
	f := newFetcher(c)
	documents, err := f.fetchAll(ctx)
	if err != nil {
		return nil, err
	}
	r := &router{Config: c, documents: documents, reader: wsdl.NewPolicyReader(documents), lacks: f.lacks}
	if err := r.readPorts(); err != nil {
		return nil, err
	}
	if len(r.lacks) > 0 && !c.Partial {
		return nil, &Problem{r.lacks}
	}
	if len(r.routes) == 0 {
		return nil, errors.Join(r.noRoute(), problemOf(r.lacks))
	}
	text := r.write()
	if _, err := config.Parse("the configuration", text); err != nil {
		return nil, fmt.Errorf("%s makes a configuration that wssgate refuses:\n%w", documents[0].Name, err)
	}
	return text, nil
}

// problemOf returns the findings as an error, nil without any.
func problemOf(findings []wsdl.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	return &Problem{findings}
}

// noRoute says why there is no route.
func (r *router) noRoute() error {
	name := r.documents[0].Name
	switch {
	case len(r.Routes) > 0:
		return &ArgumentError{fmt.Errorf("%s: no port with a policy has one of the paths %s; the ports have %s", name,
			strings.Join(r.Routes, ", "), some(r.paths()))}
	case r.ports == 0:
		return fmt.Errorf("%s: there is no port of a service", name)
	}
	return fmt.Errorf("%s: no port has a policy that wssgate has", name)
}

// paths returns the paths of the addresses of all ports, each once.
func (r *router) paths() []string {
	var all []string
	for _, d := range r.documents {
		for _, s := range d.Services {
			for _, p := range s.Ports {
				if u, problem := addressOf(p); problem == "" && !slices.Contains(all, u.Path) {
					all = append(all, u.Path)
				}
			}
		}
	}
	return all
}

// some returns the first of a list as text, and how many more there are.
func some(list []string) string {
	const most = 10
	switch {
	case len(list) == 0:
		return "none"
	case len(list) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}
