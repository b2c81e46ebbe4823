package mtom

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// NSXOP is the namespace of xop:Include (XOP 1.0 §1.2).
const NSXOP = "http://www.w3.org/2004/08/xop/include"

// An include is an xop:Include element and the part that it names.
type include struct {
	start, end int // of the element, in the source of its document
	part       *part
}

// HasInclude reports whether there is an xop:Include in n, grafts included. An
// envelope that has one is the infoset of no package (XOP 1.0 §3): a receiver
// would put something else in its place.
func HasInclude(n xmltext.Node) bool {
	for e := range n.Descendants() {
		if e.Is(NSXOP, "Include") {
			return true
		}
	}
	return false
}

// includes returns the xop:Include elements of an envelope in document order,
// each with its part. Each part other than the envelope's is named by exactly
// one of them: what nothing names, no digest covers, and a part that is named a
// thousand times would be copied as often.
func includes(root xmltext.Node, parts []part, envelope int) ([]include, error) {
	byID := make(map[string]*part, len(parts))
	for i := range parts {
		p := &parts[i]
		if p.id != "" && byID[p.id] != nil {
			return nil, errorf(CodePackage, "two parts have the Content-ID %.100q", p.id)
		}
		byID[p.id] = p
	}
	delete(byID, "")
	delete(byID, parts[envelope].id)
	var all []include
	for e := range root.Descendants() {
		if !e.Is(NSXOP, "Include") {
			continue
		}
		id, escaped, err := included(e)
		if err != nil {
			return nil, errorf(CodeInclude, "%s: %w", e.Path(), err)
		}
		p := byID[id]
		if other := byID[escaped]; p == nil {
			p = other
		} else if other != nil && other != p {
			return nil, errorf(CodeInclude, "%s names two parts, %.100q and %.100q", e.Path(), id, escaped)
		}
		switch {
		case p == nil:
			return nil, errorf(CodeInclude, "%s names the part %.100q, which is not there", e.Path(), id)
		case p.used:
			return nil, errorf(CodeInclude, "%s names the part %.100q, as another one does", e.Path(), id)
		}
		p.used = true
		start, _, _, end := e.SourceRange()
		all = append(all, include{start, end, p})
	}
	if len(all) != len(parts)-1 {
		return nil, errorf(CodeInclude, "%d of %d attachments are named by no xop:Include, and covered by no digest",
			len(parts)-1-len(all), len(parts)-1)
	}
	return all, nil
}

// included returns the Content-ID that an xop:Include names, and that as it is
// escaped in its URL. The element has an href, nothing else, no content and
// nothing beside it (XOP 1.0 §2.1).
func included(e xmltext.Node) (id, escaped string, err error) {
	start, from, to, end := e.SourceRange()
	parent := e.Parent()
	_, first, last, _ := parent.SourceRange()
	if parent.IsZero() || first != start || last != end {
		return "", "", errors.New("something stands beside it in its element")
	}
	if from != to {
		return "", "", errors.New("it has content")
	}
	n := 0
	for range e.Attrs() {
		n++
	}
	href, found := e.Attr("", "href")
	if !found || n != 1 {
		return "", "", errors.New("it has other attributes than href, or none")
	}
	return contentIDOf(href)
}

// contentIDOf returns the Content-ID that a cid: URL names (RFC 2392 §2), and the
// URL's own spelling of it: CXF's releases up to 3.5.4 write that into the header
// field, too, where the namespace of the service is a URN.
func contentIDOf(href string) (id, escaped string, err error) {
	scheme, escaped, _ := strings.Cut(href, ":")
	if !strings.EqualFold(scheme, "cid") {
		return "", "", fmt.Errorf("its href %.100q is no cid: URL", href)
	}
	if id, err = url.PathUnescape(escaped); err != nil || id == "" {
		return "", "", fmt.Errorf("its href %.100q names no part", href)
	}
	return id, escaped, nil
}
