package jsonlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// exchange has what the gateway's events have.
var exchange = []slog.Attr{
	slog.String("id", "0123456789abcdef"), slog.String("code", "ok"), slog.Int("status", 200),
	slog.String("route", "/orders"), slog.String("policy", "Kerberos"), slog.String("client", "192.0.2.1:4711"),
	slog.String("principal", "alice@EXAMPLE.COM"), slog.String("service", "HTTP/gw.example.com@EXAMPLE.COM"),
	slog.Int("bytes_in", 9000), slog.Int("bytes_out", 9500), slog.Int("backend_status", 200),
	slog.Duration("total", 1234567), slog.Any("stages", slog.GroupValue(
		slog.Duration("read", 123456), slog.Duration("ticket", 12345), slog.Duration("decrypt", 12345),
		slog.Duration("digest", 12345), slog.Duration("verify", 12345), slog.Duration("backend", 1234567),
		slog.Duration("protect", 12345), slog.Duration("write", 1234))),
	slog.Bool("authorized", true),
}

type panics struct{}

func (*panics) Error() string { panic("no") }

// attrs are of all kinds.
var attrs = map[string][]slog.Attr{
	"none": nil, "exchange": exchange,
	"text": {slog.String("empty", ""), slog.String("escaped", "a\"b\\c\n\r\t\x00\x1f"),
		slog.String("html", "<a>&</a>"),
		slog.String("7f", "\x7f"), slog.String("utf-8", "Zürich \u2028 \u2029 \U0001f600"),
		slog.String("not UTF-8", "\xff\xfe")},
	"keys":    {slog.Int("", 1), slog.Int("a\"b", 2), slog.Int("ü", 3), {}},
	"numbers": {slog.Int64("least", math.MinInt64), slog.Uint64("most", math.MaxUint64), slog.Float64("f", 1e100)},
	"floats":  {slog.Float64("nan", math.NaN())},
	"times":   {slog.Time("at", time.Unix(1, 2)), slog.Duration("d", -5)},
	"any": {slog.Any("nil", nil), slog.Any("error", errors.New("a\nb")), slog.Any("panics", (*panics)(nil)),
		slog.Any("list", []string{"a", "<b>"}), slog.Any("level", slog.LevelWarn)},
	"groups": {slog.Group("g", "a", 1, slog.Group("h", "b", true)), slog.Group("", "inline", 1), slog.Group("empty"),
		slog.Group("of empty", slog.Group("empty")), slog.Int("last", 1)},
}

// What is written is what slog writes, whatever the record has in it.
func TestHandlerWritesWhatSlogWrites(t *testing.T) {
	t.Parallel()
	times := []time.Time{{}, time.Unix(0, 0), time.Now(), time.Unix(1e9, 123e6).UTC(),
		time.Unix(1e9, 1).In(time.FixedZone("", -1)),
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}
	for name, list := range attrs {
		for _, at := range times {
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelError, slog.LevelError + 3} {
				for _, message := range []string{"exchange", "", "a\"b"} {
					r := slog.NewRecord(at, level, message, 0)
					r.AddAttrs(list...)
					var got, want bytes.Buffer
					wantErr := slog.NewJSONHandler(&want, nil).Handle(context.Background(), r)
					err := New(&got, slog.LevelInfo).Handle(context.Background(), r)
					if got.String() != want.String() || (err == nil) != (wantErr == nil) {
						t.Fatalf("%s: %v, %v, want %v\n%s%s", name, at, err, wantErr, &got, &want)
					}
					got.Reset()
					err = New(&got, slog.LevelInfo).HandleAttrs(context.Background(), at, level, message, list)
					if got.String() != want.String() || (err == nil) != (wantErr == nil) {
						t.Fatalf("%s, by HandleAttrs: %v, %v, want %v\n%s%s", name, at, err, wantErr, &got, &want)
					}
				}
			}
		}
	}
}

// Levels, and handlers with attributes and groups, are slog's.
func TestHandlerWithAttributesIsSlogs(t *testing.T) {
	t.Parallel()
	level := new(slog.LevelVar)
	level.Set(slog.LevelWarn)
	var got, want strings.Builder
	withoutTime := func(l *slog.Logger) {
		l.Info("not written")
		at := slog.NewRecord(time.Unix(1, 0), slog.LevelError, "m", 0)
		at.AddAttrs(exchange...)
		_ = l.With("a", 1).WithGroup("g").Handler().Handle(context.Background(), at)
	}
	withoutTime(slog.New(New(&got, level)))
	withoutTime(slog.New(slog.NewJSONHandler(&want, &slog.HandlerOptions{Level: level})))
	if got.String() != want.String() || want.Len() == 0 {
		t.Errorf("%s%s", &got, &want)
	}
}

// Each record is one Write, of whichever handler, and they do not meet.
func TestHandlerWritesARecordAtOnce(t *testing.T) {
	t.Parallel()
	w := &countedLines{of: map[string]int{}}
	h := New(w, slog.LevelInfo)
	log := slog.New(h)
	var all sync.WaitGroup
	for worker := range 8 {
		own := append(slices.Clone(exchange), slog.Int("worker", worker))
		last := fmt.Sprintf(`,"worker":%d}`+"\n", worker)
		own[0] = slog.String("id", strings.Repeat(string(rune('a'+worker)), 10*worker))
		all.Go(func() {
			for range 100 {
				log.LogAttrs(context.Background(), slog.LevelInfo, "exchange", own...)
				log.Info("left to slog", "escaped", "\n", "worker", worker)
				_ = h.HandleAttrs(context.Background(), time.Now(), slog.LevelInfo, own[0].Value.String(), own)
			}
		})
		defer func() {
			if n := w.of[last]; n != 300 {
				t.Errorf("%d lines end with %q", n, last)
			}
		}()
	}
	all.Wait()
	if w.writes != 2400 || w.broken != 0 {
		t.Errorf("%d writes, %d not of one line", w.writes, w.broken)
	}
}

// countedLines is not safe for concurrent use.
type countedLines struct {
	writes, broken int
	of             map[string]int // by their last attribute
}

func (w *countedLines) Write(b []byte) (int, error) {
	w.writes++
	if bytes.IndexByte(b, '\n') != len(b)-1 || !json.Valid(b) {
		w.broken++
	}
	w.of[string(b[max(bytes.LastIndexByte(b, ','), 0):])]++
	return len(b), nil
}

// An error of the writer is returned.
func TestHandlerReturnsErrors(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	r.CloseWithError(io.ErrUnexpectedEOF)
	record := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	if err := New(w, slog.LevelInfo).Handle(context.Background(), record); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

// The same record by slog, and here.
func BenchmarkHandler(b *testing.B) {
	for name, h := range map[string]slog.Handler{
		"slog": slog.NewJSONHandler(io.Discard, nil), "here": New(io.Discard, slog.LevelInfo),
	} {
		b.Run(name, func(b *testing.B) {
			log := slog.New(h)
			b.ReportAllocs()
			for b.Loop() {
				log.LogAttrs(context.Background(), slog.LevelInfo, "exchange", exchange...)
			}
		})
	}
}
