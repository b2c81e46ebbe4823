package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/replay"
)

// checkKvnos compares the keytab's keys with those under which the KDC issues
// tickets.
func (d *doctor) checkKvnos(context.Context) []Result {
	return d.eachService(func(s *service, t *realmTickets, f *serviceFacts) []Result {
		switch {
		case f.ticket != nil:
			return []Result{d.ticketResult(s, f)}
		case f.refused:
			return []Result{refusedResult(s, f)}
		case f.issued:
			return []Result{issuedResult(s, f)}
		case ofService(f.err):
			return []Result{skip(s.String(), "the KDC issues no ticket for it, see spn")}
		}
		return []Result{skip(s.String(),
			"no principal of the keytab could ask the KDC (%s): kinit as anybody, and give --ccache", t.whyNot(s))}
	})
}

// refusedResult returns the result for a key that the KDC has refused. A
// ticket, if there is one, may show more.
func refusedResult(s *service, f *serviceFacts) Result {
	if f.issued {
		if r := issuedResult(s, f); r.Status == Fail {
			return r
		}
	}
	if s.file.password {
		return fail(s.String(), fmt.Sprintf("the KDC has refused the key that is made of the password and the salt %q: "+
			"it has another", s.usedSalt()), s.cure(f))
	}
	return fail(s.String(), "the KDC has refused the keytab's key ("+describe(s.file.entries(s.Principal))+
		"): it has another"+s.salt(f), s.cure(f))
}

// usedSalt returns the salt that the keys of a password are made with.
func (s *service) usedSalt() string { return cmp.Or(s.file.salt, s.DefaultSalt()) }

// salt returns the salt with which the KDC makes keys of a password. A keytab
// that was made from the right password may have another one.
func (s *service) salt(f *serviceFacts) string {
	if salt := f.kdcSalt(s.Principal); salt != "" {
		return fmt.Sprintf(" (if it is made of a password, then with the salt %q)", salt)
	}
	return ""
}

// kdcSalt returns the KDC's salt of a principal, or "" if the KDC was not asked
// about it or does not know it.
func (f *serviceFacts) kdcSalt(p kerberos.Principal) string {
	if f.probe == nil || len(f.probe.Keys) == 0 {
		return ""
	}
	return cmp.Or(f.probe.Keys[0].Salt, p.DefaultSalt()) // none is the default (RFC 4120 5.2.7.5)
}

// cure returns the cure for wrong keys: a new keytab or, if they are made of a
// password, the password and its salt.
func (s *service) cure(f *serviceFacts) string {
	if !s.file.password {
		return cureExport
	}
	used := s.usedSalt()
	switch salt := f.kdcSalt(s.Principal); salt {
	case "":
		return fmt.Sprintf("write the account's password into the first line of the file, and its salt in salt: (%q is "+
			"used now; Active Directory has the realm and the "+
			"account's name, such as %q; the KDC returns it only for principals that are accounts)", used, s.Realm+"svc-soap")
	case used:
		return "write the account's password into the first line of the file; the salt is the KDC's"
	default:
		return fmt.Sprintf("write salt: %q into the entry of services:, where %q is used now; if that is not all, the "+
			"account's password into the first line of the file", salt, used)
	}
}

// eachService calls f for the services that the KDC was asked about.
func (d *doctor) eachService(f func(*service, *realmTickets, *serviceFacts) []Result) []Result {
	results := each(d.realmNames(), func(name string) (list []Result) {
		t := d.realms[name].sessions()
		for _, s := range d.servicesOf(name) {
			if t.why != "" {
				list = append(list, skip(s.String(), "%s", t.why))
				continue
			}
			list = append(list, f(s, t, t.of[s])...)
		}
		return list
	})
	if len(results) == 0 {
		return []Result{skip("services", "no keytab has a key of a route's service, see keytab")}
	}
	return results
}

// whyNot returns why the principals of the service's keytab could not log in.
func (t *realmTickets) whyNot(s *service) string {
	var list []string
	if t.ccache != "" {
		list = append(list, t.ccache)
	}
	for _, p := range s.file.keytab.Principals() {
		if why := t.notes[p.String()]; why != "" {
			list = append(list, p.String()+" "+why)
		}
	}
	if len(list) == 0 {
		return "none was tried"
	}
	return strings.Join(list, "; ")
}

// ticketResult opens a ticket that the KDC has issued. That is what counts,
// whatever the version numbers are.
func (d *doctor) ticketResult(s *service, f *serviceFacts) Result {
	says := fmt.Sprintf("the KDC issues tickets under kvno %d, %s", f.kvno, etypeName(f.etype))
	outcome, err := d.open(s, f, openConfig{etypes: allEtypes, exact: false})
	var refused *kerberos.Error
	switch {
	case err == nil && f.etype == etype.RC4:
		return s.rc4Result(says)
	case err == nil && outcome.Facts().Fallback && outcome.Facts().KeytabKvno != 0: // 0 fits any
		return s.fallbackResult(says, f, outcome.Facts().KeytabKvno)
	case err == nil:
		return ok(s.String(), "%s; the %s opens them", says, s.file.kind())
	case !errors.As(err, &refused):
		return fail(s.String(), says+"; the keytab does not open them: "+err.Error(), s.cure(f))
	}
	return s.refusalResult(says, f, refused)
}

func (s *service) rc4Result(says string) Result {
	if s.allowsRC4() {
		return warn(s.String(), says+", which is broken", cureRC4)
	}
	return fail(s.String(), says+", which is broken and which route "+s.paths()+" does not allow", cureRC4)
}

func (s *service) fallbackResult(says string, f *serviceFacts, kvno uint32) Result {
	found := fmt.Sprintf("%s; the keytab has that key as kvno %d", says, kvno)
	if f.kvno&0xff == kvno && f.kvno > 0xff {
		found += ", the low 8 bits of it"
	}
	if slices.ContainsFunc(s.routes, func(r *config.Route) bool { return r.ExactKvno }) {
		return fail(s.String(), found+", which exact-kvno does not accept", "remove exact-kvno, or "+s.cure(f))
	}
	if s.file.password {
		return warn(s.String(), found+": it is found by trying",
			fmt.Sprintf("write kvno: %d into the entry of services:", f.kvno))
	}
	return warn(s.String(), found+": it is found by trying", s.cure(f))
}

// refusalResult explains why the keytab does not open the KDC's ticket.
func (s *service) refusalResult(says string, f *serviceFacts, refused *kerberos.Error) Result {
	entries := s.file.entries(s.Principal)
	have := "; the keytab has " + describe(entries)
	newest := entries[0].Kvno
	switch {
	case refused.Code == kerberos.CodeNoEtype && f.etype == etype.RC4:
		return fail(s.String(), says+have, cureRC4)
	case refused.Code == kerberos.CodeNoEtype:
		return fail(s.String(), says+have+", none of that type", s.cure(f))
	case refused.Code == kerberos.CodeNoKvno && newest == 0 && s.file.password:
		return fail(s.String(), fmt.Sprintf("%s; the key that is made of the password and the salt %q does not open them",
			says, s.usedSalt()), s.cure(f))
	case refused.Code == kerberos.CodeNoKvno && newest == 0:
		return fail(s.String(), says+have+", and does not open them",
			"the keytab does not say the versions of its keys; they are of an older or another password, or of another salt"+
				s.salt(f)+": "+s.cure(f))
	case refused.Code == kerberos.CodeNoKvno && newest < f.kvno:
		return fail(s.String(), says+have+", which is older", s.cure(f))
	case refused.Code == kerberos.CodeNoKvno:
		return fail(s.String(), says+have+", which is newer",
			"a keytab of another KDC or realm, or a change of keys that has not reached this KDC yet: wait for "+
				"replication, or "+s.cure(f))
	case refused.Code == kerberos.CodeTicketIntegrity:
		return fail(s.String(), says+have+": the same number, and another key",
			"the account was made anew, or ktpass or ktutil were given another password, salt or case of the name: "+s.cure(f))
	}
	return fail(s.String(), says+"; they are refused: "+refused.Detail, s.cure(f))
}

// issuedResult opens a ticket that the KDC has issued without
// pre-authentication. Only the client can use it, but the service can check
// whether it has the key.
func issuedResult(s *service, f *serviceFacts) Result {
	says := fmt.Sprintf("the KDC issues tickets under kvno %d, %s", f.kvno, etypeName(f.etype))
	e, err := s.file.keytab.KeyOf(f.probe.Ticket)
	var refused *kerberos.Error
	switch {
	case errors.As(err, &refused):
		return s.refusalResult(says, f, refused)
	case err != nil:
		return fail(s.String(), says+"; they are not understood: "+err.Error(), "report it")
	case f.etype == etype.RC4:
		return s.rc4Result(says)
	case e.Kvno != 0 && f.kvno != 0 && e.Kvno != f.kvno:
		return s.fallbackResult(says, f, e.Kvno)
	}
	return ok(s.String(), "%s; the %s opens them", says, s.file.kind())
}

var allEtypes = etype.Supported(etype.AES256SHA1, etype.AES128SHA1, etype.AES256SHA2, etype.AES128SHA2, etype.RC4)

// An openConfig holds how strict an acceptor is.
type openConfig struct {
	etypes []int32
	exact  bool
	pac    gss.PACRule
}

// open presents a token, made with the KDC's ticket, to an acceptor with the
// keytab.
func (d *doctor) open(s *service, f *serviceFacts, c openConfig) (*gss.Authentication, error) {
	token, _, err := gss.NewToken(*f.ticket, gss.TokenOptions{Time: f.clock})
	if err != nil {
		return nil, err
	}
	acceptor, err := d.acceptor(s, f, c)
	if err != nil {
		return nil, err
	}
	return acceptor.Accept(context.Background(), token)
}

// acceptor returns an acceptor with the KDC's clock. Another check is for ours.
func (d *doctor) acceptor(s *service, f *serviceFacts, c openConfig) (*gss.Acceptor, error) {
	return gss.NewAcceptor(gss.AcceptorConfig{Keytab: s.file.keytab, Services: []string{s.String()}, Etypes: c.etypes,
		ExactKvno: c.exact, PAC: c.pac, MaxSkew: d.Settings.ClockSkew, Replay: d.Replay(f.clock()), Time: f.clock})
}

// throwAway returns a replay store for a few tokens, which accepts tokens that
// are older than itself.
func throwAway(now time.Time) gss.ReplayStore {
	return replay.NewMemory(replay.MemoryConfig{CompleteSince: now.Add(-time.Hour)})
}

// checkReplay presents a token twice: once it has to be accepted, and once
// refused.
func (d *doctor) checkReplay(context.Context) []Result {
	return d.eachService(func(s *service, _ *realmTickets, f *serviceFacts) []Result {
		switch {
		case f.ticket == nil:
			return []Result{skip(s.String(), "no ticket to try with, see kvno")}
		case d.ticketResult(s, f).Status == Fail:
			return []Result{skip(s.String(), "the keytab does not open the KDC's tickets, see kvno")}
		}
		return []Result{d.acceptTwice(s, f)}
	})
}

func (d *doctor) acceptTwice(s *service, f *serviceFacts) Result {
	c := openConfig{etypes: []int32{17, 18, 19, 20},
		exact: slices.ContainsFunc(s.routes, func(r *config.Route) bool { return r.ExactKvno })}
	if s.allowsRC4() {
		c.etypes = allEtypes
	}
	acceptor, err := d.acceptor(s, f, c)
	if err != nil {
		return skip(s.String(), "the route has no key to accept with, see keytab")
	}
	token, _, err := gss.NewToken(*f.ticket, gss.TokenOptions{Time: f.clock})
	if err != nil {
		return fail(s.String(), "no token can be made of the KDC's ticket: "+err.Error(), "report it")
	}
	if _, err := acceptor.Accept(context.Background(), token); err != nil {
		return fail(s.String(), "a token made with a ticket of the KDC is refused: "+err.Error(), d.cureOf(err))
	}
	if _, err := acceptor.Accept(context.Background(), token); !errors.Is(err,
		&kerberos.Error{Code: kerberos.CodeReplay}) {
		return fail(s.String(), fmt.Sprintf("the same token is accepted twice, or refused for another reason: %v", err),
			"do not use this binary: report it (SECURITY.md)")
	}
	return ok(s.String(), "a token of %s is accepted, and refused when it comes again", f.client)
}

// cureOf returns the catalogue's cure for a refusal.
func (d *doctor) cureOf(err error) string {
	var refused *kerberos.Error
	if errors.As(err, &refused) {
		if d.Cure != nil {
			return d.Cure(string(refused.Code))
		}
		for _, info := range kerberos.Codes() {
			if info.Code == refused.Code {
				return info.Cure
			}
		}
	}
	return "see wssgate errors"
}
