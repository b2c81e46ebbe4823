package mtom

import (
	"bytes"
	"errors"
	"strings"
)

// Bounds of a package. Peers write one part for a file, and four or five header
// fields for a part.
const (
	// MaxParts is the most parts that are read and written, the envelope's
	// included.
	MaxParts = 1000
	// maxFields bounds the header fields of one part, and maxFieldOctets their
	// octets, with the empty line behind them.
	maxFields      = 32
	maxFieldOctets = 4 << 10
	// maxBlank bounds the white space before the first boundary, behind one in its
	// line, and behind the last.
	maxBlank = 1 << 10
	// partMemory is what a part takes beside its octets.
	partMemory = 256
)

// A part is a body part of a package. Its octets are in the memory of the
// package, or decoded.
type part struct {
	fields
	octets []byte
	used   bool // an xop:Include has named it
}

// A splitter cuts a multipart body into its parts (RFC 2046 §5.1.1). Lines end
// with CRLF. A line that begins like a boundary is one, or the body is refused.
type splitter struct {
	rest    []byte
	mark    []byte // LF, two dashes and the boundary
	reserve func(octets int) error
}

// split returns the parts of a body. What stands before the first boundary and
// behind the last is not part of the message: white space, and see preamble.
func (s *splitter) split() (parts []part, err error) {
	if err := s.preamble(); err != nil {
		return nil, err
	}
	for {
		last, err := s.boundaryLine()
		if err != nil || last {
			return parts, err
		}
		if len(parts) == MaxParts {
			return nil, errorf(CodeTooLarge, "more than %d parts", MaxParts)
		}
		p, size, err := s.part()
		if err != nil {
			return nil, errorf(CodePackage, "part %d: %w", len(parts)+1, err)
		}
		if err := s.reserve(partMemory + size); err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
}

// preamble skips what is before the first boundary: white space, or header fields
// of MIME for the package itself, which the WCF of .NET 6 writes there. They say
// nothing: those of HTTP count.
func (s *splitter) preamble() error {
	mark := s.mark[1:]
	atLine := s.blank()
	if line, _, _ := bytes.Cut(s.rest[:min(len(s.rest), maxBlank)], crlf); atLine && isMIMEField(line) {
		_, n, err := parseFields(s.rest)
		if err != nil {
			return errorf(CodePackage, "header fields before the first boundary: %w", err)
		}
		s.rest = s.rest[n:]
		atLine = s.blank()
	}
	if !bytes.HasPrefix(s.rest, mark) {
		return errorf(CodePackage, "does not begin with the boundary of its Content-Type")
	}
	if !atLine {
		return errorf(CodePackage, "the first boundary does not begin a line")
	}
	s.rest = s.rest[len(mark):]
	return nil
}

// blank skips white space. It reports whether a line begins behind it.
func (s *splitter) blank() bool {
	window := s.rest[:min(len(s.rest), maxBlank)]
	blank := window[:len(window)-len(bytes.TrimLeft(window, " \t\r\n"))]
	s.rest = s.rest[len(blank):]
	return len(blank) == 0 || bytes.HasSuffix(blank, crlf)
}

// isMIMEField reports whether a line is a header field of MIME.
func isMIMEField(line []byte) bool {
	name, _, found := bytes.Cut(line, []byte(":"))
	text := strings.ToLower(string(name))
	return found && (text == "mime-version" || strings.HasPrefix(text, "content-"))
}

var crlf = []byte("\r\n")

// boundaryLine reads what follows a boundary in its line. Last is true for the
// closing one.
func (s *splitter) boundaryLine() (last bool, err error) {
	if last = bytes.HasPrefix(s.rest, []byte("--")); last {
		line := bytes.TrimLeft(s.rest[2:], " \t")
		ends := len(line) == 0 || bytes.HasPrefix(line, crlf)
		if len(s.rest) > len("--")+maxBlank || !ends || len(bytes.Trim(line, " \t\r\n")) > 0 {
			return true, errorf(CodePackage, "something stands behind the closing boundary")
		}
		return true, nil
	}
	window := s.rest[:min(len(s.rest), maxBlank+len(crlf))]
	line := bytes.TrimLeft(window, " \t")
	if !bytes.HasPrefix(line, crlf) {
		return false, errorf(CodePackage, "a line begins with the boundary and goes on")
	}
	s.rest = s.rest[len(window)-len(line)+len(crlf):]
	return false, nil
}

// part reads a part up to the boundary behind it, which it skips. It returns the
// octets of its header fields, too, some of which are copied.
func (s *splitter) part() (p part, n int, err error) {
	if p.fields, n, err = parseFields(s.rest); err != nil {
		return p, n, err
	}
	// The empty line may be the one that the boundary behind it begins with: such a
	// part is empty.
	from := n - len(crlf)
	i := bytes.Index(s.rest[from:], s.mark)
	if i < 0 {
		return p, n, errors.New("no boundary follows")
	}
	end := from + i - 1
	if s.rest[end] != '\r' {
		return p, n, errors.New("a line with the boundary does not follow CRLF")
	}
	p.octets = s.rest[min(n, end):end]
	s.rest = s.rest[end+1+len(s.mark):]
	return p, n, nil
}
