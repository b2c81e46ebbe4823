package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// maxReply bounds what the client reads, in octets.
const maxReply = 4 << 20

// A Client calls one service. It is safe for concurrent use.
type Client struct {
	url       string
	service   string // Kerberos principal
	tickets   *kdc.Client
	processor *wssec.Processor
	http      *http.Client
}

// NewClient returns a Client for the service at url, whose principal is service
// and whose policy is the preset Kerberos.
func NewClient(url, service string, tickets *kdc.Client) (*Client, error) {
	policy, _ := wssec.Preset("Kerberos")
	processor, err := wssec.NewProcessor(policy, wssec.Config{
		// Replies that were there before are refused, too.
		Replay: replay.NewMemory(replay.MemoryConfig{}),
	})
	if err != nil {
		return nil, err
	}
	return &Client{url: url, service: service, tickets: tickets, processor: processor, http: &http.Client{
		// A message is for one address; whoever redirects it is not the service.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// A FaultError is a SOAP fault that the service answered, verified as any other
// reply.
type FaultError struct{ Fault *soap.Fault }

// Error returns the reason.
func (e *FaultError) Error() string {
	return fmt.Sprintf("the service answers a fault: %q", e.Fault.Reason)
}

// Call sends a plain SOAP message protected and returns the reply, verified and
// plain again; nil if the service has accepted the message and answers nothing.
func (c *Client) Call(ctx context.Context, message []byte) ([]byte, error) {
	env, err := soap.Parse(message, xmltext.Options{})
	if err != nil {
		return nil, err
	}
	wire, sent, err := c.protect(ctx, env)
	if err != nil {
		return nil, err
	}
	reply, err := c.post(ctx, env.Version, wire)
	if reply == nil || err != nil {
		return nil, err
	}
	return c.open(ctx, reply, sent)
}

// protect signs and encrypts a message under a token of its own: a token is good
// for one message, the ticket behind it for many.
func (c *Client) protect(ctx context.Context, env *soap.Envelope) ([]byte, *wssec.Request, error) {
	ticket, err := c.tickets.ServiceTicket(ctx, c.service)
	if err != nil {
		return nil, nil, err
	}
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
	if err != nil {
		return nil, nil, err
	}
	tok := wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}
	return c.processor.ProtectRequest(nil, env, tok)
}

// post sends the message and returns the reply, nil if there is none. A fault
// has status 400 or 500 and is a reply like any other.
func (c *Client) post(ctx context.Context, v soap.Version, wire []byte) (*soap.Envelope, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(wire))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", v.ContentType())
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, maxReply))
	if err != nil {
		return nil, err
	}
	if len(body) == 0 && resp.StatusCode == http.StatusAccepted {
		return nil, nil
	}
	media, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != v.MediaType() {
		return nil, fmt.Errorf("the service answers HTTP status %d and no SOAP message", resp.StatusCode)
	}
	return soap.Parse(body, xmltext.Options{Charset: params["charset"]})
}

// open verifies and decrypts the reply. Nothing of it is used before.
func (c *Client) open(ctx context.Context, reply *soap.Envelope, sent *wssec.Request) ([]byte, error) {
	msg, err := c.processor.VerifyReply(ctx, reply, sent, wssec.Channel{})
	if err != nil {
		return nil, c.unverified(reply, err)
	}
	if fault, ok := msg.Envelope().Fault(); ok {
		return nil, &FaultError{fault}
	}
	return msg.AppendForward(nil, wssec.DropHeaders)
}

// unverified returns the error for a reply that does not verify. One kind is
// expected: a service that refuses a message has no key to protect its fault
// with. Anybody could have written that fault, so it is a hint for the reader
// and decides nothing, but that the next call asks for a new ticket: the service
// may have got new keys.
func (c *Client) unverified(reply *soap.Envelope, err error) error {
	fault, ok := reply.Fault()
	if !ok {
		return err
	}
	c.tickets.Forget(c.service)
	return errors.Join(fmt.Errorf("an unprotected fault: %q", fault.Reason), err)
}
