package xmldsig_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
)

func node(t testing.TB, s string) xmltext.Node {
	t.Helper()
	d, err := xmltext.Scan([]byte(s), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Root()
}

// signed returns a Signature over one part.
func signed(t testing.TB) string {
	t.Helper()
	m, _ := xmldsig.LookupSignature(xmldsig.HMACSHA256)
	d, _ := xmldsig.LookupDigest(xmldsig.SHA256)
	tmpl := xmldsig.Template{ID: "SIG-1", Method: m, Digest: d, KeyInfo: []byte(`<ds:KeyInfo xmlns:ds="` + xmldsig.NS +
		`"></ds:KeyInfo>`),
		References: []xmldsig.SignedPart{{ID: "B-1", Digest: make([]byte, 32)}}}
	out, _ := tmpl.Append(nil, []byte("key"))
	return string(out)
}

func TestParseRejectsOtherShapes(t *testing.T) {
	t.Parallel()
	msg := signed(t)
	if _, err := xmldsig.Parse(node(t, msg)); err != nil {
		t.Fatal(err)
	}
	reference := msg[strings.Index(msg, "<ds:Reference"):strings.Index(msg, "</ds:SignedInfo>")]
	transform := `<ds:Transform Algorithm="` + xmldsig.ExclusiveC14N + `"></ds:Transform>`
	for name, x := range map[string][2]string{
		"no SignedInfo": {"ds:SignedInfo>", "ds:Signed>"},
		"Object":        {"</ds:Signature>", "<ds:Object/></ds:Signature>"},
		"KeyInfo first": {"<ds:SignedInfo>", "<ds:KeyInfo/><ds:SignedInfo>"},
		"text":          {"<ds:SignedInfo>", "x<ds:SignedInfo>"},
		"HMACOutputLength": {"</ds:SignatureMethod>",
			"<ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>"},
		"HMACOutputLength text": {"</ds:SignatureMethod>", "8</ds:SignatureMethod>"},
		"no Reference":          {reference, ""},
		"too many References":   {reference, strings.Repeat(reference, xmldsig.MaxReferences+1)},
		"whole document":        {`URI="#B-1"`, `URI=""`},
		"external":              {`URI="#B-1"`, `URI="http://evil/#B-1"`},
		"XPointer of nothing":   {`URI="#B-1"`, `URI="#"`},
		"no URI":                {` URI="#B-1"`, ``},
		"Manifest":              {`</ds:SignedInfo>`, `<ds:Manifest/></ds:SignedInfo>`},
		"no Transform":          {transform, ""},
		"no Transforms":         {"<ds:Transforms>" + transform + "</ds:Transforms>", ""},
		"two Transforms":        {transform, transform + transform},
		"XPath in a Transform": {transform, `<ds:Transform Algorithm="` + xmldsig.ExclusiveC14N +
			`"><ds:XPath>x</ds:XPath></ds:Transform>`},
		"STR without parameter": {transform, `<ds:Transform Algorithm="` + xmldsig.STRTransform + `"/>`},
		"parameter of digest":   {"</ds:DigestMethod>", "<x/></ds:DigestMethod>"},
		"digest not base64":     {"<ds:DigestValue>", "<ds:DigestValue>!"},
		"digest too long":       {"<ds:DigestValue>", "<ds:DigestValue>" + strings.Repeat("A", 300)},
		"value too long":        {"<ds:SignatureValue>", "<ds:SignatureValue>" + strings.Repeat("A", 300)},
		"element in value":      {"</ds:SignatureValue>", "<x/></ds:SignatureValue>"},
		"many prefixes": {transform, `<ds:Transform Algorithm="` + xmldsig.ExclusiveC14N +
			`"><e:InclusiveNamespaces xmlns:e="` + xmldsig.NSEC + `" PrefixList="` + strings.Repeat("a ", 65) +
			`"/></ds:Transform>`},
	} {
		if !strings.Contains(msg, x[0]) {
			t.Fatalf("%s: %q is not in the message", name, x[0])
		}
		if s, err := xmldsig.Parse(node(t, strings.ReplaceAll(msg, x[0], x[1]))); err == nil {
			t.Errorf("%s: accepted: %+v", name, s)
		}
	}
}

func TestParseAcceptsAPrefixListInAnyForm(t *testing.T) {
	t.Parallel()
	list := "<e:InclusiveNamespaces xmlns:e='" + xmldsig.NSEC + "' PrefixList=' soap\n  wsse #default '/>"
	s, err := xmldsig.Parse(node(t, strings.Replace(signed(t), "</ds:CanonicalizationMethod>", list+
		"</ds:CanonicalizationMethod>", 1)))
	if err != nil || fmt.Sprint(s.C14N.Prefixes) != "[soap wsse #default]" {
		t.Errorf("%v, %v", s, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(signed(f))
	f.Fuzz(func(t *testing.T, src string) {
		d, err := xmltext.Scan([]byte(src), xmltext.Options{})
		if err != nil {
			return
		}
		s, err := xmldsig.Parse(d.Root())
		if err != nil {
			return
		}
		for _, r := range s.References {
			if len(r.URI) < 2 || r.URI[0] != '#' {
				t.Errorf("URI %q", r.URI)
			}
		}
		m, _ := xmldsig.LookupSignature(xmldsig.HMACSHA256)
		if s.CheckValue(m.New([]byte("a key nobody has"))) {
			t.Error("verified without the key")
		}
	})
}
