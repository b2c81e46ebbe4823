package xmltext_test

import (
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
)

func TestAppendSourceAfterItsScopeTagIsTheSameElement(t *testing.T) {
	t.Parallel()
	const src = `<a:e xmlns:a="urn:a" xmlns="urn:d" x="1"><a:h xmlns:b="urn:b" y="2"><i>1<!-- c -->2</i><b:j ` +
		`xmlns=""/></a:h></a:e>`
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
	if got := string(h.AppendSourceContent(out)); got != `<a:h xmlns="urn:d" xmlns:a="urn:a" `+
		`xmlns:b="urn:b"><i>12</i><b:j xmlns=""/>` {
		t.Error(got)
	}
	if got := h.ScopeSize(); got != len(` xmlns="urn:d" xmlns:a="urn:a" xmlns:b="urn:b"`) {
		t.Error(got)
	}
}
