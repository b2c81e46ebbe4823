package gateway

import (
	"net/http"
	"strings"

	"github.com/wssgate/wssgate/soap"
)

// backendHeader makes the HTTP header of the backend's request from nothing:
// what the message is, who sent it, and those client headers that may pass.
func (rt *route) backendHeader(client http.Header, m media, principal, realm, id string) http.Header {
	h := http.Header{"User-Agent": {"wssgate"}, "X-Request-Id": {id}}
	for _, name := range rt.pass {
		if values := client.Values(name); len(values) > 0 {
			h[http.CanonicalHeaderKey(name)] = values
		}
	}
	if m.version == soap.V12 {
		h.Set("Content-Type", contentType12(m.action))
	} else {
		h.Set("Content-Type", soap.V11.ContentType())
		h.Set("SOAPAction", m.action)
	}
	if rt.PrincipalHeader != "" {
		h.Set(rt.PrincipalHeader, principal)
	}
	if rt.RealmHeader != "" {
		h.Set(rt.RealmHeader, realm)
	}
	return h
}

// contentType12 carries the action as a quoted string (RFC 3902 §2.1).
func contentType12(action string) string {
	if action == "" {
		return soap.V12.ContentType()
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	return soap.V12.ContentType() + `; action="` + quote.Replace(action) + `"`
}

// passable gives the client headers that a route passes: a few that change
// nothing but the form of the answer, and the configured ones, except any that
// a backend could take for one that the gateway asserts. CGI, WSGI and servlet
// containers fold case, "-" and "_".
func passable(r *Route) []string {
	asserted := map[string]bool{fold(r.PrincipalHeader): true, fold(r.RealmHeader): true}
	var pass []string
	for _, name := range append([]string{"Accept", "Accept-Language"}, r.PassHeaders...) {
		if !asserted[fold(name)] {
			pass = append(pass, name)
		}
	}
	return pass
}

func fold(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }
