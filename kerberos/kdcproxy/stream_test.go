package kdcproxy

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// listenTCP serves TCP clients, and returns a connection.
func listenTCP(t *testing.T, r *Relay) (dial func() net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.ServeTCP(ln) }()
	t.Cleanup(func() {
		r.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return func() net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(2 * time.Minute))
		return c
	}
}

func TestServeTCPRelays(t *testing.T) {
	t.Parallel()
	f := new(fakeNet)
	r, e := newRelay(t, f, Config{})
	c := listenTCP(t, r)()
	for range 2 {
		c.Write(framed(asReq("EXAMPLE.COM")))
		got := make([]byte, 4+len(asRep))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, framed(asRep)) {
			t.Fatalf("%x, %v", got, err)
		}
	}
	if ev := e.last(); ev.Via != ViaTCP || ev.Code != CodeOK {
		t.Errorf("%+v", ev)
	}
}

// What is not relayed, slow, idle or one too many ends its connection.
func TestServeTCPEndsConnections(t *testing.T) {
	t.Parallel()
	f := new(fakeNet)
	r, _ := newRelay(t, f, Config{IdleTimeout: 50 * time.Millisecond, MaxClientConnections: 2})
	dial := listenTCP(t, r)
	for name, octets := range map[string]string{
		"nothing":        "",
		"HTTP":           "GET / HTTP/1.1\r\n\r\n",
		"half a request": string(framed(asReq("EXAMPLE.COM"))[:40]),
		"unlisted realm": string(framed(asReq("EVIL.TEST"))),
		"length 0":       "\x00\x00\x00\x00",
	} {
		c := dial()
		io.WriteString(c, octets)
		if got, err := io.ReadAll(c); len(got) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
	if dialled, _, _ := f.seen(); len(dialled) > 0 {
		t.Errorf("dialled %v", dialled)
	}
}

// A length that no message has is refused before any of the message comes: there
// is no waiting for it.
func TestServeTCPRefusesALengthByItself(t *testing.T) {
	t.Parallel()
	r, e := newRelay(t, new(fakeNet), Config{})
	dial := listenTCP(t, r)
	for length, want := range map[string]string{
		"\x00\x00\x00\x00": "a length of 0 octets",
		"\x00\x02\x00\x01": "a length of 131073 octets",
		"\xff\xff\xff\xff": "a length of 4294967295 octets",
		"GET ":             "a length of 1195725856 octets",
	} {
		c := dial()
		c.SetDeadline(time.Now().Add(30 * time.Second)) // before the relay gives up waiting, if it waits
		io.WriteString(c, length)
		if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
			t.Fatalf("%s: %x, %v", want, got, err)
		}
		if last := e.last(); last.Code != CodeMalformed || last.Err == nil || !strings.HasSuffix(last.Err.Error(), want) {
			t.Errorf("%s: reported %v", want, last)
		}
	}
}

// listenUDP serves UDP clients, and returns one.
func listenUDP(t *testing.T, r *Relay) net.Conn {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.ServeUDP(pc) }()
	c, err := net.Dial("udp", pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(2 * time.Minute))
	t.Cleanup(func() {
		c.Close()
		r.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

// A copy of a request under way does not reach the KDC: it would count as a
// login of its own.
func TestServeUDPDropsCopies(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 9), make(chan struct{})
	f := &fakeNet{}
	f.play = func(network, _ string, c net.Conn) { asked <- struct{}{}; <-answer; f.answer(network, c) }
	e := &events{more: make(chan struct{}, 9)}
	r, _ := newRelay(t, f, Config{Patience: time.Hour, Report: e.report})
	c := listenUDP(t, r)
	c.Write(asReq("EXAMPLE.COM"))
	within(t, "the request", asked)
	c.Write(asReq("EXAMPLE.COM"))
	c.Write([]byte("noise")) // comes behind the copy, and is reported
	within(t, "the noise", e.more)
	close(answer)
	buf := make([]byte, 1000)
	n, err := c.Read(buf)
	if err != nil || !bytes.Equal(buf[:n], asRep) {
		t.Errorf("%x, %v", buf[:n], err)
	}
	if dialled, _, _ := f.seen(); len(dialled) != 1 {
		t.Errorf("dialled %v", dialled)
	}
}

// Messages of maxMessage octets are read from a stream, and replies of maxDatagram
// octets sent as datagrams; one more is not.
func TestMessagesAtTheirLimits(t *testing.T) {
	t.Parallel()
	for n, read := range map[int]bool{maxMessage: true, maxMessage + 1: false} {
		r, _ := newRelay(t, new(fakeNet), Config{})
		got, err := readFramed(bytes.NewReader(framed(make([]byte, n))), &room{relay: r})
		if read != (err == nil && len(got) == n) {
			t.Errorf("%d octets: %d, %v", n, len(got), err)
		}
	}
	for n, whole := range map[int]bool{maxDatagram: true, maxDatagram + 1: false} {
		if got := datagram(make([]byte, n), tgsReq("EXAMPLE.COM")); whole != (len(got) == n) || len(got) == 0 {
			t.Errorf("a reply of %d octets: %d", n, len(got))
		}
	}
}

// A reply that is too large for a datagram sends the client to TCP.
func TestServeUDPSaysWhenAReplyIsTooLarge(t *testing.T) {
	t.Parallel()
	f := &fakeNet{}
	large := der.Element(der.TagApplication(11), make([]byte, maxDatagram))
	tooBig := krbmsg.AppendKRBError(nil, errTooBig, time.Now(), []byte("EXAMPLE.COM"), krbmsg.Name{})
	f.play = func(network, _ string, c net.Conn) {
		f.answerWith(network, c, func([]byte) []byte { return map[string][]byte{"tcp": large, "udp": tooBig}[network] })
	}
	r, _ := newRelay(t, f, Config{})
	c := listenUDP(t, r)
	c.Write(tgsReq("EXAMPLE.COM"))
	buf := make([]byte, 64<<10)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := krbmsg.ParseKRBError(buf[:n]); err != nil || got.Code != errTooBig ||
		got.Service != "krbtgt/EXAMPLE.COM" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Anybody can send datagrams that seem to come from a client: they must not use
// up what it may send by ways that prove its address.
func TestForgedDatagramsLeaveTheClientItsRate(t *testing.T) {
	t.Parallel()
	e := &events{more: make(chan struct{}, 99)}
	r, _ := newRelay(t, new(fakeNet), Config{ClientRate: 1, Report: e.report})
	c := listenUDP(t, r)
	for e.last().Code != CodeRate {
		c.Write([]byte("noise"))
		within(t, "the noise", e.more)
	}
	w := post(r.Proxy(), proxyBody("", asReq("EXAMPLE.COM")),
		func(req *http.Request) { req.RemoteAddr = c.LocalAddr().String() })
	if w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}

// Forged datagrams take neither the rate of a realm nor the exchanges of a
// client from those who come by TCP.
func TestForgedDatagramsLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	asked := make(chan struct{}, 99)
	f := &fakeNet{}
	f.play = func(network, _ string, c net.Conn) { asked <- struct{}{}; <-held; f.answer(network, c) }
	r, _ := newRelay(t, f, Config{RealmRate: 1, MaxExchanges: 1, MaxClientExchanges: 1, Patience: time.Hour})
	udp, tcp := listenUDP(t, r), listenTCP(t, r)()
	udp.Write(asReq("EXAMPLE.COM"))
	within(t, "the exchange by UDP", asked)
	tcp.Write(framed(asReq("EXAMPLE.COM")))
	within(t, "the exchange by TCP", asked)
	close(held)
	got := make([]byte, 4+len(asRep))
	if _, err := io.ReadFull(tcp, got); err != nil || !bytes.Equal(got, framed(asRep)) {
		t.Errorf("%x, %v", got, err)
	}
}

// Whoever forges datagrams must not fill the disk with lines of the log.
func TestForgedDatagramsAreNotAllReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, e := newRelay(t, new(fakeNet), Config{})
		u := &datagrams{Relay: r, underWay: map[[sha256.Size]byte]bool{}}
		flood := func() {
			for i := range 500 {
				u.received([]byte("noise"), &net.UDPAddr{IP: net.IPv4(10, 0, byte(i>>8), byte(i)), Port: 88})
			}
			synctest.Wait()
		}
		flood()
		if n := len(e.all()); n != 100 {
			t.Errorf("%d of 500 reported", n)
		}
		time.Sleep(time.Second)
		flood()
		if all := e.all(); len(all) != 110 || all[100].Skipped != 400 {
			t.Errorf("%d of 1000 reported", len(all))
		}
	})
}
