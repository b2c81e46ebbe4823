package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// renewLife is for how long a ticket-granting ticket is asked to be renewable.
// The KDC may grant less, or none of it.
const renewLife = 7 * 24 * time.Hour

// A Config is for [Login]. Relay, Realm, User, Password and Transport are
// required.
type Config struct {
	// Relay is the URL of a relay to KDCs: wss://gw.example.com/kerberos5, or
	// https://gw.example.com/KdcProxy. See kdcproxy.ClientConfig.
	Relay string
	// Realm is the user's, "EXAMPLE.COM".
	Realm string
	// User is a name without realm, "alice" or "alice/admin".
	User string
	// Password is used for the login and not kept after it.
	Password string
	// AllowHTTP also uses a relay, and services, without TLS. Otherwise that is
	// done on the loopback interface alone.
	AllowHTTP bool

	// Transport sends the requests to services.
	Transport http.RoundTripper
	// KDC exchanges messages with KDCs. Nil means a kdcproxy.Client for Relay.
	KDC kdc.Exchanger
	// Time is the clock of the machine, which may be wrong. Nil means time.Now.
	Time func() time.Time
}

// A Session is a user who has logged in: tickets in memory, and calls with them.
// It is safe for concurrent use. Its user does not have to stay: after
// [Session.Logout] nothing is left of it.
type Session struct {
	clock   *clock
	tickets *kdc.Client
	granted kerberos.Credential // by the login; tickets uses its key
	relay   *relay
	calls   *calls
	allow   func(*url.URL) error
	base    http.RoundTripper
	plain   *negotiate.Transport // sends a token when it is asked for one
	eager   *negotiate.Transport

	life context.Context // ends with the session
	end  context.CancelFunc

	mu        sync.Mutex
	protected map[string]bool // addresses that have accepted a token
}

// Login logs a user in at the KDC of the realm, and returns the Session. It sends
// an encrypted timestamp, and of the password nothing else. Errors are those of
// kdc.Client, [*Error], or ctx's.
func Login(ctx context.Context, cfg Config) (*Session, error) {
	s, who, err := newSession(&cfg)
	if err != nil {
		return nil, err
	}
	if s.granted, err = s.login(ctx, who, cfg.Password); err == nil {
		err = s.open(who)
	}
	if err != nil {
		s.end()
		s.granted.SessionKey.Wipe()
		s.relay.close()
		return nil, err
	}
	return s, nil
}

func newSession(cfg *Config) (s *Session, who string, err error) {
	s = &Session{clock: newClock(cfg.Time), base: cfg.Transport, protected: make(map[string]bool)}
	allowHTTP := cfg.AllowHTTP // and not cfg, which has the password
	s.allow = func(u *url.URL) error { return checkTLS(u, allowHTTP) }
	switch {
	case cfg.Transport == nil:
		return nil, "", errors.New("web: Config needs Transport")
	case cfg.Password == "":
		return nil, "", failf(CodeArgument, "the password is empty")
	}
	principal, err := principalOf(cfg.User, cfg.Realm)
	if err != nil {
		return nil, "", err
	}
	if s.relay, err = newRelay(cfg, s.allow); err != nil {
		return nil, "", err
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.calls = newCalls(s)
	return s, principal.String(), nil
}

// principalOf returns the principal of a user. The realm of a name, if it has one,
// has to be the realm: it decides whose KDC gets the password's timestamp.
func principalOf(user, realm string) (kerberos.Principal, error) {
	who, err := kerberos.ParsePrincipal(user)
	switch {
	case err != nil:
		return who, &Error{Code: CodeArgument, Err: fmt.Errorf("user: %w", err)}
	case realm == "" || !kerberos.LegalName(realm):
		return who, failf(CodeArgument, "%.200q is not the name of a realm", realm)
	case who.Realm != "" && who.Realm != realm:
		return who, failf(CodeArgument, "user %.200q is not of the realm %.200q", user, realm)
	}
	who.Realm = realm
	return who, nil
}

// checkTLS refuses URLs without TLS, and those with a password, which browsers
// refuse in words that have it. On the loopback interface nobody is in between.
func checkTLS(u *url.URL, allow bool) error {
	if u.User != nil {
		return failf(CodeArgument, "%.200q has a user or a password", u.Redacted())
	}
	switch u.Scheme {
	case "https", "wss":
		return nil
	case "http", "ws":
		if allow || isLoopback(u.Hostname()) {
			return nil
		}
		return failf(CodeInsecure, "%.200q is without TLS", u.Redacted())
	}
	return failf(CodeArgument, "%.200q is no URL of http, https, ws or wss", u.Redacted())
}

// isLoopback reports whether a host is this machine by its name alone, as browsers
// have it (Secure Contexts §3.1).
func isLoopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// login gets the ticket-granting ticket. If the clock is too far from the KDC's it
// learns the difference and tries once more.
func (s *Session) login(ctx context.Context, who, password string) (kerberos.Credential, error) {
	for again := true; ; again = false {
		c, err := kdc.NewClient(kdc.ClientConfig{Client: who, Password: password, KDC: s.relay, Time: s.clock.now,
			RenewLifetime: renewLife})
		if err != nil {
			return kerberos.Credential{}, &Error{Code: CodeArgument, Err: err}
		}
		err = c.Login(ctx)
		all := c.Tickets()
		c.Close()
		switch {
		case err == nil:
			return all[0], nil
		case !again || !s.clock.learn(err):
			return kerberos.Credential{}, err
		}
	}
}

// open makes the session that the ticket-granting ticket is for, and keeps that
// fresh while it can be renewed.
func (s *Session) open(who string) (err error) {
	s.tickets, err = kdc.NewClient(kdc.ClientConfig{Client: who, Credentials: []kerberos.Credential{s.granted},
		KDC: s.relay, Time: s.clock.now})
	if err == nil {
		err = s.tickets.Login(s.life) // takes it from the credentials
	}
	if err != nil {
		return err
	}
	cfg := negotiate.TransportConfig{Tickets: s.tickets, Hosts: []string{"*"}, AllowHTTP: true, Application: true,
		Time: s.clock.now, Base: s.base}
	if s.plain, err = negotiate.NewTransport(cfg); err != nil {
		return err
	}
	cfg.Preemptive = true
	if s.eager, err = negotiate.NewTransport(cfg); err != nil {
		return err
	}
	go func() { _ = s.tickets.Maintain(s.life, nil) }()
	return nil
}

// User returns the principal, "alice@EXAMPLE.COM".
func (s *Session) User() string { return s.tickets.Client().String() }

// Expires returns when the ticket-granting ticket ends, by the machine's clock.
// It moves when the ticket is renewed. It is zero after [Session.Logout].
func (s *Session) Expires() time.Time {
	if all := s.tickets.Tickets(); len(all) > 0 {
		return all[0].EndTime.Add(-s.ClockOffset())
	}
	return time.Time{}
}

// ClockOffset is what has to be added to the machine's clock to have the KDC's; 0
// as long as they are near enough.
func (s *Session) ClockOffset() time.Duration { return s.clock.offset() }

// Tickets returns the session's tickets as a tree for people. It has no keys.
func (s *Session) Tickets() (*inspect.Node, error) {
	if err := s.over(); err != nil {
		return nil, err
	}
	return inspect.New(inspect.Config{Time: s.clock.now}).Tickets(s.tickets.Client(), s.tickets.Tickets()), nil
}

// Logout ends the session: calls under way fail, keys are wiped, and later calls
// fail with [CodeOver]. Security contexts that services have issued are cancelled
// as long as ctx lasts. It returns when nothing is left, and does nothing the
// second time.
func (s *Session) Logout(ctx context.Context) {
	s.calls.close(ctx)
	s.end()
	s.tickets.Close()
	s.granted.SessionKey.Wipe()
	s.relay.close()
}

// over returns the error of a session that has ended.
func (s *Session) over() error {
	if s.life.Err() != nil {
		return failf(CodeOver, "the user has logged out")
	}
	return nil
}

// while returns a context that also ends with the session.
func (s *Session) while(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// outcome returns the error of a call: that of the session, if that has ended.
func (s *Session) outcome(err error) error {
	if err == nil {
		return nil
	}
	return cmp.Or(s.over(), err)
}
