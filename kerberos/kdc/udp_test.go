package kdc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// requestOf returns an AS-REQ of a client, or a TGS-REQ for a service.
func requestOf(msgType byte, options uint32, client []string, service ...string) []byte {
	r := krbmsg.KDCRequest{Options: options, Client: client, ClientType: krbmsg.NamePrincipal, Realm: "A",
		Service: service, Till: krbmsg.NoEnd(), Nonce: 7, Etypes: []int32{18}}
	return krbmsg.EncodeKDCRequest(msgType, krbmsg.EncodePAData(128, []byte("x")), r.Body())
}

// replyOf returns an AS-REP or a TGS-REP that nobody can decrypt.
func replyOf(msgType byte, client []string, service ...string) []byte {
	ticket := der.Element(der.TagApplication(1), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(5)), der.Field(1, der.TagGeneralString, []byte("A")),
		der.Element(der.TagContext(2), krbmsg.EncodeName(2, service)),
		der.Element(der.TagContext(3), krbmsg.EncodeEncryptedData(18, []byte("ticket")))))
	return der.Element(der.TagApplication(msgType), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(5)), der.Field(1, der.TagInteger, der.Integer(int64(msgType))),
		der.Field(3, der.TagGeneralString, []byte("A")),
		der.Element(der.TagContext(4), krbmsg.EncodeName(krbmsg.NamePrincipal, client)),
		der.Element(der.TagContext(5), ticket),
		der.Element(der.TagContext(6), krbmsg.EncodeEncryptedData(18, []byte("for the client")))))
}

// errorFor returns a KRB-ERROR that names a client, as MIT's KDC does.
func errorFor(client ...string) []byte {
	return der.Element(der.TagApplication(30),
		der.Element(der.TagSequence, der.Field(0, der.TagInteger, []byte{5}), der.Field(1, der.TagInteger, []byte{30}),
			der.Field(4, der.TagGeneralizedTime, []byte("20260101000000Z")), der.Field(5, der.TagInteger, []byte{0}),
			der.Field(6, der.TagInteger, der.Integer(25)),
			der.Field(7, der.TagGeneralString, []byte("A")),
			der.Element(der.TagContext(8), krbmsg.EncodeName(1, client)),
			der.Field(9, der.TagGeneralString, []byte("A")),
			der.Element(der.TagContext(10), krbmsg.EncodeName(2, []string{"s"}))))
}

// What can be an answer to a request: the KDC may send late what was for another,
// and anybody may send anything.
func TestIsAnsweredBy(t *testing.T) {
	t.Parallel()
	alice, bob, host := []string{"alice"}, []string{"bob"}, []string{"alice", "admin"}
	as, tgs := requestOf(10, 0, alice, "krbtgt", "A"), requestOf(12, 0, nil, "HTTP", "gw")
	asAny, tgsAny := requestOf(10, krbmsg.KDCCanonicalize, alice, "krbtgt", "A"),
		requestOf(12, krbmsg.KDCCanonicalize, nil, "HTTP", "gw")
	asRep, tgsRep := replyOf(11, alice, "krbtgt", "A"), replyOf(13, bob, "HTTP", "gw")
	for name, c := range map[string]struct {
		request, datagram []byte
		want              bool
	}{
		"AS-REP":                     {as, asRep, true},
		"in capitals":                {as, replyOf(11, []string{"Alice"}, "krbtgt", "A"), true},
		"of another client":          {as, replyOf(11, bob, "krbtgt", "A"), false},
		"of more components":         {as, replyOf(11, host, "krbtgt", "A"), false},
		"of the name that it is":     {asAny, replyOf(11, bob, "krbtgt", "A"), true},
		"TGS-REP to AS-REQ":          {as, tgsRep, false},
		"TGS-REP":                    {tgs, tgsRep, true},
		"for another service":        {tgs, replyOf(13, bob, "HTTP", "other"), false},
		"for the service it is":      {tgsAny, replyOf(13, bob, "HTTP", "other"), true},
		"a referral":                 {tgs, replyOf(13, bob, "krbtgt", "B"), true},
		"AS-REP to TGS-REQ":          {tgs, asRep, false},
		"error":                      {as, errReply(6), true},
		"error for the client":       {as, errorFor("alice"), true},
		"error for another":          {as, errorFor("bob"), false},
		"error for a longer name":    {as, errorFor("alice", "admin"), false},
		"error to TGS-REQ":           {tgs, errorFor("bob"), true},
		"error whose name may be":    {asAny, errorFor("bob"), true},
		"request back":               {as, as, false},
		"cut short":                  {as, asRep[:len(asRep)-1], false},
		"and an octet":               {as, append(replyOf(11, alice, "krbtgt", "A"), 0), false},
		"no more than its tag":       {as, der.Element(der.TagApplication(11), []byte("x")), false},
		"error of no more":           {as, der.Element(der.TagApplication(30)), false},
		"nothing":                    {as, nil, false},
		"any to what cannot be read": {[]byte("request"), asRep, true},
	} {
		if got := isAnswer(c.request, c.datagram); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func isAnswer(request, datagram []byte) bool {
	a := readAsked(request)
	return a.isAnsweredBy(datagram)
}

// What may hold a one-time password goes to one KDC, which may take its time, and to
// another only if that one fails, or after half of the time for an answer.
func TestOneTimePasswordsGoToOneKDC(t *testing.T) {
	t.Parallel()
	pa := func(kind int64) []byte {
		body := krbmsg.KDCRequest{Client: []string{"alice"}, ClientType: krbmsg.NamePrincipal, Realm: "A",
			Service: []string{"krbtgt", "A"}, Till: krbmsg.NoEnd(), Nonce: 7, Etypes: []int32{18}}
		return krbmsg.EncodeKDCRequest(10, krbmsg.EncodePAData(kind, []byte("x")), body.Body())
	}
	for name, c := range map[string]struct {
		kind  int64
		first string // what the first KDC does
		want  string
	}{
		"FAST":                 {krbmsg.PAFXFast, "takes 4 s", "0 tcp/one"},
		"OTP":                  {krbmsg.PAOTPRequest, "takes 4 s", "0 tcp/one"},
		"silent":               {krbmsg.PAFXFast, "is silent", "0 tcp/one 5000 tcp/two"},
		"refuses":              {krbmsg.PAFXFast, "refuses", "0 tcp/one 0 tcp/two"},
		"takes no connection":  {krbmsg.PAFXFast, "hangs", "0 tcp/one 250 tcp/two"},
		"an ordinary password": {krbmsg.PAEncTimestamp, "takes 4 s", "0 udp/one 250 udp/two"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log dialled
				start := time.Now()
				play := scriptedDial(func(network, address string, conn net.Conn) {
					if address == "one:88" && c.first == "is silent" {
						io.Copy(io.Discard, conn)
					}
					if address == "one:88" && c.first == "takes 4 s" {
						conn.Read(make([]byte, 4000))
						time.Sleep(4 * time.Second)
						conn.Write(framed(errReply(6)))
						return
					}
					answerBy(network, conn, errReply(6))
				})
				k := newKDCs(t, TransportConfig{Krb5Conf: "[realms]\nA = {\nkdc = one\nkdc = two\n}\n",
					Patience: 250 * time.Millisecond, Timeout: 10 * time.Second,
					Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
						log.add(fmt.Sprintf("%d %s", time.Since(start).Milliseconds(), network), address)
						switch {
						case address == "one:88" && c.first == "refuses":
							return nil, errors.New("refused")
						case address == "one:88" && c.first == "hangs":
							<-ctx.Done()
							return nil, ctx.Err()
						}
						return play(ctx, network, address)
					}})
				_, err := k.Exchange(t.Context(), "A", pa(c.kind))
				if got := log.take(); err != nil || got != c.want {
					t.Errorf("dialled %s, want %s: %v", got, c.want, err)
				}
				time.Sleep(10 * time.Second) // what is slow ends
			})
		})
	}
}

// Forged datagrams, however many, hold the answer up for no longer than it takes
// to come, and without one end with the time for it.
func TestForgedDatagrams(t *testing.T) {
	t.Parallel()
	forged := [][]byte{replyOf(11, []string{"bob"}, "krbtgt", "A"), replyOf(13, []string{"alice"}, "HTTP", "gw"),
		errorFor("bob"), []byte("noise"), nil, make([]byte, 60<<10)}
	for name, answers := range map[string]bool{"before an answer": true, "without one": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				good := replyOf(11, []string{"alice"}, "krbtgt", "A")
				k := newKDCs(t, TransportConfig{Krb5Conf: "[realms]\nA = {\nkdc = udp/one\n}\n", Timeout: 5 * time.Second,
					Dial: scriptedDial(func(_, _ string, c net.Conn) {
						c.Read(make([]byte, 4000))
						for n := range 100000 {
							if _, err := c.Write(forged[n%len(forged)]); err != nil {
								return
							}
							time.Sleep(time.Millisecond)
							if n == 3000 && answers {
								c.Write(good)
							}
						}
					})})
				start := time.Now()
				reply, err := k.Exchange(t.Context(), "A", requestOf(10, 0, []string{"alice"}, "krbtgt", "A"))
				if took := time.Since(start); answers && (err != nil || string(reply) != string(good) || took > 4*time.Second) ||
					!answers && (err == nil || took != 5*time.Second) {
					t.Errorf("%x, %v, after %v", reply, err, took)
				}
				time.Sleep(time.Second) // the forger ends
			})
		})
	}
}

// A udpKDC is a KDC by UDP that shows from where requests come.
type udpKDC struct {
	net.PacketConn
	from chan net.Addr
}

func startUDP(t *testing.T, reply []byte) *udpKDC {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &udpKDC{conn, make(chan net.Addr, 100)}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 4000)
		for {
			_, from, err := conn.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			k.from <- from
			if reply != nil {
				conn.WriteTo(reply, from)
			}
		}
	}()
	return k
}

// Each exchange has a socket of its own, with another port, that takes datagrams
// from the KDC alone.
func TestEachExchangeHasItsOwnSocket(t *testing.T) {
	t.Parallel()
	kdc := startUDP(t, nil)
	stranger, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	k := newKDCs(t, TransportConfig{Krb5Conf: fmt.Sprintf("[realms]\nA = {\nkdc = udp/%s\n}\n", kdc.LocalAddr()),
		Timeout: 20 * time.Second, Patience: 20 * time.Second})
	request, good := requestOf(10, 0, []string{"alice"}, "krbtgt", "A"), errReply(6)
	ports, used := map[string]bool{}, make(chan net.Addr, 1)
	for range 20 {
		go func() {
			from := <-kdc.from
			used <- from
			stranger.WriteTo(errReply(7), from)
			kdc.WriteTo(good, from)
		}()
		if reply, err := k.Exchange(t.Context(), "A", request); err != nil || string(reply) != string(good) {
			t.Fatalf("%x, %v", reply, err)
		}
		ports[(<-used).String()] = true
	}
	if len(ports) < 15 { // by chance some are the same
		t.Errorf("%d ports", len(ports))
	}
}

// A port that nobody listens at is noticed at once.
func TestAClosedPortIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	alive := startUDP(t, errReply(6))
	closed.Close()
	k := newKDCs(t, TransportConfig{Timeout: time.Hour, Patience: time.Hour,
		Krb5Conf: fmt.Sprintf("[realms]\nA = {\nkdc = udp/%s\nkdc = udp/%s\n}\n", closed.LocalAddr(), alive.LocalAddr())})
	answer, err := k.Ask(t.Context(), "A", []byte("request"))
	if err != nil || answer.From.Address != alive.LocalAddr().String() {
		t.Errorf("%v, %v", answer.From, err)
	}
}

// A datagram that is too long is none, and not a part of one.
func TestADatagramThatIsCutOffIsIgnored(t *testing.T) {
	t.Parallel()
	kdc := startUDP(t, nil)
	k := newKDCs(t, TransportConfig{Krb5Conf: fmt.Sprintf("[realms]\nA = {\nkdc = udp/%s\n}\n", kdc.LocalAddr()),
		Timeout: 20 * time.Second, Patience: 20 * time.Second})
	request, good := requestOf(10, krbmsg.KDCCanonicalize, []string{"alice"}, "krbtgt", "A"), errReply(6)
	go func() {
		from := <-kdc.from
		kdc.WriteTo(replyOf(11, []string{"alice"}, "krbtgt", strings.Repeat("A", 20<<10)), from)
		kdc.WriteTo(append(slices.Clone(good), make([]byte, maxUDPReply)...), from)
		kdc.WriteTo(good, from)
	}()
	if reply, err := k.Exchange(t.Context(), "A", request); err != nil || string(reply) != string(good) {
		t.Errorf("%d octets, %v", len(reply), err)
	}
}

// ctx ends the wait for a datagram, with the reason, and nothing else is asked.
func TestContextEndsTheWaitForADatagram(t *testing.T) {
	t.Parallel()
	kdc := startUDP(t, nil)
	k := newKDCs(t, TransportConfig{Timeout: time.Hour, Patience: time.Hour,
		Krb5Conf: fmt.Sprintf("[realms]\nA = {\nkdc = %s\n}\n", kdc.LocalAddr())})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-kdc.from; cancel() }()
	_, err := k.Exchange(ctx, "A", []byte("request"))
	if !errors.Is(err, ctx.Err()) || errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "udp/") ||
		strings.Contains(err.Error(), "tcp/") {
		t.Error(err)
	}
}
