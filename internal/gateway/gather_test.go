package gateway_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A writeLog is a listener whose connections record the size of each write, and
// fail it if fail says so.
type writeLog struct {
	net.Listener
	before func(size int) error // may be nil

	mu     sync.Mutex
	writes []int
}

func (l *writeLog) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return loggedConn{c, l}, err
}

type loggedConn struct {
	net.Conn
	log *writeLog
}

func (c loggedConn) Write(b []byte) (int, error) {
	c.log.mu.Lock()
	c.log.writes = append(c.log.writes, len(b))
	c.log.mu.Unlock()
	if c.log.before != nil {
		if err := c.log.before(len(b)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(b)
}

// sizes returns those of the writes since the last call.
func (l *writeLog) sizes() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.writes = nil }()
	return l.writes
}

// serveLogged serves the world's gateway, without protection, behind a writeLog.
func serveLogged(t *testing.T, s *gateway.Server, options ...option) (*world, *writeLog) {
	w := newWorld(t, options...)
	w.config.Routes[0].Door = door.None()
	g, err := gateway.New(w.config)
	w.must(err)
	s.Handler = g
	s.HeaderTimeout, s.ReadTimeout, s.IdleTimeout = time.Minute, time.Minute, time.Minute
	s.ShutdownTimeout = time.Second
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	logged := &writeLog{Listener: ln}
	w.serve(s, logged)
	w.gateway.URL = "http://" + ln.Addr().String()
	return w, logged
}

// A reply of up to some 60 kB leaves in one write, whether in clear or by TLS,
// and the next request of the connection is served.
func TestReplyIsOneWrite(t *testing.T) {
	t.Parallel()
	for name, certificates := range map[string]*gateway.Certificates{
		"clear": nil, "TLS": gateway.NewCertificates(newTLSServer(t, nil).TLS.Certificates, gateway.TLSRules{}),
	} {
		w, written := serveLogged(t, &gateway.Server{Certificates: certificates})
		if certificates != nil {
			w.gateway.URL = strings.Replace(w.gateway.URL, "http:", "https:", 1)
			w.gateway.Client().Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		}
		w.post(soap.V11, strings.NewReader(envelope(soap.V11, "<a/>"))) // makes the connection
		for _, size := range []int{10, 4000, 6 << 10, 20 << 10, 60 << 10} {
			body := "<a>" + strings.Repeat("a", size) + "</a>"
			w.backend = answer(200, "text/xml", envelope(soap.V11, body))
			written.sizes()
			r := w.post(soap.V11, strings.NewReader(envelope(soap.V11, "<a/>")))
			if got := written.sizes(); len(got) != 1 || string(r.body) != envelope(soap.V11, body) {
				t.Errorf("%s, %d octets: HTTP %d, %d octets, writes %v", name, size, r.StatusCode, len(r.body), got)
			}
		}
		body := "<a>" + strings.Repeat("a", 300<<10) + "</a>"
		w.backend = answer(200, "text/xml", envelope(soap.V11, body))
		if r := w.post(soap.V11, strings.NewReader(envelope(soap.V11, "<a/>"))); string(r.body) != envelope(soap.V11, body) {
			t.Errorf("%s, large: HTTP %d, %d octets", name, r.StatusCode, len(r.body))
		}
	}
}

// No octet of an answer leaves before its event is in the log.
func TestReplyLeavesAfterItsEvent(t *testing.T) {
	t.Parallel()
	w, written := serveLogged(t, &gateway.Server{})
	events := make(chan int, 10)
	written.before = func(int) error { events <- len(w.events.all()); return nil }
	w.backend = answer(200, "text/xml", envelope(soap.V11, "<a>"+strings.Repeat("a", 20<<10)+"</a>"))
	w.post(soap.V11, strings.NewReader(envelope(soap.V11, "<a/>")))
	if n := <-events; n != 1 {
		t.Errorf("%d events when the reply was written", n)
	}
}

// An answer that cannot be written is in the log, and ends its connection.
func TestReplyThatIsNotDeliveredIsLogged(t *testing.T) {
	t.Parallel()
	w, written := serveLogged(t, &gateway.Server{})
	written.before = func(int) error { return errors.New("no way through") }
	w.backend = answer(200, "text/xml", envelope(soap.V11, "<a>"+strings.Repeat("a", 20<<10)+"</a>"))
	_, err := w.gateway.Client().Post(w.gateway.URL+"/svc", "text/xml", strings.NewReader(envelope(soap.V11, "<a/>")))
	if err == nil || w.code(1) != "ok" || w.code(2) != "client-gone" || w.event(2)["id"] != w.event(1)["id"] {
		t.Errorf("%v, events %v", err, w.events)
	}
}

// Where the budget has no room for the answer once more, it is written in pieces.
func TestReplyIsWrittenWithoutRoomToGatherIt(t *testing.T) {
	t.Parallel()
	w, written := serveLogged(t, &gateway.Server{}, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		c.MaxInFlight = 96 << 10
	})
	reply := envelope(soap.V11, "<a>"+strings.Repeat("a", 40<<10)+"</a>")
	w.backend = answer(200, "text/xml", reply)
	r := w.post(soap.V11, strings.NewReader(envelope(soap.V11, "<a/>")))
	if got := written.sizes(); string(r.body) != reply || len(got) < 2 {
		t.Errorf("HTTP %d, %d octets, writes %v", r.StatusCode, len(r.body), got)
	}
}
