package location

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// The kinds of locations.
const (
	securityHeader    = "security-header"
	anySecurityHeader = "any-security-header"
	authorization     = "authorization"
	inHeader          = "header"
	inQuery           = "query"
	inCookie          = "cookie"
	inXPath           = "xpath"
)

// A Location is a place where the token of a message may stand. It is immutable
// and safe for concurrent use. The zero value is no location.
type Location struct {
	kind string
	name string // of the header, parameter or cookie, or the expression
	path *path  // of an expression
}

// Parse returns the location with a text form, which [Location.String] returns.
// An expression in it may use the prefixes of [Namespaces].
func Parse(text string) (Location, error) {
	kind, name, named := strings.Cut(text, ":")
	switch {
	case slices.Contains([]string{securityHeader, anySecurityHeader, authorization}, text):
		return Location{kind: text}, nil
	case !named || !slices.Contains([]string{inHeader, inQuery, inCookie, inXPath}, kind):
		return Location{}, fmt.Errorf("%q is not a location of tokens: it is one of security-header, "+
			"any-security-header, authorization, header:NAME, query:NAME, cookie:NAME and xpath:EXPRESSION", text)
	case kind == inXPath:
		return ParseXPath(name, nil)
	case kind == inHeader && !httpguts.ValidHeaderFieldName(name):
		return Location{}, fmt.Errorf("%q is not the name of an HTTP header", name)
	case kind == inHeader && strings.EqualFold(name, "Authorization"):
		return Location{}, errors.New("the header Authorization is the location authorization")
	case kind == inHeader && strings.EqualFold(name, "Cookie"):
		return Location{}, errors.New("the header Cookie has many values; write cookie:NAME")
	case kind == inCookie && !httpguts.ValidHeaderFieldName(name): // RFC 6265 §4.1.1: a token, as that is
		return Location{}, fmt.Errorf("%q is not the name of a cookie", name)
	case name == "":
		return Location{}, errors.New("a query parameter needs a name")
	}
	return Location{kind: kind, name: name}, nil
}

// ParseXPath compiles an XPath 1.0 expression that selects the element with the
// token. Namespaces binds its prefixes, in addition to [Namespaces]. The error
// has the expression and what is wrong with it.
func ParseXPath(expression string, namespaces map[string]string) (Location, error) {
	p, err := compile(expression, namespaces)
	if err != nil {
		return Location{}, fmt.Errorf("XPath expression %q: %w", expression, err)
	}
	return Location{kind: inXPath, name: expression, path: p}, nil
}

// String returns the text form.
func (l Location) String() string {
	if l.name == "" {
		return l.kind
	}
	return l.kind + ":" + l.name
}

// Namespaces returns the namespaces that an operator has bound to prefixes of
// the expression; nil for other locations.
func (l Location) Namespaces() map[string]string {
	if l.path == nil {
		return nil
	}
	return l.path.own
}

// Header returns the canonical name of the HTTP header that the token is in, or
// "" if it is in none. Such a header must not reach the backend.
func (l Location) Header() string {
	switch l.kind {
	case authorization:
		return "Authorization"
	case inHeader:
		return http.CanonicalHeaderKey(l.name)
	}
	return ""
}

// Cookie returns the name of the cookie that the token is in, or "". Such a
// cookie must not reach the backend; see [WithoutCookies].
func (l Location) Cookie() string {
	if l.kind == inCookie {
		return l.name
	}
	return ""
}

// InURL reports whether the token is in the URL of the request.
func (l Location) InURL() bool { return l.kind == inQuery }

// Locations are all the places where the token of a message may stand. Their
// order has no meaning. They are safe for concurrent use.
type Locations []Location

// IsDefault reports whether the token stands in our Security header alone,
// where package wssec finds it.
func (ls Locations) IsDefault() bool {
	return len(ls) == 1 && ls[0].kind == securityHeader
}

// HasSecurityHeader reports whether our Security header is one of the places.
func (ls Locations) HasSecurityHeader() bool {
	return slices.ContainsFunc(ls, func(l Location) bool {
		return l.kind == securityHeader || l.kind == anySecurityHeader
	})
}

// Memory returns an upper bound on the octets that a search of a document holds
// at a time, for expressions that keep every node until they have seen all, and
// those that compare or change texts. They are evaluated one after the other.
func (ls Locations) Memory(doc *xmltext.Doc) (most int) {
	elements, attributes := doc.Count()
	for _, l := range ls {
		if l.path != nil {
			most = max(most, nodeOctets*(elements+attributes)+l.path.texts*textOctets*len(doc.Source()))
		}
	}
	return most
}

const (
	// nodeOctets is the size of a navigator, and of its place in a list that grows.
	nodeOctets = 96
	// textOctets is what a text takes for each of its octets while it is changed: it
	// itself, its characters as integers, and a result that grows.
	textOctets = 8
)

// HasAuthorization reports whether Authorization is one of the places, so that a
// request without a token is answered with a challenge (RFC 4559 §4.1).
func (ls Locations) HasAuthorization() bool {
	return slices.ContainsFunc(ls, func(l Location) bool { return l.kind == authorization })
}

// String returns the text forms, separated by commas.
func (ls Locations) String() string {
	var texts []string
	for _, l := range ls {
		texts = append(texts, l.String())
	}
	return strings.Join(texts, ", ")
}
