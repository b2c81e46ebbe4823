package gateway_test

import (
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
)

// A connection that waits for its next request when the process stops may send
// it; the answer says that it is the last.
func TestServerAnswersTheNextRequestsAtShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := servePipes(t, &gateway.Server{Handler: noContent, ShutdownTimeout: time.Minute})
		c, fresh := p.dial("192.0.2.1"), p.dial("192.0.2.1")
		if status, last := get(c, ""); status != 204 || last {
			t.Fatalf("HTTP %d, last %v", status, last)
		}
		start := time.Now()
		p.stop()
		time.Sleep(100 * time.Millisecond)
		for _, c := range []net.Conn{c, fresh} {
			if status, last := get(c, ""); status != 204 || !last {
				t.Errorf("after the signal: HTTP %d, last %v", status, last)
			}
		}
		if err := <-p.ended; err != nil || time.Since(start) > 200*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// One that sends none is closed soon, and one that never ends its request gets
// as little time; neither request is served.
func TestServerEndsIdleConnectionsAtShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		served := 0
		p := servePipes(t, &gateway.Server{ShutdownTimeout: time.Hour, HeaderTimeout: time.Hour, ReadTimeout: time.Hour,
			IdleTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				served++
				noContent(w, r)
			})})
		idle, fresh, half := p.dial("192.0.2.1"), p.dial("192.0.2.1"), p.dial("192.0.2.1")
		get(idle, "")
		if _, err := io.WriteString(half, "GET / HTTP/1.1\r\nHos"); err != nil {
			t.Fatal(err)
		}
		var read sync.WaitGroup
		for _, c := range []net.Conn{idle, fresh, half} {
			read.Go(func() { _, _ = io.Copy(io.Discard, c) }) // to their ends
		}
		start := time.Now()
		p.stop()
		if err := <-p.ended; err != nil || time.Since(start) > time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if read.Wait(); served != 1 {
			t.Errorf("%d served", served)
		}
	})
}

// An exchange in progress keeps its time, whatever it waits for.
func TestServerLeavesExchangesInProgressAloneAtShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := servePipes(t, &gateway.Server{ShutdownTimeout: time.Hour,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-r.Context().Done():
				case <-time.After(time.Minute):
				}
				noContent(w, r)
			})})
		c := p.dial("192.0.2.1")
		go func() { time.Sleep(time.Second); p.stop() }()
		start := time.Now()
		if status, last := get(c, ""); status != 204 || !last || time.Since(start) != time.Minute {
			t.Errorf("HTTP %d, last %v, after %v", status, last, time.Since(start))
		}
		if err := <-p.ended; err != nil {
			t.Error(err)
		}
	})
}
