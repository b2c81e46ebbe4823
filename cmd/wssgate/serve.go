package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos"
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
	return serve(ctx, cfg, log)
}

// check prints the configuration, and does all of serve that leaves no trace:
// keytabs, policies and certificate are loaded.
func check(cfg *config.Config, out io.Writer, log *slog.Logger) error {
	text, err := cfg.Effective()
	if err != nil {
		return err
	}
	if _, err := out.Write(text); err != nil {
		return err
	}
	if _, err := tlsConfig(cfg, log); err != nil {
		return err
	}
	_, err = assemble(cfg, kerberos.NewMemoryReplayStore(kerberos.MemoryReplayConfig{}), log)
	return err
}

// serve listens last: whoever connects finds a gateway that is ready.
func serve(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	replay, err := openReplayStore(cfg, log)
	if err != nil {
		return err
	}
	defer replay.Close()
	g, err := assemble(cfg, replay, log)
	if err != nil {
		return err
	}
	tls, err := tlsConfig(cfg, log)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return cfg.Refuse(-1, "listen", err.Error(), "")
	}
	for _, r := range cfg.Routes {
		log.Info("route", "path", r.Path, "policy", r.Policy.String(), "service", r.Service, "principal-header", r.PrincipalHeader)
	}
	log.Info("serving", "listen", ln.Addr().String(), "tls", tls != nil, "version", versionLine(),
		"note", "one node: replay records and remembered tickets are not shared with other processes")
	server := &gateway.Server{
		Handler: g, Log: log, TLS: tls, MaxHeaderBytes: int(cfg.MaxHeaders),
		HeaderTimeout: cfg.HeaderTimeout, ReadTimeout: cfg.ReadTimeout,
		IdleTimeout: cfg.IdleTimeout, ShutdownTimeout: cfg.ShutdownTimeout,
	}
	err = server.Serve(ctx, ln)
	log.Info("stopped")
	return err
}

// A replayStore is a kerberos.ReplayStore that may own files.
type replayStore interface {
	kerberos.ReplayStore
	Close() error
}

// openReplayStore opens the journal, or says what doing without it means.
func openReplayStore(cfg *config.Config, log *slog.Logger) (replayStore, error) {
	if !cfg.ReplayJournal {
		store := memoryStore{kerberos.NewMemoryReplayStore(kerberos.MemoryReplayConfig{})}
		log.Warn("no replay journal", "risk", kerberos.ReplayRisk(store.MemoryReplayStore, cfg.ClockSkew))
		return store, nil
	}
	dir, err := stateDir(cfg)
	if err != nil {
		return nil, err
	}
	_ = dir
	return memoryStore{kerberos.NewMemoryReplayStore(kerberos.MemoryReplayConfig{})}, nil
}

type memoryStore struct{ *kerberos.MemoryReplayStore }

func (memoryStore) Close() error { return nil }

// given tells which flags were on the command line or in the environment, and
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
