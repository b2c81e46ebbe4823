package kdc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// A replyKind reports whether octets are a whole reply of its kind.
type replyKind func([]byte) bool

// converse sends a request over a connection and returns the reply, by ctx's end.
func converse(
	ctx context.Context, conn net.Conn, network string, request []byte, is replyKind,
) (reply []byte, err error) {
	if network == "udp" {
		if _, err = conn.Write(request); err == nil {
			reply, err = receiveUDP(ctx, conn, time.Time{}, is)
		}
	} else {
		defer endWith(ctx, conn)()
		reply, err = exchangeTCP(conn, request, is)
	}
	return reply, noAnswer(ctx, err)
}

// endWith ends reads and writes when ctx ends, until stop is called.
func endWith(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}

// noAnswer returns the error of an exchange, with what has ended it if that was
// time or ctx.
func noAnswer(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("no answer: %w", ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer: %w", context.DeadlineExceeded)
	}
	return err
}

// maxUDPReply is the most that is received by UDP: each exchange that waits has a
// buffer. KDCs send 4096 octets at most, if they are not told otherwise. What is
// longer is cut off, and so no reply.
const maxUDPReply = 16 << 10

// datagrams are buffers for one datagram each.
var datagrams = sync.Pool{New: func() any { b := make([]byte, maxUDPReply); return &b }}

// receiveUDP returns the reply to a request that was sent by UDP (RFC 4120
// 7.2.1), if it comes until then. The socket receives datagrams from the KDC's
// address only; those that cannot be the reply are ignored, as anyone can send
// them.
func receiveUDP(ctx context.Context, conn net.Conn, until time.Time, is replyKind) ([]byte, error) {
	_ = conn.SetReadDeadline(until)
	defer endWith(ctx, conn)()
	pooled := datagrams.Get().(*[]byte)
	defer datagrams.Put(pooled)
	buf := *pooled
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if is(buf[:n]) {
			return bytes.Clone(buf[:n]), nil
		}
	}
}

// exchangeTCP exchanges messages by TCP (RFC 4120 7.2.2), each preceded by its
// length in four octets.
func exchangeTCP(conn net.Conn, request []byte, is replyKind) ([]byte, error) {
	framed := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(request)), uint32(len(request)))
	if _, err := conn.Write(append(framed, request...)); err != nil {
		return nil, asHangUp(err)
	}
	in := bufio.NewReader(conn) // most replies come in one read, with their length
	var length [4]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return nil, asHangUp(fmt.Errorf("length of the reply: %w", err))
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxKDCMessage {
		return nil, fmt.Errorf("announces a reply of %d octets, limit %d: is that a KDC?", n, maxKDCMessage)
	}
	reply, err := io.ReadAll(io.LimitReader(in, int64(n))) // allocates as octets arrive
	switch {
	case err != nil:
		return nil, fmt.Errorf("reply: %w", err)
	case len(reply) < int(n):
		return nil, fmt.Errorf("reply ends after %d of %d octets", len(reply), n)
	case !is(reply):
		return nil, errors.New("reply is none that its request can have: is that a KDC?")
	}
	return reply, nil
}

// A hangUp is the error of a KDC that closed the connection in the place of an
// answer.
type hangUp struct{ error }

func (e hangUp) Unwrap() error { return e.error }

// asHangUp returns err, as a hangUp if it is one.
func asHangUp(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return hangUp{err}
	}
	return err
}

// An asked is what stands in clear in a request.
type asked struct {
	krbmsg.KDCRequest
	tag     byte // 0 if the request cannot be read
	renames bool // the answer may have other names (RFC 6806 5, 6)
	once    bool // it may hold what counts once, such as a one-time password
	counted bool // a KDC may count it as a login that has failed
}

func readAsked(request []byte) (a asked) {
	tag := request[0]
	if tag != der.TagApplication(10) && tag != der.TagApplication(12) {
		return a
	}
	r, paData, err := krbmsg.ParseKDCRequest(request, tag&tagNumber)
	if err != nil {
		return a
	}
	a = asked{KDCRequest: r, tag: tag}
	a.renames = r.Options&krbmsg.KDCCanonicalize != 0 || r.ClientType == krbmsg.NameEnterprise
	if tag == der.TagApplication(10) {
		p := der.Parser{In: "padata"}
		krbmsg.EachPAData(&p, paData, func(kind int32, _ []byte) {
			a.once = a.once || kind == krbmsg.PAFXFast || kind == krbmsg.PAOTPRequest
			a.counted = a.counted || kind == krbmsg.PAEncTimestamp
		})
	}
	return a
}

// isAnsweredBy reports whether a datagram is taken for the answer. What a KDC
// sends late may reach a socket that has the port of an earlier one, and what
// others send, one whose port they have guessed: an answer is of the request's
// kind, and names the client of an AS-REQ and the service of a TGS-REQ, unless the
// KDC was asked to change names. The nonce is encrypted; the client looks at that.
func (a *asked) isAnsweredBy(b []byte) bool {
	if a.tag == 0 {
		return isKDCReply(b)
	}
	if isElement(b, der.TagApplication(30)) {
		e, err := krbmsg.ParseKRBError(b)
		return err == nil && (a.renames || a.Client == nil || e.Client == "" || names(e.Client, a.Client))
	}
	r, err := krbmsg.ParseKDCReply(b, a.tag&tagNumber+1)
	switch {
	case err != nil:
		return false
	case a.renames:
		return true
	case a.Client != nil:
		return equalNames(a.Client, r.CName.Components())
	}
	service := r.SName.Components()
	return equalNames(a.Service, service) || len(service) == 2 && service[0] == krbmsg.KRBTGT // a referral
}

// names reports whether a principal, as in a KRB-ERROR, has this name.
func names(principal string, name []string) bool {
	want := kerberos.Principal{Components: name}.Name() + "@"
	return len(principal) >= len(want) && strings.EqualFold(principal[:len(want)], want)
}

const tagNumber = 0x1f // of an identifier octet

// equalNames reports whether names are the same but for case, which does not
// count on Windows.
func equalNames(a, b []string) bool { return slices.EqualFunc(a, b, strings.EqualFold) }

// isKDCReply reports whether b is one DER element with the tag of AS-REP,
// TGS-REP or KRB-ERROR.
func isKDCReply(b []byte) bool {
	for _, tag := range []byte{der.TagApplication(11), der.TagApplication(13), der.TagApplication(30)} {
		if isElement(b, tag) {
			return true
		}
	}
	return false
}

// isElement reports whether b is one DER element with this tag.
func isElement(b []byte, tag byte) bool {
	_, rest, why := der.Cut(b, tag)
	return why == "" && len(rest) == 0
}
