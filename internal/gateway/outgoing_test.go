package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
)

// The buffer of a message is used again when the transport has written it, and
// not before, nor when it may write it once more.
func TestBufferIsKeptUntilItIsWritten(t *testing.T) {
	text := strings.Repeat("octets ", 100)
	for name, tt := range map[string]struct {
		transport func(r *http.Request, wrote func(httptrace.WroteRequestInfo))
		kept      bool
	}{
		"not written": {func(*http.Request, func(httptrace.WroteRequestInfo)) {}, true},
		"written": {func(_ *http.Request, wrote func(httptrace.WroteRequestInfo)) {
			wrote(httptrace.WroteRequestInfo{})
		}, false},
		"failed": {func(_ *http.Request, wrote func(httptrace.WroteRequestInfo)) {
			wrote(httptrace.WroteRequestInfo{Err: io.ErrClosedPipe})
		}, true},
		"written, and on another connection": {func(r *http.Request, wrote func(httptrace.WroteRequestInfo)) {
			wrote(httptrace.WroteRequestInfo{})
			_, _ = r.GetBody()
		}, true},
		"written on one connection of two": {func(r *http.Request, wrote func(httptrace.WroteRequestInfo)) {
			_, _ = r.GetBody()
			wrote(httptrace.WroteRequestInfo{})
		}, true},
		"written on two": {func(r *http.Request, wrote func(httptrace.WroteRequestInfo)) {
			_, _ = r.GetBody()
			wrote(httptrace.WroteRequestInfo{})
			wrote(httptrace.WroteRequestInfo{})
		}, false},
	} {
		o := newOutgoing(len(text))
		o.Octets = append(o.Octets, text...)
		r := o.send(t.Context(), httptest.NewRequest(http.MethodPost, "/", nil))
		tt.transport(r, httptrace.ContextClientTrace(r.Context()).WroteRequest)
		o.leave()
		if got, err := io.ReadAll(r.Body); (string(got) == text) != tt.kept || err != nil {
			t.Errorf("%s: the body reads as %.20q, %v", name, got, err)
		}
	}
}
