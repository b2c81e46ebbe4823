package kerberos

import (
	"sync"
	"testing"
	"time"
)

// TestAuthenticatorsHaveTheirOwnTime: under a clock that stands still, and from many goroutines, no two authenticators
// have the same ctime and cusec, with copies of one ticket and with the tickets of one initiator.
func TestAuthenticatorsHaveTheirOwnTime(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 999_999_000, time.UTC)
	var shared authClock
	tickets := make([]ServiceTicket, 4)
	for i := range tickets {
		key, err := generateKey(EtypeAES128SHA1)
		if err != nil {
			t.Fatal(err)
		}
		tickets[i] = ServiceTicket{Client: Principal{[]string{"alice"}, "EXAMPLE.COM"}, Service: Principal{[]string{"s"}, "EXAMPLE.COM"},
			Ticket: derElement(tagApplication(1), derElement(tagSequence,
				derField(0, tagInteger, derInteger(pvno)), derField(1, tagGeneralString, []byte("EXAMPLE.COM")),
				derElement(tagContext(2), derName(1, []string{"s"})),
				derElement(tagContext(3), derEncryptedData(18, make([]byte, 64))))),
			SessionKey: key.sharing(&shared)}
	}
	var mu sync.Mutex
	seen := make(map[int64]bool)
	var wg sync.WaitGroup
	const each = 200
	for i := range 2 * len(tickets) {
		wg.Go(func() {
			ticket := tickets[i%len(tickets)]
			for range each {
				token, _, err := NewToken(ticket, InitOptions{Bare: true, Time: func() time.Time { return now }})
				if err != nil {
					t.Error(err)
					return
				}
				at := authenticatorTime(t, token, ticket.SessionKey)
				mu.Lock()
				if seen[at.UnixMicro()] {
					t.Errorf("two authenticators of %v", at)
				}
				seen[at.UnixMicro()] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 2*len(tickets)*each {
		t.Errorf("%d times", len(seen))
	}
}

func authenticatorTime(t *testing.T, token []byte, key Key) time.Time {
	r, err := parseAPReq(token)
	if err != nil {
		t.Error(err)
		return time.Time{}
	}
	plain, err := newUsageKey(key, usageAuthenticator).open(nil, r.authenticator.cipher)
	if err != nil {
		t.Error(err)
		return time.Time{}
	}
	a, err := parseAuthenticator(plain)
	if err != nil {
		t.Error(err)
	}
	return a.ctime
}

// TestAuthClockFollowsTheClock: times are the clock's, do not run ahead of one that was set back, and stay close to one
// that stands still.
func TestAuthClockFollowsTheClock(t *testing.T) {
	var c authClock
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, step := range []struct {
		clock, want time.Duration
	}{
		{0, 0}, {0, time.Microsecond}, {time.Second, time.Second}, {0, time.Second + time.Microsecond},
		{-58 * time.Second, time.Second + 2*time.Microsecond}, // as InitOptions.Time says: up to a minute behind the last
		{-time.Hour, -time.Hour}, {-time.Hour, -time.Hour + time.Microsecond}, {0, 0},
	} {
		if got := c.next(now.Add(step.clock)).Sub(now); got != step.want {
			t.Errorf("at %v: %v, want %v", step.clock, got, step.want)
		}
	}
}
