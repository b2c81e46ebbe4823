package wssec

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// entries are of each form.
func entries() []*contextEntry {
	sc := SecurityContext{
		Token: SecureConversationToken, Namespace: NSWSC13, Instance: "urn:2", Name: "alice", Realm: "EXAMPLE.COM",
		Service: "HTTP/gw.example.com@EXAMPLE.COM",
		Groups:  []string{"S-1-5-21-1", "S-1-5-21-12", "S-1-5-21-12", "S-1-5", ""},
		Created: time.Unix(1, 2), Expires: time.Unix(3, 4), TicketEnd: time.Unix(5, 6), Key: NewKey(make([]byte, 32)),
	}
	small := SecurityContext{Token: SpnegoContextToken, Namespace: NSWSC05, Key: NewKey(make([]byte, 16))}
	delegated := sc
	delegated.Credentials = bytes.Repeat([]byte{0, 1}, 3000)
	return []*contextEntry{
		{cancelled: true}, {sc: small}, {sc: sc}, {givenUp: true, sc: sc},
		{sc: sc, previous: &contextKey{instance: "urn:1", key: NewKey([]byte("0123456789abcdef")),
			expires: time.Unix(7, 8)}},
		{sc: sc, previous: &contextKey{}},
		{sc: delegated, previous: &contextKey{instance: "urn:1"}},
	}
}

func TestDecodeContextReadsWhatAppendWrote(t *testing.T) {
	t.Parallel()
	for _, e := range entries() {
		b := e.append(nil)
		got, err := decodeContext(b)
		if err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
		if again := got.append(nil); !bytes.Equal(again, b) {
			t.Errorf("%+v became %+v", e, got)
		}
		if got.cancelled != e.cancelled || got.givenUp != e.givenUp || got.sc.Name != e.sc.Name ||
			!bytes.Equal(got.sc.Credentials, e.sc.Credentials) ||
			len(got.sc.Groups) != len(e.sc.Groups) ||
			!got.sc.Key.Equal(e.sc.Key) || !got.sc.TicketEnd.Equal(e.sc.TicketEnd) ||
			(got.previous == nil) != (e.previous == nil) {
			t.Errorf("%+v became %+v", e, got)
		}
		for n := range b {
			if short, err := decodeContext(b[:n]); err == nil && (e.previous == nil || short.previous != nil) {
				t.Errorf("%d of %d octets are read as an entry", n, len(b))
			}
		}
		if _, err := decodeContext(append(b, 0)); err == nil {
			t.Error("an octet more is read")
		}
	}
}

// FuzzContextEntry: whatever is decoded is what its octets say, in one way only.
func FuzzContextEntry(f *testing.F) {
	for _, e := range entries() {
		f.Add(e.append(nil))
	}
	f.Add([]byte{entryLive, 0, 0})
	f.Add(manyTexts())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeContext(b)
		if err != nil {
			return
		}
		if again := e.append(nil); !bytes.Equal(again, b) {
			t.Errorf("%x\n%x", b, again)
		}
		if len(e.sc.Groups) > maxContextGroups || sumOf(e.sc.Groups) > maxContextGroupOctets ||
			len(e.sc.Name) > maxContextText {
			t.Error("beyond the bounds")
		}
	})
}

// manyTexts is an entry whose groups would take a thousand times its octets.
func manyTexts() []byte {
	e := contextEntry{sc: SecurityContext{Token: SpnegoContextToken, Namespace: NSWSC05, Key: NewKey(make([]byte, 16))}}
	for range maxContextGroups {
		e.sc.Groups = append(e.sc.Groups, strings.Repeat("a", maxContextText))
	}
	return e.append(nil)
}

// What stands for very much text is refused before the text is there.
func TestDecodeContextBoundsItsGroups(t *testing.T) {
	t.Parallel()
	b := manyTexts()
	if _, err := decodeContext(b); err == nil || len(b) > 16<<10 {
		t.Errorf("%d octets were read as %d groups of %d", len(b), maxContextGroups, maxContextText)
	}
}

// FuzzContextChanges: whatever is decoded is what its octets say, in one way only.
func FuzzContextChanges(f *testing.F) {
	for _, s := range []contextChanges{{}, {cancelled: true, expires: time.Unix(1, 2)},
		{instance: "urn:2", previous: "urn:1", until: time.Unix(3, 4), expires: time.Unix(5, 6)}} {
		f.Add(s.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeChanges(b)
		if err != nil {
			return
		}
		if again := s.append(nil); !bytes.Equal(again, b) {
			t.Errorf("%x\n%x", b, again)
		}
	})
}
