package gateway

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/wssgate/wssgate/soap"
)

// media is what a message's HTTP headers say of its form.
type media struct {
	version soap.Version // 0 if the Content-Type names none
	charset string       // "" if not given
	action  string       // SOAPAction (SOAP 1.1, as sent) or the action parameter (SOAP 1.2)
}

// mediaOf reads Content-Type, Content-Encoding and SOAPAction (SOAP 1.1 §6.1,
// SOAP 1.2 Part 2 §7.1.4, RFC 3902). The version is told by the media type alone,
// so that whoever gets its parameters wrong has a fault of his own version.
func mediaOf(h http.Header) (m media, err error) {
	if len(h.Values("Content-Type")) != 1 {
		return m, mediaError("not exactly one Content-Type")
	}
	text := h.Get("Content-Type")
	mediaType, _, _ := strings.Cut(text, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	_, params, err := mime.ParseMediaType(withoutEmptyParameters(text))
	switch mediaType {
	case soap.V11.MediaType():
		m.version, m.action = soap.V11, h.Get("SOAPAction")
	case soap.V12.MediaType():
		m.version, m.action = soap.V12, params["action"]
	case "multipart/related":
		if strings.Contains(strings.ToLower(text), soap.V12.MediaType()) {
			m.version = soap.V12
		}
		return m, &Error{Code: CodeMultipart}
	default:
		return m, mediaError("Content-Type is %.200q", mediaType)
	}
	if err != nil {
		if wrong := wrongParameter(text); wrong != "" {
			err = errors.New(wrong)
		}
		return m, mediaError("Content-Type %.200q: %w", text, err)
	}
	m.charset = params["charset"]
	if !httpguts.ValidHeaderFieldValue(m.action) { // RFC 2231 encoding can hide line ends in a parameter
		return m, mediaError("action %.200q", m.action)
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return m, &Error{Code: CodeContentEncoding, Err: fmt.Errorf("Content-Encoding is %q", e)}
	}
	return m, nil
}

// withoutEmptyParameters is a Content-Type without the empty parameters that RFC 9110
// §5.6.6 lets senders write, and package mime does not know: "text/xml;; charset=utf-8".
func withoutEmptyParameters(contentType string) string {
	kept, rest, _ := strings.Cut(contentType, ";")
	for rest != "" {
		var parameter string
		if parameter, rest = cutParameter(rest); strings.TrimSpace(parameter) != "" {
			kept += ";" + parameter
		}
	}
	return kept
}

func mediaError(format string, args ...any) error {
	return &Error{Code: CodeMediaType, Err: fmt.Errorf(format, args...)}
}

// wrongParameter says which parameter of a Content-Type is not of the form
// token=token or token="text" (RFC 9110 §5.6.6), and the cure; "" if it finds none.
func wrongParameter(contentType string) string {
	seen := map[string]string{}
	_, rest, _ := strings.Cut(contentType, ";")
	for rest != "" {
		var parameter string
		parameter, rest = cutParameter(rest)
		if parameter = strings.TrimSpace(parameter); parameter == "" {
			continue
		}
		name, value, ok := strings.Cut(parameter, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value) // white space beside = is taken
		before, twice := seen[name]
		var wrong string
		switch {
		case !ok:
			wrong = `is not of the form name=value: write name="value", or leave it out`
		case !isToken(name):
			wrong = "has a name that is none: write letters, digits and dashes"
		case twice && before != value:
			wrong = "is there twice: write it once"
		case value == "":
			wrong = "has no value: give it one, or leave it out"
		case value[0] == '"':
			wrong = wrongQuotes(value)
		case !isToken(value):
			wrong = "has to have quotes around its value: write " + name + `="` + value + `"`
		}
		if wrong != "" {
			return fmt.Sprintf("its parameter %.200s %.300s", strings.ToValidUTF8(parameter, "?"), strings.ToValidUTF8(wrong, "?"))
		}
		seen[name] = value
	}
	return ""
}

// cutParameter cuts at the first semicolon outside of quotes.
func cutParameter(s string) (parameter, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// wrongQuotes says what is wrong with a value that begins with a quote.
func wrongQuotes(value string) string {
	for i := 1; i < len(value); i++ {
		switch {
		case value[i] == '\\':
			i++
		case value[i] == '"' && i < len(value)-1:
			return "goes on behind its closing quote: write a semicolon there"
		case value[i] == '"':
			return ""
		}
	}
	return "has no closing quote: add it"
}

// isToken tells whether s is a token (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for _, r := range s {
		if !httpguts.IsTokenRune(r) {
			return false
		}
	}
	return s != ""
}
