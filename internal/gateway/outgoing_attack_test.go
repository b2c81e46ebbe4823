package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// TestMessageThatIsSentTwiceIsKeptForTheSecond: a backend that answers early may
// make a transport send the message once more, as by HTTP Negotiate. That it has
// the first one whole says nothing of the second, which it may read when the
// exchange is over.
func TestMessageThatIsSentTwiceIsKeptForTheSecond(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var late []io.ReadCloser
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		r.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return nil, err
			}
			again, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			mu.Lock()
			late = append(late, again)
			mu.Unlock()
			httptrace.ContextClientTrace(r.Context()).WroteRequest(httptrace.WroteRequestInfo{}) // the first, late
			return &http.Response{StatusCode: http.StatusAccepted, Body: http.NoBody}, nil
		})
	})
	const body = `<q:Ask xmlns:q="urn:q">mine</q:Ask>`
	for range 3 {
		message, _ := w.protect(soap.V11, body)
		if r := w.post(soap.V11, bytes.NewReader(message)); r.StatusCode != http.StatusAccepted {
			t.Fatalf("HTTP %d: %v", r.StatusCode, w.event(1))
		}
	}
	w.gateway.Close() // exchanges are over
	for _, b := range late {
		if octets, err := io.ReadAll(b); err != nil || !strings.Contains(string(octets), ">mine</q:Ask>") {
			t.Errorf("%.100q, %v", octets, err)
		}
	}
}
