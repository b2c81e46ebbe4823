package keytab_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
)

const rotated = "soap/gw.example.com"

// A rotation is a KDC and a keytab file of its service, which fall apart and come together.
type rotation struct {
	t    testing.TB
	kdc  *krbtest.KDC
	path string
}

func newRotation(t testing.TB) *rotation {
	t.Helper()
	r := &rotation{t: t, kdc: krbtest.New(krbtest.Config{}), path: filepath.Join(t.TempDir(), "gw.keytab")}
	r.kdc.AddService(rotated)
	r.deliver(r.entries())
	return r
}

// entries are the newest keys.
func (r *rotation) entries() []keytab.Entry {
	return r.kdc.Entries([]string{rotated}, etype.AES256SHA1)
}

func (r *rotation) octets(entries []keytab.Entry) []byte {
	r.t.Helper()
	b, err := keytab.New(entries...).AppendBinary(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

func (r *rotation) write(b []byte) {
	r.t.Helper()
	if err := os.WriteFile(r.path, b, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// deliver renames a new file into place.
func (r *rotation) deliver(entries []keytab.Entry) {
	r.t.Helper()
	next := r.path + ".new"
	if err := os.WriteFile(next, r.octets(entries), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(next, r.path); err != nil {
		r.t.Fatal(err)
	}
}

// rotate makes new keys at the KDC and delivers them alone.
func (r *rotation) rotate() { r.kdc.AddService(rotated); r.deliver(r.entries()) }

func (r *rotation) open(cfg keytab.FileConfig) *keytab.File {
	r.t.Helper()
	f, err := keytab.OpenFile(r.path, cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return f
}

func (r *rotation) reload(f *keytab.File) keytab.Change {
	r.t.Helper()
	change, err := f.Reload()
	if err != nil {
		r.t.Fatal(err)
	}
	return change
}

// kvnos are the versions that f has of the service, newest first.
func kvnos(f *keytab.File) (list []uint32) {
	for _, e := range f.Keytab().Entries() {
		list = append(list, e.Kvno)
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

func (r *rotation) want(f *keytab.File, when string, versions ...uint32) {
	r.t.Helper()
	if got := kvnos(f); !slices.Equal(got, versions) {
		r.t.Errorf("%s: kvno %v, want %v", when, got, versions)
	}
}

// accept presents a fresh token with a ticket of a version; 0 is the newest.
func (r *rotation) accept(ctx context.Context, a *gss.Acceptor, kvno uint32) error {
	r.t.Helper()
	token, _, err := r.kdc.Token("alice", rotated, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Kvno: kvno}})
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = a.Accept(ctx, token)
	return err
}

// entry makes an entry with a random key.
func entry(t testing.TB, principal string, kvno uint32, et int32) keytab.Entry {
	t.Helper()
	p, err := kerberos.ParsePrincipal(principal)
	if err != nil {
		t.Fatal(err)
	}
	key, err := etype.NewKey(et, krbtest.RandomKey(et))
	if err != nil {
		t.Fatal(err)
	}
	return keytab.Entry{Principal: p, Kvno: kvno, Etype: et, Key: key}
}

// Which keys of a former file stay usable, and which do not.
func TestKeytabFileKeeps(t *testing.T) {
	a1, a2, a3 := entry(t, "a/x@R", 1, 18), entry(t, "a/x@R", 2, 18), entry(t, "a/x@R", 3, 18)
	a2corrected, a2other, b1 := entry(t, "a/x@R", 2, 18), entry(t, "a/x@R", 2, 17), entry(t, "b/x@R", 1, 18)
	a0, a0again := entry(t, "a/x@R", 0, 18), entry(t, "a/x@R", 0, 18)
	short := func(kvno uint32) keytab.Entry {
		e := entry(t, "a/x@R", kvno, 18)
		e.ShortKvno = true
		return e
	}
	s255, s0, s200 := short(255), short(0), short(200)
	type list = []keytab.Entry
	for name, tt := range map[string]struct {
		files []list
		want  list   // in force at the end, in any order
		says  string // the last change
	}{
		"a newer key":              {[]list{{a1}, {a2}}, list{a2, a1}, "a/x@R: kvno 1 is now 2 (1 kept until 2000-01-02T00:00:00Z"},
		"two newer keys":           {[]list{{a1}, {a2}, {a3}}, list{a3, a2, a1}, "a/x@R: kvno 2 is now 3 (2, 1 kept until"},
		"old keys in the file":     {[]list{{a1}, {a2, a1}}, list{a2, a1}, "a/x@R: kvno 1 is now 2, 1"},
		"an old key taken out":     {[]list{{a2, a1}, {a2}}, list{a2, a1}, "a/x@R: kvno 2, 1 is now 2 (1 kept until"},
		"a principal gone":         {[]list{{a1, b1}, {a2}}, list{a2, a1}, "b/x@R: gone, with kvno 1"},
		"a principal gone later":   {[]list{{a1, b1}, {a2, b1}, {b1}}, list{b1}, "a/x@R: gone, with kvno 2"},
		"a principal come back":    {[]list{{a1, b1}, {a2, b1}, {b1}, {a3, b1}}, list{a3, b1}, "a/x@R: new, with kvno 3"},
		"a corrected key":          {[]list{{a2}, {a2corrected}}, list{a2corrected}, "a/x@R: keys of kvno 2 are others"},
		"a corrected key, later":   {[]list{{a2}, {a3}, {a3, a2corrected}}, list{a3, a2corrected}, "a/x@R: kvno 3 is now 3, 2"},
		"another encryption type":  {[]list{{a2, a2other}, {a2}}, list{a2}, "a/x@R: keys of kvno 2 are others"},
		"set back":                 {[]list{{a3}, {a2}}, list{a2}, "a/x@R: kvno 3 is now 2"},
		"set back, after a change": {[]list{{a1}, {a3}, {a2}}, list{a2, a1}, "a/x@R: kvno 3 is now 2 (1 kept until"},
		"no version, corrected":    {[]list{{a0}, {a0again}}, list{a0again}, "a/x@R: keys of kvno 0 are others"},
		"no version before":        {[]list{{a0}, {a1}}, list{a1, a0}, "a/x@R: kvno 0 is now 1 (0 kept until"},
		"8 bits that begin again":  {[]list{{s255}, {s0}}, list{s0, s255}, "a/x@R: kvno 255 is now 0 (255 kept until"},
		"8 bits, set back":         {[]list{{s255}, {s200}}, list{s200}, "a/x@R: kvno 255 is now 200"},
		"nothing":                  {[]list{{a2, b1}, {b1, a2}}, list{a2, b1}, "nothing changed"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "kt")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			next := 0
			f, err := keytab.OpenFile(file, keytab.FileConfig{
				Time:  func() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) },
				Parse: func([]byte) (*keytab.Keytab, error) { return keytab.New(tt.files[next]...), nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			var change keytab.Change
			for next = 1; next < len(tt.files); next++ {
				if change, err = f.Reload(); err != nil {
					t.Fatal(err)
				}
			}
			if !strings.Contains(change.String(), tt.says) {
				t.Errorf("it says %q, want %q", change, tt.says)
			}
			got := f.Keytab().Entries()
			if len(got) != len(tt.want) {
				t.Errorf("%d keys, want %d:\n%v", len(got), len(tt.want), f.Keytab())
			}
			for _, w := range tt.want {
				if !slices.ContainsFunc(got, func(e keytab.Entry) bool { return e.Kvno == w.Kvno && e.Key.Equal(w.Key) }) {
					t.Errorf("no key of %s kvno %d", w.Principal, w.Kvno)
				}
			}
		})
	}
}

// A kept key opens tickets as long as it is said to, by the clock alone.
func TestKeytabFileDropsKeptKeysInTime(t *testing.T) {
	r := newRotation(t)
	now := time.Now()
	clock := func() time.Time { return now }
	f := r.open(keytab.FileConfig{Keep: 10 * time.Hour, Time: clock})
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: f, Time: clock})
	if err != nil {
		t.Fatal(err)
	}
	r.rotate()
	change := r.reload(f)
	if until := change.Principals[0].Until; !until.Equal(now.Add(10 * time.Hour)) {
		t.Errorf("kept until %v", until)
	}
	r.want(f, "after the first change", 2, 1)
	now = now.Add(time.Second) // within the clock skew
	if err := r.accept(t.Context(), a, 1); err != nil {
		t.Errorf("a ticket under the kept key: %v", err)
	}
	now = now.Add(5 * time.Hour)
	r.write(nil)
	if _, err := f.Reload(); err == nil {
		t.Error("an empty file was taken")
	}
	if s := f.Status(); s.Err == nil || s.Failing != now || s.Taken != now.Add(-5*time.Hour-time.Second) || s.Kept != 1 {
		t.Errorf("status of a bad file: %+v", s)
	}
	r.rotate()
	r.reload(f)
	if s := f.Status(); s != (keytab.FileStatus{Taken: now, Kept: 2}) {
		t.Errorf("status: %+v", s)
	}
	r.want(f, "after the second", 3, 2, 1)
	now = now.Add(5*time.Hour - 2*time.Second)
	r.want(f, "just before the end", 3, 2, 1)
	now = now.Add(time.Second)
	r.want(f, "at the end", 3, 2)
	if err := r.accept(t.Context(), a, 1); !errors.Is(err, &kerberos.Error{Code: kerberos.CodeNoKvno}) {
		t.Errorf("a ticket under the dropped key: %v", err)
	}
	now = now.Add(5*time.Hour + 2*time.Second)
	r.want(f, "at last", 3)

	off := r.open(keytab.FileConfig{Keep: -1})
	r.rotate()
	r.reload(off)
	r.want(off, "not kept", 4)
}

// Whatever is at the path, the last good keytab stays.
func TestKeytabFileKeepsTheLastGood(t *testing.T) {
	r := newRotation(t)
	f := r.open(keytab.FileConfig{})
	good := r.octets(r.entries())
	for name, tt := range map[string]struct {
		make func() error
		want string
	}{
		"removed":   {func() error { return os.Remove(r.path) }, "no such file"},
		"empty":     {func() error { return os.WriteFile(r.path, nil, 0o600) }, "is empty"},
		"no keys":   {func() error { return os.WriteFile(r.path, good[:2], 0o600) }, "holds no keys"},
		"cut off":   {func() error { return os.WriteFile(r.path, good[:len(good)-1], 0o600) }, "longer than the file"},
		"not one":   {func() error { return os.WriteFile(r.path, []byte("password"), 0o600) }, "not a keytab"},
		"directory": {func() error { return errors.Join(os.Remove(r.path), os.Mkdir(r.path, 0o700)) }, "directory"},
		"dangling":  {func() error { return errors.Join(os.Remove(r.path), os.Symlink("nowhere", r.path)) }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tt.make(); err != nil {
				t.Fatal(err)
			}
			if change, err := f.Reload(); err == nil || !strings.Contains(err.Error(), tt.want) || !change.IsEmpty() {
				t.Errorf("%v, %v", change, err)
			}
			r.want(f, name, 1)
			if err := os.RemoveAll(r.path); err != nil {
				t.Fatal(err)
			}
			r.write(good)
			if change := r.reload(f); !change.IsEmpty() {
				t.Errorf("put back: %v", change)
			}
		})
	}
	if _, err := keytab.OpenFile(r.path+".none", keytab.FileConfig{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opened: %v", err)
	}
}

// Changes do not print keys.
func TestKeytabChangeHasNoKeys(t *testing.T) {
	r := newRotation(t)
	f := r.open(keytab.FileConfig{})
	r.rotate()
	change := r.reload(f)
	for _, e := range f.Keytab().Entries() {
		for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(form, change); strings.Contains(text, string(e.Key.ExposeKeyOctets())) {
				t.Errorf("%s prints a key", form)
			}
		}
	}
}

// An eventLog collects what Watch tells.
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

// watch runs Watch until the end of the test.
func (r *rotation) watch(cfg keytab.FileConfig) (*keytab.File, *eventLog) {
	r.t.Helper()
	log := &eventLog{}
	cfg.Notify = log.add
	f := r.open(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); f.Watch(ctx) }()
	r.t.Cleanup(func() { cancel(); <-ended })
	return f, log
}

// comes waits for a condition.
func comes(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not come", what)
}

// The system's notices, without looking at intervals: each way in which files change is noticed, and momentary states
// are no failures.
func TestKeytabFileWatch(t *testing.T) {
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
					t.Errorf("told %+v", e)
				}
			}
		})
	}
}

// Kubernetes puts a secret's files into a directory of their own and swaps a link to it.
func TestKeytabFileWatchesLinks(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	dir := filepath.Dir(r.path)
	publish := func(version string) {
		t.Helper()
		where := filepath.Join(dir, ".."+version)
		err := errors.Join(os.Mkdir(where, 0o700), os.WriteFile(filepath.Join(where, "gw.keytab"), r.octets(r.entries()), 0o600),
			os.Symlink(".."+version, filepath.Join(dir, "..data_tmp")), os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
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
	if err := errors.Join(os.WriteFile(elsewhere, r.octets(r.entries()), 0o600), os.Remove(r.path), os.Symlink(elsewhere, r.path)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	r.path = elsewhere
	r.rotate()
	comes(t, "the file behind the link", func() bool { return slices.Contains(kvnos(f), 4) })
}

// A directory that is removed takes its notices with it; looking at intervals finds the new one.
func TestKeytabFileWatchesANewDirectory(t *testing.T) {
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

// By intervals alone, in fake time: what lasts is told once, and so is its end.
func TestKeytabFileTells(t *testing.T) {
	r := newRotation(t)
	synctest.Test(t, func(t *testing.T) {
		log := &eventLog{}
		f := r.open(keytab.FileConfig{PollOnly: true, Poll: 100 * time.Millisecond, Notify: log.add, Keep: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); f.Watch(ctx) }()
		defer func() { cancel(); <-ended }()
		told := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for _, e := range log.all() {
				got = append(got, fmt.Sprintf("%s %v %v %v", e.Cause, e.Change, e.Err, e.Dropped))
			}
			if !slices.EqualFunc(got, want, strings.HasPrefix) {
				t.Errorf("%s: told %q, want %q", when, got, want)
			}
			log.mu.Lock()
			defer log.mu.Unlock()
			log.list = nil
		}
		time.Sleep(time.Minute)
		told("no change")
		r.rotate()
		time.Sleep(10 * time.Second)
		told("a change", "watch "+rotated+"@EXAMPLE.COM: kvno 1 is now 2 (1 kept until 2000-01-01T01:01:")
		r.write(nil)
		time.Sleep(800 * time.Millisecond)
		told("a failure that may be one of a moment")
		time.Sleep(time.Minute)
		told("one that lasts", "watch nothing changed "+r.path+": keytab: is empty")
		if err := os.Remove(r.path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		told("another", "watch nothing changed keytab: stat "+r.path)
		r.deliver(r.entries())
		time.Sleep(10 * time.Second)
		told("its end", "watch nothing changed <nil>")
		time.Sleep(time.Hour)
		told("the end of the kept key", "expiry nothing changed <nil> [kvno 1 of "+rotated+"@EXAMPLE.COM]")
		r.want(f, "at last", 2)
	})
}

// A file that lacks principals may be half written; it is believed when it stays so, or when somebody says so.
func TestKeytabFileDoesNotDropAPrincipalAtOnce(t *testing.T) {
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
			t.Errorf("told %v", log.all())
		}
		r.write(r.octets(both[1:]))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if all := log.all(); len(f.Keytab().Principals()) != 1 || len(all) != 1 || all[0].Change.String() != rotated+"@EXAMPLE.COM: gone, with kvno 1" {
			t.Errorf("told %v of a principal taken out", all)
		}
	})
	r.write(r.octets(both))
	f := r.open(keytab.FileConfig{})
	r.write(r.octets(both[1:]))
	if change := r.reload(f); len(f.Keytab().Principals()) != 1 {
		t.Errorf("reloaded: %v", change)
	}
}

// A ticket of a new key version finds a file that nobody announced, waits for one that is late, and is refused when
// none comes.
func TestTicketsRefreshTheKeytab(t *testing.T) {
	r := newRotation(t)
	log := &eventLog{}
	f := r.open(keytab.FileConfig{Wait: 300 * time.Millisecond, Notify: log.add})
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: f, Replay: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)})})
	if err != nil {
		t.Fatal(err)
	}
	r.rotate()
	if err := r.accept(t.Context(), a, 0); err != nil {
		t.Errorf("file there, not announced: %v", err)
	}
	if all := log.all(); len(all) != 1 || all[0].Cause != keytab.CauseTicket || !strings.Contains(all[0].Change.String(), "kvno 1 is now 2") {
		t.Errorf("told %v", all)
	}
	r.kdc.AddService(rotated)
	late := time.AfterFunc(100*time.Millisecond, func() { r.deliver(r.entries()) })
	defer late.Stop()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := r.accept(t.Context(), a, 0); err != nil {
				t.Errorf("file late: %v", err)
			}
		})
	}
	all.Wait()

	r.kdc.AddService(rotated)
	start := time.Now()
	if err := r.accept(t.Context(), a, 0); !errors.Is(err, &kerberos.Error{Code: kerberos.CodeNoKvno}) || time.Since(start) < 300*time.Millisecond {
		t.Errorf("no file: %v after %v", err, time.Since(start))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.accept(ctx, a, 0); err == nil || time.Since(start) > 2*time.Second {
		t.Errorf("client gone: %v", err)
	}
	if err := r.accept(t.Context(), a, 1); err != nil {
		t.Errorf("an old ticket: %v", err)
	}
}

// However many tickets claim a key version, the file is not read for them, and few wait.
func TestHostileTicketsDoNotCostReadings(t *testing.T) {
	r := newRotation(t)
	var parsed atomic.Int32
	synctest.Test(t, func(t *testing.T) {
		f := r.open(keytab.FileConfig{Parse: func(b []byte) (*keytab.Keytab, error) { parsed.Add(1); return keytab.Parse(b) }})
		time.Sleep(time.Minute)
		old := f.Keytab()
		f.RefreshKeytab(t.Context(), old, false) // proves that the file is complete
		before := parsed.Load()
		for range 1000 {
			time.Sleep(20 * time.Millisecond)
			if f.RefreshKeytab(t.Context(), old, false) != nil {
				t.Error("another keytab")
			}
		}
		if n := parsed.Load() - before; n != 0 {
			t.Errorf("read %d times", n)
		}
		start := time.Now()
		var waited atomic.Int32
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				f.RefreshKeytab(t.Context(), old, true)
				if time.Since(start) > time.Second {
					waited.Add(1)
				}
			})
		}
		all.Wait()
		if n := waited.Load(); n != 32 || time.Since(start) > 3*time.Second || parsed.Load() != before {
			t.Errorf("%d waited, %v, read %d times", n, time.Since(start), parsed.Load()-before)
		}
	})
}

// Readers, tickets, notices and reloads at once, for the race detector.
func TestKeytabFileConcurrently(t *testing.T) {
	r := newRotation(t)
	f, _ := r.watch(keytab.FileConfig{Poll: 5 * time.Millisecond, Keep: 20 * time.Millisecond})
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: f})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := uint32(0); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if i == 0 {
					_, _ = f.Reload()
				}
				_ = r.accept(context.Background(), a, n%3)
				if len(f.Keytab().Entries()) == 0 {
					t.Error("no keys")
				}
			}
		})
	}
	for range 20 {
		r.rotate()
		time.Sleep(10 * time.Millisecond)
	}
	close(stop)
	all.Wait()
}
