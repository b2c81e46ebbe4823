package soap_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

func envelope(ns, inner string) []byte {
	return []byte(`<s:Envelope xmlns:s="` + ns + `">` + inner + `</s:Envelope>`)
}

func TestParseTellsTheVersion(t *testing.T) {
	for ns, want := range map[string]soap.Version{soap.NS11: soap.V11, soap.NS12: soap.V12} {
		e, err := soap.Parse(envelope(ns, `<s:Header><h:h xmlns:h="urn:h"/></s:Header><s:Body/>`), xmltext.Options{})
		if err != nil || e.Version != want || e.Header.IsZero() || e.Body.IsZero() {
			t.Errorf("%s: %v, %v", ns, e, err)
		}
	}
}

func TestParseRefusesWhatIsNotAnEnvelope(t *testing.T) {
	for name, x := range map[string]struct {
		src  []byte
		code soap.Code
	}{
		"another version":      {envelope("urn:soap", `<s:Body/>`), soap.CodeVersionMismatch},
		"another root":         {[]byte(`<Body xmlns="` + soap.NS11 + `"/>`), soap.CodeVersionMismatch},
		"no Body":              {envelope(soap.NS11, `<s:Header/>`), soap.CodeEnvelope},
		"two Bodies":           {envelope(soap.NS11, `<s:Body/><s:Body/>`), soap.CodeEnvelope},
		"two Headers":          {envelope(soap.NS11, `<s:Header/><s:Header/><s:Body/>`), soap.CodeEnvelope},
		"Header last":          {envelope(soap.NS11, `<s:Body/><s:Header/>`), soap.CodeEnvelope},
		"element after Body":   {envelope(soap.NS11, `<s:Body/><x xmlns="urn:x"/>`), soap.CodeEnvelope},
		"element before Body":  {envelope(soap.NS11, `<x xmlns="urn:x"/><s:Body/>`), soap.CodeEnvelope},
		"Body of the other":    {envelope(soap.NS11, `<Body xmlns="`+soap.NS12+`"/>`), soap.CodeEnvelope},
		"text in Envelope":     {envelope(soap.NS11, `text<s:Body/>`), soap.CodeEnvelope},
		"text in Header":       {envelope(soap.NS11, `<s:Header>text</s:Header><s:Body/>`), soap.CodeEnvelope},
		"block, no namespace":  {envelope(soap.NS11, `<s:Header><h/></s:Header><s:Body/>`), soap.CodeEnvelope},
		"mustUnderstand maybe": {envelope(soap.NS12, `<s:Header><h xmlns="urn:h" s:mustUnderstand="maybe"/></s:Header><s:Body/>`), soap.CodeEnvelope},
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

func TestHeaderAttributesOfBothVersions(t *testing.T) {
	src := `<s:Header><a xmlns="urn:a" s:mustUnderstand="%s" s:%s=" %s "/></s:Header><s:Body/>`
	for _, x := range []struct {
		ns, must, attr, role string
		want                 bool
		wantRole             string
	}{
		{soap.NS11, "1", "actor", "urn:me", true, "urn:me"},
		{soap.NS11, "0", "actor", soap.ActorNext, false, soap.ActorNext},
		{soap.NS12, "true", "role", soap.RoleUltimateReceiver, true, ""},
		{soap.NS12, " false ", "role", soap.RoleNext, false, soap.RoleNext},
		{soap.NS12, "1", "actor", "urn:me", true, ""},
	} {
		e, err := soap.Parse(envelope(x.ns, fmt.Sprintf(src, x.must, x.attr, x.role)), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		b := e.Header.FirstChild()
		if must, err := e.MustUnderstand(b); must != x.want || err != nil {
			t.Errorf("%+v: mustUnderstand %v, %v", x, must, err)
		}
		if role := e.Role(b); role != x.wantRole || soap.IsNext(role) != strings.HasSuffix(role, "next") {
			t.Errorf("%+v: role %q", x, role)
		}
	}
}

func TestFaultIsReadAsItWasWritten(t *testing.T) {
	for _, v := range []soap.Version{soap.V11, soap.V12} {
		for _, f := range []soap.Fault{
			{Reason: "plain <&> text"},
			{Code: soap.Receiver, Reason: "ours"},
			{Code: soap.VersionMismatch, Reason: "v"},
			{Code: soap.MustUnderstandFault, Reason: "m", NotUnderstood: []xmltext.Name{{Space: "urn:h?a&b", Local: "h"}}},
			{Subcode: xmltext.Name{Space: "urn:codes", Local: "Bad"}, Reason: "sub", Detail: []byte(`<d xmlns="urn:d"/>`)},
		} {
			e, err := soap.Parse(f.AppendEnvelope(nil, v), xmltext.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, ok := e.Fault()
			if !ok || e.Version != v || got.Reason != f.Reason || got.Subcode != f.Subcode {
				t.Errorf("%v: %+v, want %+v", v, got, f)
			}
			if (v == soap.V12 || f.Subcode.Local == "") && got.Code != f.Code {
				t.Errorf("%v: code %v, want %v", v, got.Code, f.Code)
			}
		}
	}
	e, err := soap.Parse(envelope(soap.NS11, `<s:Body><ok xmlns="urn:x"/></s:Body>`), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := e.Fault(); ok {
		t.Error("a fault was read where there is none")
	}
}

func ExampleFault() {
	f := soap.Fault{Subcode: xmltext.Name{Space: "urn:codes", Local: "Bad"}, Reason: "not today"}
	fmt.Printf("%s\n", f.AppendEnvelope(nil, soap.V11))
	// Output:
	// <soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault><faultcode xmlns:c="urn:codes">c:Bad</faultcode><faultstring xml:lang="en">not today</faultstring></soap:Fault></soap:Body></soap:Envelope>
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
