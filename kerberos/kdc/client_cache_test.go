package kdc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
)

// TestClientSharesRequests: concurrent callers share an exchange, which ends
// when nobody waits for it, and not before.
func TestClientSharesRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &fakeKDC{hold: make(chan struct{})}
		i := fakeClient(t, k, ClientConfig{})
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		results := make([]error, 20)
		for n := range results {
			wg.Go(func() {
				ctx := ctx
				if n%2 == 0 {
					ctx = t.Context()
				}
				_, results[n] = i.ServiceTicket(ctx, "soap/gw")
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(k.hold)
		wg.Wait()
		for n, err := range results {
			if n%2 == 0 && err != nil || n%2 == 1 && !errors.Is(err, context.Canceled) {
				t.Errorf("%d: %v", n, err)
			}
		}
		if len(k.requests) != 2 {
			t.Errorf("%d requests: %v", len(k.requests), k.requests)
		}
		k.hold = make(chan struct{})
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := i.ServiceTicket(short, "soap/other"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		synctest.Wait()
		i.mu.Lock()
		if len(i.open)+len(i.flights) != 0 {
			t.Errorf("%d exchanges go on for nobody", len(i.open))
		}
		i.mu.Unlock()
	})
}

// TestClientBoundsTickets: the least recently used tickets are dropped, the
// ticket-granting ticket never.
func TestClientBoundsTickets(t *testing.T) {
	t.Parallel()
	k := &fakeKDC{}
	i := fakeClient(t, k, ClientConfig{})
	if _, err := i.ServiceTicket(t.Context(), "soap/first"); err != nil {
		t.Fatal(err)
	}
	first, _ := i.cached("service soap/first")
	for n := range maxTickets + 10 {
		i.store(fmt.Sprintf("service %d", n), first)
		i.cached("service soap/first")
	}
	_, home := i.cached(homeKey)
	_, used := i.cached("service soap/first")
	_, unused := i.cached("service 3")
	if len(i.tickets) != maxTickets || !home || !used || unused {
		t.Error(len(i.tickets), home, used, unused)
	}
}

// TestCloseWipesSecrets: Close ends exchanges under way, wipes the keys that
// the client keeps, and not those that it returned.
func TestCloseWipesSecrets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &fakeKDC{}
		i := fakeClient(t, k, ClientConfig{})
		given, err := i.ServiceTicket(t.Context(), "soap/a")
		if err != nil {
			t.Fatal(err)
		}
		kept, _ := i.cached(homeKey)
		k.hold = make(chan struct{})
		var waiting error
		go func() { _, waiting = i.ServiceTicket(t.Context(), "soap/b") }()
		synctest.Wait()
		i.Close()
		synctest.Wait()
		if !errors.Is(waiting, errClosed) {
			t.Error(waiting)
		}
		if _, err := i.ServiceTicket(t.Context(), "soap/a"); !errors.Is(err, errClosed) {
			t.Error(err)
		}
		if _, err := i.Forwarded(t.Context()); !errors.Is(err, errClosed) {
			t.Error(err)
		}
		zero := make([]byte, 32)
		if !bytes.Equal(kept.SessionKey.ExposeKeyOctets(), zero) || bytes.Equal(given.SessionKey.ExposeKeyOctets(), zero) {
			t.Error("key kept, or taken from its owner")
		}
		i.Close()
	})
}

// TestClientIsSafeForConcurrentUse is for the race detector.
func TestClientIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	k := &fakeKDC{}
	i := fakeClient(t, k, ClientConfig{Forwardable: true})
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for m := range 20 {
				ticket, err := i.ServiceTicket(t.Context(), fmt.Sprintf("soap/%d", (n+m)%5))
				if err == nil {
					_, _, err = gss.NewToken(ticket, gss.TokenOptions{})
				}
				if err == nil && m%7 == 0 {
					i.Forget("soap/1")
					_, err = i.Forwarded(t.Context())
				}
				if err != nil && !errors.Is(err, errClosed) {
					t.Error(err)
				}
				if n == 7 && m == 19 {
					i.Close()
				}
			}
		})
	}
	wg.Wait()
}
