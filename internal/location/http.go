package location

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// inHTTP returns the texts that the HTTP request has at the location, two at
// most.
func (l Location) inHTTP(m Message) (texts []string, err error) {
	switch l.kind {
	case authorization:
		return negotiateTokens(m.Header.Values("Authorization"))
	case inHeader:
		for _, line := range m.Header.Values(l.name) {
			texts = append(texts, strings.Trim(line, " \t"))
		}
	case inQuery:
		return parameters(m.Query, l.name)
	case inCookie:
		for _, line := range m.Header.Values("Cookie") {
			for pair := range strings.SplitSeq(line, ";") {
				if name, value := cookie(pair); name == l.name {
					texts = append(texts, strings.Trim(value, `"`))
				}
			}
		}
	}
	return texts[:min(len(texts), 2)], nil
}

// Put puts a token into a request at the location, as clients do: in base64, of
// the alphabet for URLs in a query. The error is for a location in the message.
func (l Location) Put(r *http.Request, token []byte) error {
	text := base64.StdEncoding.EncodeToString(token)
	switch l.kind {
	case authorization:
		r.Header.Set("Authorization", "Negotiate "+text)
	case inHeader:
		r.Header.Set(l.name, text)
	case inQuery:
		text = url.QueryEscape(l.name) + "=" + base64.URLEncoding.EncodeToString(token)
		r.URL.RawQuery = strings.TrimPrefix(r.URL.RawQuery+"&"+text, "&")
	case inCookie:
		r.Header.Add("Cookie", l.name+"="+text)
	default:
		return fmt.Errorf("%s is in the message", l)
	}
	return nil
}

// InHTTP reports whether the location is in the HTTP request.
func (l Location) InHTTP() bool {
	return slices.Contains([]string{authorization, inHeader, inQuery, inCookie}, l.kind)
}

// negotiateTokens returns the tokens of Authorization fields with the scheme
// Negotiate (RFC 4559 §4.2). Other schemes have none.
func negotiateTokens(fields []string) (tokens []string, err error) {
	if len(fields) > 1 {
		return nil, errors.New("there are several Authorization fields")
	}
	for _, field := range fields {
		field = strings.Trim(field, " \t")
		end := strings.IndexAny(field+" ", " \t") // tabs as Apache takes them
		if strings.EqualFold(field[:end], "Negotiate") {
			tokens = append(tokens, strings.TrimLeft(field[end:], " \t"))
		}
	}
	return tokens, nil
}

// parameters returns the values of a query's parameter.
func parameters(query, name string) (values []string, err error) {
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(key); err != nil || key != name {
			continue
		}
		// Not QueryUnescape: a "+" is the base64 digit, which many clients do
		// not escape, and a space is none.
		value, err := url.PathUnescape(value)
		if err != nil {
			return nil, errors.New("the parameter's value is not escaped as in a URL")
		}
		values = append(values, value)
	}
	return values[:min(len(values), 2)], nil
}

// cookie returns the name and value of a pair of a Cookie field.
func cookie(pair string) (name, value string) {
	name, value, _ = strings.Cut(strings.Trim(pair, " \t"), "=")
	return strings.TrimRight(name, " \t"), value
}

// WithoutCookies returns the Cookie fields without the cookies of some names.
// Fields that had no others are left out.
func WithoutCookies(fields []string, names []string) (rest []string) {
	for _, field := range fields {
		var kept []string
		for pair := range strings.SplitSeq(field, ";") {
			if pair = strings.Trim(pair, " \t"); pair != "" && !isNamed(pair, names) {
				kept = append(kept, pair)
			}
		}
		if len(kept) > 0 {
			rest = append(rest, strings.Join(kept, "; "))
		}
	}
	return rest
}

// isNamed reports whether a server may take a pair for a cookie of one of the
// names. Some servers fold their case.
func isNamed(pair string, names []string) bool {
	name, _ := cookie(pair)
	for _, n := range names {
		if strings.EqualFold(strings.Trim(name, `" `), n) {
			return true
		}
	}
	return false
}

// base64Of returns the alphabet that text is in, without padding.
func base64Of(text string) *base64.Encoding {
	if strings.ContainsAny(text, "-_") {
		return base64.RawURLEncoding
	}
	return base64.RawStdEncoding
}
