package xmltext_test

import (
	"errors"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
)

func TestAppendSourceBehindItsScopeIsTheSameElement(t *testing.T) {
	const src = `<a:e xmlns:a="urn:a" xmlns="urn:d" x="1"><a:h xmlns:b="urn:b" y="2"><i>1<!-- c -->2</i><b:j xmlns=""/></a:h></a:e>`
	d, err := xmltext.Scan([]byte(src), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := d.Root()
	h := e.FirstChild()
	out := e.AppendOwnTag(nil)
	out = h.AppendOwnTag(out)
	for c := range h.Children() {
		out = c.AppendSource(out)
	}
	out = e.AppendEndTag(h.AppendEndTag(out))
	const want = `<a:e xmlns="urn:d" xmlns:a="urn:a"><a:h xmlns:b="urn:b"><i>12</i><b:j xmlns=""/></a:h></a:e>`
	if string(out) != want {
		t.Errorf("%s\nwant\n%s", out, want)
	}
	out = h.AppendScopeTag(nil)
	if got := string(h.AppendSourceContent(out)); got != `<a:h xmlns="urn:d" xmlns:a="urn:a" xmlns:b="urn:b"><i>12</i><b:j xmlns=""/>` {
		t.Error(got)
	}
	if got := h.ScopeSize(); got != len(` xmlns="urn:d" xmlns:a="urn:a" xmlns:b="urn:b"`) {
		t.Error(got)
	}
}

func TestRelativeNamespacesAreAcceptedWhenAskedFor(t *testing.T) {
	const src = `<a xmlns="Contracts"><p:b xmlns:p="../x"></p:b></a>`
	if _, err := xmltext.Scan([]byte(src), xmltext.Options{}); !errors.Is(err, xmltext.ErrRelativeNamespace) {
		t.Error(err)
	}
	d, err := xmltext.Scan([]byte(src), xmltext.Options{RelativeNamespaces: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(d.Root().AppendCanonical(nil, xmltext.C14N{})); got != src || !d.Root().Is("Contracts", "a") {
		t.Error(got)
	}
}

// TestNamesInAGraftMayBeKeptFromOutside: what a signature over a ciphertext
// does not cover must not give names in the plaintext their meaning.
func TestNamesInAGraftMayBeKeptFromOutside(t *testing.T) {
	for _, x := range []struct {
		host, plain string
		names       xmltext.GraftNames
		ok          bool
	}{
		{`<p:b xmlns:p="urn:p"><x/></p:b>`, `<p:a/>`, xmltext.NamesInScope, true},
		{`<p:b xmlns:p="urn:p"><x/></p:b>`, `<p:a/>`, xmltext.NamesParent, true},
		{`<p:b xmlns:p="urn:p"><x/></p:b>`, `<p:a/>`, xmltext.NamesOwn, false},
		{`<p:b xmlns:p="urn:p" xmlns:q="urn:q"><x/></p:b>`, `<a q:c="1"/>`, xmltext.NamesParent, false},
		{`<p:b xmlns:p="urn:p" xmlns:q="urn:q"><x/></p:b>`, `<q:a xmlns:q="urn:own" q:c="1"/>`, xmltext.NamesOwn, true},
		{`<p:b xmlns:p="urn:p" xmlns="urn:evil"><x/></p:b>`, `<a/>`, xmltext.NamesParent, false},
		{`<p:b xmlns:p="urn:p" xmlns="urn:evil"><x/></p:b>`, `<a xmlns=""/>`, xmltext.NamesParent, true},
		{`<p:b xmlns:p="urn:p"><x/></p:b>`, `<a xml:lang="en"/>`, xmltext.NamesOwn, true},
		{`<b xmlns="urn:p"><x/></b>`, `<a/>`, xmltext.NamesParent, true},
		{`<p:b xmlns:p="urn:p" xmlns:q="urn:q"><x/></p:b>`, `<a xmlns:q="urn:own"><q:c/></a><q:d/>`, xmltext.NamesParent, false},
	} {
		d, err := xmltext.Scan([]byte(x.host), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Root().FirstChild().Graft([]byte(x.plain), xmltext.GraftContent, xmltext.Options{Names: x.names})
		if (err == nil) != x.ok || err != nil && !errors.Is(err, xmltext.ErrOuterName) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}
