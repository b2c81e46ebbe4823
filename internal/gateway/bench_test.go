package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// One exchange without sockets: handler, Verify, forward, Protect. The ticket
// of each message is fresh, so making the messages is not part of the time. The
// octets and allocations beyond the message's own are those of
// TestExchangeAllocatesLittleBeyondItsMessage.
func BenchmarkExchange(b *testing.B) {
	for _, size := range []int{6 << 10, 100 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dkB", size>>10), func(b *testing.B) {
			h := newHandled(b, size)
			h.measure(64, h.handle) // a log line, say, grows to its size once
			h.measure(64, h.byItself)
			handler, own := h.measure(64, h.handle), h.measure(64, h.byItself)
			b.ReportAllocs()
			b.SetBytes(int64(2 * size))
			var messages [][]byte
			for i := 0; b.Loop(); i++ {
				if i%64 == 0 {
					b.StopTimer()
					messages = h.messages(64)
					b.StartTimer()
				}
				h.handle(messages[i%64])
			}
			b.ReportMetric(float64(handler.octets-own.octets), "beyond-B/op")
			b.ReportMetric(float64(handler.allocations-own.allocations), "beyond-allocs/op")
		})
	}
}

// The HTTP side of an exchange of 6 kB, all that the gateway adds to the
// message's own work, takes few allocations and little memory. net/http has its
// own beside them.
func TestExchangeAllocatesLittleBeyondItsMessage(t *testing.T) {
	h := newHandled(t, 6<<10)
	h.measure(64, h.handle)
	h.measure(64, h.byItself)
	handler, own := h.measure(256, h.handle), h.measure(256, h.byItself)
	allocations, octets := handler.allocations-own.allocations, handler.octets-own.octets
	t.Logf("handler %+v, the message %+v", handler, own)
	if allocations > 100 || octets > maxBeyondMessage {
		t.Errorf("%d allocations and %d octets beyond the message's own", allocations, octets)
	}
}

// handled is a gateway whose handler is called without sockets.
type handled struct {
	*world
	body    string
	reply   []byte
	service *wssec.Processor // verifies and protects as the gateway does
	buffer  []byte           // of what it writes
	w       sink
	sent    func() // called when the backend has a message; may be nil
}

// order is a Body of so many octets, document/literal.
func order(size int) string {
	var b strings.Builder
	b.WriteString(`<o:Order xmlns:o="urn:example:orders">`)
	for i := 0; b.Len() < size-20; i++ {
		fmt.Fprintf(&b, `<o:Item no="%d"><o:Name>widget &amp; gadget %d</o:Name><o:Price currency="EUR">%d.99</o:Price>`+
			`</o:Item>`, i, i*7, i)
	}
	b.WriteString(`</o:Order>`)
	return b.String()
}

// plainest is the policy of BenchmarkVerifyProtect in package wssec.
var plainest = wssec.Policy{
	Binding: wssec.SymmetricBinding, ProtectionToken: wssec.KerberosToken, AlgorithmSuite: wssec.Basic128,
	SignedParts: wssec.Parts{Body: true}, EncryptedParts: wssec.Parts{Body: true}, AllowPlainHTTP: true,
}

// anyReplay takes everything for new.
type anyReplay struct{}

func (anyReplay) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }
func (anyReplay) CompleteSince() time.Time                               { return time.Time{} }

func newHandled(t testing.TB, size int) *handled {
	h := &handled{body: order(size)}
	h.reply = []byte(envelope(soap.V11, h.body))
	h.w.header = http.Header{}
	h.world = newWorld(t, func(c *gateway.Config, _ *gateway.Route, p *wssec.Policy) {
		*p = plainest
		c.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
		c.Transport, c.MaxInFlight = roundTripper(h.roundTrip), 1<<30
	})
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: h.kdc.Keytab(nil), Replay: anyReplay{}})
	h.must(err)
	h.service, err = wssec.NewProcessor(plainest, wssec.Config{Verifier: acceptor, Replay: anyReplay{}})
	h.must(err)
	return h
}

func (h *handled) roundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	if h.sent != nil {
		h.sent()
	}
	httptrace.ContextClientTrace(r.Context()).WroteRequest(httptrace.WroteRequestInfo{})
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/xml"}},
		Body: io.NopCloser(bytes.NewReader(h.reply)), ContentLength: int64(len(h.reply)), Request: r}, nil
}

func (h *handled) messages(n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i], _ = h.protect(soap.V11, h.body)
	}
	return all
}

// handle sends a message through the handler.
func (h *handled) handle(message []byte) {
	r := (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/svc"}, Host: "gw.example.com", ProtoMajor: 1,
		Header:     http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Soapaction": {`"urn:a"`}},
		RemoteAddr: "192.0.2.1:1234", Body: io.NopCloser(bytes.NewReader(message)), ContentLength: int64(len(message)),
	}).WithContext(context.Background())
	h.w.status = 0
	clear(h.w.header)
	h.gateway.Config.Handler.ServeHTTP(&h.w, r)
	if h.w.status != http.StatusOK {
		h.t.Fatalf("HTTP %d", h.w.status)
	}
}

// byItself is what the message of an exchange and its reply need: parse, Verify,
// AppendForward, parse, Protect.
func (h *handled) byItself(message []byte) {
	m, err := h.service.Verify(context.Background(), h.parse(message), wssec.Channel{})
	h.must(err)
	h.buffer, err = m.AppendForward(h.buffer[:0], wssec.Forwarding{})
	h.must(err)
	reply := h.parse(h.reply)
	h.buffer, err = h.service.Protect(context.Background(), h.buffer[:0], reply, m)
	h.must(err)
	m.Release()
	reply.Release()
}

func (h *handled) parse(message []byte) *soap.Envelope {
	env, err := soap.Parse(message, xmltext.Options{})
	h.must(err)
	return env
}

// allocated is what each call has allocated.
type allocated struct{ allocations, octets int }

func (h *handled) measure(n int, call func(message []byte)) allocated {
	messages := h.messages(n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, m := range messages {
		call(m)
	}
	runtime.ReadMemStats(&after)
	return allocated{int(after.Mallocs-before.Mallocs) / n, int(after.TotalAlloc-before.TotalAlloc) / n}
}

// A sink is a ResponseWriter that keeps nothing but the status.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header            { return s.header }
func (s *sink) WriteHeader(status int)         { s.status = status }
func (s *sink) Write(b []byte) (int, error)    { return len(b), nil }
func (*sink) SetReadDeadline(time.Time) error  { return nil }
func (*sink) SetWriteDeadline(time.Time) error { return nil }
