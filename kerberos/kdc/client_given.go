package kdc

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// givenTickets returns the tickets of the credential cache or the credentials,
// including those of other clients.
func (i *Client) givenTickets() ([]kerberos.Credential, error) {
	if i.cfg.CCache == "" {
		return i.cfg.Credentials, nil
	}
	c, err := ccache.Load(i.cfg.CCache)
	if err != nil {
		return nil, err
	}
	if c.Client.String() != i.who.String() {
		return nil, kerberos.Errorf(kerberos.CodeCredential, "credential cache %s is of %s, not of %s",
			i.cfg.CCache, c.Client, i.who)
	}
	return c.Tickets, nil
}

// givenIn returns where givenTickets come from, for errors.
func (i *Client) givenIn() string {
	if i.cfg.CCache != "" {
		return "credential cache " + i.cfg.CCache
	}
	return "the credentials"
}

// given returns the ticket-granting ticket that lasts longest, of those given
// and held. It stores those for other realms.
func (i *Client) given(held kerberos.Credential) (kerberos.Credential, error) {
	tickets, err := i.givenTickets()
	if err != nil {
		return kerberos.Credential{}, err
	}
	now := i.cfg.Time()
	others := make(map[string]kerberos.Credential)
	for _, t := range tickets {
		realm, isTGT := tgtRealm(&t)
		if !isTGT || t.Client.String() != i.who.String() || !t.EndTime.After(now) && !ticketRenewable(&t, now) ||
			!i.accepts(&t) {
			continue
		}
		switch {
		case realm != i.who.Realm:
			if other, ok := others[realm]; !ok || t.EndTime.After(other.EndTime) {
				others[realm] = t
			}
		case t.Service.Realm == realm && t.EndTime.After(held.EndTime):
			held = t
			held.SessionKey = t.SessionKey.Clone().ShareClock(i.clock)
		}
	}
	for realm, t := range others {
		t.SessionKey = t.SessionKey.Clone().ShareClock(i.clock)
		i.store(tgtKey(realm), t)
	}
	if held.SessionKey.IsZero() {
		return kerberos.Credential{}, i.noneGiven(tickets)
	}
	return held, nil
}

// noneGiven returns the error that explains why no given ticket is a usable
// ticket-granting ticket.
func (i *Client) noneGiven(tickets []kerberos.Credential) error {
	var ended time.Time
	for _, t := range tickets {
		if realm, ok := tgtRealm(&t); ok && realm == i.who.Realm && i.accepts(&t) && t.EndTime.After(ended) {
			ended = t.EndTime
		}
	}
	if !ended.IsZero() {
		return kerberos.Errorf(kerberos.CodeCredentialExpired, "%s: ticket-granting ticket of %s ended %s, our clock has %s",
			i.givenIn(), i.who, kerberos.FormatTime(ended), kerberos.FormatTime(i.cfg.Time()))
	}
	return kerberos.Errorf(kerberos.CodeCredential,
		"%s: no ticket-granting ticket of %s for realm %s with a session key of the encryption types %v",
		i.givenIn(), i.who, i.who.Realm, i.etypes)
}

// accepts reports whether the session key's encryption type is allowed.
func (i *Client) accepts(t *kerberos.Credential) bool {
	return slices.Contains(i.etypes, t.SessionKey.Etype()) || slices.Contains(i.loginEtypes, t.SessionKey.Etype())
}

// givenService returns the best given ticket for a service, or nil: a usable
// one before one that soon ends and one that has ended, then by realm, by
// preference of encryption types, and by its end. It ignores that a cache
// cannot be read; getting the ticket-granting ticket from it reports that.
func (i *Client) givenService(name kerberos.Principal) *kerberos.Credential {
	if i.logsIn {
		return nil
	}
	tickets, err := i.givenTickets()
	if err != nil {
		return nil
	}
	now, realms := i.cfg.Time(), i.realmsOf(name)
	i.mu.Lock()
	tickets = slices.DeleteFunc(slices.Clone(tickets), func(t kerberos.Credential) bool {
		return t.Client.String() != i.who.String() ||
			!slices.Equal(t.Service.Components, name.Components) ||
			!slices.Contains(realms, t.Service.Realm) ||
			!slices.Contains(i.etypes, t.SessionKey.Etype()) ||
			t.Flags&kerberos.FlagInvalid != 0 ||
			t.StartTime.After(now.Add(i.cfg.MaxSkew)) ||
			i.forgotten[sha256.Sum256(t.Ticket)]
	})
	i.mu.Unlock()
	if len(tickets) == 0 {
		return nil
	}
	best := slices.MinFunc(tickets, func(a, b kerberos.Credential) int {
		return cmp.Or(cmp.Compare(ticketAge(&a, now), ticketAge(&b, now)),
			cmp.Compare(slices.Index(realms, a.Service.Realm), slices.Index(realms, b.Service.Realm)),
			cmp.Compare(slices.Index(i.etypes, a.SessionKey.Etype()), slices.Index(i.etypes, b.SessionKey.Etype())),
			b.EndTime.Compare(a.EndTime))
	})
	best.SessionKey = best.SessionKey.Clone().ShareClock(i.clock)
	if best.Service.Realm == "" {
		p := der.Parser{In: "ticket"}
		realm, _ := krbmsg.ReadTicketHead(&p, best.Ticket)
		best.Service.Realm = string(realm)
	}
	return &best
}

// ticketAge returns 0 for a usable ticket, 1 for one that soon ends, 2 for one
// that has ended.
func ticketAge(t *kerberos.Credential, now time.Time) int {
	switch {
	case ticketUsable(t, now):
		return 0
	case t.EndTime.After(now):
		return 1
	}
	return 2
}

// realmsOf returns the realms under which a cache may have a ticket for a
// service, in order of preference. For a service without a realm, MIT's library
// stores the ticket that referrals led to under the name that was asked for,
// with an empty realm.
func (i *Client) realmsOf(name kerberos.Principal) []string {
	switch {
	case name.Realm != "":
		return []string{name.Realm}
	case len(name.Components) > 1 && i.conf.RealmOfHost(name.Components[1]) != "":
		return []string{i.conf.RealmOfHost(name.Components[1])}
	}
	return []string{"", i.who.Realm}
}

// lastOf returns the given ticket for a service if no other can be obtained,
// until its end. After that it returns err, which for a missing ticket-granting
// ticket names the given one too.
func (i *Client) lastOf(given *kerberos.Credential, err error) (kerberos.Credential, error) {
	now := i.cfg.Time()
	switch {
	case given.EndTime.After(now):
		return *given, nil
	case errors.Is(err, &kerberos.Error{Code: kerberos.CodeCredential}),
		errors.Is(err, &kerberos.Error{Code: kerberos.CodeCredentialExpired}):
		detail := fmt.Sprintf("%s: ticket of %s for %s ended %s, our clock has %s, and no other can be got",
			i.givenIn(), i.who, given.Service, kerberos.FormatTime(given.EndTime), kerberos.FormatTime(now))
		err = &kerberos.Error{Code: kerberos.CodeCredentialExpired, Detail: detail, Err: err}
	}
	return kerberos.Credential{}, err
}
