package gateway

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// Whatever the octets, the index that their scan leaves behind is not larger
// than what is reserved for it.
func TestIndexBound(t *testing.T) {
	const size = 4 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	var spaces strings.Builder
	for i := 0; spaces.Len() < size/2; i++ {
		fmt.Fprintf(&spaces, `<p%d:a xmlns:p%d="u:%d"/>`, i%60000, i%60000, i%60000)
	}
	utf16le := func(s string) string {
		b := []byte("\xff\xfe")
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	for name, doc := range map[string]string{
		"text":              "<a>" + fill("text ") + "</a>",
		"empty elements":    "<a>" + fill("<b/>") + "</a>",
		"elements":          "<a>" + fill("<b></b>") + "</a>",
		"attributes":        "<a>" + fill(`<b c="" d="" e="" f="" g="" h="" i="" j="" k="" l=""/>`) + "</a>",
		"declarations":      "<a>" + fill(`<b xmlns:c="u:" xmlns:d="u:" xmlns:e="u:" xmlns:f="u:"/>`) + "</a>",
		"namespaces":        "<a>" + spaces.String() + "</a>",
		"promising":         "<a>" + strings.Repeat("<b/>", 512) + "<![CDATA[" + fill("<>") + "]]></a>",
		"promising text":    "<a>" + strings.Repeat("<b/>", 512) + fill("text ") + "</a>",
		"cut":               "<a>" + fill("<b/>"),
		"deep":              fill("<b>"),
		"UTF-16":            utf16le("<a>" + strings.Repeat("<b/>", size/8) + "</a>"),
		"UTF-16, not ASCII": utf16le("<a>" + strings.Repeat("\u4e00", size/2) + "</a>"),
	} {
		src := []byte(doc)
		bound := indexBound(src)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d, err := xmltext.Scan(src, xmltext.Options{})
		runtime.GC()
		runtime.ReadMemStats(&after)
		kept := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		t.Logf("%-18s %d octets: bound %d, kept %d, allocated %d, error %v", name, len(src), bound, kept, after.TotalAlloc-before.TotalAlloc, err)
		if kept > bound+64<<10 {
			t.Errorf("%s: the scan keeps %d octets, %d are reserved", name, kept, bound)
		}
		if allocated := int64(after.TotalAlloc - before.TotalAlloc); allocated > 4*bound+64<<10 {
			t.Errorf("%s: the scan allocates %d octets, %d are reserved", name, allocated, bound)
		}
		runtime.KeepAlive(d)
		runtime.KeepAlive(src)
	}
}

// The usual message costs little more than itself.
func TestIndexBoundOfText(t *testing.T) {
	if src := []byte("<a>" + strings.Repeat("text ", 1<<20) + "</a>"); indexBound(src) > 16<<10 {
		t.Errorf("%d for %d octets", indexBound(src), len(src))
	}
}
