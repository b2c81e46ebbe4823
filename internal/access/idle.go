package access

import (
	"fmt"
	"slices"
	"strings"
)

// A Finding is about an entry of a list that can never match, or does not
// match what it seems to.
type Finding struct {
	Setting, Entry string
	Why, Cure      string
}

// Realms are those that clients of a route may be of.
type Realms struct {
	Own     []string // of the service
	Trusted []string // trusted-realms: clients of others are refused; empty trusts all
}

// Idle returns what can be said of entries before a client has come.
func (r *Rules) Idle(realms Realms) (all []Finding) {
	if r.Empty() {
		return nil
	}
	for i := range r.allowedPrincipals.all {
		all = append(all, r.idle(AllowedPrincipals, &r.allowedPrincipals.all[i], realms)...)
	}
	for i := range r.allowedRealms {
		all = append(all, r.idle(AllowedRealms, &r.allowedRealms[i], realms)...)
	}
	for i := range r.deniedPrincipals.all {
		all = append(all, narrow(&r.deniedPrincipals.all[i])...)
	}
	return append(all, r.idleGroups()...)
}

// idle returns why an entry for principals or realms admits nobody.
func (r *Rules) idle(setting string, p *pattern, realms Realms) []Finding {
	f := Finding{Setting: setting, Entry: p.text}
	folded := p.fold()
	matches := func(realm string) bool { return p.realm.match(realm) }
	own := slices.IndexFunc(realms.Own, func(realm string) bool { return folded.realm.match(fold(realm)) })
	switch {
	case !slices.ContainsFunc(realms.Own, matches) && own >= 0:
		f.Why = fmt.Sprintf("its realm differs from %s, the service's, by case", realms.Own[own])
		f.Cure = "write the realm as the KDC has it"
	case len(realms.Trusted) > 0 && !slices.ContainsFunc(realms.Trusted, matches):
		f.Why, f.Cure = "no realm of trusted-realms fits it", "add its realm to trusted-realms, or remove the entry"
	case len(r.allowedRealms) > 0 &&
		!slices.ContainsFunc(r.allowedRealms, func(a pattern) bool { return a.realm.meets(p.realm) }):
		f.Why = "no realm of " + AllowedRealms + " fits it, and both lists have to admit a client"
		f.Cure = "add its realm to " + AllowedRealms + ", or remove the entry"
	default:
		f.Why, f.Cure = r.shadow(&folded), "remove one of the two"
	}
	if f.Why == "" {
		return nil
	}
	return []Finding{f}
}

// shadow returns by what everybody is denied whom a folded pattern of
// principals or realms matches.
func (r *Rules) shadow(p *pattern) string {
	for i := range r.deniedRealms {
		if d := &r.deniedRealms[i]; d.realm.covers(p.realm) {
			return fmt.Sprintf("%s has %s, which denies all of it", DeniedRealms, d.text)
		}
	}
	for i := range r.deniedPrincipals.all {
		if d := &r.deniedPrincipals.all[i]; len(p.components) > 0 && d.covers(p) {
			return fmt.Sprintf("%s has %s, which denies all of it", DeniedPrincipals, d.text)
		}
	}
	return ""
}

// narrow returns what a denied pattern leaves out that seems to have all
// principals of a realm.
func narrow(p *pattern) []Finding {
	if len(p.components) > 1 || !p.components[0].match("") || len(p.components[0]) != 2 {
		return nil
	}
	realm := p.text[strings.LastIndexByte(p.text, '@')+1:]
	return []Finding{{Setting: DeniedPrincipals, Entry: p.text,
		Why:  "denies names of one component alone, and not host/a or alice/admin",
		Cure: "write " + DeniedRealms + ": " + realm + ", if the whole realm is meant"}}
}

// idleGroups returns the groups that no ticket can have, or that are denied.
func (r *Rules) idleGroups() (all []Finding) {
	for _, list := range []struct {
		setting string
		groups  []string
	}{{AllowedGroups, r.lists.AllowedGroups}, {DeniedGroups, r.lists.DeniedGroups}} {
		for _, sid := range list.groups {
			f := Finding{Setting: list.setting, Entry: sid}
			switch {
			case ofMachines(sid):
				f.Why = "is a group that Windows adds on each machine, and no KDC writes into a ticket"
				f.Cure = "name a group of the domain, S-1-5-21-…"
			case list.setting == AllowedGroups && r.deniedGroups[sid]:
				f.Why, f.Cure = DeniedGroups+" has it too, and denies it", "remove one of the two"
			default:
				continue
			}
			all = append(all, f)
		}
	}
	return all
}

// ofMachines reports whether a SID is one of those that stand for how and where
// a client has logged in, or of BUILTIN (MS-DTYP 2.4.2.4). A KDC writes none of
// them into a PAC.
func ofMachines(sid string) bool {
	return strings.HasPrefix(sid, "S-1-5-32-") || slices.Contains([]string{
		"S-1-1-0", "S-1-2-0", "S-1-2-1", "S-1-5-1", "S-1-5-2", "S-1-5-3", "S-1-5-4", "S-1-5-6", "S-1-5-7", "S-1-5-9",
		"S-1-5-11", "S-1-5-14", "S-1-5-15", "S-1-5-18", "S-1-5-19", "S-1-5-20",
	}, sid)
}

// String returns the finding in one line.
func (f Finding) String() string { return f.Setting + ": " + f.Entry + ": " + f.Why }
