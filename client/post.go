package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/mtom"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// An answer is what came back by HTTP. Nothing of it is believed yet.
type answer struct {
	status int
	tls    bool
	wire   []byte
	env    *soap.Envelope // nil: nothing, to a one-way message
}

// A poster sends messages to the service by HTTP.
type poster struct {
	cfg  *Config
	http *httpClient
}

// An outgoing is a message to be sent, still plain.
type outgoing struct {
	*soap.Envelope
	kind   string // see Traced
	action string // without quotes; "" means that of wsa:Action
	header http.Header
	token  []byte // for Config.TokenTo; nil if it stands in the message
	room   *room
}

// Kinds of messages.
const (
	kindMessage     = "message"
	kindNegotiation = "negotiation"
)

// post sends the protected form of a message. Errors are *Error.
func (c *poster) post(ctx context.Context, m outgoing, wire []byte) (*answer, error) {
	c.trace(Traced{Kind: m.kind, Sent: true, Wire: wire, Plain: m.Doc.Source()})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.URL, bytes.NewReader(wire))
	if err != nil {
		return nil, &Error{Code: CodeMessage, Err: err}
	}
	for _, header := range []http.Header{c.cfg.Header, m.header} {
		for name, values := range header {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	soaphttp.SetMedia(r.Header, m.Version, cmp.Or(m.action, addressingText(m.Envelope, "Action")))
	if m.token != nil {
		if err := c.cfg.TokenTo(r, m.token); err != nil {
			return nil, &Error{Code: CodeMessage, Err: err}
		}
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, &Error{Code: CodeNetwork, Err: err}
	}
	defer resp.Body.Close()
	return c.receive(resp, m)
}

// receive reads the answer and scans it. A fault has status 400 or 500 and is a
// reply like any other.
func (c *poster) receive(resp *http.Response, m outgoing) (*answer, error) {
	a := &answer{status: resp.StatusCode, tls: resp.TLS != nil}
	var err error
	a.wire, err = m.room.readAll(http.MaxBytesReader(nil, resp.Body, int64(c.cfg.MaxReply)), resp.ContentLength)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, c.noSOAP(m, a, fmt.Errorf("more than %d octets", c.cfg.MaxReply))
	}
	if err != nil {
		return nil, &Error{Code: CodeNetwork, Err: err, Status: a.status}
	}
	if len(a.wire) == 0 && (a.status == http.StatusAccepted || a.status == http.StatusNoContent) {
		return a, nil
	}
	media, err := soaphttp.MediaOf(resp.Header)
	inParts, multipart := errors.AsType[*soaphttp.Error](err)
	if multipart = multipart && inParts.Code == soaphttp.CodeMultipart; multipart {
		err = nil
	}
	if err == nil && media.Version != m.Version {
		err = fmt.Errorf("Content-Type is %s, the request's %s", media.Version.MediaType(), m.Version.MediaType())
	}
	if err != nil {
		return nil, c.noSOAP(m, a, why(resp, err))
	}
	opt := xmltext.Options{Limits: xmltext.Limits{MessageBytes: c.cfg.MaxReply}, Reserve: m.room.take}
	if multipart {
		a.env, err = m.packaged(a.wire, resp.Header.Get("Content-Type"), opt)
	} else {
		a.env, err = soaphttp.Parse(a.wire, media, opt)
	}
	if err != nil {
		return nil, c.noSOAP(m, a, err)
	}
	return a, nil
}

// packaged parses an answer that came by MTOM: its digests are over the envelope
// with the attachments inline.
func (m *outgoing) packaged(wire []byte, contentType string, opt xmltext.Options) (*soap.Envelope, error) {
	t, err := mtom.ParseType(contentType)
	if err != nil {
		return nil, err
	}
	if err := m.room.take(2 * len(wire)); err != nil { // base64 takes a third more
		return nil, err
	}
	return mtom.Envelope(wire, t, opt)
}

// why returns the reason that HTTP has for an answer that is no SOAP message,
// else err.
func why(resp *http.Response, err error) error {
	if to := resp.Header.Get("Location"); to != "" && resp.StatusCode/100 == 3 {
		return fmt.Errorf("a redirection to %.200q, which is not followed", to)
	}
	if challenge := resp.Header.Get("WWW-Authenticate"); challenge != "" {
		return fmt.Errorf("authentication in HTTP is asked for: %.200q", challenge)
	}
	return err
}

func (c *poster) noSOAP(m outgoing, a *answer, err error) error {
	c.trace(Traced{Kind: m.kind, Status: a.status, Wire: a.wire})
	return &Error{Code: CodeNoSOAP, Err: err, Status: a.status}
}

func (c *poster) trace(t Traced) {
	if c.cfg.Trace != nil {
		c.cfg.Trace(t)
	}
}
