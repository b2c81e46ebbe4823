package telemetry

import (
	"strings"

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

// appendRequest appends an ExportTraceServiceRequest with spans, as append has
// written them.
func appendRequest(b []byte, resource []Attr, spans []byte) []byte {
	all := len(b)
	own := len(b)
	for i := range resource {
		b = appendAttr(b, resourceAttributes, &resource[i])
	}
	b = enclose(b, own, resourceSpansResource)
	scoped := len(b)
	b = appendText(b, scopeName, "github.com/wssgate/wssgate")
	b = enclose(b, scoped, scopeSpansScope)
	b = append(b, spans...)
	b = enclose(b, scoped, resourceSpansScope)
	return enclose(b, all, requestResourceSpans)
}

// enclose makes what stands in b from start on a field that is a message.
func enclose(b []byte, start int, field protowire.Number) []byte {
	var prefix [2 * 10]byte
	p := protowire.AppendTag(prefix[:0], field, protowire.BytesType)
	p = protowire.AppendVarint(p, uint64(len(b)-start))
	b = append(b, p...)
	copy(b[start+len(p):], b[start:])
	copy(b[start:], p)
	return b
}

// append appends the span, and its stages as its children.
func (s *Span) append(b []byte) []byte {
	kind := uint64(kindServer)
	if s.outcome.Client {
		kind = kindClient
	}
	start := len(b)
	b = s.appendHead(b, s.context.SpanID(), s.parent, s.outcome.Name, kind, s.start, s.end)
	b = s.appendAttrs(b, none)
	b = appendStatus(b, s.outcome.Error != "")
	b = enclose(b, start, scopeSpansSpan)
	for i := range s.stages {
		b = s.appendStage(b, int8(i))
	}
	return b
}

// appendAttrs appends the facts about a stage, or about the span.
func (s *Span) appendAttrs(b []byte, of int8) []byte {
	for i := range s.attrs {
		if s.attrs[i].of == of {
			b = appendAttr(b, spanAttributes, &s.attrs[i])
		}
	}
	return b
}

func (s *Span) appendStage(b []byte, i int8) []byte {
	x := &s.stages[i]
	kind, parent := uint64(kindInternal), s.context.SpanID()
	if x.calls {
		kind = kindClient
	}
	if x.parent != none {
		parent = s.stageID(x.parent)
	}
	start := len(b)
	b = s.appendHead(b, s.stageID(i), parent, x.name, kind, x.start, x.end)
	b = s.appendAttrs(b, i)
	b = appendStatus(b, x.failed)
	return enclose(b, start, scopeSpansSpan)
}

// appendHead appends what all spans have.
func (s *Span) appendHead(
	b []byte, id, parent trace.SpanID, name string, kind uint64, start, end int64,
) []byte {
	traceID := s.context.TraceID()
	b = appendOctets(b, spanTraceID, traceID[:])
	b = appendOctets(b, spanID, id[:])
	if state := s.context.TraceState(); state.Len() > 0 {
		b = appendText(b, spanState, state.String())
	}
	if parent.IsValid() {
		b = appendOctets(b, spanParent, parent[:])
	}
	b = appendText(b, spanName, name)
	b = appendNumber(b, spanKind, kind)
	b = appendTime(b, spanStart, start)
	return appendTime(b, spanEnd, end)
}

func appendStatus(b []byte, failed bool) []byte {
	if !failed {
		return b
	}
	start := len(b)
	b = appendNumber(b, statusCode, statusFailed)
	return enclose(b, start, spanStatus)
}

func appendAttr(b []byte, field protowire.Number, a *Attr) []byte {
	start := len(b)
	b = appendText(b, keyValueKey, a.key)
	value := len(b)
	if a.isNumber {
		b = appendNumber(b, valueInt, uint64(a.number))
	} else {
		b = appendText(b, valueString, a.text)
	}
	b = enclose(b, value, keyValueValue)
	return enclose(b, start, field)
}

func appendOctets(b []byte, field protowire.Number, octets []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), octets)
}

// appendText appends a text in UTF-8: a message with another one is refused, with
// the spans of all who are in it.
func appendText(b []byte, field protowire.Number, text string) []byte {
	text = strings.ToValidUTF8(text, "\uFFFD")
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), text)
}

func appendNumber(b []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
}

func appendTime(b []byte, field protowire.Number, t int64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), uint64(t))
}
