package doctor

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
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
}

// serviceFacts is what a KDC says of one service.
type serviceFacts struct {
	ticket *kerberos.ServiceTicket // nil: none was given
	client string                  // who asked
	err    error                   // why none was given

	probe   *kerberos.KDCFacts // asked without a key
	refused bool               // the KDC has another key than the keytab
	issued  bool               // the next two are known
	etype   int32              // of the key under which the KDC issues tickets
	kvno    uint32
	clock   func() time.Time // the KDC's, with ticket
}

// getTickets asks a realm's KDC for a ticket for each service, in the name of the services themselves or, where these
// are no clients to the KDC (Windows knows accounts, of which an SPN is a mere attribute), of another principal of the
// keytab.
func (d *doctor) getTickets(r *realm) *realmTickets {
	t := &realmTickets{of: map[*service]*serviceFacts{}, notes: map[string]string{}}
	kdc, found := firstAnswering(r.probes())
	if !found {
		t.why = "no KDC of " + r.name + " answers"
		return t
	}
	services := d.servicesOf(r.name)
	for _, s := range services {
		t.of[s] = d.askWithoutKey(kdc, s.Principal)
	}
	refused := 0
	for _, f := range d.keytabs {
		d.loginsOf(r, kdc, f, t, &refused)
	}
	return t
}

func firstAnswering(probes []*kdcProbe) (*kdcProbe, bool) {
	for _, p := range probes {
		if p.tcp == nil {
			return p, true
		}
	}
	for _, p := range probes {
		if p.answers() {
			return p, true
		}
	}
	return nil, false
}

// askWithoutKey learns whether a principal is known as a client and, from a KDC that wants no pre-authentication of it,
// under which key it issues tickets.
func (d *doctor) askWithoutKey(kdc *kdcProbe, p kerberos.Principal) *serviceFacts {
	ctx, cancel := d.question()
	defer cancel()
	exchanger, err := d.exchanger(p.Realm, kdc.network, kdc.addr)
	if err != nil {
		return &serviceFacts{err: err}
	}
	facts, err := kerberos.ProbeKDC(ctx, exchanger, p, p)
	if err != nil {
		return &serviceFacts{err: plainError(err)}
	}
	f := &serviceFacts{probe: &facts}
	if facts.Error == nil {
		f.issued, f.etype, f.kvno = true, facts.ServiceEtype, facts.ServiceKvno
	}
	return f
}

// loginsOf logs in with the keys of one keytab until every service of the realm in it has a ticket. A key that was refused
// is not tried again, nor is an account that has an equal one.
func (d *doctor) loginsOf(r *realm, kdc *kdcProbe, f *keytabFile, t *realmTickets, refused *int) {
	var wanted []*service
	for _, s := range d.servicesOf(r.name) {
		if s.file == f {
			wanted = append(wanted, s)
		}
	}
	var bad []kerberos.Principal // whose keys were refused
	for _, c := range d.candidates(r.name, f, wanted) {
		if len(wanted) == 0 || *refused >= maxRefusedKeys {
			return
		}
		own := t.factsOf(c)
		if own == nil {
			own = d.askWithoutKey(kdc, c)
		}
		if why := cannotLogin(own); why != "" {
			t.notes[c.String()] = why
			continue
		}
		if sharesKey(f, c, bad) {
			t.notes[c.String()] = "has the key that the KDC has refused"
			own.refused = true
			continue
		}
		if err := d.ticketsAs(r, kdc, c, f, t, &wanted); err != nil {
			t.notes[c.String()] = err.Error()
			if wrongKey(err) {
				own.refused = true
				bad = append(bad, c)
				*refused++
			}
		}
	}
}

// candidates are the principals to log in as: services first, then what else the keytab has, such as GW$.
func (d *doctor) candidates(realm string, f *keytabFile, wanted []*service) (list []kerberos.Principal) {
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

func (t *realmTickets) factsOf(p kerberos.Principal) *serviceFacts {
	for s, f := range t.of {
		if s.String() == p.String() {
			return f
		}
	}
	return nil
}

// cannotLogin says why a principal is no client, "" when it is one.
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

func sharesKey(f *keytabFile, p kerberos.Principal, others []kerberos.Principal) bool {
	for _, o := range others {
		if sameKey(f.entries(p), f.entries(o)) {
			return true
		}
	}
	return false
}

// ticketsAs logs in as c, once, and asks for the tickets of the services that are wanted. Those that no other client has to
// ask for again are taken out of wanted. The error is of the login.
func (d *doctor) ticketsAs(r *realm, kdc *kdcProbe, c kerberos.Principal, f *keytabFile, t *realmTickets, wanted *[]*service) error {
	exchanger, err := d.exchanger(r.name, kdc.network, kdc.addr)
	if err != nil {
		return err
	}
	session, err := d.Login(kerberos.InitiatorConfig{Client: c.String(), Keytab: f.keytab, KDC: exchanger, Etypes: allEtypes, Time: kdc.clock(d.Now)})
	if err != nil {
		return err
	}
	defer session.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*d.Timeout)
	defer cancel()
	var left []*service
	for i, s := range *wanted {
		facts := t.of[s]
		ticket, err := session.ServiceTicket(ctx, s.String())
		switch {
		case err == nil:
			facts.take(&ticket, c, kdc.clock(d.Now))
		case ofLogin(err):
			*wanted = append(left, (*wanted)[i:]...)
			return err
		default:
			facts.err = err
			if !ofService(err) {
				left = append(left, s) // perhaps another client is told more
			}
		}
	}
	*wanted = left
	return nil
}

// take notes a ticket that client has got, by the KDC's clock.
func (f *serviceFacts) take(ticket *kerberos.ServiceTicket, client kerberos.Principal, clock func() time.Time) {
	f.ticket, f.client, f.clock, f.err = ticket, client.String(), clock, nil
	if etype, kvno, err := ticket.ServiceKey(); err == nil {
		f.issued, f.etype, f.kvno = true, etype, kvno
	}
}

// clock is the KDC's: that ours differs is said by another check, and must not hide what this one finds.
func (p *kdcProbe) clock(ours func() time.Time) func() time.Time {
	return func() time.Time { return ours().Add(p.ahead) }
}

// kdcCode is the code of the KDC's refusal in err, -1 when there is none.
func kdcCode(err error) int32 {
	var e *kerberos.KRBError
	if errors.As(err, &e) {
		return e.Code
	}
	return -1
}

// ofService tells a refusal that is about the service, whoever asks for it.
func ofService(err error) bool {
	code := kdcCode(err)
	return code == errServiceUnknown || code == errNotUnique
}

// ofLogin tells an error of the login.
func ofLogin(err error) bool {
	var e *kerberos.Error
	if !errors.As(err, &e) {
		return true
	}
	return slices.Contains([]kerberos.Code{kerberos.CodePreauth, kerberos.CodePreauthType, kerberos.CodeClientUnknown, kerberos.CodeClientRevoked, kerberos.CodePasswordExpired,
		kerberos.CodeCredential, kerberos.CodeKDC, kerberos.CodeKDCReply, kerberos.CodeRealm, kerberos.CodeSkew}, e.Code)
}

// wrongKey tells whether the KDC has another key than the keytab.
func wrongKey(err error) bool { return hasCode(err, kerberos.CodePreauth) }

func hasCode(err error, c kerberos.Code) bool {
	var e *kerberos.Error
	return errors.As(err, &e) && e.Code == c
}
