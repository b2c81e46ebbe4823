package xmltext

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// limitCase is the size at which a document exceeds a limit.
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
				return `<a xmlns:p="urn:p">` + strings.Repeat(`<b k="" l=""/>`, (n-1)/2) + strings.Repeat(`<b k=""/>`, (n-1)%2) +
					"</a>"
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

func TestScanEnforcesLimits(t *testing.T) {
	t.Parallel()
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

// TestScanEnforcesDefaultLimits reads the defaults back from the errors.
func TestScanEnforcesDefaultLimits(t *testing.T) {
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

func TestScanLimitsUTF16ByItsUTF8(t *testing.T) {
	t.Parallel()
	in := toUTF16("<a>"+strings.Repeat("€", 100)+"</a>", false) // 3 octets each in UTF-8, 2 in UTF-16
	if _, err := Scan(in, Options{Limits: Limits{MessageBytes: 250}}); !errors.Is(err, ErrLimit) {
		t.Errorf("%v", err)
	}
	if _, err := Scan(in, Options{Limits: Limits{MessageBytes: 307}}); err != nil {
		t.Errorf("%v", err)
	}
}

func TestGraftDepthCountsTheHost(t *testing.T) {
	t.Parallel()
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

// TestScanBoundsCanonicalForms: a short prefix for a long namespace name, used
// on siblings, makes exclusive canonical forms much longer than the message.
func TestScanBoundsCanonicalForms(t *testing.T) {
	t.Parallel()
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

// TestScanTakesLinearTime: inputs that make naive scanners quadratic. With
// 200,000 of something that is a minute and more; the limit leaves room for the
// race detector on a machine that is busy otherwise.
func TestScanTakesLinearTime(t *testing.T) {
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

// TestScanAllocations guards the paths that run for every message.
func TestScanAllocations(t *testing.T) {
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

// TestRepeatedDeclarationsAreLimitedByTheMessage: a digest of what repeats more
// would take many times as long as usual. Each message may repeat 1 MiB
// (leastRepeated): 2,047 declarations of 512 octets, one of 502, and that of r, 10.
func TestRepeatedDeclarationsAreLimitedByTheMessage(t *testing.T) {
	t.Parallel()
	scan := func(uri, elements, last int) error {
		src := `<r xmlns:x="u:` + strings.Repeat("u", uri) + `" xmlns:y="u:` + strings.Repeat("y", last) + `">` +
			strings.Repeat("<x:a/>", elements) + "<y:a/></r>"
		_, err := Scan([]byte(src), Options{})
		return err
	}
	for _, ok := range [][3]int{{70, 1 << 16, 1}, {500, 2047, 490}} {
		if err := scan(ok[0], ok[1], ok[2]); err != nil {
			t.Error(err)
		}
	}
	for _, refused := range [][3]int{{100, 1 << 16, 1}, {500, 2047, 491}} {
		if err := scan(refused[0], refused[1], refused[2]); !errors.Is(err, ErrLimit) {
			t.Errorf("%v: %v", refused, err)
		}
	}
}
