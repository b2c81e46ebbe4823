package pac_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	gokrb5 "github.com/jcmturner/gokrb5/v8/pac"

	"github.com/wssgate/wssgate/kerberos/internal/kerberostest"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// FuzzParsePAC: nothing panics, what is read is read as the same again, groups
// are SIDs, and gokrb5 agrees about LOGON_INFO where it reads it too.
func FuzzParsePAC(f *testing.F) {
	t := &krbtest.TicketOptions{Etype: 18, ClientName: []string{"alice"},
		AuthTime: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	for _, p := range []krbtest.PACOptions{
		{}, {Logon: domainLogon()}, {Logon: &krbtest.PACLogon{}},
		{Logon: domainLogon(), UPN: &krbtest.PACUPN{UPN: "alice@example.com", DNSDomain: "EXAMPLE.COM", SAMName: "alice",
			SID: "S-1-5-21-1-2-3-4"}, RODC: true},
		{More: []krbtest.PACBuffer{{Type: krbtest.PACAttributes, Data: []byte{2, 0, 0, 0, 1, 0, 0, 0}},
			{Type: krbtest.PACRequestor, Data: krbtest.SIDBytes("S-1-5-32-544")}}},
	} {
		b, err := p.Bytes(t, krbtest.RandomKey(18))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	microsoft, windows := windowsPACs(f)
	f.Add(microsoft)
	f.Add(windows)
	for _, c := range heimdalPACs(f) {
		f.Add(c.pac)
	}
	for tokens, kt := range map[string]string{"../testdata/samba-tokens.txt": "../testdata/samba.keytab",
		"../testdata/cxf-tokens.txt": "../testdata/cxf.keytab"} {
		kt, err := keytab.Load(kt)
		if err != nil {
			f.Fatal(err)
		}
		kerberostest.ReadRecorded(f, tokens, func(name string, _ time.Time, tokens [][]byte) {
			b := ticketPAC(f, kt, tokens[0])
			if b == nil {
				f.Fatalf("%s: no PAC", name)
			}
			f.Add(b)
		})
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parse(b)
		if err != nil {
			if p != nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%q", err)
			}
			return
		}
		again, err := parse(slices.Clone(b))
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Errorf("%+v, then %+v, %v", p, again, err)
		}
		for _, g := range p.Groups() {
			if _, err := pac.ParseSID(g); err != nil {
				t.Error(err)
			}
		}
		if p.Logon != nil {
			sameLogon(t, b, p.Logon)
		}
	})
}

// sameLogon compares with gokrb5's reading, where it has one: it panics on
// much, and does not know all of NDR.
func sameLogon(t *testing.T, b []byte, l *pac.LogonInfo) {
	defer func() { _ = recover() }()
	var whole gokrb5.PACType
	if len(b) > 64<<10 || whole.Unmarshal(b) != nil {
		return
	}
	for _, buffer := range whole.Buffers {
		if buffer.ULType != krbtest.PACLogonInfo {
			continue
		}
		var g gokrb5.KerbValidationInfo
		if g.Unmarshal(b[buffer.Offset:buffer.Offset+uint64(buffer.CBBufferSize)]) != nil {
			return
		}
		if len(g.GroupIDs) != len(l.Groups) || len(g.ExtraSIDs) != len(l.ExtraSIDs) || g.UserID != l.UserID ||
			g.PrimaryGroupID != l.PrimaryGroupID ||
			g.LogonDomainID.String() != l.LogonDomainID.String() && !strings.Contains(l.LogonDomainID.String(), "0x") {
			t.Errorf("%+v, gokrb5 has %+v", l, g)
		}
	}
}

// TestParseAgreesWithGokrb5: gokrb5 reads a whole LOGON_INFO as we do, so
// that the comparison of FuzzParsePAC is one.
func TestParseAgreesWithGokrb5(t *testing.T) {
	t.Parallel()
	logon := domainLogon()
	b := krbtest.BuildPAC(krbtest.PACBuffer{Type: krbtest.PACLogonInfo, Data: logon.Bytes()},
		krbtest.PACBuffer{Type: krbtest.PACClientInfo, Data: make([]byte, 10)})
	p, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	sameLogon(t, b, p.Logon)
	var g gokrb5.KerbValidationInfo
	if err := g.Unmarshal(logon.Bytes()); err != nil {
		t.Fatal(err)
	}
	for _, sid := range p.Groups() {
		if !slices.Contains(g.GetGroupMembershipSIDs(), sid) {
			t.Errorf("%s is not among gokrb5's %v", sid, g.GetGroupMembershipSIDs())
		}
	}
}
