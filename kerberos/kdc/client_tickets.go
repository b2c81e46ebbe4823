package kdc

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// homeKey is the key of the ticket-granting ticket of the client's realm in
// Client.tickets; those of other realms have tgtKey.
const homeKey = "home"

func tgtKey(realm string) string { return "realm " + realm }

// ServiceTicket returns a ticket for a service,
// "soap/gw.example.com@OTHER.EXAMPLE". While one lasts it comes from memory, or
// from the credential cache or the credentials, which need no ticket-granting
// ticket for that; else from a KDC. Without "@" the realm is that of
// [domain_realm] for the host, the second component of the name, or else found
// by the referrals of the client's KDC (RFC 6806 8). Errors are
// [*kerberos.Error], or ctx's, or that the Client is closed.
func (i *Client) ServiceTicket(ctx context.Context, service string) (kerberos.Credential, error) {
	name, err := kerberos.ParsePrincipal(service)
	if err != nil {
		return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeServiceUnknown, Detail: "service", Err: err}
	}
	key := "service " + name.String()
	if t, ok := i.cached(key); ok {
		return i.handOut(t, nil)
	}
	t, err := i.share(ctx, key, func(ctx context.Context) (kerberos.Credential, error) {
		given := i.givenService(name)
		if given != nil && ticketUsable(given, i.cfg.Time()) {
			return *given, nil
		}
		t, err := i.fetch(ctx, name)
		if staleTGT(err) && i.logsIn { // the KDC has new keys, or seems to
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

// Login gets the ticket-granting ticket of the client's realm now, unless there is
// one that lasts. Calls that need it do that by themselves.
func (i *Client) Login(ctx context.Context) error {
	_, err := i.home(ctx)
	return err
}

// Tickets returns the tickets that the Client keeps, also those that have ended:
// the ticket-granting ticket of the client's realm first, the others by the
// names of their services. Those in the names of users are not among them. The
// keys are copies.
func (i *Client) Tickets() []kerberos.Credential {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []kerberos.Credential
	for _, c := range i.tickets {
		t := c.ticket
		t.SessionKey = t.SessionKey.Clone()
		all = append(all, t)
	}
	rank := func(t kerberos.Credential) int {
		if realm, ok := tgtRealm(&t); ok && realm == i.who.Realm && t.Service.Realm == realm {
			return 0
		}
		return 1
	}
	slices.SortFunc(all, func(a, b kerberos.Credential) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(a.Service.String(), b.Service.String()))
	})
	return all
}

// Forget drops the ticket for a service, named as for [Client.ServiceTicket], and
// those for it in the names of users.
// Call it if the service refuses the ticket, because it has new keys. The
// ticket is not used again even if the credential cache or the credentials have
// it.
func (i *Client) Forget(service string) {
	name, err := kerberos.ParsePrincipal(service)
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
	for k := range i.users {
		if strings.HasSuffix(k, " "+name.String()) {
			delete(i.users, k)
		}
	}
}

// staleTGT reports whether a KDC refused the ticket-granting ticket.
func staleTGT(err error) bool {
	e, ok := errors.AsType[*kerberos.KRBError](err)
	return ok && slices.Contains([]int32{krbErrTGTRevoked, krbErrBadIntegrity, kerberos.KRBErrTicketExpired,
		kerberos.KRBErrModified, kerberos.KRBErrBadKeyVersion}, e.Code)
}

func (i *Client) forgetTGTs() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for k, c := range i.tickets {
		if s := c.ticket.Service.Components; len(s) == 2 && s[0] == krbmsg.KRBTGT {
			delete(i.tickets, k)
		}
	}
}

// Forwarded returns a forwarded ticket-granting ticket (RFC 4120 2.6), with
// which a service can act as the client, for gss.InitConfig.Delegate. Each call
// gets a new one. The error is a [*kerberos.Error] with
// [kerberos.CodeForwardable] if the ticket-granting ticket is not forwardable.
func (i *Client) Forwarded(ctx context.Context) (kerberos.Credential, error) {
	t, err := i.share(ctx, "", func(ctx context.Context) (kerberos.Credential, error) {
		tgt, err := i.home(ctx)
		if err != nil {
			return kerberos.Credential{}, err
		}
		if tgt.Flags&kerberos.FlagForwardable == 0 {
			return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeForwardable,
				"ticket-granting ticket of %s is not forwardable", i.who)
		}
		options := krbmsg.KDCForwarded | tgt.Flags&(kerberos.FlagForwardable|kerberos.FlagRenewable)
		t, err := i.tgs(ctx, &tgt, tgt.Service.Components, options, tgt.RenewTill)
		if err == nil && t.Flags&kerberos.FlagForwarded == 0 {
			err = kerberos.Errorf(kerberos.CodeForwardable, "KDC gave %s a ticket that is not forwarded", i.who)
		}
		return t, err
	})
	return i.handOut(t, err)
}

// Maintain keeps the ticket-granting ticket fresh until ctx is done, and
// returns ctx's error. It gets one, and renews it or logs in again before its
// end. Without Maintain only calls that need a ticket do that, so a renewable
// ticket ends if there is none in time. It tries again each minute after a
// failure, and calls failed with it, if failed is not nil.
func (i *Client) Maintain(ctx context.Context, failed func(error)) error {
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

// home returns the ticket-granting ticket of the client's realm. If it is due
// it begins a renewal in the background.
func (i *Client) home(ctx context.Context) (kerberos.Credential, error) {
	t, ok := i.cached(homeKey)
	if !ok {
		return i.share(ctx, homeKey, i.acquire)
	}
	now := i.cfg.Time()
	can := i.logsIn || i.cfg.CCache != "" || ticketRenewable(&t, now)
	if can && renewalDue(&t, now) && i.mayRenew(now) {
		i.board(ctx, homeKey, i.acquire) // a call after the ticket's end returns the error
	}
	return t, nil
}

// mayRenew reports whether a renewal may begin now: a KDC that does not renew
// is not asked all the time.
func (i *Client) mayRenew(now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now.Before(i.renewal) {
		return false
	}
	i.renewal = now.Add(renewPause)
	return true
}

// acquire gets a new ticket-granting ticket: by renewal, from the credential
// cache or the credentials, or by login.
func (i *Client) acquire(ctx context.Context) (kerberos.Credential, error) {
	now := i.cfg.Time()
	i.mu.Lock()
	var held kerberos.Credential
	if c := i.tickets[homeKey]; c != nil {
		held = c.ticket
	}
	i.mu.Unlock()
	var err error
	if !i.logsIn {
		if held, err = i.given(held); err != nil {
			return kerberos.Credential{}, err
		}
		if !renewalDue(&held, now) {
			return held, nil
		}
	}
	if ticketRenewable(&held, now) {
		options := krbmsg.KDCRenew | held.Flags&(kerberos.FlagForwardable|kerberos.FlagRenewable)
		t, err := i.tgs(ctx, &held, held.Service.Components, options, held.RenewTill)
		if err == nil || ctx.Err() != nil || !i.logsIn && !ticketUsable(&held, now) {
			return t, err
		}
	}
	if i.logsIn {
		return i.login(ctx)
	}
	if !held.EndTime.After(now) {
		return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeCredentialExpired,
			"ticket-granting ticket of %s ended %s, our clock has %s",
			i.who, kerberos.FormatTime(held.EndTime), kerberos.FormatTime(now))
	}
	return held, nil
}

// fetch gets a ticket for a service, following referrals (RFC 6806 8).
func (i *Client) fetch(ctx context.Context, name kerberos.Principal) (kerberos.Credential, error) {
	realm := name.Realm
	if realm == "" && len(name.Components) > 1 {
		realm = i.conf.RealmOfHost(name.Components[1])
	}
	tgt, err := i.tgt(ctx, cmp.Or(realm, i.who.Realm))
	if err != nil {
		return kerberos.Credential{}, err
	}
	seen := []string{}
	for range krb5conf.MaxHops {
		at := tgt.Service.Components[1]
		seen = append(seen, at)
		t, err := i.tgs(ctx, &tgt, name.Components, krbmsg.KDCCanonicalize|tgt.Flags&kerberos.FlagForwardable, time.Time{})
		if err != nil {
			return kerberos.Credential{}, err
		}
		next, isTGT := tgtRealm(&t)
		if !isTGT || slices.Equal(t.Service.Components, name.Components) {
			return t, nil
		}
		if slices.Contains(seen, next) {
			return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeRealmPath,
				"referrals for %s go round: %v, then %s again", name, seen, next)
		}
		tgt = t
	}
	return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeRealmPath, "referrals for %s do not end: %v", name, seen)
}

// tgtRealm returns the realm that a ticket-granting ticket is for, and reports
// whether t is one.
func tgtRealm(t *kerberos.Credential) (string, bool) {
	if c := t.Service.Components; len(c) == 2 && c[0] == krbmsg.KRBTGT {
		return c[1], true
	}
	return "", false
}

// tgt returns a ticket-granting ticket for a realm.
func (i *Client) tgt(ctx context.Context, realm string) (kerberos.Credential, error) {
	home, err := i.home(ctx)
	if err != nil || realm == i.who.Realm {
		return home, err
	}
	if t, ok := i.cached(tgtKey(realm)); ok {
		return t, nil
	}
	return i.share(ctx, tgtKey(realm), func(ctx context.Context) (kerberos.Credential, error) {
		return i.walk(ctx, home, realm)
	})
}

// walk gets a ticket-granting ticket for another realm (RFC 4120 1.2, 3.3.1),
// by the configured realms or the shortest path that the KDCs know. A KDC may
// answer with a ticket for a realm that is closer than the one asked for.
func (i *Client) walk(ctx context.Context, tgt kerberos.Credential, realm string) (kerberos.Credential, error) {
	path, configured := i.conf.RealmPath(i.who.Realm, realm)
	seen := []string{i.who.Realm}
	for range krb5conf.MaxHops {
		at := seen[len(seen)-1]
		t, err := i.step(ctx, &tgt, path[slices.Index(path, at)+1:], configured)
		if err != nil {
			return kerberos.Credential{}, &kerberos.Error{Code: kerberos.CodeRealmPath,
				Detail: fmt.Sprintf("no way from realm %s to %s, at %s", i.who.Realm, realm, at), Err: err}
		}
		next, _ := tgtRealm(&t)
		if next == realm {
			return t, nil
		}
		if slices.Contains(seen, next) {
			return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeRealmPath,
				"the way from realm %s to %s goes round: %v, then %s again", i.who.Realm, realm, seen, next)
		}
		if !slices.Contains(path, next) { // a realm that is not on our path
			path, configured = []string{next, realm}, false
		}
		seen, tgt = append(seen, next), t
	}
	return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeRealmPath,
		"the way from realm %s to %s has more than %d realms: %v", i.who.Realm, realm, krb5conf.MaxHops, seen)
}

// step gets a ticket for one of the realms ahead: the next one if the path is
// configured, else the furthest that the KDC knows.
func (i *Client) step(ctx context.Context, tgt *kerberos.Credential, ahead []string,
	configured bool) (t kerberos.Credential, err error) {
	if configured {
		ahead = ahead[:1]
	}
	for _, realm := range slices.Backward(ahead) {
		t, err = i.tgs(ctx, tgt, []string{krbmsg.KRBTGT, realm}, tgt.Flags&kerberos.FlagForwardable, time.Time{})
		if err == nil {
			if _, ok := tgtRealm(&t); !ok {
				return kerberos.Credential{}, kerberos.Errorf(kerberos.CodeKDCReply,
					"asked for a ticket-granting ticket, KDC gave one for %s", t.Service)
			}
			return t, nil
		}
		if !errors.Is(err, &kerberos.Error{Code: kerberos.CodeServiceUnknown}) {
			return kerberos.Credential{}, err
		}
	}
	return kerberos.Credential{}, err
}
