package gss_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
)

// brokenStore accepts every id as new, or fails if it has an error.
type brokenStore struct{ err error }

func (s brokenStore) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, s.err }

// TestAcceptorRejectsOneClientFillingTheReplayStore: a client with a ticket can
// make any number of authenticators. They fill its own share, and are then
// refused under a code of their own; other clients go on.
func TestAcceptorRejectsOneClientFillingTheReplayStore(t *testing.T) {
	t.Parallel()
	k := newKDC()
	store := replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: fixedTime, MaxEntries: 64})
	a := newAcceptor(t, k, gss.AcceptorConfig{Replay: store})
	accept := func(client string) error {
		token, _, err := k.Token(client, service, krbtest.TokenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Accept(t.Context(), token)
		return err
	}
	var err error
	n := 0
	for ; err == nil && n < 64; n++ {
		err = accept("mallory")
	}
	wantRefusal(t, err, kerberos.CodeReplayShare, "authenticator cannot be remembered")
	if n != 49 {
		t.Errorf("refused at authenticator %d", n)
	}
	for range 8 {
		if err := accept("alice"); err != nil {
			t.Error(err)
		}
	}
	wantRefusal(t, accept("mallory"), kerberos.CodeReplayShare)
}

func TestAcceptorRejectsIfReplayStoreFails(t *testing.T) {
	t.Parallel()
	k := newKDC()
	token, _ := mustToken(t, k, krbtest.TokenOptions{})
	broken := fmt.Errorf("disk full")
	_, err := newAcceptor(t, k, gss.AcceptorConfig{Replay: brokenStore{broken}}).Accept(t.Context(), token)
	wantRefusal(t, err, kerberos.CodeReplayStore, "disk full")
	if !errors.Is(err, broken) {
		t.Error("cause is lost")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newAcceptor(t, k, gss.AcceptorConfig{}).Accept(ctx, token); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

var replayRounds = flag.Int("replay-rounds", 1000, "how many tokens 64 clients present at once")

// TestAcceptorAcceptsOneOfConcurrentReplays: of 64 at once exactly one wins,
// again and again (gokrb5 looks up and inserts under two locks).
func TestAcceptorAcceptsOneOfConcurrentReplays(t *testing.T) {
	rounds := *replayRounds
	if testing.Short() {
		rounds = 200
	}
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{Services: []string{service}})
	st, err := k.Ticket("alice", service, krbtest.TicketOptions{Etype: 17})
	if err != nil {
		t.Fatal(err)
	}
	const presenters = 64
	tokens := make(chan []byte, rounds)
	for range rounds {
		token, _, err := gss.NewToken(st, gss.TokenOptions{Time: fixedTime})
		if err != nil {
			t.Fatal(err)
		}
		tokens <- token
	}
	close(tokens)
	rivals := runRivals(presenters)
	defer rivals.stop()
	for token := range tokens {
		var wins, replays atomic.Int32
		rivals.run(func() {
			switch _, err := a.Accept(context.Background(), token); {
			case err == nil:
				wins.Add(1)
			case code(err) == kerberos.CodeReplay:
				replays.Add(1)
			}
		})
		if wins.Load() != 1 || replays.Load() != presenters-1 {
			t.Fatalf("accepted %d times, refused as replay %d times", wins.Load(), replays.Load())
		}
	}
}

// rivals run one function in many goroutines at once.
type rivals struct {
	jobs []chan func()
	done sync.WaitGroup
}

func runRivals(n int) *rivals {
	r := &rivals{}
	for range n {
		jobs := make(chan func())
		r.jobs = append(r.jobs, jobs)
		go func() {
			for f := range jobs {
				f()
				r.done.Done()
			}
		}()
	}
	return r
}

func (r *rivals) run(f func()) {
	r.done.Add(len(r.jobs))
	for _, jobs := range r.jobs {
		jobs <- f
	}
	r.done.Wait()
}

func (r *rivals) stop() {
	for _, jobs := range r.jobs {
		close(jobs)
	}
}

// TestAcceptorRejectsReplayOfFutureDatedToken: an authenticator dated ahead is
// valid for up to twice the skew limit, and so must its record be (gokrb5
// forgets it one limit after presentation). All moments in between are tried,
// with other traffic.
func TestAcceptorRejectsReplayOfFutureDatedToken(t *testing.T) {
	t.Parallel()
	clock := now
	timeFunc := func() time.Time { return clock }
	k := krbtest.New(krbtest.Config{Time: timeFunc})
	k.AddService(service)
	const skew = 2 * time.Second
	for _, ahead := range []time.Duration{-skew, 0, skew * 19 / 20, skew} {
		clock = now
		a := newAcceptor(t, k, gss.AcceptorConfig{MaxSkew: skew, Time: timeFunc})
		token, _ := mustToken(t, k, krbtest.TokenOptions{Time: now.Add(ahead)})
		if _, err := a.Accept(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		for ; clock.Before(now.Add(3 * skew)); clock = clock.Add(50 * time.Millisecond) {
			filler, _ := mustToken(t, k, krbtest.TokenOptions{Time: clock.Add(-skew)})
			if _, err := a.Accept(t.Context(), filler); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Accept(t.Context(), token); code(err) != kerberos.CodeReplay && code(err) != kerberos.CodeSkew {
				t.Fatalf("dated %v ahead, presented again after %v: %v", ahead, clock.Sub(now), err)
			}
		}
	}
}

// TestAcceptorRejectsReplayAcrossDifferentLimits: two acceptors with one store
// and different limits; the store gets the larger window.
func TestAcceptorRejectsReplayAcrossDifferentLimits(t *testing.T) {
	t.Parallel()
	clock := now
	timeFunc := func() time.Time { return clock }
	k := krbtest.New(krbtest.Config{Time: timeFunc})
	k.AddService(service)
	store := replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: timeFunc})
	cfg := gss.AcceptorConfig{MaxSkew: time.Minute, ReplayWindow: 5 * time.Minute, Replay: store, Time: timeFunc}
	strict := newAcceptor(t, k, cfg)
	cfg.MaxSkew = 5 * time.Minute
	lax := newAcceptor(t, k, cfg)
	token, _ := mustToken(t, k, krbtest.TokenOptions{})
	if _, err := strict.Accept(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		clock = clock.Add(30 * time.Second)
		if _, err := lax.Accept(t.Context(), token); code(err) != kerberos.CodeReplay {
			t.Fatalf("after %v: %v", clock.Sub(now), err)
		}
	}
}

// TestAcceptorSaysWhenClientBehindIsAccepted: after a start without a history,
// trying again does not help a client whose clock is behind. The error says
// when it is accepted, and then it is.
func TestAcceptorSaysWhenClientBehindIsAccepted(t *testing.T) {
	t.Parallel()
	k := newKDC()
	start := fixedTime()
	clock := start
	timeFunc := func() time.Time { return clock }
	a := newAcceptor(t, k,
		gss.AcceptorConfig{Replay: replay.NewMemory(replay.MemoryConfig{Time: timeFunc}), Time: timeFunc})
	accept := func() error {
		token, _ := mustToken(t, k, krbtest.TokenOptions{Time: clock.Add(-time.Minute)})
		_, err := a.Accept(t.Context(), token)
		return err
	}
	clock = clock.Add(20 * time.Second)
	for range 2 {
		err := accept()
		wantRefusal(t, err, kerberos.CodeBeforeStart)
		if want := "from " + start.Add(time.Minute+time.Second).Format(time.RFC3339) + " on if the client's clock is so " +
			"much behind"; !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nhas no %q", err, want)
		}
		clock = start.Add(time.Minute - time.Second)
	}
	clock = start.Add(time.Minute)
	if err := accept(); err != nil {
		t.Error("at the time that the error named:", err)
	}
}

// TestAcceptorRejectsReplayAfterRestart: after a restart nothing that was
// presented before is accepted: with a journal because it is known, in memory
// because it is older than the process.
func TestAcceptorRejectsReplayAfterRestart(t *testing.T) {
	t.Parallel()
	clock := now
	timeFunc := func() time.Time { return clock }
	k := krbtest.New(krbtest.Config{Time: timeFunc})
	k.AddService(service)
	dir := t.TempDir()
	type start func() (gss.ReplayStore, func())
	for name, test := range map[string]struct {
		start start
		want  kerberos.Code
	}{
		"journal": {func() (gss.ReplayStore, func()) {
			j, err := replay.OpenJournal(dir, replay.JournalConfig{Time: timeFunc})
			if err != nil {
				t.Fatal(err)
			}
			return j, func() { j.Close() }
		}, kerberos.CodeReplay},
		"memory": {func() (gss.ReplayStore, func()) {
			return replay.NewMemory(replay.MemoryConfig{Time: timeFunc}), func() {}
		}, kerberos.CodeBeforeStart},
	} {
		t.Run(name, func(t *testing.T) {
			store, stop := test.start()
			clock = clock.Add(time.Second)
			token, _ := mustToken(t, k, krbtest.TokenOptions{})
			if _, err := newAcceptor(t, k, gss.AcceptorConfig{Replay: store, Time: timeFunc}).Accept(t.Context(),
				token); err != nil {
				t.Fatal(err)
			}
			stop()
			clock = clock.Add(time.Second)
			store, stop = test.start()
			defer stop()
			a := newAcceptor(t, k, gss.AcceptorConfig{Replay: store, Time: timeFunc})
			_, err := a.Accept(t.Context(), token)
			wantRefusal(t, err, test.want)
			clock = clock.Add(time.Second)
			token, _ = mustToken(t, k, krbtest.TokenOptions{})
			if _, err := a.Accept(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAcceptorRejectsTokensMadeWithoutJournal: tokens that a process without
// the journal, or with another one, accepted in between are not accepted when
// the journal is opened again; the journal's history does not cover that time.
func TestAcceptorRejectsTokensMadeWithoutJournal(t *testing.T) {
	t.Parallel()
	clock := now
	timeFunc := func() time.Time { return clock }
	k := krbtest.New(krbtest.Config{Time: timeFunc})
	k.AddService(service)
	dir, otherDir := t.TempDir(), t.TempDir()
	journal := func(dir string) (gss.ReplayStore, func()) {
		j, err := replay.OpenJournal(dir, replay.JournalConfig{Time: timeFunc})
		if err != nil {
			t.Fatal(err)
		}
		return j, func() { j.Close() }
	}
	between := map[string]func() (gss.ReplayStore, func()){
		"memory": func() (gss.ReplayStore, func()) {
			return replay.NewMemory(replay.MemoryConfig{Time: timeFunc}), func() {}
		},
		"other journal": func() (gss.ReplayStore, func()) { return journal(otherDir) },
	}
	accept := func(store gss.ReplayStore, token []byte) error {
		clock = clock.Add(time.Second)
		_, err := newAcceptor(t, k, gss.AcceptorConfig{Replay: store, Time: timeFunc}).Accept(t.Context(), token)
		return err
	}
	for name, open := range between {
		t.Run(name, func(t *testing.T) {
			for round := range 3 {
				_, stop := journal(dir)
				clock = clock.Add(time.Second)
				mine, _ := mustToken(t, k, krbtest.TokenOptions{})
				clock = clock.Add(time.Second)
				stop()
				clock = clock.Add(time.Second)
				store, stop := open()
				clock = clock.Add(time.Second)
				token, _ := mustToken(t, k, krbtest.TokenOptions{})
				if err := accept(store, token); err != nil {
					t.Fatal(round, err)
				}
				stop()
				clock = clock.Add(time.Second)
				for range 2 { // the second time what was found at the first must be in its header
					store, stop = journal(dir)
					wantRefusal(t, accept(store, token), kerberos.CodeBeforeStart)
					stop()
					clock = clock.Add(time.Second)
				}
				store, stop = journal(dir)
				if err := accept(store, mine); err != nil {
					t.Error("made while the journal was open, and not presented yet:", err)
				}
				stop()
				clock = clock.Add(time.Second)
			}
		})
	}
}

// TestAcceptorAcceptsAuthenticatorsThatDiffer: different authenticators are no
// replays of each other, though client and microsecond are the same, or the
// client has the same name in another realm.
func TestAcceptorAcceptsAuthenticatorsThatDiffer(t *testing.T) {
	t.Parallel()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	for _, realm := range []string{"EXAMPLE.COM", "EXAMPLE.COM", "OTHER"} {
		token, _ := mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{ClientRealm: realm}})
		if _, err := a.Accept(t.Context(), token); err != nil {
			t.Errorf("alice@%s: %v", realm, err)
		}
		_, err := a.Accept(t.Context(), token)
		wantRefusal(t, err, kerberos.CodeReplay)
	}
}
