package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// maxMessage bounds what the demo's client reads, in octets.
const maxMessage = 4 << 20

// A Client is alice's side: tickets, protected requests, verified replies.
type Client struct {
	HTTP *http.Client
	URL  string // of the gateway's route

	Initiator *kdc.Client // alice, logged in at the KDC
	Processor *wssec.Processor

	mu     sync.Mutex
	recent []*wssec.Request // for Open with --serve, newest last
}

// NewClient returns a Client that gets its tickets from the KDCs of a
// krb5.conf, whose text is given.
func NewClient(krb5Conf, url string) (*Client, error) {
	initiator, err := kdc.NewClient(kdc.ClientConfig{Client: ClientName, Password: Password, Krb5Conf: krb5Conf})
	if err != nil {
		return nil, err
	}
	policy, _ := wssec.Preset("Kerberos")
	processor, err := wssec.NewProcessor(policy, wssec.Config{})
	if err != nil {
		return nil, err
	}
	return &Client{HTTP: http.DefaultClient, URL: url, Initiator: initiator, Processor: processor}, nil
}

// Protect makes the octets to send, under a token that is fresh for each
// message, and what the reply is verified by.
func (c *Client) Protect(ctx context.Context, message string) ([]byte, *wssec.Request, error) {
	ticket, err := c.Initiator.ServiceTicket(ctx, Service)
	if err != nil {
		return nil, nil, err
	}
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
	if err != nil {
		return nil, nil, err
	}
	env, err := soap.Parse([]byte(message), xmltext.Options{})
	if err != nil {
		return nil, nil, err
	}
	return c.Processor.ProtectRequest(nil, env, wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
}

// Post sends octets to the gateway.
func (c *Client) Post(ctx context.Context, message []byte) (status int, reply []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(message))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", soap.V11.ContentType())
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	reply, err = io.ReadAll(io.LimitReader(resp.Body, maxMessage))
	return resp.StatusCode, reply, err
}

// Open verifies a reply.
func (c *Client) Open(ctx context.Context, reply []byte, sent *wssec.Request) (*wssec.Message, error) {
	env, err := soap.Parse(reply, xmltext.Options{})
	if err != nil {
		return nil, err
	}
	return c.Processor.VerifyReply(ctx, env, sent, wssec.Channel{})
}

// serveClient lends the client to the reader's shell: one address makes
// protected requests, another opens replies. What the gateway logs is printed.
// It returns when ctx ends.
func (w *world) serveClient(ctx context.Context, p *printer) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /request", w.client.serveRequest)
	mux.HandleFunc("POST /open", w.client.serveOpen)
	url, err := w.listen(ctx, mux)
	if err != nil {
		return err
	}
	p.tryIt(url, w.gatewayURL)
	for p.err == nil {
		select {
		case ev := <-w.events:
			p.line(strings.TrimSuffix("gateway: "+ev.code+": "+ev.err, ": "))
		case <-ctx.Done():
			return nil
		}
	}
	return p.err
}

// serveRequest answers with a fresh protected request.
func (c *Client) serveRequest(w http.ResponseWriter, r *http.Request) {
	wire, sent, err := c.Protect(r.Context(), Question)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.mu.Lock()
	c.recent = append(c.recent, sent)
	if len(c.recent) > 16 {
		c.recent = c.recent[1:]
	}
	c.mu.Unlock()
	w.Header().Set("Content-Type", soap.V11.ContentType())
	_, _ = w.Write(wire)
}

// serveOpen opens the reply to one of the recent requests.
func (c *Client) serveOpen(w http.ResponseWriter, r *http.Request) {
	reply, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	recent := append([]*wssec.Request(nil), c.recent...)
	c.mu.Unlock()
	why := errors.New("no request was made yet")
	for i := len(recent) - 1; i >= 0; i-- {
		msg, err := c.Open(r.Context(), reply, recent[i])
		if err == nil {
			w.Header().Set("Content-Type", soap.V11.ContentType())
			_, _ = fmt.Fprintf(w, "%s\n", msg.Body().AppendCanonical(nil, xmltext.C14N{}))
			return
		}
		if i == len(recent)-1 {
			why = err
		}
	}
	http.Error(w, fmt.Sprintf("this is no reply to a recent request: %v\n%s", why, reply), http.StatusBadRequest)
}
