package kdcproxy

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// socketServer serves the WebSocket relay, and returns its URL.
func socketServer(t testing.TB, r *Relay) string {
	t.Helper()
	s := httptest.NewServer(r.WebSocket())
	t.Cleanup(func() { r.Close(); s.Close() })
	return "ws" + strings.TrimPrefix(s.URL, "http") + "/kerberos5"
}

func dialSocket(t testing.TB, url string, header ...string) *websocket.Conn {
	t.Helper()
	o := &websocket.DialOptions{HTTPHeader: http.Header{}}
	if len(header) > 0 {
		o.HTTPHeader.Set(header[0], header[1])
	}
	c, _, err := websocket.Dial(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(1 << 20)
	t.Cleanup(func() { c.CloseNow() })
	return c
}

// ask sends messages and returns the reply to them.
func ask(t testing.TB, c *websocket.Conn, messages ...[]byte) []byte {
	t.Helper()
	for _, m := range messages {
		if err := c.Write(t.Context(), websocket.MessageBinary, m); err != nil {
			t.Fatal(err)
		}
	}
	kind, reply, err := c.Read(t.Context())
	if err != nil || kind != websocket.MessageBinary {
		t.Fatalf("%v, %v", kind, err)
	}
	return reply
}

// K02, KX02: a socket takes both forms, answers in kind, and serves one request
// after the other.
func TestWebSocketAnswersInKind(t *testing.T) {
	t.Parallel()
	f := new(fakeNet)
	r, e := newRelay(t, f, Config{})
	c := dialSocket(t, socketServer(t, r))
	as, tgs := asReq("EXAMPLE.COM"), tgsReq("EXAMPLE.COM")
	for name, test := range map[string]struct {
		send [][]byte
		want []byte
	}{
		"bare":           {[][]byte{as}, asRep},
		"with length":    {[][]byte{framed(tgs)}, framed(tgsRep)},
		"in two":         {[][]byte{framed(tgs)[:4], framed(tgs)[4:]}, framed(tgsRep)},
		"within length":  {[][]byte{framed(as)[:2], framed(as)[2:9], framed(as)[9:]}, framed(asRep)},
		"another realm":  {[][]byte{asReq("OTHER.TEST")}, asRep},
		"bare once more": {[][]byte{tgs}, tgsRep},
	} {
		if got := ask(t, c, test.send...); !bytes.Equal(got, test.want) {
			t.Errorf("%s: %x", name, got)
		}
	}
	if _, _, received := f.seen(); len(received) != 6 {
		t.Errorf("the KDC got %d requests", len(received))
	}
	for _, ev := range e.all() {
		if ev.Via != ViaWebSocket || ev.Code != CodeOK {
			t.Errorf("%+v", ev)
		}
	}
}

// A request in several frames of one message is one request.
func TestWebSocketTakesFragmentedMessages(t *testing.T) {
	t.Parallel()
	r, _ := newRelay(t, new(fakeNet), Config{})
	c := dialSocket(t, socketServer(t, r))
	w, err := c.Writer(t.Context(), websocket.MessageBinary)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range asReq("EXAMPLE.COM") {
		if _, err := w.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if _, got, err := c.Read(t.Context()); err != nil || !bytes.Equal(got, asRep) {
		t.Errorf("%x, %v", got, err)
	}
}

// What is no request closes the socket, with the status that says why, and
// reaches no KDC.
func TestWebSocketRefuses(t *testing.T) {
	t.Parallel()
	good := asReq("EXAMPLE.COM")
	for name, c := range map[string]struct {
		kind   websocket.MessageType
		octets []byte
		status websocket.StatusCode
		code   Code
	}{
		"text":    {websocket.MessageText, good, websocket.StatusUnsupportedData, CodeMalformed},
		"empty":   {websocket.MessageBinary, nil, websocket.StatusInvalidFramePayloadData, CodeMalformed},
		"noise":   {websocket.MessageBinary, []byte("hello"), websocket.StatusInvalidFramePayloadData, CodeMalformed},
		"cut off": {websocket.MessageBinary, good[:20], websocket.StatusInvalidFramePayloadData, CodeMalformed},
		"octets behind": {websocket.MessageBinary, append(bytes.Clone(good), 0), websocket.StatusInvalidFramePayloadData,
			CodeMalformed},
		"two with length": {websocket.MessageBinary, append(framed(good), framed(good)...),
			websocket.StatusInvalidFramePayloadData, CodeMalformed},
		"length of nothing": {websocket.MessageBinary, []byte{0, 0, 0, 0}, websocket.StatusInvalidFramePayloadData,
			CodeMalformed},
		"length too large": {websocket.MessageBinary, []byte{0, 2, 0, 1}, websocket.StatusInvalidFramePayloadData,
			CodeMalformed},
		"too large":      {websocket.MessageBinary, make([]byte, maxMessage+5), websocket.StatusMessageTooBig, CodeTooLarge},
		"unlisted realm": {websocket.MessageBinary, asReq("EVIL.TEST"), websocket.StatusPolicyViolation, CodeRealm},
		"AS-REP":         {websocket.MessageBinary, framed(asRep), websocket.StatusInvalidFramePayloadData, CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := new(fakeNet)
			e := &events{more: make(chan struct{}, 9)}
			r, _ := newRelay(t, f, Config{Report: e.report})
			conn := dialSocket(t, socketServer(t, r))
			if err := conn.Write(t.Context(), c.kind, c.octets); err != nil {
				t.Fatal(err)
			}
			_, _, err := conn.Read(t.Context())
			if got := websocket.CloseStatus(err); got != c.status {
				t.Errorf("%v: %v", got, err)
			}
			within(t, "the event", e.more)
			if e.last().Code != c.code {
				t.Errorf("%+v", e.last())
			}
			if dialled, lookups, _ := f.seen(); len(dialled)+len(lookups) > 0 {
				t.Errorf("dialled %v, looked up %v", dialled, lookups)
			}
		})
	}
}

// KX03: pages of origins that are not listed are refused at the handshake.
func TestWebSocketChecksTheOrigin(t *testing.T) {
	t.Parallel()
	r, e := newRelay(t, new(fakeNet), Config{Origins: []string{"https://app.example.com"}})
	url := socketServer(t, r)
	c := dialSocket(t, url, "Origin", "https://app.example.com")
	if got := ask(t, c, asReq("EXAMPLE.COM")); !bytes.Equal(got, asRep) {
		t.Errorf("%x", got)
	}
	_, resp, err := websocket.Dial(t.Context(), url,
		&websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://evil.example"}}})
	if err == nil || resp.StatusCode != 403 || e.last().Code != CodeOrigin {
		t.Errorf("%v, %+v", err, e.last())
	}
}

func TestWebSocketRefusesPlainRequests(t *testing.T) {
	t.Parallel()
	r, e := newRelay(t, new(fakeNet), Config{})
	if w := post(r.WebSocket(), nil); w.Code < 400 || e.last().Code != CodeHTTP {
		t.Errorf("%d, %+v", w.Code, e.last())
	}
}

// Many sockets of one client, and many requests in one: bounded, by name.
func TestWebSocketFloodsAreBounded(t *testing.T) {
	t.Parallel()
	r, e := newRelay(t, new(fakeNet), Config{MaxClientConnections: 3, ClientRate: 1})
	url := socketServer(t, r)
	var open []*websocket.Conn
	for range 3 {
		open = append(open, dialSocket(t, url))
	}
	_, resp, err := websocket.Dial(t.Context(), url, nil)
	if err == nil || resp.StatusCode != 503 || e.last().Code != CodeBusy {
		t.Fatalf("a fourth socket: %v, %+v", err, e.last())
	}
	served := 0
	for {
		if err := open[0].Write(t.Context(), websocket.MessageBinary, asReq("EXAMPLE.COM")); err != nil {
			break
		}
		_, _, err = open[0].Read(t.Context())
		if err != nil {
			break
		}
		served++
	}
	if websocket.CloseStatus(err) != websocket.StatusTryAgainLater || served > 8 || served == 0 {
		t.Errorf("%d requests, then %v", served, err)
	}
}

// Large requests that are begun and not ended, by whatever way, are no more than
// there is memory for.
func TestLargeRequestsAreBounded(t *testing.T) {
	t.Parallel()
	r, _ := newRelay(t, new(fakeNet), Config{})
	r.large.perClient = 1
	tcp := listenTCP(t, r)
	first, second := tcp(), tcp()
	first.Write([]byte{0, 1, 0, 0})
	second.Write(framed(asReq("EXAMPLE.COM")))
	if _, err := io.ReadFull(second, make([]byte, 4+len(asRep))); err != nil {
		t.Fatal(err)
	}
	for n := 0; n == 0; n, _ = r.large.inUse() {
		runtime.Gosched()
	}
	second.Write([]byte{0, 1, 0, 0})
	if _, err := second.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a second one by TCP: %v", err)
	}
	if w := post(r.Proxy(), make([]byte, 64<<10), from("127.0.0.1:1")); w.Code != http.StatusServiceUnavailable {
		t.Errorf("by HTTP: status %d", w.Code)
	}
	c := dialSocket(t, socketServer(t, r))
	c.Write(t.Context(), websocket.MessageBinary, append([]byte{0, 1, 0, 0}, make([]byte, 32<<10)...))
	if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusTryAgainLater {
		t.Errorf("by WebSocket: %v", err)
	}
	first.Close()
	for n := 1; n > 0; n, _ = r.large.inUse() {
		runtime.Gosched()
	}
	if w := post(r.Proxy(), make([]byte, 64<<10), from("127.0.0.1:1")); w.Code != http.StatusBadRequest {
		t.Errorf("afterwards: status %d", w.Code)
	}
}

// from makes a request come from an address.
func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

// A client that sends before it has its reply is not read meanwhile.
func TestWebSocketServesOneRequestAtATime(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 9), make(chan struct{})
	f := &fakeNet{}
	f.play = func(network, _ string, c net.Conn) { asked <- struct{}{}; <-answer; f.answer(network, c) }
	r, _ := newRelay(t, f, Config{Patience: time.Hour})
	c := dialSocket(t, socketServer(t, r))
	for range 3 {
		if err := c.Write(t.Context(), websocket.MessageBinary, asReq("EXAMPLE.COM")); err != nil {
			t.Fatal(err)
		}
	}
	within(t, "the first request", asked)
	if n, _ := r.exchanges.inUse(); len(asked) != 0 || n > 1 {
		t.Errorf("%d more were sent", len(asked))
	}
	close(answer)
	for range 3 {
		if _, got, err := c.Read(t.Context()); err != nil || !bytes.Equal(got, asRep) {
			t.Errorf("%x, %v", got, err)
		}
	}
}

// A socket without requests, or with one that does not end, is closed.
func TestWebSocketClosesIdleOnes(t *testing.T) {
	t.Parallel()
	r, _ := newRelay(t, new(fakeNet), Config{IdleTimeout: 30 * time.Millisecond})
	url := socketServer(t, r)
	for name, first := range map[string][]byte{"silent": nil, "half a request": framed(asReq("EXAMPLE.COM"))[:30]} {
		c := dialSocket(t, url)
		if first != nil {
			if err := c.Write(t.Context(), websocket.MessageBinary, first); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A client that does not answer pings is gone: its socket is closed long before
// it is idle.
func TestWebSocketClosesThoseThatAnswerNoPing(t *testing.T) {
	t.Parallel()
	r, _ := newRelay(t, new(fakeNet), Config{Timeout: 20 * time.Millisecond, ReadTimeout: 20 * time.Millisecond})
	r.pingEvery = 10 * time.Millisecond
	url := socketServer(t, r)
	c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "ws://"), "/kerberos5"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /kerberos5 HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	c.SetDeadline(time.Now().Add(20 * time.Second))
	got, err := io.ReadAll(c)
	if err != nil || !bytes.HasPrefix(got, []byte("HTTP/1.1 101")) || !bytes.Contains(got, []byte{0x89}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCloseEndsSocketsAndExchanges(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	f := &fakeNet{play: func(_, _ string, c net.Conn) { close(asked); io.Copy(io.Discard, c) }}
	r, e := newRelay(t, f, Config{Timeout: time.Hour, Patience: time.Hour})
	url := socketServer(t, r)
	idle, busy := dialSocket(t, url), dialSocket(t, url)
	if err := busy.Write(t.Context(), websocket.MessageBinary, asReq("EXAMPLE.COM")); err != nil {
		t.Fatal(err)
	}
	within(t, "the request", asked)
	ended := make(chan struct{})
	go func() { r.Close(); close(ended) }()
	for _, c := range []*websocket.Conn{idle, busy} {
		if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Error(err)
		}
	}
	within(t, "the end of the relay", ended)
	if e.last().Code != CodeGone {
		t.Errorf("%+v", e.last())
	}
	if _, resp, err := websocket.Dial(context.Background(), url, nil); err == nil || resp.StatusCode != 503 {
		t.Errorf("afterwards: %v", err)
	}
}

// FuzzCutRequest: a request that is cut out is what stands in the octets, and
// only one that is complete is.
func FuzzCutRequest(f *testing.F) {
	f.Add(asReq("A"))
	f.Add(framed(tgsReq("A")))
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		whole, withLength, err := cutRequest(b)
		switch {
		case err != nil && whole != nil:
			t.Errorf("%x and %v", whole, err)
		case whole != nil && withLength && !bytes.Equal(framed(whole), b):
			t.Errorf("%x of %x", whole, b)
		case whole != nil && !withLength && !bytes.Equal(whole, b):
			t.Errorf("%x of %x", whole, b)
		case whole == nil && err == nil && len(b) > maxMessage+lengthSize:
			t.Errorf("%d octets, and more are waited for", len(b))
		}
	})
}

// FuzzMessage: a message that is relayed is one of the three kinds, names a
// realm, and nothing that is appended to it goes with it.
func FuzzMessage(f *testing.F) {
	for _, m := range [][]byte{asReq("EXAMPLE.COM"), tgsReq("EXAMPLE.COM"), passwordReq("EXAMPLE.COM"), asRep} {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err != nil {
			return
		}
		if m.realm == "" || m.kind != KindAS && m.kind != KindTGS && m.kind != KindPassword || !bytes.Equal(m.octets, b) {
			t.Errorf("%x was read as %+v", b, m)
		}
		if _, err := parseMessage(append(bytes.Clone(b), 0)); err == nil {
			t.Errorf("%x with an octet behind is accepted", b)
		}
	})
}

func TestRandomOctetsAreNoMessage(t *testing.T) {
	t.Parallel()
	for range 1000 {
		b := make([]byte, 64)
		rand.Read(b)
		if m, err := parseMessage(b); err == nil {
			t.Errorf("%x was read as %+v", b, m)
		}
	}
}
