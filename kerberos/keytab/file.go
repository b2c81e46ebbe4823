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

// A FileConfig configures a File. The zero value is ready.
type FileConfig struct {
	// Keep is how long a key stays usable after a newer one took its place in the file. It should be the longest life of a
	// ticket, for until then clients may hold one under the old key: 10 h is Active Directory's default, 24 h MIT's. 0
	// means 24 h, less means not at all.
	Keep time.Duration
	// Poll is how often Watch looks at the file by itself, as a net under the notices of the system, which do not come
	// from network file systems. 0 means 10 s.
	Poll time.Duration
	// PollOnly does without notices of the system.
	PollOnly bool
	// Wait is how long a ticket waits for the file when it is of a newer key version than any in it: whoever changes a key
	// tells the KDC first and the file after. At most 32 tickets wait at a time, for the version is the sender's claim:
	// with one more the client address that has most, by kerberos.WithRemoteAddr, loses the one that waits longest. 0
	// means 2 s, less means not at all.
	Wait time.Duration
	// Parse makes a keytab of the file's octets; nil means Parse.
	Parse func([]byte) (*Keytab, error)
	// Notify is told what Watch and tickets found, one event at a time; nil means nobody is. It may call Keytab, and no
	// other method of the File.
	Notify func(Event)
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

// What a File allows itself.
const (
	keytabSettle = time.Second           // a file that did not change for so long is complete
	keytabAsk    = 50 * time.Millisecond // between two looks on behalf of tickets
)

// A File is a keytab in a file that may change while it is in use. What cannot be read is not taken: the last good
// keytab stays. Of a good file all is taken, and of the keytab before it those keys are kept, for FileConfig.Keep,
// whose principal now has a newer key version, since tickets under them are still about. They are not kept when the
// file
//
//   - no longer has the principal: who takes it out wants it gone;
//   - has another key of the same version and encryption type: who corrects a key wants the wrong one gone;
//   - has no newer version: then it was set back, or the account was made anew.
//
// What is kept lives in memory only. After a restart the file alone counts, so whoever wants an old key gone at once
// starts anew, and whoever can should leave old keys in the file (MIT's ktadd does). A File is safe for concurrent
// use.
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

// A sight is what stood at the path when it was last read.
type sight struct {
	info   os.FileInfo // nil: nothing
	since  time.Time   // seen first
	proven bool        // it was read when it had been there for keytabSettle, so that no write can have the same time
}

var errUnsettled = errors.New("file lacks principals, and may be incomplete yet")

// OpenFile reads a keytab file, whose path may begin with MIT's "FILE:". Later changes are noticed when Watch runs,
// when a ticket finds no key, and by Reload.
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

// A FileStatus says which keytab a File uses, and why not what is there.
type FileStatus struct {
	Taken   time.Time // when the file in use was read
	Err     error     // why the file that is there now is not used; nil when it is
	Failing time.Time // since when; zero without Err
	Kept    int       // keys that are kept though the file has them no more
}

// Status returns how f is now, for metrics.
func (f *File) Status() FileStatus {
	f.Keytab() // drops what was kept long enough
	f.reading.Lock()
	defer f.reading.Unlock()
	s := f.current.Load()
	return FileStatus{Taken: s.taken, Err: f.err, Failing: f.since, Kept: len(s.retired)}
}

// Path returns the path of the file, without "FILE:".
func (f *File) Path() string { return f.path }

// Keytab returns the keytab that is good now: the last good file, and what is kept of those before.
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

// Reload reads the file now and returns what that changed. With an error the last good keytab stays. It takes what it
// finds: a file that others are still writing may lack principals for a moment.
func (f *File) Reload() (Change, error) {
	f.reading.Lock()
	defer f.reading.Unlock()
	return f.look(true, true)
}

// look reads the file, unless it is certainly the one that was read before or force says so. Principals that it lacks
// are dropped when it had time to become complete, or by rule of whole. The caller holds reading.
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

// is reports whether info is of the same file, unchanged.
func (s *sight) is(info os.FileInfo) bool {
	return s.info != nil && os.SameFile(s.info, info) && s.info.Size() == info.Size() && s.info.ModTime().Equal(info.ModTime())
}

// readStable reads a file that nobody writes meanwhile.
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

// RefreshKeytab looks at the file on behalf of a ticket that old has no key for; see Refresher. Tickets cause a look
// every 50 ms at most, and a reading only when the file changed, whatever their number.
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

// lookForTicket returns the keytab if it is another than old, having looked at the file if that may be done again.
func (f *File) lookForTicket(old *Keytab) *Keytab {
	if kt := f.Keytab(); kt != old {
		return kt
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	if now := f.cfg.Time(); now.Sub(f.asked).Abs() >= keytabAsk {
		f.asked = now
		if change, err := f.look(false, false); err == nil && !change.IsEmpty() {
			f.tell(Event{Cause: CauseTicket, Change: change})
		}
	}
	if kt := f.Keytab(); kt != old {
		return kt
	}
	return nil
}

// tell is called with reading held, which keeps events in order.
func (f *File) tell(e Event) {
	if f.cfg.Notify != nil {
		f.cfg.Notify(e)
	}
}
