package xmlenc_test

import (
	"bytes"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

func TestTemplateWritesItsOwnCanonicalForm(t *testing.T) {
	t.Parallel()
	m, _ := xmlenc.LookupMethod(xmlenc.AES256GCM)
	out := xmlenc.AppendEnd(append(xmlenc.Template{ID: "ED-1", Type: xmlenc.TypeElement, Method: m,
		KeyInfo: []byte(`<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"></ds:KeyInfo>`)}.AppendStart(nil),
		"ZGF0YQ=="...))
	n := node(t, string(out))
	if got := n.AppendCanonical(nil, xmltext.C14N{}); !bytes.Equal(got, out) {
		t.Errorf("%s\nis not canonical:\n%s", out, got)
	}
	ed, err := xmlenc.ParseEncryptedData(n)
	if err != nil || ed.Algorithm != xmlenc.AES256GCM || ed.KeyInfo.IsZero() {
		t.Errorf("%+v, %v", ed, err)
	}
}
