package assembly

import (
	"context"
	"log/slog"
	"sync"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/wssec"
)

// A ticketLog puts what tickets were like into the events of their exchanges,
// and warns of what an administrator should mend: once for each name, not for
// each message. All routes share one.
type ticketLog struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[warning]bool
}

// A warning is logged once.
type warning struct{ what, name string }

// maxWarnings bounds what is remembered, and so what is logged.
const maxWarnings = 1000

// of returns a TokenVerifier for the processor of a route.
func (t *ticketLog) of(a *gss.Acceptor) wssec.TokenVerifier { return loggedAcceptor{a, t} }

type loggedAcceptor struct {
	acceptor *gss.Acceptor
	tickets  *ticketLog
}

// VerifyToken is AcceptBound, with a note in the event of the exchange.
func (l loggedAcceptor) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (wssec.VerifiedToken, error) {
	c, err := l.acceptor.AcceptBound(ctx, token, bindings)
	if err != nil {
		return nil, err
	}
	f := c.Facts()
	gateway.Note(ctx, slog.Group("kerberos",
		"etype", f.TicketEtype, "session_etype", f.SessionEtype, "key_etype", f.KeyEtype, "subkey", f.Subkey,
		"kvno", f.TicketKvno, "keytab_kvno", f.KeytabKvno, "fallback", f.Fallback, "skew", f.Skew, "bound", f.ChannelBound))
	if p := c.PAC(); p != nil && len(p.Withheld) > 0 {
		gateway.Note(ctx, slog.Int("groups_withheld", len(p.Withheld)))
	}
	l.tickets.warnOf(c, f)
	return c, nil
}

// warnOf warns of RC4 and of keys that the KDC no longer uses, or not yet.
func (t *ticketLog) warnOf(c *gss.Authentication, f gss.Facts) {
	name, realm := c.Client()
	if f.TicketEtype == etype.RC4 {
		t.warn(warning{"ticket under an rc4-hmac key", c.Service()}, "service", "cure", "give the service's account AES keys, export its keytab anew, set allow-rc4 back")
	}
	if f.SessionEtype == etype.RC4 || f.KeyEtype == etype.RC4 {
		t.warn(warning{"client with an rc4-hmac key", name + "@" + realm}, "principal", "cure", "allow AES for the client's account and in its krb5.conf or policy")
	}
	if p := c.PAC(); p != nil && len(p.Withheld) > 0 {
		t.warn(warning{"groups of this realm's clients do not count", realm}, "realm", "withheld", len(p.Withheld), "first", p.Withheld[0].String(),
			"cure", "list the realm with the domains of whose groups it may tell in realm-sids; REALM=* if its KDC may put clients into any group")
	}
	if f.Fallback && f.KeytabKvno != 0 { // 0, as of a password without kvno, fits any
		t.warn(warning{"ticket opened with a key of another version", c.Service()}, "service", "kvno", f.TicketKvno, "keytab_kvno", f.KeytabKvno,
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
