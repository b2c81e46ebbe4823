package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/wrap"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
	"github.com/wssgate/wssgate/web"
)

type errorsCmd struct {
	Codes []string `arg:"" optional:"" help:"Only these codes."`
}

// Run prints the catalogue, or the entries that were asked for.
func (c *errorsCmd) Run(s *streams) error {
	all := catalogue()
	var known []string
	for _, e := range all {
		known = append(known, e.code)
	}
	for _, code := range c.Codes {
		if !slices.Contains(known, code) {
			return unknownName("code", code, known, "wssgate errors prints them all")
		}
	}
	elsewhere := false
	for _, e := range all {
		if len(c.Codes) == 0 && e.fault == "" && !elsewhere {
			elsewhere = true
			fmt.Fprint(s.out, "No exchange of serve ends with the codes that follow: clients meet them, doctor and inspect.\n\n")
		}
		if len(c.Codes) == 0 || slices.Contains(c.Codes, e.code) {
			e.print(s.out)
		}
	}
	return nil
}

// An entry explains one code.
type entry struct {
	code, cause, cure string
	fault             string // that serve answers; "" if it ends no exchange with the code
}

// catalogue returns the entries of the gateway, and those of request and of pages.
func catalogue() (all []entry) {
	for _, e := range gateway.Catalogue() {
		fault := e.Fault()
		if e.Elsewhere() {
			fault = ""
		}
		all = append(all, entry{e.Code, e.Cause, e.Cure, fault})
	}
	for _, c := range kdcproxy.Codes() {
		all = append(all, entry{string(c.Code), c.Cause, c.Cure, fmt.Sprintf("HTTP %d, of the KDC relay", c.Status)})
	}
	for _, c := range client.Codes() {
		all = append(all, entry{code: string(c.Code), cause: c.Cause, cure: c.Cure})
	}
	for _, c := range web.Codes() {
		all = append(all, entry{code: string(c.Code), cause: c.Cause, cure: c.Cure})
	}
	return all
}

// unknownName refuses a word of the command line, with one that is like it or
// else where they all are.
func unknownName(what, name string, known []string, all string) error {
	if near := config.Nearest(name, known); near != "" {
		all = fmt.Sprintf("did you mean %q?", near)
	}
	return usageError{fmt.Errorf("no %s is called %q; %s", what, name, all)}
}

// print writes the entry as a paragraph.
func (e entry) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n", e.code)
	fault := cmp.Or(e.fault, "none: serve ends no exchange with it")
	for _, line := range []struct{ label, text string }{{"cause", e.cause}, {"cure", e.cure}, {"fault", fault}} {
		fmt.Fprintf(w, "  %-6s %s\n", line.label, wrap.Text(line.text, 9, 99, "         "))
	}
	fmt.Fprintln(w)
}

// cureOf returns the catalogue's cure of a code, "" if it has none.
func cureOf(code string) string {
	for _, e := range catalogue() {
		if e.code == code {
			return e.cure
		}
	}
	return ""
}
