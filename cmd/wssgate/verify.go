package main

import (
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/wssgate/wssgate/internal/vectors"
	"github.com/wssgate/wssgate/testvectors"
)

type verifyCmd struct {
	Cases   []string `arg:"" optional:"" help:"Only cases whose name matches one of these patterns, such as 'Ktp*-stax'."`
	Verbose bool     `short:"v" help:"Print each message's verdict."`
}

// Help is shown below the flags' summary.
func (verifyCmd) Help() string {
	return "The vectors are part of this binary. Each message has to have the verdict, and the plaintext, that its " +
		"case lists. " +
		"The canonical form of every verified part is compared with that of goxmldsig, where that library can. The " +
		"exit status is 1 if anything differs."
}

// Run verifies every case of testvectors, in the order of their names.
func (c *verifyCmd) Run(ctx *runContext, s *streams) error {
	cases, err := vectors.Names(testvectors.Files)
	if err != nil {
		return err
	}
	if err := c.known(cases); err != nil {
		return err
	}
	var total vectors.Result
	passed, failed := 0, 0
	for _, name := range cases {
		if !c.wants(name) {
			continue
		}
		r := vectors.Verify(ctx, testvectors.Files, name)
		c.print(s.out, name, r)
		if len(r.Problems) == 0 {
			passed++
		} else {
			failed++
		}
		total.Messages += r.Messages
		total.Second.Add(r.Second)
	}
	fmt.Fprintf(s.out, "\n%d cases passed, %d failed; %d messages\n%v\n", passed, failed, total.Messages, total.Second)
	if failed > 0 {
		return fmt.Errorf("%d of %d cases failed", failed, passed+failed)
	}
	return nil
}

// known refuses a pattern that no case matches.
func (c *verifyCmd) known(cases []string) error {
	for _, pattern := range c.Cases {
		if !slices.ContainsFunc(cases, (&verifyCmd{Cases: []string{pattern}}).wants) {
			return unknownName("case", pattern, cases, "wssgate verify runs them all")
		}
	}
	return nil
}

// wants reports whether the case was asked for.
func (c *verifyCmd) wants(name string) bool {
	for _, pattern := range c.Cases {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			return true
		}
	}
	return len(c.Cases) == 0
}

func (c *verifyCmd) print(w io.Writer, name string, r vectors.Result) {
	verdict := "pass"
	if len(r.Problems) > 0 {
		verdict = "FAIL"
	}
	fmt.Fprintf(w, "%s  %s\n", verdict, name)
	for _, p := range r.Problems {
		fmt.Fprintf(w, "      %s\n", p)
	}
	if c.Verbose {
		for _, n := range r.Notes {
			fmt.Fprintf(w, "      %s\n", n)
		}
	}
}
