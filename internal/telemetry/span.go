package telemetry

import (
	"context"
	"encoding/binary"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/propagation"
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
	parent  trace.SpanID // zero for none
	start   int64

	mu     sync.Mutex
	ended  bool
	end    int64
	open   int8 // the stage that calls somebody else, or none
	stages []stage
	attrs  []Attr // of the span and of its stages

	outcome Outcome

	*recorded // nil unless the trace is recorded
}

// recorded is the room of a span that is recorded.
type recorded struct {
	stageRoom [maxStages]stage
	attrRoom  [maxAttrs]Attr
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
	isNumber  bool
	of        int8 // the stage that has it, or none
}

// Text returns a fact that is a text. One that is empty is left out.
func Text(key, value string) Attr { return Attr{key: key, text: value, of: none} }

// Number returns a fact that is a number.
func Number(key string, value int64) Attr {
	return Attr{key: key, number: value, isNumber: true, of: none}
}

func (a *Attr) isEmpty() bool { return !a.isNumber && a.text == "" }

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

// ShowsPrincipals reports whether the span may have the names of clients.
func (s *Span) ShowsPrincipals() bool { return s != nil && s.tracer.names }

// Stage records a stage. It ends the one of this name that Call has begun.
func (s *Span) Stage(name string, start, end time.Time) {
	if s == nil || s.recorded == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return // it is being encoded
	}
	if s.open != none && s.stages[s.open].name == name {
		s.stages[s.open].start, s.stages[s.open].end = start.UnixNano(), end.UnixNano()
		s.open = none
		return
	}
	s.add(stage{name: name, parent: none, start: start.UnixNano(), end: end.UnixNano()})
}

// Part records how long a part of the stage took that Stage records next. It is a
// fact of that one, and no stage: what it took may be in several pieces.
func (s *Span) Part(name string, took time.Duration) {
	if s == nil || s.recorded == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.know(len(s.stages), Number("wssgate."+name+"_ns", int64(took)))
}

// Asked records that somebody else was asked, as part of the call that is in
// progress if one is.
func (s *Span) Asked(name string, start, end time.Time, failed bool, attr Attr) {
	if s == nil || s.recorded == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.know(len(s.stages), attr)
	s.add(stage{name: name, parent: s.open, start: start.UnixNano(), end: end.UnixNano(), calls: true, failed: failed})
}

// know adds a fact about a stage, which may not be there yet, or about the span.
func (s *Span) know(stage int, a Attr) {
	if a.of = int8(stage); !s.ended && !a.isEmpty() && len(s.attrs) < maxAttrs {
		s.attrs = append(s.attrs, a)
	}
}

// add adds a stage, unless the span has ended.
func (s *Span) add(x stage) {
	if !s.ended && len(s.stages) < maxStages {
		s.stages = append(s.stages, x)
	}
}

// Call begins a stage in which a request is sent, and writes the trace context into
// its header, in place of what is there. The host is that of a URL.
func (s *Span) Call(name, host string, h http.Header) {
	if s == nil {
		return
	}
	id := s.context.SpanID()
	if s.recorded != nil {
		s.mu.Lock()
		if n := len(s.stages); !s.ended && n < maxStages {
			now := time.Now().UnixNano()
			s.know(n, Text("server.address", host))
			s.add(stage{name: name, parent: none, start: now, end: now, calls: true})
			s.open, id = int8(n), s.stageID(int8(n))
		}
		s.mu.Unlock()
	}
	if !s.tracer.settings.propagates {
		return
	}
	h.Del("Tracestate")
	ctx := trace.ContextWithSpanContext(context.Background(), s.context.WithSpanID(id))
	propagation.TraceContext{}.Inject(ctx, headers(h))
}

// Answered adds facts to the call in progress: what was answered.
func (s *Span) Answered(status int) {
	if s == nil || s.recorded == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != none && !s.ended {
		s.know(int(s.open), Number("http.response.status_code", int64(status)))
		s.stages[s.open].failed = status >= http.StatusBadRequest
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
	if s == nil || s.recorded == nil {
		return
	}
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	for _, a := range attrs {
		s.know(none, a)
	}
	s.ended, s.outcome, s.end = true, o, time.Now().UnixNano()
	s.mu.Unlock()
	s.tracer.exporter.add(s)
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
