package assembly

import (
	"context"
	"log/slog"
	"sync"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/wssec"
)

// A ticketLog adds facts about tickets to the events of their exchanges, and
// warns of what an administrator should mend, once for each name and not for
// each message. All routes share one.
type ticketLog struct {
	log      *slog.Logger
	operator *Operator // nil: nobody counts

	mu   sync.Mutex
	said map[warning]bool
}

// A warning is logged once.
type warning struct{ what, name string }

// maxWarnings bounds what is remembered, and so what is logged.
const maxWarnings = 1000

// A routeTickets is the ticketLog of a route's clients.
type routeTickets struct {
	*ticketLog
	listsGroups bool // so that a client without groups is refused
}

func (t *ticketLog) ofRoute(r *config.Route) routeTickets { return routeTickets{t, r.ListsGroups()} }

// of returns a TokenVerifier for the processor of the route.
func (t routeTickets) of(a *gss.Acceptor) wssec.TokenVerifier { return loggedAcceptor{a, t} }

type loggedAcceptor struct {
	acceptor *gss.Acceptor
	tickets  routeTickets
}

// VerifyToken is [gss.Acceptor.AcceptBound], and notes the ticket.
func (l loggedAcceptor) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (wssec.VerifiedToken, error) {
	c, err := l.acceptor.AcceptBound(ctx, token, bindings)
	if err != nil {
		return nil, err
	}
	l.tickets.note(ctx, c)
	return c, nil
}

// note adds what a ticket was like to the event of the exchange.
func (t routeTickets) note(ctx context.Context, c *gss.Authentication) {
	f := c.Facts()
	t.operator.ticket(f)
	gateway.Note(ctx, slog.Group("kerberos",
		"etype", f.TicketEtype, "session_etype", f.SessionEtype, "key_etype", f.KeyEtype, "subkey", f.Subkey,
		"kvno", f.TicketKvno, "keytab_kvno", f.KeytabKvno, "fallback", f.Fallback, "skew_ns", int64(f.Skew),
		"bound", f.ChannelBound))
	if p := c.PAC(); p != nil && len(p.Withheld) > 0 {
		gateway.Note(ctx, slog.Int("groups_withheld", len(p.Withheld)))
	}
	t.warnOf(c, f)
}

// warnOf warns of RC4, of groups that are missing or do not count, and of keys that the KDC
// does not use, no longer or not yet.
func (t routeTickets) warnOf(c *gss.Authentication, f gss.Facts) {
	name, realm := c.Client()
	if f.TicketEtype == etype.RC4 {
		t.warn(warning{"ticket under an rc4-hmac key", c.Service()}, "service",
			"cure", "give the service's account AES keys, export its keytab anew, and remove allow-rc4")
	}
	if f.SessionEtype == etype.RC4 || f.KeyEtype == etype.RC4 {
		t.warn(warning{"client with an rc4-hmac key", name + "@" + realm}, "principal",
			"cure", "allow AES for the client's account and in its krb5.conf or policy")
	}
	if p := c.PAC(); t.listsGroups && (p == nil || p.Logon == nil) {
		t.warn(warning{"a ticket names no groups, and the route lists some: its client is refused", c.Service()},
			"service", "principal", name+"@"+realm,
			"cure", "Active Directory, Samba and FreeIPA write groups into tickets (a PAC with LOGON_INFO), unless the "+
				"client has asked for a ticket without or the service's account is exempt (NO_AUTH_DATA_REQUIRED). MIT's KDC "+
				"without a directory writes none: name principals instead of groups")
	} else if p != nil && len(p.Withheld) > 0 {
		t.warn(warning{"groups of this realm's clients do not count", realm}, "realm",
			"withheld", len(p.Withheld), "first", p.Withheld[0].String(),
			"cure", "list the realm in realm-sids with the domains whose groups its clients may have; "+
				"REALM=* if its KDC may put clients into any group")
	}
	if f.Fallback && f.KeytabKvno != 0 { // 0, as of a password without kvno, fits any
		t.warn(warning{"ticket opened with a key of another version", c.Service()}, "service",
			"kvno", f.TicketKvno, "keytab_kvno", f.KeytabKvno,
			"cure", "export the keytab anew, keeping the old key for the life of a ticket")
	}
}

// warn logs w once; key is the attribute that its name gets.
func (t *ticketLog) warn(w warning, key string, attrs ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said[w] || len(t.said) >= maxWarnings {
		return
	}
	if t.said == nil {
		t.said = map[warning]bool{}
	}
	t.said[w] = true
	t.log.Warn(w.what, append([]any{key, w.name}, attrs...)...)
}
