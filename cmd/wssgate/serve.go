package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/config"
)

// serveCmd is the gateway. Every flag is a setting of package config.
type serveCmd struct {
	config.Flags
	Check bool `help:"Check the configuration, print it with the origin of each value, and exit."`
}

// Help is shown below the flags' summary.
func (serveCmd) Help() string {
	return "Every flag is also a variable (--clock-skew: WSSGATE_CLOCK_SKEW) and a key of the file (clock-skew:). " +
		"A flag beats the variable, which beats the file. The log goes to standard error."
}

// Run serves until the context ends.
func (c *serveCmd) Run(ctx *runContext, s *streams, kctx *kong.Context) error {
	if unknown := config.UnknownVariables(os.Environ()); len(unknown) > 0 {
		return &config.Error{Findings: unknown}
	}
	cfg, err := config.Load(&c.Flags, given(kctx))
	if err != nil {
		return err
	}
	log := newLogger(s.err, &cfg.Process)
	if c.Check {
		return check(cfg, s.out, log)
	}
	return logged(log, assembly.Serve(ctx, cfg, versionLine(), log))
}

// logged writes an error that ends serve as the log's last lines, in its form:
// one for each finding.
func logged(log *slog.Logger, err error) error {
	if err == nil {
		return nil
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		log.Error("serve ends", "error", line)
	}
	return loggedError{err}
}

// A loggedError is in the log already.
type loggedError struct{ error }

func (e loggedError) Unwrap() error { return e.error }

// check prints the configuration, and does all of serve that leaves no trace.
func check(cfg *config.Config, out io.Writer, log *slog.Logger) error {
	text, err := cfg.Effective()
	if err != nil {
		return err
	}
	if _, err := out.Write(text); err != nil {
		return err
	}
	return assembly.Check(cfg, log)
}

// given returns which flags were on the command line or in the environment, and
// how the operator wrote them.
func given(kctx *kong.Context) config.Given {
	g := config.Given{}
	for _, flag := range kctx.Flags() {
		for _, name := range flag.Envs {
			if _, ok := os.LookupEnv(name); ok {
				g[flag.Name] = name
			}
		}
	}
	for _, p := range kctx.Path {
		if p.Flag != nil && !p.Resolved {
			g[p.Flag.Name] = "--" + p.Flag.Name
		}
	}
	return g
}

// withDefault puts the default of a flag behind its help text.
func withDefault(v *kong.Value) string {
	if v.Tag.Default == "" || v.IsBool() && v.Tag.Default == "false" {
		return v.Help
	}
	return fmt.Sprintf("%s (default %s)", v.Help, v.Tag.Default)
}
