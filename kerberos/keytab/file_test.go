package keytab_test

import (
	"context"
	"errors"
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

// A rotation is a KDC and a keytab file of its service, which fall apart and
// come together.
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

// Whatever is at the path, the last good keytab stays.
func TestFileKeepsTheLastGoodKeytab(t *testing.T) {
	t.Parallel()
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

// A ticket of a new key version makes the File look, waits for a file that is
// late, and is refused if none comes.
func TestFileRefreshesForTickets(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	log := &eventLog{}
	f := r.open(keytab.FileConfig{Wait: time.Minute, Notify: log.add})
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: f,
		Replay: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)})})
	if err != nil {
		t.Fatal(err)
	}
	r.rotate()
	if err := r.accept(t.Context(), a, 0); err != nil {
		t.Errorf("file there, not announced: %v", err)
	}
	if all := log.all(); len(all) != 1 || all[0].Cause != keytab.CauseTicket ||
		!strings.Contains(all[0].Change.String(), "kvno 1 is now 2") {
		t.Errorf("reported %v", all)
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

	short, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: r.open(keytab.FileConfig{Wait: 300 * time.Millisecond}),
		Replay: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)})})
	if err != nil {
		t.Fatal(err)
	}
	r.kdc.AddService(rotated)
	start := time.Now()
	if err := r.accept(t.Context(), short, 0); !errors.Is(err, &kerberos.Error{Code: kerberos.CodeNoKvno}) ||
		time.Since(start) < 300*time.Millisecond {
		t.Errorf("no file: %v after %v", err, time.Since(start))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start = time.Now()
	if err := r.accept(ctx, a, 0); err == nil || time.Since(start) > 45*time.Second {
		t.Errorf("client gone: %v", err)
	}
	if err := r.accept(t.Context(), a, 1); err != nil {
		t.Errorf("an old ticket: %v", err)
	}
}

// However many tickets claim a key version, the file is not read for them, and
// few wait.
func TestFileReadsRarelyForHostileTickets(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	var parsed atomic.Int32
	synctest.Test(t, func(t *testing.T) {
		f := r.open(keytab.FileConfig{Parse: func(b []byte) (*keytab.Keytab,
			error) {
			parsed.Add(1)
			return keytab.Parse(b)
		}})
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
func TestFileIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
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
