package replay

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// load reads all files, oldest first. The newest says how the last process ended.
func (j *Journal) load() error {
	numbers, err := j.files()
	if err != nil {
		return err
	}
	var newest *readSegment
	for i, number := range numbers {
		j.number = number
		s, err := j.read(number)
		if err != nil {
			return err
		}
		if s.legible {
			j.old, newest = append(j.old, s.segment), s
			continue
		}
		// The newest file may have been cut off before its header was there; nothing was accepted with it.
		j.found.Damaged = j.found.Damaged || i < len(numbers)-1 || !s.short
		if err := os.Remove(j.path(number)); err != nil {
			return err
		}
	}
	j.found.Files = len(j.old)
	if newest == nil {
		return nil
	}
	if !newest.closed && newest.boot != 0 && newest.boot != bootID() {
		j.found.Damaged = true
	}
	j.found.Gap = j.opened.Sub(time.Unix(0, newest.alive))
	j.found.Damaged = j.found.Damaged || j.found.Gap < 0
	if !j.found.Damaged {
		j.resume(newest)
	}
	return nil
}

// resume goes on with the history that the newest file tells, but for the time since then.
func (j *Journal) resume(newest *readSegment) {
	j.mem.since, j.gaps = newest.since, newest.gaps
	if oldest := j.gaps[0]; oldest.to > j.mem.since.UnixNano() {
		j.mem.since = time.Unix(0, oldest.to) // as there is no room for one more
	}
	copy(j.gaps[:], j.gaps[1:])
	j.gaps[journalGaps-1] = gap{newest.alive, j.opened.UnixNano()}
}

// files lists the numbers of the journal's files, ascending.
func (j *Journal) files() ([]uint64, error) {
	entries, err := os.ReadDir(j.dir) // sorted by name, which has the number in fixed width
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, journalPrefix) || !strings.HasSuffix(name, journalSuffix) {
			continue
		}
		var n uint64
		if _, err := fmt.Sscanf(name, journalPrefix+"%016x"+journalSuffix, &n); err == nil && n > 0 && filepath.Base(j.path(n)) == name {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// readSegment is what read found in a file.
type readSegment struct {
	segment
	legible bool  // has a header
	short   bool  // ends before its header does
	closed  bool  // ends in the record of Close
	alive   int64 // Unix nanoseconds: when the last was written
	since   time.Time
	gaps    [journalGaps]gap
	boot    uint32
}

// read takes the ids of one file over. An unreadable record with others behind it is damage; at the end it was being
// written.
func (j *Journal) read(number uint64) (*readSegment, error) {
	s := &readSegment{segment: segment{number: number}}
	f, err := os.OpenFile(j.path(number), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	h := make([]byte, journalHeader)
	if _, err := io.ReadFull(r, h); err == io.EOF || err == io.ErrUnexpectedEOF {
		s.short = true
		return s, nil
	} else if err != nil {
		return nil, err
	}
	fields := h[len(journalMagic):]
	if string(h[:len(journalMagic)]) != journalMagic || binary.BigEndian.Uint64(fields) != number ||
		crc32.Checksum(h[:journalHeader-4], castagnoli) != binary.BigEndian.Uint32(h[journalHeader-4:]) {
		return s, nil
	}
	s.legible = true
	s.alive = int64(binary.BigEndian.Uint64(fields[8:]))
	s.since = time.Unix(0, int64(binary.BigEndian.Uint64(fields[16:])))
	j.mem.raiseFloor(int64(binary.BigEndian.Uint64(fields[24:])))
	fields = fields[32:]
	for i := range s.gaps {
		s.gaps[i] = gap{int64(binary.BigEndian.Uint64(fields)), int64(binary.BigEndian.Uint64(fields[8:]))}
		fields = fields[16:]
	}
	s.boot = binary.BigEndian.Uint32(fields)
	if err := j.readRecords(s, r); err != nil {
		return nil, err
	}
	// After SIGKILL its records may be with the operating system only, and from the next header on nobody would notice
	// when a restart of the machine loses them.
	return s, j.cfg.fsync(f)
}

func (j *Journal) readRecords(s *readSegment, from io.Reader) error {
	r := make([]byte, journalRecord)
	bad := 0
	for {
		n, err := io.ReadFull(from, r)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			if bad > 1 { // one was being written; more were lost with the machine
				j.found.Damaged = true
			}
			if bad > 0 || n > 0 {
				j.found.Torn++
			}
			return nil
		}
		if err != nil {
			return err
		}
		if recordSum(s.number, r[:journalSummed]) != binary.BigEndian.Uint32(r[journalSummed:]) {
			bad++
			continue
		}
		if bad > 0 {
			j.found.Damaged = true
		}
		if err := j.takeOver(s, [32]byte(r), int64(binary.BigEndian.Uint64(r[32:])), int64(binary.BigEndian.Uint64(r[40:]))); err != nil {
			return err
		}
	}
}

// takeOver is one record.
func (j *Journal) takeOver(s *readSegment, id [32]byte, expires, written int64) error {
	s.records++
	s.alive = written
	if s.closed = id == [32]byte{}; s.closed {
		return nil
	}
	s.latest = max(s.latest, expires)
	restored, err := j.mem.restore(id, expires)
	if restored {
		j.found.Restored++
	}
	return err
}
