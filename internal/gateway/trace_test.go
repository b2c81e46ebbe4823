package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/internal/telemetry/telemetrytest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

const (
	clientTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	clientSpan   = "00f067aa0ba902b7"
	clientParent = "00-" + clientTrace + "-" + clientSpan + "-01"
)

// newTracer returns a tracer that sends to c.
func newTracer(t testing.TB, c *telemetrytest.Collector, principals bool, more ...string) *telemetry.Tracer {
	t.Helper()
	tracer, err := telemetry.New(telemetry.Config{Getenv: c.Getenv(more...), Log: slog.New(slog.DiscardHandler),
		ShowPrincipals: principals})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		tracer.Close(ctx)
	})
	return tracer
}

// tracedBy returns an option by which exchanges are traced.
func tracedBy(tracer *telemetry.Tracer) option {
	return func(c *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		c.Tracer, r.PolicyName = tracer, "Kerberos"
	}
}

// TestExchangeIsTraced: with a child for each stage, in the trace of the client and
// of the backend; the log names it.
func TestExchangeIsTraced(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	w := newWorld(t, tracedBy(newTracer(t, c, false)))
	var backend http.Header
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		backend = r.Header.Clone()
		echo(rw, r)
	}
	msg, _ := w.protect(soap.V11, payload)
	w.post(soap.V11, bytes.NewReader(msg), `SOAPAction: "urn:ask"`, "traceparent: "+clientParent, "tracestate: a=1")
	spans := c.Wait(t, 6)
	root := telemetrytest.Named(t, spans, "POST /svc")
	if root.TraceID != clientTrace || root.Parent != clientSpan || root.Failed {
		t.Errorf("%+v", root)
	}
	ev := w.event(1)
	for key, want := range map[string]any{
		"http.request.method": "POST", "url.path": "/svc", "url.scheme": "http", "http.route": "/svc",
		"http.response.status_code": int64(200), "client.address": "127.0.0.1", "server.address": "127.0.0.1",
		"network.protocol.version": "1.1", "http.request.body.size": int64(len(msg)), "wssgate.policy": "Kerberos",
		"wssgate.action": "urn:ask", "wssgate.operation": "{urn:q}Ask", "wssgate.exchange.id": ev["id"],
		"wssgate.service": service + "@EXAMPLE.COM", "error.type": nil, "enduser.id": nil,
	} {
		if root.Attrs[key] != want {
			t.Errorf("%s is %v, want %v", key, root.Attrs[key], want)
		}
	}
	if ev["trace_id"] != clientTrace || ev["span_id"] != root.ID {
		t.Errorf("the log has %v, %v", ev["trace_id"], ev["span_id"])
	}
	for _, name := range []string{"read", "verify", "backend", "protect", "write"} {
		s := telemetrytest.Named(t, spans, name)
		if s.Parent != root.ID || s.Start.Before(root.Start) || s.End.After(root.End) || s.End.Before(s.Start) {
			t.Errorf("%s: %+v in %+v", name, s, root)
		}
	}
	verify, call := telemetrytest.Named(t, spans, "verify"), telemetrytest.Named(t, spans, "backend")
	for _, part := range []string{"wssgate.ticket_ns", "wssgate.decrypt_ns", "wssgate.digest_ns"} {
		if n, ok := verify.Attrs[part].(int64); !ok || n <= 0 {
			t.Errorf("%s is %v", part, verify.Attrs[part])
		}
	}
	if backend.Get("Traceparent") != "00-"+clientTrace+"-"+call.ID+"-01" || backend.Get("Tracestate") != "a=1" ||
		call.Attrs["http.response.status_code"] != int64(200) {
		t.Errorf("the backend gets %v of %+v", backend, call)
	}
	if text := fmt.Sprintf("%+v", spans); strings.Contains(text, "alice") || strings.Contains(text, "worth") {
		t.Errorf("%s", text)
	}
}

// TestRefusalIsTraced: with its code, and without its text. So is what reaches no
// route.
func TestRefusalIsTraced(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	w := newWorld(t, tracedBy(newTracer(t, c, true)))
	msg, _ := w.protect(soap.V11, payload)
	w.post(soap.V11, bytes.NewReader(msg))
	w.post(soap.V11, bytes.NewReader(msg)) // a replay
	if resp, err := http.Get(w.gateway.URL + "/elsewhere?token=s3cret"); err != nil {
		t.Fatal(err)
	} else {
		_ = resp.Body.Close()
	}
	codes := map[any]bool{}
	for _, s := range c.Wait(t, 6+3+1) {
		if s.Name == "POST /svc" {
			codes[s.Attrs["error.type"]] = s.Failed
			if user := s.Attrs["enduser.id"]; !s.Failed && user != "alice@EXAMPLE.COM" {
				t.Errorf("of %v", user)
			}
		}
		if strings.Contains(fmt.Sprint(s.Attrs), "s3cret") {
			t.Errorf("%+v", s)
		}
	}
	if len(codes) != 2 || !codes["ticket-replay"] {
		t.Errorf("codes %v", codes)
	}
	if s := telemetrytest.Named(t, c.Spans(), "GET unknown"); s.Attrs["error.type"] != string(gateway.CodeNoRoute) {
		t.Errorf("%+v", s)
	}
}

// TestRequestIsTraced: of a route of HTTP requests; what the client wrote does not
// reach the backend.
func TestRequestIsTraced(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	w := newStreamWorld(t, func(_ *streamWorld, cfg *gateway.Config) { cfg.Tracer = newTracer(t, c, false) })
	var got http.Header
	w.backend = func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() }
	r := w.request(http.MethodGet, "/app/x", nil)
	r.Header.Set("Traceparent", clientParent)
	r.Header.Set("Tracestate", "malformed")
	w.send(r)
	spans := c.Wait(t, 3)
	root, call := telemetrytest.Named(t, spans, "GET /app"), telemetrytest.Named(t, spans, "backend")
	telemetrytest.Named(t, spans, "authenticate")
	if root.TraceID != clientTrace || root.Attrs["url.path"] != "/app/x" || call.Parent != root.ID {
		t.Errorf("%+v", spans)
	}
	if got.Get("Traceparent") != "00-"+clientTrace+"-"+call.ID+"-01" || got.Get("Tracestate") != "" {
		t.Errorf("the backend gets %v", got)
	}
}

// TestExchangeWithoutACollector: nothing of it is slower or lost when the collector
// does not answer, or is not there.
func TestExchangeWithoutACollector(t *testing.T) {
	t.Parallel()
	hangs := telemetrytest.New(t)
	end := make(chan struct{})
	hangs.Answer = func(http.ResponseWriter, *http.Request) bool { <-end; return true }
	hangs.Server.Start()
	defer close(end)
	gone := telemetrytest.Start(t)
	for name, tracer := range map[string]*telemetry.Tracer{
		"hangs": newTracer(t, hangs, false, "OTEL_BSP_MAX_QUEUE_SIZE", "2"),
		"gone":  newTracer(t, gone, false, "OTEL_BSP_MAX_QUEUE_SIZE", "2"),
	} {
		gone.Server.Close()
		w := newWorld(t, tracedBy(tracer))
		for range 20 {
			reply, req := w.call()
			if text := w.open(reply, req); !strings.Contains(text, "worth") {
				t.Errorf("%s: %s", name, text)
			}
		}
		if n := w.calls(); n != 20 {
			t.Errorf("%s: the backend was called %d times", name, n)
		}
		if sent, lost := tracer.Counts(); sent != 0 || lost == 0 {
			t.Errorf("%s: %d sent, %d lost", name, sent, lost)
		}
	}
}

// TestExchangeWithoutATracerIsNotTraced: nothing is written for the backend or in
// the log.
func TestExchangeWithoutATracerIsNotTraced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var backend http.Header
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		backend = r.Header.Clone()
		_, _ = io.Copy(io.Discard, r.Body)
		echo(rw, r)
	}
	w.call("traceparent: " + clientParent)
	if ev := w.event(1); ev["trace_id"] != nil || backend.Get("Traceparent") != "" {
		t.Errorf("%v, %v", ev, backend)
	}
}

// TestWhatClientsWriteSpoilsNoTrace: neither octets that are not UTF-8, by which a
// collector would refuse the spans of others too, nor names without end.
func TestWhatClientsWriteSpoilsNoTrace(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	w := newWorld(t, tracedBy(newTracer(t, c, true)))
	for _, path := range []string{"/%ff%fe", "/" + strings.Repeat("y", 5000)} {
		r, err := http.NewRequest(strings.Repeat("X", 2000), w.gateway.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.do(r)
	}
	w.post(soap.V11, strings.NewReader("x"), "SOAPAction: \"\xff\xfe\"")
	spans := c.Wait(t, 7)
	telemetrytest.Named(t, spans, "POST /svc")
	odd := 0
	for _, s := range spans {
		path, _ := s.Attrs["url.path"].(string)
		if s.Name == "HTTP unknown" && len(path) < 300 && (path == "/\uFFFD" || strings.HasPrefix(path, "/yyy")) {
			odd++
		}
	}
	if odd != 2 {
		t.Errorf("%+v", spans)
	}
}
