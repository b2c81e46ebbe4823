package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

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

// media is what a message's HTTP headers say of its form.
type media struct {
	version soap.Version // 0 if the Content-Type names none
	charset string       // "" if not given
	action  string       // SOAPAction (SOAP 1.1, as sent) or the action parameter (SOAP 1.2)
}

// receive reads and scans one request. Its version is set as soon as it is
// known, also with an error, so that the fault is of the right version.
func (g *Gateway) receive(w http.ResponseWriter, r *http.Request, l *lease, ev *event) (in received, err error) {
	defer ev.stage("read", time.Now())
	if in.media, err = mediaOf(r.Header); err != nil {
		return in, err
	}
	ev.version = in.version
	src, err := g.readBody(r.Body, r.ContentLength, l)
	in.size, in.at = len(src), time.Now()
	ev.bytesIn = in.size
	if err != nil {
		w.Header().Set("Connection", "close") // what is left of the body is not read
		return in, err
	}
	// The read timeout has done its work. Left in place it would end the
	// request's context while the backend is still thinking.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if err := l.takeIndex(src); err != nil {
		return in, err
	}
	in.env, err = g.parse(src, in.media)
	return in, err
}

// parse scans src once, and holds the envelope to the version of its media type.
func (g *Gateway) parse(src []byte, m media) (*soap.Envelope, error) {
	env, err := soap.Parse(src, xmltext.Options{
		Limits:  xmltext.Limits{MessageBytes: int(g.cfg.MaxMessage)},
		Charset: m.charset, RelativeNamespaces: g.cfg.RelativeNamespaces,
	})
	if err != nil {
		return nil, err
	}
	if env.Version != m.version {
		return nil, &Error{Code: CodeSOAPVersion, Err: fmt.Errorf("%v envelope as %s", env.Version, m.version.MediaType())}
	}
	return env, nil
}

// mediaOf reads Content-Type, Content-Encoding and SOAPAction (SOAP 1.1 §6.1,
// SOAP 1.2 Part 2 §7.1.4, RFC 3902).
func mediaOf(h http.Header) (media, error) {
	if len(h.Values("Content-Type")) != 1 {
		return media{}, &Error{Code: CodeMediaType, Err: errors.New("not exactly one Content-Type")}
	}
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return media{}, &Error{Code: CodeMediaType, Err: err}
	}
	m := media{charset: params["charset"]}
	switch mediaType {
	case soap.V11.MediaType():
		m.version, m.action = soap.V11, h.Get("SOAPAction")
	case soap.V12.MediaType():
		m.version, m.action = soap.V12, params["action"]
	case "multipart/related":
		if strings.Contains(params["start-info"]+params["type"], soap.V12.MediaType()) {
			m.version = soap.V12
		}
		return m, &Error{Code: CodeMultipart}
	default:
		return m, &Error{Code: CodeMediaType, Err: fmt.Errorf("Content-Type is %q", mediaType)}
	}
	if !httpguts.ValidHeaderFieldValue(m.action) { // RFC 2231 encoding can hide line ends in a parameter
		return m, &Error{Code: CodeMediaType, Err: fmt.Errorf("action %q", m.action)}
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return m, &Error{Code: CodeContentEncoding, Err: fmt.Errorf("Content-Encoding is %q", e)}
	}
	return m, nil
}

// firstRead is the buffer that every body starts with. Nothing is reserved for
// it: a connection on which nothing arrives must not use up the budget.
const firstRead = 4 << 10

// readBody reads a body of at most MaxMessage octets; length is -1 if unknown.
// Beyond firstRead each octet is reserved in l before it is allocated, and the
// buffer only doubles: memory follows what really arrives, not what a header
// promises.
func (g *Gateway) readBody(body io.Reader, length int64, l *lease) ([]byte, error) {
	limit := g.cfg.MaxMessage
	if length > limit {
		return nil, &Error{Code: CodeTooLarge, Err: fmt.Errorf("Content-Length %d, limit %d", length, limit)}
	}
	if length >= 0 {
		limit = length
	}
	var reserved int64
	buf := make([]byte, 0, min(firstRead, limit+1))
	for {
		// One octet more than the limit, so that a full buffer means too much.
		if int64(len(buf)) == limit+1 {
			return buf, &Error{Code: CodeTooLarge, Err: fmt.Errorf("more than %d octets", limit)}
		}
		if len(buf) == cap(buf) {
			size := min(2*int64(cap(buf)), limit+1)
			if err := l.take(size - reserved); err != nil {
				return buf, err
			}
			reserved = size
			buf = append(make([]byte, 0, size), buf...)
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return buf, readError(err)
		}
	}
}

// readError tells a sender that is too slow from one that went away.
func readError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeTimeout, Err: err}
	}
	return &Error{Code: CodeCut, Err: err}
}
