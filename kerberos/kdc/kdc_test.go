package kdc

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// errReply is a KRB-ERROR that can be told apart by its code.
func errReply(code int32) []byte {
	return der.Element(der.TagApplication(30), der.Element(der.TagSequence, der.Field(0, der.TagInteger, []byte{5}), der.Field(1, der.TagInteger, []byte{30}),
		der.Field(4, der.TagGeneralizedTime, []byte("20260101000000Z")), der.Field(5, der.TagInteger, []byte{0}), der.Field(6, der.TagInteger, der.Integer(int64(code))),
		der.Field(9, der.TagGeneralString, []byte("A")), der.Element(der.TagContext(10), krbmsg.EncodeName(2, []string{"s"}))))
}

// scriptedDial gives connections whose other side a function plays, by network and address.
func scriptedDial(play func(network, address string, c net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() { defer there.Close(); play(network, address, there) }()
		return here, nil
	}
}

func framed(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }

const twoKDCs = "[realms]\nA = {\nkdc = one\nkdc = two:1088\n}\n"

func newKDCs(t *testing.T, cfg TransportConfig) *Transport {
	t.Helper()
	k, err := NewTransport(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKDCReplies: what the first KDC says, and whether its answer counts, the next is asked, or both errors are told.
func TestKDCReplies(t *testing.T) {
	good := errReply(7)
	for name, c := range map[string]struct {
		conf  string
		first func(network string, conn net.Conn)
		want  int32  // the code that comes back
		says  string // in the error when the second KDC fails too
	}{
		"good": {first: func(_ string, c net.Conn) { c.Write(framed(errReply(6))) }, want: 6},
		"in pieces": {first: func(_ string, c net.Conn) {
			for _, b := range framed(errReply(6)) {
				c.Write([]byte{b})
			}
		}, want: 6},
		"unavailable":      {first: func(_ string, c net.Conn) { c.Write(framed(errReply(krbErrUnavailable))) }, want: 7},
		"closes":           {first: func(string, net.Conn) {}, want: 7, says: "tcp/one:88: length of the reply: EOF"},
		"half a length":    {first: func(_ string, c net.Conn) { c.Write([]byte{0, 0}) }, want: 7, says: "unexpected EOF"},
		"cut off":          {first: func(_ string, c net.Conn) { c.Write(framed(good)[:20]) }, want: 7, says: "reply ends after 16 of"},
		"too long":         {first: func(_ string, c net.Conn) { c.Write([]byte{0, 2, 0, 1}) }, want: 7, says: "announces a reply of 131073 octets"},
		"high bit":         {first: func(_ string, c net.Conn) { c.Write([]byte{0x80, 0, 0, 1}) }, want: 7, says: "announces a reply of 2147483649 octets"},
		"no Kerberos":      {first: func(_ string, c net.Conn) { c.Write(framed([]byte("220 smtp"))) }, want: 7, says: "is that a KDC?"},
		"more than one":    {first: func(_ string, c net.Conn) { c.Write(framed(append(slices.Clone(good), 0))) }, want: 7, says: "is that a KDC?"},
		"UDP good":         {conf: "udp", first: func(n string, c net.Conn) { c.Write(errReply(6)) }, want: 6},
		"UDP forged noise": {conf: "udp", first: func(n string, c net.Conn) { c.Write([]byte("noise")); c.Write(nil); c.Write(errReply(6)) }, want: 6},
		"UDP too big": {conf: "udp", first: func(n string, c net.Conn) {
			if n == "udp" {
				c.Write(errReply(krbErrTooBig))
			} else {
				c.Write(framed(errReply(6)))
			}
		}, want: 6},
	} {
		for _, second := range []bool{true, false} {
			if !second && c.says == "" {
				continue
			}
			conf := twoKDCs
			if c.conf != "udp" {
				conf += "[libdefaults]\nudp_preference_limit = 1\n"
			}
			k := newKDCs(t, TransportConfig{Krb5Conf: conf, Timeout: 5 * time.Second, Dial: scriptedDial(func(network, address string, conn net.Conn) {
				if network == "tcp" {
					var length [4]byte
					io.ReadFull(conn, length[:])
					io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(length[:])))
				} else {
					conn.Read(make([]byte, 2000))
				}
				switch {
				case address == "one:88":
					c.first(network, conn)
				case address == "two:1088" && second:
					if network == "tcp" {
						conn.Write(framed(good))
					} else {
						conn.Write(good)
					}
				}
			})})
			reply, err := k.Exchange(t.Context(), "A", []byte("request"))
			if !second {
				if !errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDC}) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "tcp/two:1088: length of the reply: EOF") {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			e, parseErr := krbmsg.ParseKRBError(reply)
			if err != nil || parseErr != nil || e.Code != c.want {
				t.Errorf("%s: %v %v %v", name, e, err, parseErr)
			}
		}
	}
}

// TestKDCsAreAskedSoon: a silent KDC holds nobody up, its late answer still counts, and ctx ends all.
func TestKDCsAreAskedSoon(t *testing.T) {
	var asked atomic.Int32
	silent := make(chan struct{})
	dial := scriptedDial(func(_, address string, conn net.Conn) {
		asked.Add(1)
		io.CopyN(io.Discard, conn, 11)
		if address == "one:88" {
			<-silent
			conn.Write(framed(errReply(6)))
			return
		}
		io.Copy(io.Discard, conn)
	})
	conf := twoKDCs + "[libdefaults]\nudp_preference_limit = 1\n"
	k := newKDCs(t, TransportConfig{Krb5Conf: conf, Patience: 10 * time.Millisecond, Dial: dial})
	go func() {
		for asked.Load() < 2 {
			time.Sleep(time.Millisecond)
		}
		close(silent)
	}()
	if reply, err := k.Exchange(t.Context(), "A", []byte("request")); err != nil || len(reply) == 0 || asked.Load() != 2 {
		t.Error(err, asked.Load())
	}
	silent = make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := k.Exchange(ctx, "A", []byte("request")); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "tcp/one:88, tcp/two:1088") || time.Since(start) > 2*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	close(silent)
	short := newKDCs(t, TransportConfig{Krb5Conf: conf, Patience: time.Hour, Timeout: 20 * time.Millisecond, Dial: scriptedDial(func(_, _ string, c net.Conn) { io.Copy(io.Discard, c) })})
	if _, err := short.Exchange(t.Context(), "A", []byte("request")); !errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDC}) || strings.Count(err.Error(), "no answer") != 2 {
		t.Error(err)
	}
	if _, err := k.Exchange(t.Context(), "A", nil); err == nil {
		t.Error("an empty request was sent")
	}
	if _, err := k.Exchange(t.Context(), "A", make([]byte, maxKDCMessage+1)); err == nil {
		t.Error("a huge request was sent")
	}
}

// TestReplyOverSlowConnection reads a reply octet by octet, length included.
func TestReplyOverSlowConnection(t *testing.T) {
	conn := slowConn{iotest.OneByteReader(strings.NewReader(string(framed(errReply(6)))))}
	if reply, err := exchangeTCP(conn, []byte("x")); err != nil || string(reply) != string(errReply(6)) {
		t.Error(err)
	}
}

type slowConn struct{ r io.Reader }

func (c slowConn) Read(b []byte) (int, error) { return c.r.Read(b) }

func (slowConn) Write(b []byte) (int, error) { return len(b), nil }

func (slowConn) Close() error { return nil }

func (slowConn) LocalAddr() net.Addr { return nil }

func (slowConn) RemoteAddr() net.Addr { return nil }

func (slowConn) SetDeadline(time.Time) error { return nil }

func (slowConn) SetReadDeadline(time.Time) error { return nil }

func (slowConn) SetWriteDeadline(time.Time) error { return nil }

// TestWhichKDCs: entries in their forms, service records only when allowed, and realms that are not configured refused.
func TestWhichKDCs(t *testing.T) {
	lookup := func(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
		if service != "kerberos" || name == "NONE" {
			return "", nil, errors.New("no such host")
		}
		return "", []*net.SRV{{Target: "kdc." + strings.ToLower(name) + ".", Port: 88}, {Target: "."}}, nil
	}
	const dns = "[libdefaults]\ndefault_realm = DEFAULT\ndns_lookup_kdc = true\n[realms]\nA = {\nkdc = one\n}\nLISTED = {\n}\nNONE = {\n}\n"
	for _, c := range []struct {
		conf, realm string
		any         bool
		want        string // or what the error says
	}{
		{twoKDCs, "A", false, "[one:88 two:1088]"},
		{"[realms]\nA = {\nkdc = ::1\nkdc = [::2]\nkdc = [::3]:8\nkdc = tcp/h\nkdc = udp/h:9\n}", "A", false, "[[::1]:88 [::2]:88 [::3]:8 tcp/h:88 udp/h:9]"},
		{"[realms]\nA = {\nkdc = https://proxy/KdcProxy\nkdc = h\n}", "A", false, "[h:88]"},
		{"[realms]\nA = {\nkdc = https://proxy/KdcProxy\n}", "A", false, "KDC proxies only"},
		{"[realms]\nA = {\nkdc = http/h\n}", "A", false, "neither udp nor tcp"},
		{"[realms]\nA = {\nkdc = h:x\n}", "A", false, "no host or host:port"},
		{"[realms]\nA = {\nkdc = h:0\n}", "A", false, "no host or host:port"},
		{"[realms]\nA = {\nkdc = :88\n}", "A", false, "no host or host:port"},
		{"[realms]\nA = {\nkdc = 88\n}", "A", false, "no host or host:port"},
		{"[realms]\nA = {\nkdc = [::1]:88 # text\n}", "A", false, "no host or host:port: there is no port \"88 # text\""},
		{"[realms]\nA = {\nkdc = 127.0.0.1:88 # text\n}", "A", false, "no host or host:port"},
		{"[realms]\nA = {\nkdc = 127.0.0.1   # the first\nkdc = h\t:99\nkdc = [::1] # it\nkdc = ::2 # it\nkdc = h: +77\n}", "A", false, "[127.0.0.1:88 h:88 [::1]:88 [::2]:88 h:77]"},
		{"[realms]\nA = {\nkdc = tcp/h h2\n}", "A", false, "[tcp/h:88]"},
		{"[realms]\nA = {\nkdc = /run/kdc.sock\n}", "A", false, "is the socket of a KDC on this machine"},
		{"[realms]\nA = {\nadmin_server = h\n}", "A", false, "has no kdc in krb5.conf"},
		{twoKDCs, "B", true, "realm B is not configured: krb5.conf has A"},
		{twoKDCs, "", true, "no realm is given"},
		{twoKDCs, "A\x00", true, "which is none"},
		{dns, "A", false, "[one:88]"},
		{dns, "LISTED", false, "[udp/kdc.listed:88 tcp/kdc.listed:88]"},
		{dns, "DEFAULT", false, "[udp/kdc.default:88 tcp/kdc.default:88]"},
		{dns, "NONE", false, "no records _kerberos._udp.NONE"},
		{dns, "STRANGER", false, "realm STRANGER is not configured: krb5.conf has DEFAULT, A, LISTED, NONE"},
		{dns, "STRANGER", true, "[udp/kdc.stranger:88 tcp/kdc.stranger:88]"},
		{strings.Replace(dns, "dns_lookup_kdc = true", "dns_lookup_kdc = false", 1), "LISTED", true, "or set dns_lookup_kdc = true"},
	} {
		list, err := newKDCs(t, TransportConfig{Krb5Conf: c.conf, AnyRealm: c.any, LookupSRV: lookup}).KDCs(t.Context(), c.realm)
		got := "[" + describe(list) + "]"
		if err != nil {
			if got = err.Error(); !errors.Is(err, &kerberos.Error{Code: kerberos.CodeRealm}) {
				t.Error(err)
			}
		}
		if strings.ReplaceAll(got, ",", "") != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
