package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// A delegator is a [Session] that gets tickets in the names of users.
// [kdc.Client] implements it.
type delegator interface {
	Session
	ServiceTicketFor(ctx context.Context, user, service string) (kerberos.Credential, error)
	ProxyTicket(ctx context.Context, evidence kerberos.Credential, service string) (kerberos.Credential, error)
}

var _ delegator = (*kdc.Client)(nil)

// checkCallers looks at routes whose backends are secured themselves: whether the
// KDC issues the tickets that they are called with, in the gateway's own name or
// in the client's (MS-SFU). What clients delegate is theirs alone.
func (d *doctor) checkCallers(ctx context.Context) []Result {
	var routes []*config.Route
	for i := range d.Settings.Routes {
		r := &d.Settings.Routes[i]
		from, _ := d.Settings.ServiceOf(r)
		if !r.BackendPolicy.IsZero() && r.BackendCredential != config.CredentialDelegated && !from.Disabled {
			routes = append(routes, r)
		}
	}
	return each(routes, func(r *config.Route) []Result { return d.checkCaller(ctx, r) })
}

// checkCaller logs in as the account of a route.
func (d *doctor) checkCaller(ctx context.Context, r *config.Route) []Result {
	subject := "route " + r.Name()
	name, path := d.Settings.CallsAs(r)
	account, err := kerberos.ParsePrincipal(name)
	if err != nil {
		return nil // config has refused it
	}
	account.Realm = cmp.Or(account.Realm, d.krb5.DefaultRealm())
	keys, why := d.keysOf(r, path)
	if why != "" {
		return []Result{skip(subject, "%s", why)}
	}
	client, why := d.kdcOf(account, keys)
	if why != "" {
		return []Result{skip(subject, "not asked: %s", why)}
	}
	cfg := kdc.ClientConfig{Client: account.String(), Keytab: keys, Etypes: allEtypes, Forwardable: true,
		Time: client.clock(d.Now)}
	if cfg.KDC, err = d.exchanger(account.Realm, client.best().network, client.addr); err != nil {
		return []Result{skip(subject, "%v", err)}
	}
	session, err := d.Login(cfg)
	if err != nil {
		return []Result{skip(subject, "%v", err)}
	}
	defer session.Close()
	if r.BackendCredential == config.CredentialGateway {
		return []Result{d.callsItself(ctx, session, r, account)}
	}
	if s, can := session.(delegator); can {
		return d.actsFor(ctx, s, r, account)
	}
	return nil
}

// callsItself reports whether the gateway's account gets a ticket for the
// backend.
func (d *doctor) callsItself(ctx context.Context, s Session, r *config.Route, account kerberos.Principal) Result {
	subject := "route " + r.Name()
	t, err := s.ServiceTicket(ctx, r.BackendService)
	switch {
	case hasCode(err, kerberos.CodeRealm):
		return skip(subject, "whether %s gets tickets for %s is not known: only the KDC of its own realm is asked here",
			account, r.BackendService)
	case err != nil:
		return fail(subject, fmt.Sprintf("%s gets no ticket for %s: %v", account, r.BackendService, plainError(err)),
			d.cureOf(err))
	}
	t.SessionKey.Wipe()
	return ok(subject, "%s gets tickets for %s", account, r.BackendService)
}

// keysOf returns the keytab at a path, or the keys of the route's service if there
// is none; why says why it has none.
func (d *doctor) keysOf(r *config.Route, path string) (keys *keytab.Keytab, why string) {
	for _, s := range d.services {
		own := path == "" && slices.Contains(s.routes, r)
		if (own || s.file.path == path) && s.file.keytab != nil {
			return s.file.keytab, ""
		}
	}
	if path == "" {
		return nil, "it has no keys, see keytab"
	}
	keys, err := d.Keys(config.Service{Keytab: path})
	if err != nil {
		return nil, err.Error()
	}
	return keys, ""
}

// kdcOf returns a KDC at which the account may log in: not if it has refused one
// of these keys already, whose account must not be locked.
func (d *doctor) kdcOf(account kerberos.Principal, keys *keytab.Keytab) (p *kdcProbe, why string) {
	r := d.realms[account.Realm]
	if r == nil {
		r = d.newRealm(account.Realm)
	}
	for _, refused := range r.sessions().refused {
		if refused.file.keytab == keys {
			return nil, "the KDC has refused a key of " + refused.String() + " already"
		}
	}
	if p = firstAnswering(r.probes()); p == nil {
		return nil, "no KDC of " + account.Realm + " answers"
	}
	return p, ""
}

// actsFor asks for what the route needs, with the account itself in the place of
// a client: whether it may act for users does not depend on the user, unless
// that one must not be delegated.
func (d *doctor) actsFor(ctx context.Context, s delegator, r *config.Route, account kerberos.Principal) []Result {
	self, selfErr := s.ServiceTicketFor(ctx, account.String(), "")
	if selfErr == nil {
		self.SessionKey.Wipe()
	}
	if r.BackendCredential == config.CredentialSelf {
		return d.transits(ctx, s, r, account, self, selfErr)
	}
	subject := "route " + r.Name()
	own := d.ownService(r, account)
	evidence, err := s.ServiceTicket(ctx, own)
	if err != nil {
		return []Result{fail(subject, fmt.Sprintf("%s gets no ticket for %s, which clients have: %v", account, own,
			plainError(err)), d.cureOf(err))}
	}
	evidence.SessionKey.Wipe()
	return []Result{transitionNote(subject, account, self, selfErr),
		d.delegates(ctx, s, r, account, evidence, evidence.Flags&kerberos.FlagForwardable != 0)}
}

// ownService returns a service that clients of the route have tickets for.
func (d *doctor) ownService(r *config.Route, account kerberos.Principal) string {
	for _, s := range d.services {
		if slices.Contains(s.routes, r) && s.Realm == account.Realm {
			return s.String()
		}
	}
	return account.String()
}

// transitionNote returns what the account could have with s4u2self, for a route with
// s4u2proxy, which does not need it.
func transitionNote(subject string, account kerberos.Principal, self kerberos.Credential, err error) Result {
	switch {
	case err != nil:
		return ok(subject, "%s gets no tickets in the names of users, which s4u2proxy does not need: %v", account,
			plainError(err))
	case self.Flags&kerberos.FlagForwardable != 0:
		return ok(subject, "%s may use any protocol: s4u2self would do too", account)
	}
	return ok(subject, "%s may not use any protocol, which s4u2proxy does not need", account)
}

// transits reports whether s4u2self works: tickets in the names of users, and
// with these tickets for the backend.
func (d *doctor) transits(ctx context.Context, s delegator, r *config.Route, account kerberos.Principal,
	self kerberos.Credential, err error) []Result {
	subject := "route " + r.Name()
	if err != nil {
		return []Result{fail(subject, fmt.Sprintf("%s gets no tickets in the names of users: %v", account, plainError(err)),
			d.cureOf(err))}
	}
	forwardable := self.Flags&kerberos.FlagForwardable != 0
	last := d.delegates(ctx, s, r, account, self, true)
	switch {
	case forwardable:
		return []Result{
			ok(subject, "%s may use any protocol: its tickets in the names of users are forwardable", account), last}
	case last.Status == OK:
		return []Result{ok(subject, "%s may not use any protocol; the backend takes its delegations all the same "+
			"(resource-based)", account), last}
	}
	return []Result{fail(subject, fmt.Sprintf("%s may not use any protocol: its tickets in the names of users are not "+
		"forwardable, and the KDC does not take them for %s", account, r.BackendService),
		fmt.Sprintf("Active Directory: Set-ADAccountControl ACCOUNT -TrustedToAuthForDelegation $true; Samba: samba-tool "+
			"delegation for-any-protocol ACCOUNT on; MIT: kadmin modprinc +ok_to_auth_as_delegate %s. Else s4u2proxy, for "+
			"clients that come with Kerberos", account.Name()))}
}

// delegates reports whether the KDC lets the account act for users at the
// backend.
func (d *doctor) delegates(ctx context.Context, s delegator, r *config.Route, account kerberos.Principal,
	evidence kerberos.Credential, forwardable bool) Result {
	subject := "route " + r.Name()
	t, err := s.ProxyTicket(ctx, evidence, r.BackendService)
	var refused *kerberos.Error
	switch {
	case err == nil:
		t.SessionKey.Wipe()
		return ok(subject, "the KDC lets %s act for clients at %s", account, r.BackendService)
	case hasCode(err, kerberos.CodeRealm):
		return skip(subject, "whether %s may act for clients at %s is not known: only the KDC of its own realm is asked here",
			account, r.BackendService)
	case hasCode(err, kerberos.CodeEvidence) && !forwardable:
		return skip(subject, "whether %s may act for clients at %s is not known: the account itself must not be delegated "+
			"(sensitive, or in Protected Users)", account, r.BackendService)
	case errors.As(err, &refused) && (refused.Code == kerberos.CodeDelegation || refused.Code == kerberos.CodeEvidence):
		return fail(subject, fmt.Sprintf("the KDC does not let %s act for clients at %s: %v", account, r.BackendService,
			refused.Err), allowDelegation(account, r.BackendService))
	}
	return fail(subject, fmt.Sprintf("%s gets no ticket for %s in the name of a client: %v", account, r.BackendService,
		plainError(err)), d.cureOf(err))
}

// allowDelegation returns how an account is allowed to act for users at a service.
func allowDelegation(account kerberos.Principal, service string) string {
	name := service
	if p, err := kerberos.ParsePrincipal(service); err == nil {
		name = p.Name()
	}
	return fmt.Sprintf("Active Directory: Set-ADUser ACCOUNT -Add @{'msDS-AllowedToDelegateTo'='%[1]s'}, or on the "+
		"backend's account Set-ADUser BACKEND -PrincipalsAllowedToDelegateToAccount ACCOUNT; Samba: samba-tool delegation "+
		"add-service ACCOUNT %[1]s; MIT with LDAP: krbAllowedToDelegateTo: %[1]s in the entry of %[2]s. MIT's own "+
		"database allows nobody: use backend-credential delegated or gateway", name, account)
}
