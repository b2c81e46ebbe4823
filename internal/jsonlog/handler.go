package jsonlog

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// Handler is a [slog.Handler]. It is safe for concurrent use, and writes each
// record in one Write. Make it with [New].
type Handler struct {
	*slog.JSONHandler
	out *oneWriter
}

// New returns the Handler that writes to w what a [slog.JSONHandler] of that
// level writes.
func New(w io.Writer, level slog.Leveler) *Handler {
	out := &oneWriter{w: w}
	return &Handler{slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level}), out}
}

// A oneWriter is the writer of both handlers. Its mutex orders their writes.
type oneWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneWriter) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(b)
}

// lines holds what records were written in.
var lines = sync.Pool{New: func() any { return new(line) }}

// largestLine is the size up to which a line is kept.
const largestLine = 16 << 10

type line struct{ octets []byte }

// Handle implements [slog.Handler].
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	l := lines.Get().(*line)
	defer l.free()
	plain := l.start(r.Time, r.Level, r.Message)
	if plain {
		r.Attrs(func(a slog.Attr) bool {
			plain = l.next(a)
			return plain
		})
	}
	if !plain {
		return h.JSONHandler.Handle(ctx, r)
	}
	return l.write(h.out)
}

// HandleAttrs is [Handler.Handle] for a record of these attributes, which it neither
// copies nor keeps: to copy them into a [slog.Record] is a hundredth of a gateway's
// small exchange.
func (h *Handler) HandleAttrs(
	ctx context.Context, at time.Time, level slog.Level, message string, attrs []slog.Attr,
) error {
	l := lines.Get().(*line)
	defer l.free()
	plain := l.start(at, level, message)
	for i := 0; plain && i < len(attrs); i++ {
		plain = l.next(attrs[i])
	}
	if !plain {
		r := slog.NewRecord(at, level, message, 0)
		r.AddAttrs(attrs...)
		return h.JSONHandler.Handle(ctx, r)
	}
	return l.write(h.out)
}

// free keeps l for another record.
func (l *line) free() {
	if cap(l.octets) <= largestLine {
		lines.Put(l)
	}
}

// start begins a record, with what all have. It returns false if slog has to write
// it.
func (l *line) start(at time.Time, level slog.Level, message string) bool {
	if year := at.Year(); at.IsZero() || year < 0 || year > 9999 {
		return false
	}
	l.octets = append(l.octets[:0], `{"time":"`...)
	l.octets = at.AppendFormat(l.octets, time.RFC3339Nano)
	l.octets = append(l.octets, `","level":`...)
	plain := l.text(level.String())
	l.octets = append(l.octets, `,"msg":`...)
	return plain && l.text(message)
}

// next appends an attribute. It returns false if slog has to write the record.
func (l *line) next(a slog.Attr) bool {
	l.octets = append(l.octets, ',')
	return l.attr(a)
}

// write ends the record, and writes it.
func (l *line) write(out *oneWriter) error {
	l.octets = append(l.octets, "}\n"...)
	_, err := out.Write(l.octets)
	return err
}

// attr appends a key and its value.
func (l *line) attr(a slog.Attr) bool {
	if a.Key == "" || !l.text(a.Key) { // a group without a key is none
		return false
	}
	l.octets = append(l.octets, ':')
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		return l.text(v.String())
	case slog.KindInt64:
		l.octets = strconv.AppendInt(l.octets, v.Int64(), 10)
	case slog.KindUint64:
		l.octets = strconv.AppendUint(l.octets, v.Uint64(), 10)
	case slog.KindBool:
		l.octets = strconv.AppendBool(l.octets, v.Bool())
	case slog.KindDuration:
		l.octets = strconv.AppendInt(l.octets, int64(v.Duration()), 10)
	case slog.KindGroup:
		return l.group(v.Group())
	default:
		return false
	}
	return true
}

// group appends a group. Slog leaves out one that is empty, or of empty ones.
func (l *line) group(attrs []slog.Attr) bool {
	if len(attrs) == 0 {
		return false
	}
	for i, a := range attrs {
		l.octets = append(l.octets, "{,"[min(i, 1)])
		if !l.attr(a) {
			return false
		}
	}
	l.octets = append(l.octets, '}')
	return true
}

// text appends a string in quotes, if nothing in it has to be escaped.
func (l *line) text(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	l.octets = append(append(append(l.octets, '"'), s...), '"')
	return true
}
