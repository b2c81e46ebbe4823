package valkey_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/internal/store/storetest"
	"github.com/wssgate/wssgate/internal/store/valkey"
	"github.com/wssgate/wssgate/replay"
)

// local returns the records of another process.
func local() *replay.Memory { return replay.NewMemory(replay.MemoryConfig{}) }

func newID() (id [32]byte) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

func in(d time.Duration) time.Time { return time.Now().Add(d) }

func TestRecords(t *testing.T) {
	t.Parallel()
	testRecords(t, redistest.Start(t).URL(), valkey.Config{})
}

// testRecords runs the suite of records, each test with a prefix of its own.
func testRecords(t *testing.T, url string, cfg valkey.Config) {
	var made atomic.Int64
	storetest.RunRecords(t, func(t *testing.T, clock func() time.Time) []storetest.Records {
		// Three processes, whose clocks differ as far as the server's allows.
		cfg := cfg
		cfg.Prefix = fmt.Sprint("records", made.Add(1))
		var nodes []storetest.Records
		for _, off := range []time.Duration{0, 25 * time.Second, -25 * time.Second} {
			cfg.Time = func() time.Time { return clock().Add(off) }
			nodes = append(nodes, open(t, url, cfg).Tickets(replay.NewMemory(replay.MemoryConfig{Time: cfg.Time})))
		}
		return nodes
	})
}

// A record stays for as long as any node can accept what it is of: those nodes too
// whose clocks are behind, by as much as is allowed.
func TestRecordsOutliveClockDifferences(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, off := range []time.Duration{-25 * time.Second, 0, 25 * time.Second} {
		s := open(t, server.URL(), valkey.Config{Time: func() time.Time { return time.Now().Add(off) }})
		id, expires := newID(), in(time.Minute)
		if added, err := s.Tickets(local()).Add(t.Context(), id, expires); !added || err != nil {
			t.Fatal(added, err)
		}
		var ms int
		if _, err := fmt.Sscan(server.Do("PTTL", "{wssgate:r}t"+string(id[:])), &ms); err != nil {
			t.Fatal(err)
		}
		// The node that is behind most accepts it until 30 s after expires.
		if left := time.Duration(ms) * time.Millisecond; left < time.Until(expires)+30*time.Second {
			t.Errorf("clock %v off: the record lives %v, and is needed %v", off, left, time.Until(expires)+30*time.Second)
		}
	}
}

// A node whose clock is too far off is refused, and says so. What it does first has
// no node refused whose clock is right.
func TestServerRefusesAClockThatIsOff(t *testing.T) {
	t.Parallel()
	url := redistest.Start(t).URL()
	s := begin(t, url, valkey.Config{Time: func() time.Time { return in(40 * time.Second) }})
	redistest.Until(t, "the clock is noticed", func() bool {
		return strings.Contains(s.Outage().Error(), "clock differs by 40s")
	})
	if added, err := s.Tickets(local()).Add(t.Context(), newID(), in(2*time.Minute)); added || err == nil {
		t.Errorf("added %v, %v", added, err)
	}
	if !accepts(t, open(t, url, valkey.Config{}).Tickets(local()), time.Now()) {
		t.Error("a node whose clock is right refuses what is made now")
	}
}

// A server that evicts records when it is full is refused, before it does.
func TestServerRefusesOneThatEvicts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl")
	s := begin(t, server.URL(), valkey.Config{})
	redistest.Until(t, "it is noticed", func() bool {
		return strings.Contains(s.Outage().Error(), "maxmemory-policy volatile-ttl")
	})
	if added, err := s.Tickets(local()).Add(t.Context(), newID(), in(time.Minute)); added || err == nil {
		t.Errorf("added %v, %v", added, err)
	}
	server.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
	redistest.Until(t, "it works", func() bool { return s.Outage() == nil })
}

// TestRecordsAskTogether: replies are held back until both questions have come. A
// store that waited for the first answer would never ask the second.
func TestRecordsAskTogether(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr)
	s := open(t, proxy.URL(), valkey.Config{})
	tickets, signatures := s.Tickets(local()), s.Signatures(local())
	calls := server.Calls("set")
	proxy.Hold(func(sent []byte) bool { return strings.Count(string(sent), "\r\nNX\r\n") == 2 })
	ctx, answers := store.Later(t.Context())
	if added, err := tickets.AddFor(ctx, "alice@EXAMPLE.COM", newID(), in(time.Minute)); !added || err != nil {
		t.Fatal(added, err)
	}
	wait := signatures.AddLater(t.Context(), "alice@EXAMPLE.COM", newID(), [20]byte{1}, in(time.Minute))
	for name, wait := range map[string]func() (bool, error){"ticket": answers.Wait, "signature": wait} {
		if added, err := wait(); !added || err != nil {
			t.Errorf("%s: %v, %v", name, added, err)
		}
	}
	proxy.Hold(nil)
	if n := server.Calls("set") - calls; n < 2 || n > 4 { // and a look or two at the server
		t.Errorf("%d SETs for two records", n)
	}
}

// Of many presentations of one message at several nodes the one whose token is new
// is accepted, whatever became of the signature's record meanwhile.
func TestRecordsOfOneMessageBelongTogether(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var tickets, signatures [3]*valkey.Records
	for i := range tickets {
		s := open(t, server.URL(), valkey.Config{})
		tickets[i], signatures[i] = s.Tickets(local()), s.Signatures(local())
	}
	for range 50 {
		ticket, signature := newID(), newID()
		var accepted atomic.Int64
		var nodes sync.WaitGroup
		for i := range tickets {
			nodes.Go(func() {
				ctx, answers := store.Later(t.Context())
				_, _ = tickets[i].Add(ctx, ticket, in(time.Minute)) // the answer counts
				wait := signatures[i].AddLater(t.Context(), "", signature, [20]byte(ticket[:20]), in(time.Minute))
				fresh, err1 := answers.Wait()
				once, err2 := wait()
				if err := errors.Join(err1, err2); err != nil {
					t.Error(err)
				}
				if fresh && once {
					accepted.Add(1)
				}
			})
		}
		if nodes.Wait(); accepted.Load() != 1 {
			t.Fatalf("accepted %d times", accepted.Load())
		}
		other := open(t, server.URL(), valkey.Config{}).Signatures(local())
		if once, err := other.AddLater(t.Context(), "", signature, [20]byte{9}, in(time.Minute))(); once || err != nil {
			t.Fatalf("the signature under another token: %v, %v", once, err)
		}
	}
}

// Whoever asked and does not wait any more says nothing about the server.
func TestRecordsOfACancelledCallAreNoOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr)
	s := open(t, proxy.URL(), valkey.Config{})
	records := s.Tickets(local())
	proxy.Silence(true)
	ctx, cancel := context.WithCancel(t.Context())
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() {
			if added, err := records.Add(ctx, newID(), in(time.Minute)); added || !errors.Is(err, context.Canceled) {
				t.Errorf("%v, %v", added, err)
			}
		})
	}
	cancel()
	calls.Wait()
	proxy.Silence(false)
	if err := s.Outage(); err != nil {
		t.Error(err)
	}
	if added, err := records.Add(t.Context(), newID(), in(time.Minute)); !added || err != nil {
		t.Error(added, err)
	}
}

// accepts reports whether authenticators that were made at a time are accepted.
func accepts(t *testing.T, r *valkey.Records, made time.Time) bool {
	t.Helper()
	return r.CompleteFrom(made).Equal(made)
}

// A server that is emptied while nodes use it is noticed with the first record:
// that is refused, and so is from then on what was made before. So a ticket that
// one node has accepted is not accepted by another.
func TestServerNoticesThatItIsEmptied(t *testing.T) {
	t.Parallel()
	for name, empty := range map[string]func(*redistest.Server){
		"flushed": func(s *redistest.Server) { s.Do("FLUSHALL") },
		"restarted empty": func(s *redistest.Server) {
			s.Kill()
			s.Run()
		},
		"database swapped": func(s *redistest.Server) { s.Do("SWAPDB", "0", "1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			a, b := open(t, server.URL(), valkey.Config{}), open(t, server.URL(), valkey.Config{})
			id, made := newID(), time.Now()
			if added, err := a.Tickets(local()).Add(t.Context(), id, in(time.Minute)); !added || err != nil {
				t.Fatal(added, err)
			}
			records := b.Tickets(local())
			if !accepts(t, records, made) {
				t.Fatal("refused before anything was lost")
			}
			empty(server)
			_, err := records.Add(t.Context(), id, in(time.Minute))
			for range 20 { // a connection that is gone is noticed first
				var gone net.Error
				if err == nil || errors.Is(err, valkey.ErrBegunAnew) || errors.As(err, &gone) {
					break
				}
				_, err = records.Add(t.Context(), newID(), in(time.Minute))
			}
			if err == nil {
				t.Fatal("a record was entered that another node had, before the loss was noticed")
			}
			for i, s := range []*valkey.Server{a, b, open(t, server.URL(), valkey.Config{})} {
				records := s.Tickets(local())
				redistest.Until(t, "it is noticed and works again", func() bool {
					added, err := records.Add(t.Context(), newID(), in(time.Minute))
					return added && err == nil
				})
				if accepts(t, records, made) {
					t.Errorf("node %d accepts what was made before", i)
				}
				if now := time.Now(); !accepts(t, records, now) {
					t.Errorf("node %d refuses what is made now", i)
				}
			}
		})
	}
}
