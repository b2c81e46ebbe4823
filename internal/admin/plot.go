package admin

import (
	"fmt"
	"html/template"
	"strings"
)

// The plot's size in its own units: a column for each interval.
const (
	columnWidth = 4
	plotHeight  = 40
)

// plot returns the counts as SVG: a bar for each interval, with the part that was
// refused at its foot. What says the same in words for who cannot see it.
func plot(c *counts, what string) template.HTML {
	most := 1
	for _, n := range c.all {
		most = max(most, n)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="plot" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="%s">`,
		slots*columnWidth, plotHeight, template.HTMLEscapeString(what))
	bar := func(i, n int, class string) {
		if n == 0 {
			return
		}
		height := max(n*plotHeight/most, 1)
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%d" height="%d"/>`, class, i*columnWidth,
			plotHeight-height, columnWidth-1, height)
	}
	for i := range slots {
		bar(i, c.all[i], "all")
		bar(i, c.refused[i], "refused")
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}
