package main

import "github.com/wssgate/wssgate/internal/demo"

type demoCmd struct {
	Serve bool `help:"Keep running afterwards, and print commands to try."`
}

// Help is shown below the flags' summary.
func (demoCmd) Help() string {
	return "Everything is real and on loopback: a Kerberos KDC, a client, this gateway and a plain SOAP service, in " +
		"one process and without network. " +
		"The exit status is 0 only if everything was verified."
}

// Run shows one call.
func (c *demoCmd) Run(ctx *runContext, s *streams) error {
	return demo.Run(ctx, s.out, c.Serve)
}
