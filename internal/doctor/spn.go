package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/kerberos/keytab"
)

// checkSPNs looks at the names of services: whether the KDC knows each, once,
// and whether clients would ask for them.
func (d *doctor) checkSPNs(context.Context) []Result {
	list := d.checkDoubleKeys()
	for _, s := range d.services {
		list = append(list, s.checkName()...)
	}
	known := d.eachService(func(s *service, t *realmTickets,
		f *serviceFacts) []Result {
		return []Result{spnResult(s, t, f)}
	})
	return append(list, known...)
}

// spnResult reports whether the KDC knows the service. A lack of the name and
// its being there twice look the same to a client: it falls back to NTLM.
func spnResult(s *service, t *realmTickets, f *serviceFacts) Result {
	register := fmt.Sprintf("register it: on Windows setspn -S %s ACCOUNT, on an MIT KDC addprinc -randkey %s",
		s.Name(), s.Name())
	refusal := kdcCode(f.err)
	if f.probe != nil && f.probe.Error != nil && f.ticket == nil && refusal < 0 {
		refusal = f.probe.Error.Code
	}
	switch {
	case f.issued:
		return ok(s.String(), "the KDC knows it")
	case refusal == errNotUnique:
		return fail(s.String(), "the KDC has it on more than one account, and issues tickets for none",
			"setspn -X lists duplicates; setspn -D "+s.Name()+" ACCOUNT removes one")
	case refusal == errServiceUnknown:
		return fail(s.String(), "the KDC does not know it: clients get no ticket and fall back to NTLM", register)
	case refusal == errClientUnknown && f.ticket == nil:
		return warn(s.String(), "the KDC does not know it as a client. An MIT KDC then does not know it at all; on "+
			"Windows it may still be an SPN of an account",
			"give --ccache with a ticket of anybody (kinit), and doctor finds out; or setspn -Q "+s.Name()+
				" shows the account. If there is none, "+register)
	case refusal == errRevoked:
		return fail(s.String(), "the KDC says that its account is disabled, locked or has ended",
			"enable or unlock it; find out what tries wrong passwords")
	case refusal == errPreauthRequired || f.refused:
		return ok(s.String(), "the KDC knows it as a client")
	}
	return skip(s.String(), "not asked: %s", t.whyNot(s))
}

// checkName finds names that clients do not ask for.
func (s *service) checkName() (list []Result) {
	host := s.host()
	const lower = "register the lower-case name, and export its keytab; write service: so"
	switch {
	case host != strings.ToLower(host):
		list = append(list, warn(s.String(),
			"has capitals in its host: clients take the host of their URL, mostly in lower case, and Kerberos compares case",
			lower))
	case host != "" && !strings.Contains(host, "."):
		list = append(list, warn(s.String(),
			"has a host without a domain: clients with the full name in their URL ask for another service",
			"register the full name too (setspn -S), and put its key into the keytab"))
	}
	if s.Realm != strings.ToUpper(s.Realm) {
		list = append(list, warn(s.String(), "has small letters in its realm; Active Directory's realms are in capitals",
			"write the realm as the KDC has it"))
	}
	return list
}

// checkDoubleKeys finds one name with different keys in two keytabs: one of
// them is out of date.
func (d *doctor) checkDoubleKeys() (list []Result) {
	for i, s := range d.services {
		for _, t := range d.services[:i] {
			if s.file == t.file || !strings.EqualFold(s.String(), t.String()) {
				continue
			}
			a, b := s.file.entries(s.Principal), t.file.entries(t.Principal)
			switch {
			case s.String() != t.String():
				list = append(list, warn(s.String(), "differs only by case from "+t.String()+", the service of "+t.paths(),
					"write both as the KDC has the name"))
			case len(a) > 0 && len(b) > 0 && !sameKeys(a, b):
				list = append(list, fail(s.String(), fmt.Sprintf("has other keys in %s than in %s", s.file.path, t.file.path),
					"one of the two is out of date, see kvno: use one keytab for both routes"))
			}
		}
	}
	return list
}

// sameKeys reports whether the newest keys of a type that both have are the
// same.
func sameKeys(a, b []keytab.Entry) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Etype == y.Etype && !x.Key.IsZero() {
				return x.Key.Equal(y.Key)
			}
		}
	}
	return true
}
