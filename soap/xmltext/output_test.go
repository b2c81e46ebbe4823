package xmltext

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// failAfter fails when more than n octets were written.
type failAfter struct{ n int }

var errFull = errors.New("full")

func (w *failAfter) Write(b []byte) (int, error) {
	if w.n -= len(b); w.n < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteCanonicalReturnsTheErrorOfTheWriter(t *testing.T) {
	t.Parallel()
	n := mustScan(t, string(benchDocument(64<<10))).Root()
	size := len(n.AppendCanonical(nil, C14N{}))
	for _, room := range []int{0, 1, size / 2, size - 1} {
		if err := n.WriteCanonical(&failAfter{room}, C14N{}); !errors.Is(err, errFull) {
			t.Errorf("room for %d of %d: %v", room, size, err)
		}
	}
	if err := n.WriteCanonical(&failAfter{size}, C14N{}); err != nil {
		t.Error(err)
	}
}

// TestWriteCanonicalMemoryDoesNotGrow: memory must not grow with the message,
// whatever there is to change in it.
func TestWriteCanonicalMemoryDoesNotGrow(t *testing.T) {
	for name, unit := range map[string]string{
		"plain": "text ", "greater": "a > b ", "references": "&amp;", "CR": "x\r\n", "CDATA": "<![CDATA[<]]>",
		"dirty tags": "<a  b = 'c'/>", "comments": "<!-- c -->", "declarations": `<p:a xmlns:p="urn:p"></p:a>`,
	} {
		d, err := Scan([]byte("<r>"+strings.Repeat(unit, 200_000)+"</r>"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		n := leastAllocated(func() {
			if err := d.Root().WriteCanonical(io.Discard, C14N{}); err != nil {
				t.Fatal(err)
			}
		})
		if n > 16<<10 {
			t.Errorf("%s: %d octets allocated", name, n)
		}
	}
}
