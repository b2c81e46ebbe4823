package soaphttp

import (
	"cmp"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/wssgate/wssgate/soap"
)

// Media is the form of a message by its HTTP headers; see [MediaOf].
type Media struct {
	Version soap.Version // 0 if the Content-Type names none
	Charset string       // "" if the Content-Type has none
	Action  string       // SOAPAction as sent (SOAP 1.1), or the action parameter (SOAP 1.2)
}

const multipartRelated = "multipart/related"

// soapAction is SOAPAction in the form of the keys of [http.Header], which costs
// nothing to look up.
const soapAction = "Soapaction"

// MediaOf reads Content-Type, Content-Encoding and SOAPAction of a request or
// response (SOAP 1.1 §6.1, SOAP 1.2 Part 2 §7.1.4, RFC 3902). The version
// follows from the media type alone, of multipart/related from its parameters,
// and is set beside an error about anything else, so that a client with a wrong
// parameter can get a fault of its own version. The error is an [*Error] of
// CodeMediaType or CodeContentEncoding or, if there is nothing wrong but that the
// message is one of several parts, CodeMultipart: package
// [github.com/wssgate/wssgate/soap/mtom] reads some of those.
func MediaOf(h http.Header) (m Media, err error) {
	if len(h.Values("Content-Type")) != 1 {
		return m, mediaError("not exactly one Content-Type")
	}
	text := h.Get("Content-Type")
	mediaType, params, err := parseMedia(text)
	switch mediaType {
	case soap.V11.MediaType():
		m.Version, m.Action = soap.V11, h.Get(soapAction)
	case soap.V12.MediaType():
		m.Version, m.Action = soap.V12, params["action"]
	case multipartRelated:
		m, err = rootMedia(text, h), nil // whose parameters are for package mtom
	default:
		return m, mediaError("Content-Type is %.200q", mediaType)
	}
	if err != nil {
		return m, mediaError("Content-Type %.200q: %w", text, err)
	}
	for _, other := range h.Values(soapAction) {
		if m.Version == soap.V11 && other != m.Action {
			return m, mediaError("two values of SOAPAction, %.200q and %.200q", m.Action, other)
		}
	}
	if mediaType != multipartRelated { // else each part has its own
		m.Charset = params["charset"]
	}
	if !httpguts.ValidHeaderFieldValue(m.Action) { // RFC 2231 encoding can hide line ends in a parameter
		return m, mediaError("action %.200q", m.Action)
	}
	for _, coding := range ContentCodings(h) {
		if coding != "identity" {
			return m, &Error{Code: CodeContentEncoding, Err: fmt.Errorf("Content-Encoding is %.200q", coding)}
		}
	}
	if mediaType == multipartRelated {
		return m, &Error{Code: CodeMultipart, Err: fmt.Errorf("Content-Type is %.300q", text)}
	}
	return m, nil
}

// ContentCodings returns the codings of Content-Encoding in lower case, in the
// order in which they were applied (RFC 9110 §8.4).
func ContentCodings(h http.Header) (codings []string) {
	for _, field := range h.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(field, ",") {
			if coding = strings.ToLower(strings.TrimSpace(coding)); coding != "" {
				codings = append(codings, coding)
			}
		}
	}
	return codings
}

// maxContentType bounds the octets of a Content-Type, which anybody may send
// before anything is known of him. Its action is a URI, and few are that long.
const maxContentType = 8 << 10

// parseMedia returns the media type of a Content-Type in lower case, and its
// parameters. The type is set beside an error about the parameters.
func parseMedia(text string) (mediaType string, params map[string]string, err error) {
	if usual, ok := usualTypes[text]; ok {
		return usual.mediaType, usual.params, nil
	}
	mediaType, _, _ = strings.Cut(text, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	if len(text) > maxContentType {
		return mediaType, nil, fmt.Errorf("longer than %d octets", maxContentType)
	}
	_, params, err = mime.ParseMediaType(withoutEmptyParameters(text))
	if err != nil {
		if wrong := wrongParameter(text); wrong != "" {
			err = errors.New(wrong)
		}
	}
	return mediaType, params, err
}

// usualTypes holds the Content-Types of most messages, as parseMedia reads them.
// Package mime takes longer than all else that is done with a header section.
var usualTypes = map[string]usualType{
	"text/xml":                            {mediaType: "text/xml"},
	"text/xml; charset=utf-8":             usualUTF8("text/xml", "utf-8"),
	"text/xml;charset=utf-8":              usualUTF8("text/xml", "utf-8"),
	`text/xml; charset="utf-8"`:           usualUTF8("text/xml", "utf-8"),
	"text/xml; charset=UTF-8":             usualUTF8("text/xml", "UTF-8"),
	"text/xml;charset=UTF-8":              usualUTF8("text/xml", "UTF-8"),
	"application/soap+xml":                {mediaType: "application/soap+xml"},
	"application/soap+xml; charset=utf-8": usualUTF8("application/soap+xml", "utf-8"),
	"application/soap+xml;charset=utf-8":  usualUTF8("application/soap+xml", "utf-8"),
	"application/soap+xml; charset=UTF-8": usualUTF8("application/soap+xml", "UTF-8"),
	"application/soap+xml;charset=UTF-8":  usualUTF8("application/soap+xml", "UTF-8"),
}

type usualType struct {
	mediaType string
	params    map[string]string // never written to
}

func usualUTF8(mediaType, charset string) usualType {
	return usualType{mediaType, map[string]string{"charset": charset}}
}

// rootMedia returns the version and the action of the SOAP message in a
// multipart/related body. The parameter type names its media type (RFC 2387) or,
// where that is application/xop+xml, start-info does, with the action among its
// parameters (MTOM §3.2) or beside it, as WCF has it.
func rootMedia(text string, h http.Header) (m Media) {
	_, outer, err := parseMedia(text)
	info := outer["type"]
	if strings.EqualFold(info, "application/xop+xml") {
		info = outer["start-info"]
	}
	mediaType, inner, _ := parseMedia(info)
	switch {
	case mediaType == soap.V11.MediaType():
		m.Version, m.Action = soap.V11, h.Get(soapAction)
	case mediaType == soap.V12.MediaType():
		m.Version, m.Action = soap.V12, cmp.Or(inner["action"], outer["action"])
	case err != nil && strings.Contains(strings.ToLower(text), soap.V12.MediaType()):
		m.Version = soap.V12
	}
	if !httpguts.ValidHeaderFieldValue(m.Action) {
		m.Action = ""
	}
	return m
}

func mediaError(format string, args ...any) error {
	return &Error{Code: CodeMediaType, Err: fmt.Errorf(format, args...)}
}

// PlainAction returns an action without the quotes of a SOAPAction header.
func PlainAction(action string) string {
	action = strings.TrimSpace(action)
	if inner, ok := strings.CutPrefix(action, `"`); ok {
		if inner, ok = strings.CutSuffix(inner, `"`); ok {
			return strings.TrimSpace(inner)
		}
	}
	return action
}

// SetMedia sets the headers of a request with a message in UTF-8: Content-Type,
// and the action where the version has it. The action is a URI, or "" for none:
// SOAP 1.1 then has the empty SOAPAction, which means that the URL has the
// intent (§6.1.1), and SOAP 1.2 no parameter.
func SetMedia(h http.Header, v soap.Version, action string) {
	if v == soap.V12 {
		h.Set("Content-Type", contentType12(action))
		h.Del(soapAction)
		return
	}
	h.Set("Content-Type", v.ContentType())
	h.Set(soapAction, `"`+action+`"`)
}

// contentType12 carries the action as a quoted string (RFC 3902 §2.1).
func contentType12(action string) string {
	if action == "" {
		return soap.V12.ContentType()
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	return soap.V12.ContentType() + `; action="` + quote.Replace(action) + `"`
}

// FaultStatus is the HTTP status of a fault, in SOAP 1.2 too: its Part 2 §7.5.2.2
// has 400 for those of the Sender, but WCF, CXF and others send 500 and read a
// fault under no other status. A client could not act on it.
const FaultStatus = http.StatusInternalServerError
