package kdcproxy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"
)

// keepIdle is how long an unused WebSocket is kept. Nobody answers its pings, so
// it is less than the time after which relays send one.
const keepIdle = 10 * time.Second

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
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	return c.converse(ctx, conn, request)
}

// kept returns the WebSocket that was kept, if it is still good, else nil.
func (c *Client) kept() *websocket.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn := c.idle
	c.idle = nil
	if conn != nil && time.Since(c.since) > keepIdle {
		_ = conn.CloseNow()
		return nil
	}
	return conn
}

// keep keeps a WebSocket, or closes it.
func (c *Client) keep(conn *websocket.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.idle != nil {
		_ = conn.CloseNow()
		return
	}
	c.idle, c.since = conn, time.Now()
}

// converse sends a request after its length, and returns the reply without.
func (c *Client) converse(ctx context.Context, conn *websocket.Conn, request []byte) (reply []byte, err error) {
	defer func() {
		if err != nil {
			_ = conn.CloseNow()
		} else {
			c.keep(conn)
		}
	}()
	framed := binary.BigEndian.AppendUint32(make([]byte, 0, lengthSize+len(request)), uint32(len(request)))
	if err := conn.Write(ctx, websocket.MessageBinary, append(framed, request...)); err != nil {
		return nil, err
	}
	kind, reply, err := conn.Read(ctx)
	switch status := websocket.CloseStatus(err); {
	case status == websocket.StatusPolicyViolation:
		return nil, fmt.Errorf("it does not relay for this realm: %w", err)
	case status == websocket.StatusTryAgainLater:
		return nil, fmt.Errorf("no KDC answers it, or it has too much to do; its log has the reason: %w", err)
	case err != nil:
		return nil, err
	case kind != websocket.MessageBinary || len(reply) < lengthSize ||
		binary.BigEndian.Uint32(reply) != uint32(len(reply)-lengthSize):
		return nil, errors.New("its reply does not begin with its length: is that a relay?")
	}
	return reply[lengthSize:], nil
}

func (c *Client) dial(ctx context.Context) (*websocket.Conn, error) {
	conn, err := dialWebSocket(ctx, c.cfg.URL, c.http)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxMessage + lengthSize)
	return conn, nil
}
