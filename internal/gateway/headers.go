package gateway

import (
	"net/http"
	"strings"

	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
)

// backendHeader returns the HTTP header of the backend's request: the headers
// of the client that may pass, then those that the gateway writes, which the
// client's thus cannot replace.
func (x *exchange) backendHeader() http.Header {
	rt, client := x.rt, x.r.Header
	h := http.Header{"User-Agent": {"wssgate"}}
	dropped := nominated(client)
	cookies := append(dropTokens(dropped, rt.Tokens.Ever()), x.g.cookies...)
	for _, pass := range rt.pass {
		if values := client[pass.canonical]; len(values) > 0 && !dropped[pass.folded] {
			if pass.folded == "cookie" {
				values = location.WithoutCookies(values, cookies)
			}
			h[pass.canonical] = values
		}
	}
	h.Set("X-Request-Id", x.id)
	soaphttp.SetMedia(h, x.in.Version, x.action)
	if x.in.Version == soap.V11 && x.action != "" {
		h["Soapaction"] = []string{x.action} // with quotes, or as the client has sent it
	}
	x.nameClient(h)
	x.log.span.Call(stageBackend, x.rt.Backend.Host, h)
	return h
}

// nameClient writes the headers that name the client to the backend.
func (x *exchange) nameClient(h http.Header) {
	if subject := clientSubject(x.r); subject != "" && x.rt.CertificateHeader != "" {
		h.Set(x.rt.CertificateHeader, subject)
	}
	if x.principal == "" {
		return
	}
	for _, header := range [...]struct{ name, value string }{
		{x.rt.PrincipalHeader, x.principal}, {x.rt.RealmHeader, x.realm}, {x.rt.GroupsHeader, strings.Join(x.groups, ",")},
	} {
		if header.name != "" {
			h.Set(header.name, header.value)
		}
	}
}

// dropTokens enters the headers that may have a token, and returns the cookies
// that may.
func dropTokens(dropped map[string]bool, places location.Locations) (cookies []string) {
	for _, l := range places {
		if name := l.Header(); name != "" {
			dropped[fold(name)] = true
		}
		if name := l.Cookie(); name != "" {
			cookies = append(cookies, name)
		}
	}
	return cookies
}

// nominated returns the headers that belong to the client's connection because
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

// A passedHeader is the name of a header that a route passes.
type passedHeader struct{ canonical, folded string }

// passable returns the headers of clients that a route passes: a few that
// change the form of the answer alone, and the configured ones, except any that
// a backend could take for one that names the client.
func passable(r *Route) []passedHeader {
	asserted := map[string]bool{fold(r.PrincipalHeader): true, fold(r.RealmHeader): true, fold(r.GroupsHeader): true,
		fold(r.CertificateHeader): true}
	for _, name := range r.AssertedHeaders {
		asserted[fold(name)] = true
	}
	var pass []passedHeader
	for _, name := range append([]string{"Accept", "Accept-Language"}, r.PassHeaders...) {
		if !asserted[fold(name)] {
			pass = append(pass, passedHeader{http.CanonicalHeaderKey(name), fold(name)})
		}
	}
	return pass
}

// fold returns what all spellings of a header have in common that a backend may
// take for one: CGI, WSGI and servlet containers fold case, "-" and "_", and
// some all characters but letters and digits.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(name))
}
