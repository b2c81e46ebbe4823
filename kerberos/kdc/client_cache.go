package kdc

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
)

const (
	maxTickets    = 1024             // kept by a Client, and as many in the names of users
	maxSpare      = 2 * time.Minute  // a ticket is not used any more so long before its end
	maxFlight     = 2 * time.Minute  // limit for all exchanges for one ticket
	renewPause    = 10 * time.Second // between renewals in the background
	renewFraction = 5                // a ticket-granting ticket is renewed in the last fifth of its life
)

var errClosed = errors.New("kerberos: client is closed")

type cachedTicket struct {
	ticket kerberos.Credential
	used   uint64
}

// ticketLife returns the time from the ticket's start to its end, or 0 if that
// is not known.
func ticketLife(t *kerberos.Credential) time.Duration {
	start := t.StartTime
	if start.IsZero() {
		start = t.AuthTime
	}
	if start.IsZero() || t.EndTime.Before(start) {
		return 0
	}
	return t.EndTime.Sub(start)
}

// ticketUsable reports whether the ticket lasts long enough to be used: another
// tenth of its life, or two minutes.
func ticketUsable(t *kerberos.Credential, now time.Time) bool {
	return now.Add(min(maxSpare, ticketLife(t)/10)).Before(t.EndTime)
}

// renewalDue reports whether it is time to renew.
func renewalDue(t *kerberos.Credential, now time.Time) bool { return !now.Before(renewalTime(t)) }

func renewalTime(t *kerberos.Credential) time.Time {
	return t.EndTime.Add(-ticketLife(t) / renewFraction)
}

func ticketRenewable(t *kerberos.Credential, now time.Time) bool {
	return t.Flags&kerberos.FlagRenewable != 0 && t.RenewTill.After(now) && t.EndTime.After(now)
}

// handOut returns the ticket with a copy of its key, which Close does not wipe.
func (i *Client) handOut(t kerberos.Credential, err error) (kerberos.Credential, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err == nil && i.closed {
		err = errClosed
	}
	if err != nil {
		return kerberos.Credential{}, err
	}
	t.SessionKey = t.SessionKey.Clone()
	return t, nil
}

// kept returns the tickets that one under key is among: those in the names of
// users do not displace the client's own. The caller holds i.mu.
func (i *Client) kept(key string) map[string]*cachedTicket {
	if strings.HasPrefix(key, userKey) {
		return i.users
	}
	return i.tickets
}

// cached returns the ticket under key, if it is usable.
func (i *Client) cached(key string) (kerberos.Credential, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.kept(key)[key]
	if c == nil || !ticketUsable(&c.ticket, i.cfg.Time()) {
		return kerberos.Credential{}, false
	}
	i.used++
	c.used = i.used
	return c.ticket, true
}

// store keeps a ticket under key. If there is no room it drops a ticket that
// has ended, or else the least recently used one.
func (i *Client) store(key string, t kerberos.Credential) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		t.SessionKey.Wipe()
		return
	}
	tickets := i.kept(key)
	if _, there := tickets[key]; !there && len(tickets) >= maxTickets {
		now, oldest := i.cfg.Time(), ""
		for k, c := range tickets {
			if !c.ticket.EndTime.After(now) {
				oldest = k
				break
			}
			if k != homeKey && (oldest == "" || c.used < tickets[oldest].used) {
				oldest = k
			}
		}
		delete(tickets, oldest)
	}
	i.used++
	tickets[key] = &cachedTicket{t, i.used}
}

// A fetcher gets a ticket from a KDC.
type fetcher func(context.Context) (kerberos.Credential, error)

// A flight is one request for a ticket, for all calls that want it.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int // guarded by Client.mu
	ticket  kerberos.Credential
	err     error
}

// share calls fetch, or waits for the call under way for the same key, and
// keeps the ticket under key. With the key "" it neither shares nor keeps. The
// call is canceled when nobody waits for it any more.
func (i *Client) share(ctx context.Context, key string, fetch fetcher) (kerberos.Credential, error) {
	f, err := i.board(ctx, key, fetch)
	if err != nil {
		return kerberos.Credential{}, err
	}
	select {
	case <-f.done:
		return f.ticket, f.err
	case <-ctx.Done():
		i.leave(key, f)
		return kerberos.Credential{}, ctx.Err()
	}
}

// board joins the flight for key, or starts it.
func (i *Client) board(ctx context.Context, key string, fetch fetcher) (*flight, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if i.closed {
		return nil, errClosed
	}
	if f := i.flights[key]; f != nil {
		f.waiters++
		return f, nil
	}
	f := &flight{done: make(chan struct{}), waiters: 1}
	ctx, f.cancel = context.WithTimeout(context.WithoutCancel(ctx), maxFlight)
	i.open[f] = true
	if key != "" {
		i.flights[key] = f
	}
	i.running.Go(func() { i.fly(ctx, key, f, fetch) })
	return f, nil
}

func (i *Client) fly(ctx context.Context, key string, f *flight, fetch fetcher) {
	defer close(f.done)
	defer f.cancel()
	f.ticket, f.err = fetch(ctx)
	if f.err == nil && key != "" {
		i.store(key, f.ticket)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.open, f)
	if i.flights[key] == f {
		delete(i.flights, key)
	}
	if i.closed {
		f.ticket, f.err = kerberos.Credential{}, errClosed
	}
}

func (i *Client) leave(key string, f *flight) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if f.waiters--; f.waiters > 0 {
		return
	}
	f.cancel()
	if i.flights[key] == f { // the next request starts anew
		delete(i.flights, key)
	}
}
