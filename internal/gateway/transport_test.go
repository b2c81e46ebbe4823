package gateway_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A codedError is one of a Transport that has a code of its own.
type codedError struct{ secret string }

func (e codedError) Error() string   { return e.secret }
func (codedError) ErrorCode() string { return "backend-refuses" }

// TestErrorOfATransportKeepsItsCode: in the log alone; the client gets the fault
// of every backend that cannot be had.
func TestErrorOfATransportKeepsItsCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		r.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("a leg: %w", codedError{"what the backend says"})
		})
	})
	msg, req := w.protect(soap.V11, payload)
	if f := w.openFault(w.post(soap.V11, bytes.NewReader(msg)), req); f.Code != soap.Receiver ||
		f.Reason != "The service is not available." {
		t.Errorf("%+v", f)
	}
	if code := w.code(1); code != "backend-refuses" {
		t.Errorf("code %s", code)
	}
}

// TestTransportKnowsTheCaller: by the context of its request.
func TestTransportKnowsTheCaller(t *testing.T) {
	t.Parallel()
	var callers []string
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		r.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			c, _ := door.CallerOf(r.Context())
			callers = append(callers, c.Principal()+" "+c.Service)
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	for _, client := range []string{"alice", "bob"} {
		msg, req := w.protectAs(client, envelope(soap.V11, payload))
		w.open(w.post(soap.V11, bytes.NewReader(msg)), req)
	}
	const of = "@EXAMPLE.COM " + service + "@EXAMPLE.COM"
	if want := []string{"alice" + of, "bob" + of}; !slices.Equal(callers, want) {
		t.Errorf("%q, want %q", callers, want)
	}
}
