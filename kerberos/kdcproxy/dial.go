//go:build !js

package kdcproxy

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// dialWebSocket opens a WebSocket with the transport of an HTTP client.
func dialWebSocket(ctx context.Context, url string, with *http.Client) (*websocket.Conn, error) {
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: with})
	return conn, err
}
