package xmltext

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// benchDocument returns a SOAP message of about size octets that is nearly all
// markup, about 20 octets per tag.
func benchDocument(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header>` +
		`<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" ` +
		`xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" ` +
		`soap:mustUnderstand="1">` +
		`<wsu:Timestamp wsu:Id="TS-1"><wsu:Created>2026-11-22T04:12:52.680Z</wsu:Created><wsu:Expires>` +
		`2026-11-22T04:17:52.680Z</wsu:Expires></wsu:Timestamp></wsse:Security></soap:Header>` +
		`<soap:Body wsu:Id="B-1" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/` +
		`oasis-200401-wss-wssecurity-utility-1.0.xsd"><o:orders xmlns:o="urn:example:orders">`)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `<o:order number="%08d"><o:item>fountain pen, %02d mm</o:item><o:quantity `+
			`unit="box">%d</o:quantity>`+
			`<o:deliveryDate>2026-11-22</o:deliveryDate></o:order>`, i, i%100, i%1000)
	}
	b.WriteString(`</o:orders></soap:Body></soap:Envelope>`)
	return b.Bytes()
}

// TestBenchDocumentIsCanonical compares the benchmark with the description of
// its input.
func TestBenchDocumentIsCanonical(t *testing.T) {
	t.Parallel()
	for _, size := range []int{6 << 10, 1 << 20} {
		src := benchDocument(size)
		if perTag := float64(len(src)) / float64(bytes.Count(src, []byte("<"))); perTag < 18 || perTag > 24 {
			t.Errorf("%d octets: %.1f octets per tag", len(src), perTag)
		}
	}
}

// raised are limits for the largest benchmark document.
var raised = Options{Limits: Limits{MessageBytes: 64 << 20, Elements: 4 << 20, Attributes: 4 << 20}}

// BenchmarkPipeline compares scan, exclusive canonicalization and SHA-256 with
// etree and goxmldsig for the same, and with SHA-256 of the same octets alone.
func BenchmarkPipeline(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"6kB", 6 << 10}, {"1MB", 1 << 20}, {"20MB", 20 << 20}} {
		src := benchDocument(size.n)
		b.Run(size.name+"/ours", func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := Scan(src, raised)
				if err != nil {
					b.Fatal(err)
				}
				h := sha256.New()
				if err := d.Root().WriteCanonical(h, C14N{}); err != nil {
					b.Fatal(err)
				}
				h.Sum(nil)
				d.Release()
			}
		})
		b.Run(size.name+"/etree+goxmldsig", func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				doc := etree.NewDocument()
				if err := doc.ReadFromBytes(src); err != nil {
					b.Fatal(err)
				}
				out, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(doc.Root())
				if err != nil {
					b.Fatal(err)
				}
				sha256.Sum256(out)
			}
		})
		b.Run(size.name+"/sha256", func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				sha256.Sum256(src)
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	src := benchDocument(1 << 20)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Scan(src, raised); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendCanonical(b *testing.B) {
	src := benchDocument(1 << 20)
	d, err := Scan(src, raised)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	dst := make([]byte, 0, 2*len(src))
	for b.Loop() {
		dst = d.Root().AppendCanonical(dst[:0], C14N{})
	}
}

// BenchmarkSweep measures the pass that looks for illegal octets.
func BenchmarkSweep(b *testing.B) {
	src := benchDocument(1 << 20)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		takeCensus(src)
	}
}

// shapes are kinds of documents other than that of benchDocument, by the unit
// that they repeat.
var shapes = []struct{ name, open, unit, shut string }{
	{"text", "<a>", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2", "</a>"},
	{"indented", "<a>\n", "  <item>\n    <name>fountain pen</name>\n    <count>12</count>\n  </item>\n", "</a>"},
	{"CRLF", "<a>\r\n", "  <item>\r\n    <name>fountain pen</name>\r\n  </item>\r\n", "</a>"},
	{"attributes", "<a>", `<item count="12" id="1234" name="fountain pen" unit="box"></item>`, "</a>"},
	{"unsorted attributes", "<a>", `<item unit="box" name="fountain pen" count="12" id="1234"></item>`, "</a>"},
	{"prefixed attributes", `<a xmlns:p="urn:p" xmlns:q="urn:q">`, `<item name="x" p:id="1" q:unit="box"></item>`,
		"</a>"},
	{"empty tags", "<a>", `<item name="fountain pen"/>`, "</a>"},
	{"default declarations", `<s:a xmlns:s="urn:s">`,
		`<Add xmlns="http://calculator.example/"><n1>100</n1><n2>15.99</n2></Add>`, "</s:a>"},
	{"prefix declarations", "<a>", `<p:Add xmlns:p="http://calculator.example/"><p:n1>100</p:n1></p:Add>`, "</a>"},
	{"undeclared default", `<s:a xmlns:s="urn:s">`, `<s:Add><n1 xmlns="">100</n1><n2 xmlns="">15.99</n2></s:Add>`,
		"</s:a>"},
	{"references", "<a>", "<t>Smith &amp; Sons &lt;info&gt; and more</t>", "</a>"},
	{"greater", "<a>", "<t>1 > 0</t><t>plain text here</t>", "</a>"},
	{"not ASCII", "<a>", "<t>Größe der Fläche</t><t>日本語のテキスト</t>", "</a>"},
	{"comments", "<a>", "<t>x</t><!-- a comment here -->", "</a>"},
}

func BenchmarkShapes(b *testing.B) {
	for _, s := range shapes {
		src := []byte(s.open + strings.Repeat(s.unit, (1<<20)/len(s.unit)) + s.shut)
		b.Run(s.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := Scan(src, raised)
				if err != nil {
					b.Fatal(err)
				}
				h := sha256.New()
				if err := d.Root().WriteCanonical(h, C14N{}); err != nil {
					b.Fatal(err)
				}
				h.Sum(nil)
			}
		})
	}
}

// BenchmarkQuick scans with quick and without it in turns, and compares the
// shortest run of each.
func BenchmarkQuick(b *testing.B) {
	defer runtime.KeepAlive(make([]byte, 64<<20))
	docs := map[string][]byte{"orders": benchDocument(1 << 20), "orders 6 kB": benchDocument(6 << 10)}
	for _, s := range shapes {
		docs[s.name] = []byte(s.open + strings.Repeat(s.unit, (1<<20)/len(s.unit)) + s.shut)
	}
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		b.Run(name, func(b *testing.B) {
			src, opt := docs[name], raised
			least := map[bool]time.Duration{false: math.MaxInt64, true: math.MaxInt64}
			for b.Loop() {
				for opt.careful = range least {
					start := time.Now()
					if _, err := Scan(src, opt); err != nil {
						b.Fatal(err)
					}
					least[opt.careful] = min(least[opt.careful], time.Since(start))
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(len(src))/least[false].Seconds()/1e6, "MB/s")
			b.ReportMetric(least[true].Seconds()/least[false].Seconds(), "times")
		})
	}
}
