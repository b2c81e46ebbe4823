package gateway

import (
	"net"
	"testing"
)

// A connection that is closed to make room for others may have been read from
// just before: what it brought then must not count, as nothing would take it back.
func TestClosedConnectionsCountForNoHeaders(t *testing.T) {
	t.Parallel()
	l := &connLimiter{headerOctets: 1 << 20, Connections: new(Connections)}
	if !l.enter() {
		t.Fatal("no room")
	}
	end, _ := net.Pipe()
	c := l.wrap(end)
	if c.arrived(2 * freeHeader); l.arriving.octets != freeHeader {
		t.Errorf("open: %d octets", l.arriving.octets)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if c.arrived(2 * freeHeader); l.arriving.octets != 0 || l.arriving.queue.Len() != 0 || l.n != 0 {
		t.Errorf("closed: %d octets, %d sections, %d connections", l.arriving.octets, l.arriving.queue.Len(), l.n)
	}
}
