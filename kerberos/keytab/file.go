package keytab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A FileConfig configures a [File]. The zero value is ready to use.
type FileConfig struct {
	// Keep is how long a key stays usable after a newer one replaced it in the
	// file. It should be the longest life of a ticket, since clients may hold
	// tickets under the old key until then: 10 h is Active Directory's default,
	// 24 h MIT's. 0 means 24 h; with a negative value replaced keys are dropped
	// at once.
	Keep time.Duration
	// Poll is how often [File.Watch] looks at the file besides following the
	// system's notifications, which network file systems do not send. 0 means
	// 10s.
	Poll time.Duration
	// PollOnly turns the system's notifications off.
	PollOnly bool
	// Wait is how long a ticket waits for the file if it is of a newer key
	// version than any in it: a key changes at the KDC first and in the file
	// afterwards. At most 32 tickets wait at a time, since anyone can claim a
	// version: one more takes the place of the ticket that waits longest at the
	// client address with most of them, by kerberos.WithRemoteAddr. 0 means 2s;
	// with a negative value no ticket waits.
	Wait time.Duration
	// Parse parses the file; nil means the function [Parse].
	Parse func([]byte) (*Keytab, error)
	// Notify, if not nil, is called with what Watch and tickets found, one
	// event at a time. It may call Keytab, and no other method of the File.
	Notify func(Event)
	// Time is the clock; nil means [time.Now].
	Time func() time.Time
}

// How often a File looks.
const (
	keytabSettle = time.Second           // a file that has not changed for this long is complete
	keytabAsk    = 50 * time.Millisecond // between two looks on behalf of tickets
)

// A File is a keytab file that may change while it is in use. A file that
// cannot be read is not used: the last good keytab stays. A good file is used
// whole, and keys of the keytab before it are kept, for [FileConfig.Keep], if
// their principal now has a newer key version, since clients still hold tickets
// under them. They are not kept if the file
//
//   - no longer has the principal: whoever removed it wants it gone;
//   - has another key of the same version and encryption type: whoever corrected
//     it wants the wrong one gone;
//   - has no newer version: it was set back, or the account was recreated.
//
// Kept keys are in memory only. After a restart the file alone counts: restart
// to drop old keys at once, and leave old keys in the file, as MIT's ktadd
// does, to keep them for certain. A File is safe for concurrent use.
type File struct {
	path    string
	cfg     FileConfig // with defaults
	current atomic.Pointer[keytabState]
	waits   waitingRoom

	reading sync.Mutex // one reads the file at a time; guards:
	seen    sight
	err     error     // of the last reading; nil if it was good
	since   time.Time // err was first seen
	asked   time.Time // last look on behalf of a ticket

	mu      sync.Mutex    // guards changes of current, and:
	changed chan struct{} // closed by the next one
}

// A sight is the file as it was when last read.
type sight struct {
	info   os.FileInfo // nil: nothing
	since  time.Time   // seen first
	proven bool        // it was read after keytabSettle, so that a later write has another time
}

var errUnsettled = errors.New("file lacks principals, and may be incomplete yet")

// OpenFile reads a keytab file, whose path may begin with "FILE:". Later
// changes are noticed while [File.Watch] runs, when no key fits a ticket, and
// by [File.Reload]. With an error it returns a File that has no keys yet.
func OpenFile(path string, cfg FileConfig) (*File, error) {
	f := &File{path: strings.TrimPrefix(path, "FILE:"), cfg: cfg, changed: make(chan struct{})}
	for _, d := range []struct {
		v     *time.Duration
		value time.Duration
	}{{&f.cfg.Keep, 24 * time.Hour}, {&f.cfg.Poll, 10 * time.Second}, {&f.cfg.Wait, 2 * time.Second}} {
		if *d.v == 0 {
			*d.v = d.value
		}
	}
	if f.cfg.Poll < 0 {
		return nil, fmt.Errorf("keytab: poll interval of %v", f.cfg.Poll)
	}
	if f.cfg.Parse == nil {
		f.cfg.Parse = Parse
	}
	if f.cfg.Time == nil {
		f.cfg.Time = time.Now
	}
	f.current.Store(&keytabState{keytab: newKeytab(nil)})
	_, err := f.Reload()
	return f, err
}

// A FileStatus is the state of a [File].
type FileStatus struct {
	Taken   time.Time // when the file in use was read
	Err     error     // why the file as it is now is not used; nil if it is
	Failing time.Time // when Err began; zero without Err
	Kept    int       // number of keys that are kept and no longer in the file
}

// Status returns the state of f, for metrics.
func (f *File) Status() FileStatus {
	f.Keytab() // drops what was kept long enough
	f.reading.Lock()
	defer f.reading.Unlock()
	s := f.current.Load()
	return FileStatus{Taken: s.taken, Err: f.err, Failing: f.since, Kept: len(s.retired)}
}

// Path returns the path of the file, without "FILE:".
func (f *File) Path() string { return f.path }

// Keytab returns the keytab to use now: the last good file, and the keys that
// are kept from those before.
func (f *File) Keytab() *Keytab {
	s := f.current.Load()
	if len(s.retired) > 0 && s.over(f.cfg.Time()) {
		s = f.expire()
	}
	return s.keytab
}

// expire drops what was kept long enough.
func (f *File) expire() *keytabState {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, now := f.current.Load(), f.cfg.Time()
	if old.over(now) {
		f.store(old.without(now))
	}
	return f.current.Load()
}

// store is called with mu held.
func (f *File) store(s *keytabState) {
	f.current.Store(s)
	close(f.changed)
	f.changed = make(chan struct{})
}

// Reload reads the file now and returns what changed. With an error the last
// good keytab stays. Unlike Watch it uses a file at once, though one that is
// still being written may lack principals.
func (f *File) Reload() (Change, error) {
	f.reading.Lock()
	defer f.reading.Unlock()
	return f.look(true, true)
}

// look reads the file, unless it is certainly the same as before and force is
// false. A file that lacks principals is used only if it had time to become
// complete, or whole is true. The caller holds reading.
func (f *File) look(force, whole bool) (change Change, err error) {
	now := f.cfg.Time()
	defer func() {
		if err == nil {
			f.since = time.Time{}
		} else if f.err == nil {
			f.since = now
		}
		f.err = err
	}()
	info, err := os.Stat(f.path)
	if err != nil {
		f.seen = sight{}
		return Change{}, fmt.Errorf("keytab: %w", err)
	}
	pipe := info.Mode()&(os.ModeNamedPipe|os.ModeDevice|os.ModeSocket) != 0
	switch {
	case pipe && f.seen.info != nil && force:
		return Change{}, fmt.Errorf("%s: keytab: is a pipe or device, and is read once", f.path)
	case !force && f.seen.info != nil && (pipe || f.seen.proven && f.seen.is(info)):
		return Change{}, f.err
	}
	octets, info, err := readStable(f.path)
	if err != nil {
		f.seen = sight{}
		return Change{}, err
	}
	if !f.seen.is(info) {
		f.seen = sight{info: info, since: now}
	}
	f.seen.proven = now.Sub(f.seen.since) >= keytabSettle
	kt, err := f.cfg.Parse(octets)
	if err != nil {
		return Change{}, fmt.Errorf("%s: %w", f.path, err)
	}
	if len(kt.entries) == 0 {
		return Change{}, fmt.Errorf("%s: %w", f.path, &FormatError{Found: "holds no keys"})
	}
	return f.take(kt, now, whole || f.seen.proven)
}

// take makes kt, merged with what is kept, the current keytab.
func (f *File) take(kt *Keytab, now time.Time, complete bool) (Change, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.current.Load()
	if sameEntries(old.file, kt.entries) {
		return Change{}, nil
	}
	next := old.merge(kt, now, f.cfg.Keep)
	change := changeOf(old, next)
	if change.gone() && !complete {
		return Change{}, fmt.Errorf("%s: keytab: %w", f.path, errUnsettled)
	}
	f.store(next)
	return change, nil
}

// is reports whether info is of the same unchanged file.
func (s *sight) is(info os.FileInfo) bool {
	return s.info != nil && os.SameFile(s.info, info) && s.info.Size() == info.Size() &&
		s.info.ModTime().Equal(info.ModTime())
}

// readStable reads a file and fails if it changes meanwhile.
func readStable(path string) ([]byte, os.FileInfo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("keytab: %w", err)
	}
	defer file.Close()
	before, err := file.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("keytab: %w", err)
	}
	octets, err := io.ReadAll(io.LimitReader(file, maxKeytabBytes+1))
	if err != nil {
		return nil, nil, fmt.Errorf("keytab: %w", err)
	}
	after, err := file.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("keytab: %w", err)
	}
	if was := (&sight{info: before}); before.Mode().IsRegular() && !was.is(after) {
		return nil, nil, fmt.Errorf("%s: keytab: is being written", path)
	}
	return octets, after, nil
}

// RefreshKeytab looks at the file for a ticket that no key of old fits; see
// [Refresher]. Whatever their number, tickets cause one look in 50 ms at most,
// and the file is read only if it changed.
func (f *File) RefreshKeytab(ctx context.Context, old *Keytab, newer bool) *Keytab {
	if kt := f.lookForTicket(old); kt != nil || !newer || f.cfg.Wait < 0 {
		return kt
	}
	w := f.waits.enter(ctx)
	defer f.waits.leave(w)
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Wait)
	defer cancel()
	tick := time.NewTicker(keytabAsk)
	defer tick.Stop()
	for {
		f.mu.Lock()
		changed := f.changed
		f.mu.Unlock()
		if kt := f.lookForTicket(old); kt != nil {
			return kt
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.displaced:
			return nil
		case <-changed:
		case <-tick.C:
		}
	}
}

// lookForTicket looks at the file, unless that was done a moment ago, and
// returns the keytab if it is another than old.
func (f *File) lookForTicket(old *Keytab) *Keytab {
	if kt := f.Keytab(); kt != old {
		return kt
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	if now := f.cfg.Time(); now.Sub(f.asked).Abs() >= keytabAsk {
		f.asked = now
		if change, err := f.look(false, false); err == nil && !change.IsEmpty() {
			f.notify(Event{Cause: CauseTicket, Change: change})
		}
	}
	if kt := f.Keytab(); kt != old {
		return kt
	}
	return nil
}

// notify is called with reading held, which keeps events in order.
func (f *File) notify(e Event) {
	if f.cfg.Notify != nil {
		f.cfg.Notify(e)
	}
}
