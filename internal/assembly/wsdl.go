package assembly

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/wsdl"
	"github.com/wssgate/wssgate/wssec"
)

// publishWSDL lets a route publish the WSDL of its service, if it is to. A file is
// read at once: what is wrong with it ends the start.
func publishWSDL(cfg *config.Config, i int, c *credential, route *gateway.Route, log *slog.Logger) error {
	r := &cfg.Routes[i]
	if !r.PublishesWSDL() || route.Disabled {
		return nil
	}
	source, single := wsdlSources(r, route)
	wc := wsdl.Config{Source: source, Single: single, Paths: []string{route.Backend.Path, r.Path},
		Log: log.With("route", r.Name()), Addressing: addressingOf(r), Timeout: r.BackendTimeout}
	if r.Standard == config.StandardSOAP {
		wc.Policies = policiesOf(r)
		if len(c.principals) > 0 {
			wc.Identity = wsdl.IdentityOf(c.principals[0])
		}
	}
	var err error
	if route.Description, err = wsdl.NewPublisher(wc); err != nil {
		return cfg.Refuse(i, "wsdl", "cannot say what the policy asks for: "+err.Error(), "")
	}
	route.PublicAddress = r.PublicAddress()
	if _, isFile := source.(wsdl.FileSource); isFile {
		_, _, err = route.Description.Size(context.Background(), "wsdl")
	}
	return refuseFile(cfg, i, err)
}

func refuseFile(cfg *config.Config, i int, err error) error {
	if err == nil {
		return nil
	}
	cure := "correct the file, or give the one that it is"
	if errors.Is(err, fs.ErrNotExist) {
		cure = "write backend, refuse, or the name of a file; what it imports has to be in its directory"
	}
	return cfg.Refuse(i, "wsdl", "cannot be published: "+err.Error(), cure)
}

// wsdlSources returns where the WSDL of a route comes from, and where it may be in
// one document.
func wsdlSources(r *config.Route, route *gateway.Route) (source, single wsdl.Source) {
	if r.WSDL != config.WSDLOfBackend {
		return wsdl.FileSource{File: r.WSDL}, nil
	}
	own := wsdl.HTTPSource{User: route.Backend.User, Hosts: r.WSDLImports, Other: gateway.NewTransport()}
	if own.Own = own.Other; route.Transport != nil {
		own.Own = route.Transport
	}
	backends, _ := r.Backend.All() // setTransport has read them
	for _, b := range backends {
		own.Same = append(own.Same, b.URL)
	}
	at := func(query string) *wsdl.HTTPSource {
		s, u := own, *route.Backend
		u.User = nil // is not for the log
		if u.Path == "" {
			u.Path = r.Path
		}
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += query
		s.URL = &u
		return &s
	}
	return at("wsdl"), at("singleWsdl")
}

// policiesOf returns the policies of a route.
func policiesOf(r *config.Route) []wssec.Policy {
	var all []wssec.Policy
	for _, p := range r.Policy.All() {
		all = append(all, p.Policy)
	}
	return all
}

// addressingOf returns what clients are told about WS-Addressing by reason of the
// route alone.
func addressingOf(r *config.Route) wsdl.Addressing {
	switch {
	case r.WSATo == "required":
		return wsdl.AddressingRequired
	case r.Addressing == "terminate":
		return wsdl.AddressingOptional
	}
	return wsdl.AddressingUnsaid
}
