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
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Config is what a [Handler] is made of. All of it is required.
type Config struct {
	Policy wssec.Policy
	Tokens wssec.TokenVerifier // a gss.Acceptor
	Replay wssec.ReplayCache   // of signatures; that of tokens is the acceptor's
	// Clients are the principals that may call, as name@REALM. That a ticket is
	// good says who somebody is, and not that they may.
	Clients []string
	Log     *slog.Logger
}

// A Handler accepts protected SOAP messages and passes them on plain, with the
// name of the client in the request's context (see [ClientOf]). What the next
// handler answers goes back protected with the key of the request.
type Handler struct {
	processor *wssec.Processor
	clients   []string
	log       *slog.Logger
	next      http.Handler
	busy      chan struct{} // a place for each message that is looked at
}

// NewHandler returns a Handler that passes verified messages to next.
func NewHandler(cfg Config, next http.Handler) (*Handler, error) {
	switch p := cfg.Policy; {
	case cfg.Tokens == nil || cfg.Replay == nil || len(cfg.Clients) == 0 || cfg.Log == nil:
		return nil, errors.New("Config needs Tokens, Replay, Clients and Log")
	case p.NeedsTLS():
		return nil, errors.New("a policy that relies on TLS needs a Channel that says so, with its bindings")
	case p.TokenOnce && p.EncryptSignature:
		// Then a recorded message can be asked about as often as one likes, and
		// refusals have to leave at a time that tells nothing: package wssec,
		// Security considerations. The gateway does that, this example does not.
		return nil, errors.New("token-once with encrypt-signature needs refusals that take one time")
	}
	processor, err := wssec.NewProcessor(cfg.Policy, wssec.Config{Verifier: cfg.Tokens, Replay: cfg.Replay})
	if err != nil {
		return nil, err
	}
	return &Handler{processor, cfg.Clients, cfg.Log, next, make(chan struct{}, maxBusy)}, nil
}

// ServeHTTP takes one message in. Up to Verify nothing is known of the sender,
// and all that it learns is a fault that is the same for every reason; after it
// there is a key, and every answer is protected with it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in, err := read(w, r)
	if err != nil {
		h.refuse(w, r, soap.V11, err)
		return
	}
	select {
	case h.busy <- struct{}{}:
		defer func() { <-h.busy }()
	default:
		h.refuse(w, r, in.version, errBusy)
		return
	}
	env, err := in.parse()
	if err != nil {
		h.refuse(w, r, in.version, err)
		return
	}
	ctx, channel := peer(r)
	msg, err := h.processor.Verify(ctx, env, channel)
	if err != nil {
		h.refuse(w, r, in.version, err)
		return
	}
	h.answer(w, r, msg, h.call(r, msg))
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

// call authorizes the client and asks the next handler. It gives that handler
// the parts that the client has protected, and no HTTP header of the client's,
// since those are under no signature.
func (h *Handler) call(r *http.Request, msg *wssec.Message) *response {
	client, err := h.authorize(msg)
	if err != nil {
		return h.fault(r, msg, &soap.Fault{Code: soap.Sender, Reason: "The client may not call this service.",
			Subcode: xmltext.Name{Space: wssec.NSWSSE, Local: "FailedAuthentication"}}, err)
	}
	// From here on the client may name its token instead of sending it again, if
	// the policy has that. Not before: the token of somebody who may not call
	// takes no room.
	if err := msg.Remember(r.Context()); err != nil {
		h.log.Warn("token not remembered", "error", err)
	}
	plain, err := msg.AppendForward(nil, wssec.DropHeaders)
	if err != nil { // a mandatory header block that nobody has signed
		return h.fault(r, msg, wssec.FaultFor(err), err)
	}
	next := (&http.Request{
		Method: r.Method, URL: r.URL, Host: r.Host, RemoteAddr: r.RemoteAddr,
		Header:        http.Header{"Content-Type": {msg.Envelope().Version.ContentType()}},
		ContentLength: int64(len(plain)), Body: io.NopCloser(bytes.NewReader(plain)),
	}).WithContext(context.WithValue(r.Context(), clientKey{}, client))
	resp := &response{header: http.Header{}, status: http.StatusOK}
	h.next.ServeHTTP(resp, next)
	return resp
}

// authorize returns the client as name@REALM.
func (h *Handler) authorize(msg *wssec.Message) (string, error) {
	name, realm := msg.Principal()
	client := name + "@" + realm
	if !slices.Contains(h.clients, client) {
		return "", fmt.Errorf("%q is not among the clients", client)
	}
	return client, nil
}

type clientKey struct{}

// ClientOf returns the verified client of a request that a [Handler] has passed
// on, as name@REALM.
func ClientOf(ctx context.Context) string {
	client, _ := ctx.Value(clientKey{}).(string)
	return client
}

// answer protects resp and writes it. What cannot be protected, because it is
// no SOAP message of the request's version, becomes a fault, which can.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, msg *wssec.Message, resp *response) {
	v := msg.Envelope().Version
	if resp.body.Len() == 0 && resp.status/100 == 2 {
		w.WriteHeader(http.StatusAccepted) // a one-way message
		return
	}
	wire, err := h.protect(r.Context(), resp, msg)
	if err != nil {
		resp = h.fault(r, msg, wssec.FaultFor(nil), err)
		wire, err = h.protect(r.Context(), resp, msg)
	}
	if err != nil {
		h.refuse(w, r, v, fmt.Errorf("a fault cannot be protected: %w", err))
		return
	}
	write(w, resp.status, v, wire)
}

func (h *Handler) protect(ctx context.Context, resp *response, msg *wssec.Message) ([]byte, error) {
	env, err := soap.Parse(resp.body.Bytes(), xmltext.Options{})
	if err != nil {
		return nil, err
	}
	if v := msg.Envelope().Version; env.Version != v {
		return nil, fmt.Errorf("the answer is %v, the request was %v", env.Version, v)
	}
	return h.processor.Protect(ctx, nil, env, msg)
}
