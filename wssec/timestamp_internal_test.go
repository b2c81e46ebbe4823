package wssec

import (
	"bytes"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// TestCheckAcceptsUntilAcceptedUntil: the replay store keeps a message exactly
// as long as its Timestamp is accepted. A shorter time would let it be replayed.
func TestCheckAcceptsUntilAcceptedUntil(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, p := range []Policy{
		{MaxAge: 5 * time.Minute, ClockSkew: 5 * time.Minute}, {MaxAge: time.Minute, ClockSkew: time.Second},
		{MaxAge: time.Nanosecond, ClockSkew: time.Nanosecond},
	} {
		for _, life := range []time.Duration{0, 1, time.Second, 5 * time.Minute, 24 * time.Hour} {
			stamp := &timestamp{created: created}
			if life > 0 {
				stamp.expires = created.Add(life)
			}
			until := stamp.acceptedUntil(&p)
			if err := stamp.check(&p, until.Add(-1)); err != nil {
				t.Errorf("%+v, life %v: %v a nanosecond before", p, life, err)
			}
			if err := stamp.check(&p, until); err == nil {
				t.Errorf("%+v, life %v: accepted at its end", p, life)
			}
			early := created.Add(-p.ClockSkew)
			if stamp.check(&p, early) != nil || stamp.check(&p, early.Add(-1)) == nil {
				t.Errorf("%+v: Created may be ahead by %v, no less and no more", p, p.ClockSkew)
			}
		}
	}
}

// TestAppendTimestampWritesItsOwnCanonicalForm: the writer digests the octets
// that it writes.
func TestAppendTimestampWritesItsOwnCanonicalForm(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 23, 59, 59, 999_999_999, time.FixedZone("", 3600))
	text := appendTimestamp(nil, "TS-1", now, time.Minute)
	n := rootOf(t, string(text))
	if canonical := n.AppendCanonical(nil, xmltext.C14N{}); !bytes.Equal(canonical, text) {
		t.Errorf("%s\n%s", text, canonical)
	}
	var got timestamp
	err := got.parse(n)
	if err != nil {
		t.Fatal(err)
	}
	if now = now.Truncate(time.Millisecond); !got.created.Equal(now) || !got.expires.Equal(now.Add(time.Minute)) {
		t.Errorf("%v to %v", got.created, got.expires)
	}
}
