package gss_test

import (
	"bytes"
	"context"
	"errors"
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

// The attacks here worked against libraries in use; each test names the fault it stands for.

// TestAttackRealmSpoofing: a client of a trusted but lesser realm claims another realm in the authenticator (gokrb5
// 577).
func TestAttackRealmSpoofing(t *testing.T) {
	k := newKDC()
	token, _ := mustToken(t, k, krbtest.TokenOptions{
		Ticket:      krbtest.TicketOptions{ClientRealm: "USERS.EVIL"},
		ClientRealm: "ADMIN.CORP",
	})
	_, err := newAcceptor(t, k, gss.AcceptorConfig{}).Accept(t.Context(), token)
	wantRefusal(t, err, kerberos.CodeClientMismatch, "alice@USERS.EVIL's", "alice@ADMIN.CORP")
}

// TestAttackSNameRewriting: the ticket's service name is in clear. Rewriting it must neither make a presented
// authenticator new nor let a ticket for one service pass as one for another.
func TestAttackSNameRewriting(t *testing.T) {
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	token, _ := mustToken(t, k, krbtest.TokenOptions{Bare: true})
	if _, err := a.Accept(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	rewritten := rename(t, token, "gw.example.com", "GW.example.com")
	_, err := a.Accept(t.Context(), rewritten)
	wantRefusal(t, err, kerberos.CodeNoPrincipal)

	k.AddService("soap/bk.example.com") // same length, another key
	a = newAcceptor(t, k, gss.AcceptorConfig{})
	rewritten = rename(t, token, "gw.example.com", "bk.example.com")
	_, err = a.Accept(t.Context(), rewritten)
	wantRefusal(t, err, kerberos.CodeTicketIntegrity)
}

// TestAttackSameKeyAliases: with several names on one key the rewritten ticket opens, and the authenticator is still
// known; also in the other frame and bare.
func TestAttackSameKeyAliases(t *testing.T) {
	k := newKDC()
	k.Alias(service, "soap/bk.example.com")
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	routes := []*gss.Acceptor{a, a.ForServices(service), a.ForServices("soap/bk.example.com")}
	bare, _ := mustToken(t, k, krbtest.TokenOptions{Bare: true})
	renamed := rename(t, bare, "gw.example.com", "bk.example.com")
	var accepted int
	for _, apReq := range [][]byte{bare, renamed} {
		tokens := [][]byte{apReq}
		for _, oid := range [][]byte{krbtest.OIDKRB5, krbtest.OIDMSKRB5, krbtest.OIDOldKRB5} {
			tokens = append(tokens, krbtest.Frame(oid, nil, apReq))
		}
		for _, token := range tokens {
			for _, route := range routes {
				_, err := route.Accept(t.Context(), token)
				switch code(err) {
				case "":
					accepted++
				case kerberos.CodeReplay, kerberos.CodeService:
				default:
					t.Error(err)
				}
			}
		}
	}
	if accepted != 1 {
		t.Errorf("one authenticator was accepted %d times", accepted)
	}
}

func rename(t *testing.T, token []byte, from, to string) []byte {
	t.Helper()
	if bytes.Count(token, []byte(from)) != 1 || len(from) != len(to) {
		t.Fatal("cannot rename")
	}
	return bytes.Replace(token, []byte(from), []byte(to), 1)
}

// TestAttackConcurrentPresentation: of 64 at once exactly one wins, again and again (gokrb5 looks up and inserts under
// two locks).
func TestAttackConcurrentPresentation(t *testing.T) {
	rounds := 10_000
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

// TestAttackFutureDated: an authenticator dated ahead is valid for up to twice the skew limit, and so must its record
// be (gokrb5 forgets it one limit after presentation). All moments in between are tried, with other traffic.
func TestAttackFutureDated(t *testing.T) {
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

// TestAttackDifferentLimits: two acceptors with one store and different limits; the store is told the larger window.
func TestAttackDifferentLimits(t *testing.T) {
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

// TestAClientBehindIsToldWhenItIsAccepted: after a start without a history, trying again does not help a client whose
// clock is behind. The error says when it is accepted, and then it is.
func TestAClientBehindIsToldWhenItIsAccepted(t *testing.T) {
	k := newKDC()
	start := fixedTime()
	clock := start
	timeFunc := func() time.Time { return clock }
	a := newAcceptor(t, k, gss.AcceptorConfig{Replay: replay.NewMemory(replay.MemoryConfig{Time: timeFunc}), Time: timeFunc})
	accept := func() error {
		token, _ := mustToken(t, k, krbtest.TokenOptions{Time: clock.Add(-time.Minute)})
		_, err := a.Accept(t.Context(), token)
		return err
	}
	clock = clock.Add(20 * time.Second)
	for range 2 {
		err := accept()
		wantRefusal(t, err, kerberos.CodeBeforeStart)
		if want := "from " + start.Add(time.Minute+time.Second).Format(time.RFC3339) + " on if the client's clock is so much behind"; !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nhas no %q", err, want)
		}
		clock = start.Add(time.Minute - time.Second)
	}
	clock = start.Add(time.Minute)
	if err := accept(); err != nil {
		t.Error("at the time that the error named:", err)
	}
}

// TestAttackRestart: after a restart nothing that was presented before is accepted: with a journal because it is known,
// in memory because it is older than the process.
func TestAttackRestart(t *testing.T) {
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
			if _, err := newAcceptor(t, k, gss.AcceptorConfig{Replay: store, Time: timeFunc}).Accept(t.Context(), token); err != nil {
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

// TestAttackRunWithoutJournal: what a process without the journal, or with another one, accepted in between is not
// accepted when the journal is opened again; the journal's history does not cover that time.
func TestAttackRunWithoutJournal(t *testing.T) {
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

// TestAttackShortCiphertexts: every length of both ciphertexts, for all encryption types (gokrb5 panics on those
// shorter than the checksum).
func TestAttackShortCiphertexts(t *testing.T) {
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{Etypes: allEtypes})
	for _, etype := range allEtypes {
		for n := 1; n < 120; n++ {
			token, _ := mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype, CutCipher: n}})
			if _, err := a.Accept(t.Context(), token); code(err) != kerberos.CodeTokenMalformed && code(err) != kerberos.CodeTicketIntegrity {
				t.Fatalf("etype %d, %d octets of ticket: %v", etype, n, err)
			}
			token, _ = mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype}, CutAuth: n})
			if _, err := a.Accept(t.Context(), token); code(err) != kerberos.CodeTokenMalformed && code(err) != kerberos.CodeAuthIntegrity {
				t.Fatalf("etype %d, %d octets of authenticator: %v", etype, n, err)
			}
		}
	}
}

// TestAttackMutations: every truncation and every flipped bit of a token is refused, or is the same authenticator and
// thus a replay; nothing panics, and every refusal has a code.
func TestAttackMutations(t *testing.T) {
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{Etypes: allEtypes})
	for _, etype := range allEtypes {
		for _, bare := range []bool{false, true} {
			token, _ := mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype}, Bare: bare})
			if _, err := a.Accept(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			for n := range token {
				mustRefuse(t, a, token[:n])
			}
			mustRefuse(t, a, append(bytes.Clone(token), 0))
			for i := range 8 * len(token) {
				mutant := bytes.Clone(token)
				mutant[i/8] ^= 1 << (i % 8)
				mustRefuse(t, a, mutant)
			}
		}
	}
}

func mustRefuse(t *testing.T, a *gss.Acceptor, token []byte) {
	t.Helper()
	c, err := a.Accept(context.Background(), token)
	var e *kerberos.Error
	if c != nil || !errors.As(err, &e) || e.Code == "" || e.Detail == "" {
		t.Fatalf("token %x: %v, %v", token, c, err)
	}
}

// TestNoFalseReplays: different authenticators are no replays of each other, though client and microsecond are the
// same, or the client has the same name in another realm.
func TestNoFalseReplays(t *testing.T) {
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

// TestAttackMalformedInside: what a client with a ticket, or a KDC, can put where other libraries fall over.
func TestAttackMalformedInside(t *testing.T) {
	k := newKDC()
	for name, o := range map[string]struct {
		krbtest.TokenOptions
		accept, step kerberos.Code // "" for accepted
	}{
		"empty AD-IF-RELEVANT of the client":    {krbtest.TokenOptions{AuthzType: 1}, "", kerberos.CodeAuthMalformed},
		"garbage in AD-IF-RELEVANT":             {krbtest.TokenOptions{Ticket: krbtest.TicketOptions{AuthzData: []byte("garbage")}}, "", ""},
		"empty sequence in AD-IF-RELEVANT":      {krbtest.TokenOptions{Ticket: krbtest.TicketOptions{AuthzData: []byte{0x30, 0}}}, "", ""},
		"garbage PAC":                           {krbtest.TokenOptions{Ticket: krbtest.TicketOptions{AuthzType: 128, AuthzData: []byte("garbage")}}, "", ""},
		"service without a name":                {krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Name: []string{""}}}, kerberos.CodeTokenMalformed, kerberos.CodeTokenMalformed},
		"service of no components":              {krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Name: []string{}}}, kerberos.CodeTokenMalformed, kerberos.CodeTokenMalformed},
		"checksum of another type, no GSS-API":  {krbtest.TokenOptions{NoChecksum: true}, "", ""},
		"ticket of the size of its parts alone": {krbtest.TokenOptions{Ticket: krbtest.TicketOptions{CutCipher: 28}}, kerberos.CodeTicketIntegrity, kerberos.CodeTicketIntegrity},
	} {
		t.Run(name, func(t *testing.T) {
			token, _ := mustToken(t, k, o.TokenOptions)
			a := newAcceptor(t, k, gss.AcceptorConfig{})
			_, acceptErr := a.Accept(t.Context(), token)
			_, _, stepErr := newAcceptor(t, k, gss.AcceptorConfig{}).NewContext(gss.AcceptConfig{BindingRule: gss.BindingsWhenPresent}).Step(t.Context(), token)
			if code(acceptErr) != o.accept || code(stepErr) != o.step {
				t.Errorf("Accept: %v, want %q; Step: %v, want %q", acceptErr, o.accept, stepErr, o.step)
			}
		})
	}
}
