package xmltext

import (
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unsafe"
)

// A meter is a Reserve that counts.
type meter struct {
	held, peak, calls int
	failAt            int // the call that is refused, counted from 1; 0 for none
}

var errNoRoom = errors.New("full")

func (m *meter) reserve(n int) error {
	if m.calls++; n > 0 && m.calls == m.failAt {
		return errNoRoom
	}
	m.held += n
	m.peak = max(m.peak, m.held)
	return nil
}

// utf16le returns s as UTF-16 with its mark.
func utf16le(s string) string {
	b := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// dense returns documents of about size octets whose index is large for them,
// or whose octets promise so.
func dense(size int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	numbers := func(form string) string { // with N for a number
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			b.WriteString(strings.ReplaceAll(form, "N", strconv.Itoa(i%60000)))
		}
		return b.String()
	}
	return map[string]string{
		"text":              "<a>" + fill("text ") + "</a>",
		"equals signs":      "<a>" + fill("=") + "</a>",
		"attributes' text":  "<a>" + fill(` b=""`) + "</a>",
		"CDATA":             "<a><![CDATA[" + fill("<b/>") + "]]></a>",
		"empty elements":    "<a>" + fill("<b/>") + "</a>",
		"elements":          "<a>" + fill("<b></b>") + "</a>",
		"attributes":        "<a>" + fill(`<b c="" d="" e="" f="" g="" h="" i="" j="" k="" l=""/>`) + "</a>",
		"declarations":      "<a>" + fill(`<b xmlns:c="u:" xmlns:d="u:" xmlns:e="u:" xmlns:f="u:"/>`) + "</a>",
		"namespaces":        "<a>" + numbers(`<pN:a xmlns:pN="u:N"/>`) + "</a>",
		"default namespace": "<a>" + numbers(`<a xmlns="u:N"/>`) + "</a>",
		"promising":         "<a>" + strings.Repeat("<b/>", 512) + "<![CDATA[" + fill("<>") + "]]></a>",
		"promising text":    "<a>" + strings.Repeat("<b/>", 512) + fill("text ") + "</a>",
		"cut":               "<a>" + fill("<b/>"),
		"deep":              fill("<b>"),
		"UTF-16":            utf16le("<a>" + strings.Repeat("<b/>", size/8) + "</a>"),
		"UTF-16, three":     utf16le("<a>" + strings.Repeat("\u4e00", size/2) + "</a>"),
		"UTF-16, two":       utf16le("<a>" + strings.Repeat("\u0416", size/2) + "</a>"),
		"UTF-16, four":      utf16le("<a>" + strings.Repeat("\U0001F600", size/4) + "</a>"),
	}
}

// TestReserveIsWhatAScanKeeps compares what is reserved with the heap that the
// Doc holds, for documents that are not ordinary in any way.
func TestReserveIsWhatAScanKeeps(t *testing.T) {
	const slack = 64 << 10
	for name, doc := range dense(4 << 20) {
		src := []byte(doc)
		var m meter
		var before, after runtime.MemStats
		for range 3 { // the tables of documents before are forgotten
			runtime.GC()
		}
		runtime.ReadMemStats(&before)
		d, err := Scan(src, Options{Reserve: m.reserve})
		runtime.GC()
		runtime.ReadMemStats(&after)
		kept := int(after.HeapAlloc) - int(before.HeapAlloc)
		t.Logf("%-18s %d octets: reserved %d, at most %d; kept %d; %v", name, len(src), m.held, m.peak, kept, err)
		if err != nil && m.held != 0 {
			t.Errorf("%s: %d octets are reserved after an error", name, m.held)
		}
		if kept > m.held+slack {
			t.Errorf("%s: the index takes %d octets, %d are reserved", name, kept, m.held)
		}
		if m.held > 3*kept+slack {
			t.Errorf("%s: the index takes %d octets, and %d are reserved", name, kept, m.held)
		}
		runtime.KeepAlive(d)
		runtime.KeepAlive(src)
	}
}

// TestReserveIsNotCalledForText: what only looks like markup costs next to
// nothing.
func TestReserveIsNotCalledForText(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"text", "equals signs", "attributes' text"} {
		var m meter
		if _, err := Scan([]byte(dense(8 << 20)[name]), Options{Reserve: m.reserve}); err != nil || m.peak > 4<<10 {
			t.Errorf("%s: %d octets reserved, %v", name, m.peak, err)
		}
	}
}

// TestIndexBoundHoldsForAnyOctets: no document, and no plaintext, takes more.
func TestIndexBoundHoldsForAnyOctets(t *testing.T) {
	t.Parallel()
	for _, size := range []int{16, 300, 4 << 10, 64 << 10, 3 << 20} {
		for name, doc := range dense(size) {
			if strings.HasPrefix(name, "UTF-16") {
				continue
			}
			var scan, graft meter
			_, _ = Scan([]byte(doc), Options{Reserve: scan.reserve})
			host, err := Scan([]byte("<a><b/></a>"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			_ = host.Root().FirstChild().Graft([]byte(doc), GraftContent, Options{Reserve: graft.reserve})
			if bound := IndexBound(len(doc)); max(scan.peak, graft.peak) > bound {
				t.Errorf("%s, %d octets: %d and %d, bound %d", name, len(doc), scan.peak, graft.peak, bound)
			}
		}
	}
}

// TestScanFailsWhenReserveDoes: wherever Reserve fails the scan ends with
// that error, and releases what it had.
func TestScanFailsWhenReserveDoes(t *testing.T) {
	t.Parallel()
	for name, doc := range dense(256 << 10) {
		for n := 1; ; n++ {
			m := meter{failAt: n}
			_, err := Scan([]byte(doc), Options{Reserve: m.reserve})
			if !errors.Is(err, errNoRoom) {
				break // it was not asked as often
			}
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || m.held != 0 {
				t.Errorf("%s, call %d: %v, %d octets held", name, n, err, m.held)
			}
			if strings.HasPrefix(name, "UTF-16") {
				continue
			}
			host, err := Scan([]byte("<a><b/></a>"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			m = meter{failAt: n}
			if err := host.Root().FirstChild().Graft([]byte(doc), GraftContent, Options{Reserve: m.reserve}); !errors.Is(err,
				errNoRoom) || m.held != 0 {
				t.Errorf("%s, graft: %v, %d octets held", name, err, m.held)
			}
		}
	}
}

// TestEntrySizesAreThoseOfTheTypes compares the constants with the types.
func TestEntrySizesAreThoseOfTheTypes(t *testing.T) {
	if e, a, b := unsafe.Sizeof(element{}), unsafe.Sizeof(attribute{}), unsafe.Sizeof(binding{}); e != elementBytes ||
		a != attributeBytes || b != bindingBytes {
		t.Errorf("%d, %d, %d octets", e, a, b)
	}
}

// TestGrownReservesAllItsRoomAtOnce: a list that turned out larger than what was
// reserved for it could only be reserved when it is too late to refuse.
func TestGrownReservesAllItsRoomAtOnce(t *testing.T) {
	t.Parallel()
	for old := range 400 {
		var calls []int
		s := scanner{opt: Options{Reserve: func(n int) error { calls = append(calls, n); return nil }}}
		list, err := grown(&s, make([]element, old), elementBytes, 0)
		want := []int{cap(list) * elementBytes, -old * elementBytes}
		if err != nil || cap(list) <= old || !slices.Equal(calls, want) {
			t.Fatalf("%d elements: reserves %v for room for %d: %v", old, calls, cap(list), err)
		}
	}
}
