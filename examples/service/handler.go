package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Limits of this service, whose messages are small. The index over the markup
// of a message takes several times its octets, hence the limits of elements and
// of messages at a time.
const (
	maxMessage  = 256 << 10 // octets
	maxElements = 10_000    // of one message
	maxBusy     = 64        // messages that are looked at or answered
)

// Config is what [NewHandler] makes a handler of. All of it is required.
type Config struct {
	Policy wssec.Policy
	Tokens wssec.TokenVerifier // a gss.Acceptor
	Replay wssec.ReplayCache   // of signatures; that of tokens is the acceptor's
	// Clients are the principals that may call, as name@REALM. That a ticket is
	// good proves who somebody is, and not that they may call.
	Clients []string
	Log     *slog.Logger
}

// A service passes protected messages on plain, and protects what comes back.
type service struct {
	processor *wssec.Processor
	clients   []string
	log       *slog.Logger
	next      http.Handler
}

// NewHandler returns a handler that accepts protected SOAP messages and passes
// them on plain to next, with the name of the client in the request's context
// (see [ClientOf]). What next answers goes back protected with the key of the
// request.
func NewHandler(cfg Config, next http.Handler) (*soaphttp.Handler, error) {
	switch p := cfg.Policy; {
	case cfg.Tokens == nil || cfg.Replay == nil || len(cfg.Clients) == 0 || cfg.Log == nil:
		return nil, errors.New("Config needs Tokens, Replay, Clients and Log")
	case p.NeedsTLS():
		return nil, errors.New("a policy that relies on TLS needs a Channel that says so, with its bindings")
	case p.TokenOnce && p.EncryptSignature:
		// Then a recorded message can be asked about as often as one likes, and
		// refusals have to leave at a time that reveals nothing: package wssec,
		// Security considerations. The gateway does that, this example does not.
		return nil, errors.New("token-once with encrypt-signature needs refusals that take one time")
	}
	processor, err := wssec.NewProcessor(cfg.Policy, wssec.Config{Verifier: cfg.Tokens, Replay: cfg.Replay})
	if err != nil {
		return nil, err
	}
	s := &service{processor, cfg.Clients, cfg.Log, next}
	return &soaphttp.Handler{
		Answer: s.answer,
		// One fault for all that has to do with keys. The log has the reason.
		Fault:   wssec.FaultFor,
		Refused: func(r *http.Request, err error) { s.log.Warn("refused", "peer", r.RemoteAddr, "error", err) },
		Limits:  xmltext.Limits{MessageBytes: maxMessage, Elements: maxElements}, MaxMessages: maxBusy,
	}, nil
}

// answer takes one message in. Up to Verify nothing is known of the sender, and
// all that it learns is a fault that is the same for every reason; after it
// there is a key, and every answer is protected with it.
func (s *service) answer(r *http.Request, m *soaphttp.Message) (soaphttp.Reply, error) {
	ctx, channel := peer(r)
	msg, err := s.processor.Verify(ctx, m.Envelope, channel)
	if err != nil {
		return soaphttp.Reply{}, err
	}
	return s.protect(r, msg, s.call(r, msg))
}

// peer returns what is known of the other side of the connection.
func peer(r *http.Request) (context.Context, wssec.Channel) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.Context(), wssec.Channel{}
	}
	addr := peer.Addr().WithZone("")
	return kerberos.WithRemoteAddr(r.Context(), addr), wssec.Channel{Client: addr.String()}
}

// call authorizes the client and asks the next handler. It passes on the parts
// that the client has protected, and no HTTP header of the client's, since
// those are under no signature.
func (s *service) call(r *http.Request, msg *wssec.Message) soaphttp.Reply {
	client, err := s.authorize(msg)
	if err != nil {
		return s.fault(r, msg, &soap.Fault{Code: soap.Sender, Reason: "The client may not call this service.",
			Subcode: xmltext.Name{Space: wssec.NSWSSE, Local: "FailedAuthentication"}}, err)
	}
	// From here on the client may name its token instead of sending it again, if
	// the policy has that. Not before: the token of somebody who may not call
	// takes no room.
	if err := msg.Remember(r.Context()); err != nil {
		s.log.Warn("token not remembered", "error", err)
	}
	plain, err := msg.AppendForward(nil, wssec.Forwarding{UltimateReceiver: true})
	if err != nil { // a mandatory header block that nobody has signed
		return s.fault(r, msg, wssec.FaultFor(err), err)
	}
	next := (&http.Request{
		Method: r.Method, URL: r.URL, Host: r.Host, RemoteAddr: r.RemoteAddr,
		Header:        http.Header{"Content-Type": {msg.Envelope().Version.ContentType()}},
		ContentLength: int64(len(plain)), Body: io.NopCloser(bytes.NewReader(plain)),
	}).WithContext(context.WithValue(r.Context(), clientKey{}, client))
	var answer soaphttp.Recorder
	s.next.ServeHTTP(&answer, next)
	return soaphttp.Reply{Status: answer.Status, Message: answer.Body.Bytes()}
}

// authorize returns the client as name@REALM.
func (s *service) authorize(msg *wssec.Message) (string, error) {
	name, realm := msg.Principal()
	client := name + "@" + realm
	if !slices.Contains(s.clients, client) {
		return "", fmt.Errorf("%q is not among the clients", client)
	}
	return client, nil
}

type clientKey struct{}

// ClientOf returns the verified client of a request that the handler has passed
// on, as name@REALM.
func ClientOf(ctx context.Context) string {
	client, _ := ctx.Value(clientKey{}).(string)
	return client
}

// fault returns the reply for a verified client about err, to be protected
// as any other.
func (s *service) fault(r *http.Request, msg *wssec.Message, f *soap.Fault, err error) soaphttp.Reply {
	name, realm := msg.Principal()
	s.log.Warn("fault", "peer", r.RemoteAddr, "client", name+"@"+realm, "error", err)
	v := msg.Envelope().Version
	return soaphttp.Reply{Status: soaphttp.FaultStatus, Message: f.AppendEnvelope(nil, v)}
}

// protect protects a reply. What cannot be, because it is no SOAP message of
// the request's version, becomes a fault, which can.
func (s *service) protect(r *http.Request, msg *wssec.Message, reply soaphttp.Reply) (soaphttp.Reply, error) {
	if len(reply.Message) == 0 && (reply.Status == 0 || reply.Status/100 == 2) {
		return soaphttp.Reply{}, nil // to a one-way message
	}
	wire, err := s.seal(r.Context(), reply.Message, msg)
	if err != nil {
		reply = s.fault(r, msg, wssec.FaultFor(nil), err)
		wire, err = s.seal(r.Context(), reply.Message, msg)
	}
	return soaphttp.Reply{Status: reply.Status, Message: wire}, err
}

func (s *service) seal(ctx context.Context, message []byte, msg *wssec.Message) ([]byte, error) {
	env, err := soap.Parse(message, xmltext.Options{})
	if err != nil {
		return nil, err
	}
	if v := msg.Envelope().Version; env.Version != v {
		return nil, fmt.Errorf("the answer is %v, the request was %v", env.Version, v)
	}
	return s.processor.Protect(ctx, nil, env, msg)
}
