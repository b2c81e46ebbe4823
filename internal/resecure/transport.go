package resecure

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A Config is how a backend is called. Backend, Service, Source and Base are
// required.
type Config struct {
	// Backend is the URL of the route's backend. Its user information is not used.
	Backend *url.URL
	// Service is the backend's principal.
	Service string
	// Policy is what the backend asks of messages; nil if it authenticates HTTP
	// requests of any kind by Negotiate.
	Policy *wssec.Policy
	// Source decides as whom it is called.
	Source Source
	// Base sends what is protected.
	Base http.RoundTripper

	// Addressing, Trust, NoAuthenticator and EndorsedRenewal are those of
	// [client.Config].
	Addressing      string
	Trust           wstrust.Version
	NoAuthenticator bool
	EndorsedRenewal bool
	// Timeout is for one call; 0 means 30 s. MaxReply bounds a reply, in octets; 0
	// means 32 MiB.
	Timeout  time.Duration
	MaxReply int
	// Reserve is that of [client.Config]. Nil bounds nothing.
	Reserve func(ctx context.Context, octets int) error
	// Time is the clock. Nil means time.Now.
	Time func() time.Time
}

// client returns the configuration of a client of messages, without its tickets.
func (cfg *Config) client() client.Config {
	to := *cfg.Backend
	to.User = nil
	return client.Config{
		URL: to.String(), Service: cfg.Service, Policy: *cfg.Policy, Transport: cfg.Base, Addressing: cfg.Addressing,
		Trust: cfg.Trust, NoAuthenticator: cfg.NoAuthenticator, EndorsedRenewal: cfg.EndorsedRenewal,
		Timeout: cfg.Timeout, MaxReply: cfg.MaxReply, Time: cfg.Time,
		Reserve: func(ctx context.Context, octets int) error {
			if err := cfg.Reserve(ctx, octets); err != nil {
				return memoryError{err}
			}
			return nil
		},
	}
}

// A Transport is the [http.RoundTripper] of a route whose backend is secured
// itself. It is safe for concurrent use.
type Transport struct {
	cfg     Config
	backend *url.URL
	replay  wssec.ReplayCache
	legs    table
}

// New returns a Transport. It calls nobody. The error names what is wrong with
// cfg.
func New(cfg Config) (*Transport, error) {
	if cfg.Backend == nil || cfg.Service == "" || cfg.Source == nil || cfg.Base == nil {
		return nil, errors.New("resecure: Config needs Backend, Service, Source and Base")
	}
	if cfg.Reserve == nil {
		cfg.Reserve = func(context.Context, int) error { return nil }
	}
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	t := &Transport{cfg: cfg, backend: cfg.Backend}
	t.legs = table{now: cfg.Time, open: t.open, legs: map[string]*leg{}}
	if cfg.Policy == nil {
		return t, nil
	}
	t.replay = replay.NewMemory(replay.MemoryConfig{Time: cfg.Time})
	try := cfg.client()
	try.Tickets, try.Replay = bare{}, t.replay
	if _, err := client.New(try); err != nil {
		return nil, fmt.Errorf("resecure: %w", err)
	}
	return t, nil
}

// open makes the leg of a login.
func (t *Transport) open(l Login) (*leg, error) {
	tickets, err := l.Open()
	if err != nil {
		return nil, err
	}
	leg := t.requests
	if t.cfg.Policy != nil {
		leg = t.messages
	}
	g, err := leg(tickets)
	if err != nil {
		tickets.Close()
	}
	return g, err
}

// RoundTrip sends a request of the gateway's, in the name of the caller of its
// context or in the gateway's own, and returns the verified reply. Errors about
// the protection are [*Error]; those of Base and of Reserve are as they come.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.roundTrip(r)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper always closes it
		}
		return nil, legError(err)
	}
	return resp, nil
}

func (t *Transport) roundTrip(r *http.Request) (*http.Response, error) {
	caller, _ := door.CallerOf(r.Context())
	login, err := t.cfg.Source.Login(caller)
	if err != nil {
		return nil, err
	}
	g, err := t.legs.take(login)
	if err != nil {
		return nil, err
	}
	defer t.legs.leave(g)
	return g.RoundTrip(r)
}

// Close ends the clients of all callers, and cancels their security contexts.
func (t *Transport) Close() { t.legs.closeAll() }

// bare are Tickets whose requests have nothing of the caller's request but its
// end and its span: traces of HTTP are about that. Errors are marked.
type bare struct{ Tickets }

func (b bare) ServiceTicket(ctx context.Context, service string) (kerberos.Credential, error) {
	t, err := b.Tickets.ServiceTicket(valueless{ctx}, service)
	if err != nil {
		return t, ticketError{err}
	}
	return t, nil
}

type valueless struct{ context.Context }

func (v valueless) Value(key any) any { return telemetry.Value(v.Context, key) }
