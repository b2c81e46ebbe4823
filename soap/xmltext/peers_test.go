package xmltext

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// need skips the test when a program is missing, except in CI.
func need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("other implementations are not asked with -short")
	}
	path, err := exec.LookPath(program)
	if err != nil {
		if _, e := os.Stat(program); e == nil {
			return program
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: install Debian package %s", program, debianPackage)
		}
		t.Skipf("%s is missing (Debian package %s)", program, debianPackage)
	}
	return path
}

// askXMLSec returns libxml2's canonical forms by vector and method. xmlsec1
// signs references to the document and prints what it digested.
func askXMLSec(t *testing.T, vectors []*vector) map[string]string {
	xmlsec := need(t, "xmlsec1", "xmlsec1")
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("not a secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	for batch := range slices.Chunk(vectors, 24) {
		xmlsecForms(t, xmlsec, dir, key, batch, answers)
	}
	return answers
}

// xmlsecForms signs all forms of all vectors at once. xmlsec1 stops at the
// first that it refuses; then each half of the batch is tried.
func xmlsecForms(t *testing.T, xmlsec, dir, key string, batch []*vector, answers map[string]string) {
	t.Helper()
	var b strings.Builder
	b.WriteString(`<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>` +
		`<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>` +
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"/>`)
	var keys []string
	for _, v := range batch {
		if err := os.WriteFile(filepath.Join(dir, v.name+".xml"), v.in, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, m := range methods {
			if slices.Contains(v.methodsOf(), m.name) {
				keys = append(keys, v.name+" "+m.name)
				writeReference(&b, v, m.uri, m.method)
			}
		}
	}
	b.WriteString(`</ds:SignedInfo><ds:SignatureValue/></ds:Signature>`)
	template := filepath.Join(dir, "template")
	if err := os.WriteFile(template, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(xmlsec, "--sign", "--hmackey", key, "--store-references", "--output", template+".out", template)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil && len(batch) > 1 {
		xmlsecForms(t, xmlsec, dir, key, batch[:len(batch)/2], answers)
		xmlsecForms(t, xmlsec, dir, key, batch[len(batch)/2:], answers)
		return
	}
	rest := string(out)
	for _, key := range keys {
		answers[key] = refused
		_, tail, ok := strings.Cut(rest, "== PreDigest data - start buffer:\n")
		if form, tail, end := strings.Cut(tail, "\n== PreDigest data - end buffer"); ok && end {
			answers[key], rest = form, tail
		}
	}
}

// writeReference writes the template of a reference to one canonical form.
func writeReference(b *strings.Builder, v *vector, uri string, m Method) {
	apex := "/*"
	if a := v.header["apex"]; a != "" {
		apex = "(//*[local-name()='" + a + "'])[1]"
	}
	fmt.Fprintf(b, `<ds:Reference URI="%s.xml"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2002/06/`+
		`xmldsig-filter2">`+
		`<f:XPath xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="intersect">%s</f:XPath></ds:Transform>`+
		`<ds:Transform Algorithm="%s">`, v.name, apex, uri)
	if list := v.header["prefixes"]; list != "" && !m.inclusive() {
		fmt.Fprintf(b, `<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="%s"/>`, list)
	}
	b.WriteString(`</ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>` +
		`<ds:DigestValue/></ds:Reference>`)
}

// askSantuario returns Santuario's canonical forms by vector and method.
func askSantuario(t *testing.T, vectors []*vector) map[string]string {
	javac := need(t, "javac", "default-jdk-headless")
	java := need(t, "java", "default-jdk-headless")
	need(t, "/usr/share/java/xmlsec.jar", "libxml-security-java")
	dir := t.TempDir()
	class := "/usr/share/java/xmlsec.jar:/usr/share/java/slf4j-api.jar:/usr/share/java/slf4j-nop.jar:" + dir
	if out, err := exec.Command(javac, "-cp", class, "-d", dir,
		"testdata/Canonicalize.java").CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	var jobs strings.Builder
	outFile := func(v *vector, m string) string { return filepath.Join(dir, v.name+"."+m) }
	for _, v := range vectors {
		in := filepath.Join(dir, v.name+".xml")
		if err := os.WriteFile(in, v.in, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, m := range methods {
			prefixes := v.header["prefixes"]
			if m.method.inclusive() {
				prefixes = ""
			}
			fmt.Fprintf(&jobs, "%s\t%s\t%s\t%s\t%s\n", in, v.header["apex"], prefixes, m.uri, outFile(v, m.name))
		}
	}
	jobFile := filepath.Join(dir, "jobs")
	if err := os.WriteFile(jobFile, []byte(jobs.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(java, "-cp", class, "Canonicalize", jobFile).CombinedOutput(); err != nil {
		t.Fatalf("java: %v\n%s", err, out)
	}
	answers := map[string]string{}
	for _, v := range vectors {
		for _, m := range methods {
			b, err := os.ReadFile(outFile(v, m.name))
			if err != nil {
				t.Fatal(err)
			}
			answers[v.name+" "+m.name] = string(b)
		}
	}
	return answers
}
