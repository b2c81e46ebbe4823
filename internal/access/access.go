package access

import (
	"strings"

	"github.com/wssgate/wssgate/kerberos"
)

// Lists are the lists of a route, as they are configured: patterns of
// principals and of realms, and SIDs of groups.
type Lists struct {
	AllowedPrincipals, AllowedRealms, AllowedGroups []string
	DeniedPrincipals, DeniedRealms, DeniedGroups    []string
}

// The settings that have the lists.
const (
	AllowedPrincipals = "allowed-principals"
	AllowedRealms     = "allowed-realms"
	AllowedGroups     = "allowed-groups"
	DeniedPrincipals  = "denied-principals"
	DeniedRealms      = "denied-realms"
	DeniedGroups      = "denied-groups"
)

// Rules decide by the lists of a route. Nil, like empty lists, admits every
// client. They are safe for concurrent use.
type Rules struct {
	allowedPrincipals, deniedPrincipals principals
	anyCase                             principals // those allowed, in whatever case: for the log
	allowedRealms, deniedRealms         []pattern
	allowedGroups, deniedGroups         map[string]bool
	lists                               Lists
}

// New returns the Rules of lists. It fails if a pattern is none.
func New(l Lists) (*Rules, error) {
	r := &Rules{lists: l, allowedGroups: set(l.AllowedGroups), deniedGroups: set(l.DeniedGroups)}
	r.deniedPrincipals.folded, r.anyCase.folded = true, true
	for _, text := range l.AllowedPrincipals {
		if err := r.allowedPrincipals.add(text); err != nil {
			return nil, err
		}
		_ = r.anyCase.add(text) // it is a pattern
	}
	for _, text := range l.DeniedPrincipals {
		if err := r.deniedPrincipals.add(text); err != nil {
			return nil, err
		}
	}
	var err error
	if r.allowedRealms, err = realms(l.AllowedRealms); err != nil {
		return nil, err
	}
	r.deniedRealms, err = realms(l.DeniedRealms)
	for i := range r.deniedRealms {
		r.deniedRealms[i] = r.deniedRealms[i].fold()
	}
	return r, err
}

func set(list []string) map[string]bool {
	if len(list) == 0 {
		return nil
	}
	all := map[string]bool{}
	for _, text := range list {
		all[text] = true
	}
	return all
}

func realms(list []string) (all []pattern, err error) {
	for _, text := range list {
		p, err := parseRealm(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// principals is a list of principals.
type principals struct {
	folded   bool              // patterns and names are compared without regard to case
	exact    map[string]string // by principal: the entries without "*", as they were written
	patterns []pattern         // the others
	all      []pattern
}

func (l *principals) add(text string) error {
	p, err := parsePrincipal(text)
	if err != nil {
		return err
	}
	if l.folded {
		p = p.fold()
	}
	l.all = append(l.all, p)
	name, ok := p.exact()
	if !ok {
		l.patterns = append(l.patterns, p)
		return nil
	}
	if l.exact == nil {
		l.exact = map[string]string{}
	}
	l.exact[name] = text
	return nil
}

// find returns the entry that matches a principal, which text is the text form
// of.
func (l *principals) find(name kerberos.Principal, text string) (entry string, ok bool) {
	if len(l.all) == 0 {
		return "", false
	}
	if l.folded {
		text, name = fold(text), folded(name)
	}
	if entry, ok = l.exact[text]; ok {
		return entry, true
	}
	for i := range l.patterns {
		if l.patterns[i].match(name) {
			return l.patterns[i].text, true
		}
	}
	return "", false
}

func folded(p kerberos.Principal) kerberos.Principal {
	f := kerberos.Principal{Realm: fold(p.Realm)}
	for _, c := range p.Components {
		f.Components = append(f.Components, fold(c))
	}
	return f
}

func findRealm(list []pattern, realm string) (entry string, ok bool) {
	for i := range list {
		if list[i].realm.match(realm) {
			return list[i].text, true
		}
	}
	return "", false
}

func findGroup(list map[string]bool, groups []string) (entry string, ok bool) {
	for _, sid := range groups {
		if list[sid] {
			return sid, true
		}
	}
	return "", false
}

// A Decision is about one client.
type Decision struct {
	Admitted bool
	// Rule is what decided: the entries that have admitted the client, the one
	// that has denied it, or the name of the list of which none admits it. It is
	// "" if there are no lists.
	Rule string
	// Setting is the list that refuses the client, and Why the reason, for
	// operators.
	Setting, Why string
}

func refused(setting, entry, why string) Decision {
	d := Decision{Setting: setting, Rule: setting, Why: why}
	if entry != "" {
		d.Rule += ": " + entry
	}
	return d
}

// Empty reports whether there are no lists.
func (r *Rules) Empty() bool {
	return r == nil || len(r.allowedPrincipals.all)+len(r.deniedPrincipals.all)+len(r.allowedRealms)+
		len(r.deniedRealms)+len(r.allowedGroups)+len(r.deniedGroups) == 0
}

// Decide decides about a client: its name without realm in text form, with
// special characters escaped, its realm as it is, and the SIDs of its groups.
func (r *Rules) Decide(name, realm string, groups []string) Decision {
	if r.Empty() {
		return Decision{Admitted: true}
	}
	principal, err := kerberos.ParsePrincipal(name)
	if err != nil || principal.Realm != "" {
		return Decision{Why: "its name has not the form of one"}
	}
	principal.Realm = realm
	text := principal.String()
	if d := r.deny(principal, text, groups); d.Setting != "" {
		return d
	}
	return r.admit(principal, text, groups)
}

// deny returns the Decision of the deny lists. Its Setting is "" if none denies
// the client.
func (r *Rules) deny(name kerberos.Principal, text string, groups []string) Decision {
	if entry, ok := r.deniedPrincipals.find(name, text); ok {
		return refused(DeniedPrincipals, entry, "it is denied by "+entry)
	}
	if len(r.deniedPrincipals.all) > 0 && isEnterprise(name) {
		return refused(DeniedPrincipals, "", "its name has an @ in it, by which it may be an enterprise name: the "+
			"account of it may be one that is denied by its other name")
	}
	if entry, ok := findRealm(r.deniedRealms, fold(name.Realm)); ok {
		return refused(DeniedRealms, entry, "its realm is denied by "+entry)
	}
	switch entry, ok := findGroup(r.deniedGroups, groups); {
	case ok:
		return refused(DeniedGroups, entry, "it is in the denied group "+entry)
	case len(r.deniedGroups) > 0 && len(groups) == 0:
		return refused(DeniedGroups, "", "it may be in one of "+DeniedGroups+": "+noGroups)
	}
	return Decision{}
}

// isEnterprise reports whether a name may be an enterprise name (RFC 6806 5),
// which is another name of an account.
func isEnterprise(name kerberos.Principal) bool {
	return strings.Contains(strings.Join(name.Components, "/"), "@")
}

const noGroups = "its ticket names no groups that count (no PAC with LOGON_INFO, or of a realm that realm-sids " +
	"does not have)"

// admit returns the Decision of the lists that admit clients.
func (r *Rules) admit(name kerberos.Principal, text string, groups []string) Decision {
	var rules []string
	if len(r.allowedPrincipals.all) > 0 {
		entry, ok := r.allowedPrincipals.find(name, text)
		if !ok {
			why := "it is not among " + AllowedPrincipals
			if entry, ok = r.anyCase.find(name, text); ok {
				why += ", of which " + entry + " differs by case alone"
			}
			return refused(AllowedPrincipals, "", why)
		}
		rules = append(rules, AllowedPrincipals+": "+entry)
	}
	if len(r.allowedRealms) > 0 {
		entry, ok := findRealm(r.allowedRealms, name.Realm)
		if !ok {
			return refused(AllowedRealms, "", "its realm is not among "+AllowedRealms)
		}
		rules = append(rules, AllowedRealms+": "+entry)
	}
	if len(r.allowedGroups) > 0 {
		entry, ok := findGroup(r.allowedGroups, groups)
		switch {
		case len(groups) == 0:
			return refused(AllowedGroups, "", "it is in none of "+AllowedGroups+": "+noGroups)
		case !ok:
			return refused(AllowedGroups, "", "it is in none of "+AllowedGroups)
		}
		rules = append(rules, AllowedGroups+": "+entry)
	}
	return Decision{Admitted: true, Rule: strings.Join(rules, ", ")}
}
