package importer

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// abstract is a WSDL that has a port type only, and imports what is said.
func abstract(imports string) string {
	return `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:a">` + imports +
		`</w:definitions>`
}

func link(location string) string { return `<w:import namespace="urn:a" location="` + location + `"/>` }

// divided returns the WSDL in two: the first imports the second from location, which
// has everything but the service.
func divided(location string) (first, second string) {
	all := service{}.wsdl()
	start, end := strings.Index(all, "<w:portType"), strings.Index(all, "<w:service")
	head := all[:start]
	return head + link(location) + all[end:], head + all[start:end] + "</w:definitions>"
}

func TestImportsAreFollowedInTheFolder(t *testing.T) {
	dir := t.TempDir()
	first, second := divided("parts/second.wsdl")
	path := write(t, dir, "first.wsdl", first)
	write(t, dir, "parts/second.wsdl", strings.Replace(second, "<w:portType", link("../first.wsdl")+"<w:portType",
		1)) // a loop
	text, err := Import(t.Context(), Config{Source: path})
	if err != nil || !strings.Contains(string(text), "second.wsdl:10:1") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestImportsElsewhereNeedToBeAllowed(t *testing.T) {
	dir := t.TempDir()
	var hits atomic.Int32
	first, second := divided("LOCATION")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		if r.URL.Path == "/elsewhere" {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
			return
		}
		fmt.Fprint(w, second)
	}))
	defer server.Close()
	outside := write(t, dir, "outside/second.wsdl", second)
	if err := os.MkdirAll(filepath.Join(dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "in", "link.wsdl")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ location, allow string }{
		{"../outside/second.wsdl", filepath.Join(dir, "outside")},
		{outside, filepath.Join(dir, "outside")},
		{"file://" + outside, ""},
		{"link.wsdl", filepath.Join(dir, "outside")},
		{server.URL + "/second.wsdl", server.URL + "/"},
		{server.URL + "/a/second.wsdl", server.URL + "/a"},
		{"//" + strings.TrimPrefix(server.URL, "http://") + "/second.wsdl", ""},
		{"ftp://localhost/second.wsdl", ""},
		{"second.wsdl?x", ""},
		{":::", ""},
		{"", ""},
	} {
		path := write(t, dir, "in/first.wsdl", strings.ReplaceAll(first, "LOCATION", c.location))
		hits.Store(0)
		_, err := Import(t.Context(), Config{Source: path, Partial: true})
		if err == nil || !strings.Contains(err.Error(), "is not followed") || !strings.Contains(err.Error(),
			"first.wsdl:8:") {
			t.Errorf("%s: %v", c.location, err)
		}
		if hits.Load() > 0 {
			t.Errorf("%s was fetched", c.location)
		}
		if c.allow == "" {
			continue
		}
		if _, err := Import(t.Context(), Config{Source: path, Allow: []string{c.allow}}); err != nil {
			t.Errorf("%s, allowed: %v", c.location, err)
		}
		if _, err := Import(t.Context(), Config{Source: path, Allow: []string{c.allow + "x"}}); err == nil {
			t.Errorf("%s: was read where %sx is allowed", c.location, c.allow)
		}
	}
	path := write(t, dir, "in/first.wsdl", strings.ReplaceAll(first, "LOCATION", server.URL+"/elsewhere"))
	_, err := Import(t.Context(), Config{Source: path, Allow: []string{server.URL}})
	if err == nil || !strings.Contains(err.Error(), "redirects to") {
		t.Error(err)
	}
}

// A WSDL that is fetched may import from its own origin, by whatever name.
func TestImportsOfAFetchedWSDL(t *testing.T) {
	first, second := divided("?wsdl=wsdl0") // as WCF names them
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		switch r.URL.RawQuery {
		case "wsdl":
			fmt.Fprint(w, first)
		case "wsdl=wsdl0":
			fmt.Fprint(w, second)
		case "wsdl&sdkversion=8.0.0.0": // https://github.com/Data8/DataverseClient/issues/45
			fmt.Fprint(w, strings.ReplaceAll(first, "?wsdl=wsdl0", "http://machine.invalid/S.svc?wsdl=wsdl0"))
		case "other":
			fmt.Fprint(w, strings.ReplaceAll(first, "?wsdl=wsdl0", other.URL))
		case "file":
			fmt.Fprint(w, strings.ReplaceAll(first, "?wsdl=wsdl0", "file:///etc/passwd"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for _, query := range []string{"wsdl", "wsdl&sdkversion=8.0.0.0"} {
		if text, err := Import(t.Context(), Config{Source: server.URL + "/S.svc?" + query}); err != nil ||
			!strings.Contains(string(text), "S.svc?wsdl=wsdl0:10:1") {
			t.Errorf("%s: %v\n%s", query, err, text)
		}
	}
	for _, query := range []string{"other", "file"} {
		_, err := Import(t.Context(), Config{Source: server.URL + "/S.svc?" + query})
		if err == nil || !strings.Contains(err.Error(), "is not followed") || elsewhere.Load() > 0 {
			t.Errorf("%s: %v", query, err)
		}
	}
	if _, err := Import(t.Context(), Config{Source: server.URL + "/none"}); err == nil ||
		!strings.Contains(err.Error(), "404") {
		t.Error(err)
	}
}

func TestImportsAreBounded(t *testing.T) {
	dir := t.TempDir()
	chain := func(n int) string { // file i imports i+1
		for i := range n {
			write(t, dir, fmt.Sprintf("%d.wsdl", i), abstract(link(fmt.Sprintf("%d.wsdl", i+1))))
		}
		return filepath.Join(dir, "0.wsdl")
	}
	big := write(t, dir, "big.wsdl", abstract("<!--"+strings.Repeat("x", 5<<20)+"-->"))
	for _, c := range []struct{ name, source, says string }{
		{"a long chain", chain(100), "more than 64 documents"},
		{"a wide one", write(t, dir, "wide.wsdl", abstract(strings.Repeat(link("0.wsdl"), 10_000))), "imports"},
		{"a large one", big, "octets"},
		{"a folder", dir, "is not a file"},
		{"nothing", filepath.Join(dir, "none"), "no such file"},
		{"not a WSDL", write(t, dir, "a.html", "<html/>"), "neither wsdl:definitions"},
		{"not XML", write(t, dir, "a.txt", "hello"), "a.txt:1:1"},
		{"a schema", write(t, dir, "a.xsd", `<schema xmlns="http://www.w3.org/2001/XMLSchema"/>`), "no WSDL"},
		{"a document type", write(t, dir, "dtd.wsdl", `<!DOCTYPE a [<!ENTITY b SYSTEM `+
			`"/etc/passwd">]>`+abstract("&b;")), "document type"},
		{"an import that is no WSDL", write(t, dir, "b.wsdl", abstract(link("a.html"))), "a.html"},
		{"a URL of nobody", "http://127.0.0.1:1/", "refused"},
	} {
		if _, err := Import(t.Context(), Config{Source: c.source}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	many := ""
	for i := range 6 {
		name := fmt.Sprintf("big%d.wsdl", i)
		write(t, dir, name, abstract("<!--"+strings.Repeat("x", 3<<20)+"-->"))
		many += link(name)
	}
	_, err := Import(t.Context(), Config{Source: write(t, dir, "many.wsdl", abstract(many))})
	if err == nil || !strings.Contains(err.Error(), "octets in one document, or 16777216 in all") {
		t.Error(err)
	}
}

// UTF-16, as .NET's tools may save a WSDL.
func TestAWSDLInUTF16(t *testing.T) {
	text := strings.Replace(service{}.wsdl(), "<w:definitions", `<?xml version="1.0" encoding="utf-16"?><w:definitions`, 1)
	wide := "\xff\xfe"
	for _, c := range []byte(text) {
		wide += string([]byte{c, 0})
	}
	path := write(t, t.TempDir(), "wide.wsdl", wide)
	if out, err := Import(t.Context(), Config{Source: path}); err != nil || !strings.Contains(string(out),
		"path: /quotes # 14:1") {
		t.Errorf("%v\n%s", err, out)
	}
}
