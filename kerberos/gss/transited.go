package gss

import (
	"slices"
)

// trustedPath are the realms that may be on the way of the ticket's client: the trusted client realms, and those that
// [capaths] names for this client and service.
func (s *acceptance) trustedPath() []string {
	if s.cfg.Paths == nil {
		return s.cfg.ClientRealms
	}
	via := s.cfg.Paths.Values("capaths", string(s.ticket.CRealm), string(s.req.Realm))
	return slices.Concat(s.cfg.ClientRealms, slices.DeleteFunc(via, func(realm string) bool { return realm == "." }))
}
