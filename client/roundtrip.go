package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/wssgate/wssgate/soap/soaphttp"
)

// RoundTrip is [Client.Call] as an [http.RoundTripper]: it takes a POST of a plain SOAP
// message to the Client's URL and returns the plain reply. A verified fault is a
// response with the status that SOAP has for it; every other failure is an error,
// an *[Error]. Of the HTTP headers of the service none is passed on, as nothing
// protects them.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	req, err := c.plainRequest(r)
	if err != nil {
		return nil, &Error{Code: CodeMessage, Err: err}
	}
	reply, err := c.Call(r.Context(), req)
	var failed *Error
	switch {
	case err == nil && reply.Message == nil:
		return response(r, http.StatusAccepted, reply), nil
	case errors.As(err, &failed) && failed.Code == CodeFault:
		return response(r, soaphttp.FaultStatus, failed.Reply), nil
	case err != nil:
		return nil, err
	}
	return response(r, http.StatusOK, reply), nil
}

// plainRequest reads a request of an http.Client.
func (c *Client) plainRequest(r *http.Request) (req Request, err error) {
	var body []byte
	if r.Body != nil {
		body, err = io.ReadAll(r.Body)
		_ = r.Body.Close() // a RoundTripper always closes it
	}
	switch {
	case err != nil:
		return req, err
	case r.Method != http.MethodPost:
		return req, fmt.Errorf("method %s; SOAP messages are sent by POST", r.Method)
	case r.URL.String() != c.messages.cfg.URL:
		return req, fmt.Errorf("a request to %q; this client calls %q alone", r.URL.Redacted(), c.messages.cfg.URL)
	}
	media, err := soaphttp.MediaOf(r.Header)
	if err != nil {
		return req, err
	}
	return Request{Message: body, Charset: media.Charset, Action: media.Action, Header: r.Header}, nil
}

// response makes the response to a request.
func response(r *http.Request, status int, reply *Reply) *http.Response {
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
