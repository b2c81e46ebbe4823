package gss

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/kerberos"
)

// anonymousRealm is the realm of clients that even the KDC does not know (RFC
// 8062 3).
const anonymousRealm = "WELLKNOWN:ANONYMOUS"

// checkClientRealm checks the client's realm against the trusted ones, if any
// are listed, and then the path by which the client came.
func (s *acceptance) checkClientRealm() error {
	anonymous := s.ticket.Flags&kerberos.FlagAnonymous != 0 || string(s.ticket.CRealm) == anonymousRealm
	if anonymous && !slices.Contains(s.cfg.ClientRealms, anonymousRealm) {
		return kerberos.Errorf(kerberos.CodeClientRealm, "client is anonymous, and realm %s is not among the trusted ones",
			anonymousRealm)
	}
	if !anonymous && len(s.cfg.ClientRealms) > 0 && !slices.Contains(s.cfg.ClientRealms, string(s.ticket.CRealm)) {
		return kerberos.Errorf(kerberos.CodeClientRealm, "client is of realm %s, trusted are %s",
			s.ticket.CRealm, strings.Join(s.cfg.ClientRealms, ", "))
	}
	return s.checkTransited()
}

// checkTransited checks the transited field (RFC 4120 2.7): each realm on the
// path could have put any client's name into the ticket. An empty path means
// that the client's realm shares a key with the service's (3.3.3.2).
func (s *acceptance) checkTransited() error {
	if len(s.ticket.Transited) == 0 {
		return nil
	}
	if bytes.Equal(s.ticket.CRealm, s.req.Realm) {
		return kerberos.Errorf(kerberos.CodeClientRealm,
			"ticket says that the client is of the service's own realm %s, and that it came by %.200q: "+
				"a realm on the way may have made that up", s.ticket.CRealm, s.ticket.Transited)
	}
	if s.ticket.Flags&kerberos.FlagTransitedPolicyChecked != 0 {
		return nil
	}
	realm := "path of an unknown type"
	if s.ticket.TrType == domainX500Compress {
		if realm = untrustedTransited(s.ticket.Transited, s.trustedPath()); realm == "" {
			return nil
		}
	}
	return kerberos.Errorf(kerberos.CodeClientRealm,
		"client is of realm %s, which came by other realms (%.200q) without a check of the path by the KDC; "+
			"name them all among the trusted client realms to accept it (not there: %.200q)",
		s.ticket.CRealm, s.ticket.Transited, realm)
}

const domainX500Compress = 1 // RFC 4120 3.3.3.2

// untrustedTransited returns the first realm of a path that is not in trusted,
// or "". Names that need quoting and realms that the path leaves out (an empty
// subfield) are never trusted.
func untrustedTransited(path []byte, trusted []string) string {
	previous := ""
	for field := range strings.SplitSeq(string(path), ",") {
		realm := field
		switch {
		case field == "" || strings.Contains(field, `\`):
			return cmp.Or(field, "realms that are not named")
		case field[0] == ' ':
			realm = field[1:]
		case field[0] == '/':
			realm = previous + field
		case field[len(field)-1] == '.':
			realm = field + previous
		}
		if !slices.Contains(trusted, realm) {
			return cmp.Or(realm, "empty name")
		}
		previous = realm
	}
	return ""
}

// trustedPath returns the realms that may be on the client's path: the trusted
// client realms, and those of [capaths] between the client's realm and the
// service's.
func (s *acceptance) trustedPath() []string {
	if s.cfg.Paths == nil {
		return s.cfg.ClientRealms
	}
	via := s.cfg.Paths.Values("capaths", string(s.ticket.CRealm), string(s.req.Realm))
	return slices.Concat(s.cfg.ClientRealms, slices.DeleteFunc(via, func(realm string) bool { return realm == "." }))
}
