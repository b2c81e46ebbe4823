package location

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// A Message is where tokens are looked for. Nothing in it is verified.
type Message struct {
	Envelope *soap.Envelope
	Actors   []string    // of the policy, for the Security header that is ours
	Header   http.Header // of the HTTP request
	Query    string      // of its URL, as received
}

// Found is the token that was found. The zero value is none.
type Found struct {
	Octets []byte
	Node   xmltext.Node // the element that holds it; zero for a token in HTTP
}

// IsZero reports whether there is no token.
func (f Found) IsZero() bool { return f.Octets == nil }

// A hit is a text that a location has, not yet decoded.
type hit struct {
	at   Location
	node xmltext.Node
	text string // of HTTP
}

// Find returns the one token at the locations, or the zero value if there is
// none. The error is a [*wssec.Error]: of [wssec.CodeTokenAmbiguous] if there
// are several, of [wssec.CodeTokenSearch] if an expression takes too much work,
// and of [wssec.CodeInvalidToken] for what cannot be decoded. It never has any
// of the token's text.
func (ls Locations) Find(m Message) (Found, error) {
	var one *hit
	for _, l := range ls {
		hits, err := l.hits(m)
		if err != nil {
			return Found{}, err
		}
		for _, h := range hits {
			switch {
			case one == nil:
				one = &h
			case h.node.IsZero() || h.node != one.node:
				return Found{}, &wssec.Error{Code: wssec.CodeTokenAmbiguous, Path: pathOf(h),
					Err: fmt.Errorf("a token is at %s, and another one at %s (token-location)", one.at, h.at)}
			}
		}
	}
	if one == nil {
		return Found{}, nil
	}
	return one.decode()
}

// pathOf returns the place of a hit in the message, "" for one in HTTP.
func pathOf(h hit) string {
	if h.node.IsZero() {
		return ""
	}
	return h.node.Path()
}

// hits returns what the location has. More than two are of no interest.
func (l Location) hits(m Message) ([]hit, error) {
	switch l.kind {
	case securityHeader, anySecurityHeader:
		return l.inSecurityHeaders(m), nil
	case inXPath:
		nodes, err := l.path.find(m.Envelope.Doc)
		if err != nil {
			return nil, &wssec.Error{Code: wssec.CodeTokenSearch, Err: fmt.Errorf("%s: %w", l, err)}
		}
		return l.hitsAt(nodes), nil
	}
	texts, err := l.inHTTP(m)
	if err != nil {
		return nil, &wssec.Error{Code: wssec.CodeInvalidToken, Err: fmt.Errorf("at %s: %w", l, err)}
	}
	var hits []hit
	for _, text := range texts {
		hits = append(hits, hit{at: l, text: text})
	}
	return hits, nil
}

func (l Location) hitsAt(nodes []xmltext.Node) (hits []hit) {
	for _, n := range nodes {
		hits = append(hits, hit{at: l, node: n})
	}
	return hits
}

// inSecurityHeaders returns the BinarySecurityTokens of Security headers: of
// ours, or of any actor's.
func (l Location) inSecurityHeaders(m Message) []hit {
	var nodes []xmltext.Node
	for b := range m.Envelope.Blocks() {
		if !b.Is(wssec.NSWSSE, "Security") ||
			l.kind == securityHeader && !wssec.IsSecurityHeader(m.Envelope, b, m.Actors) {
			continue
		}
		for c := range b.Children() {
			if c.Is(wssec.NSWSSE, "BinarySecurityToken") && len(nodes) < 2 {
				nodes = append(nodes, c)
			}
		}
	}
	return l.hitsAt(nodes)
}

// decode returns the octets of the token: base64 of HTTP in either alphabet, of
// the message in the standard one.
func (h *hit) decode() (Found, error) {
	var octets []byte
	var err error
	if h.node.IsZero() {
		octets, err = decode(h.text)
	} else {
		octets, err = octetsOf(h.node)
	}
	if err != nil {
		return Found{}, &wssec.Error{Code: wssec.CodeInvalidToken, Path: pathOf(*h),
			Err: fmt.Errorf("at %s: %w", h.at, err)}
	}
	return Found{octets, h.node}, nil
}

// octetsOf returns the octets of an element whose content is base64. A
// BinarySecurityToken has to have an encoding and type that we know.
func octetsOf(n xmltext.Node) ([]byte, error) {
	if n.Is(wssec.NSWSSE, "BinarySecurityToken") {
		return wssec.KerberosTokenOctets(n)
	}
	if _, start, end, _ := n.SourceRange(); end-start > wssec.MaxTokenText {
		return nil, fmt.Errorf("the token is longer than %d characters", wssec.MaxTokenText)
	}
	octets, err := xmlenc.AppendBase64(nil, n)
	if err != nil || len(octets) == 0 {
		return nil, errNotBase64
	}
	return octets, nil
}

var errNotBase64 = errors.New("the token is not base64, or is empty")

// decode decodes base64 of either alphabet, with or without padding (RFC 4648
// §4 and §5): in a URL and in a cookie "+", "/" and "=" are often left out.
func decode(text string) ([]byte, error) {
	if len(text) > wssec.MaxTokenText {
		return nil, fmt.Errorf("the token is longer than %d characters", wssec.MaxTokenText)
	}
	octets, err := base64Of(text).DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(octets) == 0 || strings.ContainsAny(text, "\r\n") {
		return nil, errNotBase64 // the decoder's error has an octet of the token
	}
	return octets, nil
}
