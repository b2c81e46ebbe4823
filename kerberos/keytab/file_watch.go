package keytab

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A Cause is what noticed a change of a keytab file.
type Cause string

const (
	CauseWatch  Cause = "watch"  // Watch, by a notification or by looking
	CauseTicket Cause = "ticket" // a ticket that no key fits
	CauseExpiry Cause = "expiry" // Watch, when keys had been kept long enough
)

// An Event is what a [File] reports: a change, a failure, the end of one
// (neither Change nor Err), or that kept keys were dropped. It holds no secret.
type Event struct {
	Cause   Cause
	Change  Change
	Err     error    // why the file has not been usable for a second; the last good keytab stays. Reported once
	Dropped []string // "kvno 3 of soap/gw@EXAMPLE.COM", with CauseExpiry
	// NoNotices is why there are no notifications, so that changes are noticed
	// at intervals only. Reported once, when Watch begins.
	NoNotices error
}

// Times of Watch.
const (
	watchQuiet = 50 * time.Millisecond  // after the last of several notifications
	watchBusy  = 500 * time.Millisecond // after the first, if they do not end
	watchRetry = 200 * time.Millisecond // after a failure that may be transient
)

// Watch follows the file until ctx ends, and then returns. It watches the
// directory, so that it notices a file that is renamed into place, rewritten,
// absent for a moment, or reached by a symbolic link that changes (as
// Kubernetes does with secrets). It also looks at the file at intervals. What
// it finds goes to [FileConfig.Notify].
func (f *File) Watch(ctx context.Context) {
	w := &keytabWatch{File: f}
	w.open()
	defer w.close()
	timer := time.NewTimer(w.check(false))
	defer timer.Stop()
	var burst time.Time // first notification not yet acted on
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
		case <-w.errors(): // notifications were lost
			force = true
			timer.Reset(watchQuiet)
		case <-timer.C:
			timer.Reset(w.check(force))
			burst, force = time.Time{}, false
		}
	}
}

// keytabWatch is the state of one call of Watch.
type keytabWatch struct {
	*File
	notices  *fsnotify.Watcher // nil for none
	dirs     []string
	names    map[string]bool // of the file itself
	reported string          // the failure that was reported
	kept     []retiredKey    // when last looked at
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
		w.notify(Event{Cause: CauseWatch, NoNotices: err})
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

// follow watches the directory of the path, and that of the file it now links
// to. Adding a directory again finds one that was recreated.
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

// check looks at the file, reports what is new, and returns how long to wait
// before the next look.
func (w *keytabWatch) check(force bool) time.Duration {
	w.reading.Lock()
	defer w.reading.Unlock()
	_ = w.follow() // looking goes on without notifications
	change, err := w.look(force, false)
	w.notifyExpiry()
	failing := w.cfg.Time().Sub(w.since)
	switch {
	case err == nil && (!change.IsEmpty() || w.reported != ""):
		w.reported = ""
		w.notify(Event{Cause: CauseWatch, Change: change})
	case err != nil && failing >= keytabSettle && w.reported != err.Error():
		w.reported = err.Error()
		w.notify(Event{Cause: CauseWatch, Err: err})
	}
	switch {
	case err != nil && failing < 2*keytabSettle:
		return min(w.cfg.Poll, watchRetry)
	case !w.seen.proven:
		return min(w.cfg.Poll, keytabSettle)
	}
	return w.cfg.Poll
}

// notifyExpiry reports which kept keys were dropped.
func (w *keytabWatch) notifyExpiry() {
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
		w.notify(Event{Cause: CauseExpiry, Dropped: dropped})
	}
}
