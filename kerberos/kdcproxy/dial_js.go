package kdcproxy

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// dialWebSocket opens a WebSocket of the browser, which has its own transport.
func dialWebSocket(ctx context.Context, url string, _ *http.Client) (*websocket.Conn, error) {
	conn, _, err := websocket.Dial(ctx, url, nil)
	return conn, err
}
