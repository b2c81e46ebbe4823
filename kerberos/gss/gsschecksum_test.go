package gss_test

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/jcmturner/gokrb5/v8/crypto"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/krbtest/gsspeer"
)

// TestContextIgnoresMutualOptionInClear: the option in clear turns mutual
// authentication neither on nor off against the checksum.
func TestContextIgnoresMutualOptionInClear(t *testing.T) {
	t.Parallel()
	k := newKDC()
	for _, flags := range []uint32{kerberos.GSSInteg, kerberos.GSSInteg | kerberos.GSSMutual} {
		for _, option := range []uint32{0, 1 << 29} {
			token, _ := mustToken(t, k, krbtest.TokenOptions{GSSFlags: flags, APOptions: option})
			c := newAcceptor(t, k, gss.AcceptorConfig{}).NewContext(gss.AcceptConfig{})
			reply, done, err := c.Step(t.Context(), token)
			if err != nil || !done || c.Flags() != flags || (reply != nil) != (flags&kerberos.GSSMutual != 0) {
				t.Errorf("flags %#x, option %#x: reply of %d octets, flags %#x, %v", flags, option, len(reply), c.Flags(), err)
			}
		}
	}
}

// TestContextHasKnownFlagsOnly: bits that a context does not support are not in
// force, though the client sets them.
func TestContextHasKnownFlagsOnly(t *testing.T) {
	t.Parallel()
	k := newKDC()
	token, _ := mustToken(t, k, krbtest.TokenOptions{GSSFlags: kerberos.GSSInteg | kerberos.GSSAnon | 0x80 | 1<<31})
	c := newAcceptor(t, k, gss.AcceptorConfig{}).NewContext(gss.AcceptConfig{})
	if _, _, err := c.Step(t.Context(), token); err != nil || c.Flags() != kerberos.GSSInteg {
		t.Errorf("flags %#x, %v", c.Flags(), err)
	}
}

// TestContextAcceptsChecksumOverNothing: authenticators of Samba's clients have
// the checksum of RFC 4120 over nothing; one over other data was made for
// another protocol, and refused in a message too. Over nothing, replays are
// detected, and the option in clear decides whether an AP-REP is sent.
func TestContextAcceptsChecksumOverNothing(t *testing.T) {
	t.Parallel()
	k := newKDC()
	for _, etype := range allEtypes {
		key := krbtest.RandomKey(etype)
		ordinary := func(data string, usage uint32) (int64, []byte) {
			e, err := crypto.GetEtype(etype)
			if err != nil {
				t.Fatal(err)
			}
			sum, err := e.GetChecksumHash(key, []byte(data), usage)
			if err != nil {
				t.Fatal(err)
			}
			return int64(e.GetHashID()), sum
		}
		kind, good := ordinary("", 10)
		_, otherData := ordinary("data of another protocol", 10)
		_, otherUsage := ordinary("", 6)
		plain := md5.Sum(nil)
		const isMD5 = 7
		for name, c := range map[string]struct {
			kind int64
			sum  []byte
			want kerberos.Code
		}{
			"over nothing":         {kind, good, ""},
			"MD5 over nothing":     {isMD5, plain[:], ""}, // Heimdal with RC4
			"over other data":      {kind, otherData, kerberos.CodeMechanism},
			"of another usage":     {kind, otherUsage, kerberos.CodeMechanism},
			"cut":                  {kind, good[:len(good)-1], kerberos.CodeMechanism},
			"empty":                {kind, []byte{}, kerberos.CodeMechanism},
			"of an unknown type":   {1234, good, kerberos.CodeMechanism},
			"MD5 over other data":  {isMD5, make([]byte, 16), kerberos.CodeMechanism},
			"of GSS-API, no flags": {0x8003, []byte{0: 16, 23: 0}, ""},
		} {
			t.Run(fmt.Sprint(etype, " ", name), func(t *testing.T) {
				for _, option := range []uint32{0, 1 << 29} {
					o := krbtest.TokenOptions{Ticket: krbtest.TicketOptions{SessionEtype: etype, SessionKey: key}, Subkey: etype,
						ChecksumType: c.kind, Checksum: c.sum, APOptions: option}
					a := newAcceptor(t, k, gss.AcceptorConfig{Etypes: allEtypes})
					token, _ := mustToken(t, k, o)
					if _, err := a.Accept(t.Context(), token); code(err) != c.want {
						t.Errorf("in a message: %v, want %q", err, c.want)
					}
					token, _ = mustToken(t, k, o)
					ctx := a.NewContext(gss.AcceptConfig{})
					reply, done, err := ctx.Step(t.Context(), token)
					if c.want != "" {
						wantRefusal(t, err, c.want, "checksum")
						continue
					}
					want := uint32(0)
					if c.kind != 0x8003 {
						want = kerberos.GSSReplay | kerberos.GSSSequence
						if option != 0 {
							want |= kerberos.GSSMutual
						}
					}
					if err != nil || !done || ctx.Flags() != want || (reply != nil) != (want&kerberos.GSSMutual != 0) {
						t.Errorf("option %#x: flags %#x, want %#x, reply of %d octets, %v", option, ctx.Flags(), want, len(reply), err)
					}
				}
			})
		}
	}
}

// TestContextRejectsBadChecksums: malformed GSS-API checksums, and those
// without the data that they announce.
func TestContextRejectsBadChecksums(t *testing.T) {
	t.Parallel()
	k := newKDC()
	flags := func(deleg byte, rest ...byte) []byte {
		return append([]byte{0: 16, 20: deleg, 23: 0}, rest...)
	}
	for name, c := range map[string]struct {
		cksum []byte
		want  kerberos.Code
	}{
		"good":                     {flags(0), ""},
		"extensions are ignored":   {flags(0, 0, 0, 0, 5, 0, 0, 0, 1, 9), ""},
		"short":                    {flags(0)[:23], kerberos.CodeAuthMalformed},
		"empty":                    {[]byte{}, kerberos.CodeAuthMalformed},
		"bindings of 17 octets":    {append([]byte{17}, flags(0)[1:]...), kerberos.CodeAuthMalformed},
		"delegation without":       {flags(1), kerberos.CodeAuthMalformed},
		"delegation, wrong option": {flags(1, 2, 0, 0, 0), kerberos.CodeAuthMalformed},
		"delegation, cut":          {flags(1, 1, 0, 9, 0, 0x76), kerberos.CodeAuthMalformed},
		"delegation, 64 kB":        {flags(1, 1, 0, 0xff, 0xff, 0x76), kerberos.CodeAuthMalformed},
		"delegation, no KRB-CRED":  {flags(1, 1, 0, 2, 0, 0x76, 0), kerberos.CodeAuthMalformed},
		"delegation, empty":        {flags(1, 1, 0, 0, 0), kerberos.CodeAuthMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			token, _ := mustToken(t, k, krbtest.TokenOptions{Checksum: c.cksum})
			_, _, err := newAcceptor(t, k,
				gss.AcceptorConfig{}).NewContext(gss.AcceptConfig{Delegation: true}).Step(t.Context(), token)
			if code(err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	t.Run("DCE style", func(t *testing.T) {
		token, _ := mustToken(t, k, krbtest.TokenOptions{GSSFlags: kerberos.GSSDCEStyle})
		_, _, err := newAcceptor(t, k, gss.AcceptorConfig{}).NewContext(gss.AcceptConfig{}).Step(t.Context(), token)
		wantRefusal(t, err, kerberos.CodeMechanism, "DCE style")
	})
}

// boundChecksum is a GSS-API checksum (RFC 4121 4.1.1) with the bindings of an
// application, "" for none, whose addresses are of a type: 0, or 255 as Java
// has it.
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

// announced is KERB_AP_OPTIONS_CBT in AD-IF-RELEVANT, as Windows puts it into
// every authenticator.
var announced = []byte{0x30, 0x10, 0x30, 0x0e, 0xa0, 0x04, 0x02, 0x02, 0x00, 0x8f, 0xa1, 0x06, 0x04, 0x04, 0x00, 0x40,
	0x00, 0x00}

// TestAcceptBoundChecksBindings: a token of a message that is bound to another
// channel, relayed by the service it was made for, is refused; one without
// bindings is decided by the rule.
func TestAcceptBoundChecksBindings(t *testing.T) {
	t.Parallel()
	k := newKDC()
	const ours, others = "tls-server-end-point:ours", "tls-server-end-point:others"
	const off, present, required, refused = gss.BindingsOff, gss.BindingsWhenPresent, gss.BindingsRequired,
		kerberos.CodeBindings
	for _, c := range []struct {
		what, sent string
		addresses  uint32
		announce   bool
		want       map[gss.BindingRule]kerberos.Code
	}{
		{"none", "", 0, false, map[gss.BindingRule]kerberos.Code{off: "", present: "", required: refused}},
		{"none, and the client says that it knows of them", "",
			0, true, map[gss.BindingRule]kerberos.Code{off: "", present: "", required: refused}},
		{"ours", ours, 0, false, map[gss.BindingRule]kerberos.Code{off: "", present: "", required: ""}},
		{"ours, of Windows", ours, 0, true, map[gss.BindingRule]kerberos.Code{off: "", present: "", required: ""}},
		{"ours, of Java", ours, 255, false, map[gss.BindingRule]kerberos.Code{off: "", present: "", required: ""}},
		{"others", others, 0, false, map[gss.BindingRule]kerberos.Code{off: "", present: refused, required: refused}},
		{"a prefix of ours", ours[:len(ours)-1], 0, false,
			map[gss.BindingRule]kerberos.Code{off: "", present: refused, required: refused}},
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
				// Where there is no channel, what is bound to one is somebody
				// else's.
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

// TestInteropAcceptBoundChecksBindings: tokens that a peer binds to a channel,
// taken as tokens of messages.
func TestInteropAcceptBoundChecksBindings(t *testing.T) {
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
					if refused != (code(err) == kerberos.CodeBindings) || !refused &&
						(err != nil || got.Facts().ChannelBound != (sent == ours)) {
						t.Errorf("%s, %q, bindings %q, flags %q: %v", p.Name, rule, sent, flags, err)
					}
				}
			}
		}
	})
}

// TestContextChecksChannelBindings holds the three rules against initiators
// without bindings, with ours and with others.
func TestContextChecksChannelBindings(t *testing.T) {
	t.Parallel()
	k := newKDC()
	ours, others := []byte("tls-server-end-point:ours"), []byte("tls-server-end-point:others")
	for _, c := range []struct {
		rule gss.BindingRule
		sent []byte
		want kerberos.Code
	}{
		{gss.BindingsOff, nil, ""}, {gss.BindingsOff, ours, ""}, {gss.BindingsOff, others, ""},
		{gss.BindingsWhenPresent, nil, ""}, {gss.BindingsWhenPresent, ours, ""},
		{gss.BindingsWhenPresent, others, kerberos.CodeBindings},
		{gss.BindingsRequired, nil, kerberos.CodeBindings}, {gss.BindingsRequired, ours, ""},
		{gss.BindingsRequired, others, kerberos.CodeBindings},
	} {
		t.Run(fmt.Sprintf("%q/%q", c.rule, c.sent), func(t *testing.T) {
			p := newPair(t, newAcceptor(t, k, gss.AcceptorConfig{}), mustTicket(t, k),
				gss.InitConfig{ChannelBindings: c.sent, Time: fixedTime},
				gss.AcceptConfig{BindingRule: c.rule, ChannelBindings: [][]byte{[]byte("tls-server-end-point:former"), ours}})
			_, initErr, acceptErr := p.talk(t)
			if c.want != "" {
				wantRefusal(t, acceptErr, c.want, "channel bindings")
				wantRefusal(t, initErr, kerberos.CodePeerRefused, "KRB_ERR_GENERIC")
				return
			}
			if acceptErr != nil || initErr != nil ||
				p.acceptor.Facts().ChannelBound != (c.rule != gss.BindingsOff && c.sent != nil) {
				t.Errorf("%v, %v, %+v", acceptErr, initErr, p.acceptor.Facts())
			}
		})
	}
}
