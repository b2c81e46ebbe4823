package gateway_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
)

// Whatever arrives: an answer, no panic, and nothing at the backend that was
// not verified.
func FuzzRequest(f *testing.F) {
	w := newWorld(f)
	good, _ := w.protect(soap.V11, payload)
	f.Add("text/xml; charset=utf-8", `""`, good)
	f.Add("application/soap+xml; action=\"a\"", "", []byte(envelope(soap.V12, payload)))
	f.Add("multipart/related; type=text/xml", "", []byte("--"))
	f.Add("text/xml; charset=utf-16", "", []byte("\xfe\xff\x00<\x00a"))
	f.Add("text/xml", "", bytes.Replace(good, []byte("CipherValue>"), []byte("CipherValue>A"), 1))
	f.Add("text/xml", "", bytes.Replace(good, []byte("<wsu:Created>"), []byte("<wsu:Created/><wsu:Created>"), 1))
	h := w.gateway.Config.Handler
	h.(*gateway.Gateway).AnswerAtOnce()    // refusals by the thousand are to be looked at, not waited for
	if r := httptest.NewRecorder(); true { // spends the good message: no input verifies from here on
		request := httptest.NewRequest(http.MethodPost, "/svc", bytes.NewReader(good))
		request.Header.Set("Content-Type", "text/xml")
		if h.ServeHTTP(r, request); r.Code != 200 {
			f.Fatalf("HTTP %d %s", r.Code, r.Body)
		}
	}
	f.Fuzz(func(t *testing.T, contentType, action string, body []byte) {
		w.events.reset()
		r := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodPost, "/svc", bytes.NewReader(body))
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("SOAPAction", action)
		h.ServeHTTP(r, request)
		ev := w.events.all()[0]
		if r.Code < 400 || ev["code"] == "ok" || ev["code"] == "internal" || w.calls() != 1 {
			t.Errorf("HTTP %d, %d calls, event %v", r.Code, w.calls(), ev)
		}
	})
}
