package soap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

func TestFaultHasItsHeaderBlocks(t *testing.T) {
	t.Parallel()
	f := soap.Fault{Code: soap.MustUnderstandFault, NotUnderstood: []xmltext.Name{{Space: "urn:h", Local: "h"}},
		Header: []byte(`<a xmlns="urn:a"/>`)}
	for v, want := range map[soap.Version]string{soap.V11: "a", soap.V12: "NotUnderstood a"} {
		e, err := soap.Parse(f.AppendEnvelope(nil, v), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for b := range e.Blocks() {
			got = append(got, b.Local())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%v: %q, want %s", v, got, want)
		}
	}
}

func TestFaultReadsWhatAppendEnvelopeWrites(t *testing.T) {
	t.Parallel()
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

// A client learns of both versions, in the namespace of its own (SOAP 1.2 §5.4.7,
// Appendix A).
func TestVersionMismatchNamesTheVersions(t *testing.T) {
	t.Parallel()
	f := soap.Fault{Code: soap.VersionMismatch}
	for _, v := range []soap.Version{soap.V11, soap.V12} {
		e, err := soap.Parse(f.AppendEnvelope(nil, v), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		upgrade := e.Header.FirstChild()
		var got []string
		for c := range upgrade.Children() {
			qname, _ := c.Attr("", "qname")
			prefix, local, _ := strings.Cut(qname, ":")
			space, _ := c.LookupNamespace(prefix)
			if c.Is(v.Namespace(), "SupportedEnvelope") {
				got = append(got, "{"+space+"}"+local)
			}
		}
		want := []string{"{" + soap.NS12 + "}Envelope", "{" + soap.NS11 + "}Envelope"}
		if !upgrade.Is(v.Namespace(), "Upgrade") || !slices.Equal(got, want) {
			t.Errorf("%v: %q", v, got)
		}
	}
}

func ExampleFault() {
	f := soap.Fault{Subcode: xmltext.Name{Space: "urn:codes", Local: "Bad"}, Reason: "not today"}
	fmt.Printf("%s\n", f.AppendEnvelope(nil, soap.V11))
	// Output:
	// <soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault><faultcode xmlns:c="urn:codes">c:Bad</faultcode><faultstring xml:lang="en">not today</faultstring></soap:Fault></soap:Body></soap:Envelope>
}
