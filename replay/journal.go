package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// A JournalConfig configures a [Journal]. The zero value is ready.
type JournalConfig struct {
	// MaxEntries bounds the ids held in memory, as MemoryConfig.MaxEntries does.
	MaxEntries int
	// Sync waits until each record is on the disk. Without it a record is with the
	// operating system, which outlives the process but not the machine; a restart
	// of the machine without Close is detected (on Linux), and then authenticators
	// made before it are refused.
	Sync bool
	// SegmentRecords is the number of records after which a new file is begun,
	// which waits for the disk. 0 means 262,144, some 14 MB.
	SegmentRecords int
	// SegmentAge is the time after which a new file is begun. 0 means 5 minutes.
	SegmentAge time.Duration
	// Time is the clock; nil means time.Now.
	Time func() time.Time

	fsync func(*os.File) error // nil means (*os.File).Sync; tests replace it
}

// A Journal is a [Store] whose ids survive the process: each is written to a
// file before [Journal.Add] returns. The files are in a directory of their own,
// which one process uses at a time; a file is removed when all of its ids have
// expired.
//
// It refuses authenticators that were made while no process had it open: a
// process with another journal or none may have accepted them. Do not restore a
// copy of its directory before the skew limit has passed since the copy was
// made.
//
// Make it with [OpenJournal]; the zero value is not usable. It is safe for
// concurrent use.
type Journal struct {
	mem  *Memory
	dir  string
	cfg  JournalConfig
	lock *os.File
	boot uint32 // hash of the machine's boot id; 0 when unknown or when records survive the machine

	found  Recovery
	opened time.Time
	gaps   [journalGaps]gap // when no process had it open, the latest last; zeros first

	mu      sync.Mutex
	active  *os.File // nil after a failed write and when closed
	closed  bool
	segment segment   // the newest file of this process
	old     []segment // other files that are still there, oldest first
	number  uint64    // of the newest file
}

// A Recovery is what [OpenJournal] found.
type Recovery struct {
	Files    int // journal files
	Restored int // ids that have not expired
	Torn     int // records that were being written when the process ended; they were not accepted
	// Gap is the time since the last record of the process before: authenticators
	// made in it are refused. It is negative when the clock has gone back.
	Gap time.Duration
	// Damaged is set if a file was unreadable, if the machine went down without
	// Close, or if the clock has gone back behind the last record: what is older
	// than now is refused, as with a Memory.
	Damaged bool
}

// A gap is a time without the journal, in Unix nanoseconds, from excluded and
// to included.
type gap struct{ from, to int64 }

// A segment is one file of the journal.
type segment struct {
	number  uint64
	begun   time.Time
	records int
	latest  int64 // Unix nanoseconds: the last expiry in it
}

const (
	journalMagic = "wssgate replay 2"
	journalGaps  = 8
	// number, begun, complete since, floor, gaps, boot, checksum
	journalHeader = len(journalMagic) + 8 + 8 + 8 + 8 + 16*journalGaps + 4 + 4
	journalSummed = 32 + 8 + 8        // id, expires, written
	journalRecord = journalSummed + 4 // checksum
	journalLock   = "replay.lock"
	journalPrefix = "replay-"
	journalSuffix = ".journal"
)

// OpenJournal opens the journal in dir, which it makes if it does not exist,
// and reads the ids that have not expired. It fails if another process has it
// open. The caller must call [Journal.Close].
func OpenJournal(dir string, cfg JournalConfig) (*Journal, error) {
	if cfg.SegmentRecords <= 0 {
		cfg.SegmentRecords = 1 << 18
	}
	if cfg.SegmentAge <= 0 {
		cfg.SegmentAge = 5 * time.Minute
	}
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	if cfg.fsync == nil {
		cfg.fsync = (*os.File).Sync
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("replay journal: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, journalLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("replay journal: %w", err)
	}
	if err := lockFile(lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("replay journal: %s is in use by another process; use another directory: %w", dir, err)
	}
	j := &Journal{dir: dir, cfg: cfg, lock: lock, mem: NewMemory(MemoryConfig{
		MaxEntries: cfg.MaxEntries, Time: cfg.Time,
	})}
	j.opened = j.mem.since
	if !cfg.Sync {
		j.boot = bootID()
	}
	if err = j.load(); err == nil {
		err = j.rotate()
	}
	if err == nil && j.found.Damaged {
		err = j.rewrite()
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("replay journal: %w", err)
	}
	return j, nil
}

// Recovery returns what [OpenJournal] found.
func (j *Journal) Recovery() Recovery { return j.found }

// CompleteSince returns when the journal was begun, or when it was opened if
// [Recovery].Damaged. After many restarts it is later.
func (j *Journal) CompleteSince() time.Time { return j.mem.since }

// CompleteFrom returns made, or, if an authenticator made then may have been
// accepted without the journal, the first time after it at which none was. It
// implements gss.ReplayHistory.
func (j *Journal) CompleteFrom(made time.Time) time.Time {
	made = j.mem.CompleteFrom(made)
	for _, g := range j.gaps {
		if from, to := ctimeOf(time.Unix(0, g.from)), ctimeOf(time.Unix(0, g.to)); made.After(from) && made.Before(to) {
			made = to
		}
	}
	return made
}

// Len returns the number of ids held, as [Memory.Len] does.
func (j *Journal) Len() int { return j.mem.Len() }

// Add remembers id at least until expires and reports whether it was new; see
// [Store]. The id has been written to the operating system when Add returns
// true. It ignores ctx: it waits for one write only. The error is [ErrFull],
// [ErrTooOld] or that of the write.
func (j *Journal) Add(ctx context.Context, id [32]byte, expires time.Time) (bool, error) {
	added, err := j.mem.Add(ctx, id, expires)
	if err != nil || !added {
		return false, err
	}
	return j.record(id, expires)
}

// AddFor is [Journal.Add] for an id of client, whose share is bounded as by
// [Memory.AddFor]; the error may then be [ErrShareFull]. The files do not name
// clients: ids that were restored take room, but no share.
func (j *Journal) AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (bool, error) {
	added, err := j.mem.AddFor(ctx, client, id, expires)
	if err != nil || !added {
		return false, err
	}
	return j.record(id, expires)
}

// record writes a new id.
func (j *Journal) record(id [32]byte, expires time.Time) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.append(id, expires.UnixNano()); err != nil {
		return false, fmt.Errorf("replay journal: %w", err) // id stays known: it was not accepted and will not be
	}
	return true, nil
}

// append writes a record, in a new file if one is due or if the last write
// failed.
func (j *Journal) append(id [32]byte, expires int64) error {
	if j.closed {
		return os.ErrClosed
	}
	now := j.cfg.Time()
	if j.active == nil || j.segment.records >= j.cfg.SegmentRecords || now.Sub(j.segment.begun) >= j.cfg.SegmentAge {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	record := appendRecord(make([]byte, 0, journalRecord), j.segment.number, id, expires, now.UnixNano())
	if err := j.write(record); err != nil {
		j.active.Close()
		j.active = nil // the file may end in half a record
		return err
	}
	j.segment.records++
	j.segment.latest = max(j.segment.latest, expires)
	return nil
}

// write writes to the newest file, and waits for the disk if Sync is set.
func (j *Journal) write(b []byte) error {
	if _, err := j.active.Write(b); err != nil || !j.cfg.Sync {
		return err
	}
	return j.cfg.fsync(j.active)
}

// rotate begins a new file and removes those whose ids have all expired. It
// waits for the disk.
func (j *Journal) rotate() error {
	now := j.cfg.Time()
	next := segment{number: j.number + 1, begun: now}
	j.outdate(now.UnixNano())
	f, err := os.OpenFile(j.path(next.number), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	// The header is on the disk before any record is accepted, and the old file
	// before the new one is used: so the newest header shows whether a restart of
	// the machine has lost records.
	if _, err = f.Write(j.header(next)); err == nil {
		err = errors.Join(j.cfg.fsync(f), syncDir(j.dir))
	}
	if err == nil && j.active != nil {
		err = j.cfg.fsync(j.active)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return err
	}
	if j.active != nil {
		j.active.Close()
	}
	if j.segment.number > 0 {
		j.old = append(j.old, j.segment)
	}
	j.active, j.segment, j.number = f, next, next.number
	j.old = slices.DeleteFunc(j.old, func(s segment) bool {
		return s.latest <= now.UnixNano() && os.Remove(j.path(s.number)) == nil
	})
	return nil
}

// outdate raises the floor, which the next header has, above all ids of the
// files that rotate is about to remove. If Memory still holds such an id, its
// own floor does not cover it.
func (j *Journal) outdate(now int64) {
	if j.segment.latest <= now {
		j.mem.raiseFloor(j.segment.latest)
	}
	for _, s := range j.old {
		if s.latest <= now {
			j.mem.raiseFloor(s.latest)
		}
	}
}

// rewrite writes all ids into the new file and removes the damaged ones, so
// that damage is reported once.
func (j *Journal) rewrite() error {
	var b []byte
	j.mem.each(func(id [32]byte, expires int64) {
		b = appendRecord(b, j.segment.number, id, expires, j.segment.begun.UnixNano())
		j.segment.records++
		j.segment.latest = max(j.segment.latest, expires)
	})
	if _, err := j.active.Write(b); err != nil {
		return err
	}
	if err := j.cfg.fsync(j.active); err != nil {
		return err
	}
	for _, s := range j.old {
		if err := os.Remove(j.path(s.number)); err != nil {
			return err
		}
	}
	j.old = nil
	return nil
}

func (j *Journal) path(number uint64) string {
	return filepath.Join(j.dir, fmt.Sprintf("%s%016x%s", journalPrefix, number, journalSuffix))
}

// Close flushes the journal to the disk and releases the directory.
// [Journal.Add] fails afterwards. A second call does nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	var err error
	if j.active != nil {
		closed := appendRecord(nil, j.segment.number, [32]byte{}, 0, j.cfg.Time().UnixNano())
		_, err = j.active.Write(closed)
		err = errors.Join(err, j.cfg.fsync(j.active), j.active.Close())
	}
	return errors.Join(err, j.lock.Close())
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header returns the first octets of a file: its number and when it was begun,
// since when the journal is complete except for the gaps, up to which expiry
// ids have been dropped, and the machine's boot id.
func (j *Journal) header(s segment) []byte {
	b := append(make([]byte, 0, journalHeader), journalMagic...)
	b = binary.BigEndian.AppendUint64(b, s.number)
	b = binary.BigEndian.AppendUint64(b, uint64(s.begun.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, uint64(j.mem.since.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, uint64(j.mem.floor()))
	for _, g := range j.gaps {
		b = binary.BigEndian.AppendUint64(b, uint64(g.from))
		b = binary.BigEndian.AppendUint64(b, uint64(g.to))
	}
	b = binary.BigEndian.AppendUint32(b, j.boot)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// appendRecord appends a record; the checksum covers the file's number too.
func appendRecord(b []byte, number uint64, id [32]byte, expires, written int64) []byte {
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(expires))
	b = binary.BigEndian.AppendUint64(b, uint64(written))
	return binary.BigEndian.AppendUint32(b, recordSum(number, b[len(b)-journalSummed:]))
}

// recordSum returns the checksum of a record b in the file with that number.
func recordSum(number uint64, b []byte) uint32 {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], number)
	return crc32.Update(crc32.Checksum(n[:], castagnoli), castagnoli, b)
}
