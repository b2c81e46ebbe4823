package kdc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// exchange asks one KDC.
func (k *Transport) exchange(ctx context.Context, a Address, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, k.cfg.Timeout)
	defer cancel()
	conn, err := k.cfg.Dial(ctx, a.Network, a.Address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) // ends what waits
	defer stop()
	var reply []byte
	if a.Network == "udp" {
		reply, err = exchangeUDP(conn, request)
	} else {
		reply, err = exchangeTCP(conn, request)
	}
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("no answer: %w", ctx.Err())
	}
	return reply, err
}

// exchangeUDP is RFC 4120 7.2.1. The socket takes datagrams of the KDC's address only; one that is no reply at all is
// ignored, as anybody can send it.
func exchangeUDP(conn net.Conn, request []byte) ([]byte, error) {
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if isKDCReply(buf[:n]) {
			return append([]byte(nil), buf[:n]...), nil
		}
	}
}

// exchangeTCP is RFC 4120 7.2.2: messages behind their length in four octets.
func exchangeTCP(conn net.Conn, request []byte) ([]byte, error) {
	framed := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(request)), uint32(len(request)))
	if _, err := conn.Write(append(framed, request...)); err != nil {
		return nil, err
	}
	var length [4]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, fmt.Errorf("length of the reply: %w", err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxKDCMessage {
		return nil, fmt.Errorf("announces a reply of %d octets, the limit is %d: is that a KDC?", n, maxKDCMessage)
	}
	reply, err := io.ReadAll(io.LimitReader(conn, int64(n))) // grows as octets come
	switch {
	case err != nil:
		return nil, fmt.Errorf("reply: %w", err)
	case len(reply) < int(n):
		return nil, fmt.Errorf("reply ends after %d of %d octets", len(reply), n)
	case !isKDCReply(reply):
		return nil, errors.New("reply is neither AS-REP, TGS-REP nor KRB-ERROR: is that a KDC?")
	}
	return reply, nil
}

// isKDCReply reports whether b is one element with the tag of AS-REP, TGS-REP or KRB-ERROR.
func isKDCReply(b []byte) bool {
	for _, tag := range []byte{der.TagApplication(11), der.TagApplication(13), der.TagApplication(30)} {
		if _, rest, why := der.Cut(b, tag); why == "" && len(rest) == 0 {
			return true
		}
	}
	return false
}
