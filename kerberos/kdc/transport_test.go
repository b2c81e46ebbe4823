package kdc

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestExchangeTCPReadsSlowReplies reads a reply octet by octet, length
// included.
func TestExchangeTCPReadsSlowReplies(t *testing.T) {
	t.Parallel()
	conn := slowConn{iotest.OneByteReader(strings.NewReader(string(framed(errReply(6)))))}
	if reply, err := exchangeTCP(conn, []byte("x"), isKDCReply); err != nil || string(reply) != string(errReply(6)) {
		t.Error(err)
	}
}

// Anyone can send a datagram from the KDC's address: one that cannot be a reply
// is ignored.
func TestGarbageByUDPIsIgnored(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		defer there.Close()
		there.Read(make([]byte, 100))
		whole := errReply(6)
		for _, datagram := range [][]byte{[]byte("garbage"), {0x7e}, whole[:len(whole)-1], append(errReply(7), 0), whole} {
			there.Write(datagram)
		}
	}()
	reply, err := converse(t.Context(), here, "udp", []byte("request"), isKDCReply)
	if err != nil || string(reply) != string(errReply(6)) {
		t.Errorf("%x, %v", reply, err)
	}
}

func TestExchangeTCPRejectsBadReplies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ octets, want string }{
		"nothing":         {"", "length of the reply"},
		"half a length":   {"\x00\x00", "length of the reply"},
		"longer than may": {"\x00\x02\x00\x01", "limit 131072"},
		"HTTP":            {"HTTP/1.1 400", "limit 131072"},
		"cut off":         {"\x00\x00\x00\x05\x7e", "ends after 1 of 5"},
		"not a reply":     {"\x00\x00\x00\x02\x6a\x00", "is that a KDC?"},
	} {
		reply, err := exchangeTCP(slowConn{strings.NewReader(test.octets)}, []byte("x"), isKDCReply)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %x, %v", name, reply, err)
		}
	}
}

// A slowConn is a connection that reads from r.
type slowConn struct{ r io.Reader }

func (c slowConn) Read(b []byte) (int, error) { return c.r.Read(b) }

func (slowConn) Write(b []byte) (int, error) { return len(b), nil }

func (slowConn) Close() error { return nil }

func (slowConn) LocalAddr() net.Addr { return nil }

func (slowConn) RemoteAddr() net.Addr { return nil }

func (slowConn) SetDeadline(time.Time) error { return nil }

func (slowConn) SetReadDeadline(time.Time) error { return nil }

func (slowConn) SetWriteDeadline(time.Time) error { return nil }
