package doctor

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
)

// Error codes of KDCs (RFC 4120 7.5.9).
const (
	errClientUnknown   = 6
	errServiceUnknown  = 7
	errNotUnique       = 8
	errNoEtype         = 14
	errRevoked         = 18
	errKeyExpired      = 23
	errPreauthRequired = 25
	errWrongRealm      = 68
)

// Limits of logins, so that nothing locks an account and nothing takes long.
const (
	maxRefusedKeys = 3 // of one realm
	maxCandidates  = 8 // principals of a keytab that are asked for
)

// realmTickets is what the keys of the keytabs got from a realm's KDCs.
type realmTickets struct {
	why   string // nothing could be asked, and why
	of    map[*service]*serviceFacts
	notes map[string]string // principals that did not log in, and why

	ccache  string    // why the credential cache got no tickets
	refused []account // whose key the KDC has refused
}

// A serviceFacts holds what a KDC has answered about one service.
type serviceFacts struct {
	ticket *kerberos.Credential // nil: none was given
	client string               // who asked
	err    error                // why none was given

	probe   *kdc.ProbeFacts // asked without a key
	refused bool            // the KDC has another key than the keytab
	issued  bool            // the next two are known
	etype   int32           // of the key under which the KDC issues tickets
	kvno    uint32
	clock   func() time.Time // the KDC's, with ticket
}

// getTickets asks a realm's KDC for a ticket for each service: in the name of
// who is in the credential cache, if there is one, of the services themselves
// or, where these are no clients to the KDC (Windows knows accounts, of which
// an SPN is a mere attribute), of another principal of the keytab.
func (d *doctor) getTickets(r *realm) *realmTickets {
	t := &realmTickets{of: map[*service]*serviceFacts{}, notes: map[string]string{}}
	client := firstAnswering(r.probes())
	if client == nil {
		t.why = "no KDC of " + r.name + " answers"
		return t
	}
	services := d.servicesOf(r.name)
	for _, s := range services {
		t.of[s] = d.askWithoutKey(client, s.Principal)
	}
	if d.CCache != "" {
		left, err := d.ticketsFor(services, t, client, kdc.ClientConfig{CCache: d.CCache})
		if err != nil {
			t.ccache = err.Error()
		}
		services = left
	}
	for _, f := range d.keytabs {
		d.loginsOf(r, client, f, t, slices.DeleteFunc(slices.Clone(services), func(s *service) bool { return s.file != f }))
	}
	for s, facts := range t.of { // a service that is another name of an account whose key was refused
		t.wasRefused(s.Principal, s.file, facts)
	}
	return t
}

// firstAnswering is the first KDC that answers over TCP, else one that answers,
// nil without.
func firstAnswering(probes []*kdcProbe) *kdcProbe {
	for _, p := range probes {
		if p.tcp.err == nil {
			return p
		}
	}
	for _, p := range probes {
		if p.answers() {
			return p
		}
	}
	return nil
}

// askWithoutKey learns whether a principal is known as a client and, from a KDC
// that wants no pre-authentication of it, under which key it issues tickets.
func (d *doctor) askWithoutKey(client *kdcProbe, p kerberos.Principal) *serviceFacts {
	ctx, cancel := d.question()
	defer cancel()
	exchanger, err := d.exchanger(p.Realm, client.best().network, client.addr)
	if err != nil {
		return &serviceFacts{err: err}
	}
	facts, err := kdc.Probe(ctx, exchanger, p, p)
	if err != nil {
		return &serviceFacts{err: plainError(err)}
	}
	f := &serviceFacts{probe: &facts}
	if facts.Error == nil {
		f.issued, f.etype, f.kvno = true, facts.ServiceEtype, facts.ServiceKvno
	}
	return f
}

// loginsOf logs in with the keys of one keytab until every service that is
// wanted has a ticket. An account of which the KDC has refused a key is not
// tried again, by no name: whoever has the same key is the same account.
func (d *doctor) loginsOf(r *realm, client *kdcProbe, f *keytabFile, t *realmTickets, wanted []*service) {
	for _, c := range candidates(r.name, f, wanted) {
		if len(wanted) == 0 || len(t.refused) >= maxRefusedKeys {
			return
		}
		own := t.factsOf(c, f)
		if own == nil {
			own = d.askWithoutKey(client, c)
		}
		if why := cannotLogin(own); why != "" {
			t.notes[c.String()] = why
			continue
		}
		if t.wasRefused(c, f, own) {
			t.notes[c.String()] = "is an account of which the KDC has refused a key already"
			continue
		}
		var err error
		wanted, err = d.ticketsFor(wanted, t, client, kdc.ClientConfig{Client: c.String(), Keytab: f.keytab})
		if err != nil {
			t.notes[c.String()] = err.Error()
		}
		if hasCode(err, kerberos.CodePreauth) {
			own.refused = true
			t.refused = append(t.refused, account{c, f})
		}
	}
}

// An account is a principal with the keys that a keytab has of it.
type account struct {
	kerberos.Principal
	file *keytabFile
}

// wasRefused reports whether the KDC has refused a key of this account, and
// notes when it was this very key.
func (t *realmTickets) wasRefused(p kerberos.Principal, f *keytabFile, own *serviceFacts) (was bool) {
	for _, a := range t.refused {
		same := sameKey(a.file.entries(a.Principal), f.entries(p))
		own.refused = own.refused || same
		was = was || same || a.String() == p.String()
	}
	return was
}

// candidates are the principals to log in as: services first, then what else
// the keytab has, such as GW$.
func candidates(realm string, f *keytabFile, wanted []*service) (list []kerberos.Principal) {
	seen := map[string]bool{}
	add := func(p kerberos.Principal) {
		if !seen[p.String()] && len(list) < maxCandidates && p.Realm == realm {
			seen[p.String()] = true
			list = append(list, p)
		}
	}
	for _, s := range wanted {
		add(s.Principal)
	}
	if f.keytab != nil {
		for _, p := range f.keytab.Principals() {
			add(p)
		}
	}
	return list
}

// factsOf are those of a service that is in this keytab, nil when p is none.
func (t *realmTickets) factsOf(p kerberos.Principal, f *keytabFile) *serviceFacts {
	for s, facts := range t.of {
		if s.String() == p.String() && s.file == f {
			return facts
		}
	}
	return nil
}

// cannotLogin returns why a principal is no client, "" when it is one.
func cannotLogin(f *serviceFacts) string {
	switch {
	case f.err != nil:
		return f.err.Error()
	case f.probe == nil || f.probe.Error == nil || f.probe.Error.Code == errPreauthRequired:
		return ""
	}
	switch f.probe.Error.Code {
	case errClientUnknown:
		return "is not known to the KDC as a client"
	case errRevoked:
		return "is disabled or locked"
	case errKeyExpired:
		return "has an expired password"
	case errNoEtype:
		return "has no key of AES or RC4 at the KDC"
	}
	return f.probe.Error.Error()
}

// ticketsFor asks for tickets for the services that are wanted, as the client
// that cfg tells, which logs in once. It returns the services for which another
// client might get more. The error is that of the login.
func (d *doctor) ticketsFor(wanted []*service, t *realmTickets, kdc *kdcProbe,
	cfg kdc.ClientConfig) (left []*service, err error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	if cfg.KDC, err = d.exchanger(wanted[0].Realm, kdc.best().network, kdc.addr); err != nil {
		return wanted, err
	}
	cfg.Etypes, cfg.Time = allEtypes, kdc.clock(d.Now)
	session, err := d.Login(cfg)
	if err != nil {
		return wanted, err
	}
	defer session.Close()
	ctx, cancel := context.WithTimeout(d.ctx, 2*d.Timeout)
	defer cancel()
	for i, s := range wanted {
		facts := t.of[s]
		ticket, err := session.ServiceTicket(ctx, s.String())
		switch {
		case err == nil:
			facts.take(&ticket, cfg.Time)
		case ofLogin(err):
			return append(left, wanted[i:]...), err
		default:
			facts.err = err
			if !ofService(err) {
				left = append(left, s)
			}
		}
	}
	return left, nil
}

// take notes a ticket; clock is the KDC's.
func (f *serviceFacts) take(ticket *kerberos.Credential, clock func() time.Time) {
	f.ticket, f.client, f.clock, f.err = ticket, ticket.Client.String(), clock, nil
	if etype, kvno, err := kdc.ServiceKey(*ticket); err == nil {
		f.issued, f.etype, f.kvno = true, etype, kvno
	}
}

// clock is the KDC's: that ours differs is reported by another check, and must
// not hide what this one finds.
func (p *kdcProbe) clock(ours func() time.Time) func() time.Time {
	return func() time.Time { return ours().Add(p.best().ahead) }
}

// kdcCode is the code of the KDC's refusal in err, -1 when there is none.
func kdcCode(err error) int32 {
	var e *kerberos.KRBError
	if errors.As(err, &e) {
		return e.Code
	}
	return -1
}

// ofService reports whether a refusal is about the service, whoever asks.
func ofService(err error) bool {
	code := kdcCode(err)
	return code == errServiceUnknown || code == errNotUnique
}

// ofLogin reports whether an error is of the login.
func ofLogin(err error) bool {
	var e *kerberos.Error
	if !errors.As(err, &e) {
		return true
	}
	return slices.Contains([]kerberos.Code{kerberos.CodePreauth, kerberos.CodePreauthType, kerberos.CodeClientUnknown,
		kerberos.CodeClientRevoked, kerberos.CodePasswordExpired,
		kerberos.CodeCredential, kerberos.CodeKDC, kerberos.CodeKDCReply, kerberos.CodeRealm, kerberos.CodeSkew}, e.Code)
}

func hasCode(err error, c kerberos.Code) bool {
	var e *kerberos.Error
	return errors.As(err, &e) && e.Code == c
}
