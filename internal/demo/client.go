package demo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
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
	return c.Processor.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
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

// serveClient lets the reader's shell be a client: it writes alice's files, and
// an address makes protected requests to keep. What the gateway logs is
// printed. It returns when ctx ends.
func (w *world) serveClient(ctx context.Context, p *printer) error {
	if err := w.writeFiles(ctx); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /request", w.client.serveRequest)
	url, err := w.listen(ctx, mux)
	if err != nil {
		return err
	}
	p.tryIt(w, url)
	for p.err == nil {
		select {
		case ev := <-w.events.queue:
			p.line(strings.TrimSuffix("gateway: "+ev.code+": "+ev.err, ": "))
		case <-ctx.Done():
			return nil
		}
	}
	return p.err
}

// writeFiles writes what alice's kinit would have: a krb5.conf that names the
// KDC, and a credential cache with her ticket.
func (w *world) writeFiles(ctx context.Context) error {
	ticket, err := w.client.Initiator.ServiceTicket(ctx, Service)
	if err != nil {
		return err
	}
	cache := ccache.Cache{Client: ticket.Client, Tickets: []kerberos.Credential{ticket}}
	if err := cache.WriteFile(w.file("alice.ccache")); err != nil {
		return err
	}
	return os.WriteFile(w.file("krb5.conf"), []byte(w.kdc.Krb5Conf()), 0o600)
}

// serveRequest answers with a fresh protected request.
func (c *Client) serveRequest(w http.ResponseWriter, r *http.Request) {
	wire, _, err := c.Protect(r.Context(), Question)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", soap.V11.ContentType())
	_, _ = w.Write(wire)
}
