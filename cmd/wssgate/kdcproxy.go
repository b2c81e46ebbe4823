package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/config"
)

// kdcproxyCmd is the KDC relay alone. Every flag is a setting of package config.
type kdcproxyCmd struct {
	config.RelayFlags
	Check bool `help:"Check the configuration, print it with the origin of each value, and exit."`
}

// Help is shown below the flags' summary.
func (kdcproxyCmd) Help() string {
	return "Clients that cannot reach a KDC get their tickets through it. Without --kdc-proxy-path, " +
		"--kdc-websocket-path and --kdc-listen the paths are " + config.DefaultKDCProxyPath + " and " +
		config.DefaultKDCWebSocketPath + ". serve relays too, with the same settings."
}

// Run relays until the context ends.
func (c *kdcproxyCmd) Run(ctx *runContext, s *streams, kctx *kong.Context) error {
	if unknown := config.UnknownVariables(os.Environ()); len(unknown) > 0 {
		return &config.Error{Findings: unknown}
	}
	cfg, err := config.LoadRelay(&c.RelayFlags, given(kctx))
	if err != nil {
		return err
	}
	log, _ := newLogger(s.err, &cfg.Process)
	if c.Check {
		return checkRelay(cfg, s.out, log)
	}
	again := func() (*config.Config, error) { return config.LoadRelay(&c.RelayFlags, given(kctx)) }
	return logged(log, assembly.ServeRelay(ctx, cfg, again, versionLine(), log))
}

func checkRelay(cfg *config.Config, out io.Writer, log *slog.Logger) error {
	text, err := cfg.Effective()
	if err != nil {
		return err
	}
	if _, err := out.Write(text); err != nil {
		return err
	}
	return assembly.CheckRelay(cfg, log)
}
