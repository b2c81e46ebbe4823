package telemetry_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/internal/telemetry/telemetrytest"
)

// TestLateStageIsInNoOtherSpan: the memory of a span that has ended is that of
// another one.
func TestLateStageIsInNoOtherSpan(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	tracer, _ := newTracer(t, c.Getenv("OTEL_BSP_SCHEDULE_DELAY", "1000000"))
	ended := tracer.Begin(nil)
	ended.Call("backend", "first.test", http.Header{})
	ended.End(telemetry.Outcome{Name: "first"})
	for range 20 {
		s := tracer.Begin(nil)
		s.Call("backend", "next.test", http.Header{})
		ended.Part("late", 1)
		ended.Answered(500)
		ended.Stage("backend", time.Unix(7, 0), time.Unix(8, 0))
		ended.Asked("late", time.Now(), time.Now(), true, telemetry.Number("late", 1))
		ended.Call("late", "late.test", http.Header{})
		ended.End(telemetry.Outcome{Name: "late"}, telemetry.Text("late", "late"))
		s.End(telemetry.Outcome{Name: "next"})
	}
	tracer.Close(context.Background())
	spans := c.Spans()
	for _, s := range spans {
		if strings.Contains(fmt.Sprint(s.Name, s.Attrs), "late") || s.Failed || s.Start.Unix() == 7 {
			t.Errorf("%+v", s)
		}
	}
	if len(spans) != 42 {
		t.Errorf("%d spans", len(spans))
	}
}

// TestRequestsAreFull: what comes while one is sent waits for others, and is not sent
// in requests of a few spans each.
func TestRequestsAreFull(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	tracer, _ := newTracer(t, c.Getenv("OTEL_BSP_SCHEDULE_DELAY", "1000000", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"))
	for range 95 {
		tracer.Begin(nil).End(telemetry.Outcome{Name: "x"})
	}
	if spans := c.Wait(t, 90); len(spans) != 90 || len(c.Requests()) != 9 {
		t.Errorf("%d spans in %d requests", len(spans), len(c.Requests()))
	}
	tracer.Close(context.Background())
	if spans, requests := c.Spans(), c.Requests(); len(spans) != 95 || len(requests) != 10 {
		t.Errorf("%d spans in %d requests", len(spans), len(requests))
	}
}

// TestTextsOfAnySize: lengths of one octet, of two and of three, in the order that
// they nest.
func TestTextsOfAnySize(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	tracer, log := newTracer(t, c.Getenv("OTEL_BSP_SCHEDULE_DELAY", "1000000"))
	var sizes []int
	for n := 1; n < 150; n++ {
		sizes = append(sizes, n)
	}
	for n := 16_384 - 150; n < 16_384+10; n += 5 {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		s := tracer.Begin(http.Header{"Traceparent": {parent}, "Tracestate": {"a=1"}})
		s.Call("backend", strings.Repeat("h", n), http.Header{})
		s.End(telemetry.Outcome{Name: fmt.Sprint("size ", n)}, telemetry.Text("text", strings.Repeat("x", n)),
			telemetry.Number("number", int64(n)-150), telemetry.Text("odd", "\xff"+strings.Repeat("y", n)))
	}
	tracer.Close(context.Background())
	spans := c.Spans()
	for i, n := range sizes {
		if len(spans) != 2*len(sizes) {
			t.Fatalf("%d spans: %s", len(spans), log)
		}
		root, call := spans[2*i], spans[2*i+1]
		if root.Name != fmt.Sprint("size ", n) || root.Attrs["text"] != strings.Repeat("x", n) ||
			root.Attrs["number"] != int64(n)-150 || root.Attrs["odd"] != "\uFFFD"+strings.Repeat("y", n) ||
			call.Attrs["server.address"] != strings.Repeat("h", n) {
			t.Errorf("%d: %+v, %+v", n, root, call)
		}
	}
}

// TestCollectorThatAnswersEarly: before it has read the request. What is still being
// written is not overwritten by the next one, which the race detector would see.
func TestCollectorThatAnswersEarly(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Read(make([]byte, 1000))
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.")
		}
	}()
	const spans, octets = 200, 64 << 10 // of one request: more than the sockets hold
	tracer, log := newTracer(t, (&telemetrytest.Collector{Server: &httptest.Server{URL: "http://" + ln.Addr().String()}}).
		Getenv("OTEL_BSP_SCHEDULE_DELAY", "1000000", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", fmt.Sprint(spans)))
	long := telemetry.Text("long", strings.Repeat("x", octets))
	for batch := 1; batch <= 2; batch++ {
		for range spans {
			tracer.Begin(nil).End(telemetry.Outcome{Name: "x"}, long)
		}
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if sent, lost := tracer.Counts(); sent == uint64(batch*spans) {
				break
			} else if lost > 0 || time.Now().After(end) {
				t.Fatalf("batch %d: %d sent, %d lost: %s", batch, sent, lost, log)
			}
		}
	}
}

// A traced exchange as the gateway records it, from the first header to the
// collector: six spans.
func BenchmarkSpan(b *testing.B) {
	c := telemetrytest.New(b)
	c.Answer = func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		return true
	}
	c.Server.Start()
	tracer, _ := newTracer(b, c.Getenv("OTEL_BSP_MAX_QUEUE_SIZE", "1000000", "OTEL_BSP_SCHEDULE_DELAY", "5000"))
	b.ReportAllocs()
	for b.Loop() {
		recordExchange(tracer, http.Header{})
	}
}

func recordExchange(tracer *telemetry.Tracer, h http.Header) {
	s, now := tracer.Begin(nil), time.Now()
	s.Stage("read", now, now)
	s.Part("ticket", 50*time.Microsecond)
	s.Part("decrypt", 5*time.Microsecond)
	s.Part("digest", 15*time.Microsecond)
	s.Stage("verify", now, now)
	s.Call("backend", "backend.example.com:8080", h)
	s.Answered(200)
	s.Stage("backend", now, now)
	s.Stage("protect", now, now)
	s.Stage("write", now, now)
	s.End(telemetry.Outcome{Name: "POST /orders"}, telemetry.Text("http.request.method", "POST"),
		telemetry.Text("url.path", "/orders"), telemetry.Text("url.scheme", "https"),
		telemetry.Text("server.address", "gate.example.com"), telemetry.Text("network.protocol.version", "1.1"),
		telemetry.Text("http.route", "/orders"), telemetry.Number("http.response.status_code", 200),
		telemetry.Text("client.address", "192.0.2.17"), telemetry.Number("http.request.body.size", 6144),
		telemetry.Number("http.response.body.size", 6144), telemetry.Text("error.type", ""),
		telemetry.Text("enduser.id", ""), telemetry.Text("wssgate.exchange.id", "0123456789abcdef"),
		telemetry.Text("wssgate.policy", "Kerberos"), telemetry.Text("wssgate.service", "soap/gate.example.com@EXAMPLE.COM"),
		telemetry.Text("wssgate.action", "urn:example:orders:Order"),
		telemetry.Text("wssgate.operation", "{urn:example:orders}Order"))
}
