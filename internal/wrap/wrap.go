package wrap

import (
	"strings"
	"unicode/utf8"
)

// Text breaks text at spaces so that no line is longer than width columns,
// words that are longer excepted. The first line begins at the given column,
// those that follow with indent.
func Text(text string, column, width int, indent string) string {
	var b strings.Builder
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i > 0 && column+1+n > width:
			b.WriteString("\n" + indent)
			column = utf8.RuneCountInString(indent)
		case i > 0:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
