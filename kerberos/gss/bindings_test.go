package gss_test

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/krbtest/gsspeer"
)

// boundChecksum is a GSS-API checksum (RFC 4121 4.1.1) with the bindings of an application, "" for none, whose
// addresses are of a type: 0, or 255 as Java has it.
func boundChecksum(application string, addresses uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 16)
	if application == "" {
		b = append(b, make([]byte, 16)...)
	} else {
		var s []byte
		for _, n := range []uint32{addresses, 0, addresses, 0, uint32(len(application))} {
			s = binary.LittleEndian.AppendUint32(s, n)
		}
		sum := md5.Sum(append(s, application...))
		b = append(b, sum[:]...)
	}
	return binary.LittleEndian.AppendUint32(b, kerberos.GSSMutual|kerberos.GSSReplay)
}

// announced is KERB_AP_OPTIONS_CBT in AD-IF-RELEVANT, as Windows puts it into every authenticator.
var announced = []byte{0x30, 0x10, 0x30, 0x0e, 0xa0, 0x04, 0x02, 0x02, 0x00, 0x8f, 0xa1, 0x06, 0x04, 0x04, 0x00, 0x40, 0x00, 0x00}

// TestMessageBindings: a token of a message that is bound to another channel, relayed by whoever it was made for, is
// refused; one that is bound to none is a matter of the rule.
func TestMessageBindings(t *testing.T) {
	k := newKDC()
	const ours, others = "tls-server-end-point:ours", "tls-server-end-point:others"
	const off, present, required, refused = gss.BindingsOff, gss.BindingsWhenPresent, gss.BindingsRequired, kerberos.CodeBindings
	for _, c := range []struct {
		what, sent string
		addresses  uint32
		announce   bool
		want       map[gss.BindingRule]kerberos.Code
	}{
		{"none", "", 0, false, map[gss.BindingRule]kerberos.Code{off: "", present: "", required: refused}},
		{"none, and the client says that it knows of them", "", 0, true, map[gss.BindingRule]kerberos.Code{off: "", present: "", required: refused}},
		{"ours", ours, 0, false, map[gss.BindingRule]kerberos.Code{off: "", present: "", required: ""}},
		{"ours, of Windows", ours, 0, true, map[gss.BindingRule]kerberos.Code{off: "", present: "", required: ""}},
		{"ours, of Java", ours, 255, false, map[gss.BindingRule]kerberos.Code{off: "", present: "", required: ""}},
		{"others", others, 0, false, map[gss.BindingRule]kerberos.Code{off: "", present: refused, required: refused}},
		{"a prefix of ours", ours[:len(ours)-1], 0, false, map[gss.BindingRule]kerberos.Code{off: "", present: refused, required: refused}},
	} {
		for rule, want := range c.want {
			t.Run(fmt.Sprintf("%s/%q", c.what, rule), func(t *testing.T) {
				o := krbtest.TokenOptions{Checksum: boundChecksum(c.sent, c.addresses)}
				if c.announce {
					o.AuthzType, o.AuthzData = 1, announced
				}
				a := newAcceptor(t, k, gss.AcceptorConfig{BindingRule: rule})
				token, _ := mustToken(t, k, o)
				got, err := a.AcceptBound(t.Context(), token, [][]byte{[]byte("tls-exporter:x"), []byte(ours)})
				if code(err) != want || err == nil && got.Facts().ChannelBound != (rule != off && c.sent != "") {
					t.Errorf("%v, want %q", err, want)
				}
				// Where there is no channel, what is bound to one is somebody else's.
				if want == "" && rule != off && c.sent != "" {
					want = refused
				}
				token, _ = mustToken(t, k, o)
				if _, err := a.Accept(t.Context(), token); code(err) != want {
					t.Errorf("without a channel: %v, want %q", err, want)
				}
			})
		}
	}
	if _, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: k.Keytab(nil), BindingRule: "never"}); err == nil {
		t.Error("a rule that there is not is taken")
	}
}

// TestInteropMessageBindings: tokens that a peer binds to a channel, taken as tokens of messages.
func TestInteropMessageBindings(t *testing.T) {
	const ours = "tls-server-end-point:\x01\x02 ours"
	service := gssService(18)
	withPeers(t, func(t *testing.T, w *gssWorld, p *gsspeer.Peer) {
		for _, rule := range []gss.BindingRule{gss.BindingsWhenPresent, gss.BindingsRequired} {
			a := w.newAcceptor(t, gss.AcceptorConfig{BindingRule: rule})
			for _, sent := range []string{"", ours, "tls-server-end-point:others"} {
				for _, flags := range []string{"mutual", ""} {
					p.Begin(gsspeer.Begin{Service: service + "@EXAMPLE.COM", Flags: flags, Bindings: sent})
					token, _, err := p.Step(nil)
					if err != nil {
						t.Fatal(err)
					}
					got, err := a.AcceptBound(t.Context(), token, [][]byte{[]byte(ours)})
					refused := sent != ours && (sent != "" || rule == gss.BindingsRequired)
					if refused != (code(err) == kerberos.CodeBindings) || !refused && (err != nil || got.Facts().ChannelBound != (sent == ours)) {
						t.Errorf("%s, %q, bindings %q, flags %q: %v", p.Name, rule, sent, flags, err)
					}
				}
			}
		}
	})
}
