package kdcproxy

import (
	"context"
	"crypto/sha256"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

type begunKey struct{}

// Begun is told of requests that come by WebSocket, TCP and UDP, and not of those by
// HTTP. What it puts into the context is there when KDCs have been asked, and its
// function gets what became of the request.
func TestBegunIsToldOfRequestsWithoutAHandler(t *testing.T) {
	t.Parallel()
	for via, send := range map[Via]func(t *testing.T, r *Relay, message []byte){
		ViaTCP: func(t *testing.T, r *Relay, message []byte) { listenTCP(t, r)().Write(framed(message)) },
		ViaUDP: func(t *testing.T, r *Relay, message []byte) { listenUDP(t, r).Write(message) },
		ViaWebSocket: func(t *testing.T, r *Relay, message []byte) {
			dialSocket(t, socketServer(t, r)).Write(t.Context(), websocket.MessageBinary, message)
		},
	} {
		for realm, want := range map[string]Code{"EXAMPLE.COM": CodeOK, "UNLISTED.TEST": CodeRealm} {
			var asked atomic.Value
			ended := make(chan Event, 9)
			r, reported := newRelay(t, new(fakeNet), Config{
				Begun: func(ctx context.Context, via Via) (context.Context, func(Event)) {
					return context.WithValue(ctx, begunKey{}, via), func(e Event) { ended <- e }
				},
				Asked: func(ctx context.Context, _ string, _ time.Time, _ error) { asked.Store(ctx.Value(begunKey{})) },
			})
			send(t, r, asReq(realm))
			select {
			case e := <-ended:
				if e != reported.last() || e.Code != want || e.Via != via || e.Kind != KindAS {
					t.Errorf("%s, %s: ended with %+v, reported %+v", via, realm, e, reported.last())
				}
			case <-time.After(2 * time.Minute):
				t.Fatalf("%s, %s: does not end", via, realm)
			}
			if got := asked.Load(); want == CodeOK && got != via || want != CodeOK && got != nil {
				t.Errorf("%s, %s: asked with %v", via, realm, got)
			}
		}
	}
	r, _ := newRelay(t, new(fakeNet), Config{Begun: func(ctx context.Context, via Via) (context.Context, func(Event)) {
		t.Errorf("told of a request by %s", via)
		return ctx, func(Event) {}
	}})
	post(r.Proxy(), proxyBody("EXAMPLE.COM", asReq("EXAMPLE.COM")))
}

// Whoever forges datagrams fills no collector of traces: what is not reported does not
// end, and is sent nowhere.
func TestForgedDatagramsEndNoMoreThanAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var begun, ended atomic.Int32
		r, e := newRelay(t, new(fakeNet), Config{Begun: func(ctx context.Context, _ Via) (context.Context, func(Event)) {
			begun.Add(1)
			return ctx, func(Event) { ended.Add(1) }
		}})
		u := &datagrams{Relay: r, underWay: map[[sha256.Size]byte]bool{}}
		for i := range 500 {
			u.received(asReq("UNLISTED.TEST"), &net.UDPAddr{IP: net.IPv4(10, 0, byte(i>>8), byte(i)), Port: 88})
		}
		synctest.Wait()
		if n := len(e.all()); n != 100 || ended.Load() != 100 || begun.Load() != 500 {
			t.Errorf("%d begun, %d ended, %d reported", begun.Load(), ended.Load(), n)
		}
	})
}
