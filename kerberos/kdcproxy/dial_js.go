package kdcproxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall/js"
	"time"

	"github.com/coder/websocket"
)

// keepIdle is how long an unused WebSocket is kept. A browser answers the pings
// of relays, and reports when one closes.
const keepIdle = 24 * time.Hour

// httpClient sends requests by a transport alone: that of net/http has HTTP/2 and
// TLS with it, three megabytes of a program for pages, which fetch by themselves.
type httpClient struct{ transport http.RoundTripper }

func newHTTPClient(transport http.RoundTripper) *httpClient { return &httpClient{transport} }

// Do sends a request.
func (c *httpClient) Do(r *http.Request) (*http.Response, error) {
	if c.transport == nil {
		return nil, errors.New("kdcproxy: ClientConfig has no Transport, which is required in a browser")
	}
	return c.transport.RoundTrip(r)
}

// dialWebSocket opens a WebSocket of the browser, which has its own transport.
// The library's wrapper of it loses the status with which a relay closes, and
// closes with codes that browsers do not let a page use, which leaves it open.
func dialWebSocket(ctx context.Context, url string, _ *httpClient) (socketConn, error) {
	c, err := newBrowserConn(url)
	if err != nil {
		return nil, err
	}
	select {
	case <-c.opened:
		return c, nil
	case <-c.closed:
		if c.wasOpen() { // and is not any more, which its use reports
			return c, nil
		}
		return nil, errNotOpened
	case <-ctx.Done():
		c.close()
		return nil, ctx.Err()
	}
}

var (
	errNotOpened = errors.New("it is not reached, or refuses pages of this origin; browsers do not say which")
	errText      = errors.New("its reply is text: is that a relay?")
	errMore      = errors.New("a message that nobody has asked for: is that a relay?")
	errOver      = errors.New("the WebSocket is closed")
)

// A browserConn is a WebSocket of the browser. Its events come one at a time, in
// the goroutine of JavaScript, and must not wait.
type browserConn struct {
	ws       js.Value
	funcs    map[string]js.Func
	opened   chan struct{}
	closed   chan struct{} // err is set then
	messages chan []byte   // the reply, which comes before the next request

	mu  sync.Mutex
	err error
}

func newBrowserConn(url string) (c *browserConn, err error) {
	defer func() {
		if e := recover(); e != nil { // SyntaxError, or SecurityError under a policy
			c, err = nil, fmt.Errorf("%v", e)
		}
	}()
	c = &browserConn{opened: make(chan struct{}), closed: make(chan struct{}), messages: make(chan []byte, 1)}
	c.ws = js.Global().Get("WebSocket").New(url)
	c.ws.Set("binaryType", "arraybuffer")
	c.funcs = map[string]js.Func{
		"onopen":    js.FuncOf(func(js.Value, []js.Value) any { close(c.opened); return nil }),
		"onmessage": js.FuncOf(func(_ js.Value, args []js.Value) any { c.take(args[0].Get("data")); return nil }),
		"onclose":   js.FuncOf(func(_ js.Value, args []js.Value) any { c.ended(args[0]); return nil }),
	}
	for name, f := range c.funcs {
		c.ws.Set(name, f)
	}
	return c, nil
}

// take takes a message.
func (c *browserConn) take(data js.Value) {
	if data.Type() != js.TypeObject {
		c.fail(errText)
		return
	}
	octets := js.Global().Get("Uint8Array").New(data)
	n := octets.Get("length").Int()
	if n > maxMessage+lengthSize {
		c.fail(websocket.ErrMessageTooBig)
		return
	}
	message := make([]byte, n)
	js.CopyBytesToGo(message, octets)
	select {
	case c.messages <- message:
	default:
		c.fail(errMore)
	}
}

// ended notes that the WebSocket is closed, and frees what it holds.
func (c *browserConn) ended(event js.Value) {
	c.setErr(websocket.CloseError{Code: websocket.StatusCode(event.Get("code").Int()),
		Reason: event.Get("reason").String()})
	for name, f := range c.funcs {
		c.ws.Set(name, js.Null())
		f.Release()
	}
}

// setErr ends the conn with an error, the first one.
func (c *browserConn) setErr(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.closed)
	}
}

func (c *browserConn) fail(err error) {
	c.setErr(err)
	c.ws.Call("close")
}

func (c *browserConn) close() { c.fail(errOver) }

func (c *browserConn) wasOpen() bool {
	select {
	case <-c.opened:
		return true
	default:
		return false
	}
}

func (c *browserConn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

func (c *browserConn) write(ctx context.Context, message []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.isClosed() {
		return c.reason()
	}
	if len(c.messages) > 0 { // of before the request
		return errMore
	}
	octets := js.Global().Get("Uint8Array").New(len(message))
	js.CopyBytesToJS(octets, message)
	c.ws.Call("send", octets) // which throws only before it is open
	return nil
}

func (c *browserConn) read(ctx context.Context) ([]byte, error) {
	select {
	case message := <-c.messages:
		return message, nil
	default:
	}
	select {
	case message := <-c.messages:
		return message, nil
	case <-c.closed:
		return nil, c.reason()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *browserConn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
