package access_test

import (
	"slices"
	"testing"

	"github.com/wssgate/wssgate/internal/access"
)

// Each line is about an entry that can never match, or about one that looks as
// if; those with nothing to be said of are as important.
func TestIdleEntriesAreFound(t *testing.T) {
	t.Parallel()
	own := access.Realms{Own: []string{"EXAMPLE.COM"}}
	trusting := access.Realms{Own: own.Own, Trusted: []string{"EXAMPLE.COM", "PARTNER.COM"}}
	const admins = "S-1-5-21-1-2-3-512"
	for name, tt := range map[string]struct {
		lists  access.Lists
		realms access.Realms
		want   []string
	}{
		"nothing": {access.Lists{}, own, nil},
		"all is well": {access.Lists{AllowedPrincipals: []string{"alice@EXAMPLE.COM", "host/*@EU.EXAMPLE.COM", "*@*"},
			AllowedRealms: []string{"*.EXAMPLE.COM", "EXAMPLE.COM", "PARTNER"}, DeniedPrincipals: []string{"bob@EXAMPLE.COM",
				"*/*@EXAMPLE.COM", "b*@EXAMPLE.COM"}, DeniedRealms: []string{"EVIL"}, AllowedGroups: []string{admins},
			DeniedGroups: []string{"S-1-5-21-1-2-3-666"}}, own, nil},
		"case": {access.Lists{AllowedPrincipals: []string{"alice@example.com", "bob@Example.Com", "x@other.com",
			"*@*.com"}}, own,
			[]string{"allowed-principals: alice@example.com: its realm differs from EXAMPLE.COM, the service's, by case",
				"allowed-principals: bob@Example.Com: its realm differs from EXAMPLE.COM, the service's, by case",
				"allowed-principals: *@*.com: its realm differs from EXAMPLE.COM, the service's, by case"}},
		"case of realms": {access.Lists{AllowedRealms: []string{"example.com", "EXAMPLE.COM"}}, own,
			[]string{"allowed-realms: example.com: its realm differs from EXAMPLE.COM, the service's, by case"}},
		"case of what is denied": {access.Lists{DeniedRealms: []string{"example.com"},
			DeniedPrincipals: []string{"alice@example.com"}}, own, nil},
		"not trusted": {access.Lists{AllowedPrincipals: []string{"a@OTHER.COM", "a@PARTNER.COM", "*@*.COM"},
			AllowedRealms: []string{"*.COM", "*.ORG", "PARTNER.COM"}}, trusting,
			[]string{"allowed-principals: a@OTHER.COM: no realm of trusted-realms fits it",
				"allowed-realms: *.ORG: no realm of trusted-realms fits it"}},
		"other realms": {access.Lists{AllowedPrincipals: []string{"a@OTHER.COM", "b@EXAMPLE.COM", "c@*", "d@*.COM"},
			AllowedRealms: []string{"EXAMPLE.*", "X"}}, own,
			[]string{"allowed-principals: a@OTHER.COM: no realm of allowed-realms fits it, and both lists have to admit a " +
				"client"}},
		"denied realm": {access.Lists{AllowedPrincipals: []string{"a@PARTNER", "b@A.PARTNER", "*@*.PARTNER", "*@*"},
			AllowedRealms: []string{"A.PARTNER", "PARTNER", "*"}, DeniedRealms: []string{"*.partner"}}, own,
			[]string{"allowed-principals: b@A.PARTNER: denied-realms has *.partner, which denies all of it",
				"allowed-principals: *@*.PARTNER: denied-realms has *.partner, which denies all of it",
				"allowed-realms: A.PARTNER: denied-realms has *.partner, which denies all of it"}},
		"denied principal": {access.Lists{AllowedPrincipals: []string{"Mallory@EXAMPLE.COM", "*@EXAMPLE.COM",
			"mal*@EXAMPLE.COM",
			"mallory/admin@EXAMPLE.COM", "m*l*@EXAMPLE.COM"}, DeniedPrincipals: []string{"mal*@*"}}, own,
			[]string{"allowed-principals: Mallory@EXAMPLE.COM: denied-principals has mal*@*, which denies all of it",
				"allowed-principals: mal*@EXAMPLE.COM: denied-principals has mal*@*, which denies all of it"}},
		"narrow": {access.Lists{DeniedPrincipals: []string{"*@EVIL.COM", "*a@EVIL.COM", "*/*@EVIL.COM"}}, own,
			[]string{"denied-principals: *@EVIL.COM: denies names of one component alone, and not host/a or alice/admin"}},
		"groups": {access.Lists{AllowedGroups: []string{admins, "S-1-5-32-544", "S-1-18-1"},
			DeniedGroups: []string{admins, "S-1-5-11"}}, own,
			[]string{"allowed-groups: " + admins + ": denied-groups has it too, and denies it",
				"allowed-groups: S-1-5-32-544: is a group that Windows adds on each machine, and no KDC writes into a ticket",
				"denied-groups: S-1-5-11: is a group that Windows adds on each machine, and no KDC writes into a ticket"}},
	} {
		var got []string
		for _, f := range rules(t, tt.lists).Idle(tt.realms) {
			if got = append(got, f.String()); f.Cure == "" {
				t.Errorf("%s: no cure of %s", name, f)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%q, want\n%q", name, got, tt.want)
		}
	}
}

// What covers another pattern must do so for every name, or an entry would be
// said to be of no use that is.
func FuzzShadow(f *testing.F) {
	f.Add("a*b*@R", "a*b@R", "axb")
	f.Add("*a@R", "a*@R", "aa")
	f.Fuzz(func(t *testing.T, denied, allowed, name string) {
		r, err := access.New(access.Lists{AllowedPrincipals: []string{allowed}, DeniedPrincipals: []string{denied}})
		if err != nil {
			return
		}
		said := slices.ContainsFunc(r.Idle(access.Realms{}), func(f access.Finding) bool {
			return f.Setting == access.AllowedPrincipals
		})
		if d := r.Decide(name, "R", nil); d.Admitted && said {
			t.Errorf("%q is admitted by %q, which %q is said to deny", name, allowed, denied)
		}
	})
}
