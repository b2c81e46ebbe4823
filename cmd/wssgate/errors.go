package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/wssgate/wssgate/internal/gateway"
)

type errorsCmd struct {
	Codes []string `arg:"" optional:"" help:"Only these codes."`
}

// Run prints the catalogue, or the entries that were asked for.
func (c *errorsCmd) Run(s *streams) error {
	wanted := map[string]bool{}
	for _, code := range c.Codes {
		wanted[code] = true
	}
	all := len(wanted) == 0
	for _, e := range gateway.Catalogue() {
		if all || wanted[e.Code] {
			printEntry(s.out, e)
			delete(wanted, e.Code)
		}
	}
	for _, code := range c.Codes {
		if wanted[code] {
			return fmt.Errorf("no code is called %q; wssgate errors prints them all", code)
		}
	}
	return nil
}

// printEntry writes one entry as a paragraph.
func printEntry(w io.Writer, e gateway.Entry) {
	fmt.Fprintf(w, "%s\n", e.Code)
	for _, line := range []struct{ label, text string }{{"cause", e.Cause}, {"cure", e.Cure}, {"fault", e.Fault()}} {
		fmt.Fprintf(w, "  %-6s %s\n", line.label, wrap(line.text, 90, "         "))
	}
	fmt.Fprintln(w)
}

// wrap breaks text at spaces before column width; further lines begin with
// indent.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && column+1+len(word) > width:
			b.WriteString("\n" + indent)
			column = 0
		case i > 0:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
