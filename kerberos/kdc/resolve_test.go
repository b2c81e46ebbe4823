package kdc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// One look-up of a name is under way at a time, and its answer is used for a
// minute; then for an hour while it is looked up again. Failures are not looked up
// again for some seconds, and do not replace what is known.
func TestAnswersOfDNSAreRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var m remembered[int]
		var looked atomic.Int32
		var down atomic.Bool
		look := func(ctx context.Context) (int, error) {
			n := looked.Add(1)
			time.Sleep(time.Second)
			if down.Load() {
				return 0, errors.New("no answer")
			}
			return int(n), ctx.Err()
		}
		get := func(want int, fails bool, took time.Duration) {
			t.Helper()
			start := time.Now()
			got, err := m.get(t.Context(), "name", 10*time.Second, look)
			if got != want || (err != nil) != fails || time.Since(start) != took {
				t.Errorf("%d, %v, after %v; want %d after %v", got, err, time.Since(start), want, took)
			}
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { get(1, false, time.Second) })
		}
		all.Wait()
		get(1, false, 0)
		time.Sleep(freshFor)
		get(1, false, 0) // and is looked up again
		time.Sleep(2 * time.Second)
		get(2, false, 0)

		down.Store(true)
		time.Sleep(freshFor)
		for range 10 {
			get(2, false, 0)
			time.Sleep(2 * time.Second)
		}
		if n := looked.Load(); n > 7 {
			t.Errorf("looked up %d times", n)
		}
		time.Sleep(freshFor + staleFor)
		get(2, true, time.Second)
		get(2, true, 0)
		time.Sleep(failedFor)
		down.Store(false)
		before := looked.Load()
		get(int(before)+1, false, time.Second)
	})
}

// Whoever asks first may go away: the look-up is for all.
func TestALookUpOutlivesWhoAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var m remembered[int]
		look := func(ctx context.Context) (int, error) {
			select {
			case <-time.After(3 * time.Second):
				return 7, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := m.get(ctx, "name", 10*time.Second, look); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if got, err := m.get(t.Context(), "name", 10*time.Second, look); got != 7 || err != nil {
			t.Error(got, err)
		}
		if _, err := m.get(t.Context(), "other", time.Second, look); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("a look-up has no end", err)
		}
	})
}

func TestFewNamesAreRemembered(t *testing.T) {
	t.Parallel()
	var m remembered[int]
	for n := range 3 * maxRemembered {
		m.get(t.Context(), fmt.Sprint(n), time.Second, func(context.Context) (int, error) { return n, nil })
		if len(m.names) > maxRemembered {
			t.Fatalf("%d names", len(m.names))
		}
	}
}

// RFC 2782: lower priorities first, and more weight more often first.
func TestServiceRecordsAreInOrder(t *testing.T) {
	t.Parallel()
	records := []record{
		{Address{"udp", "b"}, 2, 0}, {Address{"udp", "heavy"}, 1, 90}, {Address{"udp", "light"}, 1, 10},
		{Address{"udp", "none"}, 1, 0}, {Address{"tcp", "t"}, 0, 0},
	}
	first := map[string]int{}
	for range 2000 {
		list := inOrder(records)
		if len(list) != 5 || list[3].Address != "b" || list[4].Network != "tcp" {
			t.Fatal(list)
		}
		first[list[0].Address]++
	}
	if first["heavy"] < 1500 || first["light"] < 100 || first["none"] == 0 || first["none"] > 100 {
		t.Errorf("%v", first)
	}
	if len(records) != 5 || records[1].Address.Address != "heavy" {
		t.Error("the records have changed")
	}
}

// dialAnswers dials KDCs that answer.
var dialAnswers = scriptedDial(func(network, _ string, c net.Conn) { answerBy(network, c, errReply(6)) })

// Hosts are looked up once, and of several addresses that one is used that takes
// connections.
func TestAddressesOfHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log dialled
		var looked atomic.Int32
		alive := "192.0.2.3"
		cfg := TransportConfig{
			Krb5Conf: "[realms]\nA = {\nkdc = tcp/one\n}\nB = {\nkdc = udp/one\n}\n" +
				"C = {\nkdc = [::1]\n}\nNONE = {\nkdc = none\n}\n",
			LookupNetIP: func(_ context.Context, network, host string) (list []netip.Addr, err error) {
				looked.Add(1)
				if host == "none" {
					return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
				}
				for _, a := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
					list = append(list, netip.MustParseAddr(a))
				}
				return list, nil
			},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				log.add(network, address)
				switch {
				case strings.HasPrefix(address, "192.0.2.1"): // silent
					<-ctx.Done()
					return nil, ctx.Err()
				case network == "tcp" && !strings.HasPrefix(address, alive) && !strings.HasPrefix(address, "[::1]"):
					return nil, errors.New("refused")
				}
				return dialAnswers(ctx, network, address)
			}}
		k := newKDCs(t, cfg)
		exchange := func(realm, want string, took time.Duration) {
			t.Helper()
			start := time.Now()
			_, err := k.Exchange(t.Context(), realm, []byte("request"))
			if got := log.take(); err != nil || got != want || time.Since(start) != took {
				t.Errorf("%s: dialled %s after %v, want %s: %v", realm, got, time.Since(start), want, err)
			}
		}
		exchange("A", "tcp/192.0.2.1 tcp/192.0.2.2 tcp/192.0.2.3", nextAddress)
		exchange("A", "tcp/192.0.2.3", 0)
		exchange("B", "udp/192.0.2.3", 0)
		exchange("C", "udp/[::1]", 0)
		if n := looked.Load(); n != 1 {
			t.Errorf("looked up %d times", n)
		}
		if _, err := k.Exchange(t.Context(), "NONE", []byte("request")); err == nil ||
			!strings.Contains(err.Error(), "udp/none:88: lookup none: no such host") {
			t.Error(err)
		}
	})
}

// A host whose look-up takes long holds up no other KDC.
func TestSlowDNSOfOneHostHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKDCs(t, TransportConfig{Krb5Conf: threeKDCs, Patience: 250 * time.Millisecond, Timeout: 5 * time.Second,
			LookupNetIP: func(ctx context.Context, _, host string) ([]netip.Addr, error) {
				if host == "one" {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return []netip.Addr{netip.MustParseAddr("192.0.2.2")}, nil
			},
			Dial: dialAnswers})
		start := time.Now()
		answer, err := k.Ask(t.Context(), "A", []byte("request"))
		if err != nil || answer.From != (Address{"udp", "two:88"}) || time.Since(start) != 250*time.Millisecond {
			t.Errorf("%v after %v: %v", answer.From, time.Since(start), err)
		}
		time.Sleep(5 * time.Second) // the look-up ends
	})
}
