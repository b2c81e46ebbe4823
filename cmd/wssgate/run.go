package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/jsonlog"
	"github.com/wssgate/wssgate/wssec"
)

// commands is the whole command line; each field has its file.
type commands struct {
	Serve      serveCmd      `cmd:"" help:"Run the gateway: one route from flags alone, many from a file."`
	Check      checkCmd      `cmd:"" help:"Check a configuration: serve --check --config FILE."`
	Kdcproxy   kdcproxyCmd   `cmd:"" help:"Relay requests to KDCs, and nothing else: MS-KKDCP, WebSocket, TCP and UDP."`
	Import     importCmd     `cmd:"" help:"Make a configuration from a WSDL with Kerberos or SPNEGO policies."`
	Doctor     doctorCmd     `cmd:"" help:"Check keytabs, KDCs, clocks, DNS, TLS and backends of a configuration."`
	Request    requestCmd    `cmd:"" help:"Call a protected service: message on stdin, verified reply on stdout."`
	Demo       demoCmd       `cmd:"" help:"Show one protected call: a KDC, a client, the gateway and a service in one process."`
	Verify     verifyCmd     `cmd:"" help:"Verify messages step by step, or run the test vectors."`
	Inspect    inspectCmd    `cmd:"" help:"Explain a token, a keytab, a credential cache or a SOAP message."`
	Jwks       jwksCmd       `cmd:"" help:"Print the public keys that backends verify assertions by, as a JWK Set."`
	Browser    browserCmd    `cmd:"" name:"browser-client" help:"Print what a page with the browser client sends and writes."`
	Errors     errorsCmd     `cmd:"" help:"Print every error code with its cause, its cure and the fault that a client gets."`
	Completion completionCmd `cmd:"" help:"Print a script that completes this command line: for bash, zsh or fish."`
	Man        manCmd        `cmd:"" help:"Print a man page, or write them all."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Help       helpCmd       `cmd:"" help:"Print what a command is for, and its flags."`

	PrintVersion kong.VersionFlag `name:"version" short:"V" env:"-" help:"Print the version, as wssgate version does."`
}

// streams is what a subcommand reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run is the program: args without the program's name. It returns when the
// subcommand ends or ctx does.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var (
		cmds   commands
		helped bool
	)
	parser, err := newParser(&cmds, stdout, stderr, func(int) { helped = true })
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parser.Parse(args)
	switch {
	case helped: // help or version was printed; kong goes on parsing, and may miss something
		return nil
	case err != nil:
		return usageError{err}
	}
	if err = kctx.Run(&streams{stdin, stdout, stderr}, kctx, &runContext{ctx}); helped { // by the command help
		return nil
	}
	return err
}

// newParser returns what reads the command line into cmds. It calls exit where help
// or the version was printed.
func newParser(cmds *commands, stdout, stderr io.Writer, exit func(int)) (*kong.Kong, error) {
	return kong.New(cmds,
		kong.Name("wssgate"),
		kong.Description("A gateway between clients that protect SOAP messages with Kerberos (WS-Security) and plain "+
			"SOAP services."),
		kong.Vars{"version": versionLine(), "policies": strings.Join(wssec.PresetNames(), ", ")},
		kong.PostBuild(describe),
		kong.ValueFormatter(withDefault),
		kong.DefaultEnvars(config.EnvironmentPrefix),
		kong.Writers(stdout, stderr),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
}

// runContext brings the context to the subcommands: kong binds by type.
type runContext struct{ context.Context }

// usageError is a command line that was not understood.
type usageError struct{ err error }

func (e usageError) Error() string {
	return e.err.Error() + "\nwssgate --help shows the commands, wssgate <command> --help its flags"
}
func (e usageError) Unwrap() error { return e.err }
func (e usageError) ExitCode() int { return 2 }

// exitCode asks the error; one that does not know means 1.
func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	switch {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		return coded.ExitCode()
	}
	return 1
}

// newLogger writes to w in the form and from the level that p says; both were
// checked by config.
func newLogger(w io.Writer, p *config.Process) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar) // info, unless it is another
	_ = level.UnmarshalText([]byte(p.LogLevel))
	if p.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})), level
	}
	return slog.New(jsonlog.New(w, level)), level
}
