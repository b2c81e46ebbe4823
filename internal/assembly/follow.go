package assembly

import (
	"os"
	"time"
)

// A followed is files that are loaded again when they change: those of a
// certificate and its key, or of state keys. Keytabs have their own way, since
// tickets wait for them ([keytab.File]).
type followed struct {
	what  string // the setting that names the first
	paths []string
	load  func() (change string, err error) // uses the files, or leaves all as it was

	// When they were loaded, and looked at last; nil for one that is missing, or not
	// to be opened.
	used, last []os.FileInfo
}

// lookEvery is how often files are looked at. A change is used at the second look
// that finds the same: certificate and key are written one after the other.
const lookEvery = time.Second

// follow loads files again when they change, while [Keyring.Watch] runs. They have
// just been loaded.
func (k *Keyring) follow(what string, paths []string, load func() (string, error)) *followed {
	f := &followed{what: what, paths: paths, load: load}
	f.taken()
	f.last = f.used
	k.mu.Lock()
	defer k.mu.Unlock()
	k.followed = append(k.followed, f)
	return f
}

// look loads the files that have changed.
func (k *Keyring) look() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.followed {
		if f.changed() {
			k.loadAgain(f, "watch")
		}
	}
}

// changed looks at the files, and reports whether they are others than those that
// were loaded, and were the same at the look before. Then it counts them as loaded.
func (f *followed) changed() bool {
	now := f.sight()
	settled := same(now, f.last)
	if f.last = now; settled && !same(now, f.used) {
		f.used = now
		return true
	}
	return false
}

// taken counts the files as loaded as they are now.
func (f *followed) taken() { f.used = f.sight() }

// loadAgain loads files and logs what came of it.
func (k *Keyring) loadAgain(f *followed, cause string) {
	f.taken() // before they are read: a change meanwhile is one more
	change, err := f.load()
	if err != nil {
		k.log.Error("file not reloaded; the last good one stays in use", "setting", f.what, "file", f.paths[0],
			"cause", cause, "error", err.Error())
		return
	}
	k.log.Info("file reloaded", "setting", f.what, "file", f.paths[0], "cause", cause, "change", change)
}

// sight returns the files as they are now.
func (f *followed) sight() (all []os.FileInfo) {
	for _, path := range f.paths {
		all = append(all, openable(path))
	}
	return all
}

// openable returns what is known of a file, nil if it cannot be opened: rights
// that are put right later change neither its time nor its size.
func openable(path string) os.FileInfo {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() { // to open a pipe would wait
		return info
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	_ = f.Close()
	return info
}

// same reports whether files are the same, unchanged.
func same(a, b []os.FileInfo) bool {
	for i := range a {
		switch {
		case a[i] == nil && b[i] == nil:
		case a[i] == nil || b[i] == nil || !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() ||
			!a[i].ModTime().Equal(b[i].ModTime()):
			return false
		}
	}
	return true
}
