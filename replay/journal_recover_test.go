package replay

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestJournalRestoresIdsAfterARestart(t *testing.T) {
	t.Parallel()
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

func TestJournalRejectsWhatItHasDropped(t *testing.T) {
	t.Parallel()
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

// TestOpenJournalSyncsWhatKillLeft: the records of a killed process are on the
// disk before there is a new header, which shows that nothing was lost.
func TestOpenJournalSyncsWhatKillLeft(t *testing.T) {
	t.Parallel()
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
	want := []string{filepath.Join(dir, "replay-0000000000000001.journal"),
		filepath.Join(dir, "replay-0000000000000002.journal"),
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

// TestJournalRemembersGaps: of the times when nobody had the journal open it
// does not claim to know, also after more restarts than the header has room
// for.
func TestJournalRemembersGaps(t *testing.T) {
	t.Parallel()
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

// TestOpenJournalFindsAClockBehindTheLastRecord: when the clock was stepped
// back it is unknown what came in between.
func TestOpenJournalFindsAClockBehindTheLastRecord(t *testing.T) {
	t.Parallel()
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

// TestOpenJournalFindsDamage cuts and alters the file of an unclean end.
func TestOpenJournalFindsDamage(t *testing.T) {
	t.Parallel()
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
		{"flipped bit in the middle", func(b []byte) []byte { b[journalHeader+3*journalRecord] ^= 1; return b }, true,
			records - 1},
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
