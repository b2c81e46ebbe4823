package main

import "github.com/alecthomas/kong"

// helpCmd is what people try before --help.
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"Name of a command. Default: all of them."`
}

// Run prints what --help prints.
func (c *helpCmd) Run(kctx *kong.Context) error {
	if _, err := kctx.Kong.Parse(append(c.Command, "--help")); err != nil {
		return usageError{err}
	}
	return nil
}
