package kdcproxy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"
)

// A socketConn is a WebSocket, of a library or of a browser. The error of one
// that the relay has closed is a [websocket.CloseError].
type socketConn interface {
	write(ctx context.Context, message []byte) error
	// read returns the next message, which is a binary one of at most
	// maxMessage+lengthSize octets.
	read(ctx context.Context) ([]byte, error)
	// isClosed reports whether it is known to be of no more use.
	isClosed() bool
	close()
}

// ErrNotOpened is in the error of an exchange for which no WebSocket could be
// opened. A browser does not say why; other systems do.
var ErrNotOpened = errors.New("the relay opens no WebSocket")

// send exchanges messages in a WebSocket. A kept one that turns out to be closed
// is replaced, once.
func (c *Client) send(ctx context.Context, _ string, request []byte) ([]byte, error) {
	conn := c.kept()
	if conn != nil {
		reply, err := c.converse(ctx, conn, request)
		if status := websocket.CloseStatus(err); status != websocket.StatusNormalClosure &&
			status != websocket.StatusGoingAway {
			return reply, err
		}
	}
	conn, err := dialWebSocket(ctx, c.cfg.URL, c.http)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotOpened, err)
	}
	return c.converse(ctx, conn, request)
}

// kept returns the WebSocket that was kept, if it is still good, else nil.
func (c *Client) kept() socketConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn := c.idle
	c.idle = nil
	if conn != nil && (conn.isClosed() || time.Since(c.since) > keepIdle) {
		conn.close()
		return nil
	}
	return conn
}

// keep keeps a WebSocket, or closes it.
func (c *Client) keep(conn socketConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.idle != nil {
		conn.close()
		return
	}
	c.idle, c.since = conn, time.Now()
}

// converse sends a request after its length, and returns the reply without.
func (c *Client) converse(ctx context.Context, conn socketConn, request []byte) (reply []byte, err error) {
	defer func() {
		if err != nil {
			conn.close()
		} else {
			c.keep(conn)
		}
	}()
	framed := binary.BigEndian.AppendUint32(make([]byte, 0, lengthSize+len(request)), uint32(len(request)))
	if err := conn.write(ctx, append(framed, request...)); err != nil {
		return nil, err
	}
	reply, err = conn.read(ctx)
	switch status := websocket.CloseStatus(err); {
	case status == websocket.StatusPolicyViolation:
		return nil, fmt.Errorf("it does not relay for this realm: %w", err)
	case status == websocket.StatusTryAgainLater:
		return nil, fmt.Errorf("no KDC answers it, or it has too much to do; its log has the reason: %w", err)
	case err != nil:
		return nil, err
	case len(reply) < lengthSize || binary.BigEndian.Uint32(reply) != uint32(len(reply)-lengthSize):
		return nil, errors.New("its reply does not begin with its length: is that a relay?")
	}
	return reply[lengthSize:], nil
}
