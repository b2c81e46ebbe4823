package gss_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/test/testdata"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// domainLogon is what a domain's KDC writes of alice: groups that count, and
// some that do not.
func domainLogon() *krbtest.PACLogon {
	return &krbtest.PACLogon{
		Name: "alice", FullName: "Alice\tLiddell", Server: "DC1", Domain: "EXAMPLE", DomainID: "S-1-5-21-11-22-33",
		UserID: 1104, PrimaryGroup: 513,
		Groups: []krbtest.PACGroup{{ID: 513}, {ID: 1105}, {ID: 1106, Attributes: 3}, {ID: 1107, Attributes: 0x14},
			{ID: 1105}},
		Extra: []krbtest.PACSID{{SID: "S-1-18-1"}, {SID: "S-1-5-21-44-55-66-512"},
			{SID: "S-1-5-21-44-55-66-513", Attributes: 0x10}},
		ResourceDomain: "S-1-5-21-11-22-33", Resource: []krbtest.PACGroup{{ID: 1110, Attributes: 0x20000007}},
	}
}

func pacToken(t testing.TB, k *krbtest.KDC, etype int32, p *krbtest.PACOptions) []byte {
	t.Helper()
	token, _ := mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype, PAC: p}})
	return token
}

func acceptPAC(t testing.TB, k *krbtest.KDC, rule gss.PACRule, token []byte) (*gss.Authentication, error) {
	t.Helper()
	return newAcceptor(t, k, gss.AcceptorConfig{PAC: rule, Etypes: allEtypes}).Accept(t.Context(), token)
}

// TestAcceptorReadsPAC reads every field of a domain's PAC, under keys of every
// encryption type.
func TestAcceptorReadsPAC(t *testing.T) {
	t.Parallel()
	k := newKDC()
	for _, etype := range allEtypes {
		for _, rodc := range []bool{false, true} {
			a, err := acceptPAC(t, k, gss.PACRequired, pacToken(t, k, etype, &krbtest.PACOptions{
				Logon: domainLogon(), UPN: &krbtest.PACUPN{UPN: "alice@example.com", DNSDomain: "EXAMPLE.COM", SAMName: "alice",
					SID: "S-1-5-21-11-22-33-1104", Flags: 1},
				More: []krbtest.PACBuffer{{Type: krbtest.PACAttributes, Data: []byte{2, 0, 0, 0, 1, 0, 0, 0}},
					{Type: krbtest.PACRequestor, Data: krbtest.SIDBytes("S-1-5-21-11-22-33-1104")},
					{Type: 99, Data: []byte("unknown")}},
				RODC: rodc,
			}))
			if err != nil {
				t.Fatalf("etype %d: %v", etype, err)
			}
			p := a.PAC()
			want := []string{"S-1-5-21-11-22-33-513", "S-1-5-21-11-22-33-1105", "S-1-18-1", "S-1-5-21-44-55-66-512",
				"S-1-5-21-11-22-33-1110"}
			if got := a.Groups(); !slices.Equal(got, want) {
				t.Errorf("etype %d: groups %v, want %v", etype, got, want)
			}
			if p.User() != "S-1-5-21-11-22-33-1104" || p.ClientName != "alice" ||
				!p.AuthTime.Equal(now.Truncate(time.Second)) || p.Attributes != 1 ||
				p.Requestor != "S-1-5-21-11-22-33-1104" || !slices.Equal(p.Types, []uint32{1, 10, 12, 17, 18, 99, 6, 7}) {
				t.Errorf("%+v", p)
			}
			if l := p.Logon; l.EffectiveName != "alice" || l.FullName != "Alice\tLiddell" || l.LogonServer != "DC1" ||
				l.LogonDomainName != "EXAMPLE" || l.LogonTime.Year() != 2026 ||
				!l.LogoffTime.IsZero() || l.PrimaryGroupID != 513 {
				t.Errorf("%+v", l)
			}
			if u := p.UPN; u.UPN != "alice@example.com" || u.DNSDomain != "EXAMPLE.COM" || u.SAMName != "alice" ||
				u.SID != p.User() || !u.Made {
				t.Errorf("%+v", u)
			}
		}
	}
}

// TestAcceptorFollowsPACRule: a PAC is ignored, verified if present, or
// required.
func TestAcceptorFollowsPACRule(t *testing.T) {
	t.Parallel()
	k := newKDC()
	bare, _ := mustToken(t, k, krbtest.TokenOptions{})
	broken := pacToken(t, k, 18, &krbtest.PACOptions{Without: []uint32{krbtest.PACServerSig}})
	for _, c := range []struct {
		rule  gss.PACRule
		token []byte
		want  kerberos.Code
	}{
		{gss.PACIgnore, bare, ""}, {gss.PACWhenPresent, bare, ""}, {gss.PACRequired, bare, kerberos.CodePACMissing},
		{gss.PACIgnore, broken, ""}, {gss.PACWhenPresent, broken, kerberos.CodePACIntegrity},
		{gss.PACRequired, broken, kerberos.CodePACIntegrity},
	} {
		a, err := acceptPAC(t, k, c.rule, c.token)
		if code(err) != c.want || c.want == "" && err != nil {
			t.Errorf("%q: %v, want %q", c.rule, err, c.want)
		}
		if err == nil && (a.PAC() != nil || a.Groups() != nil) {
			t.Errorf("%q: %+v", c.rule, a.PAC())
		}
	}
	// As MIT's KDC writes it: without LOGON_INFO there are no groups, and that
	// is fine.
	a, err := acceptPAC(t, k, gss.PACRequired, pacToken(t, k, 18, &krbtest.PACOptions{}))
	if err != nil || a.PAC() == nil || a.PAC().Logon != nil || a.Groups() != nil || a.PAC().User() != "" {
		t.Errorf("%v, %+v", err, a)
	}
	if _, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: k.Keytab(nil), PAC: "always"}); err == nil {
		t.Error("no such rule")
	}
}

// TestPACReturnsGroups: which groups count.
func TestPACReturnsGroups(t *testing.T) {
	t.Parallel()
	k := newKDC()
	for name, c := range map[string]struct {
		change func(*krbtest.PACLogon)
		want   string
	}{
		"primary group is not in the list": {func(l *krbtest.PACLogon) { l.Groups, l.Extra, l.Resource = nil, nil, nil },
			"[S-1-5-21-11-22-33-513]"},
		"primary group is for denying": {func(l *krbtest.PACLogon) {
			l.Groups, l.Extra, l.Resource = []krbtest.PACGroup{{ID: 513, Attributes: 0x14}}, nil, nil
		}, "[]"},
		"lists that no flag announces": {func(l *krbtest.PACLogon) { l.Groups, l.NoListFlags = nil, true },
			"[S-1-5-21-11-22-33-513]"},
		"account in the first of the extra": {func(l *krbtest.PACLogon) {
			l.UserID, l.Groups, l.Resource = 0, nil,
				nil
			l.PrimaryGroup = 0
		}, "[S-1-5-21-44-55-66-512]"},
	} {
		l := domainLogon()
		c.change(l)
		a, err := acceptPAC(t, k, gss.PACRequired, pacToken(t, k, 18, &krbtest.PACOptions{Logon: l}))
		if err != nil || fmt.Sprint(a.Groups()) != c.want {
			t.Errorf("%s: %v, %v", name, a.Groups(), err)
		}
	}
}

// TestAcceptorRejectsForgedPAC: PACs that somebody altered, made up, or took
// from elsewhere.
func TestAcceptorRejectsForgedPAC(t *testing.T) {
	t.Parallel()
	k := newKDC()
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
	}
	for name, c := range map[string]struct {
		etype int32
		pac   krbtest.PACOptions
		want  kerberos.Code
	}{
		"a group changed after signing": {18, krbtest.PACOptions{Signed: func(b []byte) []byte {
			i := strings.Index(string(b), "\x51\x04\x00\x00\x07\x00\x00\x00") // 1105, enabled
			b[i] = 0
			b[i+1] = 2 // 512: Domain Admins
			return b
		}}, kerberos.CodePACIntegrity},
		"the client's name changed": {18,
			krbtest.PACOptions{Signed: func(b []byte) []byte {
				return []byte(strings.Replace(string(b), "a\x00l\x00i",
					"e\x00l\x00i", 1))
			}}, kerberos.CodePACIntegrity},
		"the signature changed": {18, krbtest.PACOptions{Signed: flip(-30)}, kerberos.CodePACIntegrity},
		"signed with another key": {18, krbtest.PACOptions{Key: krbtest.RandomKey(18)},
			kerberos.CodePACIntegrity},
		"signed with a weaker type": {18, krbtest.PACOptions{Key: krbtest.RandomKey(23), Etype: 23},
			kerberos.CodePACIntegrity},
		"RC4's type over the key's checksum": {18, krbtest.PACOptions{SigType: -138}, kerberos.CodePACIntegrity},
		"type without a key":                 {18, krbtest.PACOptions{SigType: 7}, kerberos.CodePACIntegrity},
		"another AES type under RC4": {23, krbtest.PACOptions{Key: krbtest.RandomKey(17), Etype: 17},
			kerberos.CodePACIntegrity},
		"without server signature": {18, krbtest.PACOptions{Without: []uint32{krbtest.PACServerSig}},
			kerberos.CodePACIntegrity},
		"without KDC signature": {18, krbtest.PACOptions{Without: []uint32{krbtest.PACKDCSig}},
			kerberos.CodePACIntegrity},
		"without CLIENT_INFO": {18, krbtest.PACOptions{Without: []uint32{krbtest.PACClientInfo}},
			kerberos.CodePACMalformed},
		"of another client":              {18, krbtest.PACOptions{ClientName: "administrator"}, kerberos.CodePACClient},
		"of a client with a longer name": {18, krbtest.PACOptions{ClientName: "alice/admin"}, kerberos.CodePACClient},
		"of another authentication":      {18, krbtest.PACOptions{AuthTime: now.Add(-time.Hour)}, kerberos.CodePACClient},
		"LOGON_INFO twice": {18,
			krbtest.PACOptions{More: []krbtest.PACBuffer{{Type: krbtest.PACLogonInfo, Data: domainLogon().Bytes()}}},
			kerberos.CodePACMalformed},
		"control characters in the UPN": {18, krbtest.PACOptions{UPN: &krbtest.PACUPN{UPN: "a\x1b[2Jb"}},
			kerberos.CodePACMalformed},
		"two PACs": {18,
			krbtest.PACOptions{Wrap: func(e []byte) []byte { return krbtest.AuthzElement(1, krbtest.AuthzSequence(e, e)) }},
			kerberos.CodePACMalformed},
		"nested without end": {18, krbtest.PACOptions{Wrap: func(e []byte) []byte {
			for range 8 {
				e = krbtest.AuthzElement(1, krbtest.AuthzSequence(e))
			}
			return e
		}}, kerberos.CodePACMalformed},
		"empty": {18, krbtest.PACOptions{Signed: func([]byte) []byte { return []byte{} }},
			kerberos.CodePACMalformed},
		"2³²-1 buffers": {18,
			krbtest.PACOptions{Signed: func(b []byte) []byte { binary.LittleEndian.PutUint32(b, 1<<32-1); return b }},
			kerberos.CodePACMalformed},
		"64 buffers": {18, krbtest.PACOptions{Signed: func(b []byte) []byte { b[0] = 64; return b }},
			kerberos.CodePACMalformed},
		"version": {18, krbtest.PACOptions{Signed: func(b []byte) []byte { b[4] = 1; return b }},
			kerberos.CodePACMalformed},
		"offset in header": {18, krbtest.PACOptions{Signed: func(b []byte) []byte { b[16] = 8; return b }},
			kerberos.CodePACMalformed},
		"offset unaligned": {18, krbtest.PACOptions{Signed: func(b []byte) []byte { b[16] |= 4; return b }},
			kerberos.CodePACMalformed},
		"offset outside": {18, krbtest.PACOptions{Signed: func(b []byte) []byte { b[22] = 0xff; return b }},
			kerberos.CodePACMalformed},
		"offset of 2⁶⁴-8": {18,
			krbtest.PACOptions{Signed: func(b []byte) []byte { binary.LittleEndian.PutUint64(b[16:], 1<<64-8); return b }},
			kerberos.CodePACMalformed},
		"size of 2³²-1": {18,
			krbtest.PACOptions{Signed: func(b []byte) []byte { binary.LittleEndian.PutUint32(b[12:], 1<<32-1); return b }},
			kerberos.CodePACMalformed},
		"buffers that overlap": {18,
			krbtest.PACOptions{Signed: func(b []byte) []byte { copy(b[32:40], b[16:24]); return b }},
			kerberos.CodePACMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			c.pac.Logon = domainLogon()
			a, err := acceptPAC(t, k, gss.PACWhenPresent, pacToken(t, k, c.etype, &c.pac))
			if code(err) != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
			if err != nil && (a != nil || strings.Contains(err.Error(), "\x1b")) {
				t.Errorf("%q", err)
			}
		})
	}
}

// TestAcceptorRejectsTruncatedPAC cuts the PAC and LOGON_INFO everywhere,
// signed as they are then.
func TestAcceptorRejectsTruncatedPAC(t *testing.T) {
	t.Parallel()
	k := newKDC()
	whole := domainLogon().Bytes()
	for n := range len(whole) - 8 {
		for what, cut := range map[string][]byte{
			"cut": whole[:n],
			// The header says that the object is as long as what is left of it.
			"cut, with its length": append(slices.Concat(whole[:8], binary.LittleEndian.AppendUint32(nil, uint32(max(n-16, 0))),
				whole[12:16]), whole[16:max(n, 16)]...),
		} {
			token := pacToken(t, k, 18, &krbtest.PACOptions{More: []krbtest.PACBuffer{{Type: krbtest.PACLogonInfo, Data: cut}}})
			if a, err := acceptPAC(t, k, gss.PACRequired, token); code(err) != kerberos.CodePACMalformed {
				t.Fatalf("%s at %d: %v, %v", what, n, err, a.Groups())
			}
		}
	}
}

// TestAcceptorIgnoresPACOfTheAuthenticator: a PAC in the authenticator is
// ignored, even with a valid signature: bare or in AD-IF-RELEVANT, with a PAC
// in the ticket or without.
func TestAcceptorIgnoresPACOfTheAuthenticator(t *testing.T) {
	t.Parallel()
	k := newKDC()
	var signed []byte
	pacToken(t, k, 18,
		&krbtest.PACOptions{Logon: domainLogon(), Signed: func(b []byte) []byte { signed = slices.Clone(b); return b }})
	if buffers, err := pac.ParseBuffers(signed); err != nil || len(buffers.List) < 4 {
		t.Fatalf("%v, %v", buffers, err)
	}
	for kind, data := range map[int64][]byte{128: signed, 1: krbtest.AuthzSequence(krbtest.AuthzElement(128, signed))} {
		for _, ticket := range []*krbtest.PACOptions{nil, {}} {
			token, _ := mustToken(t, k,
				krbtest.TokenOptions{AuthzType: kind, AuthzData: data, Ticket: krbtest.TicketOptions{PAC: ticket}})
			a, err := acceptPAC(t, k, gss.PACWhenPresent, token)
			if err != nil || a.Groups() != nil || (a.PAC() != nil) != (ticket != nil) {
				t.Errorf("type %d: %v, %v", kind, err, a)
			}
			if ticket == nil {
				_, err = acceptPAC(t, k, gss.PACRequired, token)
				wantRefusal(t, err, kerberos.CodePACMissing)
			}
		}
	}
}

// TestInteropAcceptorReadsPACOfMIT: tickets of MIT's KDC have a PAC without
// LOGON_INFO, signed with keys of every type.
func TestInteropAcceptorReadsPACOfMIT(t *testing.T) {
	w := newGSSWorld(t)
	a := w.newAcceptor(t, gss.AcceptorConfig{PAC: gss.PACRequired})
	signatures := map[int32]int32{17: 15, 18: 16, 19: 19, 20: 20, 23: -138}
	for _, e := range mitEnctypes {
		ticket, err := w.initiator.ServiceTicket(t.Context(), gssService(e.Etype))
		if err != nil {
			t.Fatal(err)
		}
		token, _, err := gss.NewToken(ticket, gss.TokenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.Accept(t.Context(), token)
		if err != nil || c.PAC() == nil || c.PAC().ClientName != "alice" || c.PAC().Logon != nil || c.Groups() != nil ||
			c.PAC().SignatureType != signatures[e.Etype] {
			t.Errorf("%s: %v, %+v", e.Name, err, c)
		}
	}
}

// TestAcceptorReadsPACOfTrust reads LOGON_INFO that a Windows domain controller
// wrote of a client of a trusted domain: the groups of its own domain, and of
// the service's those that are local to that (resource groups).
func TestAcceptorReadsPACOfTrust(t *testing.T) {
	t.Parallel()
	k := newKDC()
	info, err := hex.DecodeString(testdata.MarshaledPAC_Kerb_Validation_Info_Trust)
	if err != nil {
		t.Fatal(err)
	}
	a, err := acceptPAC(t, k, gss.PACRequired, pacToken(t, k, 18, &krbtest.PACOptions{
		More: []krbtest.PACBuffer{{Type: krbtest.PACLogonInfo, Data: info}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := "[S-1-5-21-2284869408-3503417140-1141177250-1110 S-1-5-21-2284869408-3503417140-1141177250-513 " +
		"S-1-5-21-2284869408-3503417140-1141177250-1109 " +
		"S-1-18-1 S-1-5-21-3062750306-1230139592-1973306805-1107 S-1-5-21-3062750306-1230139592-1973306805-1108]"
	if fmt.Sprint(a.Groups()) != want || a.PAC().User() != "S-1-5-21-2284869408-3503417140-1141177250-1106" {
		t.Errorf("%s: %v", a.PAC().User(), a.Groups())
	}
}
