package replay

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestJournalRejectsIdsOfRemovedFiles: a file goes when its ids are past their
// time, though memory holds some of them still. With the clock stepped back and
// a restart they must not be new.
func TestJournalRejectsIdsOfRemovedFiles(t *testing.T) {
	t.Parallel()
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

func TestOpenJournalRejectsASecondProcess(t *testing.T) {
	t.Parallel()
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

// TestJournalAddIsAtomic: many at once, over many files; one winner each, and
// all are there after a restart.
func TestJournalAddIsAtomic(t *testing.T) {
	t.Parallel()
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

// TestJournalAddFailsWhenTheWriteDoes: what could not be written is not
// accepted, then or later, and the next is.
func TestJournalAddFailsWhenTheWriteDoes(t *testing.T) {
	t.Parallel()
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

// TestJournalSurvivesSIGKILL kills a process that adds ids, and asks for all
// that Add reported as new.
func TestJournalSurvivesSIGKILL(t *testing.T) {
	if dir := os.Getenv("WSSGATE_TEST_JOURNAL"); dir != "" {
		journalChild(dir)
		return
	}
	dir := t.TempDir()
	for round := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestJournalSurvivesSIGKILL$")
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

// journalChild prints each id that Add reports as new.
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
