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

// TestQuickEndsLongTextsAsTheRestDoes: texts that are longer than the masks reach,
// with what ends or complicates them at any place of 64 octets, behind others and in
// front of others, and where the source ends in them.
func TestQuickEndsLongTextsAsTheRestDoes(t *testing.T) {
	t.Parallel()
	const long = 5000
	usual := strings.Repeat(`<q k="v">t</q>`, 30)
	for _, what := range []string{
		"", "]]>", "]", "]]", "]]&gt;", ">", "&amp;", "&#13;", "&am", "\r", "\r\n", "\x00", "\x80", "é", "<![CDATA[]]]>",
		"<!---->",
	} {
		for at := range 2*64 + 2 {
			begin, end := strings.Repeat("x", at)+what, what+strings.Repeat("x", at)
			fill := strings.Repeat("x", long+at%64)
			for _, src := range []string{
				"<a>" + begin + fill + "</a>" + usual, "<a>" + fill + end + "</a>" + usual, "<a>" + fill + end,
				"<a>" + fill + "</a><a>" + begin + fill + "</a><a>" + fill + end + "</a>",
				"<a>" + begin + "</a><a>" + fill + "</a>" + usual + "<a>" + end + fill + "]]></a>",
			} {
				sameIndex(t, []byte(`<r>`+usual+src+`</r>`), Options{})
				sameIndex(t, []byte(`<r>`+usual+src), Options{})
			}
		}
	}
}
