package soap

import (
	"fmt"
	"strings"
)

// maxAddress bounds the octets of an address, as web servers bound a URL.
const maxAddress = 8 << 10

// NormalAddress returns the form of an absolute URI or IRI in which two can be
// compared (RFC 3986 §6.2.2, §6.2.3): scheme and host in lower case, no default
// port, "/" for the empty path of http and https, escapes in upper case and
// only where a character needs one, and of an IRI the URI that it maps to (RFC
// 3987 §3.1). Paths are otherwise unchanged, including dot segments. The error
// is for text that cannot be the address of a service: with white space, a
// user, a fragment.
func NormalAddress(text string) (string, error) {
	fail := func(what string) (string, error) { return "", fmt.Errorf("%.200q is not an address: %s", text, what) }
	if len(text) > maxAddress {
		return fail(fmt.Sprintf("it is longer than %d octets", maxAddress))
	}
	scheme, rest, ok := strings.Cut(trimSpace(text), ":")
	if !ok || !isScheme(scheme) {
		return fail("it has no scheme")
	}
	scheme = strings.ToLower(scheme)
	rest, ok = normalEscapes(rest)
	switch {
	case !ok:
		return fail("it has characters or escapes that are not allowed in a URI")
	case strings.Contains(rest, "#"):
		return fail("it has a fragment")
	}
	web := scheme == "http" || scheme == "https"
	rest, hierarchical := strings.CutPrefix(rest, "//")
	if !hierarchical {
		if web || rest == "" {
			return fail("it names no host")
		}
		return scheme + ":" + rest, nil
	}
	end := strings.IndexAny(rest+"/", "/?")
	path := rest[end:]
	host, ok := normalHost(scheme, rest[:end])
	switch {
	case !ok:
		return fail("the part before the path is not a host with an optional port")
	case web && (host == "" || host[0] == ':'):
		return fail("it names no host")
	case strings.ContainsAny(path, "[]"):
		return fail("it has brackets after the host")
	case web && (path == "" || path[0] == '?'):
		path = "/" + path
	}
	return scheme + "://" + host + path, nil
}

// isScheme reports whether s is a scheme (RFC 3986 §3.1).
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(s[i]))) {
			return false
		}
	}
	return s != ""
}

// normalHost returns the authority in lower case without a default port (RFC
// 3986 §3.2), and whether it is one. Escapes stay in upper case.
func normalHost(scheme, authority string) (string, bool) {
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		host, port = authority[:i], authority[i+1:]
	}
	name, literal := strings.CutPrefix(host, "[")
	if literal {
		name, literal = strings.CutSuffix(name, "]")
	}
	if strings.ContainsAny(name, "[]@") || !literal && strings.Contains(name, ":") ||
		strings.Trim(port, "0123456789") != "" {
		return "", false
	}
	b := []byte(host)
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '%':
			i += 2
		case 'A' <= c && c <= 'Z':
			b[i] = c + 'a' - 'A'
		}
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return string(b), true
	}
	return string(b) + ":" + port, true
}

// normalEscapes normalizes escapes (RFC 3986 §6.2.2.1 and §6.2.2.2) and maps
// what is not ASCII to escapes (RFC 3987 §3.1). It reports whether each octet
// is allowed in a URI.
func normalEscapes(s string) (string, bool) {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c, escaped := s[i], s[i] >= 0x80
		if c == '%' {
			if i+2 >= len(s) || unhex(s[i+1]) > 15 || unhex(s[i+2]) > 15 {
				return "", false
			}
			c, escaped = unhex(s[i+1])<<4|unhex(s[i+2]), true
			i += 2
			if isUnreserved(c) {
				escaped = false
			}
		}
		switch {
		case escaped:
			b = append(b, '%', digits[c>>4], digits[c&15])
		case c <= ' ' || c == 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			return "", false
		default:
			b = append(b, c)
		}
	}
	return string(b), true
}

// isUnreserved reports whether c is unreserved (RFC 3986 §2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// unhex returns the value of a hexadecimal digit, more than 15 for any other
// octet.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
