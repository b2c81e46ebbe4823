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

// load reads all files, oldest first. The newest shows how the last process
// ended.
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
		// The newest file may have been cut off in its header; no id in it was
		// accepted.
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

// resume continues the history of the newest file, with a gap since its last
// record.
func (j *Journal) resume(newest *readSegment) {
	j.mem.since, j.gaps = newest.since, newest.gaps
	if oldest := j.gaps[0]; oldest.to > j.mem.since.UnixNano() {
		j.mem.since = time.Unix(0, oldest.to) // there is no room for one more gap
	}
	copy(j.gaps[:], j.gaps[1:])
	j.gaps[journalGaps-1] = gap{newest.alive, j.opened.UnixNano()}
}

// files returns the numbers of the journal's files, ascending.
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
		_, err := fmt.Sscanf(name, journalPrefix+"%016x"+journalSuffix, &n)
		if err == nil && n > 0 && filepath.Base(j.path(n)) == name {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// readSegment is what read found in a file.
type readSegment struct {
	segment
	legible bool  // its header is intact
	short   bool  // it ends before its header does
	closed  bool  // its last record is that of Close
	alive   int64 // Unix nanoseconds: when the last record was written
	since   time.Time
	gaps    [journalGaps]gap
	boot    uint32
}

// read restores the ids of one file. An unreadable record before readable ones
// is damage; the last may have been in the process of being written.
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
	// After SIGKILL its records may be with the operating system only, and once
	// there is a newer header, the loss of those records in a restart of the
	// machine would not be detected.
	return s, j.cfg.fsync(f)
}

// readRecords restores the ids of the records of a file.
func (j *Journal) readRecords(s *readSegment, from io.Reader) error {
	r := make([]byte, journalRecord)
	bad := 0
	for {
		n, err := io.ReadFull(from, r)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			if bad > 1 { // one was being written; more are lost records
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
		expires, written := binary.BigEndian.Uint64(r[32:]), binary.BigEndian.Uint64(r[40:])
		if err := j.takeOver(s, [32]byte(r), int64(expires), int64(written)); err != nil {
			return err
		}
	}
}

// takeOver restores the id of one record, unless that is the record of Close.
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
