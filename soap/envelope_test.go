package soap_test

import (
	"errors"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

func envelope(ns, inner string) []byte {
	return []byte(`<s:Envelope xmlns:s="` + ns + `">` + inner + `</s:Envelope>`)
}

func TestParseRejectsWhatIsNotAnEnvelope(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		src  []byte
		code soap.Code
	}{
		"another version":     {envelope("urn:soap", `<s:Body/>`), soap.CodeVersionMismatch},
		"another root":        {[]byte(`<Body xmlns="` + soap.NS11 + `"/>`), soap.CodeVersionMismatch},
		"no Body":             {envelope(soap.NS11, `<s:Header/>`), soap.CodeEnvelope},
		"two Bodies":          {envelope(soap.NS11, `<s:Body/><s:Body/>`), soap.CodeEnvelope},
		"two Headers":         {envelope(soap.NS11, `<s:Header/><s:Header/><s:Body/>`), soap.CodeEnvelope},
		"Header last":         {envelope(soap.NS11, `<s:Body/><s:Header/>`), soap.CodeEnvelope},
		"element after Body":  {envelope(soap.NS11, `<s:Body/><x xmlns="urn:x"/>`), soap.CodeEnvelope},
		"element before Body": {envelope(soap.NS11, `<x xmlns="urn:x"/><s:Body/>`), soap.CodeEnvelope},
		"Body of the other":   {envelope(soap.NS11, `<Body xmlns="`+soap.NS12+`"/>`), soap.CodeEnvelope},
		"text in Envelope":    {envelope(soap.NS11, `text<s:Body/>`), soap.CodeEnvelope},
		"text in Header":      {envelope(soap.NS11, `<s:Header>text</s:Header><s:Body/>`), soap.CodeEnvelope},
		"block, no namespace": {envelope(soap.NS11, `<s:Header><h/></s:Header><s:Body/>`), soap.CodeEnvelope},
		"mustUnderstand maybe": {envelope(soap.NS12, `<s:Header><h xmlns="urn:h" `+
			`s:mustUnderstand="maybe"/></s:Header><s:Body/>`), soap.CodeEnvelope},
		"relay maybe": {envelope(soap.NS12, `<s:Header><h xmlns="urn:h" s:relay="yes"/></s:Header><s:Body/>`),
			soap.CodeEnvelope},
		"relay empty": {envelope(soap.NS12, `<s:Header><h xmlns="urn:h" s:relay=""/></s:Header><s:Body/>`),
			soap.CodeEnvelope},
	} {
		_, err := soap.Parse(x.src, xmltext.Options{})
		var e *soap.Error
		if !errors.As(err, &e) || e.Code != x.code || e.ErrorCode() != string(x.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, src := range map[string][]byte{
		"DOCTYPE": []byte(`<!DOCTYPE x>` + string(envelope(soap.NS11, `<s:Body/>`))),
		"PI":      envelope(soap.NS11, `<?pi x?><s:Body/>`),
		"nothing": nil,
	} {
		var e *xmltext.SyntaxError
		if _, err := soap.Parse(src, xmltext.Options{}); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(envelope(soap.NS11, `<s:Header><h xmlns="urn:h" s:mustUnderstand="1"/></s:Header><s:Body><x/></s:Body>`))
	fault := soap.Fault{Code: soap.MustUnderstandFault, NotUnderstood: []xmltext.Name{{Space: "urn:h", Local: "h"}}}
	f.Add(fault.AppendEnvelope(nil, soap.V12))
	f.Fuzz(func(t *testing.T, src []byte) {
		e, err := soap.Parse(src, xmltext.Options{})
		if err != nil {
			return
		}
		if e.Body.Parent() != e.Root || e.Body.NextSibling() != (xmltext.Node{}) {
			t.Error("Body is not the last child of Envelope")
		}
		for b := range e.Blocks() {
			if _, err := e.MustUnderstand(b); err != nil {
				t.Error(err)
			}
		}
		e.Fault()
	})
}
