package xmltext

import (
	"errors"
	"testing"
)

// Documents on which others' canonicalizers were wrong, as their users have
// reported it, with the fault, and the form that the specifications have.
func TestAppendCanonicalOfReportedDocuments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault    string
		in, apex string
		method   Method
		prefixes []string
		want     string
	}{
		{"a declaration of an ancestor once more on each element that uses it",
			`<root xmlns:aaa='bbb:c'><child1><child2><child3 aaa:foo='bar'></child3></child2></child1></root>`, "child1",
			Inclusive10, nil,
			`<child1 xmlns:aaa="bbb:c"><child2><child3 aaa:foo="bar"></child3></child2></child1>`},
		{"two declarations of one namespace, one of them twice",
			`<root xmlns="urn:a" attr="val" xmlns:ns1="urn:a"/>`, "root", Inclusive10, nil,
			`<root xmlns="urn:a" xmlns:ns1="urn:a" attr="val"></root>`},
		{"two declarations of one namespace, exclusive",
			`<root xmlns="urn:a" attr="val" xmlns:ns1="urn:a"/>`, "root", Exclusive, nil,
			`<root xmlns="urn:a" attr="val"></root>`},
		{"an ampersand is escaped twice where there is a default namespace",
			`<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"><body> &amp; ETH</body></html>`, "html", Exclusive, nil,
			`<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"><body> &amp; ETH</body></html>`},
		{"xml:lang is sorted as if it were in no namespace",
			`<a xmlns:p="http://a" xml:lang="en" p:x="1"/>`, "a", Exclusive, nil,
			`<a xmlns:p="http://a" p:x="1" xml:lang="en"></a>`},
		{"attributes without prefix are sorted by the default namespace",
			`<a xmlns="urn:z" xmlns:p="urn:b" p:type="t" ID="1"/>`, "a", Exclusive, nil,
			`<a xmlns="urn:z" xmlns:p="urn:b" ID="1" p:type="t"></a>`},
		{"attributes are sorted by prefix in place of namespace",
			`<a xmlns:a="urn:z" xmlns:b="urn:y" a:i="1" b:i="2"/>`, "a", Exclusive, nil,
			`<a xmlns:a="urn:z" xmlns:b="urn:y" b:i="2" a:i="1"></a>`},
		{"declarations are sorted among attributes",
			`<a z="1" xmlns:y="urn:y" y:b="2" xmlns="urn:d" a="3"/>`, "a", Inclusive10, nil,
			`<a xmlns="urn:d" xmlns:y="urn:y" a="3" z="1" y:b="2"></a>`},
		{"attributes are sorted without case", `<a b="1" B="2" a="3" _c="4" A="5"/>`, "a", Inclusive10, nil,
			`<a A="5" B="2" _c="4" a="3" b="1"></a>`},
		{"a carriage return by reference is lost", "<a>one&#13;\ntwo&#xD;</a>", "a", Exclusive,
			nil, "<a>one&#xD;\ntwo&#xD;</a>"},
		{"a literal one is kept", "<a b=\"x\r\ny\">one\r\ntwo\rthree</a>", "a", Exclusive, nil,
			"<a b=\"x y\">one\ntwo\nthree</a>"},
		{"several line ends become one", "<a>one\r\n\r\n\ntwo</a>", "a", Exclusive, nil, "<a>one\n\n\ntwo</a>"},
		{"CDATA is kept as such", "<a><![CDATA[1 < 2 & ]]]]><![CDATA[>]]></a>", "a", Exclusive, nil,
			"<a>1 &lt; 2 &amp; ]]&gt;</a>"},
		{"the prefix xml is declared", `<a xml:space="preserve"><b xml:lang="de"/></a>`, "a", Exclusive, nil,
			`<a xml:space="preserve"><b xml:lang="de"></b></a>`},
		{"what is in no namespace below a default one, as part of the whole",
			`<rDE xmlns="urn:e"><x xmlns=""><y/></x></rDE>`, "rDE", Exclusive, nil,
			`<rDE xmlns="urn:e"><x xmlns=""><y></y></x></rDE>`},
		{"what is in no namespace below a default one, as the apex",
			`<rDE xmlns="urn:e"><x xmlns=""><y/></x></rDE>`, "x", Exclusive, nil, `<x><y></y></x>`},
		{"PrefixList of a CanonicalizationMethod is passed over",
			`<S xmlns:ds="urn:ds" xmlns:soapenv="urn:s"><ds:SignedInfo><ds:Method/></ds:SignedInfo></S>`, "SignedInfo",
			Exclusive, []string{"soapenv"},
			`<ds:SignedInfo xmlns:ds="urn:ds" xmlns:soapenv="urn:s"><ds:Method></ds:Method></ds:SignedInfo>`},
		{"prefixes that are listed and not declared count",
			`<S xmlns:ds="urn:ds"><ds:SignedInfo/></S>`, "SignedInfo", Exclusive, []string{"xs", "soapenv", "#default"},
			`<ds:SignedInfo xmlns:ds="urn:ds"></ds:SignedInfo>`},
		{"a default namespace that nothing uses is rendered",
			`<saml:A xmlns="urn:saml" xmlns:saml="urn:saml" ID="1"><saml:B/></saml:A>`, "A", Exclusive, nil,
			`<saml:A xmlns:saml="urn:saml" ID="1"><saml:B></saml:B></saml:A>`},
		{"the default namespace of the parent is rendered",
			`<P xmlns="urn:protocol"><ns2:A xmlns:ns2="urn:assertion" ID="1"/></P>`, "A", Exclusive, nil,
			`<ns2:A xmlns:ns2="urn:assertion" ID="1"></ns2:A>`},
		{"prefixes in values of attributes are no use of them",
			`<V xmlns:tn="urn:schema" xmlns:a="urn:instance" a:type="tn:boolean">true</V>`, "V", Exclusive, nil,
			`<V xmlns:a="urn:instance" a:type="tn:boolean">true</V>`},
		{"prefixes in values of attributes, listed",
			`<V xmlns:tn="urn:schema" xmlns:a="urn:instance" a:type="tn:boolean">true</V>`, "V",
			Exclusive, []string{"tn"}, `<V xmlns:a="urn:instance" xmlns:tn="urn:schema" a:type="tn:boolean">true</V>`},
		{"a namespace of another scheme is taken for a relative one",
			`<I xmlns="dian:gov:co:facturaelectronica:Structures-2-1"/>`, "I", Exclusive, nil,
			`<I xmlns="dian:gov:co:facturaelectronica:Structures-2-1"></I>`},
	} {
		doc, err := Scan([]byte(c.in), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.fault, err)
			continue
		}
		apex := doc.Root()
		for n := range doc.Root().Descendants() {
			if apex.Local() != c.apex {
				apex = n
			}
		}
		if got := string(apex.AppendCanonical(nil, C14N{Method: c.method, Prefixes: c.prefixes})); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.fault, got, c.want)
		}
	}
}

// Documents that others read, as was reported, in a way that lets a signature say
// more, or less, than who signed it.
func TestScanRefusesReportedDocuments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault, in string
		want      error
	}{
		{"a processing instruction is text to one reader and nothing to another",
			`<NameID><?p not-an-?>admin@example.com</NameID>`, ErrPI},
		{"a colon behind a slash makes a scheme", `<a xmlns="a/b:c"/>`, ErrRelativeNamespace},
		{"a colon at an end of a name", `<a xmlns:x="urn:x"><x:/></a>`, ErrName},
		{"two colons in a name", `<a xmlns:x="urn:x"><x:y:z/></a>`, ErrName},
		{"a directive with quotes and comments", `<!DOCTYPE a [<!-- ' -->]><a/>`, ErrDoctype},
	} {
		if _, err := Scan([]byte(c.in), Options{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.fault, err, c.want)
		}
	}
}
