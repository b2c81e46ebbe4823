package telemetry

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Config configures a [Tracer]. Getenv and Log are required.
type Config struct {
	Getenv  func(string) string // of the variables OTEL_…
	Version string              // of the program
	Log     *slog.Logger        // of batches that are lost
	// ShowPrincipals records the names of clients.
	ShowPrincipals bool
}

// A Tracer begins spans, and sends them to a collector. A nil Tracer begins none.
// It is safe for concurrent use.
type Tracer struct {
	settings *settings
	exporter *exporter
	names    bool
}

// New returns the [Tracer] that the variables of the environment describe, nil if
// they ask for none. It fails if they ask for what it does not do. It connects
// to nothing before it has something to send.
func New(c Config) (*Tracer, error) {
	s, err := readEnvironment(c.Getenv, c.Version)
	if s == nil || err != nil {
		return nil, err
	}
	e, err := newExporter(s, c.Log)
	if err != nil {
		return nil, err
	}
	return &Tracer{settings: s, exporter: e, names: c.ShowPrincipals}, nil
}

// Check reports what [New] would refuse.
func Check(getenv func(string) string) error {
	s, err := readEnvironment(getenv, "")
	if s == nil || err != nil {
		return err
	}
	_, err = s.client()
	return err
}

// Collector returns the URL that spans are sent to, "" for none. It has no user,
// password and query.
func (t *Tracer) Collector() string {
	if t == nil {
		return ""
	}
	return withoutSecrets(t.settings.endpoint)
}

// Counts returns how many spans the collector has taken, and how many are lost.
func (t *Tracer) Counts() (sent, lost uint64) {
	if t == nil {
		return 0, 0
	}
	return t.exporter.sent.Load(), t.exporter.lost.Load()
}

// Close sends what is left, until ctx ends. Spans that end later are lost.
func (t *Tracer) Close(ctx context.Context) {
	if t != nil {
		t.exporter.close(ctx)
	}
}

// maxState bounds the octets of a tracestate, and of a traceparent: as many as have
// to be passed on (W3C Trace Context 3.3.1.5).
const maxState = 512

// headers is the trace context of an HTTP header. A traceparent that is there twice
// is none (W3C Trace Context 3.2.1).
type headers http.Header

// Get implements [propagation.TextMapCarrier].
func (h headers) Get(name string) string {
	all := h[http.CanonicalHeaderKey(name)]
	if len(all) == 0 || len(all) > 1 && name == "traceparent" {
		return ""
	}
	if value := strings.Join(all, ","); len(value) <= maxState {
		return value
	}
	return ""
}

// Set implements [propagation.TextMapCarrier].
func (h headers) Set(name, value string) { http.Header(h).Set(name, value) }

// Keys implements [propagation.TextMapCarrier].
func (headers) Keys() []string { return propagation.TraceContext{}.Fields() }

// Begin begins the span of a request. Its parent is that of the header, if there is
// one.
func (t *Tracer) Begin(h http.Header) *Span {
	if t == nil {
		return nil
	}
	var parent trace.SpanContext
	if t.settings.propagates && len(h["Traceparent"]) > 0 {
		parent = trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), headers(h)))
	}
	c := trace.SpanContextConfig{TraceID: parent.TraceID(), TraceState: parent.TraceState()}
	if !parent.IsValid() {
		binary.BigEndian.PutUint64(c.TraceID[:8], rand.Uint64())
		binary.BigEndian.PutUint64(c.TraceID[8:], rand.Uint64()|1) // never zero
	}
	binary.BigEndian.PutUint64(c.SpanID[:], rand.Uint64()|1)
	if t.settings.sampler.samples(parent, c.TraceID) {
		c.TraceFlags = trace.FlagsSampled
	}
	s := &Span{tracer: t, context: trace.NewSpanContext(c), parent: parent.SpanID(), start: time.Now().UnixNano()}
	s.header = traceparent(s.context)
	if s.context.IsSampled() {
		s.recorded = recordings.Get().(*recorded)
	}
	return s
}

// A sampler decides which traces are recorded (OpenTelemetry SDK, Sampler).
type sampler struct {
	followsParent bool
	// threshold is compared with 63 bits of the trace id: all of them are below
	// 1<<63, and none below 0.
	threshold uint64
}

func (s sampler) samples(parent trace.SpanContext, id trace.TraceID) bool {
	if s.followsParent && parent.IsValid() {
		return parent.IsSampled()
	}
	return binary.BigEndian.Uint64(id[8:])>>1 < s.threshold
}
