package kdc

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// passwordReply returns a message of the password protocol with a body.
func passwordReply(apRep, rest []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(6+len(apRep)+len(rest)))
	b = binary.BigEndian.AppendUint16(b, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(apRep)))
	return append(append(b, apRep...), rest...)
}

const twoPasswordServers = "[realms]\nA = {\nkpasswd_server = one\n" +
	"kpasswd_server = two:1464\nadmin_server = three:749\n}\n"

// TestAskPasswordSendsOnce: the next server is asked only if nothing was sent.
func TestAskPasswordSendsOnce(t *testing.T) {
	t.Parallel()
	good := passwordReply(der.Element(der.TagApplication(15)), der.Element(der.TagApplication(21)))
	refused := errors.New("connection refused")
	for name, c := range map[string]struct {
		refuse string // what cannot be dialled
		play   func(network string, c net.Conn)
		want   string // dialled
		says   string // in the error; "" for success
	}{
		"good": {play: func(_ string, c net.Conn) { answerFrom(c, framed(good)) }, want: "tcp/one:464"},
		"error alone": {play: func(_ string, c net.Conn) { answerFrom(c, framed(errReply(60))) },
			want: "tcp/one:464"},
		"no TCP": {refuse: "tcp/one:464", play: func(_ string, c net.Conn) { answerFrom(c, good) },
			want: "tcp/one:464 udp/one:464"},
		"first down": {refuse: "tcp/one:464 udp/one:464", play: func(_ string, c net.Conn) { answerFrom(c, framed(good)) },
			want: "tcp/one:464 udp/one:464 tcp/two:1464"},
		"all down": {refuse: "tcp/one:464 udp/one:464 tcp/two:1464 udp/two:1464", play: func(string, net.Conn) {},
			want: "tcp/one:464 udp/one:464 tcp/two:1464 udp/two:1464", says: "takes a connection"},
		"silent": {play: func(_ string, c net.Conn) { io.Copy(io.Discard, c) }, want: "tcp/one:464",
			says: "may have been changed"},
		"closes": {play: func(_ string, c net.Conn) { c.Read(make([]byte, 1000)) }, want: "tcp/one:464",
			says: "may have been changed"},
		"cut off": {play: func(_ string, c net.Conn) { answerFrom(c, framed(good)[:9]) }, want: "tcp/one:464",
			says: "reply ends after 5 of"},
		"no reply of this protocol": {play: func(_ string, c net.Conn) { answerFrom(c, framed([]byte("220 smtp"))) },
			want: "tcp/one:464", says: "may have been changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log dialled
				k := newKDCs(t, TransportConfig{Krb5Conf: twoPasswordServers, Timeout: 5 * time.Second,
					Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
						log.add(network, address)
						if strings.Contains(c.refuse, network+"/"+address) {
							return nil, refused
						}
						return scriptedDial(func(network, _ string, conn net.Conn) { c.play(network, conn) })(ctx, network, address)
					}})
				_, err := k.AskPassword(t.Context(), "A", []byte("request"))
				if got := log.take(); got != c.want {
					t.Errorf("dialled %s, want %s", got, c.want)
				}
				if c.says == "" && err != nil || c.says != "" && (!errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDC}) ||
					!strings.Contains(err.Error(), c.says)) {
					t.Error(err)
				}
			})
		})
	}
}

func TestTransportFindsPasswordServers(t *testing.T) {
	t.Parallel()
	lookup := func(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
		if service != "kpasswd" || proto != "udp" {
			return "", nil, errors.New("no such host")
		}
		return "", []*net.SRV{{Target: "changer.", Port: 464}}, nil
	}
	const dns = "[libdefaults]\ndefault_realm = A\ndns_lookup_kdc = true\n"
	for conf, want := range map[string]string{
		twoPasswordServers: "one:464, two:1464",
		"[realms]\nA = {\nadmin_server = three:749\nkdc = x\n}\n":                     "three:464",
		"[realms]\nA = {\nkpasswd_server = https://p/KdcProxy\nadmin_server = b\n}\n": "b:464",
		"[realms]\nA = {\nkpasswd_server = h:x\n}\n":                                  "no host or host:port",
		"[realms]\nA = {\nkdc = x\n}\n":                                               "has no kpasswd_server in krb5.conf",
		"[realms]\nB = {\nkdc = x\n}\n":                                               "realm A is not configured",
		dns:                                                                           "udp/changer:464",
	} {
		list, err := newKDCs(t, TransportConfig{Krb5Conf: conf, LookupSRV: lookup}).
			PasswordServers(t.Context(), "A")
		got := describe(list)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", conf, got, want)
		}
	}
}

func TestIsPasswordReply(t *testing.T) {
	t.Parallel()
	apRep, priv := der.Element(der.TagApplication(15), []byte("x")), der.Element(der.TagApplication(21), []byte("y"))
	good := passwordReply(apRep, priv)
	for name, c := range map[string]struct {
		b    []byte
		want bool
	}{
		"whole":             {good, true},
		"Microsoft version": {append([]byte{0, byte(len(good)), 0xff, 0x80}, good[4:]...), true},
		"error inside":      {passwordReply(nil, errReply(60)), true},
		"error alone":       {errReply(60), true},
		"cut off":           {good[:len(good)-1], false},
		"longer":            {append(append([]byte(nil), good...), 0), false},
		"other version":     {append([]byte{0, byte(len(good)), 0, 2}, good[4:]...), false},
		"AP-REP too long":   {append([]byte{0, byte(len(good)), 0, 1, 0, 99}, good[6:]...), false},
		"no KRB-PRIV":       {passwordReply(apRep, nil), false},
		"nothing":           {nil, false},
		"header alone":      {passwordReply(nil, nil), false},
	} {
		if isPasswordReply(c.b) != c.want {
			t.Errorf("%s: %x", name, c.b)
		}
	}
}

// FuzzPasswordReply: what passes for a reply says its own length, or is one
// KRB-ERROR.
func FuzzPasswordReply(f *testing.F) {
	f.Add(passwordReply(der.Element(der.TagApplication(15)), der.Element(der.TagApplication(21))))
	f.Add(passwordReply(nil, errReply(60)))
	f.Add(errReply(60))
	f.Fuzz(func(t *testing.T, b []byte) {
		if isPasswordReply(b) && !isElement(b, der.TagApplication(30)) && int(binary.BigEndian.Uint16(b)) != len(b) {
			t.Errorf("%x", b)
		}
		if isPasswordReply(b) && isPasswordReply(append(append([]byte(nil), b...), 0)) {
			t.Errorf("%x with an octet behind", b)
		}
	})
}
