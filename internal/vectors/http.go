package vectors

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// servicePath is where the service of an HTTP vector is.
const servicePath = "/orders"

// An httpRun is a vector of HTTP in work: a gateway with one route, before a
// backend that keeps what it gets.
type httpRun struct {
	*archive
	gateway *gateway.Gateway
	record  gateway.Record

	got        [][]byte
	principals []string
}

// newHTTPRun makes the gateway.
func newHTTPRun(ctx context.Context, a *archive) (*httpRun, error) {
	h := &httpRun{archive: a}
	backend, _ := url.Parse("http://backend.invalid/")
	route, err := a.newRoute(ctx)
	if err != nil {
		return nil, err
	}
	route.Path, route.Backend = servicePath, backend
	h.gateway, err = gateway.New(gateway.Config{
		Log: slog.New(slog.DiscardHandler), Transport: h, RefusalDelay: time.Nanosecond,
		MaxMessage: a.Route.MaxMessage, Routes: []gateway.Route{route},
		Observe: func(r *gateway.Record) { h.record = *r }, Context: a.withAddress,
	})
	return h, err
}

// RoundTrip takes the place of the backend.
func (h *httpRun) RoundTrip(r *http.Request) (*http.Response, error) {
	var octets []byte
	if r.Body != nil {
		var err error
		if octets, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	h.got, h.principals = append(h.got, octets), append(h.principals, r.Header.Get("X-Principal"))
	return &http.Response{StatusCode: http.StatusAccepted, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// http runs a vector of an HTTP request.
func (a *archive) http(ctx context.Context, o *Outcome) {
	h, err := newHTTPRun(ctx, a)
	if err != nil {
		o.Problem = err.Error()
		return
	}
	if a.sections["before.request"] != nil {
		if _, err := h.send(ctx, "before."); err != nil || h.record.Err != nil {
			o.Problem = fmt.Sprintf("the request before: %v", errors.Join(err, h.record.Err))
			return
		}
	}
	h.got = nil
	status, err := h.send(ctx, "")
	if err != nil {
		o.Problem = err.Error()
		return
	}
	o.decide(a.Expect, h.verdict())
	switch {
	case o.Problem != "":
	case a.Status != 0 && status != a.Status:
		o.Problem = fmt.Sprintf("status %d, expected %d", status, a.Status)
	case a.Expect != "ok" && len(h.got) > 0:
		o.Problem = "the backend got what was refused"
	case a.sections["body.xml"] != nil:
		o.Problem = h.compare()
	}
}

// verdict returns the error of the exchange, with its code.
func (h *httpRun) verdict() error {
	if h.record.Code == gateway.CodeOK {
		return nil
	}
	return &coded{h.record.Code, h.record.Err}
}

// coded is an error with the code that its exchange ended with.
type coded struct {
	code string
	error
}

func (e *coded) ErrorCode() string { return e.code }

// compare returns what is wrong with what the backend got.
func (h *httpRun) compare() string {
	if len(h.got) != 1 {
		return fmt.Sprintf("the backend got %d messages", len(h.got))
	}
	env, err := soap.Parse(h.got[0], xmltext.Options{})
	if err != nil {
		return "the backend got: " + err.Error()
	}
	form := env.Body.AppendCanonical(nil, xmltext.C14N{})
	if !bytes.Equal(form, bytes.TrimSuffix(h.sections["body.xml"], []byte("\n"))) {
		return "the Body that the backend got is not that of body.xml"
	}
	return ""
}

// send sends the request of a section, and returns the status of its response.
func (h *httpRun) send(ctx context.Context, prefix string) (status int, err error) {
	r, err := h.request(prefix)
	if err != nil {
		return 0, fmt.Errorf("%srequest: %w", prefix, err)
	}
	return serve(h.gateway, r.WithContext(ctx)), nil
}

// serve returns the status of the response, 0 if the connection ends without
// one.
func serve(g *gateway.Gateway, r *http.Request) (status int) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			status = 0
		} else if p != nil {
			panic(p)
		}
	}()
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w.Code
}

// request reads the lines of a request, and what it carries.
func (a *archive) request(prefix string) (*http.Request, error) {
	head := strings.TrimSuffix(string(a.sections[prefix+"request"]), "\n")
	body := cmp.Or(string(a.sections[prefix+"message.xml"]), string(a.sections[prefix+"message.mime"]),
		string(a.sections[prefix+"octets"]))
	lower := strings.ToLower(head)
	if len(body) > 0 && !strings.Contains(lower, "\ncontent-length:") && !strings.Contains(lower, "\ntransfer-encoding:") {
		head += "\nContent-Length: " + strconv.Itoa(len(body))
	}
	wire := strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		return nil, err
	}
	r.RemoteAddr = "192.0.2.1:1024"
	return r, nil
}
