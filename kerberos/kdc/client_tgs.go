package kdc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// tgs does the TGS exchange (RFC 4120 3.3) with a KDC of the realm that tgt is
// for. The ticket is for the service, or a ticket-granting ticket if the KDC
// refers to another realm or knows one that is closer to the realm asked for.
// With canonicalize it may be for the same service under another name.
func (i *Client) tgs(ctx context.Context, tgt *kerberos.Credential, service []string, options uint32,
	renewTill time.Time) (kerberos.Credential, error) {
	return i.ask(ctx, &tgsRequest{tgt: tgt, service: service, options: options, renewTill: renewTill})
}

// A tgsRequest is what a TGS exchange asks for. Only tgt and service are
// required.
type tgsRequest struct {
	tgt         *kerberos.Credential
	service     []string
	serviceType int64 // of its name; 0: the usual one
	options     uint32
	renewTill   time.Time
	tickets     [][]byte // additional ones

	// user is the client that a service ticket has to be for, if it is another
	// than tgt's. Tickets to which the KDC refers are tgt's client's anyhow.
	user *kerberos.Principal
	// anyCase takes another spelling of user, as that of the directory.
	anyCase bool
	// paData returns more PA-DATA for the request; nil for none.
	paData func(nonce uint32, subkey etype.Key) []byte
	// verify checks what is in a reply beside what every reply has; nil for
	// nothing. The reply has been decrypted and compared with the request.
	verify func(*tgsReply) error
}

// A tgsReply is a reply that is being verified, and what its request had.
type tgsReply struct {
	*krbmsg.KDCReply
	enc    *krbmsg.EncKDCRepPart
	nonce  uint32
	subkey etype.Key
}

// client returns the client that the reply has to name.
func (r *tgsRequest) client(m *krbmsg.KDCReply) kerberos.Principal {
	service := kerberos.Credential{Service: kerberos.Principal{Components: m.SName.Components()}}
	if _, isTGT := tgtRealm(&service); r.user == nil || isTGT {
		return r.tgt.Client
	}
	named := kerberos.Principal{Components: m.CName.Components(), Realm: string(m.CRealm)}
	if r.anyCase && sameButCase(named, *r.user) {
		return named
	}
	return *r.user
}

// sameButCase reports whether the principals are of one realm and differ in
// upper and lower case at most.
func sameButCase(a, b kerberos.Principal) bool {
	return a.Realm == b.Realm && slices.EqualFunc(a.Components, b.Components, strings.EqualFold)
}

// body returns the body of the request to realm.
func (r *tgsRequest) body(realm string, etypes []int32) krbmsg.KDCRequest {
	q := krbmsg.KDCRequest{Options: r.options, Realm: realm, Service: r.service, ServiceType: r.serviceType,
		Till: r.tgt.EndTime, Nonce: newNonce(), Etypes: etypes, Tickets: r.tickets}
	if r.options&krbmsg.KDCRenewable != 0 {
		q.RenewTill = r.renewTill
	}
	if r.options&krbmsg.KDCRenew != 0 {
		q.Till = krbmsg.NoEnd()
	}
	return q
}

// ask does a TGS exchange; see [Client.tgs].
func (i *Client) ask(ctx context.Context, r *tgsRequest) (kerberos.Credential, error) {
	realm, ok := tgtRealm(r.tgt)
	if !ok {
		return kerberos.Credential{},
			kerberos.Errorf(kerberos.CodeCredential, "ticket for %s is not a ticket-granting ticket",
				r.tgt.Service)
	}
	subkey, err := etype.GenerateKey(r.tgt.SessionKey.Etype())
	if err != nil {
		return kerberos.Credential{},
			&kerberos.Error{Code: kerberos.CodeCredential, Detail: "ticket-granting ticket", Err: err}
	}
	defer subkey.Wipe()
	wanted := kerberos.Principal{Components: r.service, Realm: realm}
	q := r.body(realm, i.etypes)
	m, err := i.askRealm(ctx, r, &q, subkey, wanted)
	if err != nil {
		return kerberos.Credential{}, err
	}
	expected := expectation{client: r.client(&m)}
	if r.verify != nil {
		expected.verify = func(e *krbmsg.EncKDCRepPart) error { return r.verify(&tgsReply{&m, e, q.Nonce, subkey}) }
	}
	t, err := i.openReply(&m, subkey, krbmsg.UsageTGSReplySubkey, &q, expected)
	if err != nil {
		return kerberos.Credential{}, err
	}
	return t, checkService(&t, wanted, r.options)
}

// askRealm sends the request q and returns the reply, or the KDC's refusal.
func (i *Client) askRealm(ctx context.Context, r *tgsRequest, q *krbmsg.KDCRequest, subkey etype.Key,
	wanted kerberos.Principal) (m krbmsg.KDCReply, err error) {
	body := q.Body()
	paData := krbmsg.PATicket(r.tgt, subkey, i.cfg.Time(), body)
	if r.paData != nil {
		paData = append(paData, r.paData(q.Nonce, subkey)...)
	}
	reply, err := i.exchange(ctx, q.Realm, krbmsg.EncodeKDCRequest(12, paData, body))
	if err != nil {
		return m, err
	}
	if reply[0] == der.TagApplication(30) {
		e, err := krbmsg.ParseKRBError(reply)
		if err != nil {
			return m, &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "reply for " + wanted.String(), Err: err}
		}
		who := i.who
		if r.user != nil {
			who = *r.user
		}
		return m, kdcRefusal(e, who, wanted, "", i.cfg.Time())
	}
	if m, err = krbmsg.ParseKDCReply(reply, 13); err != nil {
		return m, &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "TGS-REP", Err: err}
	}
	return m, nil
}

// checkService checks the ticket's service against the one asked for (RFC 4120
// 3.3.4, RFC 6806 8). The realm was checked before.
func checkService(t *kerberos.Credential, wanted kerberos.Principal, options uint32) error {
	if slices.Equal(t.Service.Components, wanted.Components) {
		return nil
	}
	next, isTGT := tgtRealm(t)
	_, askedTGT := tgtRealm(&kerberos.Credential{Service: wanted})
	canonicalize := options&krbmsg.KDCCanonicalize != 0
	onTheWay := isTGT && next != wanted.Realm && (askedTGT || canonicalize) &&
		options&(krbmsg.KDCRenew|krbmsg.KDCForwarded) == 0
	if alias := !isTGT && !askedTGT && canonicalize; onTheWay || alias {
		return nil
	}
	return &kerberos.Error{Code: kerberos.CodeKDCReply,
		Detail: fmt.Sprintf("asked for a ticket for %s, KDC gave one for %s", wanted, t.Service)}
}

// exchange sends a request to a KDC of realm. It returns an error if the
// Exchanger returns something that cannot be a reply.
func (i *Client) exchange(ctx context.Context, realm string, request []byte) ([]byte, error) {
	reply, err := i.kdc.Exchange(ctx, realm, request)
	if err == nil && !isKDCReply(reply) {
		err = kerberos.Errorf(kerberos.CodeKDCReply,
			"reply of realm %s is neither AS-REP, TGS-REP nor KRB-ERROR", realm)
	}
	return reply, err
}
