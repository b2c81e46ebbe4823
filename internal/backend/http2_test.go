package backend

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
)

// refusing is a backend that speaks HTTP/2 and refuses each stream as one that it
// has not looked at.
func refusing(t *testing.T, certificate tls.Certificate, streams *atomic.Int32) Target {
	t.Helper()
	target := peer(t, func(raw net.Conn) {
		c := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
		if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		framer := http2.NewFramer(c, c)
		_ = framer.WriteSettings()
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				return
			}
			switch f := frame.(type) {
			case *http2.SettingsFrame:
				if !f.IsAck() {
					_ = framer.WriteSettingsAck()
				}
			case *http2.HeadersFrame:
				streams.Add(1)
				_ = framer.WriteRSTStream(f.StreamID, http2.ErrCodeRefusedStream)
			}
		}
	})
	target.Scheme = "https"
	return target
}

// By HTTP/2 net/http repeats what a backend refuses. A Set does not, but for what
// the package says: the request was on the wire.
func TestRefusedStreamsAreNotRepeated(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	for _, tt := range []struct{ method, body string }{{"POST", "m"}, {"PUT", "m"}, {"GET", ""}, {"HEAD", ""}} {
		var streams atomic.Int32
		target := refusing(t, ours.forHost(t), &streams)
		other := newRecorder(t)
		s := newSet(t, Config{Targets: []Target{target, targetOf(other.URL)},
			TLS: func() *tls.Config { return &tls.Config{RootCAs: pool(ours)} }})
		got, err := exchange(t, s, request(t, tt.method, tt.body))
		if err == nil || streams.Load() != 1 || len(other.got()) != 0 {
			t.Errorf("%s: %q, %v; %d streams, the other one got %q", tt.method, got, err, streams.Load(), other.got())
		}
	}
}
