package kdc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// ProxyTicket returns a ticket for another service in the name of a user:
// S4U2Proxy (MS-SFU 3.1.5.2), constrained delegation, also resource-based. The
// evidence is a ticket of the user for the client's own service, from an AP-REQ
// that was accepted or from [Client.ServiceTicketFor]. Of it Ticket and Client
// are required, and Client must be what the ticket itself says, as whoever opened
// it has it; the session key is not used. With Flags and EndTime errors are more
// precise. service is named as for [Client.ServiceTicket]; the ticket is for
// exactly that name. In another realm the KDCs must have resource-based
// delegation.
//
// While a ticket lasts, each call with the same evidence gets it from memory,
// which holds 1024 in the names of users. It is a secret, as the user's own, and
// so is the evidence. Errors are [*kerberos.Error], with
// [kerberos.CodeDelegation] if the KDC does not allow the delegation,
// [kerberos.CodeEvidence] if it does not and the evidence is not forwardable,
// [kerberos.CodeCredentialExpired] if the evidence has ended; or ctx's, or that
// the Client is closed.
func (i *Client) ProxyTicket(ctx context.Context, evidence kerberos.Credential,
	service string) (kerberos.Credential, error) {
	name, err := kerberos.ParsePrincipal(service)
	if err != nil {
		return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeServiceUnknown, Detail: "service", Err: err}
	}
	if err := checkEvidence(&evidence, i.cfg.Time()); err != nil {
		return kerberos.Credential{}, err
	}
	sum := sha256.Sum256(evidence.Ticket)
	key := userKey + evidence.Client.String() + " " + hex.EncodeToString(sum[:]) + " " + name.String()
	if t, ok := i.cached(key); ok {
		return i.handOut(t, nil)
	}
	t, err := i.share(ctx, key, func(ctx context.Context) (kerberos.Credential, error) {
		return i.withFreshTGT(func() (kerberos.Credential, error) { return i.proxy(ctx, &evidence, name) })
	})
	if _, refused := errors.AsType[*kerberos.KRBError](err); refused {
		i.forgetRefused(evidence.Ticket)
	}
	return i.handOut(t, err)
}

// forgetRefused drops a ticket of [Client.ServiceTicketFor] that a KDC has
// refused as evidence: the account may have new keys, or other rights.
func (i *Client) forgetRefused(ticket []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for key, c := range i.users {
		if bytes.Equal(c.ticket.Ticket, ticket) {
			delete(i.users, key)
		}
	}
}

// checkEvidence returns an error for evidence that no KDC can take.
func checkEvidence(t *kerberos.Credential, now time.Time) error {
	switch {
	case len(t.Ticket) == 0 || t.Client.Realm == "" || len(t.Client.Components) == 0:
		return kerberos.Errorf(kerberos.CodeCredential, "no ticket of a user that can be delegated")
	case !t.EndTime.IsZero() && !t.EndTime.After(now):
		return kerberos.Errorf(kerberos.CodeCredentialExpired,
			"ticket of %s that is to be delegated ended %s, our clock has %s", t.Client,
			kerberos.FormatTime(t.EndTime), kerberos.FormatTime(now))
	}
	return nil
}

// proxy gets a ticket in the name of the evidence's client. The KDC of the
// client's realm decides, or refers to another realm (MS-SFU 3.1.5.2.2).
func (i *Client) proxy(ctx context.Context, evidence *kerberos.Credential,
	service kerberos.Principal) (kerberos.Credential, error) {
	tgt, err := i.home(ctx)
	if err != nil {
		return kerberos.Credential{}, err
	}
	t, resourceBased, err := i.proxyAsk(ctx, &tgt, evidence.Ticket, evidence, service)
	next, isTGT := tgtRealm(&t)
	switch {
	case err != nil:
		return kerberos.Credential{}, err
	case !isTGT:
		return t, nil
	case !resourceBased:
		return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeDelegation,
			"%s is of realm %s, and realm %s has no resource-based delegation, which leads to other realms",
			service, next, i.who.Realm)
	}
	return i.proxyAbroad(ctx, &t, evidence, service)
}

// proxyAbroad goes on with a ticket-granting ticket for another realm in which
// the user is named beside the client. It is presented to the realm of the
// service with an ordinary one.
func (i *Client) proxyAbroad(ctx context.Context, t, evidence *kerberos.Credential,
	service kerberos.Principal) (kerberos.Credential, error) {
	own, err := i.fetch(ctx, service) // finds the realm
	if err != nil {
		return kerberos.Credential{}, err
	}
	realm := own.Service.Realm
	own.SessionKey.Wipe()
	tgt, err := i.tgt(ctx, realm)
	if err != nil {
		return kerberos.Credential{}, err
	}
	named := *t
	for range krb5conf.MaxHops {
		at, _ := tgtRealm(&named)
		if at == realm {
			last, resourceBased, err := i.proxyAsk(ctx, &tgt, named.Ticket, evidence, service)
			if _, isTGT := tgtRealm(&last); err == nil && (isTGT || !resourceBased) {
				err = kerberos.Errorf(kerberos.CodeDelegation, "realm %s has no resource-based delegation", realm)
			}
			return last, err
		}
		if named, err = i.tgs(ctx, &named, []string{krbmsg.KRBTGT, realm}, named.Flags&kerberos.FlagForwardable,
			time.Time{}); err != nil {
			return kerberos.Credential{}, err
		}
	}
	return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeRealmPath, "referrals to realm %s for %s do not end", realm,
		evidence.Client)
}

// proxyAsk asks the realm of tgt. It reports whether the KDC knows resource-based
// delegation.
func (i *Client) proxyAsk(ctx context.Context, tgt *kerberos.Credential, ticket []byte, evidence *kerberos.Credential,
	service kerberos.Principal) (t kerberos.Credential, resourceBased bool, err error) {
	t, err = i.ask(ctx, &tgsRequest{tgt: tgt, service: service.Components, user: &evidence.Client,
		tickets: [][]byte{ticket},
		options: krbmsg.KDCClientInAddl | krbmsg.KDCCanonicalize | tgt.Flags&kerberos.FlagForwardable,
		paData:  func(uint32, etype.Key) []byte { return krbmsg.EncodePACOptions() },
		verify: func(r *tgsReply) (err error) {
			if resourceBased, err = krbmsg.HasResourceBased(r.enc.PAData); err != nil {
				err = &kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "encrypted part", Err: err}
			}
			return err
		}})
	if err != nil {
		return kerberos.Credential{}, false, i.proxyRefusal(err, evidence, service)
	}
	if _, isTGT := tgtRealm(&t); !isTGT && !slices.Equal(t.Service.Components, service.Components) {
		return kerberos.Credential{}, false, kerberos.Errorf(kerberos.CodeKDCReply,
			"asked for a ticket for %s in the name of %s, KDC gave one for %s", service, evidence.Client, t.Service)
	}
	return t, resourceBased, nil
}

// proxyRefusal returns the error for a KDC's refusal to delegate.
func (i *Client) proxyRefusal(err error, evidence *kerberos.Credential, service kerberos.Principal) error {
	e, ok := errors.AsType[*kerberos.KRBError](err)
	if !ok || !slices.Contains([]int32{kerberos.KRBErrPolicy, krbErrBadOption, krbErrPADataType, krbErrServerNoMatch},
		e.Code) {
		return err
	}
	if evidence.Flags != 0 && evidence.Flags&kerberos.FlagForwardable == 0 {
		return &kerberos.Error{Code: kerberos.CodeEvidence, Detail: fmt.Sprintf(
			"KDC does not let %s act for %s at %s: ticket of %s is not forwardable", i.who, evidence.Client, service,
			evidence.Client), Err: e}
	}
	return &kerberos.Error{Code: kerberos.CodeDelegation,
		Detail: fmt.Sprintf("KDC does not let %s act for %s at %s", i.who, evidence.Client, service), Err: e}
}
