package xmltext

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var santuario = flag.String("santuario", "", "folder of the unpacked jar org.apache.santuario:xmlsec:2.3.4:tests")

// santuarioFile returns a file of the jar.
func santuarioFile(t *testing.T, name string) []byte {
	t.Helper()
	if *santuario == "" {
		t.Skip("the jar is fetched by .ci/suites, and read with -santuario DIR")
	}
	b, err := os.ReadFile(filepath.Join(*santuario, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// canonicalOf returns the canonical form of the first element with a local name,
// or of the root.
func canonicalOf(t *testing.T, src []byte, apex string, m Method) ([]byte, error) {
	t.Helper()
	doc, err := Scan(src, Options{AllowPI: true})
	if err != nil {
		return nil, err
	}
	for n := range doc.Root().Descendants() {
		if n.Local() == apex {
			return n.AppendCanonical(nil, C14N{Method: m}), nil
		}
	}
	return doc.Root().AppendCanonical(nil, C14N{Method: m}), nil
}

// subtreePath is an XPath expression of the W3C's tests that selects a whole
// element.
var subtreePath = regexp.MustCompile(`^\(//\. \| //@\* \| //namespace::\*\)\s*\[ancestor-or-self::ietf:(\w+)\]\s*$`)

// The W3C's tests of Canonical XML 1.1 (xml:id, xml:lang, xml:space, xml:base), with
// what each of its implementations made of them, where they select an element.
func TestAppendCanonicalMatchesTheW3CsC14N11Tests(t *testing.T) {
	const dir = "org/w3c/www/interop/c14n11/"
	santuarioFile(t, dir+"xmlid-1.xpath")
	paths, err := filepath.Glob(filepath.Join(*santuario, dir, "*.xpath"))
	if err != nil {
		t.Fatal(err)
	}
	right, subsets := 0, 0
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".xpath")
		m := subtreePath.FindSubmatch(bytes.TrimSpace(santuarioFile(t, dir+name+".xpath")))
		if m == nil {
			subsets++
			continue
		}
		family := regexp.MustCompile(`-\d+$`).ReplaceAllString(name, "")
		got, err := canonicalOf(t, santuarioFile(t, dir+family+"-input.xml"), string(m[1]), Inclusive11)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		outputs, err := filepath.Glob(filepath.Join(*santuario, dir, name+"*.output"))
		if err != nil {
			t.Fatal(err)
		}
		for _, output := range outputs {
			if want := santuarioFile(t, dir+filepath.Base(output)); !bytes.Equal(got, want) {
				t.Errorf("%s: %s, want %s", filepath.Base(output), got, want)
				continue
			}
			right++
		}
	}
	t.Logf("santuario: %d tests, %d outputs right; %d tests of subsets that are no element", len(paths), right, subsets)
	if right < 60 {
		t.Errorf("%d outputs", right)
	}
}

// The examples of Canonical XML and of Exclusive XML Canonicalization that have no
// document type declaration, as Santuario's tests have them.
func TestAppendCanonicalMatchesTheExamplesOfSantuario(t *testing.T) {
	const dir = "org/apache/xml/security/c14n/"
	for _, c := range []struct {
		in, apex, out string
		method        Method
	}{
		{"in/32_input.xml", "", "in/32_c14n.xml", Inclusive10},
		{"in/32_input.xml", "", "in/32_c14n.xml", Inclusive11},
		{"in/default_ns_redefinition_input.xml", "Object", "in/default_ns_redefinition_c14n.xml", Inclusive10},
		{"inExcl/example2_2_1.xml", "elem2", "inExcl/example2_2_1_c14nized.xml", Inclusive10},
		{"inExcl/example2_2_2.xml", "elem2", "inExcl/example2_2_2_c14nized.xml", Inclusive10},
		{"inExcl/example2_2_1.xml", "elem2", "inExcl/example2_2_c14nized_exclusive.xml", Exclusive},
		{"inExcl/example2_2_2.xml", "elem2", "inExcl/example2_2_c14nized_exclusive.xml", Exclusive},
		{"inExcl/example2_2_3.xml", "p", "inExcl/example2_2_3_c14nized_exclusive.xml", Exclusive},
		{"inExcl/example2_4.xml", "elem2", "inExcl/example2_4_c14nized.xml", Exclusive},
	} {
		got, err := canonicalOf(t, santuarioFile(t, dir+c.in), c.apex, c.method)
		if want := santuarioFile(t, dir+c.out); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, %d: %s, %v, want %s", c.in, c.method, got, err, want)
		}
	}
	// The others have a declaration, or are in Latin-1 (3.6): they are refused.
	for _, name := range []string{"31", "33", "34", "35", "36", "37", "38"} {
		if _, err := canonicalOf(t, santuarioFile(t, dir+"in/"+name+"_input.xml"), "", Inclusive10); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
