package main

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/vectors"
	"github.com/wssgate/wssgate/testvectors"
)

type verifyCmd struct {
	Cases   []string `arg:"" optional:"" help:"Only vectors with a name like these: 'Ktp*-stax', 'cases/reply-*'."`
	Verbose bool     `short:"v" help:"Print each vector, and each message's verdict."`
}

// Help is shown below the flags' summary.
func (verifyCmd) Help() string {
	return "The vectors are part of this binary. Each message has to have the verdict, and the plaintext, that its " +
		"vector lists. " +
		"The canonical form of every verified part is compared with that of goxmldsig, where that library can. The " +
		"exit status is 1 if anything differs."
}

// Run runs the vectors in the order of their names, and prints a table of
// classes.
func (c *verifyCmd) Run(ctx *runContext, s *streams) error {
	names, err := vectors.Names(testvectors.Files)
	if err != nil {
		return err
	}
	if err := c.known(names); err != nil {
		return err
	}
	var all []vectors.Outcome
	for _, name := range names {
		if !c.wants(name) {
			continue
		}
		for _, o := range vectors.Run(ctx, testvectors.Files, name) {
			c.print(s.out, o)
			all = append(all, o)
		}
	}
	return summary(s.out, all)
}

// summary prints the table of classes. The error counts failures.
func summary(w io.Writer, all []vectors.Outcome) error {
	classes, total := vectors.Classes(all)
	width := len("class")
	for _, c := range classes {
		width = max(width, len(c.Name))
	}
	fmt.Fprintf(w, "%-*s  vectors  accepted  refused  failed\n", width, "class")
	for _, c := range append(classes, total) {
		fmt.Fprintf(w, "%-*s  %7d  %8d  %7d  %6d\n", width, c.Name, c.Vectors, c.Accepted, c.Refused, c.Failed)
	}
	var second vectors.SecondOpinion
	for _, o := range all {
		second.Add(o.Second)
	}
	fmt.Fprintf(w, "\n%d vectors passed, %d failed\n%v\n", total.Vectors-total.Failed, total.Failed, second)
	if total.Failed > 0 {
		return fmt.Errorf("%d of %d vectors failed", total.Failed, total.Vectors)
	}
	return nil
}

// known refuses a pattern that no vector matches.
func (c *verifyCmd) known(names []string) error {
	for _, pattern := range c.Cases {
		if !slices.ContainsFunc(names, (&verifyCmd{Cases: []string{pattern}}).wants) {
			var short []string
			for _, n := range names {
				short = append(short, path.Base(n))
			}
			return unknownName("case", pattern, short, "wssgate verify runs them all")
		}
	}
	return nil
}

// wants reports whether the vector was asked for, with its folder or without.
func (c *verifyCmd) wants(name string) bool {
	for _, pattern := range c.Cases {
		if !strings.Contains(pattern, "/") {
			name = path.Base(name)
		}
		if ok, err := path.Match(pattern, name); err == nil && ok {
			return true
		}
	}
	return len(c.Cases) == 0
}

func (c *verifyCmd) print(w io.Writer, o vectors.Outcome) {
	switch {
	case o.Problem != "":
		fmt.Fprintf(w, "FAIL  %s\n      %s\n", o.Name, strings.ReplaceAll(o.Problem, "\n", "\n      "))
	case c.Verbose:
		fmt.Fprintf(w, "pass  %s  %s\n", o.Name, o.Got)
	}
	if c.Verbose {
		for _, n := range o.Notes {
			fmt.Fprintf(w, "      %s\n", n)
		}
	}
}
