package mtom

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// What two readers could understand differently, or no digest would cover.
func TestInlineRefuses(t *testing.T) {
	manyIncludes := func(n int) string {
		return "<f>" + strings.Repeat(includeTag("cid:a")+"</f><f>", n) + "</f>"
	}
	const pkg, inc = CodePackage, CodeInclude
	raw := func(old, new string) []byte { return bytes.Replace(simple("", ""), []byte(old), []byte(new), 1) }
	one := "<f>" + includeTag("cid:a") + "</f>"
	for name, c := range map[string]struct {
		body []byte
		want Code
		text string
	}{
		"empty":                                   {nil, pkg, "does not begin"},
		"unclosed":                                {simple("--b--\n", ""), pkg, "no boundary"},
		"closed by its end":                       {simple("\n--b--\n", "\n--b"), pkg, "goes on"},
		"text before the parts":                   {simple("--b", "x\n--b"), pkg, "does not begin"},
		"other fields before the parts":           {simple("--b", "X: y\n\n--b"), pkg, "does not begin"},
		"fields before the parts without end":     {simple("--b", "MIME-Version: 1.0\n--b"), pkg, "header field"},
		"text behind the fields before the parts": {simple("--b", "MIME-Version: 1.0\n\nx\n--b"), pkg, "does not begin"},
		"many fields before the parts": {
			simple("--b", "MIME-Version: 1.0\n"+strings.Repeat("X: y\n", 40)+"\n--b"),
			pkg, "32 header fields",
		},
		"a boundary in the fields before the parts": {
			simple("--b", "MIME-Version: 1.0\n\n --b"),
			pkg, "does not begin a line",
		},
		"a name that is that of two parts": {
			bytes.Replace(simple("\n--b--", "\n--b\nContent-ID: <%61>\n\nother\n--b--"), []byte("cid:a"), []byte("cid:%61"), 1),
			inc, "two parts",
		},
		"one part by two spellings of its name": {
			simple(one, one+strings.Replace(one, "cid:a", "cid:%61", 1)),
			inc, "another one",
		},
		"first boundary within a line": {simple("--b", " --b"), pkg, "does not begin a line"},
		"text behind the parts":        {simple("--b--\n", "--b--\nx"), pkg, "closing boundary"},
		"parts behind the parts": {
			simple("--b--\n", "--b--\n--b\n\nx\n--b--\n"),
			pkg, "closing boundary",
		},
		"boundary that goes on":     {simple("hello", "hel\n--bc\nlo"), pkg, "goes on"},
		"boundary behind LF alone":  {raw("hello", "hel\n--b\r\n\r\nlo"), pkg, "CRLF"},
		"header line with LF alone": {raw("<a>\r\n", "<a>\nX: y\r\n"), pkg, "CRLF"},
		"header line with CR alone": {raw("<a>\r\n", "<a>\rX: y\r\n"), pkg, "CRLF"},
		"header without end": {
			simple("binary\n\nhello", "binary\nhello"),
			pkg, "no header field",
		},
		"header too long": {
			simple("binary\n", "binary\nX: "+strings.Repeat("y", maxFieldOctets)+"\n"),
			pkg, "do not end",
		},
		"too many header fields": {
			simple("binary\n", "binary\n"+strings.Repeat("X: y\n", 40)),
			pkg, "32 header fields",
		},
		"header field without name": {simple("binary\n", "binary\n: y\n"), pkg, "no header field"},
		"space before the colon": {
			simple("Content-ID: <a>", "Content-ID : <a>"),
			pkg, "no header field",
		},
		"Content-ID twice":      {simple("<a>", "<a>\nContent-Id: <b>"), pkg, "twice"},
		"Content-ID not closed": {simple("<a>", "<a"), pkg, "no Content-ID"},
		"Content-ID with space": {simple("<a>", "<a b>"), pkg, "no Content-ID"},
		"unknown encoding":      {simple("binary", "x-uuencode"), pkg, "Transfer-Encoding"},
		"not base64":            {simple("binary", "base64"), pkg, "base64"},
		"not quoted-printable": {
			simple("binary\n\nhello", "quoted-printable\n\n=zz"),
			pkg, "quoted-printable",
		},
		"half an escape": {
			simple("binary\n\nhello", "quoted-printable\n\nab=4"),
			pkg, "quoted-printable",
		},
		"octet not quoted": {
			simple("binary\n\nhello", "quoted-printable\n\na\x00b"),
			pkg, "quoted-printable",
		},
		"space at the end of a line": {
			simple("binary\n\nhello", "quoted-printable\n\na \nb"),
			pkg, "quoted-printable",
		},
		"two parts of one name": {
			simple("\n--b--", "\n--b\nContent-ID: <a>\n\nother\n--b--"),
			pkg, "two parts",
		},
		"two roots": {
			simple("\n--b--", "\n--b\nContent-ID: <root>\n\nother\n--b--"),
			pkg, "two parts",
		},
		"start is not there": {simple("<root>", "<other>"), pkg, "parameter start"},
		"root of another type": {
			simple("application/xop+xml", "text/xml"),
			pkg, "not application/xop",
		},
		"root for another version": {
			simple("type=\"text/xml\"", "type=\"application/soap+xml\""),
			pkg, "start-info",
		},
		"part that nothing names": {
			simple("\n--b--", "\n--b\nContent-ID: <c>\n\nother\n--b--"),
			inc, "no digest",
		},
		"part without name": {
			simple("\n--b--", "\n--b\n\nother\n--b--"),
			inc, "no digest",
		},
		"no such part":        {simple("cid:a", "cid:c"), inc, "not there"},
		"names the envelope":  {simple("cid:a", "cid:root"), inc, "not there"},
		"named twice":         {simple(one, one+one), inc, "another one"},
		"named 10,000 times":  {simple(one, manyIncludes(10000)), inc, "another one"},
		"http":                {simple("cid:a", "http://host/a"), inc, "no cid"},
		"file":                {simple("cid:a", "file:///etc/passwd"), inc, "no cid"},
		"no URL":              {simple("cid:a", "a"), inc, "no cid"},
		"wrong escape":        {simple("cid:a", "cid:%zz"), inc, "names no part"},
		"names nothing":       {simple("cid:a", "cid:"), inc, "names no part"},
		"href in a namespace": {simple("href=", "x:href="), inc, "other attributes"},
		"two attributes":      {simple("href=", "x:y='z' href="), inc, "other attributes"},
		"with children": {
			simple("cid:a\"/>", "cid:a\"><g/></x:Include>"),
			inc, "has content",
		},
		"with text": {
			simple("cid:a\"/>", "cid:a\"> </x:Include>"),
			inc, "has content",
		},
		"text beside it":        {simple("<f>", "<f>QUJD"), inc, "beside it"},
		"white space beside it": {simple("</f>", "\n</f>"), inc, "beside it"},
		"comment beside it":     {simple("<f>", "<f><!-- -->"), inc, "beside it"},
		"element beside it":     {simple("<f>", "<f><g/>"), inc, "beside it"},
		"another namespace":     {simple(NSXOP, NSXOP+"2"), inc, "no digest"},
		"in an attribute": {
			simple(one, `<f x:Include="cid:a" xmlns:x="`+NSXOP+`"/>`),
			inc, "no digest",
		},
		"too many parts": {
			simple("\n--b--", strings.Repeat("\n--b\n\n", 10000)+"\n--b--"),
			CodeTooLarge, "1000 parts",
		},
		"two envelopes": {
			simple("</s:Envelope>", "</s:Envelope><e/>"),
			"", "second root",
		},
		"another charset": {
			simple("charset=utf-8", "charset=iso-8859-1"),
			"", "charset",
		},
		"a DOCTYPE": {
			simple("<s:Envelope", "<!DOCTYPE x><s:Envelope"),
			"", "document type",
		},
	} {
		t.Run(name, func(t *testing.T) {
			held := 0
			got, err := Inline(c.body, simpleType, xmltext.Options{Reserve: counting(&held)})
			if err == nil || got != nil || codeOf(err) != c.want || !strings.Contains(err.Error(), c.text) {
				t.Errorf("returns %.80q, error %v; want %q with %q", got, err, c.want, c.text)
			}
			if held != 0 {
				t.Errorf("%d octets are still reserved", held)
			}
		})
	}
}
