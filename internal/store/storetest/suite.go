package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Store is what is tested. It has the methods of wssec.ContextStore.
type Store interface {
	Add(ctx context.Context, id string, entry []byte, client string, expires time.Time) (added bool, err error)
	Get(ctx context.Context, id string) (entry []byte, err error)
	Swap(ctx context.Context, id string, old, entry []byte, expires time.Time) (swapped bool, err error)
	Take(ctx context.Context, id string) (entry []byte, err error)
	Len() int
}

// Limits are those that a test wants of its store. Zero: enough for the test,
// some 10,000 entries.
type Limits struct {
	Entries       int // in all
	EntryBytes    int // of one
	ClientEntries int // of one client
	// Time is the store's clock.
	Time func() time.Time
}

// Make makes an empty store, which no other test sees.
type Make func(t *testing.T, l Limits) Store

// Run runs all tests.
func Run(t *testing.T, make Make) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*tester)
	}{
		{"AddEntersOnce", (*tester).addEntersOnce},
		{"GetFindsWhatWasAdded", (*tester).getFinds},
		{"TakeRemoves", (*tester).takeRemoves},
		{"SwapReplacesOnlyWhatIsExpected", (*tester).swapReplaces},
		{"ExpiredEntriesAreGone", (*tester).expiredAreGone},
		{"SwapSetsTheTime", (*tester).swapSetsTheTime},
		{"FullStoreEvictsNothing", (*tester).fullEvictsNothing},
		{"ClientHasAShare", (*tester).clientHasAShare},
		{"TakenAndExpiredEntriesMakeRoom", (*tester).goneMakesRoom},
		{"EntryTooLarge", (*tester).entryTooLarge},
		{"CancelledCallsChangeNothing", (*tester).cancelled},
		{"EntriesAreCopies", (*tester).copies},
		{"OneOfManyAdds", (*tester).racingAdds},
		{"OneOfManySwaps", (*tester).racingSwaps},
		{"OneOfManyTakes", (*tester).racingTakes},
		{"SwapsAndTakesExclude", (*tester).racingSwapsAndTakes},
		{"IdsAreIndependent", (*tester).concurrentIDs},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(&tester{T: t, make: make, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
		})
	}
}

// tester is one test with a clock that it moves itself.
type tester struct {
	*testing.T
	make Make
	now  time.Time
}

func (t *tester) store(l Limits) Store {
	l.Time = func() time.Time { return t.now }
	return t.make(t.T, l)
}

func (t *tester) in(d time.Duration) time.Time { return t.now.Add(d) }

func (t *tester) add(s Store, id, entry, client string) bool {
	t.Helper()
	added, err := s.Add(t.Context(), id, []byte(entry), client, t.in(time.Minute))
	if err != nil {
		t.Fatalf("Add %q: %v", id, err)
	}
	return added
}

// expect holds the entry under id against want; "" for none.
func (t *tester) expect(s Store, id, want string) {
	t.Helper()
	got, err := s.Get(t.Context(), id)
	if err != nil || string(got) != want || (got == nil) != (want == "") {
		t.Errorf("Get %q: %q, %v; want %q", id, got, err, want)
	}
}

func (t *tester) expectLen(s Store, want int) {
	t.Helper()
	if got := s.Len(); got != want {
		t.Errorf("Len is %d, want %d", got, want)
	}
}

// expectFull holds an error to be one of no room.
func (t *tester) expectFull(added bool, err error) {
	t.Helper()
	var full interface{ Full() bool }
	if added || !errors.As(err, &full) || !full.Full() {
		t.Errorf("added %v, %v; want an error with Full", added, err)
	}
}

func (t *tester) addEntersOnce() {
	s := t.store(Limits{})
	if !t.add(s, "a", "1", "c") || t.add(s, "a", "2", "d") {
		t.Error("an id was entered twice, or not at all")
	}
	t.expect(s, "a", "1")
	t.expectLen(s, 1)
}

func (t *tester) getFinds() {
	s := t.store(Limits{})
	t.expect(s, "a", "")
	for _, id := range []string{"a", "A", "a ", "route /x urn:uuid:1", "ключ", string(make([]byte, 300))} {
		t.add(s, id, "entry of "+id, "c")
	}
	for _, id := range []string{"a", "A", "a ", "route /x urn:uuid:1", "ключ", string(make([]byte, 300))} {
		t.expect(s, id, "entry of "+id)
	}
	t.expect(s, "route /x urn:uuid:", "")
	t.expectLen(s, 6)
}

func (t *tester) takeRemoves() {
	s := t.store(Limits{})
	t.add(s, "a", "1", "c")
	for _, want := range []string{"1", ""} {
		if got, err := s.Take(t.Context(), "a"); err != nil || string(got) != want || (got == nil) != (want == "") {
			t.Errorf("Take: %q, %v; want %q", got, err, want)
		}
		t.expect(s, "a", "")
	}
	if !t.add(s, "a", "2", "c") {
		t.Error("an id that was taken is not free")
	}
}

func (t *tester) swapReplaces() {
	s := t.store(Limits{})
	swap := func(id, old, entry string, want bool) {
		t.Helper()
		if got, err := s.Swap(t.Context(), id, []byte(old), []byte(entry), t.in(time.Minute)); got != want || err != nil {
			t.Errorf("Swap %q %q: %v, %v", id, old, got, err)
		}
	}
	swap("a", "", "1", false)
	t.expect(s, "a", "")
	t.add(s, "a", "1", "c")
	swap("a", "2", "3", false)
	swap("a", "", "3", false)
	t.expect(s, "a", "1")
	swap("a", "1", "much longer than 1", true)
	t.expect(s, "a", "much longer than 1")
	swap("a", "1", "4", false)
	swap("a", "much longer than 1", "5", true)
	t.expect(s, "a", "5")
	t.expectLen(s, 1)
}

func (t *tester) expiredAreGone() {
	s := t.store(Limits{})
	t.add(s, "a", "1", "c")
	t.now = t.in(time.Minute - time.Millisecond)
	t.expect(s, "a", "1")
	t.now = t.in(time.Millisecond)
	t.expect(s, "a", "")
	t.expectLen(s, 0)
	if got, err := s.Take(t.Context(), "a"); got != nil || err != nil {
		t.Errorf("Take of an expired entry: %q, %v", got, err)
	}
	if ok, err := s.Swap(t.Context(), "a", []byte("1"), []byte("2"), t.in(time.Minute)); ok || err != nil {
		t.Errorf("Swap of an expired entry: %v, %v", ok, err)
	}
	if !t.add(s, "a", "3", "c") {
		t.Error("the id of an expired entry is not free")
	}
	t.expect(s, "a", "3")
}

func (t *tester) swapSetsTheTime() {
	s := t.store(Limits{})
	for _, id := range []string{"longer", "shorter", "as before"} {
		t.add(s, id, "1", "c")
	}
	for id, d := range map[string]time.Duration{"longer": time.Hour, "shorter": time.Second} {
		if ok, err := s.Swap(t.Context(), id, []byte("1"), []byte("2"), t.in(d)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	t.now = t.in(30 * time.Second)
	t.expect(s, "shorter", "")
	t.expect(s, "as before", "1")
	t.now = t.in(30 * time.Minute)
	t.expect(s, "longer", "2")
	t.expect(s, "as before", "")
	t.expectLen(s, 1)
}

func (t *tester) fullEvictsNothing() {
	const most = 20
	s := t.store(Limits{Entries: most, ClientEntries: most})
	for i := range most {
		t.add(s, fmt.Sprint(i), "1", fmt.Sprint(i%3))
	}
	for range 3 {
		t.expectFull(s.Add(t.Context(), "more", []byte("1"), "another", t.in(time.Hour)))
	}
	t.expect(s, "more", "")
	for i := range most {
		t.expect(s, fmt.Sprint(i), "1")
	}
	if t.add(s, "0", "2", "another") {
		t.Error("an entry was replaced")
	}
	t.expectLen(s, most)
}

func (t *tester) clientHasAShare() {
	s := t.store(Limits{Entries: 100, ClientEntries: 3})
	for i := range 3 {
		t.add(s, fmt.Sprint(i), "1", "greedy")
	}
	t.expectFull(s.Add(t.Context(), "3", []byte("1"), "greedy", t.in(time.Hour)))
	t.expect(s, "3", "")
	t.add(s, "another's", "1", "modest")
	if ok, err := s.Swap(t.Context(), "0", []byte("1"), []byte("2"), t.in(time.Minute)); !ok || err != nil {
		t.Errorf("a client with its share cannot change an entry: %v, %v", ok, err)
	}
	t.expectFull(s.Add(t.Context(), "3", []byte("1"), "greedy", t.in(time.Hour)))
	t.expectLen(s, 4)
}

func (t *tester) goneMakesRoom() {
	s := t.store(Limits{Entries: 4, ClientEntries: 2})
	for i := range 4 {
		t.add(s, fmt.Sprint(i), "1", fmt.Sprint(i/2))
	}
	if _, err := s.Take(t.Context(), "0"); err != nil {
		t.Fatal(err)
	}
	t.add(s, "a", "1", "0")
	t.expectFull(s.Add(t.Context(), "b", []byte("1"), "0", t.in(time.Hour)))
	t.now = t.in(time.Minute)
	t.add(s, "b", "1", "0")
	t.add(s, "c", "1", "0")
	t.expectFull(s.Add(t.Context(), "d", []byte("1"), "0", t.in(time.Hour)))
	t.add(s, "d", "1", "1")
	t.expectLen(s, 3)
}

func (t *tester) entryTooLarge() {
	s := t.store(Limits{EntryBytes: 100})
	t.add(s, "a", string(make([]byte, 100)), "c")
	var full interface{ Full() bool }
	large := make([]byte, 101)
	if added, err := s.Add(t.Context(), "b", large, "c", t.in(time.Hour)); added || err == nil || errors.As(err, &full) {
		t.Errorf("Add: %v, %v; want an error that does not say the store is full", added, err)
	}
	if ok, err := s.Swap(t.Context(), "a", make([]byte, 100), large, t.in(time.Hour)); ok || err == nil {
		t.Errorf("Swap: %v, %v", ok, err)
	}
	t.expect(s, "a", string(make([]byte, 100)))
	t.expect(s, "b", "")
}

func (t *tester) cancelled() {
	s := t.store(Limits{})
	t.add(s, "a", "1", "c")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, addErr := s.Add(ctx, "b", []byte("1"), "c", t.in(time.Minute))
	_, getErr := s.Get(ctx, "a")
	_, swapErr := s.Swap(ctx, "a", []byte("1"), []byte("2"), t.in(time.Minute))
	_, takeErr := s.Take(ctx, "a")
	for _, err := range []error{addErr, getErr, swapErr, takeErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
	}
	t.expect(s, "a", "1")
	t.expect(s, "b", "")
}

func (t *tester) copies() {
	s := t.store(Limits{})
	spoil := func(b []byte) {
		for i := range b {
			b[i] = 'x'
		}
	}
	octets := []byte("first")
	if _, err := s.Add(t.Context(), "a", octets, "c", t.in(time.Minute)); err != nil {
		t.Fatal(err)
	}
	spoil(octets)
	t.expect(s, "a", "first")
	got, _ := s.Get(t.Context(), "a")
	spoil(got)
	t.expect(s, "a", "first")
	octets = []byte("second")
	if ok, err := s.Swap(t.Context(), "a", []byte("first"), octets, t.in(time.Minute)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	spoil(octets)
	t.expect(s, "a", "second")
}

// racers are the calls that race in one test.
const racers = 64

// race runs f once for each racer, all at once, and returns how many won.
func (t *tester) race(f func(i int) (won bool, err error)) (winners int) {
	var wg sync.WaitGroup
	var won atomic.Int64
	start := make(chan struct{})
	for i := range racers {
		wg.Go(func() {
			<-start
			ok, err := f(i)
			if err != nil {
				t.Errorf("racer %d: %v", i, err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(won.Load())
}

func (t *tester) racingAdds() {
	s := t.store(Limits{ClientEntries: racers})
	var winner atomic.Int64
	won := t.race(func(i int) (bool, error) {
		added, err := s.Add(t.Context(), "a", fmt.Append(nil, i), "c", t.in(time.Minute))
		if added {
			winner.Store(int64(i))
		}
		return added, err
	})
	if won != 1 {
		t.Errorf("%d of %d Adds won", won, racers)
	}
	t.expect(s, "a", fmt.Sprint(winner.Load()))
	t.expectLen(s, 1)
}

func (t *tester) racingSwaps() {
	s := t.store(Limits{})
	t.add(s, "a", "old", "c")
	var winner atomic.Int64
	won := t.race(func(i int) (bool, error) {
		ok, err := s.Swap(t.Context(), "a", []byte("old"), fmt.Append(nil, i), t.in(time.Minute))
		if ok {
			winner.Store(int64(i))
		}
		return ok, err
	})
	if won != 1 {
		t.Errorf("%d of %d Swaps won", won, racers)
	}
	t.expect(s, "a", fmt.Sprint(winner.Load()))
}

func (t *tester) racingTakes() {
	s := t.store(Limits{})
	t.add(s, "a", "1", "c")
	won := t.race(func(int) (bool, error) {
		got, err := s.Take(t.Context(), "a")
		return got != nil, err
	})
	if won != 1 {
		t.Errorf("%d of %d Takes won", won, racers)
	}
	t.expectLen(s, 0)
}

// racingSwapsAndTakes: whoever takes an entry takes it as the last Swap left it,
// and no Swap brings it back.
func (t *tester) racingSwapsAndTakes() {
	s := t.store(Limits{})
	t.add(s, "a", "old", "c")
	var swapped atomic.Bool
	var taken atomic.Value
	won := t.race(func(i int) (bool, error) {
		if i%2 == 0 {
			ok, err := s.Swap(t.Context(), "a", []byte("old"), []byte("new"), t.in(time.Minute))
			swapped.CompareAndSwap(false, ok)
			return false, err
		}
		got, err := s.Take(t.Context(), "a")
		if got != nil {
			taken.Store(string(got))
		}
		return got != nil, err
	})
	want := map[bool]string{false: "old", true: "new"}[swapped.Load()]
	if won != 1 || taken.Load() != want {
		t.Errorf("%d of the Takes won, with %q; want %q", won, taken.Load(), want)
	}
	t.expect(s, "a", "")
}

// concurrentIDs checks that what happens to one id does not affect another.
func (t *tester) concurrentIDs() {
	const rounds = 20
	s := t.store(Limits{ClientEntries: racers * rounds})
	t.race(func(i int) (bool, error) {
		for round := range rounds {
			id := fmt.Sprint(i, "-", round)
			entry := []byte("entry of " + id)
			added, err := s.Add(t.Context(), id, entry, "c", t.in(time.Minute))
			if err != nil || !added {
				return false, fmt.Errorf("%s: Add: %v, %v", id, added, err)
			}
			changed := append(entry, '+')
			if ok, err := s.Swap(t.Context(), id, entry, changed, t.in(time.Minute)); err != nil || !ok {
				return false, fmt.Errorf("%s: Swap: %v, %v", id, ok, err)
			}
			if got, err := s.Get(t.Context(), id); err != nil || string(got) != string(changed) {
				return false, fmt.Errorf("%s: Get: %q, %v", id, got, err)
			}
			if got, err := s.Take(t.Context(), id); err != nil || string(got) != string(changed) {
				return false, fmt.Errorf("%s: Take: %q, %v", id, got, err)
			}
		}
		return true, nil
	})
	t.expectLen(s, 0)
}
