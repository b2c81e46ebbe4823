package pac_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// logonOf reads LOGON_INFO.
func logonOf(b []byte) (*pac.LogonInfo, error) {
	var p pac.PAC
	err := p.Read(pac.TypeLogonInfo, b)
	return p.Logon, err
}

func TestReadReadsLogonInfo(t *testing.T) {
	t.Parallel()
	l, err := logonOf(domainLogon().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if l.EffectiveName != "alice" || l.FullName != "Alice\tLiddell" || l.LogonServer != "DC1" ||
		l.LogonDomainName != "EXAMPLE" || l.LogonDomainID != "S-1-5-21-11-22-33" || l.UserID != 1104 ||
		l.PrimaryGroupID != 513 || len(l.Groups) != 4 || len(l.ExtraSIDs) != 2 ||
		l.ResourceDomain != "S-1-5-21-77-88-99" || len(l.ResourceGroups) != 1 {
		t.Errorf("%+v", l)
	}
	if l.User() != "S-1-5-21-11-22-33-1104" {
		t.Error(l.User())
	}
}

func TestReadRejectsEveryTruncationOfLogonInfo(t *testing.T) {
	t.Parallel()
	whole := domainLogon().Bytes()
	for n := range whole {
		if l, err := logonOf(whole[:n]); err == nil {
			t.Errorf("%d of %d octets are read: %+v", n, len(whole), l)
		}
	}
}

func TestTokenGroupsCountsEnabledAndAnnouncedGroups(t *testing.T) {
	t.Parallel()
	domain := pac.SID("S-1-5-21-11-22-33")
	on := pac.GroupEnabled
	for name, test := range map[string]struct {
		logon pac.LogonInfo
		want  string
	}{
		"none":                     {pac.LogonInfo{LogonDomainID: domain}, "[]"},
		"primary group not listed": {pac.LogonInfo{LogonDomainID: domain, PrimaryGroupID: 513}, "[S-1-5-21-11-22-33-513]"},
		"primary group for denying": {pac.LogonInfo{LogonDomainID: domain, PrimaryGroupID: 513,
			Groups: []pac.RelativeGroup{{ID: 513, Attributes: on | pac.GroupDenyOnly}}}, "[]"},
		"disabled": {pac.LogonInfo{LogonDomainID: domain, Groups: []pac.RelativeGroup{{ID: 7}, {ID: 8, Attributes: on}}},
			"[S-1-5-21-11-22-33-8]"},
		"extra, not announced": {pac.LogonInfo{LogonDomainID: domain, UserID: 1,
			ExtraSIDs: []pac.GroupSID{{SID: "S-1-18-1", Attributes: on}}}, "[]"},
		"extra": {pac.LogonInfo{LogonDomainID: domain, UserID: 1, UserFlags: 0x20,
			ExtraSIDs: []pac.GroupSID{{SID: "S-1-18-1", Attributes: on}}}, "[S-1-18-1]"},
		"the account is the first of extra": {pac.LogonInfo{LogonDomainID: domain, UserFlags: 0x20,
			ExtraSIDs: []pac.GroupSID{{SID: "S-1-5-21-4-5-6-7", Attributes: on}, {SID: "S-1-18-1", Attributes: on}}},
			"[S-1-18-1]"},
		"resource, not announced": {pac.LogonInfo{LogonDomainID: domain, ResourceDomain: "S-1-5-21-7-8-9",
			ResourceGroups: []pac.RelativeGroup{{ID: 5, Attributes: on}}}, "[]"},
		"resource": {pac.LogonInfo{LogonDomainID: domain, ResourceDomain: "S-1-5-21-7-8-9", UserFlags: 0x200,
			ResourceGroups: []pac.RelativeGroup{{ID: 5, Attributes: on}}}, "[S-1-5-21-7-8-9-5]"},
	} {
		if got := fmt.Sprint(test.logon.TokenGroups()); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestReadBoundsGroups(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{4096: true, 4097: false} {
		l := domainLogon()
		l.Groups = slices.Repeat([]krbtest.PACGroup{{ID: 1}}, n)
		if _, err := logonOf(l.Bytes()); (err == nil) != ok {
			t.Errorf("%d groups: %v", n, err)
		}
	}
}
