package xmltext

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// unusual are documents that take longest for their size, as a search over the
// kinds of markup and their order has found: a unit that is repeated, and what is
// around it.
func unusual() (docs []struct{ name, open, unit, shut string }) {
	add := func(name, open, unit string) {
		docs = append(docs, struct{ name, open, unit, shut string }{name, "<r" + open + ">", unit, "</r>"})
	}
	list := func(form string, from, step int) string { // 250 times, with a number for each %d
		var b strings.Builder
		for i := range 250 {
			b.WriteString(strings.ReplaceAll(form, "%d", fmt.Sprint((from+i*step)%250)))
		}
		return b.String()
	}
	declared := list(` xmlns:p%d="u:%d"`, 0, 1)
	add("empty elements", "", "<a/>")
	add("elements", "", "<a></a>")
	add("names not ASCII", "", "<\u00e9/>")
	add("long names", "", "<"+strings.Repeat("n", 1000)+"/>")
	add("one attribute", "", `<a b=""/>`)
	add("single quotes", "", `<a b=''/>`)
	add("spaces in tags", "", `<a b = '' ></a >`)
	add("two out of order", "", `<a c="" b=""/>`)
	add("twelve in reverse", "", `<a l="" k="" j="" i="" h="" g="" f="" e="" d="" c="" b="" a=""/>`)
	add("250 out of order", "", "<a"+list(` a%d=""`, 0, 7)+"/>")
	add("250 in reverse", "", "<a"+list(` a%d=""`, 249, 249)+"/>")
	add("250 of as many namespaces", declared, "<a"+list(` p%d:a=""`, 0, 97)+"/>")
	add("values of references", "", `<a b="`+strings.Repeat("&lt;", 200)+`"/>`)
	add("values of tabs", "", `<a b="`+strings.Repeat("\t", 200)+`"/>`)
	add("declarations", "", `<b:a xmlns:b="u:a"/>`)
	add("250 declarations", "", "<a"+list(` xmlns:p%d="u:%d"`, 0, 1)+"/>")
	add("prefixes in turns", declared, "<p1:a/><p2:a/><p3:a/><p4:a/><p5:a/><p6:a/>")
	add("prefixed attributes", ` xmlns:x="u:x" xmlns:y="u:y"`, `<x:a y:b='' x:b='' b=''/>`)
	add("a long namespace", ` xmlns:x="u:`+strings.Repeat("u", 80)+`"`, "<x:a/>")
	add("deep", "", strings.Repeat("<a>", 120)+strings.Repeat("</a>", 120))
	add("references", "", "&#65;")
	add("'>' in text", "", ">")
	add("carriage returns", "", "\r")
	add("CRLF in elements", "", "<a>\r\n</a>")
	add("CDATA sections", "", "<![CDATA[]]>")
	add("markup in a CDATA section", "", "<![CDATA["+strings.Repeat("<&>", 300)+"]]>")
	add("brackets", "", "]] >")
	add("comments", "", "<!---->")
	return docs
}

// usual is the document that others are compared with.
const usual = "orders"

// unusualSource returns a document of about size octets.
func unusualSource(name string, size int) []byte {
	for _, d := range unusual() {
		if d.name == name {
			return []byte(d.open + strings.Repeat(d.unit, max(1, size/len(d.unit))) + d.shut)
		}
	}
	if name == usual {
		return benchDocument(size)
	}
	return nil
}

// BenchmarkUnusual scans, canonicalizes and digests each of the documents in turns
// with the usual one, and compares the shortest times for an octet.
func BenchmarkUnusual(b *testing.B) {
	const size = 256 << 10
	pipeline := func(src []byte) time.Duration {
		start := time.Now()
		d, err := Scan(src, raised)
		if err != nil {
			b.Fatal(err)
		}
		h := sha256.New()
		_ = d.Root().WriteCanonical(h, C14N{})
		h.Sum(nil)
		d.Release()
		return time.Since(start)
	}
	for _, doc := range unusual() {
		b.Run(doc.name, func(b *testing.B) {
			sources := [2][]byte{unusualSource(usual, size), unusualSource(doc.name, size)}
			least := [2]float64{math.Inf(1), math.Inf(1)}
			for b.Loop() {
				for i, src := range sources {
					least[i] = min(least[i], float64(pipeline(src))/float64(len(src)))
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(least[1], "ns/octet")
			b.ReportMetric(least[1]/least[0], "×usual")
		})
	}
}

const (
	workOf   = "XMLTEXT_WORK_OF"
	workSize = "XMLTEXT_WORK_SIZE"
)

// TestWork does what TestUnusualDocumentsTakeBoundedWork counts.
func TestWork(t *testing.T) {
	name := os.Getenv(workOf)
	if name == "" {
		t.Skip("for another test")
	}
	var size int
	fmt.Sscan(os.Getenv(workSize), &size)
	src := unusualSource(name, size)
	if src == nil {
		return // to count what is done at the start of the program
	}
	d, err := Scan(src, raised)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []Method{Exclusive, Inclusive10} {
		if err := d.Root().WriteCanonical(new(discard), C14N{Method: m}); err != nil {
			t.Fatal(err)
		}
	}
}

type discard struct{}

func (*discard) Write(b []byte) (int, error) { return len(b), nil }

// TestUnusualDocumentsTakeBoundedWork counts the statements of this package that
// run for a document, by the counters of the compiler's coverage, and compares
// them with the document's octets and with those for half of it.
func TestUnusualDocumentsTakeBoundedWork(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles the package again")
	}
	program := filepath.Join(t.TempDir(), "work")
	build := exec.Command("go", "test", "-c", "-covermode=count", "-coverpkg=./...", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	const size = 64 << 10
	atStart := statements(t, program, "nothing", 0)
	for _, doc := range unusual() {
		once := statements(t, program, doc.name, size) - atStart
		twice := statements(t, program, doc.name, 2*size) - atStart
		perOctet := float64(once) / float64(len(unusualSource(doc.name, size)))
		t.Logf("%5.1f statements an octet, %.2f times as many for twice the octets: %s", perOctet,
			float64(twice)/float64(once), doc.name)
		if perOctet > mostStatements || float64(twice) > 2.3*float64(once) {
			t.Errorf("%s: %.1f statements an octet, and %.1f of twice the octets", doc.name, perOctet, float64(twice)/size/2)
		}
	}
}

// mostStatements are those for an octet of the worst document, and a fifth.
const mostStatements = 50

// statements returns how many statements run in program for a document.
func statements(t *testing.T, program, name string, size int) (sum int) {
	t.Helper()
	profile := filepath.Join(t.TempDir(), "profile")
	cmd := exec.Command(program, "-test.run", "^TestWork$", "-test.coverprofile", profile)
	cmd.Env = append(os.Environ(), workOf+"="+name, fmt.Sprintf("%s=%d", workSize, size))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	f, err := os.Open(profile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var place string
		var inBlock, times int
		if n, _ := fmt.Sscan(lines.Text(), &place, &inBlock, &times); n == 3 {
			sum += inBlock * times
		}
	}
	return sum
}
