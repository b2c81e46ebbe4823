package kerberos

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// tgs is the TGS exchange (RFC 4120 3.3) with the KDC of the realm that tgt is for. The ticket is for the service, or a
// ticket-granting ticket when the KDC refers to another realm or knows one that is nearer to the realm asked for; with
// canonicalize it may be for the same service under another name.
func (i *Initiator) tgs(ctx context.Context, tgt *ServiceTicket, service []string, options uint32, renewTill time.Time) (ServiceTicket, error) {
	realm, ok := tgtRealm(tgt)
	if !ok {
		return ServiceTicket{}, refuse(CodeCredential, "ticket for %s is no ticket-granting ticket", tgt.Service)
	}
	wanted := Principal{service, realm}
	subkey, err := generateKey(tgt.SessionKey.Etype())
	if err != nil {
		return ServiceTicket{}, &Error{Code: CodeCredential, Detail: "ticket-granting ticket", Err: err}
	}
	defer subkey.wipe()
	q := kdcRequest{options: options, realm: realm, service: service, till: tgt.EndTime, nonce: newNonce(), etypes: i.etypes}
	if options&kdcRenewable != 0 {
		q.renewTill = renewTill
	}
	if options&kdcRenew != 0 {
		q.till = noEnd()
	}
	body := q.body()
	reply, err := i.exchange(ctx, realm, kdcMessage(12, paTicket(tgt, subkey, i.cfg.Time(), body), body))
	if err != nil {
		return ServiceTicket{}, err
	}
	if reply[0] == tagApplication(30) {
		e, err := parseKRBError(reply)
		if err != nil {
			return ServiceTicket{}, &Error{Code: CodeKDCReply, Detail: "reply for " + wanted.String(), Err: err}
		}
		return ServiceTicket{}, kdcRefusal(e, i.who, wanted, "", i.cfg.Time())
	}
	m, err := parseKDCReply(reply, 13)
	if err != nil {
		return ServiceTicket{}, &Error{Code: CodeKDCReply, Detail: "TGS-REP", Err: err}
	}
	t, err := i.openReply(&m, subkey, usageTGSReplySubkey, &q, tgt.Client)
	if err != nil {
		return ServiceTicket{}, err
	}
	return t, checkService(&t, wanted, options)
}

// checkService compares the ticket's service with the one asked for. Its realm was compared.
func checkService(t *ServiceTicket, wanted Principal, options uint32) error {
	if slices.Equal(t.Service.Components, wanted.Components) {
		return nil
	}
	next, isTGT := tgtRealm(t)
	_, askedTGT := tgtRealm(&ServiceTicket{Service: wanted})
	canonicalize := options&kdcCanonicalize != 0
	onTheWay := isTGT && next != wanted.Realm && (askedTGT || canonicalize) && options&(kdcRenew|kdcForwarded) == 0
	if alias := !isTGT && !askedTGT && canonicalize; onTheWay || alias {
		return nil
	}
	return &Error{Code: CodeKDCReply, Detail: fmt.Sprintf("asked for a ticket for %s, KDC gave one for %s", wanted, t.Service)}
}

// exchange trusts no exchanger to give anything.
func (i *Initiator) exchange(ctx context.Context, realm string, request []byte) ([]byte, error) {
	reply, err := i.kdc.Exchange(ctx, realm, request)
	if err == nil && !isKDCReply(reply) {
		err = refuse(CodeKDCReply, "what came for realm %s is neither AS-REP, TGS-REP nor KRB-ERROR", realm)
	}
	return reply, err
}
