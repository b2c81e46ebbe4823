package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/doctor"
)

// serveCmd is the gateway. Every flag is a setting of package config.
type serveCmd struct {
	config.Flags
	Check bool `help:"Check the configuration, print it with the origin of each value, and exit."`
}

// Help is shown below the flags' summary.
func (serveCmd) Help() string {
	return `Every flag is also a variable (--clock-skew: WSSGATE_CLOCK_SKEW) and a key of the file (clock-skew:).
A flag beats the variable, which beats the file. The log goes to standard error.

One route, by flags alone:

	wssgate serve --keytab gateway.keytab --backend http://localhost:9100/quotes

With TLS, for some clients, and with the log of each exchange to read:

	wssgate serve --listen :8443 --tls-cert tls.crt --tls-key tls.key \
	  --keytab gateway.keytab --backend http://localhost:9100/quotes \
	  --allowed-realms EXAMPLE.COM --log-format text

A file, which may have several routes; and what of it would be in force:

	wssgate serve --config gate.yaml
	wssgate serve --config gate.yaml --check

A policy on trial, that nothing is refused for yet:

	wssgate serve --keytab gateway.keytab --backend http://localhost:9100/quotes --shadow`
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
	log, level := newLogger(s.err, &cfg.Process)
	if c.Check {
		return check(cfg, s.out, log)
	}
	again := func() (*config.Config, error) { return config.Load(&c.Flags, given(kctx)) }
	return logged(log, assembly.Serve(ctx, &assembly.Program{
		Settings: cfg, Load: again, ConfigFile: c.File, Version: versionLine(), Log: log, Level: level,
		Doctor: func(ctx context.Context) doctor.Report {
			return doctor.Run(ctx, checks(cfg, os.Getenv("KRB5_CONFIG"), "", 0))
		},
	}))
}

// checkCmd is serve --check --config FILE, in short.
type checkCmd struct {
	File string `arg:"" name:"file" help:"YAML file of serve."`
}

// Help is shown below the command's summary.
func (checkCmd) Help() string {
	return "Does what serve --check --config FILE does: prints the configuration with the origin of each value, " +
		"variables included, and all that serve would refuse."
}

// Run has the command line of serve parsed in place of its own.
func (c *checkCmd) Run(ctx *runContext, s *streams, kctx *kong.Context) error {
	serve, err := kctx.Kong.Parse([]string{"serve", "--check", "--config=" + c.File})
	if err != nil {
		return usageError{err}
	}
	return serve.Run(s, serve, ctx)
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

// describe sets the help texts of flags that have none in their tags: those of
// request, and those that are settings, with the values that they may have.
func describe(k *kong.Kong) error {
	for _, command := range k.Model.Children {
		grouped(command)
		for _, flag := range command.Flags {
			if flag.Help != "" { // a flag of the command's own
				continue
			}
			if command.Name == "request" {
				flag.Help = requestHelp[flag.Name]
				continue
			}
			var choices string
			flag.Help, choices = config.Help(flag.Name)
			if choices != "" && flag.PlaceHolder == "" {
				flag.PlaceHolder = strings.ReplaceAll(choices, ",", "|")
			}
			flag.Enum, flag.Tag.Enum = choices, choices
		}
	}
	return nil
}

// grouped puts the flags of a command that are settings under the titles of
// package config, and in their order.
func grouped(command *kong.Node) {
	if command.Name != "serve" && command.Name != "kdcproxy" {
		return
	}
	titles := config.Groups()
	for _, flag := range command.Flags {
		if title := config.Group(flag.Name); title != "" {
			flag.Group = &kong.Group{Key: title, Title: title + ":"}
		}
	}
	place := func(f *kong.Flag) int {
		if f.Group == nil {
			return -1
		}
		return slices.Index(titles, f.Group.Key)
	}
	slices.SortStableFunc(command.Flags, func(a, b *kong.Flag) int { return place(a) - place(b) })
}

// withDefault puts the default of a flag behind its help text.
func withDefault(v *kong.Value) string {
	if v.Tag.Default == "" || v.IsBool() && v.Tag.Default == "false" {
		return v.Help
	}
	return fmt.Sprintf("%s (default %s)", v.Help, v.Tag.Default)
}
