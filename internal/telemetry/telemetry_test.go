package telemetry_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	v1 "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/internal/telemetry/telemetrytest"
)

func TestMain(m *testing.M) {
	telemetry.SetFirstPause(time.Millisecond)
	os.Exit(m.Run())
}

// newTracer returns a Tracer that ends with the test, and its log.
func newTracer(t testing.TB, getenv func(string) string) (*telemetry.Tracer, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	tracer, err := telemetry.New(telemetry.Config{Getenv: getenv, Version: "v1.2.3",
		Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		tracer.Close(ctx)
	})
	return tracer, &log
}

const (
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentID = "00f067aa0ba902b7"
	parent   = "00-" + traceID + "-" + parentID + "-01"
)

// TestSpansReachTheCollector: with their stages as children, and all that is known
// of them, as OpenTelemetry's own types read it.
func TestSpansReachTheCollector(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	tracer, _ := newTracer(t, c.Getenv("OTEL_SERVICE_NAME", "gate", "OTEL_RESOURCE_ATTRIBUTES",
		"deployment.environment.name=test%20bed,service.name=x",
		"OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret",
		"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"))
	s := tracer.Begin(http.Header{"Traceparent": {parent}, "Tracestate": {"a=1", "b=2"}})
	start := time.Now()
	s.Part("ticket", 7*time.Microsecond)
	s.Stage("verify", start, start.Add(time.Millisecond))
	out := http.Header{"Traceparent": {"00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-01"}, "Tracestate": {"x=y"}}
	s.Call("backend", "backend.test:80", out)
	s.Asked("kdc", start, start.Add(time.Second), true, telemetry.Text("wssgate.kerberos.realm", "EXAMPLE.COM"))
	s.Answered(500)
	s.Stage("backend", start, start.Add(2*time.Second))
	s.End(telemetry.Outcome{Name: "POST /orders", Error: "backend-down"}, telemetry.Text("empty", ""),
		telemetry.Number("http.response.status_code", 200))
	s.End(telemetry.Outcome{Name: "again"})
	s.Stage("late", start, start)

	spans := c.Wait(t, 4)
	root := telemetrytest.Named(t, spans, "POST /orders")
	if root.TraceID != traceID || root.Parent != parentID || root.State != "a=1,b=2" || !root.Failed ||
		root.Kind != v1.Span_SPAN_KIND_SERVER || root.Attrs["http.response.status_code"] != int64(200) ||
		len(root.Attrs) != 1 {
		t.Errorf("%+v", root)
	}
	if r := root.Resource; r["service.name"] != "gate" || r["service.version"] != "v1.2.3" || r["host.name"] == "" ||
		r["deployment.environment.name"] != "test bed" {
		t.Errorf("resource %v", r)
	}
	verify, backend, kdc := telemetrytest.Named(t, spans, "verify"), telemetrytest.Named(t, spans, "backend"),
		telemetrytest.Named(t, spans, "kdc")
	if verify.Parent != root.ID || verify.Kind != v1.Span_SPAN_KIND_INTERNAL || verify.Failed ||
		verify.End.Sub(verify.Start) != time.Millisecond || verify.Attrs["wssgate.ticket_ns"] != int64(7000) {
		t.Errorf("%+v", verify)
	}
	if backend.Parent != root.ID || backend.Kind != v1.Span_SPAN_KIND_CLIENT || !backend.Failed ||
		backend.Attrs["server.address"] != "backend.test:80" || backend.End.Sub(backend.Start) != 2*time.Second ||
		backend.Attrs["http.response.status_code"] != int64(500) {
		t.Errorf("%+v", backend)
	}
	if kdc.Parent != backend.ID || !kdc.Failed || kdc.Attrs["wssgate.kerberos.realm"] != "EXAMPLE.COM" {
		t.Errorf("%+v", kdc)
	}
	if got := out.Get("Traceparent"); got != "00-"+traceID+"-"+backend.ID+"-01" || out.Get("Tracestate") != "a=1,b=2" {
		t.Errorf("the backend gets %v", out)
	}
	if h := c.Requests()[0]; h.Get("Authorization") != "Bearer s3cret" || h.Get("Content-Encoding") != "gzip" {
		t.Errorf("%v", h)
	}
	if len(spans) != 4 {
		t.Errorf("%d spans: %+v", len(spans), spans)
	}
}

// TestTraceContextOfClients: what is malformed, or too long, is as if it were not
// there.
func TestTraceContextOfClients(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	follows, _ := newTracer(t, c.Getenv())
	alone, _ := newTracer(t, c.Getenv("OTEL_PROPAGATORS", "none"))
	for name, x := range map[string]struct {
		h     http.Header
		taken bool
		state string
	}{
		"well formed":          {http.Header{"Traceparent": {parent}, "Tracestate": {"a=1"}}, true, "a=1"},
		"later version":        {http.Header{"Traceparent": {"01" + parent[2:] + "-more"}}, true, ""},
		"state of 512 octets":  {http.Header{"Traceparent": {parent}, "Tracestate": {state(512)}}, true, state(512)},
		"state of 513 octets":  {http.Header{"Traceparent": {parent}, "Tracestate": {state(513)}}, true, ""},
		"malformed state":      {http.Header{"Traceparent": {parent}, "Tracestate": {"a=\x01,=,"}}, true, ""},
		"twice":                {http.Header{"Traceparent": {parent, parent}}, false, ""},
		"upper case":           {http.Header{"Traceparent": {strings.ToUpper(parent)}}, false, ""},
		"version ff":           {http.Header{"Traceparent": {"ff" + parent[2:]}}, false, ""},
		"more than it has":     {http.Header{"Traceparent": {parent + "-more"}}, false, ""},
		"a trace of zeros":     {http.Header{"Traceparent": {"00-" + zeros(32) + "-" + parentID + "-01"}}, false, ""},
		"a parent of zeros":    {http.Header{"Traceparent": {"00-" + traceID + "-" + zeros(16) + "-01"}}, false, ""},
		"30,000 octets":        {http.Header{"Traceparent": {"01" + parent[2:] + "-" + zeros(30_000)}}, false, ""},
		"state without parent": {http.Header{"Tracestate": {"a=1"}}, false, ""},
		"":                     {nil, false, ""},
	} {
		got := follows.Begin(x.h).Context()
		if taken := got.TraceID().String() == traceID; taken != x.taken || got.TraceState().String() != x.state ||
			!got.IsValid() {
			t.Errorf("%s: %+v", name, got)
		}
		if alone.Begin(x.h).Context().TraceID().String() == traceID {
			t.Errorf("%s: taken though none is to be", name)
		}
	}
	h := http.Header{"Traceparent": {parent}}
	alone.Begin(nil).Call("backend", "", h)
	if h.Get("Traceparent") != parent {
		t.Errorf("OTEL_PROPAGATORS=none changes %v", h)
	}
}

func zeros(n int) string { return strings.Repeat("0", n) }

// state is a tracestate of so many octets.
func state(size int) string {
	return "a=" + strings.Repeat("x", 240) + ",b=" + strings.Repeat("y", 240) + ",c=" + strings.Repeat("z", size-488)
}

func TestSampler(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	unsampled := parent[:len(parent)-1] + "0"
	for _, x := range []struct {
		name, arg               string
		root, sampled, declined bool // alone; of a parent that is recorded, and one that is not
	}{
		{"", "", true, true, false},
		{"always_on", "", true, true, true},
		{"always_off", "", false, false, false},
		{"parentbased_always_on", "", true, true, false},
		{"parentbased_always_off", "", false, true, false},
		{"traceidratio", "0", false, false, false},
		{"traceidratio", "1", true, true, true},
		{"traceidratio", "", true, true, true},
		{"parentbased_traceidratio", "0.0", false, true, false},
	} {
		tracer, _ := newTracer(t, c.Getenv("OTEL_TRACES_SAMPLER", x.name, "OTEL_TRACES_SAMPLER_ARG", x.arg))
		for header, want := range map[string]bool{"": x.root, parent: x.sampled, unsampled: x.declined} {
			h := http.Header{}
			if header != "" {
				h.Set("Traceparent", header)
			}
			s := tracer.Begin(h)
			out := http.Header{}
			s.Call("backend", "", out)
			if s.Context().IsSampled() != want || strings.HasSuffix(out.Get("Traceparent"), "-01") != want {
				t.Errorf("%s %s of %q: %v", x.name, x.arg, header, out)
			}
		}
	}
	half, _ := newTracer(t, c.Getenv("OTEL_TRACES_SAMPLER", "traceidratio", "OTEL_TRACES_SAMPLER_ARG", "0.5"))
	n := 0
	for range 4000 {
		if half.Begin(nil).Context().IsSampled() {
			n++
		}
	}
	if n < 1700 || n > 2300 { // nine standard deviations
		t.Errorf("%d of 4000", n)
	}
}

// TestEnvironment: what asks for traces, and what is refused, without what is
// secret.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://user:s3cret@collector.test:4318/base"
	for _, x := range []struct {
		env  string
		want string // the collector, or the error
	}{
		{"", ""},
		{"OTEL_TRACES_EXPORTER=none " + endpoint, ""},
		{"OTEL_SDK_DISABLED=TRUE " + endpoint, ""},
		{"OTEL_SERVICE_NAME=x OTEL_TRACES_SAMPLER=nonsense", ""},
		{"OTEL_TRACES_EXPORTER=otlp", "http://localhost:4318/v1/traces"},
		{endpoint, "http://collector.test:4318/base/v1/traces"},
		{endpoint + " OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://t.test/otlp", "https://t.test/otlp"},
		{endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
			"http://collector.test:4318/base/v1/traces"},
		{endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc", `OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"; write http/protobuf`},
		{endpoint + " OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json", `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is "http/json"`},
		{endpoint + " OTEL_EXPORTER_OTLP_COMPRESSION=zstd", `OTEL_EXPORTER_OTLP_COMPRESSION is "zstd"`},
		{endpoint + " OTEL_EXPORTER_OTLP_HEADERS=authorization", `OTEL_EXPORTER_OTLP_HEADERS is "…"; write its entry 1`},
		{endpoint + " OTEL_EXPORTER_OTLP_HEADERS=a=b,c=s3cret%0d%0aX:y", "write its entry 2"},
		{endpoint + " OTEL_EXPORTER_OTLP_HEADERS=authorization:s3cret==", "write its entry 1"},
		{endpoint + " OTEL_EXPORTER_OTLP_HEADERS=a=b,c=s3cret%01", "write its entry 2"},
		{endpoint + " OTEL_EXPORTER_OTLP_TIMEOUT=10s", `OTEL_EXPORTER_OTLP_TIMEOUT is "10s"; write a whole number`},
		{endpoint + " OTEL_EXPORTER_OTLP_CERTIFICATE=/nonexistent.pem",
			"OTEL_EXPORTER_OTLP_CERTIFICATE: open /nonexistent.pem"},
		{endpoint + " OTEL_EXPORTER_OTLP_CLIENT_KEY=/nonexistent.pem", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
		{endpoint + " OTEL_TRACES_SAMPLER=jaeger_remote", `OTEL_TRACES_SAMPLER is "jaeger_remote"; write always_on`},
		{endpoint + " OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=NaN", `OTEL_TRACES_SAMPLER_ARG is "NaN"`},
		{endpoint + " OTEL_PROPAGATORS=tracecontext,b3", `OTEL_PROPAGATORS is "tracecontext,b3"`},
		{endpoint + " OTEL_BSP_MAX_QUEUE_SIZE=0", `OTEL_BSP_MAX_QUEUE_SIZE is "0"`},
		{"OTEL_TRACES_EXPORTER=zipkin", `OTEL_TRACES_EXPORTER is "zipkin"; write otlp or none`},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", "write a URL as http://localhost:4318"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://u:s3cret@[::1", "write a URL as http://localhost:4318"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=u:s3cret@collector.test:4318", "write a URL as http://localhost:4318"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://s3cret@collector.test/", "http://collector.test/v1/traces"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector.test/x?key=s3cret", "http://collector.test/x"},
	} {
		env := map[string]string{}
		for _, pair := range strings.Fields(x.env) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		getenv := func(name string) string { return env[name] }
		tracer, err := telemetry.New(telemetry.Config{Getenv: getenv, Log: slog.New(slog.DiscardHandler)})
		got := tracer.Collector()
		if err != nil {
			got = err.Error()
		}
		tracer.Close(context.Background())
		if !strings.HasPrefix(got, x.want) && !(err != nil && strings.Contains(got, x.want)) ||
			x.want == "" && got != "" ||
			strings.Contains(got, "s3cret") {
			t.Errorf("%s: %s", x.env, got)
		}
		if again := telemetry.Check(getenv); fmt.Sprint(again) != fmt.Sprint(err) {
			t.Errorf("%s: Check: %v, New: %v", x.env, again, err)
		}
	}
}

// TestNoTracerAllocatesNothing: what every exchange pays where nothing is traced.
func TestNoTracerAllocatesNothing(t *testing.T) {
	tracer, err := telemetry.New(telemetry.Config{Getenv: func(string) string { return "" }})
	if tracer != nil || err != nil {
		t.Fatal(tracer, err)
	}
	h := http.Header{"Traceparent": {parent}}
	ctx, now := context.Background(), time.Now()
	if n := testing.AllocsPerRun(100, func() {
		s := tracer.Begin(h)
		if telemetry.NewContext(ctx, s) != ctx || s.ShowsPrincipals() || s.Context().IsValid() {
			t.Error("there is a span")
		}
		s.Part("ticket", 1)
		s.Stage("verify", now, now)
		s.Call("backend", "", h)
		s.Asked("kdc", now, now, false, telemetry.Text("k", "v"))
		s.Answered(200)
		s.End(telemetry.Outcome{}, telemetry.Text("k", "v"), telemetry.Number("n", 1))
		telemetry.FromContext(ctx).Asked("kdc", now, now, false, telemetry.Attr{})
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if len(h) != 1 || h.Get("Traceparent") != parent {
		t.Errorf("the header is %v", h)
	}
}

// TestCollectorThatHangs: delays nobody. What finds no room is lost and counted, and
// the end of the process waits no longer than it wants to.
func TestCollectorThatHangs(t *testing.T) {
	t.Parallel()
	c := telemetrytest.New(t)
	asked, release := make(chan struct{}, 100), make(chan struct{})
	c.Answer = func(_ http.ResponseWriter, r *http.Request) bool {
		asked <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return true
	}
	c.Server.Start()
	defer close(release)
	tracer, log := newTracer(t, c.Getenv("OTEL_BSP_MAX_QUEUE_SIZE", "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"))
	tracer.Begin(nil).End(telemetry.Outcome{Name: "first"})
	<-asked // and gets no answer while the others end
	for range 1000 {
		tracer.Begin(nil).End(telemetry.Outcome{Name: "x"})
	}
	if sent, lost := tracer.Counts(); sent != 0 || lost != 990 {
		t.Errorf("%d sent, %d lost", sent, lost)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	tracer.Close(ctx)
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Error("Close has not waited for the collector")
	}
	if sent, lost := tracer.Counts(); sent != 0 || lost != 1001 {
		t.Errorf("%d sent, %d lost", sent, lost)
	}
	if text := log.String(); strings.Count(text, "traces are lost") != 1 || !strings.Contains(text, c.URL) {
		t.Errorf("%s", text)
	}
}

// TestCollectorThatFails: is asked again where that may help, and not elsewhere
// where its answer points.
func TestCollectorThatFails(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 502, 503, 504} {
		c := telemetrytest.New(t)
		first := true
		c.Answer = func(w http.ResponseWriter, _ *http.Request) bool {
			if !first {
				return false
			}
			first = false
			w.WriteHeader(status)
			return true
		}
		c.Server.Start()
		tracer, _ := newTracer(t, c.Getenv())
		tracer.Begin(nil).End(telemetry.Outcome{Name: "x"})
		c.Wait(t, 1)
	}
	elsewhere := telemetrytest.Start(t)
	for _, status := range []int{400, 401, 307, 500} {
		c := telemetrytest.New(t)
		c.Answer = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Location", elsewhere.URL+"/v1/traces")
			w.WriteHeader(status)
			return true
		}
		c.Server.Start()
		tracer, log := newTracer(t, c.Getenv())
		tracer.Begin(nil).End(telemetry.Outcome{Name: "x"})
		tracer.Close(context.Background())
		if sent, lost := tracer.Counts(); sent != 0 || lost != 1 {
			t.Errorf("%d: %d sent, %d lost", status, sent, lost)
		}
		if text := log.String(); !strings.Contains(text, fmt.Sprintf("HTTP status %d", status)) {
			t.Errorf("%d: %s", status, text)
		}
	}
	if len(elsewhere.Spans()) > 0 {
		t.Error("a redirection is followed")
	}
}

// TestCloseSendsWhatWaits: before the batch is full or old enough.
func TestCloseSendsWhatWaits(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	tracer, _ := newTracer(t, c.Getenv("OTEL_BSP_SCHEDULE_DELAY", "1000000"))
	s := tracer.Begin(nil)
	s.Stage("read", time.Now(), time.Now())
	s.End(telemetry.Outcome{Name: "x"})
	tracer.Close(context.Background())
	if n := len(c.Spans()); n != 2 {
		t.Errorf("%d spans", n)
	}
	tracer.Begin(nil).End(telemetry.Outcome{Name: "late"})
	if sent, lost := tracer.Counts(); sent != 2 || lost != 1 {
		t.Errorf("%d sent, %d lost", sent, lost)
	}
}

// TestLossesAreLoggedWithoutSecrets: a collector that does not answer is named
// without what lets in there.
func TestLossesAreLoggedWithoutSecrets(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	endpoint := strings.Replace(closed.URL, "//", "//s3cret@", 1) + "/x?key=s3cret"
	tracer, log := newTracer(t, func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint,
			"OTEL_EXPORTER_OTLP_HEADERS": "authorization=s3cret"}[name]
	})
	tracer.Begin(nil).End(telemetry.Outcome{Name: "x"})
	tracer.Close(context.Background())
	if text := log.String(); !strings.Contains(text, closed.URL+"/x ") || strings.Contains(text, "s3cret") {
		t.Errorf("%s", text)
	}
}

// TestStageAfterEndIsIgnored: while the span is encoded, and of a call that it has
// begun.
func TestStageAfterEndIsIgnored(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	tracer, _ := newTracer(t, c.Getenv("OTEL_BSP_SCHEDULE_DELAY", "1000000"))
	var late sync.WaitGroup
	for range 100 {
		s := tracer.Begin(nil)
		s.Call("backend", "backend.test", http.Header{})
		late.Go(func() { s.Stage("backend", time.Unix(7, 0), time.Unix(8, 0)) })
		s.End(telemetry.Outcome{Name: "x"})
	}
	late.Wait()
	tracer.Close(context.Background())
	if n := len(c.Spans()); n != 200 {
		t.Errorf("%d spans", n)
	}
}

// TestCollectorByTLS: whose certificate is of an authority of the operator's own.
func TestCollectorByTLS(t *testing.T) {
	t.Parallel()
	c := telemetrytest.New(t)
	c.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	c.StartTLS()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	trusts, _ := newTracer(t, c.Getenv("OTEL_EXPORTER_OTLP_CERTIFICATE", ca))
	trusts.Begin(nil).End(telemetry.Outcome{Name: "x"})
	c.Wait(t, 1)
	doubts, log := newTracer(t, c.Getenv())
	doubts.Begin(nil).End(telemetry.Outcome{Name: "x"})
	doubts.Close(context.Background())
	if !strings.Contains(log.String(), "certificate") || len(c.Spans()) != 1 {
		t.Errorf("%d spans: %s", len(c.Spans()), log)
	}
}

// TestSpanIsBounded: however many stages there are, and from however many
// goroutines.
func TestSpanIsBounded(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	tracer, _ := newTracer(t, c.Getenv())
	s := tracer.Begin(nil)
	var asking sync.WaitGroup
	for i := range 8 {
		asking.Go(func() {
			for range 10 {
				s.Asked(fmt.Sprint(i), time.Now(), time.Now(), false, telemetry.Attr{})
				s.Call("backend", "", http.Header{})
			}
		})
	}
	asking.Wait()
	var many []telemetry.Attr
	for i := range 100 {
		many = append(many, telemetry.Number(fmt.Sprint(i), 1))
	}
	s.End(telemetry.Outcome{Name: "root"}, many...)
	spans := c.Wait(t, 1)
	ids := map[string]bool{}
	for _, x := range spans {
		ids[x.ID] = true
	}
	if root := telemetrytest.Named(t, spans, "root"); len(spans) != 17 || len(ids) != 17 || len(root.Attrs) < 15 {
		t.Errorf("%d spans, %d ids, %d attributes", len(spans), len(ids), len(root.Attrs))
	}
}

// FuzzBegin: whatever trace context a client sends, what is passed on is valid, of
// its trace if it was taken, no longer than it may be, and as OpenTelemetry writes it.
func FuzzBegin(f *testing.F) {
	f.Add(parent, "a=1,b=2")
	f.Add("01"+parent[2:]+"-x", "a@b=\t")
	c := telemetrytest.Start(f)
	tracer, _ := newTracer(f, c.Getenv("OTEL_BSP_SCHEDULE_DELAY", "1000000"))
	f.Fuzz(func(t *testing.T, parent, state string) {
		s := tracer.Begin(http.Header{"Traceparent": {parent}, "Tracestate": {state}})
		out := http.Header{}
		s.Call("backend", "", out)
		written := propagation.HeaderCarrier{}
		propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(t.Context(),
			s.Context().WithSpanID(spanID(t, out))), written)
		again := tracer.Begin(out).Context()
		if fmt.Sprint(written) != fmt.Sprint(propagation.HeaderCarrier(out)) || again.TraceID() != s.Context().TraceID() ||
			again.TraceState().String() != s.Context().TraceState().String() ||
			len(out.Get("Tracestate")) > 2*512 {
			t.Errorf("%q, %q: %v", parent, state, out)
		}
	})
}

// spanID returns the id of the parent that a header names.
func spanID(t *testing.T, h http.Header) trace.SpanID {
	parts := strings.Split(h.Get("Traceparent"), "-")
	if len(parts) != 4 {
		t.Fatalf("%v", h)
	}
	id, err := trace.SpanIDFromHex(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	return id
}
