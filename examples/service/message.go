package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Limits of this service, whose messages are small. The index over the markup
// of a message takes several times its octets, hence the limits of elements and
// of messages at a time.
const (
	maxMessage  = 256 << 10 // octets
	maxElements = 10_000    // of one message
	maxBusy     = 64        // messages that are looked at or answered
)

// A statusError is an answer of HTTP's, to what is no SOAP message for us.
type statusError struct {
	status int
	why    string
}

func (e *statusError) Error() string { return e.why }

var errBusy = &statusError{http.StatusServiceUnavailable, "too many messages at a time"}

// A received message is octets, of which nothing is believed yet.
type received struct {
	version soap.Version // by the media type
	charset string
	body    []byte
}

// read takes the octets of one message. The limit comes first: nobody knows yet
// who sends them. That they come in time the server's ReadTimeout sees to.
func read(w http.ResponseWriter, r *http.Request) (in received, err error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && media == soap.V11.MediaType():
		in.version = soap.V11
	case err == nil && media == soap.V12.MediaType():
		in.version = soap.V12
	default:
		return in, &statusError{http.StatusUnsupportedMediaType, fmt.Sprintf("media type %q", media)}
	}
	in.charset = params["charset"]
	in.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		err = &statusError{http.StatusRequestEntityTooLarge, err.Error()}
	}
	return in, err
}

// parse scans the message once. Its version must be that of the media type, as
// two readers might else take it for two messages.
func (in received) parse() (*soap.Envelope, error) {
	env, err := soap.Parse(in.body, xmltext.Options{
		Charset: in.charset,
		Limits:  xmltext.Limits{MessageBytes: maxMessage, Elements: maxElements},
	})
	if err == nil && env.Version != in.version {
		err = &statusError{http.StatusUnsupportedMediaType, fmt.Sprintf("%v as %s", env.Version, in.version.MediaType())}
	}
	return env, err
}

// refuse answers what was not verified. The log has the reason; the client gets
// [wssec.FaultFor], which is one fault for all that has to do with keys.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, v soap.Version, err error) {
	h.log.Warn("refused", "peer", r.RemoteAddr, "error", err)
	if e, ok := errors.AsType[*statusError](err); ok {
		http.Error(w, http.StatusText(e.status), e.status)
		return
	}
	fault := wssec.FaultFor(err)
	write(w, statusOf(fault, v), v, fault.AppendEnvelope(nil, v))
}

// A response is what the next handler answers, kept until it is protected.
type response struct {
	header http.Header // goes nowhere: HTTP headers are under no signature
	status int
	body   bytes.Buffer
}

// Header returns the header.
func (r *response) Header() http.Header { return r.header }

// WriteHeader keeps the status.
func (r *response) WriteHeader(status int) { r.status = status }

// Write keeps b.
func (r *response) Write(b []byte) (int, error) { return r.body.Write(b) }

// fault returns the response that tells a verified client of err, to be
// protected as any other.
func (h *Handler) fault(r *http.Request, msg *wssec.Message, f *soap.Fault, err error) *response {
	name, realm := msg.Principal()
	h.log.Warn("fault", "peer", r.RemoteAddr, "client", name+"@"+realm, "error", err)
	v := msg.Envelope().Version
	resp := &response{status: statusOf(f, v)}
	resp.body.Write(f.AppendEnvelope(nil, v))
	return resp
}

// statusOf returns the HTTP status of a fault: 500 in SOAP 1.1 (§6.2), and 400
// for the sender's in SOAP 1.2 (Part 2 §7.5.2.2).
func statusOf(f *soap.Fault, v soap.Version) int {
	if v == soap.V12 && f.Code == soap.Sender {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

func write(w http.ResponseWriter, status int, v soap.Version, message []byte) {
	w.Header().Set("Content-Type", v.ContentType())
	w.WriteHeader(status)
	_, _ = w.Write(message) // a client that has gone away needs no answer
}
