package kerberos

import (
	"context"
	"errors"
	"time"
)

const (
	maxTickets    = 1024             // kept by an Initiator
	maxSpare      = 2 * time.Minute  // before its end a ticket is not used any more
	maxFlight     = 2 * time.Minute  // of all exchanges for one ticket
	renewPause    = 10 * time.Second // between renewals that go on beside requests
	renewFraction = 5                // a ticket-granting ticket is renewed in the last fifth of its life
)

var errClosed = errors.New("kerberos: initiator is closed")

type cachedTicket struct {
	ticket ServiceTicket
	used   uint64
}

// life is how long the ticket was made for.
func ticketLife(t *ServiceTicket) time.Duration {
	start := t.StartTime
	if start.IsZero() {
		start = t.AuthTime
	}
	if start.IsZero() || t.EndTime.Before(start) {
		return 0
	}
	return t.EndTime.Sub(start)
}

// usable says whether the ticket lasts long enough to be used: to a tenth of its life before its end, or two minutes.
func ticketUsable(t *ServiceTicket, now time.Time) bool {
	return now.Add(min(maxSpare, ticketLife(t)/10)).Before(t.EndTime)
}

// due says whether it is time to renew.
func renewalDue(t *ServiceTicket, now time.Time) bool { return !now.Before(renewalTime(t)) }

func renewalTime(t *ServiceTicket) time.Time { return t.EndTime.Add(-ticketLife(t) / renewFraction) }

func ticketRenewable(t *ServiceTicket, now time.Time) bool {
	return t.Flags&FlagRenewable != 0 && t.RenewTill.After(now) && t.EndTime.After(now)
}

// handOut gives a ticket with a key of its own, which Close does not wipe.
func (i *Initiator) handOut(t ServiceTicket, err error) (ServiceTicket, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err == nil && i.closed {
		err = errClosed
	}
	if err != nil {
		return ServiceTicket{}, err
	}
	t.SessionKey = t.SessionKey.clone()
	return t, nil
}

// cached is the ticket that was got for key, if it is usable.
func (i *Initiator) cached(key string) (ServiceTicket, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.tickets[key]
	if c == nil || !ticketUsable(&c.ticket, i.cfg.Time()) {
		return ServiceTicket{}, false
	}
	i.used++
	c.used = i.used
	return c.ticket, true
}

// store keeps a ticket. When there is no room, one that has ended goes, or else the one that was not used for longest.
func (i *Initiator) store(key string, t ServiceTicket) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		t.SessionKey.wipe()
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
	waiters int // guarded by Initiator.mu
	ticket  ServiceTicket
	err     error
}

// share runs fetch, or waits for the run that is under way for this key, and keeps the ticket under it. With the key "" it
// shares and keeps nothing. The run ends when nobody waits for it any more.
func (i *Initiator) share(ctx context.Context, key string, fetch func(context.Context) (ServiceTicket, error)) (ServiceTicket, error) {
	f, err := i.board(ctx, key, fetch)
	if err != nil {
		return ServiceTicket{}, err
	}
	select {
	case <-f.done:
		return f.ticket, f.err
	case <-ctx.Done():
		i.leave(key, f)
		return ServiceTicket{}, ctx.Err()
	}
}

// board joins the flight for key, or starts it.
func (i *Initiator) board(ctx context.Context, key string, fetch func(context.Context) (ServiceTicket, error)) (*flight, error) {
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

func (i *Initiator) fly(ctx context.Context, key string, f *flight, fetch func(context.Context) (ServiceTicket, error)) {
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
		f.ticket, f.err = ServiceTicket{}, errClosed
	}
}

func (i *Initiator) leave(key string, f *flight) {
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
