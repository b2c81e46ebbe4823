package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
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
	return tellLog(log, serve(ctx, cfg, log))
}

// tellLog writes an error that ends serve as the log's last lines, in its form: one
// for each finding.
func tellLog(log *slog.Logger, err error) error {
	if err == nil {
		return nil
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		log.Error("serve ends", "error", line)
	}
	return loggedError{err}
}

// loggedError was said already.
type loggedError struct{ error }

func (e loggedError) Unwrap() error { return e.error }

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
	_, err = assemble(cfg, newKeyring(cfg, log), memoryReplay(cfg), log)
	return err
}

// heapFloor is the size of an allocation that is never touched, so that it costs address
// space and no memory. With it the collector counts from 64 MB on instead of running
// every few milliseconds for the few megabytes that messages of a usual size leave alive;
// that was a quarter of the time of an exchange of 6 kB.
const heapFloor = 64 << 20

// serve looks at all that can be refused, the address included, before it makes
// anything: a start that fails leaves nothing behind. Whoever connects meanwhile
// waits, and finds a gateway that is ready.
func serve(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	defer runtime.KeepAlive(make([]byte, heapFloor))
	keys := newKeyring(cfg, log)
	if _, err := assemble(cfg, keys, memoryReplay(cfg), slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	tls, err := tlsConfig(cfg, log)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return cfg.Refuse(-1, "listen", err.Error(), listenCure(err))
	}
	defer ln.Close()
	replay, closeReplay, err := openReplay(cfg, log)
	if err != nil {
		return err
	}
	defer closeReplay()
	defer limitMemory(cfg, replay)()
	g, err := assemble(cfg, keys, replay, log)
	if err != nil {
		return err
	}
	defer keys.watch(ctx)()
	for _, r := range cfg.Routes {
		log.Info("route", "path", r.Path, "policy", r.Policy.String(), "service", cmp.Or(r.Service, r.KerberosService), "principal-header", r.PrincipalHeader)
	}
	log.Info("memory", "max-in-flight", cfg.MaxInFlight.String(), "token-cache", cfg.TokenCache.String(), "replay-memory", cfg.ReplayMemory.String(),
		"replay-records", 2*replayEntries(cfg))
	log.Info("serving", "listen", ln.Addr().String(), "tls", tls != nil, "version", versionLine(),
		"note", "one node: replay records and remembered tickets are not shared with other processes")
	server := &gateway.Server{
		Handler: g, Log: log, TLS: tls, MaxHeaderBytes: int(cfg.MaxHeaders),
		HeaderTimeout: cfg.HeaderTimeout, ReadTimeout: cfg.ReadTimeout,
		IdleTimeout: cfg.IdleTimeout, ShutdownTimeout: cfg.ShutdownTimeout,
		MaxConnections: cfg.MaxConnections, MaxClientConnections: cfg.MaxClientConnections,
		TrustedProxies: cfg.Proxies(), ProxyProtocol: cfg.ClientAddress == string(gateway.FromProxyProtocol),
	}
	err = server.Serve(ctx, ln)
	log.Info("stopped")
	return err
}

func listenCure(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return "stop what listens there, or give another --listen"
	}
	return ""
}

// replayStores remember what was accepted, for all routes.
type replayStores struct {
	// tickets has the authenticators of tickets, and may be a journal.
	tickets gss.ReplayStore
	// messages has signature values. Memory is enough: after a restart a
	// message is refused for its ticket, or because its token is not known.
	messages wssec.ReplayCache
}

// memoryReplay forgets with the process.
func memoryReplay(cfg *config.Config) replayStores {
	entries := replay.MemoryConfig{MaxEntries: replayEntries(cfg)}
	return replayStores{tickets: replay.NewMemory(entries), messages: replay.NewMemory(entries)}
}

// replayEntries is how many records each of the two stores may have.
func replayEntries(cfg *config.Config) int {
	return int(cfg.ReplayMemory / 2 / replay.ReplayEntryBytes)
}

// openReplay opens the journal, or says what doing without it means.
func openReplay(cfg *config.Config, log *slog.Logger) (stores replayStores, closeStores func(), err error) {
	stores = memoryReplay(cfg)
	if !cfg.ReplayJournal {
		log.Warn("no replay journal", "risk", replay.Risk(stores.tickets, cfg.ClockSkew),
			"cure", "set replay-journal, and a state-dir that is kept over restarts")
		return stores, func() {}, nil
	}
	dir, err := stateDir(cfg)
	if err != nil {
		return stores, nil, err
	}
	journal, err := replay.OpenJournal(filepath.Join(dir, "replay"), replay.JournalConfig{MaxEntries: replayEntries(cfg)})
	if errors.Is(err, replay.ErrFull) {
		return stores, nil, cfg.Refuse(-1, "replay-memory", "is too small for the records of the replay journal that are still live", "raise it, or wait until they have expired")
	}
	if err != nil {
		return stores, nil, cfg.Refuse(-1, "state-dir", err.Error(), "give each process a state-dir of its own, or --no-replay-journal to do without")
	}
	found := journal.Recovery()
	log.Info("replay journal", "dir", dir, "restored", found.Restored, "files", found.Files, "torn", found.Torn, "gap", found.Gap.String())
	if risk := replay.Risk(journal, cfg.ClockSkew); risk != "" {
		log.Warn("risk of replay", "damaged", found.Damaged, "complete-since", journal.CompleteSince(), "risk", risk,
			"cure", "keep "+dir+" over restarts, in a container on a volume; nothing else is to be done")
	}
	stores.tickets = journal
	return stores, func() {
		if err := journal.Close(); err != nil {
			log.Error("closing the replay journal", "error", err.Error())
		}
	}, nil
}

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
