package xmltext

import (
	"slices"
	"strings"
)

// inherited returns the xml attributes that the apex i of an inclusive
// canonical form takes over from its ancestors, which are not in the form:
// every one the apex lacks in Canonical XML 1.0 (2.4); xml:lang and xml:space
// in Canonical XML 1.1 (2.4), and xml:base joined, or noBase.
func (d *Doc) inherited(i uint32, m Method) []ApexAttr {
	var found []ApexAttr
	var bases []string       // of the ancestors, innermost first
	var seen map[string]bool // local names that the apex has or takes over
	for n := (Node{d, i}).Parent(); n.doc != nil; n = n.Parent() {
		if n.element().flags&hasXMLAttr == 0 {
			continue
		}
		if seen == nil {
			seen = d.xmlAttrNames(i)
		}
		for name, value := range n.Attrs() {
			switch {
			case name.Space != namespaceXML:
			case m >= Inclusive11 && name.Local == "base":
				bases = append(bases, value)
			case m >= Inclusive11 && name.Local != "lang" && name.Local != "space":
			case !seen[name.Local]:
				seen[name.Local] = true
				found = append(found, xmlAttr(name.Local, value))
			}
		}
	}
	if len(bases) == 0 {
		return found
	}
	if own, ok := (Node{d, i}).Attr(namespaceXML, "base"); ok {
		bases = slices.Insert(bases, 0, own)
	}
	base := bases[0]
	for _, outer := range bases[1:] {
		base = joinURI(outer, base)
	}
	if base == "" {
		return append(found, noBase())
	}
	return append(found, xmlAttr("base", base))
}

// noBase returns the marker for an apex that must have no xml:base, because the
// joined one is empty (Canonical XML 1.1, 2.4). No other attribute is like it,
// because it has a namespace and no prefix.
func noBase() ApexAttr { return ApexAttr{Space: namespaceXML, Local: "base"} }

// xmlAttrNames returns the local names of the xml attributes of element i.
func (d *Doc) xmlAttrNames(i uint32) map[string]bool {
	names := map[string]bool{}
	for name := range (Node{d, i}).Attrs() {
		if name.Space == namespaceXML {
			names[name.Local] = true
		}
	}
	return names
}

func xmlAttr(local, value string) ApexAttr {
	return ApexAttr{Prefix: "xml", Space: namespaceXML, Local: local, Value: value}
}

// uriParts are the components of a URI reference (RFC 3986, appendix B)
// without the fragment. Scheme, authority and query include their delimiters.
type uriParts struct{ scheme, authority, path, query string }

func splitURI(s string) (u uriParts) {
	s, _, _ = strings.Cut(s, "#")
	if i := strings.IndexAny(s, ":/?"); i > 0 && s[i] == ':' {
		u.scheme, s = s[:i+1], s[i+1:]
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s, u.query = s[:i], s[i:]
	}
	if strings.HasPrefix(s, "//") {
		end := strings.IndexByte(s[2:], '/')
		if end < 0 {
			end = len(s) - 2
		}
		u.authority, s = s[:end+2], s[end+2:]
	}
	u.path = s
	return u
}

// joinURI is the function join-URI-References of Canonical XML 1.1, 2.4: RFC
// 3986, 5.2, for a base that may itself be relative.
func joinURI(base, ref string) string {
	b, r := splitURI(base), splitURI(ref)
	if b.path == ".." || strings.HasSuffix(b.path, "/..") {
		b.path += "/"
	}
	switch {
	case r.scheme != "":
		r.path = removeDotSegments(r.path)
	case r.authority != "":
		r.scheme, r.path = b.scheme, removeDotSegments(r.path)
	case r.path == "":
		r.scheme, r.authority, r.path = b.scheme, b.authority, b.path
		if r.query == "" {
			r.query = b.query
		}
	case r.path[0] == '/':
		r.scheme, r.authority, r.path = b.scheme, b.authority, removeDotSegments(r.path)
	default:
		merged := b.path[:strings.LastIndexByte(b.path, '/')+1] + r.path
		if b.authority != "" && b.path == "" {
			merged = "/" + r.path
		}
		r.scheme, r.authority, r.path = b.scheme, b.authority, removeDotSegments(merged)
	}
	return r.scheme + r.authority + r.path + r.query
}

// removeDotSegments is RFC 3986, 5.2.4, as Canonical XML 1.1, 2.4 changes it:
// leading ".." segments of a relative path are kept, a trailing one gets a
// slash, and empty segments go.
func removeDotSegments(path string) string {
	rooted := strings.HasPrefix(path, "/")
	var out []string
	var slash bool // the last segment was empty or dots
	for segment := range strings.SplitSeq(path, "/") {
		slash = true
		switch {
		case segment == "" || segment == ".":
		case segment != "..":
			out = append(out, segment)
			slash = false
		case len(out) > 0 && out[len(out)-1] != "..":
			out = out[:len(out)-1]
		case !rooted:
			out = append(out, segment)
		}
	}
	path = strings.Join(out, "/")
	if slash && len(out) > 0 {
		path += "/"
	}
	if rooted {
		path = "/" + path
	}
	return path
}
