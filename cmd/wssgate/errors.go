package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
)

type errorsCmd struct {
	Codes []string `arg:"" optional:"" help:"Only these codes."`
}

// Run prints the catalogue, or the entries that were asked for.
func (c *errorsCmd) Run(s *streams) error {
	var known []string
	for _, e := range gateway.Catalogue() {
		known = append(known, e.Code)
	}
	for _, code := range c.Codes {
		if !slices.Contains(known, code) {
			return unknownName("code", code, known, "wssgate errors prints them all")
		}
	}
	told := false
	for _, e := range gateway.Catalogue() {
		if len(c.Codes) == 0 && e.Elsewhere() && !told {
			told = true
			fmt.Fprint(s.out, "No exchange of serve ends with the codes that follow: clients meet them, doctor and inspect.\n\n")
		}
		if len(c.Codes) == 0 || slices.Contains(c.Codes, e.Code) {
			printEntry(s.out, e)
		}
	}
	return nil
}

// unknownName refuses a word of the command line, with one that is like it or
// else where they all are.
func unknownName(what, name string, known []string, all string) error {
	if near := config.Nearest(name, known); near != "" {
		all = fmt.Sprintf("did you mean %q?", near)
	}
	return usageError{fmt.Errorf("no %s is called %q; %s", what, name, all)}
}

// printEntry writes one entry as a paragraph.
func printEntry(w io.Writer, e gateway.Entry) {
	fmt.Fprintf(w, "%s\n", e.Code)
	fault := e.Fault()
	if e.Elsewhere() {
		fault = "none: serve ends no exchange with it"
	}
	for _, line := range []struct{ label, text string }{{"cause", e.Cause}, {"cure", e.Cure}, {"fault", fault}} {
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
