package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/request"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wstrust"
)

// requestCmd calls a service. Flags that serve has too mean the same.
type requestCmd struct {
	URL string `arg:"" name:"url" help:"Address of the service."`

	Standard       string `env:"-" enum:",soap,spnego-http" default:"" placeholder:"soap|spnego-http"`
	Config         string `name:"config" short:"c" env:"-" placeholder:"FILE"`
	Route          string `env:"-" placeholder:"PATH"`
	Policy         string `env:"-" placeholder:"NAME"`
	Service        string `env:"-" placeholder:"PRINCIPAL"`
	AllowPlainHTTP bool   `name:"allow-plain-http" env:"-"`

	TrustVersion    string `name:"trust-version" env:"-" enum:",2005/02,1.3" default:"" placeholder:"2005/02|1.3"`
	NoAuthenticator bool   `name:"no-authenticator" env:"-"`

	ChannelBindings bool   `name:"channel-bindings" env:"-"`
	TokenLocation   string `name:"token-location" env:"-" placeholder:"PLACE"`
	Method          string `short:"X" env:"-" placeholder:"METHOD"`

	login

	Soap       string        `env:"-" enum:",1.1,1.2" default:"" placeholder:"1.1|1.2"`
	Action     string        `env:"-" placeholder:"URI"`
	Addressing string        `env:"-" enum:"none,1.0,2004/08" default:"none" placeholder:"1.0|2004/08"`
	Header     []string      `short:"H" env:"-" sep:"none" placeholder:"NAME:VALUE"`
	TLSCA      string        `name:"tls-ca" env:"-" placeholder:"FILE"`
	Timeout    time.Duration `env:"-" default:"30s" placeholder:"DURATION"`
	Envelope   bool          `env:"-"`
	Verbose    bool          `short:"v" env:"-"`

	Repeat      int `env:"-" default:"1" placeholder:"NUMBER"`
	Concurrency int `env:"-" default:"1" placeholder:"NUMBER"`
}

// Help is shown below the flags' summary.
func (requestCmd) Help() string {
	return "With --standard spnego-http the request is one of any kind, whose client HTTP Negotiate authenticates: of a " +
		"method other than GET and HEAD standard input holds the body, and the body of the response is printed. Else " +
		"standard input holds the message without any security: an envelope, or what its Body is to hold. It is " +
		"protected as the policy asks and sent; the reply is " +
		"verified, decrypted and printed. The exit status is 0 for a reply, 3 for a fault of the service that was " +
		"verified, 4 if the service refuses: a fault in clear, or a " +
		"status of HTTP alone; 5 for a reply, or an answer of a negotiation, that does not verify, 6 if no answer came, " +
		"7 without a ticket, 2 for a wrong command line, else 1."
}

// maxInput bounds standard input in octets.
const maxInput = 32 << 20

// Run makes one call, or many.
func (c *requestCmd) Run(ctx *runContext, s *streams) error {
	if c.Repeat < 1 || c.Repeat > request.MaxCalls || c.Concurrency < 1 || c.Concurrency > 10_000 {
		return usageError{fmt.Errorf("--repeat is 1 to %d, and --concurrency 1 to 10000", request.MaxCalls)}
	}
	t, err := c.target()
	if err != nil {
		return err
	}
	if c.Standard == config.StandardHTTP {
		return c.runHTTP(ctx, s, t)
	}
	if c.Method != "" {
		return usageError{errors.New("--method is for --standard spnego-http: a message is sent by POST")}
	}
	cfg, err := c.clientConfig(s.err, t)
	if err != nil {
		return err
	}
	tickets, err := c.tickets(cfg.Transport)
	if err != nil {
		return err
	}
	defer tickets.Close()
	cfg.Tickets = tickets
	calls, err := client.New(cfg)
	if err != nil {
		return usageError{err}
	}
	req, err := c.message(s)
	if err != nil {
		return err
	}
	if c.Repeat > 1 {
		err = c.load(ctx, s, func(ctx context.Context) error { _, err := calls.Call(ctx, req); return err })
	} else {
		err = c.once(ctx, s.out, calls, req)
	}
	if closing := calls.Close(context.WithoutCancel(ctx)); err == nil && closing != nil {
		fmt.Fprintln(s.err, "wssgate: warning: the service may not have cancelled the security context:", closing)
	}
	return err
}

// clientConfig returns what the flags ask for, without the tickets.
func (c *requestCmd) clientConfig(stderr io.Writer, t target) (cfg client.Config, err error) {
	t.policy.AllowPlainHTTP = t.policy.AllowPlainHTTP || c.AllowPlainHTTP
	cfg = client.Config{URL: c.URL, Service: t.service, Policy: t.policy, TokenTo: t.tokenTo, Timeout: c.Timeout}
	cfg.Trust, cfg.NoAuthenticator = c.trust(), c.NoAuthenticator
	if c.NoAuthenticator {
		fmt.Fprintln(stderr, "wssgate: warning: without an authenticator, whoever is between here and the service can "+
			"change what is asked for in the negotiation")
	}
	cfg.Addressing = map[string]string{"1.0": soap.NSAddressing, "2004/08": soap.NSAddressing04}[c.Addressing]
	if c.Verbose {
		cfg.Trace = (&request.Tracer{W: stderr}).Trace
	}
	if cfg.Header, err = c.header(); err != nil {
		return cfg, err
	}
	transport, err := c.transport()
	if err != nil {
		return cfg, err
	}
	cfg.Transport = transport
	if c.ChannelBindings {
		cfg.ChannelBindings = client.ServerBinding(c.URL, transport.TLSClientConfig)
	}
	return cfg, nil
}

// header returns the headers of --header.
func (c *requestCmd) header() (http.Header, error) {
	h := http.Header{}
	for _, line := range c.Header {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usageError{fmt.Errorf("--header %q is not NAME:VALUE", line)}
		}
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return h, nil
}

// trust is the version that services of the kind speak.
func (c *requestCmd) trust() wstrust.Version {
	switch {
	case c.TrustVersion == "1.3", c.TrustVersion == "" && (c.NoAuthenticator || c.Policy == "ws2007HttpBinding"):
		return wstrust.V13
	}
	return wstrust.Feb2005
}

// transport keeps a connection for each call at a time.
func (c *requestCmd) transport() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = c.Concurrency, c.Concurrency
	if c.TLSCA == "" {
		return t, nil
	}
	octets, err := os.ReadFile(c.TLSCA)
	if err != nil {
		return nil, usageError{fmt.Errorf("--tls-ca: %w", err)}
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(octets) {
		return nil, usageError{fmt.Errorf("--tls-ca: %s has no PEM certificate", c.TLSCA)}
	}
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return t, nil
}

// input reads standard input.
func (c *requestCmd) input(s *streams, what string) ([]byte, error) {
	if request.IsTerminal(s.in) {
		fmt.Fprintf(s.err, "wssgate: reading the %s from standard input, to its end (Ctrl-D)\n", what)
	}
	octets, err := io.ReadAll(io.LimitReader(s.in, maxInput+1))
	if err == nil && len(octets) > maxInput {
		err = fmt.Errorf("standard input has more than %d octets", maxInput)
	}
	return octets, err
}

// message makes the request of standard input.
func (c *requestCmd) message(s *streams) (client.Request, error) {
	input, err := c.input(s, "message")
	if err != nil {
		return client.Request{}, err
	}
	version := map[string]soap.Version{"1.1": soap.V11, "1.2": soap.V12}[c.Soap]
	message, err := request.Message(input, version)
	if err != nil {
		return client.Request{}, usageError{fmt.Errorf("standard input: %w", err)}
	}
	return client.Request{Message: message, Action: c.Action}, nil
}

// once makes one call and prints the reply, a fault of the service too.
func (c *requestCmd) once(ctx context.Context, out io.Writer, calls *client.Client, req client.Request) error {
	reply, err := calls.Call(ctx, req)
	if failed, ok := errors.AsType[*client.Error](err); ok {
		if failed.Reply != nil {
			err = errors.Join(c.print(out, failed.Reply), err)
		}
		return callError{err, failed.Code}
	}
	if err != nil {
		return err
	}
	return c.print(out, reply)
}

func (c *requestCmd) print(out io.Writer, reply *client.Reply) (err error) {
	text := reply.Message
	if text != nil && !c.Envelope {
		if text, err = request.Content(text); err != nil {
			return err
		}
	}
	if len(text) > 0 {
		_, err = fmt.Fprintf(out, "%s\n", bytes.TrimRight(text, "\n"))
	}
	return err
}

// load makes many calls.
func (c *requestCmd) load(ctx context.Context, s *streams, call func(context.Context) error) error {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	progress := request.Progress{W: s.err, Calls: c.Repeat}
	l := request.Load{
		Calls: c.Repeat, Concurrency: c.Concurrency, Ticks: ticks.C, Progress: progress.Show, Call: call,
	}
	result := l.Run(ctx)
	progress.End()
	if err := result.Write(s.out); err != nil {
		return err
	}
	err := cmp.Or(result.Err(), ctx.Err())
	if failed, ok := errors.AsType[*client.Error](err); ok {
		return callError{err, failed.Code}
	}
	return err
}

// A callError is a call that failed; the exit status has the kind.
type callError struct {
	error
	code client.Code
}

func (e callError) Unwrap() error { return e.error }

// Error returns the error, and what to do about it.
func (e callError) Error() string {
	text := e.error.Error()
	for _, info := range client.Codes() {
		if info.Code == e.code {
			text += "\n" + info.Cause + " " + info.Cure
		}
	}
	return text
}

// ExitCode is part of the interface; see Help.
func (e callError) ExitCode() int {
	switch e.code {
	case client.CodeFault:
		return 3
	case client.CodeRefused, client.CodeNoSOAP:
		return 4
	case client.CodeUnverified, client.CodeNegotiation:
		return 5
	case client.CodeNetwork:
		return 6
	case client.CodeTicket:
		return 7
	}
	return 1
}
