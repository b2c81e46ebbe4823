package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
)

func TestServerFinishesExchangesAtShutdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inside, leave := make(chan bool), make(chan bool)
	w.backend = func(rw http.ResponseWriter, r *http.Request) { inside <- true; <-leave; echo(rw, r) }
	addr, stop := w.listen(&gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
		ShutdownTimeout: 10 * time.Second})
	msg, req := w.protect(soap.V11, payload)
	replies := make(chan httpReply)
	go func() {
		resp, err := http.Post("http://"+addr+"/svc", "text/xml", bytes.NewReader(msg))
		if err != nil {
			t.Error(err)
			close(replies)
			return
		}
		b, _ := io.ReadAll(resp.Body)
		replies <- httpReply{resp, b}
	}()
	<-inside
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	for { // until the listener is closed
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(5 * time.Millisecond)
	}
	close(leave)
	if r, ok := <-replies; ok {
		w.open(r, req)
	}
	if err := <-stopped; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestServerCutsOffExchangesAtTheShutdownTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inside := make(chan bool)
	w.backend = func(_ http.ResponseWriter, r *http.Request) { inside <- true; <-r.Context().Done() }
	addr, stop := w.listen(&gateway.Server{HeaderTimeout: time.Minute, ReadTimeout: time.Minute,
		ShutdownTimeout: 50 * time.Millisecond})
	msg, _ := w.protect(soap.V11, payload)
	go func() {
		if resp, err := http.Post("http://"+addr+"/svc", "text/xml", bytes.NewReader(msg)); err == nil {
			resp.Body.Close()
		}
	}()
	<-inside
	start := time.Now()
	if err := stop(); err != nil || time.Since(start) > time.Minute {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if all := w.events.all(); len(all) != 1 || all[0]["code"] != "shutdown" {
		t.Errorf("when it has stopped, the event of what was cut off is not there, or blames another: %v", all)
	}
}

// A body that never comes, and is cut off by the end, is not the sender's doing
// either.
func TestServerCutsOffHalfSentRequestsAtShutdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	log := new(eventLog)
	addr, stop := w.listen(&gateway.Server{Log: slog.New(slog.NewJSONHandler(log, nil)), HeaderTimeout: time.Minute,
		ReadTimeout: time.Minute, ShutdownTimeout: 50 * time.Millisecond})
	for range 2 {
		conn, err := net.Dial("tcp", addr)
		w.must(err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: "+
			"9\r\nExpect: 100-continue\r\n\r\n")
		w.must(err)
		_, err = conn.Read(make([]byte, 1)) // the gateway waits for the body now
		w.must(err)
	}
	w.must(stop())
	if all := w.events.all(); len(all) != 2 || all[0]["code"] != "shutdown" || all[1]["code"] != "shutdown" {
		t.Errorf("%v", all)
	}
	said := log.all()
	if len(said) != 2 || said[0]["msg"] != "stopping" || said[0]["exchanges"] != 2.0 ||
		said[1]["msg"] != "exchanges were cut off" || said[1]["exchanges"] != 2.0 {
		t.Errorf("%v", said)
	}
}
