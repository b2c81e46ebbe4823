package client_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
)

// TestCallGivesBackWhatItReserves: whatever becomes of it, and what it holds
// meanwhile is bounded from below by its messages.
func TestCallGivesBackWhatItReserves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	var held, most atomic.Int64
	reserve := func(_ context.Context, octets int) error {
		if now := held.Add(int64(octets)); now > most.Load() {
			most.Store(now)
		}
		return nil
	}
	c := w.client("Kerberos", func(cfg *client.Config) { cfg.Reserve = reserve })
	large := envelope(soap.V11, "", "<q:Ask xmlns:q='urn:q'>"+strings.Repeat("a", 100_000)+"</q:Ask>")
	for name, message := range map[string][]byte{"reply": large, "no message": []byte(strings.Repeat("<", 100_000))} {
		most.Store(0)
		_, err := c.Call(t.Context(), client.Request{Message: message})
		if (err == nil) != (name == "reply") || held.Load() != 0 || most.Load() < int64(2*len(message)) {
			t.Errorf("%s: %v; held %d, at most %d", name, err, held.Load(), most.Load())
		}
	}
	w.between = func(resp *http.Response) {
		replaced(resp, bytes.Replace(body(resp), []byte("CipherValue>"), []byte("CipherValue>AAAA"), 1))
	}
	_, err := c.Call(t.Context(), client.Request{Message: large})
	if codeOf(err) != client.CodeUnverified || held.Load() != 0 {
		t.Errorf("changed reply: %v; held %d", err, held.Load())
	}
}

// TestCallEndsWithoutRoom: for its request nothing is sent; a reply is not held.
func TestCallEndsWithoutRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", soap.V11.ContentType())
		_, _ = rw.Write(envelope(soap.V11, "", strings.Repeat("<a/>", 100_000)))
	}
	full := errors.New("no room")
	limit := 1000
	c := w.client("Kerberos", func(cfg *client.Config) {
		held := 0
		cfg.Reserve = func(_ context.Context, octets int) error {
			if held+octets > limit {
				return full
			}
			held += octets
			return nil
		}
	})
	message := envelope(soap.V11, "", ask+strings.Repeat(" ", 1000))
	_, err := c.Call(t.Context(), client.Request{Message: message})
	if codeOf(err) != client.CodeMessage || !errors.Is(err, full) || len(w.seen) > 0 {
		t.Errorf("%v, %d messages reached the backend", err, len(w.seen))
	}
	limit = 100_000
	if _, err := c.Call(t.Context(), client.Request{Message: message}); !errors.Is(err, full) || len(w.seen) != 1 {
		t.Errorf("%v, %d messages reached the backend", err, len(w.seen))
	}
}

// TestMissingMessageIDIsAdded: to a message that has other blocks of WS-Addressing,
// in their version.
func TestMissingMessageIDIsAdded(t *testing.T) {
	t.Parallel()
	const action = `<s:Header><a:Action xmlns:a="` + soap.NSAddressing04 + `">urn:ask</a:Action></s:Header>`
	env, err := client.WithAddressing(soap.NSAddressing, client.Request{Message: envelope(soap.V11, action, ask)})
	if err != nil {
		t.Fatal(err)
	}
	for b := range env.Blocks() {
		if b.Local() == "MessageID" && b.Space() == soap.NSAddressing04 && strings.HasPrefix(b.Text(), "urn:uuid:") {
			return
		}
	}
	t.Errorf("%s", env.Doc.Source())
}
