package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/wssgate/wssgate/internal/request"
)

// runHTTP makes a request of any kind with HTTP Negotiate, or many. Each has a
// token.
func (c *requestCmd) runHTTP(ctx *runContext, s *streams, t target) error {
	cfg, err := c.httpConfig(t)
	if err != nil {
		return err
	}
	tickets, err := c.tickets(cfg.Base)
	if err != nil {
		return err
	}
	defer tickets.Close()
	cfg.Tickets = tickets
	if cfg.Method != http.MethodGet && cfg.Method != http.MethodHead {
		if cfg.Body, err = c.input(s, "body"); err != nil {
			return err
		}
	}
	call, err := request.NewHTTP(cfg)
	if err != nil {
		return usageError{err}
	}
	if c.Repeat > 1 {
		return httpExit(c.load(ctx, s, func(ctx context.Context) error { return call.Do(ctx, io.Discard, io.Discard) }))
	}
	trace := io.Discard
	if c.Verbose {
		trace = s.err
	}
	return httpExit(call.Do(ctx, s.out, trace))
}

// httpConfig returns what the flags ask for, without tickets and body.
func (c *requestCmd) httpConfig(t target) (cfg request.HTTPConfig, err error) {
	if err := c.withoutSOAP(); err != nil {
		return cfg, err
	}
	cfg = request.HTTPConfig{Method: strings.ToUpper(cmp.Or(c.Method, http.MethodGet)), URL: c.URL, Service: t.service,
		AllowHTTP: c.AllowPlainHTTP, ChannelBindings: c.ChannelBindings, Timeout: c.Timeout}
	if err := cfg.Check(); err != nil {
		return cfg, usageError{err}
	}
	if cfg.Header, err = c.header(); err != nil {
		return cfg, err
	}
	cfg.Base, err = c.transport()
	return cfg, err
}

// withoutSOAP refuses the flags of messages.
func (c *requestCmd) withoutSOAP() error {
	for _, flag := range []struct {
		name  string
		given bool
	}{
		{"policy", c.Policy != ""}, {"trust-version", c.TrustVersion != ""}, {"no-authenticator", c.NoAuthenticator},
		{"token-location", c.TokenLocation != ""}, {"soap", c.Soap != ""}, {"action", c.Action != ""},
		{"addressing", c.Addressing != "none"}, {"envelope", c.Envelope},
	} {
		if flag.given {
			return usageError{fmt.Errorf("--%s is for messages, and the standard is spnego-http", flag.name)}
		}
	}
	return nil
}

// An httpCallError is a request that failed; the exit status has the kind.
type httpCallError struct{ *request.HTTPError }

// ExitCode is part of the interface; see Help.
func (e httpCallError) ExitCode() int {
	switch e.Code {
	case request.HTTPRefused:
		return 4
	case request.HTTPNotProven:
		return 5
	case request.HTTPNoAnswer:
		return 6
	case request.HTTPNoTicket:
		return 7
	}
	return 1
}

func httpExit(err error) error {
	if failed, ok := errors.AsType[*request.HTTPError](err); ok {
		return httpCallError{failed}
	}
	return err
}
