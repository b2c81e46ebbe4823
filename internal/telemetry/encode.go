package telemetry

import (
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of fields (opentelemetry/proto: collector/trace/v1, trace/v1,
// resource/v1, common/v1).
const (
	requestResourceSpans = 1

	resourceSpansResource = 1
	resourceSpansScope    = 2

	resourceAttributes = 1

	scopeSpansScope = 1
	scopeSpansSpan  = 2
	scopeName       = 1

	spanTraceID    = 1
	spanID         = 2
	spanState      = 3
	spanParent     = 4
	spanName       = 5
	spanKind       = 6
	spanStart      = 7
	spanEnd        = 8
	spanAttributes = 9
	spanStatus     = 15

	statusCode   = 3
	statusFailed = 2

	keyValueKey   = 1
	keyValueValue = 2
	valueString   = 1
	valueInt      = 3
)

// Kinds of spans.
const (
	kindInternal = 1
	kindServer   = 2
	kindClient   = 3
)

// appendRequest appends an ExportTraceServiceRequest up to its spans, as append
// writes them, which have so many octets.
func appendRequest(b []byte, resource []Attr, spans int) []byte {
	var known, scope []byte
	for i := range resource {
		known = appendAttr(known, resourceAttributes, &resource[i])
	}
	scope = appendText(scope, scopeName, "github.com/wssgate/wssgate")
	known = append(appendLength(nil, resourceSpansResource, len(known)), known...)
	scope = append(appendLength(nil, scopeSpansScope, len(scope)), scope...)
	scope = append(appendLength(nil, resourceSpansScope, len(scope)+spans), scope...)
	b = appendLength(b, requestResourceSpans, len(known)+len(scope)+spans)
	return append(append(b, known...), scope...)
}

// An ended span is on its way to the collector.
type ended struct {
	*recorded
	span    *Span
	end     int64
	outcome Outcome
	attrs   []Attr
}

// append appends the span, and its stages as its children.
func (e *ended) append(b []byte) []byte {
	kind := uint64(kindServer)
	if e.outcome.Client {
		kind = kindClient
	}
	start := len(b)
	b = e.appendHead(b, e.span.context.SpanID(), e.span.parent, e.outcome.Name, kind, e.span.start, e.end)
	for i := range e.attrs {
		if a := &e.attrs[i]; !a.isEmpty() {
			b = appendAttr(b, spanAttributes, a)
		}
	}
	b = enclose(appendStatus(b, e.outcome.Error != ""), start, scopeSpansSpan)
	for i := range e.stages {
		b = e.appendStage(b, int8(i))
	}
	return b
}

func (e *ended) appendStage(b []byte, i int8) []byte {
	x := &e.stages[i]
	kind, parent := uint64(kindInternal), e.span.context.SpanID()
	if x.calls {
		kind = kindClient
	}
	if x.parent != none {
		parent = e.span.stageID(x.parent)
	}
	start := len(b)
	b = e.appendHead(b, e.span.stageID(i), parent, x.name, kind, x.start, x.end)
	for k := range e.recorded.attrs {
		if a := &e.recorded.attrs[k]; a.of == i {
			b = appendAttr(b, spanAttributes, a)
		}
	}
	return enclose(appendStatus(b, x.failed), start, scopeSpansSpan)
}

// appendHead appends what all spans have, after room for enclose.
func (e *ended) appendHead(
	b []byte, id, parent trace.SpanID, name string, kind uint64, start, end int64,
) []byte {
	b = append(b, 0, 0)
	traceID := e.span.context.TraceID()
	b = append(appendLength(b, spanTraceID, len(traceID)), traceID[:]...)
	b = append(appendLength(b, spanID, len(id)), id[:]...)
	if state := e.span.context.TraceState(); state.Len() > 0 {
		b = appendText(b, spanState, state.String())
	}
	if parent.IsValid() {
		b = append(appendLength(b, spanParent, len(parent)), parent[:]...)
	}
	b = appendText(b, spanName, name)
	b = appendNumber(b, spanKind, kind)
	b = appendTime(b, spanStart, start)
	return appendTime(b, spanEnd, end)
}

// enclose makes what stands in b from start on, after two octets, a field that is a
// message. Few need more than those for field and length.
func enclose(b []byte, start int, field protowire.Number) []byte {
	from := start + 2
	n := len(b) - from
	if more := protowire.SizeVarint(uint64(n)) - 1; more > 0 {
		b = append(b, make([]byte, more)...)
		copy(b[from+more:], b[from:from+n])
	}
	appendLength(b[:start], field, n)
	return b
}

func appendStatus(b []byte, failed bool) []byte {
	if failed {
		b = appendNumber(appendLength(b, spanStatus, 2), statusCode, statusFailed)
	}
	return b
}

func appendAttr(b []byte, field protowire.Number, a *Attr) []byte {
	var before, after string
	if a.kind == isPart {
		before, after = "wssgate.", "_ns"
	}
	text, key := valid(a.text), len(before)+len(a.key)+len(after)
	value := 1 + protowire.SizeVarint(uint64(a.number))
	if a.kind == isText {
		value = 1 + protowire.SizeBytes(len(text))
	}
	b = appendLength(b, field, 1+protowire.SizeBytes(key)+1+protowire.SizeBytes(value))
	b = appendLength(b, keyValueKey, key)
	b = append(append(append(b, before...), a.key...), after...)
	b = appendLength(b, keyValueValue, value)
	if a.kind == isText {
		return append(appendLength(b, valueString, len(text)), text...)
	}
	return appendNumber(b, valueInt, uint64(a.number))
}

// valid returns a text in UTF-8: a message with another one is refused, with the
// spans of all who are in it.
func valid(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

func appendText(b []byte, field protowire.Number, text string) []byte {
	text = valid(text)
	return append(appendLength(b, field, len(text)), text...)
}

// appendLength appends the tag and the length of a field whose octets follow. All
// fields here have tags of one octet.
func appendLength(b []byte, field protowire.Number, length int) []byte {
	b = append(b, byte(field<<3)|byte(protowire.BytesType))
	if length < 0x80 {
		return append(b, byte(length))
	}
	return protowire.AppendVarint(b, uint64(length))
}

func appendNumber(b []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(append(b, byte(field<<3)|byte(protowire.VarintType)), n)
}

func appendTime(b []byte, field protowire.Number, t int64) []byte {
	return protowire.AppendFixed64(append(b, byte(field<<3)|byte(protowire.Fixed64Type)), uint64(t))
}
