package interop

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// A backend that answers 401 itself ends the exchange: curl would take the
// server's token in such an answer for a negotiation that goes on.
func TestCurlEndsWithTheBackendsOwn401(t *testing.T) {
	k := startKDC(t)
	var calls atomic.Int32
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("WWW-Authenticate", `Bearer realm="backend"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(backend.Close)
	g := serveHTTP(t, k, backend.URL, map[string]any{"session-lifetime": "1h"})
	for _, how := range [][]string{{"--negotiate"}, {"--anyauth"}, {"--negotiate", "--http1.1"}} {
		before := calls.Load()
		args := append(how, "-u", ":", "-o", "/dev/null", "-w", "%{http_code}", g.url+"/app/page")
		if out := k.curl(t, args...); out != "401" || calls.Load() != before+1 {
			t.Errorf("%s: %s, %d calls of the backend\n%s", how, out, calls.Load()-before, g.log)
		}
	}
}
