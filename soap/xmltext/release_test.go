package xmltext

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/internal/pool"
)

// An ownerFunc is called with Release.
type ownerFunc func()

func (f ownerFunc) Release() { f() }

// TestReleasedDocumentIsOfNoUse: what goes on to use one fails, and does not read
// the index of another message.
func TestReleasedDocumentIsOfNoUse(t *testing.T) {
	t.Parallel()
	d := mustScan(t, `<a b="c">d<e/></a>`)
	root := d.Root()
	d.Release()
	d.Release()                           // does nothing
	next := mustScan(t, `<x y="z">w</x>`) // perhaps by the same tables
	for name, use := range map[string]func(){
		"Name":            func() { root.Name() },
		"Attr":            func() { root.Attr("", "b") },
		"Text":            func() { root.Text() },
		"FirstChild":      func() { root.FirstChild() },
		"Path":            func() { root.Path() },
		"LookupNamespace": func() { root.LookupNamespace("p") },
		"AppendCanonical": func() { root.AppendCanonical(nil, C14N{}) },
		"AppendSource":    func() { root.AppendSource(nil) },
		"Graft":           func() { _ = root.Graft(nil, GraftContent, Options{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s works", name)
				}
			}()
			use()
		}()
	}
	next.Release()
}

// TestReleaseReleasesPlaintextsOnce: those of nested grafts too, and not one that
// was refused.
func TestReleaseReleasesPlaintextsOnce(t *testing.T) {
	t.Parallel()
	d := mustScan(t, `<a><b/><c/><d/></a>`)
	released := map[string]int{}
	owner := func(name string) Options {
		return Options{Owner: ownerFunc(func() { released[name]++ })}
	}
	b := d.Root().FirstChild()
	c := b.NextSibling()
	if err := b.Graft([]byte(`<x><y/></x>`), GraftElement, owner("outer")); err != nil {
		t.Fatal(err)
	}
	if err := b.Replacement().FirstChild().Graft([]byte("text"), GraftContent, owner("inner")); err != nil {
		t.Fatal(err)
	}
	if err := c.Graft([]byte(`<x>`), GraftElement, owner("refused")); err == nil {
		t.Fatal("grafted half an element")
	}
	b.Replacement().Doc().Release() // does nothing: it is its host's
	if len(released) != 0 {
		t.Errorf("%v are released by a graft", released)
	}
	d.Release()
	d.Release()
	if fmt.Sprint(released) != "map[inner:1 outer:1]" {
		t.Errorf("released: %v", released)
	}
}

// TestReleasedTablesMakeTheSameIndex: whatever document they are of, also one that
// was refused on the way.
func TestReleasedTablesMakeTheSameIndex(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, `<p%d:a xmlns:p%d="urn:%d" b="c"/>`, i, i, i)
	}
	docs := []string{
		"<a>" + many.String() + "</a>", `<a><b xmlns="urn:b" c="d" e="f"/></a>`, "<a/>", "<p:a/>", "<a",
		`<p:a xmlns:p="urn:p"/>`,
		"<a>" + strings.Repeat(`<b c="d" e="f" g="h" i="j"/>`, 400) + "</a>", "<a>" + strings.Repeat("<b>", 50),
		"<a>" + strings.Repeat("<b/>", 3000) + "</a>", "<a><!-- x --></a>",
	}
	for _, first := range docs {
		for _, second := range docs {
			if d, err := Scan([]byte(first), Options{}); err == nil {
				d.Release()
			}
			sameIndex(t, []byte(second), Options{})
		}
	}
}

// TestReleaseBoundsWhatItKeeps: tables with many names, prefixes, declarations or
// attributes do not stay as large as they were, and long names do not stay.
func TestReleaseBoundsWhatItKeeps(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, `<p%d:a xmlns:p%d="urn:%d"/>`, i, i, i)
	}
	d := mustScan(t, "<a>"+b.String()+"</a>")
	kept := d.tables
	d.Release()
	if cap(kept.bindings) > mostBindings || cap(kept.active) > mostPrefixes || kept.names.uris.index != nil ||
		cap(kept.names.prefixes.list) > internLinear {
		t.Errorf("room for %d declarations, %d prefixes and %d names is kept", cap(kept.bindings), cap(kept.active),
			cap(kept.names.prefixes.list))
	}
	long := strings.Repeat("n", knownBytes+1)
	d = mustScan(t, `<a xmlns:p="urn:`+long+`">`+strings.Repeat("<b"+manyAttributes(100)+"/>", 1200)+"</a>")
	kept = d.tables
	d.Release()
	if cap(kept.attrs)*attributeBytes > pool.Largest {
		t.Errorf("room for %d attributes is kept", cap(kept.attrs))
	}
	for _, name := range kept.names.uris.listStore {
		if len(name) > knownBytes {
			t.Errorf("a name of %d octets is kept", len(name))
		}
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` z%d=""`, i)
	}
	return b.String()
}

// TestReleaseBesideOtherScans: with the race detector, that no index is of two
// documents at a time.
func TestReleaseBesideOtherScans(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			src := []byte(fmt.Sprintf(`<w%d:a xmlns:w%d="urn:%d">`, worker, worker, worker) +
				strings.Repeat(fmt.Sprintf(`<b k="%d">%d</b>`, worker, worker), 20+worker) + fmt.Sprintf("</w%d:a>", worker))
			for range 300 {
				d, err := Scan(src, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				if got := d.Root().AppendCanonical(nil, C14N{}); !bytes.Equal(got, src) {
					t.Errorf("%s, want %s", got, src)
				}
				d.Release()
			}
		})
	}
	all.Wait()
}
