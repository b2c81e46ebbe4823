package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptWSDLs: wsdls. Writes WSDLs that import has to refuse, each named after
// what is wrong with it, and some that it has to take.
func scriptWSDLs(ts *testscript.TestScript, _ bool, _ []string) {
	for name, text := range hostileWSDLs() {
		path := ts.MkAbs(name)
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
		ts.Check(os.WriteFile(path, []byte(text), 0o600))
	}
}

func hostileWSDLs() map[string]string {
	const kerberos = `<sp:SupportingTokens><wsp:Policy><sp:KerberosToken/></wsp:Policy></sp:SupportingTokens>`
	link := func(location string) string { return `<w:import namespace="urn:t" location="` + location + `"/>` }
	policies := map[string]string{
		"contradicting.wsdl": "<sp:SymmetricBinding/>\n    <sp:TransportBinding/>",
		"misspelt.wsdl": "\n    " + `<b:SymmetricBinding ` +
			`xmlns:b="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200703"/>`,
		"alternatives.wsdl": strings.Repeat("<wsp:ExactlyOne><sp:Wss10/><sp:Wss11/></wsp:ExactlyOne>", 60),
	}
	files := map[string]string{
		"mixed.wsdl": wsdlOf("", kerberos, `<w:port name="Q" binding="t:C"><s:address `+
			`location="https://localhost/other"/></w:port>`,
			"<w:binding name=\"C\" type=\"t:T\"><wsp:Policy>\n    <sp:AsymmetricBinding/>\n    <x xmlns=\"urn:x\"/>"+
				"</wsp:Policy>"+
				`<s:binding transport="http://schemas.xmlsoap.org/soap/http"/></w:binding>`),
		"namespace.wsdl": strings.ReplaceAll(wsdlOf("", kerberos, "", ""), "http://www.w3.org/ns/ws-policy",
			"http://schemas.xmlsoap.org/ws/2002/12/policy"),
		"huge.wsdl":            wsdlOf("<!--"+strings.Repeat("x", 5<<20)+"-->", kerberos, "", ""),
		"deep.wsdl":            wsdlOf("", strings.Repeat("<wsp:ExactlyOne>", 2000), "", ""),
		"many.wsdl":            wsdlOf(strings.Repeat(link("service.wsdl"), 10_000), kerberos, "", ""),
		"circle.wsdl":          wsdlOf(link("circle.wsdl")+link("circle2.wsdl"), kerberos, "", ""),
		"circle2.wsdl":         abstractWSDL(link("circle.wsdl") + link("circle2.wsdl")),
		"remote.wsdl":          abstractWSDL(link("http://127.0.0.1:1/service.wsdl")),
		"outside/outside.wsdl": abstractWSDL(link("../service.wsdl")),
		"itself.wsdl": wsdlOf("", `<wsp:PolicyReference URI="#p"/>`, "",
			`<wsp:Policy wsu:Id="p"><wsp:PolicyReference URI="#p"/></wsp:Policy>`),
	}
	doubling := `<wsp:Policy wsu:Id="p40"/>`
	for i := range 40 {
		doubling += fmt.Sprintf(`<wsp:Policy wsu:Id="p%d"><wsp:PolicyReference URI="#p%d"/><wsp:PolicyReference `+
			`URI="#p%[2]d"/></wsp:Policy>`,
			i, i+1)
	}
	files["doubling.wsdl"] = wsdlOf("", `<wsp:PolicyReference URI="#p0"/>`, "", doubling)
	for i := range 100 {
		files[fmt.Sprintf("chain/%d.wsdl", i)] = abstractWSDL(link(fmt.Sprintf("%d.wsdl", i+1)))
	}
	for name, policy := range policies {
		files[name] = wsdlOf("", policy, "", "")
	}
	return files
}

// abstractWSDL returns a WSDL that has nothing but imports.
func abstractWSDL(imports string) string {
	return `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:t">` + "\n" + imports +
		"</w:definitions>"
}

// wsdlOf returns a WSDL with one port, /quotes, whose binding has that policy from
// line 16 on.
func wsdlOf(imports, policy, ports, more string) string {
	return `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:wsp="http://www.w3.org/ns/ws-policy"
  xmlns:sp="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"
  xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
  xmlns:t="urn:t" targetNamespace="urn:t">
` + imports + `
  <w:portType name="T">
    <w:operation name="Ask">
      <w:input message="t:m"/>
      <w:output message="t:m"/>
    </w:operation>
  </w:portType>
  <w:binding name="B" type="t:T">
    <s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <w:operation name="Ask"><w:input/><w:output/></w:operation>
    <wsp:Policy>` + policy + `</wsp:Policy>
  </w:binding>
  <w:service name="S">
    <w:port name="P" binding="t:B"><s:address location="https://localhost/quotes"/></w:port>
` + ports + `
  </w:service>
` + more + `
</w:definitions>`
}
