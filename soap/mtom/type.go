package mtom

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/wssgate/wssgate/soap"
)

const (
	multipartRelated = "multipart/related"
	xopXML           = "application/xop+xml"
)

// A Type is the Content-Type of a package: multipart/related with parameters.
type Type struct {
	Boundary string
	// Start is the Content-ID of the part with the envelope, without angle
	// brackets. "" means the first part (RFC 2387 §3.2).
	Start string
	// Version is that of the envelope's media type, in start-info.
	Version soap.Version
}

// maxContentType bounds the octets of a Content-Type.
const maxContentType = 8 << 10

// ParseType parses the Content-Type of a message. The error is an [*Error]: of
// CodeAttachments if it is multipart/related and not a package of XOP, else of
// CodePackage.
func ParseType(contentType string) (Type, error) {
	mediaType, params, err := parseMedia(contentType)
	switch {
	case err != nil:
		return Type{}, errorf(CodePackage, "Content-Type %.300q: %w", contentType, err)
	case mediaType != multipartRelated:
		return Type{}, errorf(CodePackage, "Content-Type is %.200q", mediaType)
	case !strings.EqualFold(params["type"], xopXML):
		return Type{}, errorf(CodeAttachments, "the parameter type of multipart/related is %.200q, not %s",
			params["type"], xopXML)
	}
	info, _, err := parseMedia(params["start-info"])
	if err != nil {
		return Type{}, errorf(CodePackage, "the parameter start-info is %.200q: %w", params["start-info"], err)
	}
	t := Type{Boundary: params["boundary"]}
	switch info {
	case soap.V11.MediaType():
		t.Version = soap.V11
	case soap.V12.MediaType():
		t.Version = soap.V12
	default:
		return Type{}, errorf(CodePackage, "the parameter start-info is %.200q, not text/xml or application/soap+xml", info)
	}
	if start, given := params["start"]; given {
		if t.Start, err = contentID(start); err != nil {
			return Type{}, errorf(CodePackage, "the parameter start: %w", err)
		}
	}
	if !isBoundary(t.Boundary) {
		return Type{}, errorf(CodePackage, "the parameter boundary is %.100q, which RFC 2046 §5.1.1 does not allow",
			t.Boundary)
	}
	return t, nil
}

// IsPackage reports whether the Content-Type of a message is that of a package,
// or of another multipart message of the same kind. [ParseType] decides.
func IsPackage(h http.Header) bool {
	mediaType, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), multipartRelated)
}

// parseMedia is [mime.ParseMediaType] for one without the extended and continued
// parameters of RFC 2231, which not every reader knows: boundary*=utf-8”x.
func parseMedia(text string) (mediaType string, params map[string]string, err error) {
	if len(text) > maxContentType {
		return "", nil, fmt.Errorf("longer than %d octets", maxContentType)
	}
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '*' && !quoted:
			return "", nil, errors.New("an asterisk outside of quotes")
		}
	}
	return mime.ParseMediaType(strings.TrimRight(text, "; \t"))
}

// maxBoundary bounds the characters of a boundary (RFC 2046 §5.1.1).
const maxBoundary = 70

// isBoundary reports whether s is a boundary (RFC 2046 §5.1.1).
func isBoundary(s string) bool {
	if len(s) == 0 || len(s) > maxBoundary || s[len(s)-1] == ' ' {
		return false
	}
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && !strings.ContainsRune("'()+_,-./:=? ", rune(c)) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
