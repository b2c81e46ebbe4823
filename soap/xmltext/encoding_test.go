package xmltext

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf16"
)

// declarations are XML declarations and whether they are read, with a text in
// ASCII and with one that is not.
var declarations = []struct {
	declaration string
	ascii, ä    bool
}{
	{`version="1.0"`, true, true},
	{`version="1.1"`, true, true},
	{`version="1.7"`, true, true},
	{`version='1.0000'`, true, true},
	{`version="1.123456789"`, true, true},
	{`version="2.0"`, false, false},
	{`version="1.a"`, false, false},
	{`version="1.0 "`, false, false},
	{`version="11.0"`, false, false},
	{`version="1.0" encoding="utf8"`, true, true},
	{`version="1.7" encoding="UTF8"`, true, true},
	{`version="1.0" encoding="Utf-8"`, true, true},
	{`version="1.0" encoding="us-ascii"`, true, false},
	{`version="1.0" encoding="US-ASCII"`, true, false},
	{`version="1.0" encoding="ascii"`, true, false},
	{`version="1.0" encoding="UTF-16"`, false, false},
	{`version="1.0" encoding="x-unknown"`, false, false},
}

// TestScanChecksXMLDeclarations: any version 1.x is read as 1.0 (XML 1.0, fifth
// edition, 2.8), and encodings go by the names that everybody takes.
func TestScanChecksXMLDeclarations(t *testing.T) {
	t.Parallel()
	for _, tc := range declarations {
		for text, want := range map[string]bool{"plain": tc.ascii, "ä": tc.ä} {
			d, err := Scan([]byte("<?xml "+tc.declaration+"?><a>"+text+"</a>"), Options{})
			if (err == nil) != want || want && d.Root().Text() != text {
				t.Errorf("%s with %q: %v", tc.declaration, text, err)
			}
		}
	}
}

func TestScanReadsXMLDeclarationsAsLibxml2(t *testing.T) {
	t.Parallel()
	path := need(t, "xmllint", "libxml2-utils")
	for _, tc := range declarations {
		for text, want := range map[string]bool{"plain": tc.ascii, "ä": tc.ä} {
			cmd := exec.Command(path, "--noout", "-")
			cmd.Stdin = strings.NewReader("<?xml " + tc.declaration + "?><a>" + text + "</a>")
			if err := cmd.Run(); (err == nil) != want {
				t.Errorf("%s with %q: we take it: %v, xmllint: %v", tc.declaration, text, want, err)
			}
		}
	}
}

// toUTF16 encodes s with a byte order mark.
func toUTF16(s string, bigEndian bool) []byte {
	var b []byte
	for _, u := range append([]uint16{0xFEFF}, utf16.Encode([]rune(s))...) {
		if bigEndian {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

// TestScanChecksTheCharset is the table of what HTTP, the byte order mark and
// the XML declaration may name together.
func TestScanChecksTheCharset(t *testing.T) {
	t.Parallel()
	const doc, declared = `<a>ä𐍈</a>`, `<?xml version="1.0" encoding="%s"?><a>ä𐍈</a>`
	utf8Doc := func(label string) []byte { return fmt.Appendf(nil, declared, label) }
	le := func(label string) []byte { return toUTF16(fmt.Sprintf(declared, label), false) }
	be := func(label string) []byte { return toUTF16(fmt.Sprintf(declared, label), true) }
	for _, tc := range []struct {
		name    string
		in      []byte
		charset string
		err     error
	}{
		{"UTF-8", []byte(doc), "", nil},
		{"UTF-8, HTTP", []byte(doc), "utf-8", nil},
		{"UTF-8, mark, HTTP, declaration", append([]byte("\ufeff"), utf8Doc("Utf-8")...), "UTF-8", nil},
		{"UTF-8, HTTP names UTF-16", []byte(doc), "utf-16", ErrCharset},
		{"UTF-8, HTTP names UTF-16LE", []byte(doc), "UTF-16LE", ErrCharset},
		{"UTF-8, HTTP names Latin-1", []byte(doc), "iso-8859-1", ErrEncoding},
		{"UTF-8, HTTP names utf8", []byte(doc), "Utf8", nil},
		{"UTF-8, declaration names utf8", utf8Doc("utf8"), "UTF-8", nil},
		{"UTF-8, HTTP names ASCII", []byte(doc), "us-ascii", ErrCharset},
		{"UTF-8, declaration names ASCII", utf8Doc("US-ASCII"), "utf-8", ErrCharset},
		{"ASCII", []byte(`<?xml version="1.0" encoding="us-ascii"?><a>&#228;&#x10348;</a>`), "ASCII", nil},
		{"ASCII, HTTP names UTF-8", []byte(`<?xml version="1.0" encoding="ASCII"?><a>&#228;&#x10348;</a>`), "UTF-8", nil},
		{"ASCII with a mark", []byte("\ufeff<?xml version='1.0' encoding='US-ASCII'?><a>&#228;&#x10348;</a>"), "us-ascii",
			nil},
		{"UTF-16LE, declaration names ASCII", le("US-ASCII"), "", ErrCharset},
		{"UTF-16LE, HTTP names ASCII", toUTF16(doc, false), "us-ascii", ErrCharset},
		{"UTF-16LE, declaration names utf8", le("utf8"), "", ErrCharset},
		{"UTF-8, HTTP names UTF-7", []byte(doc), "utf-7", ErrEncoding},
		{"UTF-8, declaration names UTF-16", utf8Doc("UTF-16"), "", ErrCharset},
		{"UTF-8 mark, declaration names UTF-16", append([]byte("\ufeff"), utf8Doc("UTF-16")...), "", ErrCharset},
		{"UTF-16LE", toUTF16(doc, false), "", nil},
		{"UTF-16BE", toUTF16(doc, true), "", nil},
		{"UTF-16LE, declaration", le("UTF-16"), "", nil},
		{"UTF-16BE, declaration and HTTP", be("utf-16"), "UTF-16", nil},
		{"UTF-16LE, HTTP names UTF-16LE", le("UTF-16LE"), "utf-16le", nil},
		{"UTF-16LE, HTTP names UTF-16BE", toUTF16(doc, false), "utf-16be", ErrCharset},
		{"UTF-16LE, declaration names UTF-16BE", le("UTF-16BE"), "", ErrCharset},
		{"UTF-16LE, declaration names UTF-8", le("UTF-8"), "", ErrCharset},
		{"UTF-16LE, HTTP names UTF-8", toUTF16(doc, false), "utf-8", ErrCharset},
		{"UTF-16 without mark", toUTF16(doc, false)[2:], "", ErrCharacter},
		{"UTF-16 without mark, HTTP", toUTF16(doc, true)[2:], "utf-16", ErrCharset},
		// https://github.com/javaee/metro-jax-ws/issues/752: Axis2
		{"UTF-16LE without mark, HTTP names UTF-16LE", toUTF16(doc, false)[2:], "UTF-16LE", nil},
		{"UTF-16BE without mark, HTTP names UTF-16BE", toUTF16(doc, true)[2:], "utf-16be", nil},
		{"UTF-16BE without mark, declaration", be("utf-16")[2:], "utf-16be", nil},
		{"UTF-16LE without mark, HTTP names UTF-16BE", toUTF16(doc, false)[2:], "utf-16be", ErrCharset},
		{"UTF-16LE without mark, declaration names UTF-8", le("utf-8")[2:], "utf-16le", ErrCharset},
		{"UTF-16LE without mark, odd length", append(toUTF16(doc, false)[2:], 0), "utf-16le", ErrEncoding},
		{"UTF-8, zero behind the first character", []byte("<\x00a/>"), "utf-8", ErrCharacter},
		{"UTF-16, odd length", append(toUTF16(doc, false), 0), "", ErrEncoding},
		{"UTF-16, lone high surrogate", append(toUTF16(doc, false), 0x00, 0xD8), "", ErrEncoding},
		{"UTF-16, lone low surrogate", append(toUTF16(doc, false), 0x00, 0xDC, 0x20, 0), "", ErrEncoding},
		{"UTF-16, half a low surrogate", append(toUTF16(doc, false), 0x00, 0xD8, 0x00), "", ErrEncoding},
		{"UTF-16, swapped surrogates", append(toUTF16(doc, false), 0x00, 0xDC, 0x00, 0xD8), "", ErrEncoding},
		{"UTF-16, U+FFFE inside", toUTF16("<a>\ufffe</a>", false), "", ErrCharacter},
		{"UTF-16, two marks", toUTF16("\ufeff<a/>", false), "", ErrTextOutsideRoot},
		{"UTF-32", []byte("\xff\xfe\x00\x00<\x00\x00\x00"), "", ErrCharacter},
		{"EBCDIC", []byte("\x4c\x6f\xa7\x94\x93"), "", ErrTextOutsideRoot},
	} {
		d, err := Scan(tc.in, Options{Charset: tc.charset})
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.err)
		}
		if tc.err == nil && (err != nil || d.Root().Text() != "ä𐍈") {
			t.Errorf("%s: text lost: %v", tc.name, err)
		}
	}
}
