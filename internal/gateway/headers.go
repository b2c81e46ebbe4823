package gateway

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/wssgate/wssgate/soap"
)

// backendHeader makes the HTTP header of the backend's request from nothing:
// those client headers that may pass, then what the message is and who sent
// it, which therefore nothing of the client's can replace.
func (x *exchange) backendHeader() http.Header {
	rt, client := x.rt, x.r.Header
	h := http.Header{"User-Agent": {"wssgate"}}
	dropped := nominated(client)
	for _, name := range rt.pass {
		if values := client.Values(name); len(values) > 0 && !dropped[fold(name)] {
			h[http.CanonicalHeaderKey(name)] = values
		}
	}
	h.Set("X-Request-Id", x.id)
	if x.in.version == soap.V12 {
		h.Set("Content-Type", contentType12(x.action))
	} else {
		h.Set("Content-Type", soap.V11.ContentType())
		h.Set("SOAPAction", cmp.Or(x.action, `""`)) // SOAP 1.1 §6.1.1: required; "" says that the URL tells
	}
	if rt.PrincipalHeader != "" && x.principal != "" {
		h.Set(rt.PrincipalHeader, x.principal)
	}
	if rt.RealmHeader != "" && x.principal != "" {
		h.Set(rt.RealmHeader, x.realm)
	}
	return h
}

// nominated gives the headers that belong to the client's connection because
// Connection names them (RFC 9110 §7.6.1).
func nominated(client http.Header) map[string]bool {
	names := map[string]bool{}
	for _, line := range client.Values("Connection") {
		for name := range strings.SplitSeq(line, ",") {
			names[fold(strings.TrimSpace(name))] = true
		}
	}
	return names
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
