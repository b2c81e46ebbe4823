package soaphttp

import (
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// withoutEmptyParameters is a Content-Type without the empty parameters that
// RFC 9110 §5.6.6 lets senders write, and package mime does not know:
// "text/xml;; charset=utf-8".
func withoutEmptyParameters(contentType string) string {
	mediaType, rest, _ := strings.Cut(contentType, ";")
	kept := append(make([]byte, 0, len(contentType)), mediaType...)
	for rest != "" {
		var parameter string
		if parameter, rest = cutParameter(rest); strings.TrimSpace(parameter) != "" {
			kept = append(append(kept, ';'), parameter...)
		}
	}
	return string(kept)
}

// wrongParameter describes which parameter of a Content-Type is not of the form
// token=token or token="text" (RFC 9110 §5.6.6), and the cure; "" if it finds
// none.
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
			return fmt.Sprintf("its parameter %.200s %.300s", strings.ToValidUTF8(parameter, "?"),
				strings.ToValidUTF8(wrong, "?"))
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

// wrongQuotes describes what is wrong with a value that begins with a quote.
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

// isToken reports whether s is a token (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for _, r := range s {
		if !httpguts.IsTokenRune(r) {
			return false
		}
	}
	return s != ""
}
