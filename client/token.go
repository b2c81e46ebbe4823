package client

import (
	"context"
	"errors"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// kerberosTokens makes a Kerberos token for each message (Kerberos Token Profile
// 1.1.1 §3): its authenticator is fresh, the ticket behind it is good for many.
type kerberosTokens struct{ cfg *Config }

func (k kerberosTokens) token(ctx context.Context, _ soap.Version) (wssec.OutgoingToken, error) {
	ticket, err := k.cfg.Tickets.ServiceTicket(ctx, k.cfg.Service)
	if err != nil {
		return wssec.OutgoingToken{}, err
	}
	bindings, err := k.cfg.bindings(ctx)
	if err != nil {
		return wssec.OutgoingToken{}, err
	}
	delegate, err := k.cfg.delegated(ctx, &ticket)
	if err != nil {
		return wssec.OutgoingToken{}, err
	}
	token, key, err := gss.NewToken(ticket,
		gss.TokenOptions{ChannelBindings: bindings, Delegate: delegate, Time: k.cfg.Time})
	if err != nil {
		return wssec.OutgoingToken{}, err
	}
	return wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}, nil
}

// delegated returns the credential to delegate to the service of a ticket, nil for
// none.
func (cfg *Config) delegated(ctx context.Context, ticket *kerberos.Credential) (*kerberos.Credential, error) {
	if !cfg.Delegate || ticket.Flags&kerberos.FlagOKAsDelegate == 0 {
		return nil, nil
	}
	source, ok := cfg.Tickets.(interface {
		Forwarded(context.Context) (kerberos.Credential, error)
	})
	if !ok {
		return nil, errors.New("client: Config.Delegate is set, and Tickets has nothing to delegate")
	}
	tgt, err := source.Forwarded(ctx)
	return &tgt, err
}

// refused forgets the ticket: the service may have got new keys.
func (k kerberosTokens) refused(wssec.OutgoingToken) { k.cfg.Tickets.Forget(k.cfg.Service) }

func (kerberosTokens) close(context.Context) error { return nil }
