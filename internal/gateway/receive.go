package gateway

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/wssgate/wssgate/internal/buffer"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/mtom"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// received is a request as it was received. Nothing in it is verified.
type received struct {
	soaphttp.Media
	pack *mtom.Type     // nil: the body is the message
	body *buffer.Buffer // the message; nil until it has been read
	env  *soap.Envelope // nil once a door has it
	size int            // octets of the body, or of the message that was made of it
	at   time.Time      // when it was there

	taken bool // the body has been read, or passes

	// Of its WS-Addressing, "" without: the version, and the MessageID.
	namespace, messageID string
}

// longAgo is a deadline that ends a read that waits.
var longAgo = time.Unix(1, 0)

// How a body is treated that is refused before it has been read.
const (
	// maxUnread is how much of it net/http reads before the response, to keep the
	// connection.
	maxUnread = 256 << 10
	// unreadWait is for the end of a body that is on its way behind its header.
	unreadWait = 5 * time.Millisecond
	// unreadLinger is for a client that sends on while the refusal is written: a
	// connection that is closed before would lose it (RFC 9112 §9.6). It has
	// unreadPause for each octet.
	unreadLinger, unreadPause = 2 * time.Second, 500 * time.Millisecond
)

// leaveBody makes sure that a refusal is written at once, whatever becomes of
// the body. Left to itself, net/http reads up to maxUnread of it before the
// response, for which the client may be waiting. A body that is there already is
// read, so that the connection can be used again; else it ends with the
// response. A client that waits for "100 Continue" does not get it.
func (x *exchange) leaveBody() {
	n := x.r.ContentLength
	if x.r.ProtoMajor != 1 || n == 0 || x.in.taken {
		return
	}
	rc := http.NewResponseController(x.w)
	if n <= maxUnread && x.r.Header.Get("Expect") == "" {
		_ = rc.SetReadDeadline(time.Now().Add(unreadWait))
		if _, err := io.CopyN(io.Discard, x.r.Body, maxUnread+1); errors.Is(err, io.EOF) {
			_ = rc.SetReadDeadline(time.Time{})
			return
		}
	}
	x.w.Header().Set("Connection", "close")
	x.unread = time.Now().Add(unreadLinger)
	_ = rc.SetReadDeadline(x.unread)
}

// linger reads what still comes of a body that was left, once the refusal has been
// written and all that the exchange held is given back. Clients that write the whole
// body before they read would else have their connection reset, and no answer. The
// memory that it takes is in no budget, so it is little.
func (x *exchange) linger() {
	if x.unread.IsZero() || x.log.status == 0 || x.r.Header.Get("Expect") != "" {
		return
	}
	rc := http.NewResponseController(x.w)
	if rc.Flush() != nil {
		return
	}
	scrap := make([]byte, 1<<10)
	for now := time.Now(); now.Before(x.unread); now = time.Now() {
		next := now.Add(unreadPause)
		if x.unread.Before(next) {
			next = x.unread
		}
		_ = rc.SetReadDeadline(next)
		if _, err := x.r.Body.Read(scrap); err != nil {
			return
		}
	}
}

// checkHeader refuses what its header says is no message that is read. It comes
// before the first octet of the body is read, which is when net/http sends "100
// Continue". It sets the version as soon as that is known, even if it fails, so
// that the fault has the right version.
func (x *exchange) checkHeader() (err error) {
	if x.in.Media, x.in.pack, err = x.mediaOf(x.r.Header); x.in.pack != nil {
		x.log.note(slog.Bool("mtom", true))
	}
	x.log.asks(x.in.Action)
	if err != nil {
		if err = mediaError(err); codeOf(err) == string(CodeContentEncoding) {
			x.w.Header().Set("Accept-Encoding", "identity") // RFC 9110 §12.5.3
		}
		return err
	}
	return nil
}

// receive reads and parses the request.
func (x *exchange) receive() error {
	defer x.log.stage("read", time.Now())
	body, err := x.readRequest()
	if err == nil {
		x.in.taken = true
		body, err = x.inline(body, x.in.pack)
	}
	x.in.at = time.Now()
	if err != nil {
		return encodingError(err)
	}
	x.in.body, x.in.size = body, len(body.Octets)
	// The read timeout has done its work. Left in place it would end the
	// request's context while the backend is still thinking.
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{})
	opt := x.g.xml(x.lease)
	opt.Overwrite = true // nothing reads the message but through its envelope
	x.in.env, err = parse(body, x.in.Media, opt, x.lease)
	return encodingError(err)
}

// encodingError returns err with a code of the gateway if it is about the
// character encoding. The encoding of a request is part of its media type, and
// refused with the same status (RFC 9110 §15.5.16).
func encodingError(err error) error {
	if errors.Is(err, xmltext.ErrEncoding) || errors.Is(err, xmltext.ErrCharset) {
		return &Error{Code: CodeXMLEncoding, Err: err}
	}
	return err
}

// readRequest reads the body. Its lease can be dropped meanwhile.
func (x *exchange) readRequest() (*buffer.Buffer, error) {
	x.lease.reading(func() { _ = http.NewResponseController(x.w).SetReadDeadline(longAgo) })
	body := bodyReader{body: x.r.Body, limit: x.g.cfg.MaxMessage, lease: x.lease,
		room: func(n int64) error { return x.lease.await(x.r.Context(), n) }}
	src, err := body.read(x.r.ContentLength)
	x.log.bytesIn = int(body.size)
	if dropped := x.lease.arrivedWhole(); dropped != nil {
		return nil, dropped
	}
	return src, err
}

// parse parses src, and checks that the envelope has the version of the media
// type.
func parse(src *buffer.Buffer, m soaphttp.Media, opt xmltext.Options, l *lease) (*soap.Envelope, error) {
	opt.Charset = m.Charset
	env, err := soap.Parse(src.Octets, opt)
	if err != nil {
		return nil, err
	}
	if text, was := env.Doc.Source(), src.Octets; len(was) > oneBuffer && &text[0] != &was[0] {
		src.Octets = nil // it was UTF-16
		_ = l.take(int64(-len(was)))
	}
	if env.Version != m.Version {
		return nil, &Error{Code: CodeSOAPVersion, Err: fmt.Errorf("%v envelope as %s", env.Version, m.Version.MediaType())}
	}
	return env, nil
}

// mediaError returns an error of [soaphttp.MediaOf] as an [Error], which has
// the same codes for it.
func mediaError(err error) error {
	var e *soaphttp.Error
	if !errors.As(err, &e) {
		return err
	}
	return &Error{Code: Code(e.Code), Err: e.Err}
}

// enter takes the exchange's part of the budget, and charges it for a header
// section that is large.
func (x *exchange) enter() (err error) {
	if x.lease, err = x.g.budget.open(x.from); err != nil {
		return err
	}
	if n := headerSize(x.r); n > freeHeader {
		if err = x.lease.take(n); err == nil {
			x.lease.header = n
		}
	}
	return err
}

// leave ends the exchange's part of the budget, and gives back what it holds.
func (x *exchange) leave() {
	if x.admitted != nil {
		x.admitted.Release() // which overwrites the plaintext
	}
	if x.delivered && x.admitted != nil {
		x.giveBack()
	}
	if x.lease != nil {
		x.lease.close()
	}
}

// giveBack gives the reply and all octets back, for later exchanges. Nobody
// views them any more: the answer has been written, and so has the event. What
// outlives an exchange, as the token of a client, has been copied. Those of all
// other exchanges are left to the collector.
func (x *exchange) giveBack() {
	if x.reply.env != nil {
		x.reply.env.Release()
	}
	x.in.body.Free()
	x.reply.body.Free()
	x.protected.Free()
}

// headerSize returns the octets that the header section of a request takes in
// memory: a name is a string and a place in a map, a value a string.
func headerSize(r *http.Request) int64 {
	const ofName, ofValue = 96, 32
	n := 3*len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		n += ofName + len(name)
		for _, value := range values {
			n += ofValue + len(value)
		}
	}
	return int64(n)
}
