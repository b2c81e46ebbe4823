package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// One exchange without sockets: handler, Verify, forward, Protect. The ticket
// of each message is fresh, so making the messages is not part of the time.
func BenchmarkExchange(b *testing.B) {
	for _, size := range []int{6 << 10, 100 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dkB", size>>10), func(b *testing.B) {
			reply := envelope(soap.V11, "<r>"+strings.Repeat("reply ", size/6)+"</r>")
			w := newWorld(b, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
				c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					_, _ = io.Copy(io.Discard, r.Body)
					return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/xml"}},
						Body: io.NopCloser(strings.NewReader(reply)), ContentLength: int64(len(reply)), Request: r}, nil
				})
			})
			body := "<q>" + strings.Repeat("words ", size/6) + "</q>"
			var messages [][]byte
			b.ReportAllocs()
			b.SetBytes(int64(2 * size))
			for i := 0; b.Loop(); i++ {
				if i%64 == 0 {
					b.StopTimer()
					messages = messages[:0]
					for range 64 {
						m, _ := w.protect(soap.V11, body)
						messages = append(messages, m)
					}
					b.StartTimer()
				}
				r := httptest.NewRequest(http.MethodPost, "/svc", bytes.NewReader(messages[i%64]))
				r.Header.Set("Content-Type", "text/xml")
				rec := httptest.NewRecorder()
				w.gateway.Config.Handler.ServeHTTP(rec, r)
				if rec.Code != http.StatusOK {
					b.Fatalf("HTTP %d %s", rec.Code, rec.Body)
				}
			}
		})
	}
}
