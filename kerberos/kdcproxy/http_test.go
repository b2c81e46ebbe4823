package kdcproxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// proxyBody returns a KDC-PROXY-MESSAGE.
func proxyBody(domain string, message []byte) []byte {
	return krbmsg.KDCProxyMessage{Message: message, TargetDomain: domain}.Encode()
}

// post sends a body to a handler and returns the answer.
func post(h http.Handler, body []byte, change ...func(*http.Request)) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "https://gw.example.com/KdcProxy", bytes.NewReader(body))
	for _, f := range change {
		f(req)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// K01, K05-K08: what the client sends reaches the KDC octet for octet, and the
// answer comes back so.
func TestProxyRelaysOctetForOctet(t *testing.T) {
	t.Parallel()
	for name, message := range map[string][]byte{"AS": asReq("EXAMPLE.COM"), "TGS": tgsReq("EXAMPLE.COM")} {
		f := new(fakeNet)
		r, e := newRelay(t, f, Config{})
		w := post(r.Proxy(), proxyBody("EXAMPLE.COM", message))
		got, err := krbmsg.ParseKDCProxyMessage(w.Body.Bytes())
		if w.Code != 200 || err != nil || !bytes.Equal(got.Message, replyTo(message)) || got.TargetDomain != "" {
			t.Errorf("%s: status %d, %+v, %v", name, w.Code, got, err)
		}
		h := w.Header()
		if h.Get("Content-Type") != "application/kerberos" || h.Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
			t.Errorf("%s: %v", name, h)
		}
		dialled, _, received := f.seen()
		if len(received) != 1 || !bytes.Equal(received[0], message) || fmt.Sprint(dialled) != "[udp/kdc1:88]" {
			t.Errorf("%s: the KDC got %x by %v", name, received, dialled)
		}
		if ev := e.last(); ev.Code != CodeOK || ev.Server != "udp/kdc1:88" || ev.Realm != "EXAMPLE.COM" ||
			ev.BytesIn != len(message) || ev.BytesOut != len(replyTo(message)) {
			t.Errorf("%s: %+v", name, ev)
		}
	}
}

// Clients of Apple send messages without a length before them, and read replies
// so; the KDC sees no difference.
func TestProxyAnswersInTheFormOfTheRequest(t *testing.T) {
	t.Parallel()
	message := asReq("EXAMPLE.COM")
	f := new(fakeNet)
	r, _ := newRelay(t, f, Config{})
	w := post(r.Proxy(), krbmsg.KDCProxyMessage{Message: message, TargetDomain: "EXAMPLE.COM", Unframed: true}.Encode())
	got, err := krbmsg.ParseKDCProxyMessage(w.Body.Bytes())
	if w.Code != 200 || err != nil || !got.Unframed || !bytes.Equal(got.Message, replyTo(message)) {
		t.Errorf("status %d, %+v, %v", w.Code, got, err)
	}
	if _, _, received := f.seen(); len(received) != 1 || !bytes.Equal(received[0], message) {
		t.Errorf("the KDC got %x", received)
	}
}

// The behaviour table: what each request is answered, and that nothing was
// dialled or looked up for one that is refused.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	good := asReq("EXAMPLE.COM")
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	unsized := func(r *http.Request) { r.ContentLength = -1 }
	cut := proxyBody("EXAMPLE.COM", good)
	for name, c := range map[string]struct {
		body   []byte
		change func(*http.Request)
		status int
		code   Code
	}{
		"GET":                    {nil, func(r *http.Request) { r.Method = "GET" }, 405, CodeHTTP},
		"no length":              {proxyBody("", good), unsized, 411, CodeHTTP},
		"too large":              {make([]byte, 131073), nil, 413, CodeTooLarge},
		"page of another origin": {proxyBody("", good), header("Origin", "https://evil.example"), 403, CodeOrigin},
		"page of no origin":      {proxyBody("", good), header("Origin", "null"), 403, CodeOrigin},
		"nothing":                {nil, nil, 400, CodeMalformed},
		"not DER":                {[]byte("hello"), nil, 400, CodeMalformed},
		"cut off":                {cut[:len(cut)-1], nil, 400, CodeMalformed},
		"inner length": {bytes.Replace(cut, []byte{0, 0, 0, byte(len(good))}, []byte{0, 0, 0, 9}, 1), nil, 400,
			CodeMalformed},
		"empty message": {proxyBody("EXAMPLE.COM", nil), nil, 400, CodeMalformed},
		"AP-REQ": {proxyBody("EXAMPLE.COM", der.Element(der.TagApplication(14), []byte("x"))), nil, 400,
			CodeMalformed},
		"AS-REP":       {proxyBody("EXAMPLE.COM", asRep), nil, 400, CodeMalformed},
		"two requests": {proxyBody("EXAMPLE.COM", append(bytes.Clone(good), good...)), nil, 400, CodeMalformed},
		"AS-REQ of nothing": {proxyBody("EXAMPLE.COM", der.Element(der.TagApplication(10), []byte("x"))), nil, 400,
			CodeMalformed},
		"another ticket to change a password": {proxyBody("EXAMPLE.COM", passwordReq("EXAMPLE.COM", "kadmin", "admin")),
			nil, 400, CodeMalformed},
		"unlisted realm":              {proxyBody("EVIL.TEST", asReq("EVIL.TEST")), nil, 503, CodeRealm},
		"unlisted realm, no domain":   {proxyBody("", tgsReq("EVIL.TEST")), nil, 503, CodeRealm},
		"unlisted realm inside":       {proxyBody("EXAMPLE.COM", asReq("EVIL.TEST")), nil, 503, CodeRealm},
		"unlisted realm of a ticket":  {proxyBody("", passwordReq("EVIL.TEST")), nil, 503, CodeRealm},
		"unlisted domain":             {proxyBody("evil.test", good), nil, 400, CodeDomain},
		"domain of another realm":     {proxyBody("OTHER.TEST", good), nil, 400, CodeDomain},
		"part of a listed realm":      {proxyBody("", asReq("COM")), nil, 503, CodeRealm},
		"below a listed realm":        {proxyBody("", asReq("A.EXAMPLE.COM")), nil, 503, CodeRealm},
		"listed realm with a dot":     {proxyBody("", asReq("EXAMPLE.COM.")), nil, 503, CodeRealm},
		"realm without password host": {proxyBody("", passwordReq("OTHER.TEST")), nil, 503, CodeNoServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := new(fakeNet)
			r, e := newRelay(t, f, Config{})
			change := c.change
			if change == nil {
				change = func(*http.Request) {}
			}
			w := post(r.Proxy(), c.body, change)
			if w.Code != c.status || e.last().Code != c.code {
				t.Errorf("status %d, event %+v", w.Code, e.last())
			}
			if ct := w.Header().Get("Content-Type"); !strings.HasPrefix(ct, "text/plain") {
				t.Errorf("Content-Type %s", ct)
			}
			if strings.Contains(w.Body.String(), "EVIL") || strings.Contains(w.Body.String(), "kdc1") {
				t.Errorf("the answer says %q", w.Body)
			}
			if dialled, lookups, _ := f.seen(); len(dialled)+len(lookups) > 0 {
				t.Errorf("dialled %v, looked up %v", dialled, lookups)
			}
		})
	}
}

// P78: even with look-ups allowed, none is made for a realm that is not listed.
func TestUnlistedRealmIsNeverLookedUp(t *testing.T) {
	t.Parallel()
	f := new(fakeNet)
	r, _ := newRelay(t, f, Config{Realms: []Realm{{Name: "EXAMPLE.COM"}}, LookUp: true})
	for _, body := range [][]byte{
		proxyBody("EVIL.TEST", asReq("EVIL.TEST")), proxyBody("EVIL.TEST", asReq("EXAMPLE.COM")),
		proxyBody("EXAMPLE.COM", asReq("EVIL.TEST")), proxyBody("", passwordReq("EVIL.TEST")),
		proxyBody("127.0.0.1", asReq("127.0.0.1")), proxyBody("", asReq("internal")),
	} {
		if w := post(r.Proxy(), body); w.Code == 200 {
			t.Errorf("%x is relayed", body)
		}
	}
	if dialled, lookups, _ := f.seen(); len(dialled)+len(lookups) > 0 {
		t.Errorf("dialled %v, looked up %v", dialled, lookups)
	}
	if w := post(r.Proxy(), proxyBody("example.com", asReq("EXAMPLE.COM"))); w.Code != 200 {
		t.Errorf("the listed realm: %d", w.Code)
	}
	dialled, lookups, _ := f.seen()
	if fmt.Sprint(dialled) != "[tcp/found:88]" ||
		fmt.Sprint(lookups) != "[kerberos.udp.EXAMPLE.COM kerberos.tcp.EXAMPLE.COM]" {
		t.Errorf("dialled %v, looked up %v", dialled, lookups)
	}
}

// Target-domain and realm agree in any case, and by aliases; an empty
// target-domain is none.
func TestProxyTakesNamesOfOneRealm(t *testing.T) {
	t.Parallel()
	f := new(fakeNet)
	r, _ := newRelay(t, f, Config{})
	empty := der.Element(der.TagSequence, der.Field(0, der.TagOctetString, framed(asReq("EXAMPLE.COM"))),
		der.Field(1, der.TagGeneralString))
	for name, body := range map[string][]byte{
		"lower case":   proxyBody("example.com", asReq("EXAMPLE.COM")),
		"mixed":        proxyBody("Example.Com", asReq("example.COM")),
		"alias":        proxyBody("EXAMPLE", asReq("EXAMPLE.COM")),
		"alias inside": proxyBody("EXAMPLE.COM", asReq("example")),
		"as Windows": krbmsg.KDCProxyMessage{Message: asReq("EXAMPLE"), TargetDomain: "example.com", Hint: 1 << 30}.
			Encode(),
		"no domain":    proxyBody("", asReq("EXAMPLE.COM")),
		"empty domain": empty,
	} {
		if w := post(r.Proxy(), body); w.Code != 200 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestProxyRelaysPasswordRequestsToThePasswordServer(t *testing.T) {
	t.Parallel()
	f := new(fakeNet)
	f.play = func(network, _ string, c net.Conn) { f.answer(network, c) }
	r, e := newRelay(t, f, Config{})
	message := passwordReq("EXAMPLE.COM")
	w := post(r.Proxy(), proxyBody("EXAMPLE", message))
	got, err := krbmsg.ParseKDCProxyMessage(w.Body.Bytes())
	dialled, _, received := f.seen()
	if err != nil || !bytes.Equal(got.Message, passwordReply) || fmt.Sprint(dialled) != "[tcp/pw1:464]" ||
		!bytes.Equal(received[0], message) {
		t.Errorf("status %d, %v: dialled %v", w.Code, err, dialled)
	}
	if ev := e.last(); ev.Kind != KindPassword || ev.Service != "kadmin/changepw" {
		t.Errorf("%+v", ev)
	}
}

// Answers that are none: 503, in bounded memory and time, and the client does
// not see them.
func TestProxyRefusesBadAnswersOfKDCs(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]func(c net.Conn){ // by TCP; by UDP all are silent
		"never":           func(c net.Conn) { io.Copy(io.Discard, c) },
		"closed":          func(c net.Conn) { c.Read(make([]byte, 1000)) },
		"cut short":       func(c net.Conn) { c.Read(make([]byte, 1000)); c.Write(framed(asRep)[:10]) },
		"oversized":       func(c net.Conn) { c.Read(make([]byte, 1000)); c.Write([]byte{0, 2, 0, 1}) },
		"endless":         func(c net.Conn) { c.Read(make([]byte, 1000)); c.Write([]byte{0x7f, 0xff, 0xff, 0xff}) },
		"another service": func(c net.Conn) { c.Read(make([]byte, 1000)); c.Write(framed([]byte("SSH-2.0-OpenSSH"))) },
		"a request": func(c net.Conn) {
			c.Read(make([]byte, 1000))
			c.Write(framed(der.Element(der.TagApplication(10), []byte("x"))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &fakeNet{play: func(network, _ string, c net.Conn) {
					if network == "tcp" {
						play(c)
					} else {
						io.Copy(io.Discard, c)
					}
				}}
				r, e := newRelay(t, f, Config{Timeout: 3 * time.Second})
				start := time.Now()
				w := post(r.Proxy(), proxyBody("EXAMPLE.COM", asReq("EXAMPLE.COM")))
				if took := time.Since(start); w.Code != 503 || e.last().Code != CodeKDC || took > 3*time.Second {
					t.Errorf("status %d after %v: %+v", w.Code, took, e.last())
				}
				if w.Body.Len() > 100 || strings.Contains(w.Body.String(), "SSH") {
					t.Errorf("the answer says %q", w.Body)
				}
			})
		})
	}
}

// A client that goes away ends the exchange with the KDC.
func TestProxyStopsWhenTheClientIsGone(t *testing.T) {
	t.Parallel()
	asked, ended := make(chan struct{}), make(chan struct{})
	f := &fakeNet{play: func(_, _ string, c net.Conn) {
		c.Read(make([]byte, 1000))
		close(asked)
		io.Copy(io.Discard, c)
		close(ended)
	}}
	r, e := newRelay(t, f, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	post(r.Proxy(), proxyBody("", asReq("EXAMPLE.COM")), func(req *http.Request) { *req = *req.WithContext(ctx) })
	within(t, "the end of the exchange", ended)
	if e.last().Code != CodeGone {
		t.Errorf("%+v", e.last())
	}
}

// MIT's client speaks HTTP/1.0, and others send no Host: the reply has a
// Content-Length, and the connection ends.
func TestProxyServesHTTP10WithoutHost(t *testing.T) {
	t.Parallel()
	r, _ := newRelay(t, new(fakeNet), Config{})
	s := httptest.NewServer(r.Proxy())
	defer s.Close()
	body := proxyBody("EXAMPLE.COM", asReq("EXAMPLE.COM"))
	for name, head := range map[string]string{
		"without Host": "POST /KdcProxy HTTP/1.0\r\n",
		"as MIT's": "POST /KdcProxy HTTP/1.0\r\nHost: gw:443\r\nCache-Control: no-cache\r\n" +
			"Pragma: no-cache\r\nUser-Agent: kerberos/1.0\r\nContent-type: application/kerberos\r\n",
	} {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
		all, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(all)), nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, all)
		}
		_, reply, _ := bytes.Cut(all, []byte("\r\n\r\n"))
		m, err := krbmsg.ParseKDCProxyMessage(reply)
		if err != nil || !bytes.Equal(m.Message, asRep) || resp.ContentLength != int64(len(reply)) {
			t.Errorf("%s: %v, %v\n%s", name, err, resp.Header, all)
		}
	}
}

// A client that sends its body slowly has its time, whatever comes of it.
func TestProxyDropsSlowClients(t *testing.T) {
	t.Parallel()
	f := new(fakeNet)
	r, e := newRelay(t, f, Config{ReadTimeout: 50 * time.Millisecond})
	s := httptest.NewServer(r.Proxy())
	defer s.Close()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n0")
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadAll(c); err != nil {
		t.Fatalf("the connection stays open: %v", err)
	}
	if dialled, _, _ := f.seen(); len(dialled) > 0 || e.last().Code != CodeHTTP {
		t.Errorf("%+v, dialled %v", e.last(), dialled)
	}
}

func TestProxyLimitsTheRateOfAClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, e := newRelay(t, new(fakeNet), Config{ClientRate: 2})
		from := func(addr string) func(*http.Request) {
			return func(req *http.Request) { req.RemoteAddr = addr }
		}
		ask := func(addr string) int {
			return post(r.Proxy(), proxyBody("", asReq("EXAMPLE.COM")), from(addr)).Code
		}
		for n := range 20 { // what ten seconds allow
			if code := ask("192.0.2.1:1000"); code != 200 {
				t.Fatalf("request %d: %d", n, code)
			}
		}
		if code := ask("192.0.2.1:1001"); code != 429 || e.last().Code != CodeRate {
			t.Errorf("status %d, %+v", code, e.last())
		}
		if code := ask("192.0.2.2:1000"); code != 200 {
			t.Errorf("another client: %d", code)
		}
		for n := range 20 { // one network
			if code := ask(fmt.Sprintf("[2001:db8::%x]:1", n)); code != 200 {
				t.Errorf("%d: %d", n, code)
			}
		}
		if code := ask("[2001:db8::ffff]:1"); code != 429 {
			t.Errorf("another address of the network: %d", code)
		}
		time.Sleep(500 * time.Millisecond)
		if code := ask("192.0.2.1:1000"); code != 200 {
			t.Errorf("half a second later: %d", code)
		}
	})
}

func TestProxyLimitsTheRateOfARealm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := new(fakeNet)
		r, e := newRelay(t, f, Config{RealmRate: 1})
		n := 0
		ask := func(realm string) int {
			n++
			return post(r.Proxy(), proxyBody("", asReq(realm)),
				func(req *http.Request) { req.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", n) }).Code
		}
		for range 10 {
			if code := ask("EXAMPLE.COM"); code != 200 {
				t.Fatal(code)
			}
		}
		if code := ask("EXAMPLE.COM"); code != 429 || e.last().Code != CodeRate {
			t.Errorf("status %d, %+v", code, e.last())
		}
		if code := ask("OTHER.TEST"); code != 200 {
			t.Errorf("another realm: %d", code)
		}
	})
}

// Requests that wait for a silent KDC are bounded, and a client has its share.
func TestProxyBoundsWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeNet{play: func(_, _ string, c net.Conn) { io.Copy(io.Discard, c) }}
		r, e := newRelay(t, f, Config{MaxExchanges: 3, MaxClientExchanges: 2})
		ask := func(addr string) int {
			return post(r.Proxy(), proxyBody("", asReq("EXAMPLE.COM")),
				func(req *http.Request) { req.RemoteAddr = addr }).Code
		}
		for _, addr := range []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"} {
			go ask(addr)
			synctest.Wait()
		}
		if code := ask("192.0.2.1:3"); code != 503 || e.last().Code != CodeBusy {
			t.Errorf("a third of one client: %d", code)
		}
		if code := ask("192.0.2.3:1"); code != 503 || e.last().Code != CodeBusy {
			t.Errorf("a fourth: %d", code)
		}
		time.Sleep(11 * time.Second)
		if n, clients := r.exchanges.inUse(); n+clients != 0 {
			t.Errorf("%d exchanges of %d clients are left", n, clients)
		}
	})
}

// P82: what is asked for is reported, and nothing secret.
func TestRelayReportsNames(t *testing.T) {
	t.Parallel()
	r, e := newRelay(t, new(fakeNet), Config{ClientAddr: func(*http.Request) netip.Addr {
		return netip.MustParseAddr("198.51.100.7")
	}})
	post(r.Proxy(), proxyBody("", asReq("example.com")))
	post(r.Proxy(), proxyBody("", tgsReq("EXAMPLE.COM")))
	all := e.all()
	if got := all[0].String(); got != "http 198.51.100.7 AS-REQ alice@EXAMPLE.COM for krbtgt/example.com: ok" {
		t.Error(got)
	}
	if got := all[1].String(); got != "http 198.51.100.7 TGS-REQ @EXAMPLE.COM for HTTP/www.example.com: ok" {
		t.Error(got)
	}
}

// KX03. That a page's origin is the host which the request is for proves nothing:
// a name of an attacker may resolve to the relay's address (DNS rebinding).
func TestOriginsOfPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listed []string
		origin []string
		want   bool
	}{
		{nil, nil, true},
		{nil, []string{"https://gw.example.com"}, false},
		{[]string{"https://gw.example.com"}, []string{"https://GW.example.com"}, true},
		{[]string{"https://gw.example.com"}, []string{"https://gw.example.com:8443"}, false},
		{nil, []string{"https://evil.example"}, false},
		{nil, []string{"null"}, false},
		{nil, []string{""}, false},
		{nil, []string{"https://gw.example.com.evil.example"}, false},
		{nil, []string{"https://evil.example", "https://gw.example.com"}, false},
		{[]string{"https://app.example.com"}, []string{"https://app.example.com"}, true},
		{[]string{"https://app.example.com"}, []string{"http://app.example.com"}, false},
		{[]string{"https://app.example.com"}, []string{"https://app.example.com.evil"}, false},
		{[]string{"*"}, []string{"https://any.example"}, true},
		{[]string{"*"}, []string{"null"}, true},
	} {
		r, _ := newRelay(t, new(fakeNet), Config{Origins: c.listed})
		req := httptest.NewRequest("POST", "https://gw.example.com/", nil)
		req.Header["Origin"] = c.origin
		if got := r.allowsOrigin(req); got != c.want {
			t.Errorf("%q of %q: %t", c.origin, c.listed, got)
		}
	}
}

// A server that stops gracefully lets the requests in progress end.
func TestCloseLeavesHTTPRequestsToTheServer(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	f := &fakeNet{}
	f.play = func(network, _ string, c net.Conn) { close(asked); <-answer; f.answer(network, c) }
	r, _ := newRelay(t, f, Config{Patience: time.Hour})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if w := post(r.Proxy(), proxyBody("", asReq("EXAMPLE.COM"))); w.Code != 200 {
			t.Errorf("status %d", w.Code)
		}
	}()
	within(t, "the request", asked)
	r.Close()
	close(answer)
	within(t, "the reply", ended)
}
