//go:build !js

package kdcproxy

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// keepIdle is how long an unused WebSocket is kept. Nobody answers its pings, so
// it is less than the time after which relays send one.
const keepIdle = 10 * time.Second

// httpClient sends requests.
type httpClient = http.Client

// newHTTPClient returns one that follows no redirection.
func newHTTPClient(transport http.RoundTripper) *httpClient {
	return &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// dialWebSocket opens a WebSocket with the transport of an HTTP client.
func dialWebSocket(ctx context.Context, url string, with *httpClient) (socketConn, error) {
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: with})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxMessage + lengthSize)
	return libraryConn{conn}, nil
}

// A libraryConn is a WebSocket of the library.
type libraryConn struct{ *websocket.Conn }

var errText = errors.New("its reply is text: is that a relay?")

func (c libraryConn) write(ctx context.Context, message []byte) error {
	return c.Write(ctx, websocket.MessageBinary, message)
}

func (c libraryConn) read(ctx context.Context) ([]byte, error) {
	kind, message, err := c.Read(ctx)
	if err == nil && kind != websocket.MessageBinary {
		return nil, errText
	}
	return message, err
}

func (c libraryConn) isClosed() bool { return false } // it shows when it is used
func (c libraryConn) close()         { _ = c.CloseNow() }
