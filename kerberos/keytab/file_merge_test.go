package keytab_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// Which keys of a former file stay usable, and which do not.
func TestFileKeepsReplacedKeys(t *testing.T) {
	t.Parallel()
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
		"a newer key": {[]list{{a1}, {a2}}, list{a2, a1},
			"a/x@R: kvno 1 is now 2 (1 kept until 2000-01-02T00:00:00Z"},
		"two newer keys":         {[]list{{a1}, {a2}, {a3}}, list{a3, a2, a1}, "a/x@R: kvno 2 is now 3 (2, 1 kept until"},
		"old keys in the file":   {[]list{{a1}, {a2, a1}}, list{a2, a1}, "a/x@R: kvno 1 is now 2, 1"},
		"an old key taken out":   {[]list{{a2, a1}, {a2}}, list{a2, a1}, "a/x@R: kvno 2, 1 is now 2 (1 kept until"},
		"a principal gone":       {[]list{{a1, b1}, {a2}}, list{a2, a1}, "b/x@R: gone, with kvno 1"},
		"a principal gone later": {[]list{{a1, b1}, {a2, b1}, {b1}}, list{b1}, "a/x@R: gone, with kvno 2"},
		"a principal come back":  {[]list{{a1, b1}, {a2, b1}, {b1}, {a3, b1}}, list{a3, b1}, "a/x@R: new, with kvno 3"},
		"a corrected key":        {[]list{{a2}, {a2corrected}}, list{a2corrected}, "a/x@R: keys of kvno 2 are others"},
		"a corrected key, later": {[]list{{a2}, {a3}, {a3, a2corrected}}, list{a3, a2corrected},
			"a/x@R: kvno 3 is now 3, 2"},
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

// A kept key decrypts tickets for FileConfig.Keep, by the clock alone.
func TestFileDropsKeptKeysInTime(t *testing.T) {
	t.Parallel()
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

// Changes do not print keys.
func TestChangePrintsNoKeys(t *testing.T) {
	t.Parallel()
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
