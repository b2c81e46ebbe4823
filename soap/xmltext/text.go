package xmltext

import (
	"bytes"
	"unicode/utf8"
)

// pieceKind is what a piece of content between two tags is.
type pieceKind uint8

const (
	pieceText pieceKind = iota
	pieceCDATA
	pieceComment
	piecePI
)

// nextPiece splits the first piece off b, content without tags that the scanner
// accepted. body is the text, or what is inside the markup.
func nextPiece(b []byte) (kind pieceKind, body, rest []byte) {
	if b[0] != '<' {
		n := indexFrom(b, 0, '<')
		return pieceText, b[:n], b[n:]
	}
	open, end := "<?", "?>"
	kind = piecePI
	switch {
	case bytes.HasPrefix(b, []byte("<!--")):
		kind, open, end = pieceComment, "<!--", "-->"
	case bytes.HasPrefix(b, []byte("<![CDATA[")):
		kind, open, end = pieceCDATA, "<![CDATA[", "]]>"
	}
	b = b[min(len(open), len(b)):]
	body, rest, _ = bytes.Cut(b, []byte(end))
	return kind, body, rest
}

// gaps calls visit with each stretch of source directly inside element i that
// is between two tags, crossing grafts; plain is false unless the octets are
// the text that they stand for. It stops when visit returns false.
func (d *Doc) gaps(i uint32, visit func(gap []byte, plain bool) bool) bool {
	e := &d.elements[i]
	e.mustBeWhole()
	pos := e.inside()
	for c := i + 1; c < e.subEnd; c = d.elements[c].subEnd {
		child := &d.elements[c]
		if pos < child.start && !visit(d.src[pos:child.start], child.flags&headCooked == 0) {
			return false
		}
		if child.flags&grafted != 0 && !d.graftAt(c).gaps(0, visit) {
			return false
		}
		pos = child.end
	}
	if pos < e.contentEnd {
		return visit(d.src[pos:e.contentEnd], e.flags&tailCooked == 0)
	}
	return true
}

// AppendText appends the character data directly inside n, with references
// resolved, CDATA sections opened and line ends normalised. Text on both sides
// of a comment, a processing instruction or an element is concatenated.
func (n Node) AppendText(dst []byte) []byte {
	if n.doc == nil {
		return dst
	}
	n.doc.gaps(n.index, func(gap []byte, plain bool) bool {
		if plain {
			dst = append(dst, gap...)
		} else {
			dst = appendGap(dst, gap)
		}
		return true
	})
	return dst
}

// appendGap appends the character data of content without tags.
func appendGap(dst, gap []byte) []byte {
	for len(gap) > 0 {
		var kind pieceKind
		var body []byte
		kind, body, gap = nextPiece(gap)
		switch kind {
		case pieceText:
			dst = appendCharData(dst, body, true)
		case pieceCDATA:
			dst = appendCharData(dst, body, false)
		}
	}
	return dst
}

// Text returns what [Node.AppendText] appends.
func (n Node) Text() string {
	if b, ok := n.PlainText(); ok {
		return string(b)
	}
	return string(n.AppendText(nil))
}

// PlainText returns the content of n without a copy if it is one run of text
// that stands for itself: no element, comment, CDATA section, reference or
// carriage return. Otherwise ok is false; use [Node.AppendText]. The octets
// must not be modified.
func (n Node) PlainText() (text []byte, ok bool) {
	if n.doc == nil {
		return nil, false
	}
	e := n.element()
	e.mustBeWhole()
	if e.subEnd != n.index+1 || e.flags&tailCooked != 0 {
		return nil, false
	}
	return n.doc.src[e.inside():e.contentEnd], true
}

// TakeText returns the text of n as [Node.PlainText] does, for a caller who writes
// over it: a plaintext can stand in the place of its ciphertext. From then on n is
// an element without text. Ok is false, and nothing has changed, if
// [Options].Overwrite does not allow it, if n is in a graft or if PlainText does not
// return the text. TakeText must not run concurrently with other uses of the
// document.
func (n Node) TakeText() (text []byte, ok bool) {
	if n.doc == nil || !n.doc.overwrite {
		return nil, false
	}
	if text, ok = n.PlainText(); ok {
		e := n.element()
		e.flags = e.flags&^tailDirty | taken
		n.doc.anyTaken = true
		n.doc.vary(n.element().parent)
	}
	return text[:len(text):len(text)], ok
}

// HasMixedText reports whether there is character data other than white space
// directly inside n.
func (n Node) HasMixedText() bool {
	if n.doc == nil {
		return false
	}
	return !n.doc.gaps(n.index, func(gap []byte, plain bool) bool {
		if !plain {
			gap = appendGap(nil, gap)
		}
		return isAllSpace(gap)
	})
}

// appendCharData appends text with line ends normalised (XML 1.0 2.11) and, if
// references is set, references resolved.
func appendCharData(dst, b []byte, references bool) []byte {
	for i := 0; i < len(b); {
		run := i
		for i < len(b) && b[i] != '\r' && (b[i] != '&' || !references) {
			i++
		}
		dst = append(dst, b[run:i]...)
		if i == len(b) {
			break
		}
		if b[i] == '&' {
			r, n, err := reference(b[i:])
			if err != nil { // impossible: the scanner has checked references
				return append(dst, b[i:]...)
			}
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		if i++; i == len(b) || b[i] != '\n' {
			dst = append(dst, '\n')
		}
	}
	return dst
}

// appendAttrValue appends the normalised value of an attribute of type CDATA
// (XML 1.0 3.3.3).
func appendAttrValue(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case '&':
			r, n, err := reference(raw[i:])
			if err != nil { // impossible: the scanner has checked references
				return append(dst, raw[i:]...)
			}
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		case '\r':
			if i+1 == len(raw) || raw[i+1] != '\n' {
				dst = append(dst, ' ')
			}
		case '\t', '\n':
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
		i++
	}
	return dst
}

// AppendEscapedText appends s as a text node of Canonical XML (1.0, 2.3).
func AppendEscapedText(dst []byte, s string) []byte { return appendEscapedText(dst, s) }

func appendEscapedText[T string | []byte](dst []byte, s T) []byte {
	run := 0
	for i := range len(s) {
		if classes[s[i]]&classText == 0 {
			continue
		}
		dst = append(dst, s[run:i]...)
		run = i + 1
		switch s[i] {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '\r':
			dst = append(dst, "&#xD;"...)
		}
	}
	return append(dst, s[run:]...)
}

// AppendEscapedAttr appends s as it stands between the double quotes of an
// attribute of Canonical XML (1.0, 2.3).
func AppendEscapedAttr(dst []byte, s string) []byte { return appendEscapedAttr(dst, s) }

func appendEscapedAttr[T string | []byte](dst []byte, s T) []byte {
	run := 0
	for i := range len(s) {
		if classes[s[i]]&classValue == 0 || s[i] == '\'' {
			continue
		}
		dst = append(dst, s[run:i]...)
		run = i + 1
		switch s[i] {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		case '\t':
			dst = append(dst, "&#x9;"...)
		case '\n':
			dst = append(dst, "&#xA;"...)
		case '\r':
			dst = append(dst, "&#xD;"...)
		}
	}
	return append(dst, s[run:]...)
}
