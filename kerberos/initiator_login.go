package kerberos

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// How long a refused login is not tried again: a service with a wrong password must not lock the account by trying it for
// each request. It doubles up to the limit.
const (
	refusalHold    = 30 * time.Second
	maxRefusalHold = 10 * time.Minute
)

// A refusal is a login that failed in a way that another try does not cure.
type refusal struct {
	err    error
	until  time.Time
	hold   time.Duration
	keytab *Keytab // that was tried
}

// login is the AS exchange (RFC 4120 3.1) with the password or the keytab.
func (i *Initiator) login(ctx context.Context) (ServiceTicket, error) {
	secret := i.secret()
	i.mu.Lock()
	held := i.refused
	i.mu.Unlock()
	if held.err != nil && held.keytab == secret.keytab && i.cfg.Time().Before(held.until) {
		return ServiceTicket{}, fmt.Errorf("%w (not tried again before %s)", held.err, stamp(held.until))
	}
	r := asRun{Initiator: i, secret: secret, service: []string{krbtgt, i.who.Realm}}
	t, err := r.run(ctx)
	if ctx.Err() != nil {
		return ServiceTicket{}, ctx.Err()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refused = refusal{}
	if holds(err) {
		hold := min(max(refusalHold, 2*held.hold), maxRefusalHold)
		i.refused = refusal{err, i.cfg.Time().Add(hold), hold, secret.keytab}
	}
	return t, err
}

// holds says whether an error is of the account, and not of the network.
func holds(err error) bool {
	e, ok := err.(*Error)
	return ok && slices.Contains([]Code{CodePreauth, CodeClientRevoked, CodePasswordExpired, CodeClientUnknown}, e.Code)
}

// A clientSecret is a password, or a keytab if that is not nil.
type clientSecret struct {
	password func() string
	keytab   *Keytab
	who      Principal
}

func (i *Initiator) secret() clientSecret {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := clientSecret{password: i.password, who: i.who}
	if i.cfg.Keytab != nil {
		s.keytab = i.cfg.Keytab.Keytab()
	}
	return s
}

// String says what it is.
func (s clientSecret) String() string {
	if s.keytab != nil {
		return "keytab's key"
	}
	return "password"
}

// Format prints String for every verb.
func (s clientSecret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// prefer puts the encryption types of which there is a key first: KDCs encrypt with the first one that they can.
func (s *clientSecret) prefer(etypes []int32) []int32 {
	if s.keytab == nil {
		return etypes
	}
	var have, rest []int32
	for _, e := range etypes {
		if s.entry(e, 0) != nil {
			have = append(have, e)
		} else {
			rest = append(rest, e)
		}
	}
	return append(have, rest...)
}

// entry is the keytab's newest key of an encryption type, or that of a kvno, if it is not 0 and there is one.
func (s *clientSecret) entry(etype int32, kvno uint32) (found *KeytabEntry) {
	for _, e := range s.keytab.EntriesOf(s.who.String()) { // newest first
		if e.Etype != etype || e.Key.IsZero() {
			continue
		}
		if found == nil || kvno != 0 && e.Kvno == kvno && found.Kvno != kvno {
			found = e
		}
	}
	return found
}

// key is the client's key of an encryption type, made of the password by what the KDC says.
func (s *clientSecret) key(etype int32, kvno uint32, info []etypeInfo) (Key, error) {
	if s.keytab != nil {
		if e := s.entry(etype, kvno); e != nil {
			return e.Key, nil
		}
		return Key{}, refuse(CodeCredential, "keytab has no key of %s of encryption type %d (%s), it has %s", s.who, etype, EtypeName(etype),
			cmp.Or(have(s.keytab.EntriesOf(s.who.String())), "none of this principal"))
	}
	salt, params := s.who.DefaultSalt(), []byte(nil)
	for _, e := range info {
		if e.etype == etype {
			if params = e.params; e.hasSalt {
				salt = e.salt
			}
			break
		}
	}
	key, err := stringToKey(etype, s.password(), salt, params)
	if err != nil {
		return Key{}, &Error{Code: CodeKDCReply, Detail: "parameters of the password's key", Err: err}
	}
	return key, nil
}

// asRun is one login.
type asRun struct {
	*Initiator
	secret  clientSecret
	service []string
	preauth preauth // that the KDC asked for
	request kdcRequest
}

func (r *asRun) run(ctx context.Context) (ServiceTicket, error) {
	if r.secret.keytab != nil && len(r.secret.keytab.EntriesOf(r.who.String())) == 0 {
		return ServiceTicket{}, refuse(CodeCredential, "keytab has no key of %s%s", r.who, r.secret.keytab.Nearby(r.who.String()))
	}
	reply, err := r.ask(ctx, nil)
	var asked *KRBError
	if err == nil && reply[0] == tagApplication(30) {
		if asked, err = parseKRBError(reply); err != nil {
			return ServiceTicket{}, &Error{Code: CodeKDCReply, Detail: "login of " + r.who.String(), Err: err}
		}
		if asked.Code != krbErrPreauthRequired {
			return ServiceTicket{}, r.refusal(asked)
		}
		reply, err = r.authenticate(ctx, asked)
	}
	if err != nil {
		return ServiceTicket{}, err
	}
	return r.open(reply)
}

func (r *asRun) refusal(e *KRBError) error {
	return kdcRefusal(e, r.who, Principal{r.service, r.who.Realm}, r.secret.String(), r.cfg.Time())
}

// ask sends AS-REQ with these PA-DATA.
func (r *asRun) ask(ctx context.Context, paData []byte) ([]byte, error) {
	now := r.cfg.Time()
	r.request = kdcRequest{realm: r.who.Realm, client: r.who.Components, clientType: namePrincipal, service: r.service,
		till: noEnd(), nonce: newNonce(), etypes: r.secret.prefer(r.loginEtypes)}
	if r.cfg.Lifetime > 0 {
		r.request.till = now.Add(r.cfg.Lifetime)
	}
	if r.cfg.RenewLifetime > 0 {
		r.request.options |= kdcRenewable
		r.request.renewTill = now.Add(r.cfg.RenewLifetime)
	}
	if r.cfg.Forwardable {
		r.request.options |= kdcForwardable
	}
	return r.exchange(ctx, r.who.Realm, kdcMessage(10, paData, r.request.body()))
}

func newNonce() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:]) >> 1 // some KDCs read it as a signed number
}

// authenticate answers KDC_ERR_PREAUTH_REQUIRED with an encrypted timestamp.
func (r *asRun) authenticate(ctx context.Context, asked *KRBError) ([]byte, error) {
	p := derParser{in: "METHOD-DATA"}
	var err error
	r.preauth, err = parsePreauth(p.whole(asked.Data, tagSequence, "sequence"))
	if err = cmp.Or(p.err, err); err != nil {
		return nil, &Error{Code: CodeKDCReply, Detail: "what the KDC asks for", Err: err}
	}
	if !r.preauth.timestamp {
		return nil, refuse(CodePreauthType, "KDC asks %s for pre-authentication of the types %v; only 2, encrypted timestamp, is supported", r.who, r.preauth.offered)
	}
	etype, err := r.chooseEtype()
	if err != nil {
		return nil, err
	}
	key, err := r.secret.key(etype, 0, r.preauth.info)
	if err != nil {
		return nil, err
	}
	paData := paTimestamp(key, r.cfg.Time())
	if r.preauth.cookie != nil {
		paData = append(paData, derPAData(paFXCookie, r.preauth.cookie)...)
	}
	reply, err := r.ask(ctx, paData)
	if err == nil && reply[0] == tagApplication(30) {
		var e *KRBError
		if e, err = parseKRBError(reply); err == nil {
			err = r.refusal(e)
		}
	}
	return reply, err
}

// chooseEtype takes the first of ours that the KDC offers and that there is a key for.
func (r *asRun) chooseEtype() (int32, error) {
	offered := make([]int32, 0, len(r.preauth.info))
	for _, e := range r.preauth.info {
		offered = append(offered, e.etype)
	}
	for _, e := range r.request.etypes {
		if slices.Contains(offered, e) && (r.secret.keytab == nil || r.secret.entry(e, 0) != nil) {
			return e, nil
		}
	}
	if len(offered) == 0 {
		return r.request.etypes[0], nil
	}
	if r.secret.keytab != nil {
		return 0, refuse(CodeCredential, "KDC has keys of %s of the encryption types %v, the keytab has %s", r.who, offered, have(r.secret.keytab.EntriesOf(r.who.String())))
	}
	return 0, refuse(CodeKDCEtype, "KDC has keys of %s of the encryption types %v, we ask for %v", r.who, offered, r.request.etypes)
}

// open reads AS-REP, which is under the client's key.
func (r *asRun) open(reply []byte) (ServiceTicket, error) {
	m, err := parseKDCReply(reply, 11)
	if err != nil {
		return ServiceTicket{}, &Error{Code: CodeKDCReply, Detail: "AS-REP", Err: err}
	}
	if !slices.Contains(r.loginEtypes, m.encPart.etype) {
		return ServiceTicket{}, refuse(CodeKDCReply, "AS-REP is encrypted with etype %d, which was not asked for", m.encPart.etype)
	}
	extra, err := parsePreauth(m.paData)
	if err != nil {
		return ServiceTicket{}, &Error{Code: CodeKDCReply, Detail: "AS-REP", Err: err}
	}
	key, err := r.secret.key(m.encPart.etype, m.encPart.kvno, slices.Concat(extra.info, r.preauth.info))
	if err != nil {
		return ServiceTicket{}, err
	}
	t, err := r.openReply(&m, key, usageASReply, &r.request, r.who)
	if e, ok := err.(*Error); ok && e.Code == CodeTicketIntegrity {
		return ServiceTicket{}, &Error{Code: CodePreauth, Detail: fmt.Sprintf("reply for %s does not open: %s is not what the KDC has", r.who, r.secret), Err: e.Err}
	}
	if err == nil && !slices.Equal(t.Service.Components, r.service) {
		err = refuse(CodeKDCReply, "asked for a ticket-granting ticket, KDC gave one for %s", t.Service)
	}
	return t, err
}

// openReply decrypts the reply to q and checks it (RFC 4120 3.1.5, 3.3.4).
func (i *Initiator) openReply(m *kdcReply, key Key, usage uint32, q *kdcRequest, client Principal) (ServiceTicket, error) {
	if m.encPart.etype != key.Etype() {
		return ServiceTicket{}, refuse(CodeKDCReply, "reply is encrypted with etype %d, its key has %d", m.encPart.etype, key.Etype())
	}
	plain, err := newUsageKey(key, kdcUsage(key.Etype(), usage)).open(nil, m.encPart.cipher)
	if err != nil {
		return ServiceTicket{}, &Error{Code: CodeTicketIntegrity, Detail: "KDC's reply", Err: err}
	}
	defer clear(plain)
	e, err := parseEncKDCRepPart(plain)
	if err != nil {
		return ServiceTicket{}, &Error{Code: CodeKDCReply, Detail: "encrypted part", Err: err}
	}
	if err := i.checkReply(m, &e, q, client); err != nil {
		return ServiceTicket{}, err
	}
	t, err := ticketFrom(m, &e)
	if err != nil {
		return ServiceTicket{}, &Error{Code: CodeKDCReply, Detail: "encrypted part", Err: err}
	}
	t.SessionKey.sharing(i.clock)
	return t, nil
}

// checkReply compares the reply with the request. That the service is the one asked for is left to the caller, as there
// are referrals.
func (i *Initiator) checkReply(m *kdcReply, e *encKDCRepPart, q *kdcRequest, client Principal) error {
	now := i.cfg.Time()
	made := e.startTime // of a ticket that starts now, as we ask for no other
	if q.client != nil && made.IsZero() {
		made = e.authTime
	}
	allowed := slices.Contains(i.etypes, e.key.etype) || slices.Contains(i.loginEtypes, e.key.etype)
	switch {
	case e.nonce != q.nonce:
		return refuse(CodeKDCReply, "reply is to another request: its nonce is not ours")
	case !bytes.Equal(e.srealm, m.realm) || !bytes.Equal(e.sname.strings, m.sname.strings):
		return refuse(CodeKDCReply, "reply says that the ticket is for %s@%.200q, the ticket says %s@%.200q", e.sname.appendText(nil), e.srealm, m.sname.appendText(nil), m.realm)
	case string(e.srealm) != q.realm:
		return refuse(CodeKDCReply, "ticket is of realm %.200q, realm %s was asked", e.srealm, q.realm)
	case string(m.crealm) != client.Realm || !slices.Equal(m.cname.components(), client.Components):
		return refuse(CodeKDCReply, "ticket is for the client %s@%.200q, asked for was %s", m.cname.appendText(nil), m.crealm, client)
	case !allowed:
		return refuse(CodeKDCReply, "session key has encryption type %d (%s), which was not asked for", e.key.etype, EtypeName(e.key.etype))
	case e.flags&FlagInvalid != 0:
		return refuse(CodeKDCReply, "ticket is postdated, which was not asked for")
	case !made.IsZero() && made.Sub(now).Abs() > i.cfg.MaxSkew:
		return kdcSkew(made, now)
	case !e.endTime.After(now):
		return refuse(CodeKDCReply, "ticket ended %s already, our clock has %s", stamp(e.endTime), stamp(now))
	}
	return nil
}
