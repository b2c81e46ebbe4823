package config

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// Access returns the lists of clients that the route admits and denies.
func (r *Route) Access() access.Lists {
	return access.Lists{
		AllowedPrincipals: r.AllowedPrincipals, AllowedRealms: r.AllowedRealms, AllowedGroups: r.AllowedGroups,
		DeniedPrincipals: r.DeniedPrincipals, DeniedRealms: r.DeniedRealms, DeniedGroups: r.DeniedGroups,
	}
}

// ListsGroups reports whether the route admits or denies clients by their
// groups.
func (r *Route) ListsGroups() bool { return len(r.AllowedGroups)+len(r.DeniedGroups) > 0 }

// access checks the lists of clients.
func (k *checker) access(r *Route) {
	k.principals(access.AllowedPrincipals, r.AllowedPrincipals)
	k.principals(access.DeniedPrincipals, r.DeniedPrincipals)
	for _, text := range r.AllowedPrincipals {
		if strings.ContainsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
			k.find(access.AllowedPrincipals,
				fmt.Sprintf("%q cannot be written in an HTTP header for the backend, so it is never admitted", text),
				"remove it")
		}
	}
	k.realmPatterns(access.AllowedRealms, r.AllowedRealms)
	k.realmPatterns(access.DeniedRealms, r.DeniedRealms)
	k.groups(access.AllowedGroups, r.AllowedGroups)
	k.groups(access.DeniedGroups, r.DeniedGroups)
}

// principals checks patterns of principals.
func (k *checker) principals(setting string, list []string) {
	for _, text := range list {
		_, err := access.New(access.Lists{AllowedPrincipals: []string{text}})
		domain, user, windows := strings.Cut(text, `\`)
		switch {
		case windows && domain != "" && !strings.ContainsAny(text, "@/"):
			k.find(setting, text+" is a logon name of Windows, and names no realm",
				fmt.Sprintf("write it as %s@REALM, with the Kerberos realm of the domain %s in capitals, as klist shows it",
					user, domain))
		case err == nil:
		case !strings.Contains(text, "@"):
			k.find(setting, fmt.Sprintf("%q names no realm", text), "write it as alice@EXAMPLE.COM")
		default:
			k.find(setting, fmt.Sprintf("%q is not the name of a principal with its realm, nor a pattern of such names", text),
				`write it as alice@EXAMPLE.COM or host/*@EXAMPLE.COM, with \ before a special character that is meant as it is`)
		}
	}
}

// realmPatterns checks patterns of realms.
func (k *checker) realmPatterns(setting string, list []string) {
	for _, text := range list {
		if _, err := access.New(access.Lists{AllowedRealms: []string{text}}); err != nil || strings.Contains(text, " ") {
			k.find(setting, fmt.Sprintf("%q is not a realm, nor a pattern of realms", text),
				"write it as EXAMPLE.COM or *.EXAMPLE.COM")
		}
	}
}

// realmsOf returns the realms of principals, each once, for those that name one.
func realmsOf(principals []kerberos.Principal) (list []string) {
	seen := map[string]bool{"": true}
	for _, p := range principals {
		if !seen[p.Realm] {
			seen[p.Realm] = true
			list = append(list, p.Realm)
		}
	}
	return list
}

// RealmsOf returns the realms that clients of the route may be of, if its
// services are these principals.
func (r *Route) RealmsOf(services []kerberos.Principal) access.Realms {
	return access.Realms{Own: realmsOf(services), Trusted: r.TrustedRealms}
}

// groups checks that a list holds security identifiers as Windows writes them.
// In another spelling one would match nobody.
func (k *checker) groups(setting string, groups []string) {
	for _, sid := range groups {
		if _, err := pac.ParseSID(sid); err != nil {
			k.find(setting, fmt.Sprintf("%q is not a security identifier", sid),
				"write it as S-1-5-21-1004336348-1177238915-682003330-512; Get-ADGroup shows that of a group")
		}
	}
}

// realmSIDs checks the entries of realm-sids.
func (k *checker) realmSIDs(entries []string) {
	for _, entry := range entries {
		realm, sid, _ := strings.Cut(entry, "=")
		if !isRealm(realm) || pac.SID(sid) != pac.AnySID && !pac.SID(sid).IsAccountDomain() {
			k.find("realm-sids", fmt.Sprintf("%q is not a realm with the SID of a domain", entry),
				"write it as OTHER.EXAMPLE=S-1-5-21-1004336348-1177238915-682003330, without the number of a group; "+
					"Get-ADDomain shows it. OTHER.EXAMPLE=* takes every group")
		}
	}
}

// DomainsOfRealms returns RealmSIDs by realm.
func (r *Route) DomainsOfRealms() map[string][]pac.SID {
	domains := map[string][]pac.SID{}
	for _, entry := range r.RealmSIDs {
		realm, sid, _ := strings.Cut(entry, "=")
		domains[realm] = append(domains[realm], pac.SID(sid))
	}
	return domains
}
