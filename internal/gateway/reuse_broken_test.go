package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
)

// Clients that go away, at any moment, leave the exchanges of others alone: over
// HTTP/1.1, over TLS, where the octets that wait are ciphertext, and over HTTP/2,
// whose streams share a connection.
func TestExchangesOfClientsThatGoAway(t *testing.T) {
	t.Parallel()
	for name, protocols := range map[string][]string{"clear": nil, "TLS": {"http/1.1"}, "HTTP/2": {"h2"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &gateway.Server{}
			if protocols != nil {
				server.Certificates = gateway.NewCertificates(newTLSServer(t, nil).TLS.Certificates, gateway.TLSRules{})
			}
			w, _ := serveLogged(t, server)
			transport := &http.Transport{ForceAttemptHTTP2: name == "HTTP/2",
				TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}}
			t.Cleanup(transport.CloseIdleConnections)
			if protocols != nil {
				w.gateway.URL = strings.Replace(w.gateway.URL, "http:", "https:", 1)
			}
			send := func(ctx context.Context, number string, size int) (string, error) {
				body := envelope(soap.V11, `<q:Ask xmlns:q="urn:q">`+number+" "+strings.Repeat(number+" ", size)+`</q:Ask>`)
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.gateway.URL+"/svc", strings.NewReader(body))
				if err != nil {
					return "", err
				}
				r.Header.Set("Content-Type", "text/xml")
				resp, err := transport.RoundTrip(r)
				if err != nil {
					return "", err
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if resp.StatusCode != http.StatusOK || name == "HTTP/2" && resp.ProtoMajor != 2 {
					return "", fmt.Errorf("%s %s: %.300s", resp.Proto, resp.Status, b)
				}
				return string(bytes.ReplaceAll(b, []byte("\n"), nil)), err
			}
			var all sync.WaitGroup
			for client := range 4 {
				all.Go(func() {
					for i := range 60 {
						number := fmt.Sprintf("%04d", 100*client+i)
						size := 1 + 300*((client+i)%12)
						if client%2 == 1 {
							ctx, cancel := context.WithTimeout(t.Context(), time.Duration(100+i*37%1500)*time.Microsecond)
							_, _ = send(ctx, number, size)
							cancel()
							continue
						}
						reply, err := send(t.Context(), number, size)
						if err != nil || !strings.Contains(reply, ">"+number+" "+strings.Repeat(number+" ", size)+"<") {
							t.Errorf("number %s: %v, %.300s", number, err, reply)
						}
					}
				})
			}
			all.Wait()
		})
	}
}
