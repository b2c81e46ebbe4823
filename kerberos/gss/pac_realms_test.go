package gss_test

import (
	"slices"
	"testing"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// TestAttackGroupsOfAnotherRealm: the KDC of another realm writes what it likes into its clients' PACs, groups of the
// service's domain and well-known ones too, as members, extra SIDs and resource groups. What the service's KDC let pass
// it has signed.
func TestAttackGroupsOfAnotherRealm(t *testing.T) {
	k := newKDC()
	all := []string{"S-1-5-21-7-8-9-513", "S-1-5-21-7-8-9-1105", "S-1-18-1", "S-1-5-32-544", "S-1-5-21-11-22-33-512", "S-1-5-21-7-8-9-1-2", "S-1-5-21-11-22-33-1110"}
	logon := &krbtest.PACLogon{Name: "alice", DomainID: "S-1-5-21-7-8-9", UserID: 1104, PrimaryGroup: 513, Groups: []krbtest.PACGroup{{ID: 513}, {ID: 1105}},
		Extra:          []krbtest.PACSID{{SID: "S-1-18-1"}, {SID: "S-1-5-32-544"}, {SID: "S-1-5-21-11-22-33-512"}, {SID: "S-1-5-21-7-8-9-1-2"}},
		ResourceDomain: "S-1-5-21-11-22-33", Resource: []krbtest.PACGroup{{ID: 1110}}}
	for name, tt := range map[string]struct {
		realm   string
		domains map[string][]pac.SID
		want    []string
	}{
		"own realm":                        {"EXAMPLE.COM", nil, all},
		"own realm, others listed":         {"EXAMPLE.COM", map[string][]pac.SID{"OTHER": {"S-1-5-21-7-8-9"}}, all},
		"own realm, listed":                {"EXAMPLE.COM", map[string][]pac.SID{"EXAMPLE.COM": {"S-1-5-21-7-8-9"}}, all[:2]},
		"another":                          {"OTHER", nil, nil},
		"another, listed":                  {"OTHER", map[string][]pac.SID{"OTHER": {"S-1-5-21-7-8-9"}}, all[:2]},
		"another, listed with two domains": {"OTHER", map[string][]pac.SID{"OTHER": {"S-1-5-21-7-8-9", "S-1-5-21-11-22-33"}}, []string{all[0], all[1], all[4], all[6]}},
		"another, listed with any":         {"OTHER", map[string][]pac.SID{"OTHER": {pac.AnySID}}, all},
		"another, listed with none":        {"OTHER", map[string][]pac.SID{"OTHER": {}}, nil},
		"a third":                          {"THIRD", map[string][]pac.SID{"OTHER": {pac.AnySID}}, nil},
		"one whose name differs by case":   {"other", map[string][]pac.SID{"OTHER": {pac.AnySID}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			token, _ := mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{ClientRealm: tt.realm, PAC: &krbtest.PACOptions{Logon: logon}}})
			a, err := newAcceptor(t, k, gss.AcceptorConfig{PAC: gss.PACRequired, RealmSIDs: tt.domains}).Accept(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.Groups(), tt.want) || !slices.Equal(a.PAC().Groups(), tt.want) || len(a.PAC().Withheld) != len(all)-len(tt.want) {
				t.Errorf("groups %v, want %v; withheld %v", a.Groups(), tt.want, a.PAC().Withheld)
			}
		})
	}
}

// TestRealmSIDsAreDomains: a group's SID, or a domain that every machine has, is none of a realm.
func TestRealmSIDsAreDomains(t *testing.T) {
	k := newKDC()
	for _, sid := range []pac.SID{"", "S-1-5-21-1-2-3-512", "S-1-5-21-1-2", "S-1-5-32", "S-1-1-0", "S-1-5-21-1-2-03", "s-1-5-21-1-2-3", "**"} {
		_, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: k.Keytab(nil), RealmSIDs: map[string][]pac.SID{"OTHER": {"S-1-5-21-1-2-3", sid}}})
		if err == nil {
			t.Errorf("%q is taken", sid)
		}
	}
}
