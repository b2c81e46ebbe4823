package kdcproxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// ServeTCP serves clients by TCP, as a KDC does (RFC 4120 7.2.2), until the
// relay is closed or the listener fails. It closes the listener. A request that
// is not relayed ends its connection.
func (r *Relay) ServeTCP(ln net.Listener) error {
	stop := context.AfterFunc(r.life, func() { ln.Close() })
	defer stop()
	defer ln.Close()
	for {
		conn, err := ln.Accept()
		if err != nil {
			if r.life.Err() != nil {
				return nil
			}
			return err
		}
		client := addrOf(conn.RemoteAddr().String())
		release, ok := r.connections.take(client)
		if !ok {
			conn.Close()
			r.report(ViaTCP, client, refuse(CodeBusy, "too many connections"))
			continue
		}
		go func() {
			defer release()
			defer conn.Close()
			r.serve(func() { r.serveConn(conn, client) })
		}()
	}
}

// serveConn serves one connection, a request at a time.
func (r *Relay) serveConn(conn net.Conn, client netip.Addr) {
	stop := context.AfterFunc(r.life, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for r.life.Err() == nil {
		_ = conn.SetDeadline(time.Now().Add(r.cfg.IdleTimeout))
		if r.life.Err() != nil || !r.serveFramed(conn, client) { // Close has set another deadline before
			return
		}
	}
}

// serveFramed reads a request and writes its reply. It reports whether the
// connection goes on.
func (r *Relay) serveFramed(conn net.Conn, client netip.Addr) bool {
	own := room{relay: r, client: client}
	defer own.free()
	octets, err := readFramed(conn, &own)
	if err != nil && codeOf(err) != CodeMalformed && codeOf(err) != CodeBusy {
		return false
	}
	q, limited := r.begin(ViaTCP, client)
	if limited != nil {
		err = limited
	}
	var reply []byte
	if err == nil {
		reply, err = q.relayed(r.life, "", octets)
	}
	if err == nil {
		_ = conn.SetDeadline(time.Now().Add(r.cfg.ReadTimeout))
		_, err = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(reply))), reply...))
	}
	q.end(err)
	return err == nil
}

// readFramed reads a message and its length. It allocates as octets arrive.
func readFramed(conn io.Reader, own *room) ([]byte, error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n == 0 || n > maxMessage {
		return nil, refuse(CodeMalformed, "a length of %d octets", n)
	}
	if err := own.need(int(n)); err != nil {
		return nil, err
	}
	octets, err := io.ReadAll(io.LimitReader(conn, int64(n)))
	if err == nil && len(octets) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	return octets, err
}

// ServeUDP serves clients by UDP (RFC 4120 7.2.1), until the relay is closed or
// the socket fails. It closes the socket. A request that is not relayed gets no
// answer. A copy of a request that is under way is dropped: clients send again
// what takes long, and a KDC counts each as a login. A reply that is too large
// is KRB_ERR_RESPONSE_TOO_BIG, upon which clients use TCP.
func (r *Relay) ServeUDP(pc net.PacketConn) error {
	stop := context.AfterFunc(r.life, func() { pc.Close() })
	defer stop()
	defer pc.Close()
	u := &datagrams{Relay: r, conn: pc, underWay: map[[sha256.Size]byte]bool{}}
	buf := make([]byte, 64<<10)
	for {
		n, from, err := pc.ReadFrom(buf)
		switch {
		case r.life.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // such as an ICMP answer to a reply
			continue
		}
		u.received(bytes.Clone(buf[:n]), from)
	}
}

// datagrams are the requests of a UDP socket.
type datagrams struct {
	*Relay
	conn net.PacketConn

	refusals rate         // that are reported
	skipped  atomic.Int64 // since one was

	mu       sync.Mutex
	underWay map[[sha256.Size]byte]bool // client and octets
}

// reportedRefusals is how many refused datagrams a second are reported.
const reportedRefusals = 10

// end reports what became of a request. Anybody can send datagrams in any name,
// as fast as the network takes them: of those that are refused some are
// reported, with how many were not.
func (u *datagrams) end(q *request, err error) {
	switch {
	case err == nil:
	case !u.refusals.allow(time.Since(u.start), time.Second/reportedRefusals):
		u.skipped.Add(1)
		return
	default:
		q.event.Skipped = int(u.skipped.Swap(0))
	}
	q.end(err)
}

// received relays one datagram, unless it is one too many.
func (u *datagrams) received(octets []byte, from net.Addr) {
	key := sha256.Sum256(append([]byte(from.String()+" "), octets...))
	q, err := u.begin(ViaUDP, addrOf(from.String()))
	if err == nil && !u.enter(key) {
		return
	}
	if err != nil {
		u.end(q, err)
		return
	}
	go u.serve(func() {
		defer u.leave(key)
		reply, err := q.relayed(u.life, "", octets)
		if err == nil {
			_, err = u.conn.WriteTo(datagram(reply, octets), from)
		}
		u.end(q, err)
	})
}

// enter notes a request, and reports whether it is neither under way nor one too
// many.
func (u *datagrams) enter(key [sha256.Size]byte) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.underWay[key] || len(u.underWay) >= u.cfg.MaxExchanges {
		return false
	}
	u.underWay[key] = true
	return true
}

func (u *datagrams) leave(key [sha256.Size]byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.underWay, key)
}

const errTooBig = 52 // KRB_ERR_RESPONSE_TOO_BIG (RFC 4120 7.5.9)

// datagram returns the reply to a request that came by UDP.
func datagram(reply, request []byte) []byte {
	if len(reply) <= maxDatagram {
		return reply
	}
	m, err := parseMessage(request)
	if err != nil {
		return nil
	}
	return krbmsg.AppendKRBError(nil, errTooBig, time.Now(), []byte(m.realm), krbmsg.Name{
		Strings: der.Append(der.Element(der.TagGeneralString, []byte("krbtgt")), der.TagGeneralString, []byte(m.realm))})
}
