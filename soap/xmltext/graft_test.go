package xmltext

import (
	"bytes"
	"errors"
	"testing"
)

const graftHost = `<s:E xmlns:s="urn:s" xmlns:p="urn:outer"><s:B k="1">x<e:ED xmlns:e="urn:e" xmlns:p="urn:inner"><e:C/></e:ED>y</s:B><z/></s:E>`

func mustScan(t testing.TB, src string) *Doc {
	t.Helper()
	d, err := Scan([]byte(src), Options{AllowPI: true})
	if err != nil {
		t.Fatalf("Scan(%q): %v", src, err)
	}
	return d
}

func TestGraftContent(t *testing.T) {
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
	if !ed.Grafted() || ed.Child("urn:e", "C").IsZero() {
		t.Error("the EncryptedData is not readable any more")
	}
	want = `<s:B xmlns:p="urn:outer" xmlns:s="urn:s" k="1">x1<p:a><q xmlns="urn:q"/></p:a>2<b/>3y</s:B>`
	if got := string(body.AppendDetached(nil)); got != want {
		t.Errorf("AppendDetached\n got %s\nwant %s", got, want)
	}
}

func TestGraftElement(t *testing.T) {
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
