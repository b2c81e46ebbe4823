package keytab

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A Cause says who noticed a change of a keytab file.
type Cause string

const (
	CauseWatch  Cause = "watch"  // Watch, by a notice of the system or by looking
	CauseTicket Cause = "ticket" // a ticket for which there was no key
	CauseExpiry Cause = "expiry" // Watch, when keys had been kept long enough
)

// An Event is what a File tells of itself: a change, a failure, the end of one (neither Change nor Err), or that kept
// keys were dropped. It holds no secret.
type Event struct {
	Cause   Cause
	Change  Change
	Err     error    // the file cannot be used, for a second already; the last good keytab stays. Told once
	Dropped []string // "kvno 3 of soap/gw@EXAMPLE.COM", with CauseExpiry
	// NoNotices is why changes are noticed by looking at intervals only; told once, when Watch begins.
	NoNotices error
}

// Times of Watch.
const (
	watchQuiet = 50 * time.Millisecond  // after the last of several notices
	watchBusy  = 500 * time.Millisecond // after the first, if they do not end
	watchRetry = 200 * time.Millisecond // after a failure that may be one of a moment
)

// Watch keeps up with the file until ctx ends, and then returns. It watches the directory, so that a file that is
// renamed into place, written anew, absent for a moment, or reached by a symbolic link that is changed (as Kubernetes
// does with secrets) is noticed, and looks at the file at intervals besides. What it finds goes to FileConfig.Notify.
func (f *File) Watch(ctx context.Context) {
	w := &keytabWatch{File: f}
	w.open()
	defer w.close()
	timer := time.NewTimer(w.check(false))
	defer timer.Stop()
	var burst time.Time // first notice that was not acted on
	force := false
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-w.events():
			force = force || w.names[filepath.Base(e.Name)]
			if burst.IsZero() {
				burst = time.Now()
			}
			timer.Reset(min(watchQuiet, max(0, watchBusy-time.Since(burst))))
		case <-w.errors(): // notices were lost
			force = true
			timer.Reset(watchQuiet)
		case <-timer.C:
			timer.Reset(w.check(force))
			burst, force = time.Time{}, false
		}
	}
}

// keytabWatch is one run of Watch.
type keytabWatch struct {
	*File
	notices *fsnotify.Watcher // nil: none
	dirs    []string
	names   map[string]bool // of the file itself
	told    string          // the failure that was told
	kept    []retiredKey    // when last looked at
}

func (w *keytabWatch) open() {
	if w.cfg.PollOnly {
		return
	}
	var err error
	if w.notices, err = fsnotify.NewWatcher(); err == nil {
		err = w.follow()
	}
	if err != nil {
		w.reading.Lock()
		defer w.reading.Unlock()
		w.tell(Event{Cause: CauseWatch, NoNotices: err})
	}
}

func (w *keytabWatch) close() {
	if w.notices != nil {
		w.notices.Close()
	}
}

func (w *keytabWatch) events() <-chan fsnotify.Event {
	if w.notices == nil {
		return nil
	}
	return w.notices.Events
}

func (w *keytabWatch) errors() <-chan error {
	if w.notices == nil {
		return nil
	}
	return w.notices.Errors
}

// follow watches the directory of the path, and that of what it is a link to now. Adding one again is how a directory
// that was made anew is found.
func (w *keytabWatch) follow() error {
	if w.notices == nil {
		return nil
	}
	dirs, names := []string{filepath.Dir(w.path)}, map[string]bool{filepath.Base(w.path): true}
	if target, err := filepath.EvalSymlinks(w.path); err == nil {
		dirs, names[filepath.Base(target)] = append(dirs, filepath.Dir(target)), true
	}
	var first error
	for _, dir := range dirs {
		if err := w.notices.Add(dir); err != nil && first == nil {
			first = err
		}
	}
	for _, dir := range w.dirs {
		if !slices.Contains(dirs, dir) {
			_ = w.notices.Remove(dir) // it may be gone
		}
	}
	w.dirs, w.names = dirs, names
	return first
}

// check looks at the file, tells what is new, and says when to look again.
func (w *keytabWatch) check(force bool) time.Duration {
	w.reading.Lock()
	defer w.reading.Unlock()
	_ = w.follow() // looking goes on without
	change, err := w.look(force, false)
	w.tellExpiry()
	failing := w.cfg.Time().Sub(w.since)
	switch {
	case err == nil && (!change.IsEmpty() || w.told != ""):
		w.told = ""
		w.tell(Event{Cause: CauseWatch, Change: change})
	case err != nil && failing >= keytabSettle && w.told != err.Error():
		w.told = err.Error()
		w.tell(Event{Cause: CauseWatch, Err: err})
	}
	switch {
	case err != nil && failing < 2*keytabSettle:
		return min(w.cfg.Poll, watchRetry)
	case !w.seen.proven:
		return min(w.cfg.Poll, keytabSettle)
	}
	return w.cfg.Poll
}

// tellExpiry tells which kept keys are no longer.
func (w *keytabWatch) tellExpiry() {
	w.Keytab() // drops them
	var dropped []string
	now := w.cfg.Time()
	for _, r := range w.kept {
		text := "kvno " + kvnoList([]uint32{r.Kvno}) + " of " + r.Principal.String()
		if !now.Before(r.until) && !slices.Contains(dropped, text) {
			dropped = append(dropped, text)
		}
	}
	w.kept = w.current.Load().retired
	if len(dropped) > 0 {
		w.tell(Event{Cause: CauseExpiry, Dropped: dropped})
	}
}
