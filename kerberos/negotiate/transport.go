package negotiate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
)

// Tickets are the tickets of a client; *kdc.Client of package kdc has them. If
// it also has the methods Forwarded and Forget of that type, they are used for
// delegation, and for tickets that a service refuses.
type Tickets interface {
	// ServiceTicket returns a ticket for a service, "HTTP/gw.example.com".
	ServiceTicket(ctx context.Context, service string) (kerberos.Credential, error)
}

// TransportConfig configures a [Transport]. Tickets and Hosts are required.
type TransportConfig struct {
	// Tickets are the client's.
	Tickets Tickets
	// Hosts are the hosts that get tokens: "gw.example.com", with a port only
	// for that port; ".example.com" for all below that name; "*" for all.
	Hosts []string
	// AllowHTTP also sends tokens without TLS, where whoever is in between can
	// use them.
	AllowHTTP bool
	// Service returns the principal of a URL's service. nil means HTTP/ and the
	// host.
	Service func(*url.URL) string

	// Preemptive sends a token with each request. Otherwise one is sent after
	// the server has asked for it.
	Preemptive bool
	// Mechanism is [gss.MechanismSPNEGO], the default, or [gss.MechanismKRB5].
	Mechanism gss.Mechanism
	// NoMutual does not demand that the server proves who it is.
	NoMutual bool
	// MutualAlways demands it also from a response that reports no success.
	// Otherwise that is passed on as it comes: it proves nothing.
	MutualAlways bool
	// ChannelBindings binds tokens to the server's certificate
	// (tls-server-end-point). A host's first request then has no token, since
	// its certificate is not known.
	ChannelBindings bool
	// Delegate sends a forwarded ticket-granting ticket to services that the KDC
	// trusts with it (ok-as-delegate).
	Delegate bool
	// Application also answers the challenge "Application Negotiate".
	Application bool

	// Time is the clock of tokens; nil means [time.Now].
	Time func() time.Time

	// Base sends the requests. nil means [http.DefaultTransport]; under js it is
	// required.
	Base http.RoundTripper
}

// A Transport is an [http.RoundTripper] that authenticates the client to
// servers that ask for it. It is safe for concurrent use.
//
// It answers a server's challenge with a second request. The body must be
// there for that: GetBody is set, as [http.NewRequest] does for bodies in
// memory; or nothing of the body was sent, which it achieves with Expect:
// 100-continue, if server and Base support that. Otherwise the caller gets the
// server's response, 401. A request that has an Authorization header, is for
// none of the Hosts, or follows a redirection from another host, is passed on as
// it is.
//
// A server that refuses a token with its reason makes an error with
// [CodeServerRefused], and one that does not prove who it is one with
// [CodeNotMutual]. Errors are [*kerberos.Error], and those of Tickets and Base.
type Transport struct {
	cfg  TransportConfig
	mu   sync.Mutex
	ends map[string][]byte // bindings by host
}

// NewTransport returns a Transport, or an error if cfg is invalid.
func NewTransport(cfg TransportConfig) (*Transport, error) {
	if cfg.Base == nil {
		cfg.Base = defaultBase()
	}
	switch {
	case cfg.Tickets == nil || len(cfg.Hosts) == 0:
		return nil, errors.New("negotiate: TransportConfig needs Tickets and Hosts")
	case cfg.Base == nil:
		return nil, errors.New("negotiate: TransportConfig needs Base in a browser")
	case cfg.Mechanism != gss.MechanismAny && cfg.Mechanism != gss.MechanismSPNEGO && cfg.Mechanism != gss.MechanismKRB5:
		return nil, fmt.Errorf("negotiate: mechanism %q is none of spnego, krb5", cfg.Mechanism)
	}
	if cfg.Service == nil {
		cfg.Service = func(u *url.URL) string { return "HTTP/" + strings.ToLower(u.Hostname()) }
	}
	return &Transport{cfg: cfg, ends: make(map[string][]byte)}, nil
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.wants(r) {
		return t.cfg.Base.RoundTrip(r)
	}
	x := &exchange{t: t, r: r, body: newBody(r)}
	defer x.body.finish()
	return x.run()
}

// wants reports whether a request may have a token.
func (t *Transport) wants(r *http.Request) bool {
	if r.URL == nil || r.Header.Get("Authorization") != "" || !t.allows(r.URL) {
		return false
	}
	// Response is the redirection that r follows, Request what that answered.
	for from := r.Response; from != nil && from.Request != nil; from = from.Request.Response {
		if u := from.Request.URL; u.Scheme != r.URL.Scheme || !strings.EqualFold(u.Host, r.URL.Host) {
			return false
		}
	}
	return true
}

func (t *Transport) allows(u *url.URL) bool {
	if u.Scheme != "https" && (u.Scheme != "http" || !t.cfg.AllowHTTP) {
		return false
	}
	name, host := strings.ToLower(u.Hostname()), strings.ToLower(u.Host)
	for _, h := range t.cfg.Hosts {
		h = strings.ToLower(h)
		if h == "*" || h == name || h == host || strings.HasPrefix(h, ".") && strings.HasSuffix(name, h) {
			return true
		}
	}
	return false
}

// binding returns the last known channel binding of a host.
func (t *Transport) binding(u *url.URL) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ends[u.Host]
}

// maxEnds bounds the hosts whose bindings are kept.
const maxEnds = 1000

// learn keeps the channel binding of a host. One whose certificate has none is
// kept too, as empty.
func (t *Transport) learn(u *url.URL, state *tls.ConnectionState) []byte {
	if !t.cfg.ChannelBindings || state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	b, err := kerberos.EndPointBinding(state.PeerCertificates[0])
	if err != nil {
		b = []byte{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ends) >= maxEnds {
		clear(t.ends)
	}
	t.ends[u.Host] = b
	return b
}

// context returns an initiator's context for a URL's service.
func (t *Transport) context(ctx context.Context, u *url.URL, binding []byte) (*gss.Context, error) {
	ticket, err := t.cfg.Tickets.ServiceTicket(ctx, t.cfg.Service(u))
	if err != nil {
		return nil, err
	}
	cfg := gss.InitConfig{Mechanism: t.cfg.Mechanism, Time: t.cfg.Time}
	if len(binding) > 0 {
		cfg.ChannelBindings = binding
	}
	if t.cfg.NoMutual {
		cfg.GSSFlags = kerberos.GSSReplay | kerberos.GSSSequence | kerberos.GSSConf | kerberos.GSSInteg
	}
	type forwarder interface {
		Forwarded(context.Context) (kerberos.Credential, error)
	}
	if f, ok := t.cfg.Tickets.(forwarder); ok && t.cfg.Delegate && ticket.Flags&kerberos.FlagOKAsDelegate != 0 {
		tgt, err := f.Forwarded(ctx)
		if err != nil {
			return nil, err
		}
		cfg.Delegate = &tgt
	}
	return gss.NewInitiatorContext(ticket, cfg)
}

// refused drops the ticket of a service that has refused it.
func (t *Transport) refused(u *url.URL) {
	if f, ok := t.cfg.Tickets.(interface{ Forget(service string) }); ok {
		f.Forget(t.cfg.Service(u))
	}
}
