package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/wssgate/wssgate/internal/demo"
	"github.com/wssgate/wssgate/internal/wsdl"
)

// describedBackend adds to the backend of the scripts services with a WSDL, good
// ones and hostile ones, by their paths: /wsdl/NAME?wsdl. /wsdl/asked answers how
// often one of them was asked for.
func describedBackend(mux *http.ServeMux, done <-chan struct{}) {
	var asked atomic.Int32
	says := func(name, query, text string) {
		mux.HandleFunc("/wsdl/"+name, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				new(demo.Quotes).ServeHTTP(w, r)
				return
			case r.URL.RawQuery != query:
				w.WriteHeader(http.StatusNotFound)
				return
			}
			asked.Add(1)
			backendSays(http.StatusOK, "text/xml", text)(w, r)
		})
	}
	schema := `<x:schema xmlns:x="` + wsdl.NamespaceSchema + `">%s</x:schema>`
	types := func(links string) string { return `<w:types>` + fmt.Sprintf(schema, links) + `</w:types>` }
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, `<x:import schemaLocation="?xsd=%d"/>`, i)
	}
	says("good", "wsdl", definitionsOf(types(`<x:import schemaLocation="../wsdl/types.xsd?xsd=types"/>`+
		`<x:import schemaLocation="http://www.w3.org/2005/08/addressing/ws-addr.xsd"/>`)+
		`<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://10.0.0.1/wsdl/good"/>`+
		`</w:port></w:service>`))
	says("types.xsd", "xsd=types", fmt.Sprintf(schema, ""))
	says("entire", "wsdl", definitionsOf(`<w:service name="S"><w:port name="P" binding="t:B">`+
		`<s:address location="http://10.0.0.1/wsdl/entire"/></w:port></w:service>`))
	says("single", "singleWsdl", definitionsOf(`<w:service name="S"><w:port name="P" binding="t:B">`+
		`<s:address location="http://10.0.0.1/wsdl/single"/></w:port></w:service>`))
	says("many", "wsdl", definitionsOf(types(many.String())))
	says("loop", "wsdl", definitionsOf(`<w:import location="?wsdl"/><w:import location="loop2?wsdl=two"/>`))
	says("loop2", "wsdl=two", definitionsOf(`<w:import location="loop?wsdl"/><w:import location="loop2?wsdl=two"/>`))
	says("remote", "wsdl", definitionsOf(`<w:import location="http://169.254.169.254/latest/meta-data"/>`))
	says("file", "wsdl", definitionsOf(types(`<x:import schemaLocation="file:///etc/passwd"/>`)))
	says("large", "wsdl", definitionsOf(`<!-- `+strings.Repeat("x", wsdl.DefaultMaxDocument)+` -->`))
	says("entity", "wsdl", `<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>`+definitionsOf("&e;"))
	says("html", "wsdl", "<html><body>It works!</body></html>")
	mux.HandleFunc("/wsdl/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	})
	mux.HandleFunc("/wsdl/slow", func(http.ResponseWriter, *http.Request) { <-done })
	mux.HandleFunc("/wsdl/asked", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "asked %d times", asked.Load())
	})
}

// definitionsOf returns a WSDL with a binding and content.
func definitionsOf(content string) string {
	return `<w:definitions xmlns:w="` + wsdl.NamespaceWSDL + `" xmlns:s="` + wsdl.NamespaceSOAP11 + `" xmlns:t="urn:t" ` +
		`targetNamespace="urn:t">` + content + `<w:portType name="T"/><w:binding name="B" type="t:T">` +
		`<s:binding transport="http://schemas.xmlsoap.org/soap/http"/></w:binding></w:definitions>`
}
