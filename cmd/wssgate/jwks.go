package main

import (
	"github.com/wssgate/wssgate/internal/identity"
)

type jwksCmd struct {
	Files []string `arg:"" placeholder:"FILE" help:"Key files of assertion-key."`
}

// Help is shown below the flags' summary.
func (jwksCmd) Help() string {
	return "Backends verify assertions by these keys. All keys of a file are printed, those too that do not sign yet, " +
		"or no longer do; those of several files, as nodes or routes have them, are printed together. Nothing that is " +
		"printed is secret."
}

// Run prints the public keys of the files as a JWK Set.
func (c *jwksCmd) Run(s *streams) error {
	var all []identity.Keys
	for _, path := range c.Files {
		keys, err := identity.Load(path)
		if err != nil {
			return usageError{err}
		}
		all = append(all, keys)
	}
	_, err := s.out.Write(identity.Join(all...).JWKS())
	return err
}
