package xmltext

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

// indexBytes is what the index of d takes.
func (d *Doc) indexBytes() int {
	n := cap(d.elements)*40 + cap(d.attrs)*20 + cap(d.bindings)*12
	for _, table := range []interner{d.names.prefixes, d.names.uris} {
		n += cap(table.list)*16 + len(table.index)*32
	}
	return n
}

// leastAllocated returns the least octets that a call of f allocated. One count
// may have in it what the runtime allocates meanwhile.
func leastAllocated(f func()) uint64 {
	least := ^uint64(0)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// TestScanIndexMemory: the index of an ordinary message takes at most 1.5 times
// the octets of the message, also while it is built.
func TestScanIndexMemory(t *testing.T) {
	for _, size := range []int{6 << 10, 1 << 20, 20 << 20} {
		src := benchDocument(size)
		var d *Doc
		n := leastAllocated(func() {
			var err error
			if d, err = Scan(src, raised); err != nil {
				t.Fatal(err)
			}
		})
		allocated := float64(n) / float64(len(src))
		index := float64(d.indexBytes()) / float64(len(src))
		t.Logf("%d octets: index %.2f, allocated %.2f octets per octet", len(src), index, allocated)
		const lists = 4 << 10 // octets of the shortest
		if few := lists / float64(len(src)); index > 1.5+few/4 || allocated > 1.5+few {
			t.Errorf("%d octets: index %.2f, allocated %.2f octets per octet", len(src), index, allocated)
		}
	}
}

// TestScanIndexMemoryInTheWorstCase: whatever the input, the index stays below
// what the element and attribute limits allow, and what is allocated while it
// grows below a small multiple of that.
func TestScanIndexMemoryInTheWorstCase(t *testing.T) {
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
