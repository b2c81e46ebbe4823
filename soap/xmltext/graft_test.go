package xmltext

import (
	"bytes"
	"errors"
	"testing"
)

const graftHost = `<s:E xmlns:s="urn:s" xmlns:p="urn:outer"><s:B k="1">x<e:ED xmlns:e="urn:e" ` +
	`xmlns:p="urn:inner"><e:C/></e:ED>y</s:B><z/></s:E>`

func mustScan(t testing.TB, src string) *Doc {
	t.Helper()
	d, err := Scan([]byte(src), Options{AllowPI: true})
	if err != nil {
		t.Fatalf("Scan(%q): %v", src, err)
	}
	return d
}

func TestGraftOfContent(t *testing.T) {
	t.Parallel()
	d := mustScan(t, graftHost)
	body := d.Root().Child("urn:s", "B")
	ed := body.Child("urn:e", "ED")
	if err := ed.Graft([]byte(`1<p:a><q xmlns="urn:q"/></p:a>2<b/>3`), GraftContent, Options{}); err != nil {
		t.Fatal(err)
	}
	want := `<s:B xmlns:s="urn:s" k="1">x1<p:a xmlns:p="urn:outer"><q xmlns="urn:q"></q></p:a>2<b></b>3y</s:B>`
	if got := string(body.AppendCanonical(nil, C14N{})); got != want {
		t.Errorf("canonical form\n got %s\nwant %s", got, want)
	}
	var b bytes.Buffer
	if err := body.WriteCanonical(&b, C14N{}); err != nil || b.String() != want {
		t.Errorf("WriteCanonical: %v %s", err, b.String())
	}
	if got := body.Text(); got != "x123y" {
		t.Errorf("Text %q", got)
	}
	a := body.Child("urn:outer", "a")
	if a.IsZero() || a.Parent() != body || !body.Contains(a) || ed.Contains(a) || a.NextSibling().Local() != "b" {
		t.Error("walkers do not cross the graft")
	}
	var names string
	for n := range d.Root().Descendants() {
		names += n.Local() + " "
	}
	if names != "B a q b z " {
		t.Errorf("Descendants: %s", names)
	}
	if got := a.FirstChild().Path(); got != "/E/B/a/q" {
		t.Errorf("Path %s", got)
	}
	if ed.Replacement() != a || !a.Replacement().IsZero() {
		t.Error("Replacement is not the first element of the plaintext")
	}
	if !ed.Grafted() || ed.Child("urn:e", "C").IsZero() {
		t.Error("the EncryptedData is not readable any more")
	}
	want = `<s:B xmlns:p="urn:outer" xmlns:s="urn:s" k="1">x1<p:a><q xmlns="urn:q"/></p:a>2<b/>3y</s:B>`
	if got := string(body.AppendDetached(nil)); got != want {
		t.Errorf("AppendDetached\n got %s\nwant %s", got, want)
	}
}

func TestGraftOfAnElement(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		plain string
		err   error
	}{
		{`<p:a/>`, nil},
		{` <p:a/>`, ErrGraftNotOneElement},
		{`<p:a/> `, ErrGraftNotOneElement},
		{`<p:a/><p:a/>`, ErrGraftNotOneElement},
		{`<!-- --><p:a/>`, ErrGraftNotOneElement},
		{``, ErrGraftNotOneElement},
		{`text`, ErrGraftNotOneElement},
		{`<e:a/>`, ErrUndeclaredPrefix},
		{`<a></a></s:B>`, ErrEndTag},
		{`<a>`, ErrUnexpectedEnd},
		{`</s:B>`, ErrEndTag},
		{`<?xml version="1.0"?><a/>`, ErrPI},
	} {
		ed := mustScan(t, graftHost).Root().FirstChild().FirstChild()
		err := ed.Graft([]byte(tc.plain), GraftElement, Options{})
		if !errors.Is(err, tc.err) {
			t.Errorf("%q: %v, want %v", tc.plain, err, tc.err)
		}
		if ed.Grafted() != (tc.err == nil) {
			t.Errorf("%q: Grafted %v", tc.plain, ed.Grafted())
		}
	}
}

// TestGraftScansInTheScopeOfTheParent: the plaintext is in the scope of the
// parent of EncryptedData. What the EncryptedData declares, which a signature
// over the plaintext never covered, must not bind a prefix in it.
func TestGraftScansInTheScopeOfTheParent(t *testing.T) {
	t.Parallel()
	const host = `<r xmlns="urn:d" xmlns:a="urn:1" xmlns:b="urn:b"><b:x xmlns:a="urn:2"><ED xmlns="urn:evil" ` +
		`xmlns:a="urn:evil" xmlns:c="urn:c"/></b:x></r>`
	d := mustScan(t, host)
	x := d.Root().FirstChild()
	ed := x.FirstChild()
	if err := ed.Graft([]byte(`<c:y/>`), GraftContent, Options{}); !errors.Is(err, ErrUndeclaredPrefix) {
		t.Errorf("a prefix that only EncryptedData declares: %v", err)
	}
	if err := ed.Graft([]byte(`<y a:k="1"><z xmlns=""/></y>`), GraftElement, Options{}); err != nil {
		t.Fatal(err)
	}
	y := x.FirstChild()
	for prefix, want := range map[string]string{"": "urn:d", "a": "urn:2", "b": "urn:b", "xml": namespaceXML} {
		if got, ok := y.LookupNamespace(prefix); !ok || got != want {
			t.Errorf("prefix %q is %q %v, want %q", prefix, got, ok, want)
		}
	}
	if _, ok := y.LookupNamespace("c"); ok {
		t.Error("a declaration of EncryptedData is in scope")
	}
	if y.Space() != "urn:d" || !y.FirstChild().Is("", "z") {
		t.Errorf("names %v %v", y.Name(), y.FirstChild().Name())
	}
	if _, ok := y.Attr("urn:2", "k"); !ok {
		t.Error("attribute in the wrong namespace")
	}
}

// TestGraftInAGraft: EncryptedData inside decrypted content.
func TestGraftInAGraft(t *testing.T) {
	t.Parallel()
	d := mustScan(t, `<r xmlns:p="urn:p"><ED/><last/></r>`)
	root := d.Root()
	outer := root.FirstChild()
	if err := outer.Graft([]byte(`<p:a xmlns="urn:d">1<ED/>2</p:a>`), GraftElement, Options{}); err != nil {
		t.Fatal(err)
	}
	a := root.FirstChild()
	inner := a.FirstChild()
	if err := inner.Graft([]byte(`3<q/>4`), GraftContent, Options{}); err != nil {
		t.Fatal(err)
	}
	q := a.FirstChild()
	if q.Space() != "urn:d" || q.Path() != "/r/a/q" || q.Parent() != a || !root.Contains(q) || a.Text() != "1342" ||
		a.NextSibling().Local() != "last" || !q.NextSibling().IsZero() {
		t.Errorf("%s %v", q.Path(), q.Name())
	}
	const want = `<r><p:a xmlns:p="urn:p">13<q xmlns="urn:d"></q>42</p:a><last></last></r>`
	if got := string(root.AppendCanonical(nil, C14N{})); got != want {
		t.Errorf("%s", got)
	}
	if got := string(q.AppendDetached(nil)); got != `<q xmlns="urn:d" xmlns:p="urn:p"/>` {
		t.Errorf("%s", got)
	}
	// An EncryptedData that is the whole plaintext of another one.
	d = mustScan(t, `<r><ED/></r>`)
	if err := d.Root().FirstChild().Graft([]byte(`<ED/>`), GraftElement, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := d.Root().FirstChild().Graft([]byte(`<x/>`), GraftElement, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := string(d.Root().AppendCanonical(nil, C14N{})); got != `<r><x></x></r>` {
		t.Errorf("%s", got)
	}
}

func TestGraftOfNothing(t *testing.T) {
	t.Parallel()
	d := mustScan(t, `<r><a/><ED/><ED/><b/></r>`)
	first := d.Root().FirstChild().NextSibling()
	second := first.NextSibling()
	for _, ed := range []Node{first, second} {
		if err := ed.Graft(nil, GraftContent, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if a := d.Root().FirstChild(); a.NextSibling().Local() != "b" {
		t.Errorf("next of a is %s", a.NextSibling().Path())
	}
	if got := string(d.Root().AppendCanonical(nil, C14N{})); got != `<r><a></a><b></b></r>` {
		t.Errorf("%s", got)
	}
	only := mustScan(t, `<r><ED/></r>`)
	if err := only.Root().FirstChild().Graft([]byte("text"), GraftContent, Options{}); err != nil {
		t.Fatal(err)
	}
	if !only.Root().FirstChild().IsZero() || only.Root().Text() != "text" || !only.Root().HasMixedText() {
		t.Error("text in place of the only child")
	}
	if _, plain := only.Root().PlainText(); plain {
		t.Error("PlainText across a graft")
	}
}

// TestGraftRejects: what cannot be replaced, and that a failed graft leaves the
// host as it was.
func TestGraftRejects(t *testing.T) {
	t.Parallel()
	d := mustScan(t, graftHost)
	if err := d.Root().Graft([]byte(`<a/>`), GraftElement, Options{}); !errors.Is(err, ErrGraft) {
		t.Errorf("root: %v", err)
	}
	ed := d.Root().FirstChild().FirstChild()
	before := d.Root().AppendCanonical(nil, C14N{})
	for _, plain := range []string{`<a>`, `<a/></s:B><s:B>`, `<!DOCTYPE a>`, "\xff", "&x;", `<e:a/>`} {
		if err := ed.Graft([]byte(plain), GraftContent, Options{}); err == nil {
			t.Errorf("%q accepted", plain)
		}
		if after := d.Root().AppendCanonical(nil, C14N{}); !bytes.Equal(after, before) {
			t.Errorf("%q changed the host: %s", plain, after)
		}
	}
	if err := ed.Graft([]byte(`x`), GraftContent, Options{Charset: "utf-16"}); !errors.Is(err, ErrCharset) {
		t.Errorf("UTF-16: %v", err)
	}
	var le *LimitError
	opt := Options{Limits: Limits{MessageBytes: 3}}
	if err := ed.Graft([]byte(`1234`), GraftContent, opt); !errors.As(err, &le) || le.What != "MessageBytes" {
		t.Errorf("4 octets of 3: %v", err)
	}
	if err := ed.Graft([]byte(`x`), GraftContent, Options{Charset: "utf-8"}); err != nil {
		t.Fatal(err)
	}
	if !ed.Replacement().IsZero() {
		t.Error("text is an element")
	}
	if err := ed.Graft([]byte(`y`), GraftContent, Options{}); !errors.Is(err, ErrGraft) {
		t.Errorf("twice: %v", err)
	}
}

func TestGraftErrorHasThePath(t *testing.T) {
	t.Parallel()
	ed := mustScan(t, graftHost).Root().FirstChild().FirstChild()
	var se *SyntaxError
	err := ed.Graft([]byte(`<a><b>&x;</b></a>`), GraftElement, Options{})
	if !errors.As(err, &se) || se.Path != "/E/B/a/b" || se.Offset != 6 {
		t.Errorf("%v", err)
	}
	err = ed.Graft([]byte(`x</s:B>`), GraftContent, Options{})
	if !errors.As(err, &se) || se.Path != "/E/B" || se.Offset != 1 {
		t.Errorf("%v", err)
	}
}

// TestDocIsSafeForConcurrentReaders runs under the race detector.
func TestDocIsSafeForConcurrentReaders(t *testing.T) {
	t.Parallel()
	d := mustScan(t, graftHost)
	body := d.Root().FirstChild()
	if err := body.FirstChild().Graft([]byte(`<p:a/>`), GraftElement, Options{}); err != nil {
		t.Fatal(err)
	}
	done := make(chan []byte)
	for range 4 {
		go func() {
			body.AppendDetached(nil)
			body.LookupNamespace("p")
			done <- body.AppendCanonical(nil, C14N{Prefixes: []string{"p"}, Extra: []ApexAttr{{"new", "urn:new", "Id", "x"}}})
		}()
	}
	first := <-done
	for range 3 {
		if !bytes.Equal(<-done, first) {
			t.Error("readers disagree")
		}
	}
}

// TestGraftRejectsNamesFromOutside: what a signature over a ciphertext
// does not cover must not apply to names in the plaintext.
func TestGraftRejectsNamesFromOutside(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		host, plain string
		names       GraftNames
		ok          bool
	}{
		{`<p:b xmlns:p="urn:p"><x/></p:b>`, `<p:a/>`, NamesInScope, true},
		{`<p:b xmlns:p="urn:p"><x/></p:b>`, `<p:a/>`, NamesParent, true},
		{`<p:b xmlns:p="urn:p"><x/></p:b>`, `<p:a/>`, NamesOwn, false},
		{`<p:b xmlns:p="urn:p" xmlns:q="urn:q"><x/></p:b>`, `<a q:c="1"/>`, NamesParent, false},
		{`<p:b xmlns:p="urn:p" xmlns:q="urn:q"><x/></p:b>`, `<q:a xmlns:q="urn:own" q:c="1"/>`, NamesOwn, true},
		{`<p:b xmlns:p="urn:p" xmlns="urn:evil"><x/></p:b>`, `<a/>`, NamesParent, false},
		{`<p:b xmlns:p="urn:p" xmlns="urn:evil"><x/></p:b>`, `<a xmlns=""/>`, NamesParent, true},
		{`<p:b xmlns:p="urn:p"><x/></p:b>`, `<a xml:lang="en"/>`, NamesOwn, true},
		{`<b xmlns="urn:p"><x/></b>`, `<a/>`, NamesParent, true},
		{`<p:b xmlns:p="urn:p" xmlns:q="urn:q"><x/></p:b>`, `<a xmlns:q="urn:own"><q:c/></a><q:d/>`, NamesParent,
			false},
	} {
		d, err := Scan([]byte(x.host), Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Root().FirstChild().Graft([]byte(x.plain), GraftContent, Options{Names: x.names})
		if (err == nil) != x.ok || err != nil && !errors.Is(err, ErrOuterName) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}
