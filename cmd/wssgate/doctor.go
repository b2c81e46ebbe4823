package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/doctor"
)

// doctorCmd takes what serve takes, and looks at what serve would meet.
type doctorCmd struct {
	config.Flags
	Krb5Conf string        `name:"krb5-conf" env:"-" placeholder:"FILE" help:"krb5.conf that names the KDCs. Default: KRB5_CONFIG, else /etc/krb5.conf."`
	CCache   string        `name:"ccache" env:"-" placeholder:"FILE" help:"Credential cache (kinit) to ask the KDC with, where the keytab's own keys cannot."`
	Timeout  time.Duration `env:"-" default:"5s" placeholder:"DURATION" help:"Time for each question that is asked of a KDC, DNS or backend."`
	JSON     bool          `name:"json" env:"-" help:"Print the results as a JSON array."`
}

// Help is shown below the flags' summary.
func (doctorCmd) Help() string {
	return "Give it the flags, variables and file that serve gets, and run it as the same user. Each line is ok, warn, fail or skip; what is not well has its cure below. " +
		"Nothing is changed, and no password is tried. The exit status is 1 if something failed."
}

// Run prints the report.
func (c *doctorCmd) Run(ctx *runContext, s *streams, kctx *kong.Context) error {
	if c.Timeout <= 0 {
		return usageError{fmt.Errorf("--timeout %v is not a time to wait", c.Timeout)}
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
	return doctor.Run(ctx, doctor.Config{
		Settings: cfg, Krb5Conf: cmp.Or(c.Krb5Conf, os.Getenv("KRB5_CONFIG")), StateDir: assembly.StatePath(cfg), CCache: c.CCache, Timeout: c.Timeout,
		Keys:     assembly.ServiceKeys,
		Cure:     cureOf,
		Assemble: func() error { return assembly.Check(cfg, slog.New(slog.DiscardHandler)) },
	})
}
