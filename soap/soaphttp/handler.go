package soaphttp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Defaults of a [Handler].
const (
	defaultMessageBytes = 4 << 20
	defaultMessages     = 64
)

// A Message is a SOAP message as it came by HTTP. Nothing of it is
// authenticated.
type Message struct {
	*soap.Envelope
	Action string // without quotes, "" if HTTP names none
}

// A Reply is what goes back. The zero value is the answer to a one-way message.
type Reply struct {
	// Status is that of HTTP. 0 means 200 beside a message, else 202.
	Status int
	// Message is an envelope of the request's version in UTF-8, or nil.
	Message []byte
}

// A Handler serves SOAP messages that come by POST: it bounds and reads them,
// checks the media type of each, calls Answer, and writes the reply. It answers
// what is not a SOAP message with an HTTP status, and every other error with the
// fault that Fault returns, in clear. Answer is required. A Handler is safe for
// concurrent use, and must not be copied or changed once it serves. The timeouts
// of the [http.Server] bound the time in which a body arrives.
type Handler struct {
	// Answer returns the reply to a message. The request's Body has been read.
	// It must be safe for concurrent use.
	Answer func(r *http.Request, m *Message) (Reply, error)
	// Fault returns the fault that answers an error of Answer or of parsing.
	// Nil: a Sender fault for what is not a SOAP message, a Receiver fault for
	// all else, without detail.
	Fault func(err error) *soap.Fault
	// Refused is called with each error that is answered, for a log. It may be
	// nil.
	Refused func(r *http.Request, err error)
	// Limits bounds messages. A MessageBytes of zero means 4 MiB.
	Limits xmltext.Limits
	// MaxMessages bounds the messages that are parsed or answered at a time; one
	// more has status 503. Zero means 64.
	MaxMessages int

	once sync.Once
	busy chan struct{} // a place for each message
}

// ServeHTTP answers one message.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	media, err := MediaOf(r.Header)
	if err != nil {
		h.refuse(w, r, media.Version, err)
		return
	}
	reply, err := h.answer(w, r, media)
	if err != nil {
		h.refuse(w, r, media.Version, err)
		return
	}
	write(w, media.Version, reply)
}

// answer reads the message, and then takes a place for what costs more.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, media Media) (Reply, error) {
	body, err := h.read(w, r)
	if err != nil {
		return Reply{}, err
	}
	h.once.Do(func() { h.busy = make(chan struct{}, cmp.Or(h.MaxMessages, defaultMessages)) })
	select {
	case h.busy <- struct{}{}:
		defer func() { <-h.busy }()
	default:
		return Reply{}, &Error{Code: CodeBusy, Err: errors.New("too many messages at a time")}
	}
	env, err := Parse(body, media, xmltext.Options{Limits: h.Limits})
	if err != nil {
		return Reply{}, err
	}
	return h.Answer(r, &Message{Envelope: env, Action: PlainAction(media.Action)})
}

func (h *Handler) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := cmp.Or(h.Limits.MessageBytes, defaultMessageBytes)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &Error{Code: CodeTooLarge, Err: err}
	}
	if err != nil {
		return nil, &Error{Code: CodeCut, Err: err}
	}
	return body, nil
}

// Parse scans the body of an HTTP message with these headers, and holds the
// envelope to the version of its media type. opt.Charset is that of media.
// Errors are those of [soap.Parse], and an *[Error] with CodeSOAPVersion.
func Parse(body []byte, media Media, opt xmltext.Options) (*soap.Envelope, error) {
	opt.Charset = media.Charset
	env, err := soap.Parse(body, opt)
	if err != nil {
		return nil, err
	}
	if env.Version != media.Version {
		return nil, &Error{Code: CodeSOAPVersion, Err: fmt.Errorf("%v envelope as %s", env.Version,
			media.Version.MediaType())}
	}
	return env, nil
}

// refuse answers an error in clear.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, v soap.Version, err error) {
	if h.Refused != nil {
		h.Refused(r, err)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		http.Error(w, http.StatusText(e.Status()), e.Status())
		return
	}
	fault := h.faultFor(err)
	write(w, v, Reply{Status: FaultStatus, Message: fault.AppendEnvelope(nil, v)})
}

func (h *Handler) faultFor(err error) *soap.Fault {
	if h.Fault != nil {
		return h.Fault(err)
	}
	var (
		syntax *xmltext.SyntaxError
		own    *soap.Error
	)
	if errors.As(err, &syntax) || errors.As(err, &own) {
		return &soap.Fault{Code: soap.Sender, Reason: "The message is not a SOAP message."}
	}
	return &soap.Fault{Code: soap.Receiver, Reason: "The message could not be processed."}
}

// write writes a reply. A client that has gone away needs none.
func write(w http.ResponseWriter, v soap.Version, reply Reply) {
	status := reply.Status
	switch {
	case len(reply.Message) > 0:
		w.Header().Set("Content-Type", v.ContentType())
		status = cmp.Or(status, http.StatusOK)
	default:
		status = cmp.Or(status, http.StatusAccepted)
	}
	w.WriteHeader(status)
	_, _ = w.Write(reply.Message)
}

// A Recorder is an [http.ResponseWriter] that keeps what a handler of plain SOAP
// answers, so that it can be protected. The zero value is ready.
type Recorder struct {
	Status int // 0 until the handler answers
	Body   bytes.Buffer

	header http.Header
}

// Header returns the header. Nothing of it goes to the client, as HTTP headers
// are under no signature.
func (r *Recorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

// WriteHeader keeps the first status.
func (r *Recorder) WriteHeader(status int) {
	if r.Status == 0 {
		r.Status = status
	}
}

// Write keeps b.
func (r *Recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.Body.Write(b)
}
