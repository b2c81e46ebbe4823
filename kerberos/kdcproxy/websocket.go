package kdcproxy

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/wssgate/wssgate/kerberos/internal/der"
)

const (
	pingEvery  = 30 * time.Second
	lengthSize = 4 // octets before a message (RFC 4120 7.2.2)
)

// WebSocket returns the handler of the WebSocket relay; the package's
// documentation has what stands in the socket. It serves HTTP/1.1.
func (r *Relay) WebSocket() http.Handler { return http.HandlerFunc(r.serveWebSocket) }

func (r *Relay) serveWebSocket(w http.ResponseWriter, req *http.Request) {
	client := r.cfg.ClientAddr(req)
	if !r.serve(func() { r.serveSocket(w, req, client) }) {
		r.report(ViaWebSocket, client, refuse(CodeBusy, "the relay stops"))
		answerError(w, refuse(CodeBusy, "the relay stops"))
	}
}

func (r *Relay) serveSocket(w http.ResponseWriter, req *http.Request, client netip.Addr) {
	conn, release, err := r.accept(w, req, client)
	if err != nil {
		r.report(ViaWebSocket, client, err)
		return
	}
	defer release()
	defer conn.CloseNow()
	s := &socket{Conn: conn, relay: r, client: client}
	stop := context.AfterFunc(r.life, func() { s.shut(websocket.StatusGoingAway, "the relay stops") })
	defer stop()
	ctx, cancel := context.WithCancel(contextOf(req))
	defer cancel()
	go s.ping(ctx)
	for s.serveOne(ctx) {
	}
}

// accept accepts the handshake, or answers it with an error.
func (r *Relay) accept(w http.ResponseWriter, req *http.Request, client netip.Addr) (*websocket.Conn, func(), error) {
	fail := func(err *Error) (*websocket.Conn, func(), error) {
		answerError(w, err)
		return nil, nil, err
	}
	switch {
	case !r.allowsOrigin(req):
		return fail(refuse(CodeOrigin, "origin %.100q", req.Header.Get("Origin")))
	case !r.rates.allow(client):
		return fail(refuse(CodeRate, "too many requests or connections of one client"))
	}
	release, ok := r.connections.take(client)
	if !ok {
		return fail(refuse(CodeBusy, "too many connections"))
	}
	conn, err := websocket.Accept(w, req, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the origin has been checked
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil { // answered
		release()
		return nil, nil, &Error{Code: CodeHTTP, Err: err}
	}
	conn.SetReadLimit(maxMessage + lengthSize)
	return conn, release, nil
}

// A socket is a WebSocket of a client.
type socket struct {
	*websocket.Conn
	relay  *Relay
	client netip.Addr
	once   sync.Once
}

// shut closes the socket, once.
func (s *socket) shut(code websocket.StatusCode, reason string) {
	s.once.Do(func() { _ = s.Close(code, reason) })
}

// ping closes the socket when the other end is gone. An answer waits while a
// request is under way.
func (s *socket) ping(ctx context.Context) {
	ticks := time.NewTicker(s.relay.pingEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		limited, cancel := context.WithTimeout(ctx, s.relay.cfg.Timeout+s.relay.cfg.ReadTimeout)
		if err := s.Ping(limited); err != nil {
			_ = s.CloseNow()
		}
		cancel()
	}
}

// serveOne reads a request and writes its reply. It reports whether the socket
// goes on.
func (s *socket) serveOne(ctx context.Context) bool {
	idle := time.AfterFunc(s.relay.cfg.IdleTimeout, func() { s.shut(websocket.StatusNormalClosure, "idle") })
	own := room{relay: s.relay, client: s.client}
	defer own.free()
	octets, framed, err := s.read(ctx, &own)
	idle.Stop()
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig): // which has closed the socket
		err = &Error{Code: CodeTooLarge, Err: err}
	case err != nil && codeOf(err) != CodeMalformed && codeOf(err) != CodeBusy:
		return false // closed by either side
	}
	q, limited := s.relay.begin(ViaWebSocket, s.client)
	var reply []byte
	switch {
	case limited != nil:
		err = limited
	case err == nil:
		ctx, cancel := s.relay.until(ctx)
		defer cancel()
		reply, err = q.relayed(ctx, "", octets)
	}
	if err == nil {
		err = s.write(ctx, reply, framed)
	}
	q.end(err)
	if err != nil {
		s.shut(closeCode(err), string(codeOf(err)))
	}
	return err == nil
}

// read returns the next request, without its length if it had one.
func (s *socket) read(ctx context.Context, own *room) (octets []byte, framed bool, err error) {
	for {
		kind, r, err := s.Reader(ctx)
		if err != nil {
			return nil, false, err
		}
		if kind != websocket.MessageBinary {
			s.shut(websocket.StatusUnsupportedData, "binary messages only")
			return nil, false, refuse(CodeMalformed, "a text message")
		}
		part, err := io.ReadAll(&roomReader{r, own, len(octets)})
		if err != nil {
			return nil, false, err
		}
		if len(part) == 0 {
			return nil, false, refuse(CodeMalformed, "an empty message")
		}
		octets = append(octets, part...)
		if whole, framed, err := cutRequest(octets); whole != nil || err != nil {
			return whole, framed, err
		}
	}
}

// cutRequest returns the request of the octets that have arrived, nil if there
// are to be more.
func cutRequest(b []byte) (whole []byte, framed bool, err error) {
	if b[0] == der.TagApplication(10) || b[0] == der.TagApplication(12) {
		return b, false, nil
	}
	if b[0] != 0 {
		return nil, false, refuse(CodeMalformed, "neither a request nor its length")
	}
	if len(b) < lengthSize {
		return nil, true, nil
	}
	n := int(binary.BigEndian.Uint32(b))
	switch rest := b[lengthSize:]; {
	case n == 0 || n > maxMessage:
		return nil, true, refuse(CodeMalformed, "a length of %d octets", n)
	case len(rest) > n:
		return nil, true, refuse(CodeMalformed, "more octets than the request has")
	case len(rest) == n:
		return rest, true, nil
	}
	return nil, true, nil
}

// write writes a reply in the form of its request.
func (s *socket) write(ctx context.Context, reply []byte, framed bool) error {
	if framed {
		reply = append(binary.BigEndian.AppendUint32(make([]byte, 0, lengthSize+len(reply)), uint32(len(reply))), reply...)
	}
	ctx, cancel := context.WithTimeout(ctx, s.relay.cfg.ReadTimeout)
	defer cancel()
	if err := s.Write(ctx, websocket.MessageBinary, reply); err != nil {
		return &Error{Code: CodeGone, Err: errors.Join(errors.New("writing the reply"), err)}
	}
	return nil
}

// closeCode returns the status of a socket that is closed because of an error
// (RFC 6455 7.4.1).
func closeCode(err error) websocket.StatusCode {
	switch codeOf(err) {
	case CodeMalformed, CodeDomain:
		return websocket.StatusInvalidFramePayloadData
	case CodeTooLarge:
		return websocket.StatusMessageTooBig
	case CodeRealm:
		return websocket.StatusPolicyViolation
	case CodeGone: // the relay stops
		return websocket.StatusGoingAway
	}
	return websocket.StatusTryAgainLater
}
