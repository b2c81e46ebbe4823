package keytab

import (
	"context"
)

// A Source is where a keytab comes from. Keytab returns the one to use now,
// never nil, and is safe for concurrent use.
type Source interface {
	Keytab() *Keytab
}

// A Refresher is a [Source] that can look for new keys. A gss.Acceptor asks it
// before it refuses a ticket that no key fits.
type Refresher interface {
	Source
	// RefreshKeytab returns a keytab other than old, or nil if there is none.
	// newer is set if the ticket claims a newer key version than any of its
	// principal in old: then it may wait a moment for a new keytab, until ctx
	// ends. Anyone can send such tickets, so many of them must not cost much.
	// It is safe for concurrent use.
	RefreshKeytab(ctx context.Context, old *Keytab, newer bool) *Keytab
}
