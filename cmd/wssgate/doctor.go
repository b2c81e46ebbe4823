package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/doctor"
	"github.com/wssgate/wssgate/kerberos/kdc"
)

// doctorCmd has the flags of serve, and checks what serve would meet.
type doctorCmd struct {
	config.Flags

	CCache string `name:"ccache" env:"-" placeholder:"FILE" help:"Credentials (kinit), if the keytab's do not suffice."`

	Timeout time.Duration `env:"-" default:"5s" placeholder:"DURATION" help:"For each request to a KDC, DNS or backend."`
	JSON    bool          `name:"json" env:"-" help:"Print the results as a JSON array."`
}

// Help is shown below the flags' summary.
func (doctorCmd) Help() string {
	return "Give it the flags, variables and file that serve gets, and run it as the same user. Each line is ok, " +
		"warn, fail or skip; what is not well has its cure below. " +
		"Nothing is changed, and no password is tried. The exit status is 1 if something failed."
}

// Run prints the report.
func (c *doctorCmd) Run(ctx *runContext, s *streams, kctx *kong.Context) error {
	if c.Timeout <= 0 {
		return usageError{fmt.Errorf("--timeout %v is not a duration", c.Timeout)}
	}
	report := c.examine(ctx, kctx)
	write := report.WriteText
	if c.JSON {
		write = report.WriteJSON
	}
	if err := write(s.out); err != nil {
		return err
	}
	if report.Failed() {
		return errors.New("something does not work: see the lines with fail")
	}
	return nil
}

func (c *doctorCmd) examine(ctx *runContext, kctx *kong.Context) doctor.Report {
	if unknown := config.UnknownVariables(os.Environ()); len(unknown) > 0 {
		return doctor.Refused(&config.Error{Findings: unknown})
	}
	cfg, err := config.Load(&c.Flags, given(kctx))
	if err != nil {
		return doctor.Refused(err)
	}
	return doctor.Run(ctx, checks(cfg, cmp.Or(cfg.Krb5Conf, os.Getenv("KRB5_CONFIG")), c.CCache, c.Timeout))
}

// checks returns the checks of what serve needs with a configuration.
func checks(cfg *config.Config, krb5Conf, ccache string, timeout time.Duration) doctor.Config {
	return doctor.Config{
		Settings: cfg, Krb5Conf: krb5Conf, StateDir: assembly.StatePath(cfg), CCache: ccache, Timeout: timeout,
		Keys: assembly.ServiceKeys,
		Cure: cureOf,
		RelayKDCs: func(ctx context.Context, realm string) ([]kdc.Address, error) {
			return assembly.RelayKDCs(ctx, cfg, realm)
		},
		Assemble: func() error { return assembly.Check(cfg, slog.New(slog.DiscardHandler)) },
	}
}
