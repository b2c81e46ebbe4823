package xmltext

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestScanBoundsDistinctNames guards the bounds that are not configurable: of
// maxNames, which each table begins with three of.
func TestScanBoundsDistinctNames(t *testing.T) {
	t.Parallel()
	for what, element := range map[string]string{"prefixes": `<p%d:x xmlns:p%[1]d="urn:x"/>`,
		"namespace names": `<x xmlns="urn:%d"/>`} {
		const there = 3
		var b strings.Builder
		b.WriteString("<a>")
		for i := range maxNames - there {
			fmt.Fprintf(&b, element, i)
		}
		within := b.Len()
		fmt.Fprintf(&b, element, maxNames)
		b.WriteString("</a>")
		var e *SyntaxError
		if _, err := Scan([]byte(b.String()), Options{}); !errors.As(err, &e) || !errors.Is(err, ErrLimit) ||
			e.Offset < int64(within) {
			t.Errorf("one more than %d %s, at octet %d: %v", maxNames, what, within, err)
		}
	}
}
