package gss_test

import (
	"slices"
	"testing"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// TestAcceptorWithholdsGroupsOfAnotherRealm: the KDC of another realm writes
// what it likes into its clients' PACs, groups of the service's domain and
// well-known ones too, as members, extra SIDs and resource groups. What the
// service's KDC let pass it has signed.
func TestAcceptorWithholdsGroupsOfAnotherRealm(t *testing.T) {
	t.Parallel()
	k := newKDC()
	all := []string{"S-1-5-21-7-8-9-513", "S-1-5-21-7-8-9-1105", "S-1-18-1", "S-1-5-32-544", "S-1-5-21-11-22-33-512",
		"S-1-5-21-7-8-9-1-2", "S-1-5-21-11-22-33-1110"}
	logon := &krbtest.PACLogon{Name: "alice", DomainID: "S-1-5-21-7-8-9", UserID: 1104, PrimaryGroup: 513,
		Groups: []krbtest.PACGroup{{ID: 513}, {ID: 1105}},
		Extra: []krbtest.PACSID{{SID: "S-1-18-1"}, {SID: "S-1-5-32-544"}, {SID: "S-1-5-21-11-22-33-512"},
			{SID: "S-1-5-21-7-8-9-1-2"}},
		ResourceDomain: "S-1-5-21-11-22-33", Resource: []krbtest.PACGroup{{ID: 1110}}}
	for name, tt := range map[string]struct {
		realm   string
		domains map[string][]pac.SID
		want    []string
	}{
		"own realm":                {"EXAMPLE.COM", nil, all},
		"own realm, others listed": {"EXAMPLE.COM", map[string][]pac.SID{"OTHER": {"S-1-5-21-7-8-9"}}, all},
		"own realm, listed": {"EXAMPLE.COM",
			map[string][]pac.SID{"EXAMPLE.COM": {"S-1-5-21-7-8-9"}}, all[:2]},
		"another":         {"OTHER", nil, nil},
		"another, listed": {"OTHER", map[string][]pac.SID{"OTHER": {"S-1-5-21-7-8-9"}}, all[:2]},
		"another, listed with two domains": {"OTHER", map[string][]pac.SID{"OTHER": {"S-1-5-21-7-8-9", "S-1-5-21-11-22-33"}},
			[]string{all[0], all[1], all[4], all[6]}},
		"another, listed with any":       {"OTHER", map[string][]pac.SID{"OTHER": {pac.AnySID}}, all},
		"another, listed with none":      {"OTHER", map[string][]pac.SID{"OTHER": {}}, nil},
		"a third":                        {"THIRD", map[string][]pac.SID{"OTHER": {pac.AnySID}}, nil},
		"one whose name differs by case": {"other", map[string][]pac.SID{"OTHER": {pac.AnySID}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			token, _ := mustToken(t, k,
				krbtest.TokenOptions{Ticket: krbtest.TicketOptions{ClientRealm: tt.realm, PAC: &krbtest.PACOptions{Logon: logon}}})
			a, err := newAcceptor(t, k,
				gss.AcceptorConfig{PAC: gss.PACRequired, RealmSIDs: tt.domains}).Accept(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.Groups(), tt.want) || !slices.Equal(a.PAC().Groups(), tt.want) ||
				len(a.PAC().Withheld) != len(all)-len(tt.want) {
				t.Errorf("groups %v, want %v; withheld %v", a.Groups(), tt.want, a.PAC().Withheld)
			}
		})
	}
}

// TestAcceptorNotesDeniedSIDs: whoever denies a group has to see each client in
// it, though the group does not count as one of the client's: for denying only,
// disabled, in a list that is not announced, of a realm that may not name it; or
// that has it as its own SID.
func TestAcceptorNotesDeniedSIDs(t *testing.T) {
	t.Parallel()
	k := newKDC()
	logon := &krbtest.PACLogon{Name: "alice", DomainID: "S-1-5-21-7-8-9", UserID: 1104, PrimaryGroup: 513,
		Groups: []krbtest.PACGroup{{ID: 513}, {ID: 1105, Attributes: 0x14}, {ID: 1106, Attributes: 3}},
		Extra:  []krbtest.PACSID{{SID: "S-1-5-21-11-22-33-512"}, {SID: "S-1-5-21-11-22-33-666", Attributes: 0x10}}}
	denied := []pac.SID{"S-1-5-21-7-8-9-513", "S-1-5-21-7-8-9-1105", "S-1-5-21-7-8-9-1106", "S-1-5-21-11-22-33-512",
		"S-1-5-21-11-22-33-666", "S-1-5-21-7-8-9-1104"}
	for _, realm := range []string{"EXAMPLE.COM", "OTHER"} {
		for _, sid := range denied {
			groups := func(cfg gss.AcceptorConfig) []string {
				token, _ := mustToken(t, k,
					krbtest.TokenOptions{Ticket: krbtest.TicketOptions{ClientRealm: realm, PAC: &krbtest.PACOptions{Logon: logon}}})
				cfg.PAC = gss.PACRequired
				a, err := newAcceptor(t, k, cfg).Accept(t.Context(), token)
				if err != nil {
					t.Fatal(err)
				}
				return a.Groups()
			}
			before := groups(gss.AcceptorConfig{})
			got := groups(gss.AcceptorConfig{DeniedSIDs: []pac.SID{"S-1-5-21-7-8-9-9999", sid, "S-1-5-21-7-8-9-0", ""}})
			want := before
			if !slices.Contains(before, string(sid)) {
				want = append(before, string(sid))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s of %s: groups %v, want %v", sid, realm, got, want)
			}
		}
	}
}

// TestNewAcceptorRejectsSIDsThatAreNotDomains: a group's SID, or a domain that
// every machine has, is not a realm's domain.
func TestNewAcceptorRejectsSIDsThatAreNotDomains(t *testing.T) {
	t.Parallel()
	k := newKDC()
	for _, sid := range []pac.SID{"", "S-1-5-21-1-2-3-512", "S-1-5-21-1-2", "S-1-5-32", "S-1-1-0", "S-1-5-21-1-2-03",
		"s-1-5-21-1-2-3", "**"} {
		_, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: k.Keytab(nil),
			RealmSIDs: map[string][]pac.SID{"OTHER": {"S-1-5-21-1-2-3", sid}}})
		if err == nil {
			t.Errorf("%q is taken", sid)
		}
	}
}
