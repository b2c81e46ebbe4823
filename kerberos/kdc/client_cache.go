package kdc

import (
	"context"
	"errors"
	"time"

	"github.com/wssgate/wssgate/kerberos"
)

const (
	maxTickets    = 1024             // kept by a Client
	maxSpare      = 2 * time.Minute  // before its end a ticket is not used any more
	maxFlight     = 2 * time.Minute  // of all exchanges for one ticket
	renewPause    = 10 * time.Second // between renewals that go on beside requests
	renewFraction = 5                // a ticket-granting ticket is renewed in the last fifth of its life
)

var errClosed = errors.New("kerberos: initiator is closed")

type cachedTicket struct {
	ticket kerberos.Credential
	used   uint64
}

// ticketLife returns how long the ticket was made for.
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

// ticketUsable reports whether the ticket lasts long enough to be used: to a tenth of its life before its end, or two
// minutes.
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

// handOut returns a ticket with a key of its own, which Close does not wipe.
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

// cached is the ticket that was got for key, if it is usable.
func (i *Client) cached(key string) (kerberos.Credential, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.tickets[key]
	if c == nil || !ticketUsable(&c.ticket, i.cfg.Time()) {
		return kerberos.Credential{}, false
	}
	i.used++
	c.used = i.used
	return c.ticket, true
}

// store keeps a ticket. When there is no room, one that has ended goes, or else the one that was not used for longest.
func (i *Client) store(key string, t kerberos.Credential) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		t.SessionKey.Wipe()
		return
	}
	if _, there := i.tickets[key]; !there && len(i.tickets) >= maxTickets {
		now, oldest := i.cfg.Time(), ""
		for k, c := range i.tickets {
			if !c.ticket.EndTime.After(now) {
				oldest = k
				break
			}
			if k != homeKey && (oldest == "" || c.used < i.tickets[oldest].used) {
				oldest = k
			}
		}
		delete(i.tickets, oldest)
	}
	i.used++
	i.tickets[key] = &cachedTicket{t, i.used}
}

// A flight is one request for a ticket, for all who want it.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int // guarded by Client.mu
	ticket  kerberos.Credential
	err     error
}

// share runs fetch, or waits for the run that is under way for this key, and keeps the ticket under it. With the key ""
// it shares and keeps nothing. The run ends when nobody waits for it any more.
func (i *Client) share(ctx context.Context, key string, fetch func(context.Context) (kerberos.Credential, error)) (kerberos.Credential, error) {
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
func (i *Client) board(ctx context.Context, key string, fetch func(context.Context) (kerberos.Credential, error)) (*flight, error) {
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

func (i *Client) fly(ctx context.Context, key string, f *flight, fetch func(context.Context) (kerberos.Credential, error)) {
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
	if i.flights[key] == f { // who comes now starts anew
		delete(i.flights, key)
	}
}
