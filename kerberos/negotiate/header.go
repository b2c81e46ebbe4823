package negotiate

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/wssgate/wssgate/kerberos"
)

// The authentication schemes.
const (
	scheme     = "Negotiate"              // RFC 4559 4
	schemeNTLM = "NTLM"                   // MS-NTHT
	schemeApp  = "Application"            // first word of the challenge of an application
	appPrefix  = schemeApp + " " + scheme // "Application Negotiate"
)

// maxBase64 is the length of a token of kerberos.MaxTokenBytes in base64.
var maxBase64 = base64.StdEncoding.EncodedLen(kerberos.MaxTokenBytes)

// credentials returns the token of an Authorization header. It is nil if there
// is none, or one of another scheme.
func (a *Authenticator) credentials(h http.Header) ([]byte, error) {
	fields := h["Authorization"]
	switch len(fields) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, kerberos.Errorf(CodeAuthorization, "%d Authorization headers in one request", len(fields))
	}
	name, text := cutScheme(fields[0])
	if a.cfg.Application && strings.EqualFold(name, schemeApp) {
		name, text = cutScheme(text)
	}
	switch {
	case strings.EqualFold(name, schemeNTLM):
		return nil, kerberos.Errorf(kerberos.CodeNTLM, "the client uses the scheme NTLM, which is not offered")
	case !strings.EqualFold(name, scheme) || text == "":
		return nil, nil
	}
	return decodeToken(text)
}

// cutScheme returns the scheme of credentials or of a challenge, and what
// follows it. Spaces stand in between (RFC 9110 11.3, 11.4); tabs are taken too,
// as Apache and mod_auth_gssapi do.
func cutScheme(s string) (scheme, rest string) {
	s = strings.Trim(s, " \t")
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], strings.TrimLeft(s[i:], " \t")
	}
	return s, ""
}

// ours reports whether a scheme of Authorization is one that is read here. What
// clients send by another is for the handler.
func (a *Authenticator) ours(name string) bool {
	return strings.EqualFold(name, scheme) || strings.EqualFold(name, schemeNTLM) ||
		a.cfg.Application && strings.EqualFold(name, schemeApp)
}

// decodeToken decodes the one token of a header (RFC 4559 4).
func decodeToken(text string) ([]byte, error) {
	if len(text) > maxBase64 {
		return nil, kerberos.Errorf(kerberos.CodeTokenTooLarge, "token of %d characters, limit %d", len(text), maxBase64)
	}
	token, err := base64.StdEncoding.Strict().DecodeString(text)
	if i := strings.IndexAny(text, "\r\n"); err == nil && i >= 0 {
		err = base64.CorruptInputError(i) // the library skips line ends
	}
	if err != nil {
		// the cause names a position, and no character
		return nil, &kerberos.Error{Code: CodeAuthorization, Detail: "what follows the scheme is not one token in base64",
			Err: err}
	}
	return token, nil
}

func encodeToken(token []byte) string { return scheme + " " + base64.StdEncoding.EncodeToString(token) }

// A challenge is an element of WWW-Authenticate (RFC 9110 11.6.1).
type challenge struct {
	scheme string
	rest   string // a token68, or parameters up to a comma
}

// challenges returns the challenges of all WWW-Authenticate headers. A header
// may have several, separated by commas, as their parameters are.
func challenges(fields []string) (all []challenge) {
	for _, field := range fields {
		for element := range elements(field) {
			name, rest := cutScheme(element)
			if !httpguts.ValidHeaderFieldName(name) || strings.HasPrefix(rest, "=") {
				continue // a parameter of the challenge before
			}
			all = append(all, challenge{name, rest})
		}
	}
	return all
}

// elements yields the elements of a list (RFC 9110 5.6.1). A comma in quotes
// separates nothing.
func elements(field string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted, start := false, 0
		for i := 0; i <= len(field); i++ {
			switch {
			case i < len(field) && quoted && field[i] == '\\':
				i++
			case i < len(field) && field[i] == '"':
				quoted = !quoted
			case i >= len(field) || field[i] == ',' && !quoted:
				element := strings.Trim(field[start:min(i, len(field))], " \t")
				if element != "" && !yield(element) {
					return
				}
				start = i + 1
			}
		}
	}
}

// serverToken returns the token of a response, nil if its challenge has none.
// found is false without a challenge of ours.
func serverToken(h http.Header, application bool) (token []byte, found bool, err error) {
	for _, c := range challenges(h["Www-Authenticate"]) {
		rest := c.rest
		if application && strings.EqualFold(c.scheme, schemeApp) {
			own, ok := parseApplication(rest)
			if !ok {
				continue
			}
			rest = own.token
		} else if !strings.EqualFold(c.scheme, scheme) {
			continue
		}
		found = true
		switch {
		case rest == "":
		case token != nil:
			return nil, true, kerberos.Errorf(CodeChallenge, "several tokens in one response")
		default:
			if token, err = decodeToken(rest); err != nil {
				return nil, true, err
			}
		}
	}
	return token, found, nil
}

// An ApplicationChallenge is a challenge of the scheme "Application Negotiate",
// which browsers ignore and a client in a script answers. Its form is that of
// Kaazing's gateway:
//
//	WWW-Authenticate: Application Negotiate https://gw.example.com/kerberos5 HTTP/gw.example.com
type ApplicationChallenge struct {
	Connect    string // URI by which the client reaches its KDC; may be empty
	Identifier string // of the service; only with Connect
	token      string
}

// String returns the value of the header.
func (c ApplicationChallenge) String() string {
	return strings.TrimRight(appPrefix+" "+c.Connect+" "+c.Identifier, " ")
}

func (c *ApplicationChallenge) check() error {
	bad := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' || r == '"' })
	}
	u, err := url.Parse(c.Connect)
	switch {
	case err != nil || bad(c.Connect) || c.Connect != "" && !u.IsAbs():
		return fmt.Errorf("negotiate: %q is not a URI that a challenge can have", c.Connect)
	case bad(c.Identifier) || c.Identifier != "" && c.Connect == "":
		return fmt.Errorf("negotiate: %q is not an identifier that a challenge can have, after a URI", c.Identifier)
	}
	return nil
}

// ParseApplicationChallenge returns the first challenge "Application Negotiate"
// of a response that has no token.
func ParseApplicationChallenge(h http.Header) (ApplicationChallenge, bool) {
	for _, c := range challenges(h["Www-Authenticate"]) {
		if !strings.EqualFold(c.scheme, schemeApp) {
			continue
		}
		if own, ok := parseApplication(c.rest); ok && own.token == "" {
			return own, true
		}
	}
	return ApplicationChallenge{}, false
}

// parseApplication parses what follows the word Application. A URI has a colon,
// which no token has.
func parseApplication(rest string) (c ApplicationChallenge, ok bool) {
	words := strings.Fields(rest)
	if len(words) == 0 || len(words) > 3 || !strings.EqualFold(words[0], scheme) {
		return c, false
	}
	switch {
	case len(words) == 1:
	case strings.Contains(words[1], ":"):
		c.Connect = words[1]
		if len(words) == 3 {
			c.Identifier = words[2]
		}
	case len(words) == 2:
		c.token = words[1]
	default:
		return c, false
	}
	return c, c.check() == nil
}
