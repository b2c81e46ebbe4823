package telemetrytest

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	v1 "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A Span is one that was sent. Ids are in hexadecimal.
type Span struct {
	Name, TraceID, ID, Parent, State string

	Kind       v1.Span_SpanKind
	Failed     bool
	Start, End time.Time
	Attrs      map[string]any // string or int64
	Resource   map[string]any
}

// A Collector takes spans, of requests that are octet for octet as OpenTelemetry's own
// types are written. Its methods are safe for concurrent use.
type Collector struct {
	*httptest.Server
	// Answer is called before a request is read, if it is set: it may answer
	// it, and reports whether it has.
	Answer func(http.ResponseWriter, *http.Request) bool

	mu       sync.Mutex
	spans    []Span
	requests []http.Header
}

// New returns a Collector of a test, which is not started.
func New(t testing.TB) *Collector {
	c := &Collector{}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.Close)
	return c
}

// Start returns a Collector that takes spans.
func Start(t testing.TB) *Collector {
	c := New(t)
	c.Server.Start()
	return c
}

// Getenv returns variables of the environment by which spans are sent to c, and
// further ones: name, value, …
func (c *Collector) Getenv(more ...string) func(string) string {
	all := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_BSP_SCHEDULE_DELAY": "10"}
	for i := 0; i+1 < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return func(name string) string { return all[name] }
}

func (c *Collector) serve(w http.ResponseWriter, r *http.Request) {
	if c.Answer != nil && c.Answer(w, r) {
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	octets, err := io.ReadAll(body)
	var m collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(octets, &m)
	}
	again, _ := proto.Marshal(&m)
	if err != nil || !bytes.Equal(again, octets) || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" ||
		r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "no request of OTLP", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, r.Header)
	for _, rs := range m.ResourceSpans {
		resource := attrs(rs.Resource.Attributes)
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				c.spans = append(c.spans, span(s, resource))
			}
		}
	}
}

func span(s *v1.Span, resource map[string]any) Span {
	return Span{Name: s.Name, TraceID: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId),
		Parent: hex.EncodeToString(s.ParentSpanId), State: s.TraceState, Kind: s.Kind,
		Failed: s.GetStatus().GetCode() == v1.Status_STATUS_CODE_ERROR,
		Start:  time.Unix(0, int64(s.StartTimeUnixNano)), End: time.Unix(0, int64(s.EndTimeUnixNano)),
		Attrs: attrs(s.Attributes), Resource: resource}
}

func attrs(list []*common.KeyValue) map[string]any {
	all := map[string]any{}
	for _, kv := range list {
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			all[kv.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			all[kv.Key] = v.IntValue
		}
	}
	return all
}

// Requests returns the headers of the requests so far.
func (c *Collector) Requests() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// Spans returns the spans so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Wait returns the spans once there are n, and for a moment no more have come:
// those of one exchange may come in several requests.
func (c *Collector) Wait(t testing.TB, n int) []Span {
	t.Helper()
	const moment = 100 * time.Millisecond
	last, since := -1, time.Now()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		spans := c.Spans()
		if len(spans) != last {
			last, since = len(spans), time.Now()
		}
		if len(spans) >= n && time.Since(since) >= moment {
			return spans
		}
		if time.Now().After(end) {
			t.Fatalf("%d spans, want %d: %+v", len(spans), n, spans)
		}
	}
}

// Named returns the span of a name, which must be there.
func Named(t testing.TB, spans []Span, name string) Span {
	t.Helper()
	i := slices.IndexFunc(spans, func(s Span) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no span %s: %+v", name, spans)
	}
	return spans[i]
}
