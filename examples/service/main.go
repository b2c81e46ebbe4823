// Command service is a SOAP service that speaks WS-Security with Kerberos
// itself, without a gateway before it. It answers one question, the price of a
// share, to the clients that -client names.
//
//	service -listen :8080 -keytab service.keytab -service soap/quotes.example.com@EXAMPLE.COM \
//	    -state /var/lib/quotes -client alice@EXAMPLE.COM
//
// handler.go is the part to read: an [http.Handler] that any SOAP service in Go
// can stand behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
)

// maxConnections, each with no more than one message in memory that has not
// been given a place yet (see maxBusy).
const maxConnections = 1000

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	listen, keytab, service, state string
	clients                        []string
}

func parse(args []string) (o options) {
	flags := flag.NewFlagSet("service", flag.ExitOnError)
	flags.StringVar(&o.listen, "listen", ":8080", "`address`")
	flags.StringVar(&o.keytab, "keytab", "", "keytab `file` of the service")
	flags.StringVar(&o.service, "service", "", "`principal` that tickets must be for")
	flags.StringVar(&o.state, "state", "", "`directory` of the replay journal")
	flags.Func("client", "`principal` that may call, name@REALM; may be repeated", func(s string) error {
		o.clients = append(o.clients, s)
		return nil
	})
	_ = flags.Parse(args) // ends the program if it fails
	return o
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	o := parse(args)
	if o.keytab == "" || o.service == "" || o.state == "" {
		return errors.New("-keytab, -service and -state are required")
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))

	// The journal remembers the tokens that were accepted, so that none is
	// accepted again after a restart.
	journal, err := replay.OpenJournal(o.state, replay.JournalConfig{})
	if err != nil {
		return err
	}
	defer journal.Close()
	acceptor, err := newAcceptor(ctx, o, journal)
	if err != nil {
		return err
	}
	handler, err := newService(acceptor, o.clients, log)
	if err != nil {
		return err
	}
	return serve(ctx, o.listen, handler, log)
}

// newAcceptor returns what opens the tickets for one principal. It follows the
// keytab until ctx is done, so that new keys are used without a restart.
func newAcceptor(ctx context.Context, o options, replay gss.ReplayStore) (*gss.Acceptor, error) {
	keys, err := keytab.OpenFile(o.keytab, keytab.FileConfig{})
	if err != nil {
		return nil, err
	}
	go keys.Watch(ctx)
	return gss.NewAcceptor(gss.AcceptorConfig{
		Keytab: keys, Services: []string{o.service}, Replay: replay,
		BindingRule: gss.BindingsWhenPresent, // a token that is bound to a TLS connection is not for us
	})
}

// newService puts the quotes behind the protection that WCF calls Kerberos.
func newService(tokens wssec.TokenVerifier, clients []string, log *slog.Logger) (http.Handler, error) {
	policy, _ := wssec.Preset("Kerberos")
	policy.TokenOnce = false // see NewHandler
	protected, err := NewHandler(Config{
		Policy: policy, Tokens: tokens, Clients: clients, Log: log,
		Replay: replay.NewMemory(replay.MemoryConfig{}),
	}, http.HandlerFunc(quotes))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /quotes", protected)
	return mux, nil
}

// serve serves until ctx is done, and then lets requests under way end.
func serve(ctx context.Context, address string, handler http.Handler, log *slog.Logger) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	log.Info("serving", "listen", listener.Addr().String())
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      time.Minute, // from the end of the request's header
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(netutil.LimitListener(listener, maxConnections)) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
