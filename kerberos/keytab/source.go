package keytab

import (
	"context"
)

// A Source has a keytab that is good now. Keytab never returns nil and is safe for concurrent use.
type Source interface {
	Keytab() *Keytab
}

// A Refresher is a Source that can look for keys when there is none for a ticket; a gss.Acceptor asks it before it
// refuses.
type Refresher interface {
	Source
	// RefreshKeytab returns a keytab other than old, if there is one, else nil. With newer the ticket is, as it says, of a
	// newer key version than any of its principal in old, so that it may be worth waiting a moment for it, while ctx
	// lasts. Tickets are others' claims: that there are many of them must not cost much.
	RefreshKeytab(ctx context.Context, old *Keytab, newer bool) *Keytab
}
