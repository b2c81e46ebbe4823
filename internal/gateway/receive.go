package gateway

import (
	"fmt"
	"net/http"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// received is a request as it arrived: parsed, nothing of it believed.
type received struct {
	media
	env  *soap.Envelope // nil once a door has it
	size int            // octets of the body
	at   time.Time      // when the last of them had been read
}

// receive reads and scans the request. The version is set as soon as it is
// known, also with an error, so that the fault is of the right version.
func (x *exchange) receive() (err error) {
	defer x.log.stage("read", time.Now())
	if x.in.media, err = mediaOf(x.r.Header); err != nil {
		return err
	}
	src, err := x.readRequest()
	x.in.size, x.in.at = len(src), time.Now()
	if err != nil {
		x.w.Header().Set("Connection", "close") // what is left of the body is not read
		return err
	}
	// The read timeout has done its work. Left in place it would end the
	// request's context while the backend is still thinking.
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{})
	x.in.env, err = x.g.parse(src, x.in.media, x.lease)
	return err
}

// readRequest reads the body. While it arrives it can be dropped.
func (x *exchange) readRequest() ([]byte, error) {
	x.lease.reading(func() { _ = http.NewResponseController(x.w).SetReadDeadline(time.Unix(1, 0)) })
	body := bodyReader{body: x.r.Body, limit: x.g.cfg.MaxMessage, lease: x.lease,
		room: func(n int64) error { return x.lease.await(x.r.Context(), n) }}
	src, err := body.read(x.r.ContentLength)
	x.log.bytesIn = int(body.size)
	if dropped := x.lease.arrivedWhole(); dropped != nil {
		return nil, dropped
	}
	return src, err
}

// parse scans src once, and holds the envelope to the version of its media type.
func (g *Gateway) parse(src []byte, m media, l *lease) (*soap.Envelope, error) {
	env, err := soap.Parse(src, xmltext.Options{
		Limits:  xmltext.Limits{MessageBytes: int(g.cfg.MaxMessage)},
		Charset: m.charset, RelativeNamespaces: g.cfg.RelativeNamespaces, Reserve: l.reserve,
	})
	if err != nil {
		return nil, err
	}
	if text := env.Doc.Source(); len(src) > oneBuffer && &text[0] != &src[0] {
		_ = l.take(int64(-len(src))) // was UTF-16, and is held no more
	}
	if env.Version != m.version {
		return nil, &Error{Code: CodeSOAPVersion, Err: fmt.Errorf("%v envelope as %s", env.Version, m.version.MediaType())}
	}
	return env, nil
}
