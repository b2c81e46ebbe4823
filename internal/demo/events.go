package demo

import (
	"context"
	"log/slog"
	"sync"
)

// An eventLog is a slog.Handler that passes on the gateway's events.
type eventLog struct {
	queue chan event

	mu   sync.Mutex
	last event
}

// An event is the part of an event that the demo shows.
type event struct{ code, err string }

func newEventLog() *eventLog { return &eventLog{queue: make(chan event, 64)} }

// Enabled takes everything.
func (*eventLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps exchanges; when nobody takes them the newest are lost.
func (l *eventLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "exchange" {
		return nil
	}
	var ev event
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "code":
			ev.code = a.Value.String()
		case "error":
			ev.err = a.Value.String()
		}
		return true
	})
	l.mu.Lock()
	l.last = ev
	l.mu.Unlock()
	select {
	case l.queue <- ev:
	default:
	}
	return nil
}

// WithAttrs returns l: the demo reads the attributes of records alone.
func (l *eventLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup returns l, as WithAttrs does.
func (l *eventLog) WithGroup(string) slog.Handler { return l }

// next waits for an event, which is written after the answer.
func (l *eventLog) next(ctx context.Context) event {
	ctx, cancel := context.WithTimeout(ctx, waitForEvent)
	defer cancel()
	select {
	case ev := <-l.queue:
		return ev
	case <-ctx.Done():
		return event{code: "none", err: "no event was logged"}
	}
}

// take returns the newest event, once. Without one it is empty.
func (l *eventLog) take() event {
	l.mu.Lock()
	defer l.mu.Unlock()
	ev := l.last
	l.last = event{}
	return ev
}
