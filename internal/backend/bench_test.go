package backend

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
)

// What a Set adds to an exchange with a backend.
func BenchmarkRoundTrip(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	set, err := New(Config{Targets: []Target{targetOf(server.URL), {Scheme: "http", Host: "127.0.0.1:1"}}})
	if err != nil {
		b.Fatal(err)
	}
	set.members[1].health.out, set.members[1].health.until = true, set.cfg.now().Add(1<<40)
	defer set.CloseIdleConnections()
	for name, transport := range map[string]http.RoundTripper{"Set": set, "Transport": &http.Transport{}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resp, err := transport.RoundTrip(benchRequest(b, server.URL))
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
}

func benchRequest(b *testing.B, url string) *http.Request {
	b.Helper()
	octets := bytes.Repeat([]byte{'x'}, 6<<10)
	trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {}} // as the gateway has one
	ctx := httptrace.WithClientTrace(b.Context(), trace)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(octets))
	if err != nil {
		b.Fatal(err)
	}
	return r
}
