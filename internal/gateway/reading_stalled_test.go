package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// Uploads that stall, as many and as large as a client may have, take nothing
// from honest clients, whether they come from their address, as behind a NAT,
// or from another: neither while nobody can tell that they stall nor
// afterwards, nor when those that were dropped come again. The limits are the
// defaults, all divided by 4; what is large is what every one of so many can
// have.
func TestBodyReaderProtectsClientsFromStalledUploads(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a second loopback address, which only Linux has without setup")
	}
	t.Parallel()
	for _, from := range []string{"127.0.0.1", "127.0.0.2"} {
		for _, stalled := range []int{8, 200} {
			t.Run(fmt.Sprintf("%d from %s", stalled, from), func(t *testing.T) {
				t.Parallel()
				honestWhileStalled(t, from, stalled)
			})
		}
	}
}

func honestWhileStalled(t *testing.T, from string, stalled int) {
	const scale, maxMessage = 4, 32 << 20 / 4
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		c.MaxMessage, c.MaxInFlight = maxMessage, 256<<20/scale
	})
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		ShutdownTimeout: time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	var attackers sync.WaitGroup
	for i := range stalled {
		attackers.Go(func() {
			for ctx.Err() == nil {
				sending := stall(ctx, from, addr, maxMessage, i%2 == 0)
				select { // an attack by mere traffic is another one, also where the processors are slow
				case <-ctx.Done():
				case <-time.After(max(time.Second/2, 4*sending)):
				}
			}
		})
	}
	defer attackers.Wait()
	defer stop()
	w.gateway.URL = "http://" + addr
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	small, large := 0, 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end) || large < 2; {
		size := 8 << 10
		if small%4 == 3 {
			size = maxMessage / 4 / stalled
			large++
		}
		small++
		msg, _ := w.protect(soap.V11, `<q:Ask xmlns:q="urn:q">`+strings.Repeat("a", size)+`</q:Ask>`)
		resp, err := client.Post(w.gateway.URL+"/svc", "text/xml", bytes.NewReader(msg))
		w.must(err)
		fault, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			var last any // event of this size
			for _, ev := range w.events.all() {
				if ev["bytes_in"] == float64(len(msg)) {
					last = ev
				}
			}
			t.Fatalf("request %d of %d octets: HTTP %d, %.500s\n%v", small, len(msg), resp.StatusCode, fault, last)
		}
	}
	t.Logf("%d requests, %d of them large", small, large)
}

// stall sends the header of a message and half of it, and then nothing until
// the connection is closed. It returns how long it was sending.
func stall(ctx context.Context, from, to string, size int, chunked bool) (sending time.Duration) {
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(ctx, "tcp", to)
	if err != nil {
		return 0
	}
	defer conn.Close()
	began := time.Now()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	const header = "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\n"
	if chunked {
		fmt.Fprintf(conn, header+"Transfer-Encoding: chunked\r\n\r\n%x\r\n", size)
	} else {
		fmt.Fprintf(conn, header+"Content-Length: %d\r\n\r\n", size)
	}
	for piece := bytes.Repeat([]byte(" "), size/16+1); err == nil && size > 0; size -= 2 * len(piece) {
		_, err = conn.Write(piece)
	}
	sending = time.Since(began)
	_, _ = io.Copy(io.Discard, conn)
	return sending
}
