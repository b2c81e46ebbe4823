package kdcproxy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/kdc"
)

// A ClientConfig configures a [Client]. Only URL is required.
type ClientConfig struct {
	// URL is that of the relay: https://gw.example.com/KdcProxy for [MS-KKDCP],
	// wss://gw.example.com/kerberos5 for the WebSocket relay. http and ws are
	// without TLS; the messages protect themselves, but all may read who asks for
	// what.
	URL string
	// Transport sends the requests of HTTP, and the handshake of a WebSocket. Nil
	// means [http.DefaultTransport]; under js it is required for HTTP.
	Transport http.RoundTripper
	// Timeout is the time for one exchange. Zero means 20 s.
	Timeout time.Duration
}

// A Client exchanges messages with KDCs through a relay: it is the
// [kdc.Exchanger] of a [kdc.Client]. It is safe for concurrent use. It keeps
// one WebSocket for a moment; [Client.Close] closes it.
type Client struct {
	cfg    ClientConfig
	http   *httpClient
	socket bool // over WebSocket

	mu     sync.Mutex
	idle   socketConn // nil for none
	since  time.Time
	closed bool
}

var _ kdc.Exchanger = (*Client)(nil)

// NewClient returns a Client. It uses no network.
func NewClient(cfg ClientConfig) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("kdcproxy: %w", err)
	}
	c := &Client{cfg: cfg}
	switch {
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("kdcproxy: %.200q is not the URL of a relay", u.Redacted())
	case u.Scheme == "ws" || u.Scheme == "wss":
		c.socket = true
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("kdcproxy: %.200q is neither https, wss, http nor ws", u.Redacted())
	}
	c.cfg.Timeout = cmp.Or(cfg.Timeout, 20*time.Second)
	c.http = newHTTPClient(cfg.Transport)
	return c, nil
}

// Close closes the WebSocket. Exchanges under way end by themselves.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.idle != nil {
		c.idle.close()
		c.idle = nil
	}
}

// Exchange sends the request to a KDC of the realm and returns the reply. The
// error is a [*kerberos.Error] with [kerberos.CodeKDC], or ctx's.
func (c *Client) Exchange(ctx context.Context, realm string, request []byte) ([]byte, error) {
	if len(request) == 0 || len(request) > maxMessage {
		return nil, kerberos.Errorf(kerberos.CodeKDC, "request of %d octets; it must have 1 to %d", len(request), maxMessage)
	}
	limited, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	exchange := c.post
	if c.socket {
		exchange = c.send
	}
	reply, err := exchange(limited, realm, request)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &kerberos.Error{Code: kerberos.CodeKDC,
			Detail: fmt.Sprintf("through the relay %s, for realm %s", c.cfg.URL, realm), Err: err}
	}
	return reply, nil
}

// post exchanges messages as [MS-KKDCP] has it.
func (c *Client) post(ctx context.Context, realm string, request []byte) ([]byte, error) {
	body := krbmsg.KDCProxyMessage{Message: request, TargetDomain: realm}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	const most = maxMessage + 1024 // and what is around it
	reply, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answers with status %d%s", resp.StatusCode, meaning(resp.StatusCode))
	case err != nil:
		return nil, err
	case len(reply) > most:
		return nil, errors.New("its reply is too large")
	}
	m, err := krbmsg.ParseKDCProxyMessage(reply)
	if err != nil {
		return nil, fmt.Errorf("is that a KDC proxy? %w", err)
	}
	return m.Message, nil
}

// meaning returns what a status of a relay usually means.
func meaning(status int) string {
	switch status {
	case http.StatusServiceUnavailable:
		return ": it does not relay for this realm, or no KDC answers it; its log has the reason"
	case http.StatusTooManyRequests:
		return ": too many requests"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return ": is the path that of a KDC proxy?"
	}
	return ""
}
