package main

import (
	"crypto/fips140"
	"errors"

	"github.com/wssgate/wssgate/internal/browser"
	"github.com/wssgate/wssgate/internal/demo"
)

type demoCmd struct {
	Serve bool `help:"Keep running afterwards, with a page to try it in a browser, and print commands to try."`
}

// Help is shown below the flags' summary.
func (demoCmd) Help() string {
	return "Everything is real and on loopback: a Kerberos KDC, a client, this gateway and a plain SOAP service, in " +
		"one process and without network. " +
		"The exit status is 0 only if everything was verified."
}

// Run shows one call.
func (c *demoCmd) Run(ctx *runContext, s *streams) error {
	if fips140.Enforced() {
		return errors.New("the demo's KDC has keys that GODEBUG=fips140=only forbids; run it without, or with " +
			"GODEBUG=fips140=on")
	}
	files, err := browser.Embedded()
	if err != nil && !errors.Is(err, browser.ErrNotBuilt) {
		return err
	}
	return demo.Run(ctx, s.out, demo.Config{Serve: c.Serve, Browser: files})
}
