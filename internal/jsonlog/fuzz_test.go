package jsonlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"
)

// aValuer resolves to a value.
type aValuer struct{ v slog.Value }

func (v aValuer) LogValue() slog.Value { return v.v }

// An input makes attributes of what a fuzzer has.
type input struct{ rest []byte }

func (in *input) octet() byte {
	if len(in.rest) == 0 {
		return 0
	}
	c := in.rest[0]
	in.rest = in.rest[1:]
	return c
}

func (in *input) text() string {
	n := min(int(in.octet())%16, len(in.rest))
	s := string(in.rest[:n])
	in.rest = in.rest[n:]
	return s
}

func (in *input) number() uint64 {
	var b [8]byte
	in.rest = in.rest[copy(b[:], in.rest):]
	return binary.LittleEndian.Uint64(b[:])
}

func (in *input) value(depth int) slog.Value {
	switch in.octet() % 11 {
	case 0:
		return slog.StringValue(in.text())
	case 1:
		return slog.Int64Value(int64(in.number()))
	case 2:
		return slog.Uint64Value(in.number())
	case 3:
		return slog.BoolValue(in.octet()&1 == 0)
	case 4:
		return slog.DurationValue(time.Duration(in.number()))
	case 5:
		return slog.Float64Value(math.Float64frombits(in.number()))
	case 6:
		return slog.TimeValue(time.Unix(int64(in.number()%(1<<38)), int64(in.octet())))
	case 7:
		return slog.AnyValue(errors.New(in.text()))
	case 8:
		return slog.AnyValue(aValuer{in.nested(depth)})
	case 9:
		return slog.AnyValue(map[string]any{in.text(): in.text()})
	}
	var group []slog.Attr
	for range in.octet() % 4 {
		group = append(group, slog.Attr{Key: in.text(), Value: in.nested(depth)})
	}
	return slog.GroupValue(group...)
}

func (in *input) nested(depth int) slog.Value {
	if depth == 4 {
		return slog.StringValue(in.text())
	}
	return in.value(depth + 1)
}

// FuzzHandler compares what is written with what slog writes.
func FuzzHandler(f *testing.F) {
	f.Add("exchange", int64(0), []byte("\x01\x01a\x00\x03b\"c"))
	f.Add("exchange", int64(1e9), []byte("\x01a\x0a\x02\x01b\x0a\x00\x01c\x0a\x01\x00\x0a\x00"))
	f.Add("\xff\u2028<&>\x7f", int64(1e18), []byte("\x01a\x08\x0a\x00\x01b\x05\x00\x00\x00\x00\x00\x00\xf8\x7f"))
	f.Fuzz(func(t *testing.T, message string, at int64, octets []byte) {
		in := &input{octets}
		r := slog.NewRecord(time.Unix(at%(1<<40), at&0x3fffffff).UTC(), slog.Level(in.octet()), message, 0)
		for len(in.rest) > 0 {
			r.AddAttrs(slog.Attr{Key: in.text(), Value: in.value(0)})
		}
		var got, want bytes.Buffer
		wantErr := slog.NewJSONHandler(&want, nil).Handle(context.Background(), r)
		err := New(&got, slog.LevelInfo).Handle(context.Background(), r)
		if got.String() != want.String() || (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, want %v\n%s%s", err, wantErr, &got, &want)
		}
	})
}
