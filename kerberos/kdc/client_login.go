package kdc

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// How long a refused login is not tried again: a service with a wrong password
// must not lock the account by trying it for each request. The time doubles up
// to the limit.
const (
	refusalHold    = 30 * time.Second
	maxRefusalHold = 10 * time.Minute
)

// A refusal is a login that failed in a way that trying again does not cure.
type refusal struct {
	err    error
	until  time.Time
	hold   time.Duration
	keytab *keytab.Keytab // that was used
}

// login gets a ticket-granting ticket by the AS exchange (RFC 4120 3.1), with
// the password or the keytab.
func (i *Client) login(ctx context.Context) (kerberos.Credential, error) {
	secret := i.secret()
	i.mu.Lock()
	held := i.refused
	i.mu.Unlock()
	if held.err != nil && held.keytab == secret.keytab && i.cfg.Time().Before(held.until) {
		return kerberos.Credential{}, fmt.Errorf("%w (not tried again before %s)", held.err, kerberos.FormatTime(held.until))
	}
	r := asRun{Client: i, secret: secret, service: []string{krbmsg.KRBTGT, i.who.Realm}}
	t, err := r.run(ctx)
	if ctx.Err() != nil {
		return kerberos.Credential{}, ctx.Err()
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

// holds reports whether an error concerns the account, not the network.
func holds(err error) bool {
	e, ok := err.(*kerberos.Error)
	return ok && slices.Contains([]kerberos.Code{kerberos.CodePreauth, kerberos.CodeClientRevoked,
		kerberos.CodePasswordExpired, kerberos.CodeClientUnknown}, e.Code)
}

// A clientSecret is a password, or a keytab if that is not nil.
type clientSecret struct {
	password func() string
	keytab   *keytab.Keytab
	who      kerberos.Principal
}

func (i *Client) secret() clientSecret {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := clientSecret{password: i.password, who: i.who}
	if i.cfg.Keytab != nil {
		s.keytab = i.cfg.Keytab.Keytab()
	}
	return s
}

// String returns which of the two it is, for errors.
func (s clientSecret) String() string {
	if s.keytab != nil {
		return "keytab's key"
	}
	return "password"
}

// Format prints String for every verb.
func (s clientSecret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// prefer returns etypes with those that there is a key of first, since KDCs use
// the first one that they can.
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

// entry returns the keytab's newest key of an encryption type, or the one with
// kvno, if that is not 0 and there is one.
func (s *clientSecret) entry(etype int32, kvno uint32) (found *keytab.Entry) {
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

// key returns the client's key of an encryption type: the keytab's, or one made
// from the password with the KDC's salt and parameters.
func (s *clientSecret) key(et int32, kvno uint32, info []krbmsg.EtypeInfo) (etype.Key, error) {
	if s.keytab != nil {
		if e := s.entry(et, kvno); e != nil {
			return e.Key, nil
		}
		return etype.Key{}, kerberos.Errorf(kerberos.CodeCredential,
			"keytab has no key of %s of encryption type %d (%s), it has %s", s.who, et, etype.Name(et),
			cmp.Or(keytab.Versions(s.keytab.EntriesOf(s.who.String())), "none of this principal"))
	}
	salt, params := s.who.DefaultSalt(), []byte(nil)
	for _, e := range info {
		if e.Etype == et {
			if params = e.Params; e.HasSalt {
				salt = e.Salt
			}
			break
		}
	}
	key, err := etype.StringToKey(et, s.password(), salt, params)
	if err != nil {
		err = &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "parameters of the password's key", Err: err}
		return etype.Key{}, err
	}
	return key, nil
}

// asRun is the state of one login.
type asRun struct {
	*Client
	secret  clientSecret
	service []string
	preauth krbmsg.Preauth // what the KDC asked for
	request krbmsg.KDCRequest
}

func (r *asRun) run(ctx context.Context) (kerberos.Credential, error) {
	if r.secret.keytab != nil && len(r.secret.keytab.EntriesOf(r.who.String())) == 0 {
		return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeCredential, "keytab has no key of %s%s",
			r.who, r.secret.keytab.Nearby(r.who.String()))
	}
	reply, err := r.ask(ctx, nil)
	var asked *kerberos.KRBError
	if err == nil && reply[0] == der.TagApplication(30) {
		if asked, err = krbmsg.ParseKRBError(reply); err != nil {
			return kerberos.Credential{},
				&kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "login of " + r.who.String(), Err: err}
		}
		if asked.Code != krbErrPreauthRequired {
			return kerberos.Credential{}, r.refusal(asked)
		}
		reply, err = r.authenticate(ctx, asked)
	}
	if err != nil {
		return kerberos.Credential{}, err
	}
	return r.open(reply)
}

func (r *asRun) refusal(e *kerberos.KRBError) error {
	return kdcRefusal(e, r.who, kerberos.Principal{Components: r.service, Realm: r.who.Realm}, r.secret.String(),
		r.cfg.Time())
}

// ask sends AS-REQ with PA-DATA and returns the reply.
func (r *asRun) ask(ctx context.Context, paData []byte) ([]byte, error) {
	now := r.cfg.Time()
	r.request = krbmsg.KDCRequest{Realm: r.who.Realm, Client: r.who.Components, ClientType: krbmsg.NamePrincipal,
		Service: r.service, Till: krbmsg.NoEnd(), Nonce: newNonce(), Etypes: r.secret.prefer(r.loginEtypes)}
	if r.cfg.Lifetime > 0 {
		r.request.Till = now.Add(r.cfg.Lifetime)
	}
	if r.cfg.RenewLifetime > 0 {
		r.request.Options |= krbmsg.KDCRenewable
		r.request.RenewTill = now.Add(r.cfg.RenewLifetime)
	}
	if r.cfg.Forwardable {
		r.request.Options |= krbmsg.KDCForwardable
	}
	return r.exchange(ctx, r.who.Realm, krbmsg.EncodeKDCRequest(10, paData, r.request.Body()))
}

func newNonce() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:]) >> 1 // some KDCs read it as a signed number
}

// authenticate answers KDC_ERR_PREAUTH_REQUIRED with an encrypted timestamp.
func (r *asRun) authenticate(ctx context.Context, asked *kerberos.KRBError) ([]byte, error) {
	p := der.Parser{In: "METHOD-DATA"}
	var err error
	r.preauth, err = krbmsg.ParsePreauth(p.Whole(asked.Data, der.TagSequence, "sequence"))
	if err = cmp.Or(p.Err, err); err != nil {
		return nil, &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "what the KDC asks for", Err: err}
	}
	if !r.preauth.Timestamp {
		return nil, kerberos.Errorf(kerberos.CodePreauthType,
			"KDC asks %s for pre-authentication of the types %v; only 2, encrypted timestamp, is supported",
			r.who, r.preauth.Offered)
	}
	etype, err := r.chooseEtype()
	if err != nil {
		return nil, err
	}
	key, err := r.secret.key(etype, 0, r.preauth.Info)
	if err != nil {
		return nil, err
	}
	paData := krbmsg.PATimestamp(key, r.cfg.Time())
	if r.preauth.Cookie != nil {
		paData = append(paData, krbmsg.EncodePAData(krbmsg.PAFXCookie, r.preauth.Cookie)...)
	}
	reply, err := r.ask(ctx, paData)
	if err == nil && reply[0] == der.TagApplication(30) {
		var e *kerberos.KRBError
		if e, err = krbmsg.ParseKRBError(reply); err == nil {
			err = r.refusal(e)
		}
	}
	return reply, err
}

// chooseEtype returns the first encryption type of the request that the KDC
// offers and that there is a key of.
func (r *asRun) chooseEtype() (int32, error) {
	offered := make([]int32, 0, len(r.preauth.Info))
	for _, e := range r.preauth.Info {
		offered = append(offered, e.Etype)
	}
	for _, e := range r.request.Etypes {
		if slices.Contains(offered, e) && (r.secret.keytab == nil || r.secret.entry(e, 0) != nil) {
			return e, nil
		}
	}
	if len(offered) == 0 {
		return r.request.Etypes[0], nil
	}
	if r.secret.keytab != nil {
		return 0, kerberos.Errorf(kerberos.CodeCredential,
			"KDC has keys of %s of the encryption types %v, the keytab has %s",
			r.who, offered, keytab.Versions(r.secret.keytab.EntriesOf(r.who.String())))
	}
	return 0, kerberos.Errorf(kerberos.CodeKDCEtype, "KDC has keys of %s of the encryption types %v, we ask for %v",
		r.who, offered, r.request.Etypes)
}

// open decrypts AS-REP under the client's key and checks it.
func (r *asRun) open(reply []byte) (kerberos.Credential, error) {
	m, err := krbmsg.ParseKDCReply(reply, 11)
	if err != nil {
		return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "AS-REP", Err: err}
	}
	if !slices.Contains(r.loginEtypes, m.EncPart.Etype) {
		return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeKDCReply,
			"AS-REP is encrypted with etype %d, which was not asked for", m.EncPart.Etype)
	}
	extra, err := krbmsg.ParsePreauth(m.PAData)
	if err != nil {
		return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "AS-REP", Err: err}
	}
	key, err := r.secret.key(m.EncPart.Etype, m.EncPart.Kvno, slices.Concat(extra.Info, r.preauth.Info))
	if err != nil {
		return kerberos.Credential{}, err
	}
	t, err := r.openReply(&m, key, krbmsg.UsageASReply, &r.request, expectation{client: r.who})
	if e, ok := err.(*kerberos.Error); ok && e.Code == kerberos.CodeTicketIntegrity {
		return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodePreauth,
			Detail: fmt.Sprintf("reply for %s does not decrypt: %s is not what the KDC has", r.who, r.secret), Err: e.Err}
	}
	if err == nil && !slices.Equal(t.Service.Components, r.service) {
		err = kerberos.Errorf(kerberos.CodeKDCReply, "asked for a ticket-granting ticket, KDC gave one for %s", t.Service)
	}
	return t, err
}

// An expectation is what a reply has to be beside an answer to its request.
type expectation struct {
	client kerberos.Principal
	verify func(*krbmsg.EncKDCRepPart) error // nil for nothing more
}

// openReply decrypts the reply to q and checks it (RFC 4120 3.1.5, 3.3.4).
func (i *Client) openReply(m *krbmsg.KDCReply, key etype.Key, usage uint32, q *krbmsg.KDCRequest,
	expected expectation) (kerberos.Credential, error) {
	if m.EncPart.Etype != key.Etype() {
		return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeKDCReply,
			"reply is encrypted with etype %d, its key has %d", m.EncPart.Etype, key.Etype())
	}
	plain, err := etype.NewUsageKey(key, krbmsg.KDCUsage(key.Etype(), usage)).Decrypt(nil, m.EncPart.Cipher)
	if err != nil {
		return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeTicketIntegrity, Detail: "KDC's reply", Err: err}
	}
	defer clear(plain)
	e, err := krbmsg.ParseEncKDCRepPart(plain)
	if err != nil {
		return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "encrypted part", Err: err}
	}
	if err := i.checkReply(m, &e, q, expected.client); err != nil {
		return kerberos.Credential{}, err
	}
	if expected.verify != nil {
		if err := expected.verify(&e); err != nil {
			return kerberos.Credential{}, err
		}
	}
	t, err := krbmsg.TicketFrom(m, &e)
	if err != nil {
		return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "encrypted part", Err: err}
	}
	t.SessionKey.ShareClock(i.clock)
	return t, nil
}

// checkReply compares the reply with the request (RFC 4120 3.1.5, 3.3.4). The
// caller checks the service, which referrals may change.
func (i *Client) checkReply(m *krbmsg.KDCReply, e *krbmsg.EncKDCRepPart, q *krbmsg.KDCRequest,
	client kerberos.Principal) error {
	now := i.cfg.Time()
	made := e.StartTime // we ask for tickets that start now only
	if q.Client != nil && made.IsZero() {
		made = e.AuthTime
	}
	allowed := slices.Contains(i.etypes, e.Key.Etype) || slices.Contains(i.loginEtypes, e.Key.Etype)
	switch {
	case e.Nonce != q.Nonce:
		return kerberos.Errorf(kerberos.CodeKDCReply, "reply is to another request: its nonce is not ours")
	case !bytes.Equal(e.SRealm, m.Realm) || !bytes.Equal(e.SName.Strings, m.SName.Strings):
		return kerberos.Errorf(kerberos.CodeKDCReply,
			"reply says that the ticket is for %s@%.200q, the ticket says %s@%.200q", e.SName.AppendText(nil), e.SRealm,
			m.SName.AppendText(nil), m.Realm)
	case string(e.SRealm) != q.Realm:
		return kerberos.Errorf(kerberos.CodeKDCReply, "ticket is of realm %.200q, realm %s was asked", e.SRealm, q.Realm)
	case string(m.CRealm) != client.Realm || !slices.Equal(m.CName.Components(), client.Components):
		return kerberos.Errorf(kerberos.CodeKDCReply, "ticket is for the client %s@%.200q, asked for was %s",
			m.CName.AppendText(nil), m.CRealm, client)
	case !allowed:
		return kerberos.Errorf(kerberos.CodeKDCReply, "session key has encryption type %d (%s), which was not asked for",
			e.Key.Etype, etype.Name(e.Key.Etype))
	case e.Flags&kerberos.FlagInvalid != 0:
		return kerberos.Errorf(kerberos.CodeKDCReply, "ticket is postdated, which was not asked for")
	case !made.IsZero() && made.Sub(now).Abs() > i.cfg.MaxSkew:
		return kdcSkew(made, now)
	case !e.EndTime.After(now):
		return kerberos.Errorf(kerberos.CodeKDCReply, "ticket ended %s already, our clock has %s",
			kerberos.FormatTime(e.EndTime), kerberos.FormatTime(now))
	}
	return nil
}
