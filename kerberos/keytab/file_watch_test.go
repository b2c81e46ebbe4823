package keytab_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos/keytab"
)

// An eventLog collects the events of Watch.
type eventLog struct {
	mu   sync.Mutex
	list []keytab.Event
}

func (l *eventLog) add(e keytab.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, e)
}

func (l *eventLog) all() []keytab.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// comes waits for a condition.
func comes(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s does not come", what)
}

// By notifications alone: each way in which files change is noticed, and
// transient states are not reported as failures.
func TestFileWatchNoticesChanges(t *testing.T) {
	notices := keytab.FileConfig{Poll: time.Hour}
	for name, change := range map[string]func(t *testing.T, r *rotation, next []byte){
		"renamed into place": func(_ *testing.T, r *rotation, next []byte) { r.deliver(r.entries()) },
		"written anew":       func(_ *testing.T, r *rotation, next []byte) { r.write(next) },
		"in two pieces": func(_ *testing.T, r *rotation, next []byte) {
			r.write(next[:len(next)/2])
			time.Sleep(150 * time.Millisecond)
			r.write(next)
		},
		"absent for a moment": func(t *testing.T, r *rotation, next []byte) {
			if err := os.Remove(r.path); err != nil {
				t.Fatal(err)
			}
			time.Sleep(150 * time.Millisecond)
			r.write(next)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRotation(t)
			f, log := r.watch(notices)
			time.Sleep(20 * time.Millisecond)
			r.kdc.AddService(rotated)
			change(t, r, r.octets(r.entries()))
			comes(t, "the new key", func() bool { return slices.Contains(kvnos(f), 2) })
			r.want(f, name, 2, 1)
			comes(t, "the event", func() bool { return len(log.all()) > 0 })
			for _, e := range log.all() {
				if e.Err != nil || e.Cause != keytab.CauseWatch {
					t.Errorf("reported %+v", e)
				}
			}
		})
	}
}

// Kubernetes puts a secret's files into a directory of their own and swaps a
// link to it.
func TestFileWatchFollowsLinks(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	dir := filepath.Dir(r.path)
	publish := func(version string) {
		t.Helper()
		where := filepath.Join(dir, ".."+version)
		err := errors.Join(os.Mkdir(where, 0o700),
			os.WriteFile(filepath.Join(where, "gw.keytab"), r.octets(r.entries()), 0o600),
			os.Symlink(".."+version, filepath.Join(dir, "..data_tmp")),
			os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
		if err != nil {
			t.Fatal(err)
		}
	}
	publish("1")
	if err := errors.Join(os.Remove(r.path), os.Symlink("..data/gw.keytab", r.path)); err != nil {
		t.Fatal(err)
	}
	f, _ := r.watch(keytab.FileConfig{Poll: time.Hour})
	for i, version := range []string{"2", "3"} {
		r.kdc.AddService(rotated)
		publish(version)
		if err := os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..%d", i+1))); err != nil {
			t.Fatal(err)
		}
		comes(t, "version "+version, func() bool { return slices.Contains(kvnos(f), uint32(i+2)) })
	}
	// A link to elsewhere, where the file is replaced.
	elsewhere := filepath.Join(t.TempDir(), "real.keytab")
	if err := errors.Join(os.WriteFile(elsewhere, r.octets(r.entries()), 0o600), os.Remove(r.path),
		os.Symlink(elsewhere, r.path)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	r.path = elsewhere
	r.rotate()
	comes(t, "the file behind the link", func() bool { return slices.Contains(kvnos(f), 4) })
}

// A directory that is removed sends no more notifications; looking at intervals
// finds the new one.
func TestFileWatchFollowsANewDirectory(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	dir := filepath.Join(t.TempDir(), "secrets")
	r.path = filepath.Join(dir, "gw.keytab")
	put := func() {
		t.Helper()
		if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
			t.Fatal(err)
		}
		r.deliver(r.entries())
	}
	put()
	f, _ := r.watch(keytab.FileConfig{Poll: 100 * time.Millisecond})
	r.kdc.AddService(rotated)
	put()
	comes(t, "the file of the new directory", func() bool { return slices.Contains(kvnos(f), 2) })
}

// By intervals alone, in fake time: what lasts is reported once, and so is its
// end.
func TestFileWatchReportsEvents(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	synctest.Test(t, func(t *testing.T) {
		log := &eventLog{}
		f := r.open(keytab.FileConfig{PollOnly: true, Poll: 100 * time.Millisecond, Notify: log.add, Keep: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); f.Watch(ctx) }()
		defer func() { cancel(); <-ended }()
		reported := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for _, e := range log.all() {
				got = append(got, fmt.Sprintf("%s %v %v %v", e.Cause, e.Change, e.Err, e.Dropped))
			}
			if !slices.EqualFunc(got, want, strings.HasPrefix) {
				t.Errorf("%s: reported %q, want %q", when, got, want)
			}
			log.mu.Lock()
			defer log.mu.Unlock()
			log.list = nil
		}
		time.Sleep(time.Minute)
		reported("no change")
		r.rotate()
		time.Sleep(10 * time.Second)
		reported("a change", "watch "+rotated+"@EXAMPLE.COM: kvno 1 is now 2 (1 kept until 2000-01-01T01:01:")
		r.write(nil)
		time.Sleep(800 * time.Millisecond)
		reported("a failure that may be one of a moment")
		time.Sleep(time.Minute)
		reported("one that lasts", "watch nothing changed "+r.path+": keytab: is empty")
		if err := os.Remove(r.path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		reported("another", "watch nothing changed keytab: stat "+r.path)
		r.deliver(r.entries())
		time.Sleep(10 * time.Second)
		reported("its end", "watch nothing changed <nil>")
		time.Sleep(time.Hour)
		reported("the end of the kept key", "expiry nothing changed <nil> [kvno 1 of "+rotated+"@EXAMPLE.COM]")
		r.want(f, "at last", 2)
	})
}

// A file that lacks principals may be half written; it is used if it stays so,
// or on Reload.
func TestFileDoesNotDropAPrincipalAtOnce(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	other := entry(t, "host/x@EXAMPLE.COM", 1, 18)
	both := append(r.entries(), other)
	synctest.Test(t, func(t *testing.T) {
		log := &eventLog{}
		r.deliver(both)
		f := r.open(keytab.FileConfig{PollOnly: true, Poll: 100 * time.Millisecond, Notify: log.add})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); f.Watch(ctx) }()
		defer func() { cancel(); <-ended }()
		time.Sleep(5 * time.Second)
		r.write(r.octets(both[1:]))
		time.Sleep(500 * time.Millisecond)
		if n := len(f.Keytab().Principals()); n != 2 {
			t.Errorf("%d principals of a file just written", n)
		}
		r.write(r.octets(both))
		time.Sleep(5 * time.Second)
		if synctest.Wait(); len(log.all()) != 0 {
			t.Errorf("reported %v", log.all())
		}
		r.write(r.octets(both[1:]))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if all := log.all(); len(f.Keytab().Principals()) != 1 || len(all) != 1 ||
			all[0].Change.String() != rotated+"@EXAMPLE.COM: gone, with kvno 1" {
			t.Errorf("reported %v of a principal taken out", all)
		}
	})
	r.write(r.octets(both))
	f := r.open(keytab.FileConfig{})
	r.write(r.octets(both[1:]))
	if change := r.reload(f); len(f.Keytab().Principals()) != 1 {
		t.Errorf("reloaded: %v", change)
	}
}
