package kdc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// tgs is the TGS exchange (RFC 4120 3.3) with the KDC of the realm that tgt is for. The ticket is for the service, or a
// ticket-granting ticket when the KDC refers to another realm or knows one that is nearer to the realm asked for; with
// canonicalize it may be for the same service under another name.
func (i *Client) tgs(ctx context.Context, tgt *kerberos.Credential, service []string, options uint32, renewTill time.Time) (kerberos.Credential, error) {
	realm, ok := tgtRealm(tgt)
	if !ok {
		return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeCredential, "ticket for %s is no ticket-granting ticket", tgt.Service)
	}
	wanted := kerberos.Principal{Components: service, Realm: realm}
	subkey, err := etype.GenerateKey(tgt.SessionKey.Etype())
	if err != nil {
		return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeCredential, Detail: "ticket-granting ticket", Err: err}
	}
	defer subkey.Wipe()
	q := krbmsg.KDCRequest{Options: options, Realm: realm, Service: service, Till: tgt.EndTime, Nonce: newNonce(), Etypes: i.etypes}
	if options&krbmsg.KDCRenewable != 0 {
		q.RenewTill = renewTill
	}
	if options&krbmsg.KDCRenew != 0 {
		q.Till = krbmsg.NoEnd()
	}
	body := q.Body()
	reply, err := i.exchange(ctx, realm, krbmsg.EncodeKDCRequest(12, krbmsg.PATicket(tgt, subkey, i.cfg.Time(), body), body))
	if err != nil {
		return kerberos.Credential{}, err
	}
	if reply[0] == der.TagApplication(30) {
		e, err := krbmsg.ParseKRBError(reply)
		if err != nil {
			return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "reply for " + wanted.String(), Err: err}
		}
		return kerberos.Credential{}, kdcRefusal(e, i.who, wanted, "", i.cfg.Time())
	}
	m, err := krbmsg.ParseKDCReply(reply, 13)
	if err != nil {
		return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "TGS-REP", Err: err}
	}
	t, err := i.openReply(&m, subkey, krbmsg.UsageTGSReplySubkey, &q, tgt.Client)
	if err != nil {
		return kerberos.Credential{}, err
	}
	return t, checkService(&t, wanted, options)
}

// checkService compares the ticket's service with the one asked for. Its realm was compared.
func checkService(t *kerberos.Credential, wanted kerberos.Principal, options uint32) error {
	if slices.Equal(t.Service.Components, wanted.Components) {
		return nil
	}
	next, isTGT := tgtRealm(t)
	_, askedTGT := tgtRealm(&kerberos.Credential{Service: wanted})
	canonicalize := options&krbmsg.KDCCanonicalize != 0
	onTheWay := isTGT && next != wanted.Realm && (askedTGT || canonicalize) && options&(krbmsg.KDCRenew|krbmsg.KDCForwarded) == 0
	if alias := !isTGT && !askedTGT && canonicalize; onTheWay || alias {
		return nil
	}
	return &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: fmt.Sprintf("asked for a ticket for %s, KDC gave one for %s", wanted, t.Service)}
}

// exchange trusts no exchanger to give anything.
func (i *Client) exchange(ctx context.Context, realm string, request []byte) ([]byte, error) {
	reply, err := i.kdc.Exchange(ctx, realm, request)
	if err == nil && !isKDCReply(reply) {
		err = kerberos.Errorf(kerberos.CodeKDCReply, "what came for realm %s is neither AS-REP, TGS-REP nor KRB-ERROR", realm)
	}
	return reply, err
}
