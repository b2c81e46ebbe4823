package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/wrap"
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
	elsewhere := false
	for _, e := range gateway.Catalogue() {
		if len(c.Codes) == 0 && e.Elsewhere() && !elsewhere {
			elsewhere = true
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
		fmt.Fprintf(w, "  %-6s %s\n", line.label, wrap.Text(line.text, 9, 99, "         "))
	}
	fmt.Fprintln(w)
}

// cureOf returns the catalogue's cure of a code, "" if it has none.
func cureOf(code string) string {
	for _, e := range gateway.Catalogue() {
		if e.Code == code {
			return e.Cure
		}
	}
	return ""
}
