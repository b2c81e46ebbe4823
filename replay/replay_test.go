package replay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func testID(n int) [32]byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return sha256.Sum256(b[:])
}

// testClock is a clock that tests turn.
type testClock struct{ nanos atomic.Int64 }

func newTestClock() *testClock {
	c := new(testClock)
	c.nanos.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *testClock) now() time.Time { return time.Unix(0, c.nanos.Load()) }

func (c *testClock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// replayStores runs a test against each store.
func replayStores(t *testing.T, f func(t *testing.T, c *testClock, s Store)) {
	t.Run("memory", func(t *testing.T) {
		c := newTestClock()
		f(t, c, NewMemory(MemoryConfig{MaxEntries: 1000, Time: c.now}))
	})
	t.Run("journal", func(t *testing.T) {
		c := newTestClock()
		j := openJournal(t, t.TempDir(), JournalConfig{MaxEntries: 1000, SegmentRecords: 100, Time: c.now})
		f(t, c, j)
	})
}

func openJournal(t *testing.T, dir string, cfg JournalConfig) *Journal {
	t.Helper()
	j, err := OpenJournal(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func add(t *testing.T, s Store, n int, expires time.Time) bool {
	t.Helper()
	added, err := s.Add(t.Context(), testID(n), expires)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func TestReplayStoreRemembersUntilExpiry(t *testing.T) {
	replayStores(t, func(t *testing.T, c *testClock, s Store) {
		expires := c.now().Add(time.Minute)
		if !add(t, s, 1, expires) || add(t, s, 1, expires) {
			t.Fatal("first must be new, second not")
		}
		// Others come and go; the first stays to the last nanosecond, also when it is presented with another expiry.
		for i := range 59 {
			c.advance(time.Second)
			add(t, s, 100+i, c.now().Add(time.Second/2))
			if add(t, s, 1, expires) || add(t, s, 1, expires.Add(time.Hour)) {
				t.Fatalf("forgotten after %d s", i)
			}
		}
		c.advance(time.Second - 1)
		if add(t, s, 1, expires) {
			t.Fatal("forgotten a nanosecond early")
		}
	})
}

func TestReplayStoreRefusesWhatItMayHaveForgotten(t *testing.T) {
	replayStores(t, func(t *testing.T, c *testClock, s Store) {
		expires := c.now().Add(time.Minute)
		add(t, s, 1, expires)
		c.advance(time.Minute)
		add(t, s, 2, c.now().Add(time.Minute)) // drops 1 when in the same shard
		if _, err := s.Add(t.Context(), testID(1), expires); !errors.Is(err, ErrTooOld) {
			t.Fatal("an id whose time has passed was taken:", err)
		}
		for i := range 500 { // drops everything dead in every shard
			add(t, s, 1000+i, c.now().Add(time.Second))
		}
		c.advance(-2 * time.Minute) // somebody turns the clock back
		if added, _ := s.Add(t.Context(), testID(1), expires); added {
			t.Fatal("replay after the clock was turned back")
		}
	})
}

func TestReplayStoreFullFailsClosed(t *testing.T) {
	replayStores(t, func(t *testing.T, c *testClock, s Store) {
		for i := range 1000 {
			add(t, s, i, c.now().Add(time.Minute+time.Duration(i)))
		}
		if _, err := s.Add(t.Context(), testID(1000), c.now().Add(time.Minute)); !errors.Is(err, ErrFull) {
			t.Fatal("store over its limit:", err)
		}
		for i := range 1000 {
			if added, _ := s.Add(t.Context(), testID(i), c.now().Add(time.Minute)); added {
				t.Fatal("a live entry was evicted")
			}
		}
		c.advance(2 * time.Minute)
		for i := range 1000 {
			if !add(t, s, 2000+i, c.now().Add(time.Minute)) {
				t.Fatal("dead entries were not dropped")
			}
		}
	})
}

// TestReplayStoreSpellingsShareAShare: a KDC that knows a user by its name in any case gives it tickets for each.
func TestReplayStoreSpellingsShareAShare(t *testing.T) {
	c := newTestClock()
	s := NewMemory(MemoryConfig{MaxEntries: 1000, Time: c.now})
	n := 0
	for ; n < 1000; n++ {
		name := []byte("jos\u00e9-of-the-sales@example.com")
		for i := range name {
			if 'a' <= name[i] && name[i] <= 'z' {
				name[i] -= byte(n>>(i%12)&1) << 5
			}
		}
		if n&1 == 1 {
			name = bytes.Replace(name, []byte("\u00e9"), []byte("\u00c9"), 1)
		}
		if _, err := s.AddFor(t.Context(), string(name), testID(n), c.now().Add(time.Minute)); err != nil {
			break
		}
	}
	if n < 750 || n > 753 {
		t.Errorf("a client has %d ids of 1000", n)
	}
}

// TestReplayStoreClientsHaveShares: one client gets three quarters of a store, and however many take what they can,
// another one finds room. Whose ids have expired has its share again.
func TestReplayStoreClientsHaveShares(t *testing.T) {
	replayStores(t, func(t *testing.T, c *testClock, s Store) {
		store, next := s.(interface {
			AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (bool, error)
		}), 0
		addFor := func(client string) (bool, error) {
			next++
			return store.AddFor(t.Context(), client, testID(next), c.now().Add(time.Minute))
		}
		fill := func(client string) (n int) {
			for ; ; n++ {
				if _, err := addFor(client); err != nil {
					if !errors.Is(err, ErrShareFull) {
						t.Fatal(err)
					}
					return n
				}
			}
		}
		for _, want := range []int{750, 187, 46, 12} {
			client := fmt.Sprint("mallory", want, "@EXAMPLE.COM")
			if got := fill(client); got < want || got > want+3 {
				t.Fatalf("a client has %d ids, want %d", got, want)
			}
			if added, err := store.AddFor(t.Context(), client, testID(1), c.now().Add(time.Minute)); added || err != nil {
				t.Fatal("a known id is not told from a new one:", added, err)
			}
		}
		for range 2 {
			if added, err := addFor("alice@EXAMPLE.COM"); !added || err != nil {
				t.Fatal("one who did nothing is refused:", err)
			}
		}
		c.advance(2 * time.Minute)
		if got := fill("mallory750@EXAMPLE.COM"); got < 750 || got > 753 {
			t.Errorf("of a store whose ids have expired a client gets %d", got)
		}
	})
}

func TestReplayStoreOneWinner(t *testing.T) {
	rounds := 10_000
	if testing.Short() {
		rounds = 500
	}
	s := NewMemory(MemoryConfig{})
	expires := time.Now().Add(time.Hour)
	const workers = 64
	wins := make([]atomic.Int32, rounds)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range rounds {
				if added, err := s.Add(context.Background(), testID(i), expires); err != nil {
					t.Error(err)
				} else if added {
					wins[i].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := range wins {
		if n := wins[i].Load(); n != 1 {
			t.Fatalf("id %d was new %d times", i, n)
		}
	}
	if s.Len() != rounds {
		t.Fatalf("%d entries for %d ids", s.Len(), rounds)
	}
}

// TestReplayMemory guards EntryBytes at a million entries, and that the last ones take no longer than the first.
func TestReplayMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a million entries")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := NewMemory(MemoryConfig{})
	expires := time.Now().Add(time.Hour)
	clients := []string{"alice@EXAMPLE.COM", "bob@EXAMPLE.COM", "carol@EXAMPLE.COM"}
	var tenth [10]time.Duration
	for part := range tenth {
		start := time.Now()
		for i := range 100_000 {
			if added, err := s.AddFor(t.Context(), clients[i%len(clients)], testID(part*100_000+i), expires); !added || err != nil {
				t.Fatal("not new", err)
			}
		}
		tenth[part] = time.Since(start)
	}
	if tenth[9] > 10*tenth[0] {
		t.Errorf("inserts get slower: %v", tenth)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d MB for %d entries, each 100,000 took %v", used>>20, s.Len(), tenth)
	if used > int64(s.Len())*EntryBytes+200_000 {
		t.Errorf("%d octets", used)
	}
	runtime.KeepAlive(s)
}

func TestReplayJournalRestart(t *testing.T) {
	dir, c := t.TempDir(), newTestClock()
	cfg := JournalConfig{SegmentRecords: 7, Time: c.now}
	j := openJournal(t, dir, cfg)
	since := j.CompleteSince()
	for i := range 100 {
		if !add(t, j, i, c.now().Add(time.Minute)) {
			t.Fatal("not new")
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Second)
	j = openJournal(t, dir, cfg)
	if got := j.Recovery(); got.Restored != 100 || got.Torn != 0 || got.Damaged {
		t.Fatalf("%+v", got)
	}
	if !j.CompleteSince().Equal(since) {
		t.Fatalf("complete since %v, was %v", j.CompleteSince(), since)
	}
	for i := range 100 {
		if add(t, j, i, c.now().Add(time.Minute)) {
			t.Fatal("replay after a restart")
		}
	}
	// Past their time all files but the newest go.
	c.advance(2 * time.Minute)
	for i := range 8 {
		add(t, j, 1000+i, c.now().Add(time.Minute))
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"+journalSuffix))
	if len(files) > 2 {
		t.Errorf("dead files stay: %v", files)
	}
	for _, f := range files {
		if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", f, st.Mode(), err)
		}
	}
}

func TestReplayJournalForgottenStaysForgotten(t *testing.T) {
	dir, c := t.TempDir(), newTestClock()
	cfg := JournalConfig{Time: c.now}
	j := openJournal(t, dir, cfg)
	expires := c.now().Add(time.Minute)
	add(t, j, 1, expires)
	j.Close()
	c.advance(time.Hour)
	j = openJournal(t, dir, cfg) // drops the record
	j.Close()
	c.advance(-time.Hour)
	j = openJournal(t, dir, cfg)
	if added, _ := j.Add(t.Context(), testID(1), expires); added {
		t.Fatal("replay after a restart with the clock turned back")
	}
}

// kill ends the journal as SIGKILL ends a process: without Close.
func kill(j *Journal) {
	j.active.Close()
	j.lock.Close()
}

// TestReplayJournalRemovedFileStaysRefused: a file goes when its ids are past their time, though memory holds some of
// them still. With the clock stepped back and a restart they must not be new.
func TestReplayJournalRemovedFileStaysRefused(t *testing.T) {
	for name, test := range map[string]struct {
		life, back time.Duration
		older      bool // the file is not the newest when it goes
	}{
		"clock far ahead, then corrected": {2 * time.Minute, 5 * time.Minute, false},
		"step of two seconds":             {5*time.Minute + time.Second, 2 * time.Second, false},
		"older file":                      {5*time.Minute + time.Second, 2 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			for first := range 20 { // which shards the others fall into
				dir, c := t.TempDir(), newTestClock()
				cfg := JournalConfig{Time: c.now, SegmentAge: time.Minute}
				j := openJournal(t, dir, cfg)
				expires := c.now().Add(test.life)
				add(t, j, first, expires)
				file := j.path(j.number)
				c.advance(time.Minute)
				if test.older {
					add(t, j, 200+first, c.now().Add(test.life))
				}
				c.advance(test.life - time.Minute)
				add(t, j, 100+first, c.now().Add(test.life))
				if _, err := os.Stat(file); err == nil {
					t.Fatal("the file was to be removed")
				}
				kill(j)
				c.advance(-test.back)
				j = openJournal(t, dir, cfg)
				if added, _ := j.Add(t.Context(), testID(first), expires); added {
					t.Fatal("replay after a restart")
				}
			}
		})
	}
}

// TestReplayJournalSyncsWhatKillLeft: the records of a killed process are on the disk before there is a new header,
// which says that nothing was lost.
func TestReplayJournalSyncsWhatKillLeft(t *testing.T) {
	dir, c := t.TempDir(), newTestClock()
	cfg := JournalConfig{SegmentRecords: 2, Time: c.now}
	j := openJournal(t, dir, cfg)
	for i := range 5 {
		add(t, j, i, c.now().Add(time.Minute))
	}
	next := j.path(j.number + 1)
	kill(j)
	var synced []string
	cfg.fsync = func(f *os.File) error {
		synced = append(synced, f.Name())
		return f.Sync()
	}
	kill(openJournal(t, dir, cfg))
	want := []string{filepath.Join(dir, "replay-0000000000000001.journal"), filepath.Join(dir, "replay-0000000000000002.journal"),
		filepath.Join(dir, "replay-0000000000000003.journal"), next}
	if !slices.Equal(synced, want) {
		t.Errorf("synced %q, want %q", synced, want)
	}

	failure := errors.New("disk is gone")
	cfg.fsync = func(*os.File) error { return failure }
	if _, err := OpenJournal(dir, cfg); !errors.Is(err, failure) {
		t.Error("opened over records that may not last:", err)
	}
}

// TestReplayJournalGaps: of the times when nobody had the journal open it does not claim to know, also after more
// restarts than the header has room for.
func TestReplayJournalGaps(t *testing.T) {
	for name, end := range map[string]func(*Journal){"closed": func(j *Journal) { j.Close() }, "killed": kill} {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), newTestClock()
			cfg := JournalConfig{Time: c.now}
			type run struct{ opened, ended time.Time }
			var runs []run
			for n := range 3 * journalGaps {
				j := openJournal(t, dir, cfg)
				if n > 0 && (j.Recovery().Gap != time.Hour || j.Recovery().Damaged) {
					t.Fatalf("%+v", j.Recovery())
				}
				for i, r := range runs {
					known := i >= n-journalGaps
					if got := j.CompleteFrom(r.opened); got.Equal(r.opened) != known {
						t.Errorf("run %d: complete from %v for the start of run %d at %v", n, got, i, r.opened)
					}
					if got := j.CompleteFrom(r.ended); got.Equal(r.ended) != known {
						t.Errorf("run %d: complete from %v for the end of run %d at %v", n, got, i, r.ended)
					}
					next := r.ended.Add(time.Hour)
					for _, made := range []time.Time{r.ended.Add(time.Microsecond), next.Add(-time.Microsecond)} {
						if got := j.CompleteFrom(made); got.Before(next) {
							t.Errorf("run %d: complete from %v for %v in the gap after run %d", n, got, made, i)
						}
					}
				}
				opened := c.now()
				c.advance(time.Minute)
				add(t, j, n, c.now().Add(time.Minute))
				runs = append(runs, run{opened, c.now()})
				end(j)
				c.advance(time.Hour)
			}
		})
	}
}

// TestReplayJournalClockBehindLastRecord: when the clock was stepped back nobody can say what came in between.
func TestReplayJournalClockBehindLastRecord(t *testing.T) {
	dir, c := t.TempDir(), newTestClock()
	cfg := JournalConfig{Time: c.now}
	j := openJournal(t, dir, cfg)
	c.advance(time.Minute)
	expires := c.now().Add(time.Minute)
	add(t, j, 1, expires)
	j.Close()
	c.advance(-time.Second)
	j = openJournal(t, dir, cfg)
	if !j.Recovery().Damaged || !j.CompleteSince().Equal(c.now()) {
		t.Errorf("%+v, complete since %v", j.Recovery(), j.CompleteSince())
	}
	if add(t, j, 1, expires) {
		t.Error("replay")
	}
}

// TestReplayRisk: that nothing remains is said only of a journal with a past.
func TestReplayRisk(t *testing.T) {
	const forgets = "until their clocks show that time, for at most 5m0s. If another process accepted tokens for these services in the 5m0s before, there is a risk besides: until 10m0s after that time"
	if text := Risk(NewMemory(MemoryConfig{}), 5*time.Minute); !strings.Contains(text, forgets) {
		t.Error(text)
	}
	dir, c := t.TempDir(), newTestClock()
	cfg := JournalConfig{Time: c.now, Sync: true}
	check := func(when string, j *Journal, risk bool) {
		t.Helper()
		if text := Risk(j, 0); strings.Contains(text, forgets) != risk || (text != "") != risk {
			t.Errorf("%s: %q", when, text)
		}
		add(t, j, int(c.nanos.Add(1)), c.now().Add(time.Minute))
	}
	j := openJournal(t, dir, cfg)
	check("new", j, true)
	j.Close()
	c.advance(10*time.Minute - time.Second)
	j = openJournal(t, dir, cfg)
	check("young", j, true)
	j.Close()
	c.advance(time.Second)
	j = openJournal(t, dir, cfg)
	check("continued", j, false)
	path := j.path(j.number)
	j.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[journalHeader] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, dir, cfg)
	check("damaged", j, true)
	j.Close()
	c.advance(time.Minute)
	j = openJournal(t, dir, cfg)
	if j.Recovery().Damaged {
		t.Error("damage is reported for ever")
	}
	check("damaged just before", j, true)
}

func TestReplayJournalLock(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir, JournalConfig{})
	if _, err := OpenJournal(dir, JournalConfig{}); err == nil {
		t.Fatal("opened twice")
	}
	j.Close()
	if _, err := j.Add(t.Context(), testID(1), time.Now().Add(time.Minute)); !errors.Is(err, os.ErrClosed) {
		t.Fatal("add after close:", err)
	}
	openJournal(t, dir, JournalConfig{})
}

// TestReplayJournalConcurrent: many at once, over many files; one winner each, and all are there after a restart.
func TestReplayJournalConcurrent(t *testing.T) {
	dir := t.TempDir()
	cfg := JournalConfig{SegmentRecords: 64}
	j := openJournal(t, dir, cfg)
	expires := time.Now().Add(time.Hour)
	const ids, workers = 500, 16
	var wins atomic.Int32
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range ids {
				if added, err := j.Add(context.Background(), testID(i), expires); err != nil {
					t.Error(err)
				} else if added {
					wins.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if wins.Load() != ids {
		t.Errorf("%d were new, want %d", wins.Load(), ids)
	}
	j.Close()
	if got := openJournal(t, dir, cfg).Recovery(); got.Restored != ids || got.Damaged || got.Torn != 0 {
		t.Errorf("%+v", got)
	}
}

// TestReplayJournalWriteFailure: what could not be written is not accepted, then or later, and the next is.
func TestReplayJournalWriteFailure(t *testing.T) {
	dir, c := t.TempDir(), newTestClock()
	j := openJournal(t, dir, JournalConfig{Time: c.now, Sync: true})
	expires := c.now().Add(time.Minute)
	add(t, j, 1, expires)
	j.active.Close() // the disk is gone
	if added, err := j.Add(t.Context(), testID(2), expires); added || err == nil {
		t.Fatal("accepted without a record")
	}
	if add(t, j, 2, expires) {
		t.Error("accepted after it was refused")
	}
	if !add(t, j, 3, expires) {
		t.Error("does not recover")
	}
	j.Close()
	j = openJournal(t, dir, JournalConfig{Time: c.now})
	if got := j.Recovery(); got.Damaged || got.Restored != 2 {
		t.Errorf("%+v", got)
	}
}

// TestReplayJournalDamage cuts and alters the file of an unclean end.
func TestReplayJournalDamage(t *testing.T) {
	const records = 10
	tests := []struct {
		name    string
		alter   func(b []byte) []byte
		damaged bool
		known   int // records that must still be known
	}{
		{"intact", func(b []byte) []byte { return b }, false, records},
		{"torn tail", func(b []byte) []byte { return b[:len(b)-1] }, false, records - 1},
		{"tail of garbage", func(b []byte) []byte { return append(b, 1, 2, 3) }, false, records},
		{"last record of zeros", func(b []byte) []byte { clear(b[len(b)-journalRecord:]); return b }, false, records - 1},
		{"flipped bit in the middle", func(b []byte) []byte { b[journalHeader+3*journalRecord] ^= 1; return b }, true, records - 1},
		{"two records lost", func(b []byte) []byte { clear(b[len(b)-2*journalRecord:]); return b }, true, records - 2},
		{"header cut off", func(b []byte) []byte { return b[:journalHeader-1] }, false, 0},
		{"header altered", func(b []byte) []byte { b[len(journalMagic)] ^= 1; return b }, true, 0},
		{"other machine run", func(b []byte) []byte {
			h := b[:journalHeader-8]
			h = binary.BigEndian.AppendUint32(h, bootID()+1)
			binary.BigEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
			return b
		}, true, records},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, c := t.TempDir(), newTestClock()
			cfg := JournalConfig{Time: c.now}
			j := openJournal(t, dir, cfg)
			for i := range records {
				add(t, j, i, c.now().Add(time.Minute))
			}
			path := j.path(1)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			j.Close()
			if err := os.WriteFile(path, test.alter(b), 0o600); err != nil {
				t.Fatal(err)
			}
			c.advance(time.Second)
			j = openJournal(t, dir, cfg)
			if got := j.Recovery(); got.Damaged != test.damaged || got.Restored != test.known {
				t.Fatalf("%+v, want damaged %v, restored %d", got, test.damaged, test.known)
			}
			if test.damaged && !j.CompleteSince().Equal(c.now()) {
				t.Error("a damaged journal must not claim to know the past")
			}
			j.Close()
			if got := openJournal(t, dir, cfg).Recovery(); got.Damaged {
				t.Error("damage is reported for ever")
			}
		})
	}
}

// TestReplayJournalKill kills a process that adds ids, and asks for all that it was told were new.
func TestReplayJournalKill(t *testing.T) {
	if dir := os.Getenv("WSSGATE_TEST_JOURNAL"); dir != "" {
		journalChild(dir)
		return
	}
	dir := t.TempDir()
	for round := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestReplayJournalKill$")
		cmd.Env = append(os.Environ(), "WSSGATE_TEST_JOURNAL="+dir, fmt.Sprintf("WSSGATE_TEST_FIRST=%d", round*1_000_000))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var ids [][32]byte
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var id [32]byte
			if n, err := hex.Decode(id[:], lines.Bytes()); err != nil || n != 32 {
				break // cut off by the kill
			}
			if ids = append(ids, id); len(ids) == 2000 {
				cmd.Process.Kill() // SIGKILL
			}
		}
		cmd.Wait()
		if len(ids) < 2000 {
			t.Fatalf("child accepted %d ids only", len(ids))
		}
		j := openJournal(t, dir, JournalConfig{})
		if j.Recovery().Damaged {
			t.Errorf("%+v", j.Recovery())
		}
		for _, id := range ids {
			if added, err := j.Add(t.Context(), id, time.Now().Add(time.Hour)); added || err != nil {
				t.Fatalf("accepted again after kill -9: %v", err)
			}
		}
		j.Close()
	}
}

// journalChild prints each id that it was told is new.
func journalChild(dir string) {
	j, err := OpenJournal(dir, JournalConfig{SegmentRecords: 500})
	if err != nil {
		panic(err)
	}
	var first int
	fmt.Sscan(os.Getenv("WSSGATE_TEST_FIRST"), &first)
	for i := range 900_000 {
		id := testID(first + i)
		if added, err := j.Add(context.Background(), id, time.Now().Add(time.Hour)); err != nil || !added {
			panic(fmt.Sprint(added, err))
		}
		fmt.Println(hex.EncodeToString(id[:]))
	}
}

func BenchmarkReplay(b *testing.B) {
	expires := time.Now().Add(time.Hour)
	b.Run("memory", func(b *testing.B) {
		benchReplay(b, NewMemory(MemoryConfig{MaxEntries: 1 << 26}), expires)
	})
	b.Run("journal", func(b *testing.B) {
		j, err := OpenJournal(b.TempDir(), JournalConfig{MaxEntries: 1 << 26})
		if err != nil {
			b.Fatal(err)
		}
		defer j.Close()
		benchReplay(b, j, expires)
	})
}

// BenchmarkReplayMillion fills a store with a million ids, and reports what they take and how much longer entering one
// of the last tenth takes than one of the second. (The first tenth has the memory that the tables grow into to pay
// for.)
func BenchmarkReplayMillion(b *testing.B) {
	const million = 1_000_000
	expires := time.Now().Add(time.Hour)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var megabytes, ratio float64
	for b.Loop() {
		before := heap()
		s := NewMemory(MemoryConfig{})
		var tenths [10]time.Duration
		for tenth := range tenths {
			start := time.Now()
			for i := range million / 10 {
				if added, err := s.Add(b.Context(), testID(tenth*million/10+i), expires); err != nil || !added {
					b.Fatal(added, err)
				}
			}
			tenths[tenth] = time.Since(start)
		}
		megabytes += float64(heap()-before) / 1e6
		ratio += float64(tenths[9]) / float64(tenths[1])
		runtime.KeepAlive(s)
	}
	b.ReportMetric(megabytes/float64(b.N), "MB")
	b.ReportMetric(ratio/float64(b.N), "last/second")
}

func benchReplay(b *testing.B, s Store, expires time.Time) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if added, err := s.Add(b.Context(), testID(i), expires); err != nil || !added {
			b.Fatal(added, err)
		}
	}
}
