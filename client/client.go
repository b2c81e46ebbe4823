package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// Defaults of a Config.
const (
	defaultTimeout  = 30 * time.Second
	defaultMaxReply = 32 << 20
)

// Tickets are where a client's tickets come from: a *kdc.Client. It is safe for
// concurrent use.
type Tickets interface {
	// ServiceTicket returns a ticket for a service principal that is good now.
	ServiceTicket(ctx context.Context, service string) (kerberos.Credential, error)
	// Forget drops the ticket for a service, which may not have its key any more.
	Forget(service string)
}

// A Config is whom a Client calls, as whom, and how messages are protected.
// URL, Service, Policy and Tickets are required.
type Config struct {
	// URL is the address of the service, http or https.
	URL string
	// Service is its Kerberos principal, "soap/gw.example.com@EXAMPLE.COM". A
	// name without realm is looked up as Tickets does it.
	Service string
	// Policy is what the service asks of a message, and does to its reply.
	Policy wssec.Policy
	// Tickets are the client's.
	Tickets Tickets

	// Addressing is the namespace of the WS-Addressing header blocks that a
	// message gets which has none: soap.NSAddressing or soap.NSAddressing04. One
	// that has some gets the MessageID that may be missing. ""
	// leaves messages as they are. With a MessageID the reply has to relate to it,
	// where the policy signs both.
	Addressing string
	// TokenTo, if not nil, puts the Kerberos token of a message into its HTTP
	// request, for a service that takes it from there: a message then has none in
	// its Security header, and its signature names it by its SHA-1 (Kerberos Token
	// Profile 1.1.1 §3.3). The policy has to be one of Kerberos tokens, and must
	// not ask for a signature over the token.
	TokenTo func(r *http.Request, token []byte) error
	// Header are further HTTP headers of each request. Those of SOAP are set by
	// the Client.
	Header http.Header
	// ChannelBindings, if not nil, returns the application data of the bindings
	// of the TLS channel (RFC 5929), to which tokens are then bound, such as
	// [ServerBinding] does. It is called for each Kerberos token.
	ChannelBindings func(ctx context.Context) ([]byte, error)
	// Transport sends requests. Nil means http.DefaultTransport; under js it is
	// required.
	Transport http.RoundTripper
	// Timeout is for one call: the request and its reply, and the negotiation that
	// it may need first. 0 means 30 s.
	Timeout time.Duration
	// MaxReply bounds a reply, in octets. 0 means 32 MiB.
	MaxReply int
	// Trust is the version of WS-Trust and WS-SecureConversation for policies with
	// a SecurityContextToken. Zero means wstrust.Feb2005, as WCF has it by default;
	// ws2007HttpBinding and CXF need wstrust.V13.
	Trust wstrust.Version
	// NoAuthenticator negotiates with a service that does not prove that both sides
	// have seen the same messages, as CXF's does not: whoever is in between can
	// then change what is asked for. See wstrust.InitiatorConfig.
	NoAuthenticator bool
	// EndorsedRenewal renews a security context by a message under the bootstrap
	// policy that the context endorses, as WCF's services want it. Others want one
	// under the context itself. A service that does not renew is asked for another
	// context, which for WCF's is another session.
	EndorsedRenewal bool

	// Delegate sends a forwarded ticket-granting ticket with each Kerberos token
	// and negotiation, to a service that the KDC trusts with it (ok-as-delegate).
	// Tickets then needs the method Forwarded of *kdc.Client. A credential that
	// cannot be had fails the call.
	Delegate bool
	// Replay is where the signatures of replies under security contexts are
	// entered. Clients may share one. Nil means a *replay.Memory of the Client's.
	Replay wssec.ReplayCache
	// Reserve, if not nil, is called before a call allocates what grows with its
	// messages, and with the negative number at its end. The context is that of
	// the call. Its error ends the call, with CodeMessage or CodeNoSOAP.
	Reserve func(ctx context.Context, octets int) error

	// Trace, if not nil, is given each message that is sent or received. It is
	// called from the goroutine of the call. What it gets holds what the
	// protection hides.
	Trace func(Traced)
	// Time is the clock. Nil means time.Now.
	Time func() time.Time
}

// A Traced is one message as Trace gets it.
type Traced struct {
	// Kind is "message" for those of the caller, and for those of the Client's own
	// "negotiation", "issue", "renew" or "cancel" (of a security context).
	Kind   string
	Sent   bool   // false: received
	Status int    // of HTTP, of what was received
	Wire   []byte // as sent or received
	Plain  []byte // without protection; nil if it did not verify
}

// A Client calls one service. It is safe for concurrent use. Under a policy with a
// SecurityContextToken it negotiates one, or asks for one, when the first call
// needs it, and renews it in time; all calls share it. Close the Client then.
type Client struct {
	messages channel
}

// New returns a Client. It makes no request yet. The error names what is wrong
// with the configuration.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.MaxReply = cmp.Or(cfg.MaxReply, defaultMaxReply)
	cfg.Trust = cmp.Or(cfg.Trust, wstrust.Feb2005)
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	messages, err := newChannel(&poster{&cfg, newHTTPClient(cfg.Transport)}, cfg.Policy)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Client{*messages}, nil
}

// check refuses what cannot work.
func (cfg *Config) check() error {
	if cfg.Tickets == nil || cfg.Service == "" {
		return errors.New("Config needs Service and Tickets")
	}
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil:
		return err
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%q is no http or https URL", cfg.URL)
	}
	switch cfg.Addressing {
	case "", soap.NSAddressing, soap.NSAddressing04:
	default:
		return fmt.Errorf("%q is no namespace of WS-Addressing", cfg.Addressing)
	}
	if err := cfg.Policy.Validate(); err != nil {
		return err
	}
	if p := &cfg.Policy; cfg.TokenTo != nil && (p.ClientToken() != wssec.KerberosToken || p.ProtectTokens ||
		p.Binding == wssec.NoBinding && slices.ContainsFunc(p.SupportingTokens, func(t wssec.SupportingToken) bool {
			return t.Use == wssec.UseSignedEndorsing
		})) {
		return errors.New("the token has to stand in the Security header: the policy wants it signed, or is not one of " +
			"Kerberos tokens (TokenTo, token-location)")
	}
	tls := u.Scheme == "https"
	if cfg.Policy.NeedsTLS() && !tls {
		return errors.New("the policy relies on TLS and the URL is http; use https, or set allow-plain-http (AllowPlainHTTP)")
	}
	if b := cfg.Policy.Bootstrap; b != nil && !tls && !(b.Binding == wssec.SymmetricBinding && b.SignedParts.Body &&
		b.EncryptedParts.Body) {
		return errors.New("the bootstrap policy does not sign and encrypt the Body, and the URL is http: whoever sees " +
			"the entropies has the key")
	}
	return nil
}

// A Request is a plain SOAP message to be sent.
type Request struct {
	// Message is the envelope, SOAP 1.1 or 1.2, without protection.
	Message []byte
	// Charset is the encoding of Message, as HTTP has it. "" means that of its XML
	// declaration or byte order mark, else UTF-8.
	Charset string
	// Action is sent in HTTP: SOAPAction, or the action parameter of SOAP 1.2.
	// "" means that of the message's wsa:Action, if it has one.
	Action string
	// Header are further HTTP headers.
	Header http.Header
}

// A Reply is what the service has answered, verified and plain again.
type Reply struct {
	// Message is an envelope of the request's version in UTF-8: the Body, and
	// the header blocks that the protection covers. It is nil when the service has
	// taken a one-way message and answers nothing.
	Message []byte
	Version soap.Version // of Message
	// Status is that of HTTP, which nothing protects.
	Status int
}

// Call sends a message and returns the reply. Errors are *[Error]; a fault of
// the service is one with CodeFault. A call is never repeated.
func (c *Client) Call(ctx context.Context, req Request) (*Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, c.messages.cfg.Timeout)
	defer cancel()
	held := &room{ctx: ctx, reserve: c.messages.cfg.Reserve}
	defer held.leave()
	if err := held.take(requestRoom * len(req.Message)); err != nil {
		return nil, &Error{Code: CodeMessage, Err: err}
	}
	env, err := c.envelope(req)
	if err != nil {
		return nil, &Error{Code: CodeMessage, Err: err}
	}
	m := outgoing{Envelope: env, kind: kindMessage, action: soaphttp.PlainAction(req.Action), header: req.Header,
		room: held}
	verified, err := c.messages.call(held.with(ctx), m)
	if err != nil {
		return nil, err
	}
	return verified.Reply, nil
}

// Close ends the security context that a policy with a SecureConversationToken has
// made the Client ask for, if there is one. Later calls would ask for another.
// The error is that of the request to cancel it, an *[Error].
func (c *Client) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.messages.cfg.Timeout)
	defer cancel()
	return c.messages.source.close(ctx)
}

// envelope scans the message, and adds what Addressing asks for.
func (c *Client) envelope(req Request) (*soap.Envelope, error) {
	cfg := c.messages.cfg
	env, err := soap.Parse(req.Message, xmltext.Options{Charset: req.Charset})
	if err != nil || cfg.Addressing == "" {
		return env, err
	}
	return addressed(env, cfg.Addressing, cfg.URL, req.Action)
}
