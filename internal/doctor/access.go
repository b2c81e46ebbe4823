package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
)

// checkAccess reports entries of routes' lists of clients that can never match,
// and services whose tickets have no groups where routes list some.
func (d *doctor) checkAccess(context.Context) (list []Result) {
	for i := range d.Settings.Routes {
		r := &d.Settings.Routes[i]
		rules, err := access.New(r.Access())
		if err != nil {
			continue // config has refused it
		}
		for _, f := range rules.Idle(r.RealmsOf(d.principalsOf(r))) {
			list = append(list, warn("route "+r.Name(), fmt.Sprintf("%s: %s: %s", f.Setting, f.Entry, f.Why), f.Cure))
		}
	}
	if !slices.ContainsFunc(d.services, (*service).listsGroups) {
		return list
	}
	return append(list, d.eachService(func(s *service, _ *realmTickets, f *serviceFacts) []Result {
		if !s.listsGroups() {
			return nil
		}
		return []Result{d.groupsResult(s, f)}
	})...)
}

// principalsOf returns the services of a route that its keytab has.
func (d *doctor) principalsOf(r *config.Route) (list []kerberos.Principal) {
	for _, s := range d.services {
		if s.known && slices.Contains(s.routes, r) {
			list = append(list, s.Principal)
		}
	}
	return list
}

func (s *service) listsGroups() bool {
	return slices.ContainsFunc(s.routes, (*config.Route).ListsGroups)
}

// groupsResult looks for groups in the ticket of whoever has asked for one.
func (d *doctor) groupsResult(s *service, f *serviceFacts) Result {
	if f.ticket == nil {
		return skip(s.String(), "no ticket to look for groups in, see kvno")
	}
	a, err := d.open(s, f, openConfig{etypes: allEtypes, pac: gss.PACWhenPresent})
	var paths []string
	for _, r := range s.routes {
		if r.ListsGroups() {
			paths = append(paths, r.Name())
		}
	}
	lists := "route " + strings.Join(paths, ", ") + " lists groups"
	switch {
	case hasCode(err, kerberos.CodePACIntegrity), hasCode(err, kerberos.CodePACMalformed),
		hasCode(err, kerberos.CodePACClient):
		return fail(s.String(), lists+", and the groups in the KDC's tickets are refused: "+err.Error(), d.cureOf(err))
	case err != nil:
		return skip(s.String(), "the keytab does not open the KDC's tickets, see kvno")
	case a.PAC() == nil || a.PAC().Logon == nil:
		return warn(s.String(),
			fmt.Sprintf("%s, and a ticket of %s names none: such clients are refused", lists, f.client),
			"Active Directory, Samba and FreeIPA write groups of users into tickets, unless the service's account is "+
				"exempt (NO_AUTH_DATA_REQUIRED): kinit as a user, and give --ccache. MIT's KDC without a directory writes none: "+
				"name principals instead of groups")
	}
	return ok(s.String(), "%s, and a ticket of %s names %s", lists, f.client, plural(len(a.Groups()), "group"))
}
