package backend

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A Target is one of the backends of a [Set].
type Target struct {
	// Name is what logs and errors call it. Empty means Host.
	Name string
	// Scheme is "http" or "https".
	Scheme string
	// Host is the host of its URL, with the port if it is not the scheme's. It is
	// the Host header, and what its certificate has to be for.
	Host string
	// Socket is the path of a unix socket that is connected to in place of Host.
	// Empty means TCP.
	Socket string
}

// Config configures a [Set]. Targets is required; zero values of the other
// fields mean what they document.
type Config struct {
	// Targets are the backends, at least one.
	Targets []Target
	// Transport has the limits of the connections of each target. How they are
	// made is the Set's. Nil means those of net/http, without proxies.
	Transport *http.Transport
	// TLS returns the configuration for a new connection of https. Its ServerName,
	// if it has one, is that of all targets. The Set does not change it. Nil means
	// the certificates that the system trusts.
	TLS func() *tls.Config
	// ConnectTimeout limits the making of a connection, TLS included. Zero means
	// five seconds.
	ConnectTimeout time.Duration
	// ResponseTimeout limits the time from the end of a request to the header of
	// its response. Zero means that the request's context alone does.
	ResponseTimeout time.Duration
	// Log gets a line when a target goes out and one when it comes back. Nil means
	// none.
	Log *slog.Logger
	// Report is called for each request, in the goroutine of RoundTrip, with the
	// name of the target that got it, or was tried last, and the names of those
	// that took nothing of it before. Nil means that it is not.
	Report func(ctx context.Context, target string, before []string)

	now func() time.Time // for tests; nil means time.Now
}

// A Set sends each request to one of several backends, and at most once. It is
// safe for concurrent use.
type Set struct {
	cfg     Config
	members []*member

	mu   sync.Mutex // of health in members, and turn
	turn int        // the member that is first among equals
}

// A member is a target with what is known of it.
type member struct {
	Target
	transport *http.Transport
	health    health // under Set.mu
}

// New returns a [Set]. It fails if cfg has no targets, or one with another
// scheme.
func New(cfg Config) (*Set, error) {
	if len(cfg.Targets) == 0 {
		return nil, errors.New("backend: Config needs Targets")
	}
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, 5*time.Second)
	if cfg.Transport == nil {
		cfg.Transport = &http.Transport{ForceAttemptHTTP2: true}
	}
	if cfg.TLS == nil {
		cfg.TLS = func() *tls.Config { return &tls.Config{} }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	s := &Set{cfg: cfg}
	for _, t := range cfg.Targets {
		if t.Scheme != "http" && t.Scheme != "https" || t.Host == "" {
			return nil, errors.New("backend: a target needs http or https, and a host")
		}
		t.Name = cmp.Or(t.Name, t.Host)
		s.members = append(s.members, &member{Target: t, transport: s.newTransport(t)})
	}
	return s, nil
}

// CloseIdleConnections closes the connections that no request uses. Requests
// then come by new ones, under the configuration that Config.TLS returns now.
func (s *Set) CloseIdleConnections() {
	for _, m := range s.members {
		m.transport.CloseIdleConnections()
	}
}

// RoundTrip implements [http.RoundTripper]. It replaces scheme and host of the
// URL, and the Host header if that is the URL's. An error names each target that
// was tried, and unwraps to that of the last one. A connection that took longer
// than ConnectTimeout is not [context.DeadlineExceeded], which is the request's
// own time.
func (s *Set) RoundTrip(r *http.Request) (*http.Response, error) {
	sending := newSending(r)
	defer sending.end()
	var tried []*member
	var failed attemptErrors
	for {
		m, t := s.choose(tried)
		resp, err := s.send(m, t, sending)
		if tried = append(tried, m); err == nil {
			s.report(r.Context(), tried)
			return resp, nil
		}
		failed = append(failed, attemptError{m.Name, err})
		if len(tried) == len(s.members) || r.Context().Err() != nil || !sending.mayRepeat() {
			s.report(r.Context(), tried)
			return nil, failed
		}
	}
}

func (s *Set) report(ctx context.Context, tried []*member) {
	if s.cfg.Report == nil {
		return
	}
	last := len(tried) - 1
	var before []string
	for _, m := range tried[:last] {
		before = append(before, m.Name)
	}
	s.cfg.Report(ctx, tried[last].Name, before)
}

// urlOf returns a URL with the scheme and host of a target.
func (t *Target) urlOf(u *url.URL) *url.URL {
	if u.Scheme == t.Scheme && u.Host == t.Host {
		return u
	}
	own := *u
	own.Scheme, own.Host = t.Scheme, t.Host
	return &own
}

// attemptErrors are the errors of a request at the targets that it was tried at.
type attemptErrors []attemptError

type attemptError struct {
	target string
	err    error
}

// Error returns the errors in the order of the attempts.
func (all attemptErrors) Error() string {
	var texts []string
	for _, e := range all {
		texts = append(texts, e.target+": "+e.err.Error())
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the error of the last attempt: what became of the earlier ones
// is not what became of the request.
func (all attemptErrors) Unwrap() error { return all[len(all)-1].err }
