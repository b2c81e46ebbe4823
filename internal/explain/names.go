package explain

import (
	"strings"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Namespaces beyond those of wssec.
const (
	nsDS    = "http://www.w3.org/2000/09/xmldsig#"
	nsXenc  = "http://www.w3.org/2001/04/xmlenc#"
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsWSA   = "http://www.w3.org/2005/08/addressing"
	nsWSA04 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	nsWST13 = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
	nsWST05 = "http://schemas.xmlsoap.org/ws/2005/02/trust"
)

// prefixOf is the usual prefix of a namespace, "" for one without.
func prefixOf(space string) string {
	switch space {
	case nsWST05, nsWST13:
		return "wst:"
	case nsWSA, nsWSA04:
		return "wsa:"
	}
	return ""
}

// nameOf is an element's name: the local name alone for what belongs to SOAP
// and WS-Security, with its usual prefix for WS-Addressing and WS-Trust, else
// as {namespace}local.
func nameOf(n xmltext.Node) string {
	if p := prefixOf(n.Space()); p != "" {
		return p + n.Local()
	}
	switch n.Space() {
	case soap.NS11, soap.NS12, wssec.NSWSSE, wssec.NSWSU, wssec.NSWSSE11, wssec.NSWSC05, wssec.NSWSC13, nsDS, nsXenc:
		return n.Local()
	}
	return n.Name().String()
}

// idOf is the identifier that an element is referred to by, "" if it has none.
func idOf(n xmltext.Node) string {
	id := ""
	for name, value := range n.Attrs() {
		if name.Space == wssec.NSWSU && name.Local == "Id" {
			return value
		}
		if name.Space == "" && (name.Local == "Id" || name.Local == "ID") && id == "" {
			id = value
		}
	}
	return id
}

// label names an element for people: "Timestamp #TS-1".
func label(n xmltext.Node) string { return strings.TrimSpace(nameOf(n) + " " + idText(n)) }

// idText is "#TS-1", "" without an identifier.
func idText(n xmltext.Node) string {
	if id := idOf(n); id != "" {
		return "#" + shortID(id)
	}
	return ""
}

// shortID cuts a long identifier, which is mostly a UUID, in its middle; its
// ends tell it from others.
func shortID(id string) string {
	const head, tail = 9, 4
	if runes := []rune(id); len(runes) > head+tail+3 {
		return string(runes[:head]) + "…" + string(runes[len(runes)-tail:])
	}
	return id
}

// algorithm is the last part of an algorithm's URI, which names it:
// "aes128-cbc", "hmac-sha1", "xml-exc-c14n".
func algorithm(uri string) string {
	if uri == "" {
		return "no algorithm"
	}
	trimmed := strings.TrimRight(uri, "#/")
	if i := strings.LastIndexAny(trimmed, "#/"); i >= 0 && i+1 < len(trimmed) {
		return trimmed[i+1:]
	}
	return uri
}

// isSC reports whether an element is one of WS-SecureConversation.
func isSC(n xmltext.Node, local string) bool {
	return (n.Space() == wssec.NSWSC05 || n.Space() == wssec.NSWSC13) && n.Local() == local
}

// impliesKey reports whether a SecurityTokenReference stands for a key that is
// derived from that of its token (WS-SecureConversation §8).
func impliesKey(str xmltext.Node) bool {
	for name := range str.Attrs() {
		if name.Space == wssec.NSWSC05 || name.Space == wssec.NSWSC13 {
			return true
		}
	}
	return false
}

func isWST(n xmltext.Node, local string) bool {
	return (n.Space() == nsWST05 || n.Space() == nsWST13) && n.Local() == local
}
