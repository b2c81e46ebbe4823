package xmltext

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestScanBoundsDistinctNames guards the bounds that are not configurable.
func TestScanBoundsDistinctNames(t *testing.T) {
	t.Parallel()
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
