package xmltext

import (
	"strings"
	"testing"
)

// TestQuickLoadsNothingBehindTheSource: a message may end with a short tag, and
// one that is cut off with any octet, wherever the window ends.
func TestQuickLoadsNothingBehindTheSource(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"<r>", "<r><b/>", "<r><a>t</a>"} {
		for n := range ahead + 2*64 {
			text := strings.Repeat("x", n)
			for _, end := range []string{
				text + "</r>", "<a>" + text + "</a></r>", text + "<a/></r>", text + `<a k=""/>`, text + `<a b="" c="">`,
				`<a k="` + text + `" l=""/></r>`, `<a k="` + text + `" l="" m="">`, `<a k="` + text + `" l`, text + "</",
			} {
				sameIndex(t, []byte(begin+end), Options{})
			}
		}
	}
}
