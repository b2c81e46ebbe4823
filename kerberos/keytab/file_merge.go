package keytab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
)

// A keytabState is a File's state at one time. It is immutable.
type keytabState struct {
	keytab  *Keytab // of file and retired
	file    []Entry // of the last good file
	retired []retiredKey
	next    time.Time // when the first of retired ends; zero without
	taken   time.Time // when file was read
}

// A retiredKey is a key that is kept although a newer one replaced it in the
// file.
type retiredKey struct {
	Entry
	until time.Time
}

// over reports whether a retired key has been kept long enough.
func (s *keytabState) over(now time.Time) bool { return !s.next.IsZero() && !now.Before(s.next) }

// without returns s without the retired keys that have been kept long enough.
func (s *keytabState) without(now time.Time) *keytabState {
	var rest []retiredKey
	for _, r := range s.retired {
		if now.Before(r.until) {
			rest = append(rest, r)
		}
	}
	return newKeytabState(s.file, rest, s.taken)
}

func newKeytabState(file []Entry, retired []retiredKey, taken time.Time) *keytabState {
	s := &keytabState{file: file, retired: retired, taken: taken}
	all := slices.Clone(file)
	for _, r := range retired {
		all = append(all, r.Entry)
		if s.next.IsZero() || r.until.Before(s.next) {
			s.next = r.until
		}
	}
	s.keytab = newKeytab(all)
	return s
}

// A keySlot identifies a key: there should be one for each.
type keySlot struct {
	name  string
	kvno  uint32
	etype int32
}

func slotOf(e *Entry) keySlot { return keySlot{e.Principal.String(), e.Kvno, e.Etype} }

// merge returns the state with a new file: all of its keys, and those of s that
// are kept; see [File].
func (s *keytabState) merge(kt *Keytab, now time.Time, keep time.Duration) *keytabState {
	taken := map[keySlot]bool{}
	for i := range kt.entries {
		taken[slotOf(&kt.entries[i])] = true
	}
	var retired []retiredKey
	retire := func(e Entry, until time.Time) {
		list := kt.byName[e.Principal.String()]
		if e.Key.IsZero() || taken[slotOf(&e)] || !now.Before(until) {
			return
		}
		if slices.ContainsFunc(list, func(n *Entry) bool { return newerKvno(n, &e) }) {
			retired = append(retired, retiredKey{e, until})
		}
	}
	for _, e := range s.file {
		retire(e, now.Add(keep))
	}
	for _, r := range s.retired {
		retire(r.Entry, r.until)
	}
	return newKeytabState(kt.entries, retired, now)
}

// newerKvno reports whether a's version is newer. Where a file has only 8 bits
// of one, 0 follows 255.
func newerKvno(a, b *Entry) bool {
	if a.ShortKvno || b.ShortKvno {
		ahead := uint8(a.Kvno - b.Kvno)
		return ahead != 0 && ahead < 0x80
	}
	return a.Kvno > b.Kvno
}

// sameEntries compares principals and keys, in order, without timestamps.
func sameEntries(a, b []Entry) bool {
	return slices.EqualFunc(a, b, func(a, b Entry) bool {
		return a.Kvno == b.Kvno && a.Etype == b.Etype && a.Principal.String() == b.Principal.String() && a.Key.Equal(b.Key)
	})
}

// A Change is how a keytab file differs from the one read before. The zero
// value is no change. It holds no secret.
type Change struct {
	Principals []PrincipalChange // sorted by name
}

// A PrincipalChange is how the keys of one principal differ.
type PrincipalChange struct {
	Principal string
	Old, New  []uint32  // key versions before and now, newest first; empty if the file has no key
	Corrected bool      // a version has other keys, or other encryption types
	Kept      []uint32  // versions that stay usable although no longer in the file
	Until     time.Time // when the last of Kept is dropped
}

// IsEmpty reports whether nothing changed.
func (c Change) IsEmpty() bool { return len(c.Principals) == 0 }

func (c Change) gone() bool {
	return slices.ContainsFunc(c.Principals, func(p PrincipalChange) bool { return len(p.New) == 0 })
}

// String returns a sentence for each principal.
func (c Change) String() string {
	if c.IsEmpty() {
		return "nothing changed"
	}
	var list []string
	for _, p := range c.Principals {
		list = append(list, p.String())
	}
	return strings.Join(list, "; ")
}

// String returns "soap/gw@EXAMPLE.COM: kvno 3 is now 4 (3 kept until
// 2026-11-27T10:00:00Z)".
func (p PrincipalChange) String() string {
	s := p.Principal + ": "
	switch {
	case len(p.New) == 0:
		return s + "gone, with kvno " + kvnoList(p.Old)
	case len(p.Old) == 0:
		s += "new, with kvno " + kvnoList(p.New)
	case slices.Equal(p.Old, p.New):
		s += "keys of kvno " + kvnoList(p.New) + " are others"
	default:
		s += "kvno " + kvnoList(p.Old) + " is now " + kvnoList(p.New)
	}
	if len(p.Kept) > 0 {
		s += fmt.Sprintf(" (%s kept until %s)", kvnoList(p.Kept), kerberos.FormatTime(p.Until))
	}
	return s
}

func kvnoList(list []uint32) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ", ")
}

// changeOf returns how next differs from old.
func changeOf(old, next *keytabState) Change {
	names := map[string]bool{}
	was, is := byPrincipal(old.file, names), byPrincipal(next.file, names)
	var change Change
	for name := range names {
		p := PrincipalChange{Principal: name, Old: kvnosOf(was[name]), New: kvnosOf(is[name])}
		p.Corrected = corrected(was[name], is[name])
		for _, r := range next.retired {
			if r.Principal.String() != name {
				continue
			}
			if !slices.Contains(p.Kept, r.Kvno) && !slices.Contains(p.New, r.Kvno) {
				p.Kept = append(p.Kept, r.Kvno)
			}
			if r.until.After(p.Until) {
				p.Until = r.until
			}
		}
		if p.Corrected || !slices.Equal(p.Old, p.New) {
			change.Principals = append(change.Principals, p)
		}
	}
	slices.SortFunc(change.Principals,
		func(a, b PrincipalChange) int { return strings.Compare(a.Principal, b.Principal) })
	return change
}

func byPrincipal(entries []Entry, names map[string]bool) map[string][]Entry {
	m := map[string][]Entry{}
	for _, e := range entries {
		name := e.Principal.String()
		m[name], names[name] = append(m[name], e), true
	}
	return m
}

// kvnosOf returns each version once, newest first.
func kvnosOf(entries []Entry) (list []uint32) {
	for _, e := range entries {
		list = append(list, e.Kvno)
	}
	slices.SortFunc(list, func(a, b uint32) int { return int(min(max(int64(b)-int64(a), -1), 1)) })
	return slices.Compact(list)
}

// corrected reports whether a version that is in both has other keys.
func corrected(was, is []Entry) bool {
	differ := func(a, b []Entry) bool {
		return slices.ContainsFunc(a, func(x Entry) bool {
			sameVersion := func(y Entry) bool { return x.Kvno == y.Kvno }
			sameKey := func(y Entry) bool { return sameVersion(y) && x.Etype == y.Etype && x.Key.Equal(y.Key) }
			return slices.ContainsFunc(b, sameVersion) && !slices.ContainsFunc(b, sameKey)
		})
	}
	return differ(was, is) || differ(is, was)
}
