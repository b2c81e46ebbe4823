package kerberos

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxHops bounds the realms on the way to a service.
const maxHops = 10

// homeKey is where the ticket-granting ticket of the client's realm is kept; those of other realms are at tgtKey.
const homeKey = "home"

func tgtKey(realm string) string { return "realm " + realm }

// ServiceTicket gets a ticket for a service, "soap/gw.example.com@OTHER.EXAMPLE": while it lasts, from memory, or from the
// credential cache or the credentials, which then need no ticket-granting ticket beside it; else from the KDC. Without "@" the
// realm is that of [domain_realm] for the host, the second part of the name; else the client's KDC is asked, and where it
// refers to. Referrals are followed. Errors are *Error, ctx's, or after Close one that says so.
func (i *Initiator) ServiceTicket(ctx context.Context, service string) (ServiceTicket, error) {
	name, err := ParsePrincipal(service)
	if err != nil {
		return ServiceTicket{}, &Error{Code: CodeServiceUnknown, Detail: "service", Err: err}
	}
	key := "service " + name.String()
	if t, ok := i.cached(key); ok {
		return i.handOut(t, nil)
	}
	t, err := i.share(ctx, key, func(ctx context.Context) (ServiceTicket, error) {
		given := i.givenService(name)
		if given != nil && ticketUsable(given, i.cfg.Time()) {
			return *given, nil
		}
		t, err := i.fetch(ctx, name)
		if staleTGT(err) && i.logsIn { // the KDC has new keys, or says so in error
			i.forgetTGTs()
			t, err = i.fetch(ctx, name)
		}
		if err != nil && given != nil {
			return i.lastOf(given, err)
		}
		return t, err
	})
	return i.handOut(t, err)
}

// Forget forgets the ticket for a service, named as in ServiceTicket. It is for a service that refuses the ticket, since it
// has new keys. That the credential cache or the credentials have it still does not bring it back.
func (i *Initiator) Forget(service string) {
	name, err := ParsePrincipal(service)
	if err != nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	key := "service " + name.String()
	if c := i.tickets[key]; c != nil && !i.logsIn {
		if len(i.forgotten) >= maxTickets {
			clear(i.forgotten)
		}
		i.forgotten[sha256.Sum256(c.ticket.Ticket)] = true
	}
	delete(i.tickets, key)
}

// staleTGT says whether a KDC refused the ticket-granting ticket that was presented.
func staleTGT(err error) bool {
	e, ok := errors.AsType[*KRBError](err)
	return ok && slices.Contains([]int32{krbErrTGTRevoked, krbErrBadIntegrity, krbErrTicketExpired, krbErrModified, krbErrBadKeyVersion}, e.Code)
}

func (i *Initiator) forgetTGTs() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for k, c := range i.tickets {
		if s := c.ticket.Service.Components; len(s) == 2 && s[0] == krbtgt {
			delete(i.tickets, k)
		}
	}
}

// Forwarded gets a forwarded ticket-granting ticket (RFC 4120 2.6): one that a service can act with as the client, for
// InitConfig.Delegate. Each call gets a new one. The error is an *Error of CodeForwardable when the KDC did not give a
// forwardable ticket.
func (i *Initiator) Forwarded(ctx context.Context) (ServiceTicket, error) {
	t, err := i.share(ctx, "", func(ctx context.Context) (ServiceTicket, error) {
		tgt, err := i.home(ctx)
		if err != nil {
			return ServiceTicket{}, err
		}
		if tgt.Flags&FlagForwardable == 0 {
			return ServiceTicket{}, refuse(CodeForwardable, "ticket-granting ticket of %s is not forwardable", i.who)
		}
		t, err := i.tgs(ctx, &tgt, tgt.Service.Components, kdcForwarded|tgt.Flags&(FlagForwardable|FlagRenewable), tgt.RenewTill)
		if err == nil && t.Flags&FlagForwarded == 0 {
			err = refuse(CodeForwardable, "KDC gave %s a ticket that is not forwarded", i.who)
		}
		return t, err
	})
	return i.handOut(t, err)
}

// Maintain keeps the ticket-granting ticket fresh until ctx is done, and gives ctx's error: it gets one, and renews it or
// logs in again before its end. Without it, that happens when tickets are asked for, and a ticket that can be renewed only
// in time is lost when none is for long. Failures are tried again each minute, and given to failed, if that is not nil.
func (i *Initiator) Maintain(ctx context.Context, failed func(error)) error {
	for {
		wait := time.Minute
		tgt, err := i.home(ctx)
		if err == nil && renewalDue(&tgt, i.cfg.Time()) {
			tgt, err = i.share(ctx, homeKey, i.acquire)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errClosed):
			return err
		case err != nil && failed != nil:
			failed(err)
		case err == nil && !renewalDue(&tgt, i.cfg.Time()):
			wait = max(renewalTime(&tgt).Sub(i.cfg.Time()), time.Second)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// home is the ticket-granting ticket of the client's realm. One that is due is renewed while it is used still.
func (i *Initiator) home(ctx context.Context) (ServiceTicket, error) {
	t, ok := i.cached(homeKey)
	if !ok {
		return i.share(ctx, homeKey, i.acquire)
	}
	if now := i.cfg.Time(); renewalDue(&t, now) && (i.logsIn || i.cfg.CCache != "" || ticketRenewable(&t, now)) && i.mayRenew(now) {
		i.board(ctx, homeKey, i.acquire) // its error is the next call's, when the ticket has ended
	}
	return t, nil
}

// mayRenew spares a KDC that does not renew.
func (i *Initiator) mayRenew(now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now.Before(i.renewal) {
		return false
	}
	i.renewal = now.Add(renewPause)
	return true
}

// acquire gets a new ticket-granting ticket: by renewal, from where others put it, or by login.
func (i *Initiator) acquire(ctx context.Context) (ServiceTicket, error) {
	now := i.cfg.Time()
	i.mu.Lock()
	var held ServiceTicket
	if c := i.tickets[homeKey]; c != nil {
		held = c.ticket
	}
	i.mu.Unlock()
	var err error
	if !i.logsIn {
		if held, err = i.given(held); err != nil {
			return ServiceTicket{}, err
		}
		if !renewalDue(&held, now) {
			return held, nil
		}
	}
	if ticketRenewable(&held, now) {
		t, err := i.tgs(ctx, &held, held.Service.Components, kdcRenew|held.Flags&(FlagForwardable|FlagRenewable), held.RenewTill)
		if err == nil || ctx.Err() != nil || !i.logsIn && !ticketUsable(&held, now) {
			return t, err
		}
	}
	if i.logsIn {
		return i.login(ctx)
	}
	if !held.EndTime.After(now) {
		return ServiceTicket{}, refuse(CodeCredentialExpired, "ticket-granting ticket of %s ended %s, our clock has %s", i.who, stamp(held.EndTime), stamp(now))
	}
	return held, nil
}

// fetch gets a ticket for a service, following referrals (RFC 6806 8).
func (i *Initiator) fetch(ctx context.Context, name Principal) (ServiceTicket, error) {
	realm := name.Realm
	if realm == "" && len(name.Components) > 1 {
		realm = i.conf.RealmOfHost(name.Components[1])
	}
	tgt, err := i.tgt(ctx, cmp.Or(realm, i.who.Realm))
	if err != nil {
		return ServiceTicket{}, err
	}
	seen := []string{}
	for range maxHops {
		at := tgt.Service.Components[1]
		seen = append(seen, at)
		t, err := i.tgs(ctx, &tgt, name.Components, kdcCanonicalize|tgt.Flags&FlagForwardable, time.Time{})
		if err != nil {
			return ServiceTicket{}, err
		}
		next, isTGT := tgtRealm(&t)
		if !isTGT || slices.Equal(t.Service.Components, name.Components) {
			return t, nil
		}
		if slices.Contains(seen, next) {
			return ServiceTicket{}, refuse(CodeRealmPath, "referrals for %s go round: %v, then %s again", name, seen, next)
		}
		tgt = t
	}
	return ServiceTicket{}, refuse(CodeRealmPath, "referrals for %s do not end: %v", name, seen)
}

// tgtRealm is the realm that a ticket-granting ticket is for.
func tgtRealm(t *ServiceTicket) (string, bool) {
	if c := t.Service.Components; len(c) == 2 && c[0] == krbtgt {
		return c[1], true
	}
	return "", false
}

// tgt is a ticket-granting ticket for a realm.
func (i *Initiator) tgt(ctx context.Context, realm string) (ServiceTicket, error) {
	home, err := i.home(ctx)
	if err != nil || realm == i.who.Realm {
		return home, err
	}
	if t, ok := i.cached(tgtKey(realm)); ok {
		return t, nil
	}
	return i.share(ctx, tgtKey(realm), func(ctx context.Context) (ServiceTicket, error) { return i.walk(ctx, home, realm) })
}

// walk gets from the client's realm to another (RFC 4120 1.2, 3.3.1), by the configured realms or the shortest way that the
// KDCs know. A KDC may answer with a ticket for a realm that is nearer than the one asked for.
func (i *Initiator) walk(ctx context.Context, tgt ServiceTicket, realm string) (ServiceTicket, error) {
	path, configured := i.conf.realmPath(i.who.Realm, realm)
	seen := []string{i.who.Realm}
	for range maxHops {
		at := seen[len(seen)-1]
		t, err := i.step(ctx, &tgt, path[slices.Index(path, at)+1:], configured)
		if err != nil {
			return ServiceTicket{}, &Error{Code: CodeRealmPath, Detail: fmt.Sprintf("no way from realm %s to %s, at %s", i.who.Realm, realm, at), Err: err}
		}
		next, _ := tgtRealm(&t)
		if next == realm {
			return t, nil
		}
		if slices.Contains(seen, next) {
			return ServiceTicket{}, refuse(CodeRealmPath, "the way from realm %s to %s goes round: %v, then %s again", i.who.Realm, realm, seen, next)
		}
		if !slices.Contains(path, next) { // a realm that the KDC knows and we do not
			path, configured = []string{next, realm}, false
		}
		seen, tgt = append(seen, next), t
	}
	return ServiceTicket{}, refuse(CodeRealmPath, "the way from realm %s to %s has more than %d realms: %v", i.who.Realm, realm, maxHops, seen)
}

// step gets a ticket for one of the realms ahead: the next one when the way is configured, else the furthest that the KDC
// knows.
func (i *Initiator) step(ctx context.Context, tgt *ServiceTicket, ahead []string, configured bool) (t ServiceTicket, err error) {
	if configured {
		ahead = ahead[:1]
	}
	for _, realm := range slices.Backward(ahead) {
		t, err = i.tgs(ctx, tgt, []string{krbtgt, realm}, tgt.Flags&FlagForwardable, time.Time{})
		if err == nil {
			if _, ok := tgtRealm(&t); !ok {
				return ServiceTicket{}, refuse(CodeKDCReply, "asked for a ticket-granting ticket, KDC gave one for %s", t.Service)
			}
			return t, nil
		}
		if !errors.Is(err, &Error{Code: CodeServiceUnknown}) {
			return ServiceTicket{}, err
		}
	}
	return ServiceTicket{}, err
}
