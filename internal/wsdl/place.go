package wsdl

import (
	"errors"
	"fmt"
	"sort"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// A Place is where something stands in a document: the name of the document, and
// line and column of its UTF-8 form, which both begin with 1. The column counts
// octets. The zero value is no place.
type Place struct {
	Document     string
	Line, Column int
}

// String returns the place as "name:line:column".
func (p Place) String() string { return fmt.Sprintf("%s:%d:%d", p.Document, p.Line, p.Column) }

// An Error is what is wrong with a document, and where.
type Error struct {
	Place Place
	Err   error
}

// Error returns place and cause.
func (e *Error) Error() string { return e.Place.String() + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Place returns the place of the start tag of n, which is an element of d.
func (d *Document) Place(n xmltext.Node) Place { return d.placeAt(int(n.Offset())) }

// Errorf returns an [*Error] about n, an element of d.
func (d *Document) Errorf(n xmltext.Node, format string, args ...any) error {
	return &Error{d.Place(n), fmt.Errorf(format, args...)}
}

func (d *Document) placeAt(offset int) Place {
	line := sort.SearchInts(d.lines, offset+1) // lines that begin at offset or before
	return Place{d.Name, line, offset - d.lines[line-1] + 1}
}

// lineStarts returns the offsets at which the lines of src begin.
func lineStarts(src []byte) []int {
	starts := []int{0}
	for i, c := range src {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// scanError returns an error of [xmltext.Scan] with its place in src.
func scanError(name string, src []byte, err error) error {
	var syntax *xmltext.SyntaxError
	if !errors.As(err, &syntax) || isUTF16(src) {
		return &Error{Place{name, 1, 1}, err}
	}
	d := &Document{Name: name, lines: lineStarts(src)}
	return &Error{d.placeAt(min(int(syntax.Offset), len(src))), syntax.Err}
}

// isUTF16 reports whether src begins with a byte order mark of UTF-16: offsets in
// its UTF-8 form are then not those in src.
func isUTF16(src []byte) bool {
	return len(src) > 1 && (src[0] == 0xfe && src[1] == 0xff || src[0] == 0xff && src[1] == 0xfe)
}
