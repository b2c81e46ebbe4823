package kdc

import (
	"cmp"
	"context"
	"crypto/fips140"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// userKey begins the keys of tickets in the names of users.
const userKey = "user "

// ServiceTicketFor returns a ticket for a service of the client in the name of a
// user, "alice" or "alice@OTHER.EXAMPLE", who gives no proof of having been
// there: S4U2Self (MS-SFU 3.1.5.1.1), protocol transition. The caller has
// authenticated the user by other means. service is a name of the client's
// account, as "HTTP/gw.example.com"; "" is that of the client. The client must
// have a keytab with a key of the service: the ticket is opened, since nothing
// else proves in whose name it is.
//
// If the KDC lets the account use any protocol, the ticket is forwardable
// ([kerberos.FlagForwardable]), and [Client.ProxyTicket] can follow; this takes
// [ClientConfig.Forwardable]. Names of one realm may differ in case, where the
// KDC does: Client of the ticket has the directory's spelling.
//
// While a ticket lasts it comes from memory, which holds 1024 in the names of
// users. It is a secret, as the user's own. Errors are [*kerberos.Error], with
// [kerberos.CodeProtocolTransit] if the KDC has no such tickets for the client,
// [kerberos.CodeClientUnknown] or [kerberos.CodeClientRevoked] about the user;
// or ctx's, or that the Client is closed. With [kerberos.CodeKDCEtype] all fail where
// [fips140.Enforced]: a checksum of the request is an HMAC-MD5.
func (i *Client) ServiceTicketFor(ctx context.Context, user, service string) (kerberos.Credential, error) {
	if fips140.Enforced() {
		return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeKDCEtype,
			"a ticket in the name of %s is asked for with an HMAC-MD5 (MS-SFU 2.2.1), which is not allowed with "+
				"GODEBUG=fips140=only", user)
	}
	who, to, err := i.selfNames(user, service)
	if err != nil {
		return kerberos.Credential{}, err
	}
	if i.secret().keytab == nil {
		return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeCredential,
			"%s has no keytab, and a ticket in the name of %s can be verified with a key of %s only", i.who, who, to)
	}
	key := userKey + who.String() + " self " + to.String()
	if t, ok := i.cached(key); ok {
		return i.handOut(t, nil)
	}
	t, err := i.share(ctx, key, func(ctx context.Context) (kerberos.Credential, error) {
		return i.withFreshTGT(func() (kerberos.Credential, error) { return i.self(ctx, who, to) })
	})
	return i.handOut(t, err)
}

// selfNames parses the names that ServiceTicketFor gets.
func (i *Client) selfNames(user, service string) (who, to kerberos.Principal, err error) {
	if who, err = kerberos.ParsePrincipal(user); err == nil && len(who.Components) == 0 {
		err = errors.New("empty name")
	}
	if err != nil {
		return who, to, &kerberos.Error{Code: kerberos.CodeClientUnknown, Detail: "user", Err: err}
	}
	who.Realm = cmp.Or(who.Realm, i.who.Realm)
	if service == "" {
		return who, i.Client(), nil
	}
	if to, err = kerberos.ParsePrincipal(service); err != nil {
		return who, to, &kerberos.Error{Code: kerberos.CodeServiceUnknown, Detail: "service", Err: err}
	}
	if to.Realm = cmp.Or(to.Realm, i.who.Realm); to.Realm != i.who.Realm {
		return who, to, kerberos.Errorf(kerberos.CodeServiceUnknown, "%s is not a service of %s: its realm is another", to,
			i.who)
	}
	return who, to, nil
}

// withFreshTGT calls fetch, and once more with new ticket-granting tickets if a
// KDC refuses the old ones; not often, as such an error can have other causes
// here, and everyone can write it.
func (i *Client) withFreshTGT(fetch func() (kerberos.Credential, error)) (kerberos.Credential, error) {
	t, err := fetch()
	if staleTGT(err) && i.logsIn && i.mayRenew(i.cfg.Time()) {
		i.forgetTGTs()
		return fetch()
	}
	return t, err
}

// self gets a ticket in the name of a user: a KDC of the user's realm is asked,
// and refers back to the realm of the client.
func (i *Client) self(ctx context.Context, user, service kerberos.Principal) (kerberos.Credential, error) {
	tgt, err := i.tgt(ctx, user.Realm)
	if err != nil {
		return kerberos.Credential{}, err
	}
	seen := []string{}
	for range krb5conf.MaxHops {
		at := tgt.Service.Components[1]
		seen = append(seen, at)
		t, err := i.ask(ctx, i.selfRequest(&tgt, &user, service))
		if err != nil {
			return kerberos.Credential{}, selfRefusal(err, user, service)
		}
		next, isTGT := tgtRealm(&t)
		switch {
		case !isTGT && (at != i.who.Realm || !slices.Equal(t.Service.Components, service.Components)):
			return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeKDCReply,
				"asked realm %s for a ticket for %s, it gave one for %s", at, service, t.Service)
		case !isTGT:
			return t, nil
		case slices.Contains(seen, next):
			return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeRealmPath,
				"referrals for %s in the name of %s go round: %v, then %s again", service, user, seen, next)
		}
		tgt = t
	}
	return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeRealmPath,
		"referrals for %s in the name of %s do not end: %v", service, user, seen)
}

// selfRequest returns the request to the realm of tgt (MS-SFU 3.1.5.1.1). Other
// realms than the service's get its name as an enterprise name.
func (i *Client) selfRequest(tgt *kerberos.Credential, user *kerberos.Principal,
	service kerberos.Principal) *tgsRequest {
	r := &tgsRequest{tgt: tgt, service: service.Components, user: user, anyCase: true,
		options: krbmsg.KDCCanonicalize | tgt.Flags&kerberos.FlagForwardable}
	if tgt.Service.Components[1] != service.Realm {
		r.service, r.serviceType = []string{service.String()}, krbmsg.NameEnterprise
	}
	r.paData = func(nonce uint32, subkey etype.Key) []byte {
		paData := krbmsg.EncodeForUser(*user, tgt.SessionKey)
		if subkey.Etype() == etype.RC4 { // its checksum would be MD4, under no key
			return paData
		}
		return append(paData, krbmsg.EncodeS4UUser(*user, nonce, subkey)...)
	}
	r.verify = func(reply *tgsReply) error { return i.verifySelf(reply, *user) }
	return r
}

// verifySelf checks in whose name a ticket is. Cleartext names the client of a
// reply, which anyone on the way can alter, as the PA-FOR-USER of the request,
// which is good for any request under the same ticket. The checksum of
// PA-S4U-X509-USER, which older KDCs do not write, covers the name and not the
// ticket; the ticket itself names the client and holds the session key, which
// came encrypted for us.
func (i *Client) verifySelf(r *tgsReply, user kerberos.Principal) error {
	value, err := krbmsg.FindPAData(r.PAData, krbmsg.PAS4UX509User)
	if err == nil && value != nil && r.subkey.Etype() != etype.RC4 {
		var u krbmsg.S4UUser
		if u, err = krbmsg.ParseS4UUser(value); err == nil {
			err = u.Verify(r.nonce, r.subkey)
		}
		if err == nil && !sameButCase(u.Client, user) {
			err = fmt.Errorf("PA-S4U-X509-USER names %s", u.Client)
		}
	}
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "reply in the name of " + user.String(), Err: err}
	}
	service := kerberos.Principal{Components: r.SName.Components(), Realm: string(r.Realm)}
	if _, isTGT := tgtRealm(&kerberos.Credential{Service: service}); isTGT {
		return nil // the ticket at the end of the referrals decides
	}
	return i.verifyOwn(r, service)
}

// verifyOwn opens a ticket for the client's own service, and compares its client
// and session key with the reply's.
func (i *Client) verifyOwn(r *tgsReply, service kerberos.Principal) error {
	plain, err := i.openOwn(r.Ticket, service)
	if err != nil {
		return err
	}
	defer clear(plain)
	t, err := krbmsg.ParseEncTicketPart(plain)
	switch {
	case err != nil:
		return &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "ticket for " + service.String(), Err: err}
	case string(t.CRealm) != string(r.CRealm) || string(t.CName.Strings) != string(r.CName.Strings):
		return kerberos.Errorf(kerberos.CodeKDCReply,
			"reply says that the ticket is in the name of %s@%.200q, the ticket is in the name of %s@%.200q",
			r.CName.AppendText(nil), r.CRealm, t.CName.AppendText(nil), t.CRealm)
	case t.Key.Etype != r.enc.Key.Etype || subtle.ConstantTimeCompare(t.Key.Octets, r.enc.Key.Octets) != 1:
		return kerberos.Errorf(kerberos.CodeKDCReply, "ticket for %s is not that of the reply: its session key is another",
			service)
	}
	return nil
}

// openOwn decrypts a ticket for service with the keytab's keys of service, or of
// the client, whose account has the same keys.
func (i *Client) openOwn(ticket []byte, service kerberos.Principal) ([]byte, error) {
	head, err := krbmsg.TicketInClear(ticket)
	kt := i.secret().keytab
	if err != nil || kt == nil {
		return nil, &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "ticket for " + service.String(), Err: err}
	}
	enc := &head.Ticket
	for _, e := range slices.Concat(kt.EntriesOf(service.String()), kt.EntriesOf(i.who.String())) {
		if e.Etype != enc.Etype || e.Key.IsZero() {
			continue
		}
		if plain, err := etype.NewUsageKey(e.Key, etype.UsageTicket).Decrypt(nil, enc.Cipher); err == nil {
			return plain, nil
		}
	}
	return nil, kerberos.Errorf(kerberos.CodeCredential,
		"ticket for %s has a key of version %d and encryption type %d (%s), which the keytab of %s does not have; "+
			"nothing else proves in whose name it is", service, enc.Kvno, enc.Etype, etype.Name(enc.Etype), i.who)
}

// selfRefusal returns the error for a KDC's refusal of a ticket in the name of a
// user.
func selfRefusal(err error, user, service kerberos.Principal) error {
	e, ok := errors.AsType[*kerberos.KRBError](err)
	if !ok || !slices.Contains([]int32{kerberos.KRBErrPolicy, krbErrBadOption, krbErrPADataType, krbErrServerNoMatch,
		kerberos.KRBErrBadMatch, krbErrServiceUnknown}, e.Code) {
		return err
	}
	return &kerberos.Error{Code: kerberos.CodeProtocolTransit,
		Detail: fmt.Sprintf("KDC issues no ticket for %s in the name of %s", service, user), Err: e}
}
