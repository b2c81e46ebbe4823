package gss_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

func TestAcceptorAcceptsAllShapesAndEtypes(t *testing.T) {
	t.Parallel()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{Etypes: allEtypes})
	for _, etype := range allEtypes {
		for _, session := range allEtypes {
			token, key := mustToken(t, k,
				krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype, SessionEtype: session}})
			c, err := a.Accept(t.Context(), token)
			if err != nil {
				t.Fatalf("ticket %d, session %d: %v", etype, session, err)
			}
			if !c.Key().Equal(key) || c.EtypeOfKey() != session {
				t.Errorf("ticket %d, session %d: another key", etype, session)
			}
		}
	}
	for name, o := range map[string]krbtest.TokenOptions{
		"krb5":                  {OID: krbtest.OIDKRB5},
		"Microsoft's krb5":      {OID: krbtest.OIDMSKRB5},
		"old krb5":              {OID: krbtest.OIDOldKRB5},
		"bare":                  {Bare: true},
		"mutual":                {APOptions: 1 << 29, GSSFlags: 0x3e},
		"reserved option":       {APOptions: 1 << 31},
		"no checksum":           {NoChecksum: true},
		"no start time":         {Ticket: krbtest.TicketOptions{NoStartTime: true}},
		"authorization data":    {Ticket: krbtest.TicketOptions{AuthzData: make([]byte, 3000)}, AuthzType: 1},
		"large sequence number": {SeqNumber: 1<<32 - 1},
		"negative sequence":     {SeqNumber: -5},
		"large kvno":            {Ticket: krbtest.TicketOptions{NoKvno: true}},
		"addresses ignored":     {Ticket: krbtest.TicketOptions{Addresses: [][]byte{{10, 0, 0, 1}}}},
	} {
		t.Run(name, func(t *testing.T) {
			token, key := mustToken(t, k, o)
			c, err := a.Accept(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if !c.Key().Equal(key) || c.Facts().Mutual != (name == "mutual") {
				t.Errorf("%+v", c.Facts())
			}
		})
	}
}

func TestAcceptorReturnsFacts(t *testing.T) {
	t.Parallel()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	token, key := mustToken(t, k, krbtest.TokenOptions{
		Ticket: krbtest.TicketOptions{Etype: 20, SessionEtype: 17, Flags: kerberos.FlagPreAuthent},
		Subkey: 18, Time: now.Add(-90 * time.Second), SeqNumber: 42,
	})
	ticket, err := a.VerifyToken(t.Context(), token, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := ticket.(*gss.Authentication)
	f := c.Facts()
	if f.TicketEtype != 20 || f.SessionEtype != 17 || f.KeyEtype != 18 || !f.Subkey || f.TicketKvno != 1 ||
		f.KeytabKvno != 1 ||
		f.Fallback || f.TicketFlags != kerberos.FlagPreAuthent || f.Skew != -90*time.Second || f.GSSFlags != 0x3c ||
		f.SeqNumber != 42 {
		t.Errorf("%+v", f)
	}
	if name, realm := ticket.Client(); name != "alice" || realm != "EXAMPLE.COM" {
		t.Error(name, realm)
	}
	if ticket.Service() != service+"@EXAMPLE.COM" || ticket.EtypeOfKey() != 18 ||
		string(ticket.ExposeKeyOctets()) != string(key.ExposeKeyOctets()) {
		t.Errorf("%v", c)
	}
	if want := now.Truncate(time.Second).Add(10 * time.Hour); !ticket.EndTime().Equal(want) {
		t.Error(ticket.EndTime(), want)
	}
	token[len(token)-1] ^= 1
	clear(token) // nothing of the token is kept
	if c.Service() != service+"@EXAMPLE.COM" {
		t.Error("the context shares memory with the token")
	}
}

// TestAcceptorRejectsBadTokens has one thing wrong in each case. The error must
// have what an operator needs.
func TestAcceptorRejectsBadTokens(t *testing.T) {
	t.Parallel()
	k := newKDC()
	short := func(n int) krbtest.TokenOptions {
		return krbtest.TokenOptions{Ticket: krbtest.TicketOptions{CutCipher: n}}
	}
	ticket := func(o krbtest.TicketOptions) krbtest.TokenOptions { return krbtest.TokenOptions{Ticket: o} }
	tests := []struct {
		name  string
		token krbtest.TokenOptions
		cfg   gss.AcceptorConfig
		want  kerberos.Code
		words []string
	}{
		{"pvno", krbtest.TokenOptions{PVNO: 4}, gss.AcceptorConfig{}, kerberos.CodeTokenMalformed,
			[]string{"pvno", "is 4 where 5 belongs"}},
		{"msg-type", krbtest.TokenOptions{MsgType: 15}, gss.AcceptorConfig{}, kerberos.CodeTokenMalformed,
			[]string{"msg-type"}},
		{"tkt-vno", ticket(krbtest.TicketOptions{TktVno: 4}), gss.AcceptorConfig{}, kerberos.CodeTokenMalformed,
			[]string{"Ticket: tkt-vno"}},
		{"user-to-user", krbtest.TokenOptions{APOptions: 1 << 30}, gss.AcceptorConfig{}, kerberos.CodeUserToUser, nil},
		{"AP-REP token", krbtest.TokenOptions{TokID: []byte{2, 0}}, gss.AcceptorConfig{}, kerberos.CodeMechanism,
			[]string{"AP-REP"}},
		{"unknown token id", krbtest.TokenOptions{TokID: []byte{9, 9}}, gss.AcceptorConfig{}, kerberos.CodeMechanism,
			[]string{"0909"}},
		{"no mechanism of ours", krbtest.TokenOptions{OID: []byte{0x2b, 6, 1}}, gss.AcceptorConfig{}, kerberos.CodeMechanism,
			[]string{"1.3.6.1"}},
		{"user-to-user mechanism",
			krbtest.TokenOptions{OID: append([]byte(nil), "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03"...)}, gss.AcceptorConfig{},
			kerberos.CodeMechanism, nil},
		{"short ticket", short(27), gss.AcceptorConfig{}, kerberos.CodeTokenMalformed, []string{"ticket: 27 octets"}},
		{"short authenticator", krbtest.TokenOptions{CutAuth: 5}, gss.AcceptorConfig{}, kerberos.CodeTokenMalformed,
			[]string{"authenticator: 5 octets"}},
		{"other service", krbtest.TokenOptions{}, gss.AcceptorConfig{Services: []string{other}}, kerberos.CodeService,
			[]string{"ticket is for soap/gw.example.com@EXAMPLE.COM, this route accepts soap/backend.example.com"}},
		{"service in another realm", krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Realm: "OTHER"}},
			gss.AcceptorConfig{Services: []string{service + "@EXAMPLE.COM"}}, kerberos.CodeService,
			[]string{"for soap/gw.example.com@OTHER"}},
		{"service by case", ticket(krbtest.TicketOptions{Name: []string{"SOAP", "gw.example.com"}}),
			gss.AcceptorConfig{Services: []string{service}}, kerberos.CodeService, []string{"upper and lower case only"}},
		{"principal by case", ticket(krbtest.TicketOptions{Name: []string{"soap", "GW.example.com"}}), gss.AcceptorConfig{},
			kerberos.CodeNoPrincipal,
			[]string{"it has soap/gw.example.com@EXAMPLE.COM, which differs by upper and lower case only"}},
		{"unknown principal", ticket(krbtest.TicketOptions{Name: []string{"host", "x"}}), gss.AcceptorConfig{},
			kerberos.CodeNoPrincipal,
			[]string{"ticket is for host/x@EXAMPLE.COM", "it has keys for soap/backend.example.com@EXAMPLE.COM, soap/gw"}},
		{"two components are not one", ticket(krbtest.TicketOptions{Name: []string{service}}), gss.AcceptorConfig{},
			kerberos.CodeNoPrincipal,
			[]string{`soap\/gw.example.com@EXAMPLE.COM`}},
		{"rc4 ticket", ticket(krbtest.TicketOptions{Etype: 23, SessionEtype: 18}), gss.AcceptorConfig{}, kerberos.CodeEtype,
			[]string{"ticket is 23 (rc4-hmac)", "AES keys"}},
		{"rc4 session key", ticket(krbtest.TicketOptions{SessionEtype: 23}), gss.AcceptorConfig{}, kerberos.CodeEtype,
			[]string{"authenticator is 23"}},
		{"rc4 subkey", krbtest.TokenOptions{Subkey: 23}, gss.AcceptorConfig{}, kerberos.CodeEtype, []string{"subkey is 23"}},
		{"hidden rc4 session key", krbtest.TokenOptions{Ticket: krbtest.TicketOptions{SessionEtype: 23}, AuthEtype: 17},
			gss.AcceptorConfig{},
			kerberos.CodeEtype, []string{"session key is 23"}},
		{"authenticator of another etype", krbtest.TokenOptions{AuthEtype: 17}, gss.AcceptorConfig{},
			kerberos.CodeAuthIntegrity, nil},
		{"session key of a wrong length",
			krbtest.TokenOptions{AuthKey: krbtest.RandomKey(18), Ticket: krbtest.TicketOptions{SessionKey: make([]byte, 31)}},
			gss.AcceptorConfig{}, kerberos.CodeTicketMalformed, []string{"31 octets"}},
		{"invalid flag", ticket(krbtest.TicketOptions{Flags: kerberos.FlagInvalid}), gss.AcceptorConfig{},
			kerberos.CodeTicketInvalid, []string{"INVALID"}},
		{"not yet valid", ticket(krbtest.TicketOptions{StartTime: now.Add(6 * time.Minute)}), gss.AcceptorConfig{},
			kerberos.CodeTicketNotYet,
			[]string{"starts 2026-11-22T12:06:00Z"}},
		{"expired", ticket(krbtest.TicketOptions{AuthTime: now.Add(-time.Hour), EndTime: now.Add(-6 * time.Minute)}),
			gss.AcceptorConfig{},
			kerberos.CodeTicketExpired, []string{"ended 2026-11-22T11:54:00Z"}},
		{"padded ticket", ticket(krbtest.TicketOptions{Padding: 1}), gss.AcceptorConfig{},
			kerberos.CodeTicketMalformed, nil},
		{"authenticator under another key", krbtest.TokenOptions{AuthKey: krbtest.RandomKey(18)}, gss.AcceptorConfig{},
			kerberos.CodeAuthIntegrity, nil},
		{"authenticator-vno", krbtest.TokenOptions{Vno: 4}, gss.AcceptorConfig{}, kerberos.CodeAuthMalformed,
			[]string{"authenticator-vno"}},
		{"cusec", krbtest.TokenOptions{Cusec: 1_000_000}, gss.AcceptorConfig{}, kerberos.CodeAuthMalformed,
			[]string{"cusec"}},
		{"broken GSS checksum", krbtest.TokenOptions{Checksum: make([]byte, 24)}, gss.AcceptorConfig{},
			kerberos.CodeAuthMalformed, []string{"cksum"}},
		{"short GSS checksum", krbtest.TokenOptions{Checksum: []byte{16, 0, 0, 0}}, gss.AcceptorConfig{},
			kerberos.CodeAuthMalformed, []string{"cksum"}},
		{"control character in the client",
			krbtest.TokenOptions{ClientName: []string{"a\nb"}, Ticket: krbtest.TicketOptions{ClientName: []string{"a\nb"}}},
			gss.AcceptorConfig{}, kerberos.CodeTicketMalformed, []string{"cname"}},
		{"client not in UTF-8", krbtest.TokenOptions{Ticket: krbtest.TicketOptions{ClientName: []string{"a\xff"}}},
			gss.AcceptorConfig{},
			kerberos.CodeTicketMalformed, []string{"cname"}},
		{"other client name", krbtest.TokenOptions{ClientName: []string{"admin"}}, gss.AcceptorConfig{},
			kerberos.CodeClientMismatch,
			[]string{"ticket is alice@EXAMPLE.COM's, authenticator says admin@EXAMPLE.COM"}},
		{"client ahead", krbtest.TokenOptions{Time: now.Add(7*time.Minute + 12*time.Second)}, gss.AcceptorConfig{},
			kerberos.CodeSkew,
			[]string{"7m12s ahead of ours, limit 5m0s"}},
		{"client behind", krbtest.TokenOptions{Time: now.Add(-61 * time.Second)}, gss.AcceptorConfig{MaxSkew: time.Minute},
			kerberos.CodeSkew,
			[]string{"1m1s behind ours, limit 1m0s"}},
		{"untrusted realm", ticket(krbtest.TicketOptions{ClientRealm: "EVIL"}),
			gss.AcceptorConfig{ClientRealms: []string{"EXAMPLE.COM", "PARTNER"}},
			kerberos.CodeClientRealm, []string{"realm EVIL, trusted are EXAMPLE.COM, PARTNER"}},
		{"own realm by another", ticket(krbtest.TicketOptions{Transited: "EVIL"}), gss.AcceptorConfig{},
			kerberos.CodeClientRealm,
			[]string{"own realm EXAMPLE.COM", `"EVIL"`}},
		{"own realm by another, checked and all listed",
			ticket(krbtest.TicketOptions{Transited: "PARTNER", Flags: kerberos.FlagTransitedPolicyChecked}),
			gss.AcceptorConfig{ClientRealms: []string{"EXAMPLE.COM", "PARTNER"}}, kerberos.CodeClientRealm,
			[]string{"own realm EXAMPLE.COM"}},
		{"anonymous of the own realm by another",
			ticket(krbtest.TicketOptions{Transited: "EVIL", Flags: kerberos.FlagAnonymous}),
			gss.AcceptorConfig{ClientRealms: []string{"WELLKNOWN:ANONYMOUS"}}, kerberos.CodeClientRealm,
			[]string{"own realm EXAMPLE.COM"}},
		{"listed realm by one that is not", ticket(krbtest.TicketOptions{ClientRealm: "PARTNER", Transited: "MIDDLE,EVIL"}),
			gss.AcceptorConfig{ClientRealms: []string{"PARTNER", "MIDDLE"}}, kerberos.CodeClientRealm,
			[]string{"realm PARTNER", `not there: "EVIL"`}},
		{"unchecked path", ticket(krbtest.TicketOptions{ClientRealm: "FAR", Transited: "MIDDLE"}), gss.AcceptorConfig{},
			kerberos.CodeClientRealm,
			[]string{"realm FAR"}},
		{"anonymous", ticket(krbtest.TicketOptions{ClientRealm: "WELLKNOWN:ANONYMOUS",
			ClientName: []string{"WELLKNOWN", "ANONYMOUS"}}), gss.AcceptorConfig{},
			kerberos.CodeClientRealm, []string{"client is anonymous"}},
		{"anonymous of a listed realm", ticket(krbtest.TicketOptions{Flags: kerberos.FlagAnonymous}),
			gss.AcceptorConfig{ClientRealms: []string{"EXAMPLE.COM"}},
			kerberos.CodeClientRealm, []string{"client is anonymous"}},
		{"restricted ticket", ticket(krbtest.TicketOptions{AuthzType: 99, AuthzData: []byte("x")}), gss.AcceptorConfig{},
			kerberos.CodeAuthzData,
			[]string{"ticket carries authorization data of type 99"}},
		{"restricted authenticator", krbtest.TokenOptions{AuthzType: -5}, gss.AcceptorConfig{}, kerberos.CodeAuthzData,
			[]string{"type -5"}},
		{"no subkey", krbtest.TokenOptions{NoSubkey: true}, gss.AcceptorConfig{KeySource: gss.KeySubkey},
			kerberos.CodeNoSubkey, nil},
		{"subkey of a wrong length", krbtest.TokenOptions{SubkeyBytes: make([]byte, 16)}, gss.AcceptorConfig{},
			kerberos.CodeAuthMalformed, []string{"16 octets"}},
		{"empty subkey", krbtest.TokenOptions{SubkeyBytes: []byte{}}, gss.AcceptorConfig{}, kerberos.CodeAuthMalformed,
			[]string{"0 octets"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			token, _, err := k.Token("alice", service, test.token)
			if err != nil {
				t.Fatal(err)
			}
			_, err = newAcceptor(t, k, test.cfg).Accept(t.Context(), token)
			wantRefusal(t, err, test.want, test.words...)
		})
	}
}

func TestAcceptorRejectsForeignTokens(t *testing.T) {
	t.Parallel()
	a := newAcceptor(t, newKDC(), gss.AcceptorConfig{})
	tests := []struct {
		name, token string
		want        kerberos.Code
		words       string
	}{
		{"empty", "", kerberos.CodeTokenMalformed, "empty"},
		{"text", "hello", kerberos.CodeTokenMalformed, "begins with 0x68"},
		{"too large", strings.Repeat("\x60", kerberos.MaxTokenBytes+1), kerberos.CodeTokenTooLarge, "limit 131072"},
		{"NTLM", "NTLMSSP\x00\x01\x00\x00\x00", kerberos.CodeNTLM, "NTLM"},
		{"NTLM in GSS-API", string(krbtest.Frame([]byte("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"), nil, nil)),
			kerberos.CodeNTLM, "IP address"},
		{"SPNEGO", string(krbtest.Frame([]byte("\x2b\x06\x01\x05\x05\x02"), []byte{0xa0, 0}, nil)),
			kerberos.CodeSPNEGO, "SPNEGO"},
		{"NegTokenResp", "\xa1\x03\x30\x01\x00", kerberos.CodeSPNEGO, "SPNEGO"},
		{"frame without identifier", string(krbtest.Frame(nil, []byte{1}, nil)), kerberos.CodeTokenMalformed, "identifier"},
		{"frame longer than it says", string(append(krbtest.Frame(nil, nil, []byte{0x6e, 0}), 0)),
			kerberos.CodeTokenMalformed, "more octets"},
		{"frame with two tokens", string(krbtest.Frame(nil, nil, []byte{0x6e, 0, 0x6e, 0})), kerberos.CodeTokenMalformed,
			"more octets"},
		{"indefinite length", "\x60\x80\x06\x00\x00\x00", kerberos.CodeTokenMalformed, "indefinite"},
		{"huge length", "\x6e\x84\xff\xff\xff\xff\x00", kerberos.CodeTokenMalformed, "longer than what holds it"},
		{"length of no int", "\x6e\x89\x01\xff\xff\xff\xff\xff\xff\xff\xff\x00", kerberos.CodeTokenMalformed,
			"longer than what holds it"},
		{"length beyond the token", "\x6e\x83\x7f\xff\xff\x00", kerberos.CodeTokenMalformed, "longer than what holds it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := a.Accept(t.Context(), []byte(test.token))
			wantRefusal(t, err, test.want, test.words)
		})
	}
}

func TestAcceptorChoosesKeyBySource(t *testing.T) {
	t.Parallel()
	k := newKDC()
	session := krbtest.RandomKey(18)
	subkey := krbtest.RandomKey(17)
	for _, test := range []struct {
		source   gss.KeySource
		noSubkey bool
		want     []byte
	}{
		{gss.KeyAuto, false, subkey}, {gss.KeyAuto, true, session},
		{gss.KeySession, false, session}, {gss.KeySession, true, session},
		{gss.KeySubkey, false, subkey},
	} {
		token, _ := mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{SessionKey: session},
			NoSubkey: test.noSubkey, Subkey: 17, SubkeyBytes: subkey})
		c, err := newAcceptor(t, k, gss.AcceptorConfig{KeySource: test.source}).Accept(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if string(c.ExposeKeyOctets()) != string(test.want) || c.Facts().Subkey != (len(test.want) == 16) {
			t.Errorf("%s, no subkey %v: another key", test.source, test.noSubkey)
		}
	}
}

// TestAcceptorChecksAddresses: tickets with addresses behind NAT.
func TestAcceptorChecksAddresses(t *testing.T) {
	t.Parallel()
	k := newKDC()
	v6 := netip.MustParseAddr("2001:db8::7")
	a := newAcceptor(t, k, gss.AcceptorConfig{CheckAddresses: true})
	o := krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Addresses: [][]byte{{192, 0, 2, 7}, v6.AsSlice()}}}
	for addr, want := range map[string]kerberos.Code{
		"192.0.2.7": "", "::ffff:192.0.2.7": "", "2001:db8::7": "", "192.0.2.8": kerberos.CodeAddress,
		"": kerberos.CodeAddress,
	} {
		ctx := t.Context()
		if addr != "" {
			ctx = kerberos.WithRemoteAddr(ctx, netip.MustParseAddr(addr))
		}
		token, _ := mustToken(t, k, o)
		_, err := a.Accept(ctx, token)
		if code(err) != want || (err == nil) != (want == "") {
			t.Errorf("from %q: %v", addr, err)
		}
	}
	token, _ := mustToken(t, k, krbtest.TokenOptions{})
	if _, err := a.Accept(t.Context(), token); err != nil {
		t.Error("a ticket without addresses is good anywhere:", err)
	}
}

func TestAcceptorAcceptsSkewUpToTheLimit(t *testing.T) {
	t.Parallel()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{MaxSkew: time.Minute})
	for skew, ok := range map[time.Duration]bool{
		time.Minute: true, -time.Minute: true, time.Minute + time.Microsecond: false,
		-time.Minute - time.Microsecond: false, 0: true,
	} {
		token, _ := mustToken(t, k, krbtest.TokenOptions{Time: now.Add(skew)})
		c, err := a.Accept(t.Context(), token)
		var e *kerberos.Error
		switch {
		case ok && (err != nil || c.Facts().Skew != skew):
			t.Errorf("%v: %v", skew, err)
		case !ok && (!errors.As(err, &e) || e.Code != kerberos.CodeSkew || e.Skew != skew):
			t.Errorf("%v: %v", skew, err)
		}
	}
}

// TestAcceptAllocatesLittle guards the hot path.
func TestAcceptAllocatesLittle(t *testing.T) {
	k := newKDC()
	token, _ := mustToken(t, k, krbtest.TokenOptions{})
	a := newAcceptor(t, k, gss.AcceptorConfig{Services: []string{service}, Replay: brokenStore{}})
	n := testing.AllocsPerRun(100, func() {
		if _, err := a.Accept(context.Background(), token); err != nil {
			t.Fatal(err)
		}
	})
	if n > maxAcceptAllocations {
		t.Errorf("%v allocations", n)
	}
}

func TestAcceptorChecksClientRealms(t *testing.T) {
	t.Parallel()
	k := newKDC()
	for _, test := range []struct {
		name   string
		ticket krbtest.TicketOptions
		cfg    gss.AcceptorConfig
	}{
		{"trusted directly", krbtest.TicketOptions{ClientRealm: "PARTNER"}, gss.AcceptorConfig{}},
		{"path checked by the KDC", krbtest.TicketOptions{ClientRealm: "FAR", Transited: "MIDDLE",
			Flags: kerberos.FlagTransitedPolicyChecked}, gss.AcceptorConfig{}},
		{"anonymous", krbtest.TicketOptions{ClientRealm: "WELLKNOWN:ANONYMOUS"},
			gss.AcceptorConfig{ClientRealms: []string{"WELLKNOWN:ANONYMOUS"}}},
		{"listed, trusted directly", krbtest.TicketOptions{ClientRealm: "FAR"},
			gss.AcceptorConfig{ClientRealms: []string{"FAR"}}},
		{"listed with its path", krbtest.TicketOptions{ClientRealm: "FAR", Transited: "MIDDLE"},
			gss.AcceptorConfig{ClientRealms: []string{"FAR", "MIDDLE"}}},
		{"listed, path checked",
			krbtest.TicketOptions{ClientRealm: "FAR", Transited: "MIDDLE", Flags: kerberos.FlagTransitedPolicyChecked},
			gss.AcceptorConfig{ClientRealms: []string{"FAR"}}},
	} {
		token, _ := mustToken(t, k, krbtest.TokenOptions{Ticket: test.ticket})
		c, err := newAcceptor(t, k, test.cfg).Accept(t.Context(), token)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if _, realm := c.Client(); realm != test.ticket.ClientRealm {
			t.Errorf("%s: %v", test.name, c)
		}
	}
	token, _ := mustToken(t, k, krbtest.TokenOptions{})
	_, err := newAcceptor(t, k, gss.AcceptorConfig{ClientRealms: []string{"PARTNER"}}).Accept(t.Context(), token)
	wantRefusal(t, err, kerberos.CodeClientRealm) // a list is the whole list
}

// A token of kerberos.MaxTokenBytes is accepted, and not one of an octet more:
// what fills it stands in the authenticator, which says that nobody need know it.
func TestAcceptorTakesTokensUpToTheLimit(t *testing.T) {
	t.Parallel()
	k := newKDC()
	of := func(octets int) []byte {
		for fill := octets - 2000; ; {
			unknown := der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(4711)),
				der.Field(1, der.TagOctetString, make([]byte, fill)))
			token, _, err := k.Token("alice", service, krbtest.TokenOptions{AuthzType: 1,
				AuthzData: der.Element(der.TagSequence, unknown)})
			if err != nil {
				t.Fatal(err)
			}
			if len(token) == octets {
				return token
			}
			fill += octets - len(token)
		}
	}
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	if _, err := a.Accept(t.Context(), of(kerberos.MaxTokenBytes)); err != nil {
		t.Error(err)
	}
	_, err := a.Accept(t.Context(), of(kerberos.MaxTokenBytes+1))
	wantRefusal(t, err, kerberos.CodeTokenTooLarge, "131073 octets")
}
