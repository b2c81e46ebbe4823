package resecure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
)

// Tickets are those of one client of the backend. They are safe for concurrent
// use.
type Tickets interface {
	// ServiceTicket returns a ticket for a service principal that is good now.
	ServiceTicket(ctx context.Context, service string) (kerberos.Credential, error)
	// Forget drops the ticket for a service, which may not have its key any more.
	Forget(service string)
	// Close ends their use and wipes their keys.
	Close()
}

// A Source decides as whom the backend is called. It is safe for concurrent use.
type Source interface {
	// Login returns as whom it is called for a caller. An error is an [*Error].
	Login(c door.Caller) (Login, error)
}

// A Login is as whom the backend is called. Exactly one of Open and Drop has to be
// called.
type Login struct {
	// Owner is whose tickets these are, and Key which of them: a client that was
	// made for a Key is used for its next Login. Both are "" for all callers in
	// common.
	Owner, Key string
	// Until is when they end; zero if they do not.
	Until time.Time
	// Open returns the tickets. Drop forgets what it would make them of.
	Open func() (Tickets, error)
	Drop func()
}

// Gateway returns the Source of a gateway that calls the backend in its own name.
// The tickets are shared, and not closed.
func Gateway(tickets *kdc.Client) Source { return gateway{tickets} }

type gateway struct{ *kdc.Client }

func (g gateway) Close() {}

func (g gateway) Login(door.Caller) (Login, error) {
	return Login{Open: func() (Tickets, error) { return g, nil }, Drop: func() {}}, nil
}

// A DelegatedConfig configures a [Delegated]. Krb5Conf and KDC are those of
// [kdc.ClientConfig].
type DelegatedConfig struct {
	Krb5Conf string
	KDC      kdc.Exchanger
	// Time is the clock. Nil means time.Now.
	Time func() time.Time
}

// Delegated returns the Source of a gateway that calls the backend in the name of
// the caller, with the credential that it has delegated.
func Delegated(cfg DelegatedConfig) Source {
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	return &delegated{cfg}
}

type delegated struct{ cfg DelegatedConfig }

// Login checks what the caller has delegated. Messages of one login of a user
// bring a credential each, with one AuthTime: the first of them serves all.
func (d *delegated) Login(c door.Caller) (Login, error) {
	all := c.Delegated()
	drop := func() { wipe(all) }
	until, err := d.check(c, all)
	if err != nil {
		drop()
		return Login{}, &Error{CodeNotDelegated, err}
	}
	return Login{
		Owner: c.Principal(), Key: c.Principal() + " " + strconv.FormatInt(all[0].AuthTime.Unix(), 10), Until: until,
		Open: func() (Tickets, error) { return d.open(c, all) }, Drop: drop,
	}, nil
}

// check returns when the credentials end.
func (d *delegated) check(c door.Caller, all []kerberos.Credential) (until time.Time, err error) {
	switch {
	case !c.Known:
		return until, errors.New("the client is not known")
	case len(all) == 0:
		return until, fmt.Errorf("the token of %s has brought no credential", c.Principal())
	}
	for i := range all {
		if who := all[i].Client.String(); who != c.Principal() {
			return until, fmt.Errorf("the token of %s has brought a credential of %s", c.Principal(), who)
		}
		if err := all[i].Complete(); err != nil {
			return until, fmt.Errorf("the credential of %s: %w", c.Principal(), err)
		}
		if all[i].EndTime.After(until) {
			until = all[i].EndTime
		}
	}
	if now := d.cfg.Time(); !until.After(now) {
		return until, fmt.Errorf("the credential of %s ended %s, our clock has %s", c.Principal(),
			kerberos.FormatTime(until), kerberos.FormatTime(now))
	}
	return until, nil
}

func (d *delegated) open(c door.Caller, all []kerberos.Credential) (Tickets, error) {
	tickets, err := kdc.NewClient(kdc.ClientConfig{Client: c.Principal(), Credentials: all, Krb5Conf: d.cfg.Krb5Conf,
		KDC: d.cfg.KDC, Time: d.cfg.Time})
	if err != nil {
		wipe(all)
		return nil, &Error{CodeNotDelegated, err}
	}
	return &ofCaller{tickets, all}, nil
}

// ofCaller are the tickets of a caller, with the credential that they are got by.
type ofCaller struct {
	*kdc.Client
	given []kerberos.Credential
}

// Close wipes the credential too.
func (o *ofCaller) Close() {
	o.Client.Close()
	wipe(o.given)
}

// Proxy returns the Source of a gateway that calls the backend in the name of the
// caller, by constrained delegation with the ticket that the caller has for the
// gateway (S4U2Proxy, MS-SFU 3.1.5.2). The tickets are those of an account of the
// gateway's; they are shared, and not closed.
func Proxy(tickets *kdc.Client) Source {
	return source(func(c door.Caller) (Login, error) {
		evidence, ok := c.Evidence()
		if !ok {
			return Login{}, &Error{CodeNotDelegated, fmt.Errorf("no ticket of %s is kept", c.Principal())}
		}
		if who := evidence.Client.String(); who != c.Principal() {
			return Login{}, &Error{CodeNotDelegated, fmt.Errorf("the ticket of %s is of %s", c.Principal(), who)}
		}
		sum := sha256.Sum256(evidence.Ticket)
		return inNameOf(c, evidence.EndTime, hex.EncodeToString(sum[:]), &ofUser{Client: tickets,
			evidence: func(context.Context) (kerberos.Credential, error) { return evidence, nil }}), nil
	})
}

// Self returns the Source of a gateway that calls the backend in the name of the
// caller, of whom it has a name alone: protocol transition (S4U2Self, MS-SFU
// 3.1.5.1), and then constrained delegation. The tickets are as for [Proxy].
func Self(tickets *kdc.Client) Source {
	return source(func(c door.Caller) (Login, error) {
		if !c.Known {
			return Login{}, &Error{CodeNotDelegated, errors.New("the client is not known")}
		}
		return inNameOf(c, c.Expires, "self", &ofUser{Client: tickets,
			evidence: func(ctx context.Context) (kerberos.Credential, error) {
				return tickets.ServiceTicketFor(ctx, c.Principal(), "")
			}}), nil
	})
}

type source func(door.Caller) (Login, error)

func (s source) Login(c door.Caller) (Login, error) { return s(c) }

// inNameOf returns the Login of tickets in a caller's name.
func inNameOf(c door.Caller, until time.Time, key string, tickets *ofUser) Login {
	return Login{Owner: c.Principal(), Key: c.Principal() + " " + key, Until: until,
		Open: func() (Tickets, error) { return tickets, nil }, Drop: func() {}}
}

// ofUser are tickets of the gateway's account in the name of a user.
type ofUser struct {
	*kdc.Client
	evidence func(context.Context) (kerberos.Credential, error)
}

func (o *ofUser) ServiceTicket(ctx context.Context, service string) (kerberos.Credential, error) {
	evidence, err := o.evidence(ctx)
	if err != nil {
		return evidence, err
	}
	return o.ProxyTicket(ctx, evidence, service)
}

func (*ofUser) Close() {}

func wipe(all []kerberos.Credential) {
	for i := range all {
		all[i].SessionKey.Wipe()
	}
}
