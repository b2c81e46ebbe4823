package kdc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// errReply returns a KRB-ERROR with a code.
func errReply(code int32) []byte {
	return der.Element(der.TagApplication(30),
		der.Element(der.TagSequence, der.Field(0, der.TagInteger, []byte{5}), der.Field(1, der.TagInteger, []byte{30}),
			der.Field(4, der.TagGeneralizedTime, []byte("20260101000000Z")), der.Field(5, der.TagInteger, []byte{0}),
			der.Field(6, der.TagInteger, der.Integer(int64(code))),
			der.Field(9, der.TagGeneralString, []byte("A")),
			der.Element(der.TagContext(10), krbmsg.EncodeName(2, []string{"s"}))))
}

// dialFunc is the type of TransportConfig.Dial.
type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// scriptedDial returns a Dial whose connections lead to play.
func scriptedDial(play func(network, address string, c net.Conn)) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() { defer there.Close(); play(network, address, there) }()
		return here, nil
	}
}

func framed(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }

const (
	twoKDCs = "[realms]\nA = {\nkdc = one\nkdc = two:1088\n}\n"
	onlyTCP = twoKDCs + "[libdefaults]\nudp_preference_limit = 1\n"
)

func newKDCs(t *testing.T, cfg TransportConfig) *Transport {
	t.Helper()
	k, err := NewTransport(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestExchangeReturnsFirstReply: by the answer of the first KDC, that is
// returned, the next is asked, or both errors are reported.
func TestExchangeReturnsFirstReply(t *testing.T) {
	t.Parallel()
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
		"unavailable":   {first: func(_ string, c net.Conn) { c.Write(framed(errReply(krbErrUnavailable))) }, want: 7},
		"closes":        {first: func(string, net.Conn) {}, want: 7, says: "tcp/one:88: length of the reply: EOF"},
		"half a length": {first: func(_ string, c net.Conn) { c.Write([]byte{0, 0}) }, want: 7, says: "unexpected EOF"},
		"cut off": {first: func(_ string, c net.Conn) { c.Write(framed(good)[:20]) }, want: 7,
			says: "reply ends after 16 of"},
		"too long": {first: func(_ string, c net.Conn) { c.Write([]byte{0, 2, 0, 1}) }, want: 7,
			says: "announces a reply of 131073 octets"},
		"high bit": {first: func(_ string, c net.Conn) { c.Write([]byte{0x80, 0, 0, 1}) }, want: 7,
			says: "announces a reply of 2147483649 octets"},
		"no Kerberos": {first: func(_ string, c net.Conn) { c.Write(framed([]byte("220 smtp"))) }, want: 7,
			says: "is that a KDC?"},
		"more than one": {first: func(_ string, c net.Conn) { c.Write(framed(append(slices.Clone(good), 0))) }, want: 7,
			says: "is that a KDC?"},
		"UDP good": {conf: "udp", first: func(n string, c net.Conn) { c.Write(errReply(6)) }, want: 6},
		"UDP forged noise": {conf: "udp",
			first: func(n string, c net.Conn) { c.Write([]byte("noise")); c.Write(nil); c.Write(errReply(6)) }, want: 6},
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
			k := newKDCs(t, TransportConfig{Krb5Conf: conf, Timeout: 5 * time.Second,
				Dial: scriptedDial(func(network, address string, conn net.Conn) {
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
				if !errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDC}) || !strings.Contains(err.Error(), c.says) ||
					!strings.Contains(err.Error(), "tcp/two:1088: length of the reply: EOF") {
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

// TestExchangeAsksNextKDCSoon: a silent KDC holds nobody up, its late answer
// still counts, and ctx ends all.
func TestExchangeAsksNextKDCSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		dial := scriptedDial(func(_, address string, conn net.Conn) {
			asked.Add(1)
			io.CopyN(io.Discard, conn, 11)
			if address == "one:88" {
				time.Sleep(3 * time.Second)
				conn.Write(framed(errReply(6)))
				return
			}
			io.Copy(io.Discard, conn)
		})
		k := newKDCs(t, TransportConfig{Krb5Conf: onlyTCP, Patience: time.Second, Dial: dial})
		start := time.Now()
		reply, err := k.Exchange(t.Context(), "A", []byte("request"))
		if err != nil || len(reply) == 0 || asked.Load() != 2 || time.Since(start) != 3*time.Second {
			t.Errorf("%d octets of %d KDCs after %v: %v", len(reply), asked.Load(), time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start = time.Now()
		_, err = k.Exchange(ctx, "A", []byte("request"))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 2*time.Second ||
			!strings.Contains(err.Error(), "tcp/one:88, tcp/two:1088") {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		time.Sleep(3 * time.Second) // the late KDC ends
	})
}

func TestExchangeGivesUpSilentKDCs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKDCs(t, TransportConfig{Krb5Conf: onlyTCP, Patience: time.Hour, Timeout: 20 * time.Second,
			Dial: scriptedDial(func(_, _ string, c net.Conn) { io.Copy(io.Discard, c) })})
		start := time.Now()
		_, err := k.Exchange(t.Context(), "A", []byte("request"))
		if !errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDC}) || strings.Count(err.Error(), "no answer") != 2 ||
			time.Since(start) != 40*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestExchangeRejectsRequestsOfBadLengths(t *testing.T) {
	t.Parallel()
	k := newKDCs(t, TransportConfig{Krb5Conf: onlyTCP, Dial: scriptedDial(func(network, address string, _ net.Conn) {
		t.Errorf("%s/%s was asked", network, address)
	})})
	for _, n := range []int{0, maxKDCMessage + 1} {
		if _, err := k.Exchange(t.Context(), "A", make([]byte, n)); !errors.Is(err,
			&kerberos.Error{Code: kerberos.CodeKDC}) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
}

// A request and a reply of maxKDCMessage octets are exchanged.
func TestExchangeTakesMessagesAtTheLimit(t *testing.T) {
	t.Parallel()
	request, reply := make([]byte, maxKDCMessage), make([]byte, maxKDCMessage)
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		io.CopyN(io.Discard, server, int64(4+len(request)))
		server.Write(framed(reply))
	}()
	got, err := exchangeTCP(client, request, func([]byte) bool { return true })
	if err != nil || len(got) != len(reply) {
		t.Errorf("%d octets, %v", len(got), err)
	}
}

// A request of maxUDPRequest octets goes by UDP, and a longer one by TCP alone.
func TestLargeRequestsGoByTCP(t *testing.T) {
	t.Parallel()
	k := newKDCs(t, TransportConfig{Krb5Conf: "[libdefaults]\nudp_preference_limit = 32700\n" + twoKDCs})
	for n, want := range map[int]string{maxUDPRequest: "[udp/one:88 tcp/one:88]", maxUDPRequest + 1: "[tcp/one:88]"} {
		if got := fmt.Sprint(k.attempts(exchange{}, []Address{{Address: "one:88"}}, n, false, time.Now())); got != want {
			t.Errorf("%d octets: %s", n, got)
		}
	}
}

// TestTransportFindsKDCs: entries in their forms, service records only when
// allowed, and realms that are not configured refused.
func TestTransportFindsKDCs(t *testing.T) {
	t.Parallel()
	lookup := func(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
		if service != "kerberos" || name == "NONE" {
			return "", nil, errors.New("no such host")
		}
		return "", []*net.SRV{{Target: "kdc." + strings.ToLower(name) + ".", Port: 88}, {Target: "."}}, nil
	}
	const dns = "[libdefaults]\ndefault_realm = DEFAULT\ndns_lookup_kdc = true\n[realms]\nA = {\nkdc = one\n}\n" +
		"LISTED = {\n}\nNONE = {\n}\n"
	for _, c := range []struct {
		conf, realm string
		any         bool
		want        string // or what the error says
	}{
		{twoKDCs, "A", false, "[one:88 two:1088]"},
		{"[realms]\nA = {\nkdc = ::1\nkdc = [::2]\nkdc = [::3]:8\nkdc = tcp/h\nkdc = udp/h:9\n}", "A",
			false, "[[::1]:88 [::2]:88 [::3]:8 tcp/h:88 udp/h:9]"},
		{"[realms]\nA = {\nkdc = https://proxy/KdcProxy\nkdc = h\n}", "A", false, "[h:88]"},
		{"[realms]\nA = {\nkdc = https://proxy/KdcProxy\n}", "A", false, "KDC proxies only"},
		{"[realms]\nA = {\nkdc = http/h\n}", "A", false, "neither udp nor tcp"},
		{"[realms]\nA = {\nkdc = h:x\n}", "A", false, "no host or host:port"},
		{"[realms]\nA = {\nkdc = h:0\n}", "A", false, "no host or host:port"},
		{"[realms]\nA = {\nkdc = :88\n}", "A", false, "no host or host:port"},
		{"[realms]\nA = {\nkdc = 88\n}", "A", false, "no host or host:port"},
		{"[realms]\nA = {\nkdc = [::1]:88 # text\n}", "A", false, "no host or host:port: there is no port \"88 # text\""},
		{"[realms]\nA = {\nkdc = 127.0.0.1:88 # text\n}", "A", false, "no host or host:port"},
		{"[realms]\nA = {\nkdc = 127.0.0.1   # the first\nkdc = h\t:99\nkdc = [::1] # it\nkdc = ::2 # it\nkdc = h: +77\n}",
			"A", false, "[127.0.0.1:88 h:88 [::1]:88 [::2]:88 h:77]"},
		{"[realms]\nA = {\nkdc = tcp/h h2\n}", "A", false, "[tcp/h:88]"},
		{"[realms]\nA = {\nkdc = /run/kdc.sock\n}", "A", false, "is the socket of a KDC on this machine"},
		{"[realms]\nA = {\nadmin_server = h\n}", "A", false, "has no kdc in krb5.conf"},
		{twoKDCs, "B", true, "realm B is not configured: krb5.conf has A"},
		{twoKDCs, "", true, `"" is not a realm name`},
		{twoKDCs, "A\x00", true, "is not a realm name"},
		{dns, "A", false, "[one:88]"},
		{dns, "LISTED", false, "[udp/kdc.listed:88 tcp/kdc.listed:88]"},
		{dns, "DEFAULT", false, "[udp/kdc.default:88 tcp/kdc.default:88]"},
		{dns, "NONE", false, "no records _kerberos._udp.NONE"},
		{dns, "STRANGER", false, "realm STRANGER is not configured: krb5.conf has DEFAULT, A, LISTED, NONE"},
		{dns, "STRANGER", true, "[udp/kdc.stranger:88 tcp/kdc.stranger:88]"},
		{strings.Replace(dns, "dns_lookup_kdc = true", "dns_lookup_kdc = false", 1), "LISTED",
			true, "or set dns_lookup_kdc = true"},
	} {
		list, err := newKDCs(t,
			TransportConfig{Krb5Conf: c.conf, AnyRealm: c.any, LookupSRV: lookup}).KDCs(t.Context(), c.realm)
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
