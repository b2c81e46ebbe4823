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
	env  *soap.Envelope
	size int       // octets of the body
	at   time.Time // when the last of them had been read
}

// receive reads and scans one request. Its version is set as soon as it is
// known, also with an error, so that the fault is of the right version.
func (g *Gateway) receive(w http.ResponseWriter, r *http.Request, l *lease, ev *event) (in received, err error) {
	defer ev.stage("read", time.Now())
	if in.media, err = mediaOf(r.Header); err != nil {
		return in, err
	}
	ev.version = in.version
	src, err := g.readRequest(w, r, l, ev)
	in.size, in.at = len(src), time.Now()
	if err != nil {
		w.Header().Set("Connection", "close") // what is left of the body is not read
		return in, err
	}
	// The read timeout has done its work. Left in place it would end the
	// request's context while the backend is still thinking.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	in.env, err = g.parse(src, in.media, l)
	return in, err
}

// readRequest reads the body of r. While it arrives it can be dropped.
func (g *Gateway) readRequest(w http.ResponseWriter, r *http.Request, l *lease, ev *event) ([]byte, error) {
	l.reading(func() { _ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) })
	body := bodyReader{body: r.Body, limit: g.cfg.MaxMessage, lease: l, room: func(n int64) error { return l.await(r.Context(), n) }}
	src, err := body.read(r.ContentLength)
	ev.bytesIn = int(body.size)
	if dropped := l.arrivedWhole(); dropped != nil {
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
