//go:build js

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"syscall/js"

	"github.com/wssgate/wssgate/web"
)

// A carried is a Request of the page that goes through Go as a request of
// net/http, which has its address and nothing of its body.
type carried struct {
	request    js.Value
	response   js.Value // to the last attempt
	controller js.Value // of the last attempt
}

type carriedKey struct{}

// fetch sends a Request of the page, and returns its Response.
func fetch(ctx context.Context, s *web.Session, request js.Value) (any, error) {
	c := &carried{request: request}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, carriedKey{}, c), request.Get("method").String(),
		request.Get("url").String(), nil)
	if err != nil {
		return nil, &web.Error{Code: web.CodeArgument, Err: err}
	}
	if request.Get("headers").Call("has", "authorization").Bool() {
		return nil, &web.Error{Code: web.CodeArgument, Err: errors.New("the request has an Authorization header")}
	}
	resp, err := s.RoundTrip(r)
	if err != nil {
		if c.controller.Truthy() { // nobody reads what the service still sends
			c.controller.Call("abort")
		}
		return nil, err
	}
	_ = resp.Body.Close()
	return c.response, nil
}

// A fetcher sends requests by fetch.
type fetcher struct{}

// RoundTrip implements [http.RoundTripper]. It follows no redirection, and sends no
// cookies but those that the page's Request asks for.
func (fetcher) RoundTrip(r *http.Request) (*http.Response, error) {
	c, _ := r.Context().Value(carriedKey{}).(*carried)
	controller := js.Global().Get("AbortController").New()
	request, err := nativeRequest(r, c, controller.Get("signal"))
	if err != nil {
		return nil, err
	}
	response, err := await(r.Context(), js.Global().Call("fetch", request), controller)
	if ctx := r.Context().Err(); ctx != nil {
		return nil, ctx
	}
	if err != nil {
		return nil, &web.Error{Code: web.CodeFetch, Err: fmt.Errorf("%s %s: %w", r.Method, r.URL.Redacted(), err)}
	}
	resp := &http.Response{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		StatusCode: response.Get("status").Int(), Header: headerOf(response.Get("headers")), ContentLength: -1}
	resp.Status = fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if r.URL.Scheme == "https" { // of which a browser shows nothing
		resp.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	if c != nil { // the body is the page's to read
		if stream := c.response; stream.Truthy() && stream.Get("body").Truthy() {
			stream.Get("body").Call("cancel")
		}
		c.response, c.controller, resp.Body = response, controller, http.NoBody
		return resp, nil
	}
	if n, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64); err == nil &&
		resp.Header.Get("Content-Encoding") == "" {
		resp.ContentLength = n
	}
	resp.Header.Del("Content-Encoding") // the browser has decoded the body
	resp.Body = newStream(r.Context(), response, controller)
	return resp, nil
}

// nativeRequest returns the Request of an attempt. The response to a token proves
// something once, and is that user's: it neither comes from the browser's cache nor
// goes there.
func nativeRequest(r *http.Request, c *carried, signal js.Value) (request js.Value, err error) {
	defer thrown(&err)
	init := map[string]any{"redirect": "error", "signal": signal}
	if c != nil {
		headers := js.Global().Get("Headers").New(c.request.Get("headers"))
		if token := r.Header.Get("Authorization"); token != "" {
			headers.Call("set", "Authorization", token)
			init["cache"] = "no-store"
		}
		both := js.Global().Get("Array").New(signal, c.request.Get("signal"))
		init["headers"], init["signal"] = headers, js.Global().Get("AbortSignal").Call("any", both)
		return js.Global().Get("Request").New(c.request.Call("clone"), init), nil
	}
	headers := js.Global().Get("Headers").New()
	for name, values := range r.Header {
		for _, value := range values {
			headers.Call("append", name, value)
		}
	}
	init["headers"], init["method"], init["credentials"], init["cache"] = headers, r.Method, "omit", "no-store"
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return js.Null(), err
		}
		init["body"] = octetsOf(body)
	}
	return js.Global().Get("Request").New(r.URL.String(), init), nil
}

// headerOf returns what the page may see of a header.
func headerOf(headers js.Value) http.Header {
	h := http.Header{}
	for entries := headers.Call("entries"); ; {
		next := entries.Call("next")
		if next.Get("done").Bool() {
			return h
		}
		h.Add(next.Get("value").Index(0).String(), next.Get("value").Index(1).String())
	}
}

// A stream is the body of a response that Go reads.
type stream struct {
	ctx        context.Context
	reader     js.Value
	controller js.Value
	have       bytes.Buffer
	err        error
}

func newStream(ctx context.Context, response, controller js.Value) io.ReadCloser {
	body := response.Get("body")
	if !body.Truthy() {
		return http.NoBody
	}
	return &stream{ctx: ctx, reader: body.Call("getReader"), controller: controller}
}

// Read implements [io.Reader].
func (s *stream) Read(p []byte) (int, error) {
	for s.have.Len() == 0 && s.err == nil {
		s.next()
	}
	if s.have.Len() > 0 {
		return s.have.Read(p)
	}
	return 0, s.err
}

// next waits for the next octets.
func (s *stream) next() {
	result, err := await(s.ctx, s.reader.Call("read"), s.controller)
	switch {
	case s.ctx.Err() != nil:
		s.err = s.ctx.Err()
	case err != nil:
		s.err = err
	case result.Get("done").Bool():
		s.err = io.EOF
	default:
		chunk := result.Get("value")
		octets := make([]byte, chunk.Get("byteLength").Int())
		js.CopyBytesToGo(octets, chunk)
		s.have.Write(octets)
	}
}

// Close implements [io.Closer].
func (s *stream) Close() error {
	if s.err == nil {
		s.err = errors.New("the body is closed")
		s.controller.Call("abort")
	}
	return nil
}

// await waits for a promise. When ctx ends it aborts what it is of, and waits for
// that.
func await(ctx context.Context, promise, controller js.Value) (value js.Value, err error) {
	settled := make(chan struct{})
	fulfilled := js.FuncOf(func(_ js.Value, args []js.Value) any { value = args[0]; close(settled); return nil })
	rejected := js.FuncOf(func(_ js.Value, args []js.Value) any {
		err = errors.New(textOf(args[0]))
		close(settled)
		return nil
	})
	defer fulfilled.Release()
	defer rejected.Release()
	promise.Call("then", fulfilled, rejected)
	select {
	case <-settled:
	case <-ctx.Done():
		controller.Call("abort")
		<-settled
	}
	return value, err
}

// textOf returns the text of what a promise is rejected with. That can be any
// value: a page aborts with what it likes.
func textOf(v js.Value) (text string) {
	defer func() {
		if recover() != nil { // an object that has no text
			text = "rejected"
		}
	}()
	return js.Global().Get("String").Invoke(v).String()
}

// thrown makes an exception of JavaScript an error.
func thrown(err *error) {
	if e := recover(); e != nil {
		exception, ok := e.(js.Error)
		if !ok {
			panic(e)
		}
		*err = &web.Error{Code: web.CodeArgument, Err: exception}
	}
}

func octetsOf(b []byte) js.Value {
	octets := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(octets, b)
	return octets
}
