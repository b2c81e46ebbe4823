package xmltext

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// refusals are inputs that Scan must not accept: what is wrong, where, and in
// which element. They also seed the fuzz tests.
var refusals = []struct {
	in     string
	err    error
	offset int64
	path   string
}{
	// Document structure (XML 1.0 2.1).
	{``, ErrNoRoot, 0, "/"},
	{"  \n", ErrNoRoot, 3, "/"},
	{`<!-- x -->`, ErrNoRoot, 10, "/"},
	{`<a/><b/>`, ErrSecondRoot, 4, "/"},
	{`<a></a><a></a>`, ErrSecondRoot, 7, "/"},
	{`x<a/>`, ErrTextOutsideRoot, 0, "/"},
	{` x <a/>`, ErrTextOutsideRoot, 1, "/"},
	{`<a/>x`, ErrTextOutsideRoot, 4, "/"},
	{"<a/>\n&#10;", ErrTextOutsideRoot, 5, "/"},
	{`<![CDATA[x]]><a/>`, ErrTextOutsideRoot, 0, "/"},
	{`<a/><![CDATA[]]>`, ErrTextOutsideRoot, 4, "/"},
	{"\ufeff\ufeff<a/>", ErrTextOutsideRoot, 3, "/"},
	{`<a>`, ErrUnexpectedEnd, 3, "/a"},
	{`<a><b></b>`, ErrUnexpectedEnd, 10, "/a"},
	{`<a>text`, ErrUnexpectedEnd, 7, "/a"},
	{`<a/><`, ErrUnexpectedEnd, 5, "/"},

	// End tags (3).
	{`</a>`, ErrEndTag, 0, "/"},
	{`<a/></a>`, ErrEndTag, 4, "/"},
	{`<a></b>`, ErrEndTag, 3, "/a"},
	{`<a></ a>`, ErrEndTag, 3, "/a"},
	{`<a></aa>`, ErrEndTag, 3, "/a"},
	{`<aa></a>`, ErrEndTag, 4, "/aa"},
	{`<a><b></a></b>`, ErrEndTag, 6, "/a/b"},
	{`<a></a b="1">`, ErrEndTag, 3, "/a"},
	{`<a></a/>`, ErrEndTag, 3, "/a"},
	{`<a xmlns:p="urn:p" xmlns:q="urn:p"><p:b></q:b></a>`, ErrEndTag, 40, "/a/b"},
	{`<a></a`, ErrUnexpectedEnd, 6, "/a"},
	{`<a></a `, ErrUnexpectedEnd, 7, "/a"},
	{`<a></`, ErrUnexpectedEnd, 5, "/a"},

	// Start tags (3.1).
	{`<a`, ErrUnexpectedEnd, 2, "/"},
	{`<a `, ErrUnexpectedEnd, 3, "/"},
	{`<a/`, ErrUnexpectedEnd, 3, "/"},
	{`<a/ >`, ErrTag, 3, "/"},
	{`<a / >`, ErrTag, 4, "/"},
	{`<a//>`, ErrTag, 3, "/"},
	{`<a"/>`, ErrTag, 2, "/"},
	{`<a<b/>`, ErrTag, 2, "/"},
	{`<a b="1"c="2"/>`, ErrTag, 8, "/"},
	{`<r><a <b/></r>`, ErrName, 6, "/r"},
	{`<a b/>`, ErrAttribute, 4, "/"},
	{`<a b=`, ErrUnexpectedEnd, 5, "/"},
	{`<a b= `, ErrUnexpectedEnd, 6, "/"},
	{`<a b="`, ErrUnexpectedEnd, 6, "/"},
	{`<a b>`, ErrAttribute, 4, "/"},
	{`<a b=1/>`, ErrAttribute, 5, "/"},
	{`<a b="1/>`, ErrUnexpectedEnd, 9, "/"},
	{`<a b="<"/>`, ErrLessThan, 6, "/"},
	{`<a b='x<y'/>`, ErrLessThan, 7, "/"},
	{`<a b="1" b="2"/>`, ErrDuplicateAttribute, 9, "/"},
	{`<a c="1" b="2" c="3"/>`, ErrDuplicateAttribute, 15, "/"},
	{`<a xmlns:p="urn:x" xmlns:q="urn:x" p:k="1" q:k="2"/>`, ErrDuplicateAttribute, 43, "/"},
	{`<a xmlns:q="urn:x" q:k="1" xmlns:p="urn:x" p:k="2"/>`, ErrDuplicateAttribute, 43, "/"},
	{`<a xmlns="urn:x" xmlns="urn:y"/>`, ErrDuplicateAttribute, 17, "/"},
	{`<a xmlns:p="urn:x" xmlns:p="urn:x"/>`, ErrDuplicateAttribute, 19, "/"},
	{`<a xml:lang="a" xml:lang="b"/>`, ErrDuplicateAttribute, 16, "/"},

	// Names (2.3; Namespaces 4).
	{`<1/>`, ErrName, 1, "/"},
	{`<-a/>`, ErrName, 1, "/"},
	{`<.a/>`, ErrName, 1, "/"},
	{`<:a/>`, ErrName, 1, "/"},
	{`<a:/>`, ErrName, 3, "/"},
	{`<a:b:c/>`, ErrName, 4, "/"},
	{`<a:1/>`, ErrName, 3, "/"},
	{`<·/>`, ErrName, 1, "/"},
	{`<×/>`, ErrName, 1, "/"},
	{"<\u2028/>", ErrName, 1, "/"},
	{"<\U000F0000/>", ErrName, 1, "/"},
	{`<a×/>`, ErrTag, 2, "/"},
	{`<a :b="1"/>`, ErrName, 3, "/"},
	{`<a b:="1"/>`, ErrName, 5, "/"},
	{`<a 1="1"/>`, ErrName, 3, "/"},
	{`<a ="1"/>`, ErrName, 3, "/"},
	{`<r><·/></r>`, ErrName, 4, "/r"},
	{`<é·:1/>`, ErrName, 6, "/"},
	{`<a><é:b:c/></a>`, ErrName, 8, "/a"},
	{`< a/>`, ErrMarkup, 0, "/"},
	{`<>`, ErrMarkup, 0, "/"},
	{`<a><=></a>`, ErrMarkup, 3, "/a"},
	{`<a>1 < 2</a>`, ErrMarkup, 5, "/a"},

	// Namespaces (Namespaces 3, 5).
	{`<p:a/>`, ErrUndeclaredPrefix, 1, "/"},
	{`<a p:k="1"/>`, ErrUndeclaredPrefix, 3, "/"},
	{`<a><b xmlns:p="urn:p"/><p:c/></a>`, ErrUndeclaredPrefix, 24, "/a"},
	{`<xmlns:a/>`, ErrReservedPrefix, 1, "/"},
	{`<a xmlns:xmlns="urn:x"/>`, ErrReservedPrefix, 3, "/"},
	{`<a xmlns:xmlns="http://www.w3.org/2000/xmlns/"/>`, ErrReservedPrefix, 3, "/"},
	{`<a xmlns:xml="urn:x"/>`, ErrReservedPrefix, 3, "/"},
	{`<a xmlns:x="http://www.w3.org/XML/1998/namespace"/>`, ErrReservedPrefix, 3, "/"},
	{`<a xmlns="http://www.w3.org/XML/1998/namespace"/>`, ErrReservedPrefix, 3, "/"},
	{`<a xmlns="http://www.w3.org/2000/xmlns/"/>`, ErrReservedPrefix, 3, "/"},
	{`<a xmlns:x="http://www.w3.org/2000/xmlns&#47;"/>`, ErrReservedPrefix, 3, "/"},
	{`<a xmlns:p=""/>`, ErrEmptyNamespace, 3, "/"},
	{`<a xmlns:p="urn:p"><b xmlns:p=""/></a>`, ErrEmptyNamespace, 22, "/a"},
	{`<a xmlns="foo"/>`, ErrRelativeNamespace, 3, "/"},
	{`<a xmlns:p="../x"/>`, ErrRelativeNamespace, 3, "/"},
	{`<a xmlns="1urn:x"/>`, ErrRelativeNamespace, 3, "/"},
	{`<a xmlns="-u:x"/>`, ErrRelativeNamespace, 3, "/"},
	{`<a xmlns=":x"/>`, ErrRelativeNamespace, 3, "/"},
	{`<a xmlns="a/b:c"/>`, ErrRelativeNamespace, 3, "/"},
	{`<a xmlns=" urn:x"/>`, ErrRelativeNamespace, 3, "/"},

	// Characters (2.2, 4.3.3).
	{"<a>\x00</a>", ErrCharacter, 3, "/a"},
	{"<a>\x08</a>", ErrCharacter, 3, "/a"},
	{"<a>\x1f</a>", ErrCharacter, 3, "/a"},
	{"<a b='\x01'/>", ErrCharacter, 6, "/"},
	{"<a><!-- \x0b --></a>", ErrCharacter, 8, "/a"},
	{"<a><![CDATA[\x0c]]></a>", ErrCharacter, 12, "/a"},
	{"<a\x00/>", ErrCharacter, 2, "/"},
	{"\x00<a/>", ErrCharacter, 0, "/"},
	{"<a/>\x00", ErrCharacter, 4, "/"},
	{"<a>\uffff</a>", ErrCharacter, 3, "/a"},
	{"<a>" + strings.Repeat("x", 70) + "\ufffe</a>", ErrCharacter, 73, "/a"},
	{"<a>" + strings.Repeat("x", 70) + "\x02</a>", ErrCharacter, 73, "/a"},
	{"<a>\xff</a>", ErrEncoding, 3, "/a"},
	{"<a>\xc0\x80</a>", ErrEncoding, 3, "/a"},
	{"<a>\xed\xa0\x80</a>", ErrEncoding, 3, "/a"},
	{"<a>\xf4\x90\x80\x80</a>", ErrEncoding, 3, "/a"},
	{"<a>ä\xc3</a>", ErrEncoding, 5, "/a"},
	{"<a>\xe4</a>", ErrEncoding, 3, "/a"},

	// References (4.1, 4.6).
	{`<a>&foo;</a>`, ErrEntity, 3, "/a"},
	{`<a>&nbsp;</a>`, ErrEntity, 3, "/a"},
	{`<a>&AMP;</a>`, ErrEntity, 3, "/a"},
	{`<a b="&foo;"/>`, ErrEntity, 6, "/"},
	{`<a>x & y</a>`, ErrReference, 5, "/a"},
	{`<a>&</a>`, ErrReference, 3, "/a"},
	{`<a>&;</a>`, ErrReference, 3, "/a"},
	{`<a>&amp</a>`, ErrReference, 3, "/a"},
	{`<a>& amp;</a>`, ErrReference, 3, "/a"},
	{`<a>&#;</a>`, ErrReference, 3, "/a"},
	{`<a>&#x;</a>`, ErrReference, 3, "/a"},
	{`<a>&#xg;</a>`, ErrReference, 3, "/a"},
	{`<a>&#a;</a>`, ErrReference, 3, "/a"},
	{`<a>&#X41;</a>`, ErrReference, 3, "/a"},
	{`<a>&#-1;</a>`, ErrReference, 3, "/a"},
	{`<a>&#0;</a>`, ErrCharacterReference, 3, "/a"},
	{`<a>&#8;</a>`, ErrCharacterReference, 3, "/a"},
	{`<a>&#xD800;</a>`, ErrCharacterReference, 3, "/a"},
	{`<a>&#xFFFE;</a>`, ErrCharacterReference, 3, "/a"},
	{`<a>&#x110000;</a>`, ErrCharacterReference, 3, "/a"},
	{`<a>&#x1000000000000000041;</a>`, ErrCharacterReference, 3, "/a"},
	{`<a b="&#0;"/>`, ErrCharacterReference, 6, "/"},
	{`<a>&am`, ErrUnexpectedEnd, 6, "/a"},

	// Document type, comments, CDATA, processing instructions (2.4 to 2.8).
	{`<!DOCTYPE a><a/>`, ErrDoctype, 0, "/"},
	{`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, ErrDoctype, 21, "/"},
	{`<a><!DOCTYPE a></a>`, ErrDoctype, 3, "/a"},
	{`<!doctype a><a/>`, ErrMarkup, 0, "/"},
	{`<a><!ELEMENT a></a>`, ErrMarkup, 3, "/a"},
	{`<a>]]></a>`, ErrCDATAEnd, 3, "/a"},
	{`<a>x]]]></a>`, ErrCDATAEnd, 5, "/a"},
	{`<a><![CDATA[x</a>`, ErrUnexpectedEnd, 17, "/a"},
	{`<a><![cdata[x]]></a>`, ErrMarkup, 3, "/a"},
	{`<a><!-- -- --></a>`, ErrComment, 8, "/a"},
	{`<a><!-- ---></a>`, ErrComment, 8, "/a"},
	{`<a><!--></a>`, ErrUnexpectedEnd, 12, "/a"},
	{`<a><!-- </a>`, ErrUnexpectedEnd, 12, "/a"},
	{`<a><!-x--></a>`, ErrMarkup, 3, "/a"},
	{`<a><!`, ErrUnexpectedEnd, 5, "/a"},
	{`<a><?p?></a>`, ErrPI, 3, "/a"},
	{`<?p?><a/>`, ErrPI, 0, "/"},
	{`<a/><?p?>`, ErrPI, 4, "/"},
	{` <?xml version="1.0"?><a/>`, ErrPI, 1, "/"},
	{`<?xml version="1.0"?><?xml version="1.0"?><a/>`, ErrPI, 21, "/"},
	{`<?xml?><a/>`, ErrPI, 0, "/"},

	// XML declaration (2.8).
	{`<?xml version="1."?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml version="1.a"?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml version="1.0 "?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml version="1"?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml version="01.0"?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml version='2.0'?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml encoding="UTF-8"?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml version="1.0" standalone="maybe"?><a/>`, ErrXMLDecl, 19, "/"},
	{`<?xml version="1.0" standalone="yes" encoding="UTF-8"?><a/>`, ErrXMLDecl, 37, "/"},
	{`<?xml version="1.0"encoding="UTF-8"?><a/>`, ErrXMLDecl, 19, "/"},
	{`<?xml version="1.0" foo="bar"?><a/>`, ErrXMLDecl, 20, "/"},
	{`<?xml version="1.0">`, ErrXMLDecl, 19, "/"},
	{`<?xml version="1.0"`, ErrXMLDecl, 19, "/"},
	{`<?xml version`, ErrXMLDecl, 5, "/"},
	{`<?xml version=`, ErrXMLDecl, 5, "/"},
	{`<?xml version="1.0" encoding="ascii"?><a>ä</a>`, ErrCharset, 41, "/"},
	{`<?xml version="1.0" encoding="Z"?><a/>`, ErrEncoding, 19, "/"},
	{`<?xml version="1.0" encoding="U TF-8"?><a/>`, ErrXMLDecl, 19, "/"},
	{`<?xml version="1.0" encoding=""?><a/>`, ErrXMLDecl, 19, "/"},
	{`<?xml version "1.0"?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml version=1.0?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml version="1.0?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml version="1.0'?><a/>`, ErrXMLDecl, 5, "/"},
	{`<?xml version="1.0" encoding="-8"?><a/>`, ErrXMLDecl, 19, "/"},
	{`<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, ErrEncoding, 19, "/"},
	{`<?xml version="1.0" encoding="UTF-16"?><a/>`, ErrCharset, 19, "/"},
	{`<?xml version="1.0" encoding="utf-7"?><a/>`, ErrEncoding, 19, "/"},
}

func TestScanRejects(t *testing.T) {
	t.Parallel()
	for _, tc := range refusals {
		d, err := Scan([]byte(tc.in), Options{})
		var se *SyntaxError
		switch {
		case err == nil:
			t.Errorf("%q: accepted", tc.in)
		case d != nil:
			t.Errorf("%q: a document and an error", tc.in)
		case !errors.As(err, &se):
			t.Errorf("%q: %T", tc.in, err)
		case !errors.Is(err, tc.err):
			t.Errorf("%q: %v, want %v", tc.in, err, tc.err)
		case se.Offset != tc.offset || se.Path != tc.path:
			t.Errorf("%q: %v: at %d in %s, want %d in %s", tc.in, err, se.Offset, se.Path, tc.offset, tc.path)
		}
	}
}

// acceptances are inputs at the edge of what is well-formed.
func acceptances() []string {
	return []string{
		`<a/>`, "\ufeff<a/>", "\n<a/>\n", "<a/>\r\n<!-- x -->",
		`<?xml version="1.0"?><a/>`,
		`<?xml version='1.0' encoding='utf-8' standalone='no' ?><a/>`,
		"<?xml\tversion = \"1.0\"\nencoding\t=\t'UTF-8'?><a/>",
		`<a xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`,
		`<a xmlns="" xmlns:p="u:"><p:b xmlns=""/></a>`, `<a xmlns="Z9+-.a:"/>`, `<a xmlns="x:y:z"/>`,
		`<a p:k="1" k="1" xmlns:p="urn:p" xmlns:q="urn:q" q:k="1"/>`,
		`<a xmlns="urn:x" xmlns:p="urn:x" k="1" p:k="2"/>`, // an unprefixed attribute has no namespace
		`<a>]] > ]]&gt; ></a>`, `<a>&#9;&#10;&#13;&#x10FFFF;&#xE000;</a>`,
		`<a b="]]>"/>`, "<a b='\"' c=\"'\">\u0085\u007f</a>", "<a>\U0001ffff</a>",
		`<a><!----><!-- - --></a>`, `<a><![CDATA[]]]]><![CDATA[>]]></a>`,
	}
}

func TestScanAccepts(t *testing.T) {
	t.Parallel()
	for _, in := range append(acceptances(), "<\u0370/>") {
		if _, err := Scan([]byte(in), Options{}); err != nil {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// TestScanAgreesWithPeers asks Santuario's parser, Xerces, whether what we
// refuse or accept is well-formed, apart from what our profile refuses in
// addition.
func TestScanAgreesWithPeers(t *testing.T) {
	t.Parallel()
	profile := []error{ErrDoctype, ErrPI, ErrEncoding, ErrCharset, ErrRelativeNamespace}
	lenient := []string{ // where Xerces is laxer than Namespaces in XML 1.0
		`<:a/>`, `<a :b="1"/>`,
	}
	var vectors []*vector
	add := func(name, in string) {
		vectors = append(vectors, &vector{name: name, in: []byte(in), header: map[string]string{}})
	}
	for i, tc := range refusals {
		if !slices.Contains(profile, tc.err) && !slices.Contains(lenient, tc.in) {
			add(fmt.Sprint("refuse", i), tc.in)
		}
	}
	for i, in := range acceptances() {
		add(fmt.Sprint("accept", i), in)
	}
	answers := askSantuario(t, vectors)
	for _, v := range vectors {
		got := answers[v.name+" exclusive"] != refused
		if want := strings.HasPrefix(v.name, "accept"); got != want {
			t.Errorf("%q: well-formed for Xerces: %v", v.in, got)
		}
	}
}

// TestScanRejectsTruncatedDocuments: no beginning of a document is a document,
// and none makes the scanner run over the end. The buffer ends where the
// message ends.
func TestScanRejectsTruncatedDocuments(t *testing.T) {
	t.Parallel()
	for _, v := range loadVectors(t) {
		d, err := Scan(v.in, Options{AllowPI: true})
		if err != nil {
			t.Fatal(err)
		}
		_, _, _, end := d.Root().SourceRange()
		for n := range end {
			d, err := Scan(bytes.Clone(v.in[:n]), Options{AllowPI: true})
			var se *SyntaxError
			if d != nil || !errors.As(err, &se) || se.Offset > int64(n) {
				t.Fatalf("%q: %v", v.in[:n], err)
			}
		}
	}
	for _, tc := range refusals {
		for n := range len(tc.in) {
			_, _ = Scan([]byte(tc.in[:n]), Options{})
			_, _ = Scan([]byte(tc.in[n:]), Options{AllowPI: true})
		}
	}
}
