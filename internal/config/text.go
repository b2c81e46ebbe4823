package config

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
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

// syntaxError returns the error for a file that the parser refused. Tabs and
// indentation are looked for in the text itself: the parser notices them late,
// and reports them in terms of its grammar.
func syntaxError(name string, data []byte, err error) *Error {
	if line, column, problem, cure := indentationFault(string(data)); problem != "" {
		return refusedText(name, line, column, problem, cure)
	}
	f := syntaxFinding(name, err)
	if text := f.Problem; strings.Contains(text, "escape character") || strings.Contains(text, "double-quoted text") {
		f.Cure = `in double quotes a backslash begins an escape: write 'EXAMPLE\alice' in single quotes; ` +
			`or add the closing quote`
	}
	return &Error{Findings: []Finding{f}}
}

func syntaxFinding(name string, err error) Finding {
	f := Finding{Origin: name, Problem: err.Error(), Cure: "see docs/operations.md for the form of the file; a text " +
		"that begins with * or another special character needs quotes"}
	var positioned yaml.Error
	if errors.As(err, &positioned) {
		f.Origin, f.Problem = place(name, positioned.GetToken()), positioned.GetMessage()
	}
	return f
}

// indentationFault finds the first line of block style that is indented by a
// tab, or to a column in which no line above it begins. Call it for files that
// the parser has refused only.
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

// Size is a number of octets, written as "20MB" (powers of 1000) or "32MiB"
// (powers of 1024); a bare number counts octets.
type Size int64

// units are in the order in which String tries them.
func units() []struct {
	name  string
	value int64
} {
	return []struct {
		name  string
		value int64
	}{
		{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
	}
}

// String returns the shortest exact form: "32MiB", "20MB", "1500B".
func (s Size) String() string {
	for _, u := range units() {
		if s != 0 && int64(s)%u.value == 0 {
			return strconv.FormatInt(int64(s)/u.value, 10) + u.name
		}
	}
	return "0B"
}

// MarshalText returns the text of [Size.String].
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText parses the forms that [Size] describes. Negative sizes and
// sizes over 1<<62 are errors.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := strings.TrimSpace(string(text)), int64(1)
	for _, u := range units() {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.value
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/2/unit {
		return fmt.Errorf("%q is not a size; write it as 500kB, 20MB or 32MiB", text)
	}
	*s = Size(n * unit)
	return nil
}

// duration checks that a time is in a range: less serves nobody, and more is a
// mistake.
func (k *checker) duration(name string, v time.Duration) {
	least, most := 10*time.Millisecond, 24*time.Hour
	switch name {
	case "refusal-delay":
		if v < minRefusalDelay || v > maxRefusalDelay {
			k.find(name, fmt.Sprintf("%v is not between %v and %v", v, minRefusalDelay, maxRefusalDelay),
				"write 50ms, or more where refusals are logged as late")
		}
		return
	case "clock-skew":
		if most = time.Hour; v > most {
			k.find(name, fmt.Sprintf("%v is too much", v), "write 5m, at most 1h, and set the clocks")
			return
		}
		least = time.Second
	case "assertion-lifetime":
		least, most = 5*time.Second, time.Hour
	case "keep-old-keys":
		most = 31 * 24 * time.Hour // no ticket lives longer, renewals included
	}
	if v < least || v > most {
		k.find(name, fmt.Sprintf("%v is not between %v and %v", v, least, most), "write it as 500ms, 30s or 5m")
	}
}

// size is duration for sizes. It leaves out those that process checks by
// itself.
func (k *checker) size(name string, v Size) {
	least, most := Size(1<<10), Size(1<<40)
	switch name {
	case "replay-memory":
		return
	case "token-cache":
		least = 0
	case "max-headers":
		least, most = 4<<10, 1<<20 // a browser's cookies alone can take 4 KiB
	case "max-message":
		least, most = 4<<10, 1<<30 // a message with a ticket is never smaller
	}
	if v < least || v > most {
		k.find(name, fmt.Sprintf("%v is not between %v and %v", v, least, most), "write it as 500kB, 20MB or 32MiB")
	}
}
