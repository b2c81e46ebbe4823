package resecure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap/soaphttp"
)

// A messages is a client of SOAP messages.
type messages struct {
	*client.Client
	reserve func(context.Context, int) error
}

// messages returns the leg of a login for messages under the policy.
func (t *Transport) messages(tickets Tickets) (*leg, error) {
	cfg := t.cfg.client()
	cfg.Tickets, cfg.Replay = bare{tickets}, t.replay
	calls, err := client.New(cfg)
	if err != nil {
		return nil, err
	}
	return &leg{RoundTripper: &messages{calls, t.cfg.Reserve}, close: func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		_ = calls.Close(ctx) // a context that is not cancelled ends by itself
		tickets.Close()
	}}, nil
}

// closeTime is for the request to cancel a security context.
const closeTime = 10 * time.Second

// memoryError is an error of Config.Reserve.
type memoryError struct{ error }

func (e memoryError) Unwrap() error { return e.error }

// RoundTrip sends a message and returns its verified reply, or verified fault.
func (m *messages) RoundTrip(r *http.Request) (*http.Response, error) {
	req, done, err := m.request(r)
	if err != nil {
		return nil, err
	}
	defer done()
	reply, err := m.Call(r.Context(), req)
	if failed, ok := errors.AsType[*client.Error](err); ok && failed.Code == client.CodeFault && !isOfLeg(failed.Fault) {
		return response(r, soaphttp.FaultStatus, failed.Reply), nil
	}
	switch {
	case err != nil:
		return nil, err
	case reply.Message == nil:
		return response(r, http.StatusAccepted, reply), nil
	}
	return response(r, http.StatusOK, reply), nil
}

// request reads the gateway's message. Done gives back its memory.
func (m *messages) request(r *http.Request) (req client.Request, done func(), err error) {
	if r.Body == nil || r.ContentLength <= 0 {
		return req, nil, &Error{CodeMessage, fmt.Errorf("a request with %d octets", r.ContentLength)}
	}
	media, err := soaphttp.MediaOf(r.Header)
	if err != nil {
		return req, nil, &Error{CodeMessage, err}
	}
	size := int(r.ContentLength)
	if err := m.reserve(r.Context(), size); err != nil {
		return req, nil, memoryError{err}
	}
	done = func() { _ = m.reserve(r.Context(), -size) }
	req = client.Request{Message: make([]byte, size), Charset: media.Charset, Action: media.Action, Header: r.Header}
	if _, err := io.ReadFull(r.Body, req.Message); err != nil {
		done()
		return req, nil, err
	}
	return req, done, nil
}

// response makes the response to a request.
func response(r *http.Request, status int, reply *client.Reply) *http.Response {
	resp := &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
		ContentLength: int64(len(reply.Message)), Body: io.NopCloser(bytes.NewReader(reply.Message)),
	}
	if reply.Message != nil {
		resp.Header.Set("Content-Type", reply.Version.ContentType())
	}
	return resp
}
