package config

import (
	"fmt"
	"net/url"
	"strings"
)

// Values of Route.WSDL beside the name of a file.
const (
	WSDLRefused   = "refuse"
	WSDLOfBackend = "backend"
)

// PublishesWSDL reports whether clients get a description of the route's service.
func (r *Route) PublishesWSDL() bool { return r.WSDL != WSDLRefused && r.Standard != StandardHTTP }

// wsdl checks what a route publishes.
func (k *checker) wsdl(r *Route) {
	for _, host := range r.WSDLImports {
		if u, err := url.Parse("//" + host); err != nil || u.Host != host || host == "" || u.User != nil {
			k.find("wsdl-imports", fmt.Sprintf("%q is not a host", host), "write it as www.example.com or www.example.com:8080")
		}
	}
	switch u, err := url.Parse(r.WSDLAddress); {
	case r.WSDLAddress == "":
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.ContainsAny(r.WSDLAddress, "?# "):
		k.find("wsdl-address", fmt.Sprintf("%q is not the URL of a service", r.WSDLAddress),
			"write it as https://gate.example.com/service, without query")
	}
	if r.WSDL == WSDLRefused && len(r.WSDLImports) > 0 {
		k.find("wsdl-imports", "has no use without a WSDL", "set wsdl: backend, or remove it")
	}
	if r.WSDL == WSDLRefused && r.WSDLAddress != "" {
		k.find("wsdl-address", "has no use without a WSDL", "set wsdl: backend, or remove it")
	}
	if r.WSDL != WSDLRefused && r.WSDL != WSDLOfBackend && len(r.WSDLImports) > 0 {
		k.find("wsdl-imports", "has no use with a WSDL in a file, whose imports are files of its directory",
			"put what it imports there, and remove it")
	}
	if r.PublishesWSDL() && !r.TokenLocation.All().HasSecurityHeader() {
		k.find("wsdl", "cannot tell clients where their tokens have to be: no assertion of WS-SecurityPolicy says "+
			"token-location", "write wsdl: refuse, and give clients the WSDL yourself")
	}
}

// PublicAddress returns the URL of the route that its WSDL has, "" for that of
// each request.
func (r *Route) PublicAddress() string {
	if r.WSDLAddress != "" {
		return r.WSDLAddress
	}
	for _, address := range r.Addresses {
		if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
			return address
		}
	}
	return ""
}
