package config

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

// textOf returns the file's text as UTF-8 without a byte order mark: editors of
// Windows write one, and UTF-16 too (YAML 1.2, 5.2).
func textOf(name string, data []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	}
	if order != nil {
		data = fromUTF16(data[2:], order)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) {
			return nil, refusedText(name, i+1, len(firstValid(line))+1, "is not UTF-8", "save the file as UTF-8")
		}
	}
	return data, nil
}

func fromUTF16(b []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// firstValid returns what comes before the first octets that are not UTF-8.
func firstValid(b []byte) []byte {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return b[:i]
		}
		i += n
	}
	return b
}

func refusedText(name string, line, column int, problem, cure string) *Error {
	return &Error{Findings: []Finding{{Origin: fmt.Sprintf("%s:%d:%d", name, line, column), Problem: problem, Cure: cure}}}
}

// syntaxError words what the parser did not take. Tabs and indentation are
// looked for in the text itself: the parser notices them late, and says so in
// terms of its grammar.
func syntaxError(name string, data []byte, err error) *Error {
	if line, column, problem, cure := indentationFault(string(data)); problem != "" {
		return refusedText(name, line, column, problem, cure)
	}
	f := syntaxFinding(name, err)
	if text := f.Problem; strings.Contains(text, "escape character") || strings.Contains(text, "double-quoted text") {
		f.Cure = `in double quotes a backslash begins an escape, so write 'EXAMPLE\alice' in single quotes; or the closing quote is missing`
	}
	return &Error{Findings: []Finding{f}}
}

func syntaxFinding(name string, err error) Finding {
	f := Finding{Origin: name, Problem: err.Error(), Cure: "see docs/operations.md for the form of the file"}
	var positioned yaml.Error
	if errors.As(err, &positioned) {
		f.Origin, f.Problem = place(name, positioned.GetToken()), positioned.GetMessage()
	}
	return f
}

// indentationFault finds the first line of block style that is indented by a
// tab, or as no line above it. It is asked about files with a fault only.
func indentationFault(text string) (line, column int, problem, cure string) {
	const together = "settings of one level begin in the same column"
	open := []int{0} // columns in which lines of the levels begin
	opened := true   // the line before has room for a level of its own
	dash := map[int]bool{}
	for i, whole := range strings.Split(text, "\n") {
		content := strings.TrimLeft(whole, " \t")
		indent := len(whole) - len(content)
		content = strings.TrimRight(content, " \t\r")
		if content == "" || content[0] == '#' {
			continue
		}
		if tab := strings.IndexByte(whole[:indent], '\t'); tab >= 0 {
			return i + 1, tab + 1, "a tab stands in the indentation", "write spaces"
		}
		top := open[len(open)-1]
		if indent > top && !opened {
			return i + 1, indent + 1, "is indented more than the line before it, which has its value", together
		}
		if indent > top {
			open = append(open, indent)
			dash[indent] = false
		}
		for open[len(open)-1] > indent {
			open = open[:len(open)-1]
		}
		item := strings.HasPrefix(content, "- ")
		if open[len(open)-1] != indent || dash[indent] && !item {
			return i + 1, indent + 1, "begins in a column in which no setting above it begins", together
		}
		for strings.HasPrefix(content, "- ") {
			dash[indent] = true
			rest := strings.TrimLeft(content[2:], " ")
			indent += len(content) - len(rest)
			open, content = append(open, indent), rest
			dash[indent] = false
		}
		opened = strings.HasSuffix(content, ":") || content == "-" || strings.ContainsAny(content, "[{|>#")
	}
	return 0, 0, "", ""
}
