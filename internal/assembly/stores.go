package assembly

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/internal/store/valkey"
	"github.com/wssgate/wssgate/internal/stores"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/wssec"
)

// sharedBy returns what a route shares with others, and with other nodes if it has
// a store.
func (a *assembler) sharedBy(r *config.Route) *shared {
	server := a.Replay.stores.Of(r)
	switch {
	case r.Shadow:
		return &a.shadow
	case server == nil:
		return &a.all
	}
	key := r.Store + "\n" + r.SignatureRecords
	if a.remote[key] == nil {
		if a.remote == nil {
			a.remote = map[string]*shared{}
		}
		a.remote[key] = a.all.on(server, a.Settings, r.SignatureRecords == "node")
	}
	return a.remote[key]
}

// on returns what is shared by routes of a store. Records of what was accepted are
// in the process as well, those of signatures only there if ownSignatures is set.
func (s *shared) on(server *valkey.Server, cfg *config.Config, ownSignatures bool) *shared {
	remote := *s
	remote.server = server
	if local, ok := s.messages.(valkey.Local); ok && !ownSignatures {
		remote.messages = server.Signatures(local)
	}
	remote.contexts = contextStores{
		halfOpen: server.Entries(valkey.Negotiations, valkey.EntriesConfig{
			MaxEntries: cfg.MaxNegotiations, MaxEntryBytes: maxHalfOpen,
		}),
		contexts: server.Entries(valkey.Contexts, valkey.EntriesConfig{MaxEntries: cfg.MaxContexts}),
		keys:     s.contexts.keys,
	}
	return &remote
}

// sharedTickets returns the records of tickets in the store, nil without one.
func (s *shared) sharedTickets() gss.ReplayStore {
	local, ok := s.records.store.(valkey.Local)
	if s.server == nil || !ok {
		return nil
	}
	return s.server.Tickets(local)
}

// onAllNodes returns the tokens of a scope, on all nodes if there is a store.
func (s *shared) onAllNodes(local wssec.TokenCache, scope string) wssec.TokenCache {
	if s.server == nil {
		return local
	}
	return stores.NewTokens(local, s.server.Entries(valkey.Tokens, valkey.EntriesConfig{}), s.contexts.keys, scope)
}

// verifier returns the TokenVerifier of a route's messages.
func (s *shared) verifier(r *config.Route, a *gss.Acceptor) wssec.TokenVerifier {
	tickets := s.tickets.ofRoute(r)
	if s.server == nil {
		return tickets.of(a)
	}
	return remoteAcceptor{a, tickets, s.server}
}

// A remoteAcceptor is a loggedAcceptor whose replay records are in a store, which
// is asked for the signature of the message meanwhile.
type remoteAcceptor struct {
	acceptor *gss.Acceptor
	tickets  routeTickets
	server   *valkey.Server
}

// VerifyToken is [gss.Acceptor.AcceptBound]. Whether the token is new is known at
// Confirm.
func (r remoteAcceptor) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (wssec.VerifiedToken, error) {
	later, answers := store.Later(ctx)
	c, err := r.acceptor.AcceptBound(later, token, bindings)
	if err != nil {
		return nil, err
	}
	return &pendingToken{c, sync.OnceValue(func() error {
		added, err := answers.Wait()
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return &kerberos.Error{Code: kerberos.CodeReplayStore,
				Detail: "authenticator cannot be remembered, so it is not accepted", Err: err}
		case !added:
			name, realm := c.Client()
			return &kerberos.Error{Code: kerberos.CodeReplay, Detail: fmt.Sprintf(
				"authenticator of %s@%s was presented before, at another node", name, realm)}
		}
		if err := r.checkHistory(c); err != nil {
			return err
		}
		r.tickets.note(ctx, c)
		return nil
	})}, nil
}

// checkHistory refuses an authenticator, which was entered, if the store turned out
// meanwhile to have lost those of its time.
func (r remoteAcceptor) checkHistory(c *gss.Authentication) error {
	f := c.Facts()
	from := r.server.CompleteSince()
	if !f.ClientTime.Before(from) {
		return nil
	}
	return &kerberos.Error{Code: kerberos.CodeBeforeStart, Skew: f.Skew, Detail: fmt.Sprintf(
		"authenticator is of %s, and which ones made before %s were accepted is not known: a new one is accepted",
		f.ClientTime.Format(time.RFC3339Nano), from.UTC().Format(time.RFC3339Nano))}
}

// A pendingToken is a token of which the store is still being asked.
type pendingToken struct {
	*gss.Authentication
	confirm func() error
}

// Confirm waits for the store.
func (p *pendingToken) Confirm() error { return p.confirm() }

// contextsShown returns the stores whose entries the operator is shown.
func (a *assembler) contextsShown() *contextStores {
	for _, remote := range a.remote {
		return &remote.contexts
	}
	return &a.all.contexts
}
