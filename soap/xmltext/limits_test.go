package xmltext

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// limitCase says at what size a document exceeds a limit.
type limitCase struct {
	what  string
	set   func(l *Limits, n int)
	build func(n int) string // exactly n of what is limited
}

func limitCases() []limitCase {
	return []limitCase{
		{"MessageBytes", func(l *Limits, n int) { l.MessageBytes = n },
			func(n int) string { return "<a>" + strings.Repeat("x", n-7) + "</a>" }},
		{"Depth", func(l *Limits, n int) { l.Depth = n },
			func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }},
		{"Elements", func(l *Limits, n int) { l.Elements = n },
			func(n int) string { return "<a>" + strings.Repeat("<b/>", n-1) + "</a>" }},
		{"Attributes", func(l *Limits, n int) { l.Attributes = n },
			func(n int) string {
				return `<a xmlns:p="urn:p">` + strings.Repeat(`<b k="" l=""/>`, (n-1)/2) + strings.Repeat(`<b k=""/>`, (n-1)%2) + "</a>"
			}},
		{"AttributesPerElement", func(l *Limits, n int) { l.AttributesPerElement = n },
			func(n int) string { return `<a xmlns:p="urn:p"` + numbered(` k%d=""`, n-1) + "/>" }},
		{"NamespacesInScope", func(l *Limits, n int) { l.NamespacesInScope = n },
			func(n int) string { return "<a" + numbered(` xmlns:p%d="urn:p"`, n-1) + `><b xmlns="urn:b"/></a>` }},
		{"NameBytes", func(l *Limits, n int) { l.NameBytes = n },
			func(n int) string { return "<" + strings.Repeat("n", n) + "/>" }},
		{"NameBytes", func(l *Limits, n int) { l.NameBytes = n },
			func(n int) string { return "<a " + strings.Repeat("n", n) + `=""/>` }},
		{"NameBytes", func(l *Limits, n int) { l.NameBytes = n },
			func(n int) string { return `<a xmlns="u:` + strings.Repeat("n", n-2) + `"/>` }},
		{"NameBytes", func(l *Limits, n int) { l.NameBytes = n },
			func(n int) string { return `<a><?` + strings.Repeat("n", n) + `?></a>` }},
		{"ValueBytes", func(l *Limits, n int) { l.ValueBytes = n },
			func(n int) string { return `<a k="` + strings.Repeat("n", n) + `"/>` }},
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestLimits(t *testing.T) {
	const n = 20
	for _, tc := range limitCases() {
		opt := Options{AllowPI: true}
		tc.set(&opt.Limits, n)
		if _, err := Scan([]byte(tc.build(n)), opt); err != nil {
			t.Errorf("%s: %d of %d: %v", tc.what, n, n, err)
		}
		_, err := Scan([]byte(tc.build(n+1)), opt)
		var le *LimitError
		if !errors.As(err, &le) || !errors.Is(err, ErrLimit) || le.What != tc.what || le.Max != n {
			t.Errorf("%s: %d of %d: %v", tc.what, n+1, n, err)
		}
	}
}

// TestDefaultLimits reads the defaults back from the errors.
func TestDefaultLimits(t *testing.T) {
	defaults := map[string]int{
		"MessageBytes": DefaultMessageBytes, "Depth": DefaultDepth, "Elements": DefaultElements,
		"Attributes": DefaultAttributes, "AttributesPerElement": DefaultAttributesPerElement,
		"NamespacesInScope": DefaultNamespacesInScope, "NameBytes": DefaultNameBytes, "ValueBytes": DefaultValueBytes,
	}
	for _, tc := range limitCases() {
		opt := Options{AllowPI: true}
		if tc.what == "NamespacesInScope" {
			opt.AttributesPerElement = -1
		}
		n := defaults[tc.what]
		if _, err := Scan([]byte(tc.build(n)), opt); err != nil {
			t.Errorf("%s: default %d: %v", tc.what, n, err)
		}
		_, err := Scan([]byte(tc.build(n+1)), opt)
		var le *LimitError
		if !errors.As(err, &le) || le.What != tc.what || le.Max != n {
			t.Errorf("%s: default %d: %v", tc.what, n+1, err)
		}
	}
}

func TestUTF16LimitIsOfUTF8(t *testing.T) {
	in := toUTF16("<a>"+strings.Repeat("€", 100)+"</a>", false) // 3 octets each in UTF-8, 2 in UTF-16
	if _, err := Scan(in, Options{Limits: Limits{MessageBytes: 250}}); !errors.Is(err, ErrLimit) {
		t.Errorf("%v", err)
	}
	if _, err := Scan(in, Options{Limits: Limits{MessageBytes: 307}}); err != nil {
		t.Errorf("%v", err)
	}
}

func TestGraftDepthCountsHost(t *testing.T) {
	opt := Options{Limits: Limits{Depth: 3}}
	d, err := Scan([]byte(`<a><b><ED/></b></a>`), opt)
	if err != nil {
		t.Fatal(err)
	}
	ed := d.Root().FirstChild().FirstChild()
	if err := ed.Graft([]byte(`<x><y/></x>`), GraftElement, opt); !errors.Is(err, ErrLimit) {
		t.Errorf("depth 4 of 3: %v", err)
	}
	if err := ed.Graft([]byte(`<x/>`), GraftElement, opt); err != nil {
		t.Errorf("depth 3 of 3: %v", err)
	}
}

// TestTables guards the bounds that are not configurable.
func TestTables(t *testing.T) {
	var b strings.Builder
	b.WriteString("<a>")
	for i := range maxNames + 1 {
		fmt.Fprintf(&b, `<p%d:x xmlns:p%d="urn:x"/>`, i, i)
	}
	b.WriteString("</a>")
	if _, err := Scan([]byte(b.String()), Options{}); !errors.Is(err, ErrLimit) {
		t.Errorf("prefixes: %v", err)
	}
	b.Reset()
	b.WriteString("<a>")
	for i := range maxNames + 1 {
		fmt.Fprintf(&b, `<x xmlns="urn:%d"/>`, i)
	}
	b.WriteString("</a>")
	if _, err := Scan([]byte(b.String()), Options{}); !errors.Is(err, ErrLimit) {
		t.Errorf("namespace names: %v", err)
	}
}

// TestCanonicalBlowUp: a short prefix for a long namespace name, used on
// siblings, makes exclusive canonical forms much longer than the message.
func TestCanonicalBlowUp(t *testing.T) {
	uri := "urn:" + strings.Repeat("x", 1000)
	in := `<a xmlns:p="` + uri + `">` + strings.Repeat("<p:b/>", 200_000) + "</a>"
	if _, err := Scan([]byte(in), Options{}); !errors.Is(err, ErrLimit) {
		t.Errorf("siblings: %v", err)
	}
	in = `<a xmlns:p="` + uri + `">` + strings.Repeat(`<b p:k=""/>`, 200_000) + "</a>"
	if _, err := Scan([]byte(in), Options{}); !errors.Is(err, ErrLimit) {
		t.Errorf("attributes: %v", err)
	}
	in = `<p:a xmlns:p="` + uri + `">` + strings.Repeat("<p:b/>", 200_000) + "</p:a>"
	if _, err := Scan([]byte(in), Options{}); err != nil {
		t.Errorf("a prefix that the parent has: %v", err)
	}
	in = `<a xmlns:p="urn:example:a-namespace-name-of-usual-length">` + strings.Repeat("<p:b/>", 200_000) + "</a>"
	if _, err := Scan([]byte(in), Options{}); err != nil {
		t.Errorf("usual: %v", err)
	}
}

// indexBytes is what the index of d takes.
func (d *Doc) indexBytes() int {
	n := cap(d.elements)*40 + cap(d.attrs)*20 + cap(d.bindings)*12
	for _, table := range []interner{d.names.prefixes, d.names.uris} {
		n += cap(table.list)*16 + len(table.index)*32
	}
	return n
}

// TestIndexMemory: the index of an ordinary message takes at most 1.5 times the
// octets of the message, also while it is built.
func TestIndexMemory(t *testing.T) {
	for _, size := range []int{6 << 10, 1 << 20, 20 << 20} {
		src := benchDocument(size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d, err := Scan(src, raised)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		allocated := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(src))
		index := float64(d.indexBytes()) / float64(len(src))
		t.Logf("%d octets: index %.2f, allocated %.2f octets per octet", len(src), index, allocated)
		if index > 1.5 || allocated > 1.5+2048/float64(len(src)) {
			t.Errorf("%d octets: index %.2f, allocated %.2f octets per octet", len(src), index, allocated)
		}
	}
}

// TestIndexMemoryWorstCase: whatever the input, the index stays below what the
// element and attribute limits allow, and what is allocated while it grows
// below a small multiple of that.
func TestIndexMemoryWorstCase(t *testing.T) {
	const size = 4 << 20
	fill := func(unit string) string { return strings.Repeat(unit, size/len(unit)) }
	for name, in := range map[string]string{
		"elements":                 "<a>" + fill("<a/>") + "</a>",
		"attributes":               "<a>" + fill(`<a b="" c=""/>`) + "</a>",
		"declarations":             "<a>" + fill(`<a xmlns="u:"/>`) + "</a>",
		"angle brackets in CDATA":  "<a><![CDATA[" + fill("<") + "]]></a>",
		"quotes in text":           "<a>" + fill(`=""`) + "</a>",
		"quotes in one value":      "<a b='" + fill(`=""`) + "'/>",
		"sample that misleads":     "<a>" + strings.Repeat("<a/>", 8<<10) + fill("x") + "</a>",
		"sample that misleads too": "<a>" + strings.Repeat("x", 64<<10) + fill("<a/>") + "</a>",
	} {
		opt := Options{Limits: Limits{Elements: 100_000, Attributes: 50_000}}
		bound := uint64(100_000*40 + 50_000*20 + 50_000*12)
		var before, after runtime.MemStats
		src := []byte(in)
		runtime.ReadMemStats(&before)
		d, err := Scan(src, opt)
		runtime.ReadMemStats(&after)
		if err != nil && !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
		if d != nil && uint64(d.indexBytes()) > bound {
			t.Errorf("%s: index of %d octets, at most %d", name, d.indexBytes(), bound)
		}
		if all := after.TotalAlloc - before.TotalAlloc; all > 5*bound {
			t.Errorf("%s: %d octets allocated on the way", name, all)
		}
	}
}

// TestLinearTime: inputs that make naive scanners quadratic. With 200,000 of
// something that is a minute and more; the limit leaves room for the race
// detector on a machine that is busy otherwise.
func TestLinearTime(t *testing.T) {
	const n = 200_000
	for name, in := range map[string]string{
		"brackets":           "<a>" + strings.Repeat("]]", n) + "</a>",
		"comment dashes":     "<a><!--" + strings.Repeat("- ", n) + "--></a>",
		"references":         "<a>" + strings.Repeat("&lt;", n) + "</a>",
		"lone ampersands":    "<a>" + strings.Repeat("&", n) + "</a>",
		"CR":                 "<a>" + strings.Repeat("\r", n) + "</a>",
		"CDATA":              "<a>" + strings.Repeat("<![CDATA[x]]>", n) + "</a>",
		"siblings":           "<a>" + strings.Repeat("<b/>", n) + "<c></a>",
		"attributes":         "<a" + numbered(` k%d=""`, n) + "/>",
		"unsorted":           "<a" + numbered(` k%d=""`, n) + ` a=""/>`,
		"declarations":       "<a" + numbered(` xmlns:p%d="u:"`, 60_000) + "/>",
		"shadowing":          strings.Repeat(`<a xmlns="u:">`, 60_000) + strings.Repeat("</a>", 60_000),
		"greater":            "<a>" + strings.Repeat("<b>></b>", n) + "</a>",
		"control characters": "<a>" + strings.Repeat("\n\t", n) + "</a>",
	} {
		opt := Options{Limits: Limits{Depth: -1, AttributesPerElement: -1, NamespacesInScope: -1}}
		start := time.Now()
		d, err := Scan([]byte(in), opt)
		if err == nil {
			d.Root().AppendCanonical(nil, C14N{})
			d.Root().AppendText(nil)
			d.Root().AppendDetached(nil)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: %d octets took %v", name, len(in), took)
		}
	}
}

// TestAllocations guards the paths that run for every message.
func TestAllocations(t *testing.T) {
	src := benchDocument(6 << 10)
	if n := testing.AllocsPerRun(20, func() {
		if _, err := Scan(src, Options{}); err != nil {
			t.Error(err)
		}
	}); n > 18 {
		t.Errorf("Scan: %v allocations", n)
	}
	d, err := Scan(src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	root := d.Root()
	dst := make([]byte, 0, 2*len(src))
	prefixes := []string{"soap", "wsse"}
	body := root.FirstChild().NextSibling()
	for name, guard := range map[string]struct {
		max float64
		f   func()
	}{
		"AppendCanonical":               {1, func() { root.AppendCanonical(dst, C14N{}) }},
		"AppendCanonical, PrefixList":   {1, func() { body.AppendCanonical(dst, C14N{Prefixes: prefixes}) }},
		"AppendCanonical, Inclusive10":  {1, func() { body.AppendCanonical(dst, C14N{Method: Inclusive10}) }},
		"AppendText":                    {0, func() { body.AppendText(dst) }},
		"Child, Is":                     {0, func() { root.Child("http://schemas.xmlsoap.org/soap/envelope/", "Body") }},
		"PlainText, SourceRange, Space": {0, func() { body.PlainText(); body.SourceRange(); body.Space() }},
		"Contains, Parent":              {0, func() { root.Contains(body); body.Parent() }},
	} {
		if n := testing.AllocsPerRun(20, guard.f); n > guard.max {
			t.Errorf("%s: %v allocations, want at most %v", name, n, guard.max)
		}
	}
	var b bytes.Buffer
	b.Grow(2 * len(src))
	if n := testing.AllocsPerRun(20, func() {
		b.Reset()
		if err := root.WriteCanonical(&b, C14N{}); err != nil {
			t.Error(err)
		}
	}); n > 2 {
		t.Errorf("WriteCanonical: %v allocations", n)
	}
}
