package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/wssgate/wssgate/internal/wsdl"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// metadataPath is what WCF has behind the path of a service for
// WS-MetadataExchange.
const metadataPath = "/mex"

// asksForDescription reports whether a request asks for the description of a
// route that publishes one.
func (rt *route) asksForDescription(r *http.Request) bool {
	return rt.Description != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		wsdl.IsQuery(r.URL.RawQuery)
}

// describe answers a request for the description of a service, to anybody. Its
// addresses are those of the route.
func (g *Gateway) describe(w http.ResponseWriter, r *http.Request, rt *route) {
	x := g.begin(w, r, rt)
	defer x.leave()
	defer x.flush()
	defer x.end()
	defer x.recovered()
	document, err := x.description()
	if err != nil {
		x.send(x.refuse(err))
		return
	}
	x.w.Header().Set("Cache-Control", "no-store") // it may name the host that this client has named
	x.w.Header().Set("X-Content-Type-Options", "nosniff")
	x.send(answer{status: http.StatusOK, version: soap.V11, body: document})
}

// description returns the document that a request asks for. Its memory is the
// exchange's.
func (x *exchange) description() ([]byte, error) {
	if err := x.enter(); err != nil {
		return nil, err
	}
	if err := x.checkEnabled(); err != nil {
		return nil, err
	}
	if err := x.checkRates(); err != nil {
		return nil, err
	}
	address, err := x.publicAddress()
	if err != nil {
		return nil, err
	}
	query := x.r.URL.RawQuery
	size, marks, err := x.rt.Description.Size(x.r.Context(), query)
	if err != nil {
		return nil, x.descriptionError(err)
	}
	if err := x.lease.take(int64(size + marks*6*len(address))); err != nil { // escapes take six octets at most
		return nil, err
	}
	document, err := x.rt.Description.Document(x.r.Context(), query, address)
	return document, x.descriptionError(err)
}

// descriptionError returns an error of a Publisher with its code.
func (x *exchange) descriptionError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, wsdl.ErrNoDocument):
		return &Error{Code: CodeNoDocument, Err: err}
	case x.r.Context().Err() != nil:
		return &Error{Code: CodeClientGone, Err: err}
	}
	return &Error{Code: CodeNoDescription, Err: err}
}

// publicAddress returns the address of the route as its clients are to have it:
// that of the configuration, or else by the scheme and host of the request.
func (x *exchange) publicAddress() (string, error) {
	if x.rt.PublicAddress != "" {
		return x.rt.PublicAddress, nil
	}
	host := x.r.Host
	if host == "" || len(host) > 300 || strings.ContainsFunc(host, func(r rune) bool { return !inHost(r) }) {
		return "", &Error{Code: CodeMisdirected, Err: fmt.Errorf("%.100q is not a host that an address can name", host)}
	}
	scheme := "http"
	if x.channel().TLS {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: host, Path: x.rt.Path}).String(), nil
}

// inHost reports whether a character may stand in a host name, an IP address or a
// port.
func inHost(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z' && r < 128 || strings.ContainsRune("-._:[]", r)
}

// metadataRoute returns the route whose metadata a path is for, nil if there is
// none.
func (s *site) metadataRoute(path string) *route {
	own, ok := strings.CutSuffix(path, metadataPath)
	if !ok {
		return nil
	}
	if own == "" {
		own = "/"
	}
	if rt := s.exact[own]; rt != nil && rt.Description != nil {
		return rt
	}
	return nil
}

// asksForMetadata reports whether the message is a request of
// WS-MetadataExchange. On the route's own path it is one if it has no protection,
// and all that the route takes has.
func (x *exchange) asksForMetadata() bool {
	if x.rt.Description == nil {
		return false
	}
	if x.metadata {
		return true
	}
	if len(x.rt.Door.Policies()) == 0 || !wsdl.IsMetadataRequest(x.in.env) {
		return false
	}
	for b := range x.in.env.Blocks() {
		if b.Is(wssec.NSWSSE, "Security") {
			return false
		}
	}
	return true
}

// answerMetadata answers a request of WS-MetadataExchange, to anybody.
func (x *exchange) answerMetadata() answer {
	body, err := x.metadataReply()
	if err != nil {
		return x.refuse(err)
	}
	return answer{status: http.StatusOK, version: x.in.Version, body: body}
}

func (x *exchange) metadataReply() ([]byte, error) {
	if !wsdl.IsMetadataRequest(x.in.env) {
		return nil, &Error{Code: CodeNoDocument, Err: errors.New("not a request of WS-MetadataExchange")}
	}
	address, err := x.publicAddress()
	if err != nil {
		return nil, err
	}
	size, marks, err := x.rt.Description.MetadataSize(x.r.Context())
	if err != nil {
		return nil, x.descriptionError(err)
	}
	if err := x.lease.take(int64(size + marks*6*len(address))); err != nil {
		return nil, err
	}
	body, err := x.rt.Description.Metadata(x.r.Context(), x.in.env, address)
	return body, x.descriptionError(err)
}

// serveMetadata serves a request for the path of a route's metadata.
func (g *Gateway) serveMetadata(w http.ResponseWriter, r *http.Request, rt *route) {
	if r.Method != http.MethodPost {
		g.refuseOutside(CodeMethod)(w, r)
		return
	}
	g.serve(w, r, rt, true)
}
