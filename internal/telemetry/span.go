package telemetry

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Bounds of a span. What is beyond them is left out.
const maxStages, maxAttrs = 16, 32

// none is the stage that is not open.
const none = -1

// A Span is an exchange, with its stages. A nil Span records nothing. Its methods
// are safe for concurrent use; what comes after End is ignored.
type Span struct {
	tracer  *Tracer
	context trace.SpanContext
	header  string       // traceparent, of a request that is no stage
	parent  trace.SpanID // zero for none
	start   int64

	mu       sync.Mutex
	recorded *recorded // nil unless the trace is recorded, and once the span has ended
}

// recorded is what is known of a span. Another one uses it again.
type recorded struct {
	stages []stage
	attrs  []Attr // of stages
	open   int8   // the stage that calls somebody else, or none
}

var recordings = sync.Pool{New: func() any {
	return &recorded{stages: make([]stage, 0, maxStages), attrs: make([]Attr, 0, maxAttrs), open: none}
}}

// release lets another span have r, without what is known of this one.
func (r *recorded) release() {
	clear(r.stages)
	clear(r.attrs)
	r.stages, r.attrs, r.open = r.stages[:0], r.attrs[:0], none
	recordings.Put(r)
}

// A stage is a child of a span. Its id follows from its place. Times are those of
// [time.Time.UnixNano].
type stage struct {
	name       string
	start, end int64
	parent     int8 // the stage that it is part of, or none
	calls      bool // somebody else
	failed     bool
}

// An Attr is a fact about a span, a text or a number. Keys are those of the
// semantic conventions, or begin with "wssgate.".
type Attr struct {
	key, text string
	number    int64
	kind      kind
	of        int8 // the stage that has it, or none
}

// A kind is what an Attr has.
type kind int8

const (
	isText kind = iota
	isNumber
	isPart // of the next stage, in nanoseconds; the key is its name
)

// Text returns a fact that is a text. One that is empty is left out.
func Text(key, value string) Attr { return Attr{key: key, text: value, of: none} }

// Number returns a fact that is a number.
func Number(key string, value int64) Attr {
	return Attr{key: key, number: value, kind: isNumber, of: none}
}

func (a *Attr) isEmpty() bool { return a.kind == isText && a.text == "" }

// Method returns a method of HTTP, or "HTTP" for one that HTTP does not have: names
// of spans are few.
func Method(name string) string {
	switch name {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return name
	}
	return "HTTP"
}

// An Outcome is what became of an exchange.
type Outcome struct {
	Name   string // of the span
	Error  string // the code of a failure; "" for none
	Client bool   // the span is of a call, and not of one that is answered
}

// Context returns the trace context of the span, which is not valid for nil.
func (s *Span) Context() trace.SpanContext {
	if s == nil {
		return trace.SpanContext{}
	}
	return s.context
}

// IDs returns the ids of the trace and of the span in hexadecimal, "" for nil.
func (s *Span) IDs() (traceID, spanID string) {
	if s == nil {
		return "", ""
	}
	return s.header[traceIDAt : spanIDAt-1], s.header[spanIDAt : flagsAt-1]
}

// ShowsPrincipals reports whether the span may have the names of clients.
func (s *Span) ShowsPrincipals() bool { return s != nil && s.tracer.names }

// lock returns what is recorded, for the caller to add to it and to unlock. It
// returns nil, and locks nothing, if nothing is: so it is after the end, too.
func (s *Span) lock() *recorded {
	if s == nil || !s.context.IsSampled() {
		return nil
	}
	s.mu.Lock()
	if s.recorded == nil {
		s.mu.Unlock()
		return nil
	}
	return s.recorded
}

// Stage records a stage. It ends the one of this name that Call has begun.
func (s *Span) Stage(name string, start, end time.Time) {
	r := s.lock()
	if r == nil {
		return
	}
	defer s.mu.Unlock()
	if r.open != none && r.stages[r.open].name == name {
		r.stages[r.open].start, r.stages[r.open].end = start.UnixNano(), end.UnixNano()
		r.open = none
		return
	}
	r.add(stage{name: name, parent: none, start: start.UnixNano(), end: end.UnixNano()})
}

// Part records how long a part of the stage took that Stage records next. It is a
// fact of that one, and no stage: what it took may be in several pieces.
func (s *Span) Part(name string, took time.Duration) {
	if r := s.lock(); r != nil {
		defer s.mu.Unlock()
		r.know(len(r.stages), Attr{key: name, number: int64(took), kind: isPart})
	}
}

// Asked records that somebody else was asked, as part of the call that is in
// progress if one is.
func (s *Span) Asked(name string, start, end time.Time, failed bool, attr Attr) {
	if r := s.lock(); r != nil {
		defer s.mu.Unlock()
		r.know(len(r.stages), attr)
		r.add(stage{name: name, parent: r.open, start: start.UnixNano(), end: end.UnixNano(), calls: true, failed: failed})
	}
}

// know adds a fact about a stage, which may not be there yet.
func (r *recorded) know(stage int, a Attr) {
	if a.of = int8(stage); !a.isEmpty() && len(r.attrs) < maxAttrs {
		r.attrs = append(r.attrs, a)
	}
}

func (r *recorded) add(x stage) {
	if len(r.stages) < maxStages {
		r.stages = append(r.stages, x)
	}
}

// Call begins a stage in which a request is sent, and writes the trace context into
// its header, in place of what is there. The host is that of a URL.
func (s *Span) Call(name, host string, h http.Header) {
	if s == nil {
		return
	}
	header := s.call(name, host)
	if !s.tracer.settings.propagates {
		return
	}
	h["Traceparent"] = []string{header}
	delete(h, "Tracestate")
	if state := s.context.TraceState(); state.Len() > 0 {
		h["Tracestate"] = []string{state.String()}
	}
}

// call begins a stage and returns its traceparent, or that of the span if it is not
// recorded.
func (s *Span) call(name, host string) string {
	r := s.lock()
	if r == nil {
		return s.header
	}
	defer s.mu.Unlock()
	n := len(r.stages)
	if n == maxStages {
		return s.header
	}
	now := time.Now().UnixNano()
	r.know(n, Text("server.address", host))
	r.add(stage{name: name, parent: none, start: now, end: now, calls: true})
	r.open = int8(n)
	return traceparent(s.context.WithSpanID(s.stageID(int8(n))))
}

// Where the parts of a traceparent are (W3C Trace Context 3.2.2).
const (
	traceIDAt     = len("00-")
	spanIDAt      = traceIDAt + 2*len(trace.TraceID{}) + len("-")
	flagsAt       = spanIDAt + 2*len(trace.SpanID{}) + len("-")
	traceparentIs = flagsAt + len("01")
)

// traceparent returns the value of the header for requests of a span.
func traceparent(c trace.SpanContext) string {
	b := [traceparentIs]byte{0: '0', 1: '0', traceIDAt - 1: '-', spanIDAt - 1: '-', flagsAt - 1: '-', flagsAt: '0',
		flagsAt + 1: '0' + byte(c.TraceFlags()&trace.FlagsSampled)}
	traceID, spanID := c.TraceID(), c.SpanID()
	hex.Encode(b[traceIDAt:], traceID[:])
	hex.Encode(b[spanIDAt:], spanID[:])
	return string(b[:])
}

// Answered adds facts to the call in progress: what was answered.
func (s *Span) Answered(status int) {
	r := s.lock()
	if r == nil {
		return
	}
	defer s.mu.Unlock()
	if r.open != none {
		r.know(int(r.open), Number("http.response.status_code", int64(status)))
		r.stages[r.open].failed = status >= http.StatusBadRequest
	}
}

// stageID returns the id of a stage: that of the span, and its place.
func (s *Span) stageID(i int8) (id trace.SpanID) {
	own := s.context.SpanID()
	binary.BigEndian.PutUint64(id[:], binary.BigEndian.Uint64(own[:])+uint64(i)+1)
	if !id.IsValid() {
		id[0] = 1
	}
	return id
}

// End ends the span, and lets it wait to be sent with others. The first End counts.
func (s *Span) End(o Outcome, attrs ...Attr) {
	r := s.lock()
	if r == nil {
		return
	}
	s.recorded = nil
	s.mu.Unlock()
	attrs = attrs[:min(len(attrs), maxAttrs)]
	s.tracer.exporter.add(&ended{span: s, recorded: r, end: time.Now().UnixNano(), outcome: o, attrs: attrs})
	r.release()
}

type contextKey struct{}

// NewContext returns a context with a span, ctx itself if the span is nil.
func NewContext(ctx context.Context, s *Span) context.Context {
	if s == nil {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, s)
}

// FromContext returns the span of a context, or nil.
func FromContext(ctx context.Context) *Span {
	s, _ := ctx.Value(contextKey{}).(*Span)
	return s
}

// Value returns the value of a context for a key if that is the span's, else nil:
// for contexts that pass on nothing else.
func Value(ctx context.Context, key any) any {
	if _, ok := key.(contextKey); !ok {
		return nil
	}
	return ctx.Value(key)
}
