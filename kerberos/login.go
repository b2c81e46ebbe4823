package kerberos

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/keytab"
)

// InitiatorConfig configures an Initiator: who, with which secret, and where the KDC is.
type InitiatorConfig struct {
	Client   string  // "alice@EXAMPLE.COM"
	Password string  // or
	Keytab   *Keytab // with a key of Client
	Krb5Conf string  // text of a krb5.conf
}

// An Initiator is a client that gets tickets from a KDC. It is safe for concurrent use. Close it.
type Initiator struct {
	who Principal

	mu sync.Mutex // gokrb5's login changes its settings without a lock
	cl *client.Client
}

// NewInitiator makes an Initiator. It does not talk to the KDC yet.
func NewInitiator(cfg InitiatorConfig) (*Initiator, error) {
	who, err := ParsePrincipal(cfg.Client)
	if err != nil || who.Realm == "" {
		return nil, fmt.Errorf("kerberos: client %q is not name@REALM", cfg.Client)
	}
	conf, err := config.NewFromString(cfg.Krb5Conf)
	if err != nil {
		return nil, fmt.Errorf("kerberos: krb5.conf: %w", err)
	}
	i := &Initiator{who: who}
	switch {
	case cfg.Keytab != nil:
		raw, err := cfg.Keytab.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		kt := keytab.New()
		if err := kt.Unmarshal(raw); err != nil {
			return nil, errors.New("kerberos: keytab cannot be used by the client") // the cause may hold key octets
		}
		i.cl = client.NewWithKeytab(who.Name(), who.Realm, kt, conf, client.DisablePAFXFAST(true))
	case cfg.Password != "":
		i.cl = client.NewWithPassword(who.Name(), who.Realm, cfg.Password, conf, client.DisablePAFXFAST(true))
	default:
		return nil, errors.New("kerberos: initiator without password and keytab")
	}
	return i, nil
}

// ServiceTicket gets a ticket for a service of the client's realm, "soap/gw.example.com", from the KDC or, while it is
// valid, from memory. The ticket's EndTime is not known to it and zero. When ctx ends first it returns at once; the
// exchange under way ends by itself, within the library's five seconds for each KDC.
func (i *Initiator) ServiceTicket(ctx context.Context, service string) (ServiceTicket, error) {
	type result struct {
		t   ServiceTicket
		err error
	}
	done := make(chan result, 1)
	go func() {
		t, err := i.get(service)
		done <- result{t, err}
	}()
	select {
	case r := <-done:
		return r.t, r.err
	case <-ctx.Done():
		return ServiceTicket{}, ctx.Err()
	}
}

func (i *Initiator) get(service string) (ServiceTicket, error) {
	name, err := ParsePrincipal(service)
	if err != nil {
		return ServiceTicket{}, fmt.Errorf("kerberos: service: %w", err)
	}
	i.mu.Lock()
	ticket, key, err := i.cl.GetServiceTicket(name.Name())
	i.mu.Unlock()
	if err != nil {
		return ServiceTicket{}, fmt.Errorf("kerberos: ticket for %s: %w", service, err)
	}
	der, err := ticket.Marshal()
	if err != nil {
		return ServiceTicket{}, fmt.Errorf("kerberos: ticket for %s: %w", service, err)
	}
	session, err := NewKey(key.KeyType, key.KeyValue)
	if err != nil {
		return ServiceTicket{}, fmt.Errorf("kerberos: ticket for %s: %w", service, err)
	}
	return ServiceTicket{Client: i.who, Service: Principal{name.Components, ticket.Realm}, Ticket: der, SessionKey: session}, nil
}

// Close forgets tickets and keys.
func (i *Initiator) Close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cl.Destroy()
}
