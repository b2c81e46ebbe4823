package wsdl

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
)

const small = `<?xml version="1.0"?>
<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:p="http://www.w3.org/ns/ws-policy" xmlns:t="urn:t"
    targetNamespace="urn:t"
    xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">
  <w:import namespace="urn:o" location="other.wsdl"/>
  <w:types><x:schema><x:import namespace="urn:n"/><x:include schemaLocation=" a.xsd "/></x:schema></w:types>
  <w:portType name="T"><w:operation name="O"><w:input message="t:m"/></w:operation></w:portType>
  <w:binding name="B" type="t:T">
    <p:PolicyReference URI="#P"/>
    <s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <w:operation name="O"><s:operation soapAction="urn:act"/><w:input/><w:output p:PolicyURIs="#P #none"/>
      <w:fault name="f"/></w:operation>
  </w:binding>
  <w:service name="S"><w:port name="Port" binding="t:B"><s:address location="http://localhost/a"/></w:port></w:service>
  <p:Policy u:Id="P" Name="urn:named"><p:All><p:Policy u:Id="inner"/></p:All></p:Policy>
</w:definitions>`

func TestDocumentHasWhatTheWSDLSays(t *testing.T) {
	d, err := Parse("small.wsdl", []byte(small), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Kind != KindWSDL || d.TargetNamespace != "urn:t" {
		t.Errorf("kind %v of %q", d.Kind, d.TargetNamespace)
	}
	links := ""
	for _, l := range d.Links {
		links += fmt.Sprintf("%v %s %s;", l.Kind, l.Location, l.Attribute())
	}
	if links != "WSDL other.wsdl location;schema a.xsd schemaLocation;" {
		t.Errorf("links %s", links)
	}
	port := d.Services[0].Ports[0]
	binding, in, ok := FindBinding([]*Document{d}, port.Binding)
	if !ok || in != d || binding.SOAP != NamespaceSOAP11 || port.Location != "http://localhost/a" {
		t.Errorf("port %+v has binding %+v", port, binding)
	}
	portType, _, ok := FindPortType([]*Document{d}, binding.Type)
	if !ok || portType.Operations[0].Name != "O" || portType.Operations[0].Input.IsZero() {
		t.Errorf("port type %+v", portType)
	}
	op := binding.Operations[0]
	if op.Action != "urn:act" || op.Output.IsZero() || len(op.Faults) != 1 {
		t.Errorf("operation %+v", op)
	}
}

func TestPoliciesAreFoundWhereTheyAreAttached(t *testing.T) {
	d, err := Parse("small.wsdl", []byte(small), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Policies) != 1 || d.Place(d.Policies[0]).String() != "small.wsdl:16:3" {
		t.Fatalf("policies %v at %v", d.Policies, d.Place(d.Policies[0]))
	}
	p := d.Policies[0]
	at := d.Attachments(d.Bindings[0].Node)
	if len(at) != 1 || at[0].Policy != p || at[0].URI != "#P" {
		t.Errorf("of the binding: %+v", at)
	}
	at = d.Attachments(d.Bindings[0].Operations[0].Output)
	if len(at) != 2 || at[0].Policy != p || !at[1].Policy.IsZero() {
		t.Errorf("of the output: %+v", at)
	}
	if at := d.Attachments(p.Parent()); len(at) != 1 || at[0].Policy != p {
		t.Errorf("of definitions: %+v", at)
	}
	other := &Document{byID: map[string]xmltext.Node{}}
	if got, in, ok := FindPolicy([]*Document{other, d}, other, "urn:named"); !ok || got != p || in != d {
		t.Errorf("by its name: %v, %v", got, ok)
	}
	if _, _, ok := FindPolicy([]*Document{other, d}, other, "#P"); ok {
		t.Error("a fragment leads into another document")
	}
}

func TestWhatIsNoDescriptionIsRefusedAtItsPlace(t *testing.T) {
	wrap := func(s string) string {
		return `<w:definitions xmlns:w="` + NamespaceWSDL + `" xmlns:p="` + NamespacePolicy15 + `" xmlns:u="` +
			namespaceWSU + "\">\n" + s + "</w:definitions>"
	}
	for _, c := range []struct{ name, src, place, says string }{
		{"HTML", "<html>\n</html>", "x:1:1", "neither wsdl:definitions"},
		{"WSDL 2.0", `<d:description xmlns:d="http://www.w3.org/ns/wsdl"/>`, "x:1:1", "WSDL 2.0"},
		{"entities",
			"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "x:1:1", "document type declaration"},
		{"entity", wrap("\n  <w:types>&b;</w:types>"), "x:3:12", "undefined entity"},
		{"not XML", "{}", "x:1:1", ""},
		{"UTF-16 cut short", "\xff\xfe<\x00", "x:1:1", ""},
		{"empty", "", "x:1:1", "no root element"},
		{"a port without binding", wrap(`<w:service><w:port/></w:service>`), "x:2:12", "no attribute binding"},
		{"an undeclared prefix", wrap(`<w:binding type="q:T"/>`), "x:2:1", "declared prefix"},
		{"a policy twice",
			wrap(`<p:Policy u:Id="a"/><p:Policy u:Id="a"/>`), "x:2:21", `"a" is there twice, first at x:2:1`},
		{"10,000 imports",
			wrap(strings.Repeat(`<w:import location="a"/>`, 10_000)), "x:2:24577", "more than 1024 imports"},
		{"too many policies", wrap(strings.Repeat(`<p:Policy/>`, maxPolicies+1)), "x:2:45057", "more than 4096 policies"},
		{"too deep", strings.Repeat("<a>", 1000), "x:1:385", "limit exceeded"},
	} {
		_, err := Parse("x", []byte(c.src), Options{})
		if e, ok := errors.AsType[*Error](err); !ok || e.Place.String() != c.place || !strings.Contains(err.Error(),
			c.says) {
			t.Errorf("%s: %v, not at %s", c.name, err, c.place)
		}
	}
	if _, err := Parse("x", []byte(small), Options{MaxDocument: 100}); !errors.Is(err, xmltext.ErrLimit) {
		t.Errorf("too large: %v", err)
	}
}
