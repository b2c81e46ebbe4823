package krbmsg_test

import (
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// newKey returns a random key.
func newKey(t testing.TB, et int32) etype.Key {
	t.Helper()
	k, err := etype.GenerateKey(et)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestOpenAPRepReadsWhatWasAppended(t *testing.T) {
	t.Parallel()
	for _, et := range etype.All() {
		session, subkey := newKey(t, et.ID), newKey(t, etype.AES256SHA1)
		for _, want := range []krbmsg.EncAPRepPart{
			{CTime: now, Subkey: subkey, SeqNumber: 1<<30 - 1},
			{CTime: now.Truncate(time.Second)},
		} {
			got, err := krbmsg.OpenAPRep(want.AppendAPRep(nil, session), session)
			if err != nil || !got.CTime.Equal(want.CTime) || !got.Subkey.Equal(want.Subkey) ||
				got.SeqNumber != want.SeqNumber {
				t.Errorf("%s: %+v, %v", et.Name, got, err)
			}
		}
	}
}

func TestOpenAPRepRejectsOtherKeysAndAlteredTokens(t *testing.T) {
	t.Parallel()
	session := newKey(t, etype.AES256SHA1)
	rep := (&krbmsg.EncAPRepPart{CTime: now}).AppendAPRep(nil, session)
	for _, key := range []etype.Key{newKey(t, etype.AES256SHA1), newKey(t, etype.AES128SHA1)} {
		if _, err := krbmsg.OpenAPRep(rep, key); err == nil {
			t.Errorf("opens with %v", key)
		}
	}
	for n := range rep {
		altered := append([]byte(nil), rep...)
		altered[n] ^= 0x40
		if _, err := krbmsg.OpenAPRep(altered, session); err == nil {
			t.Errorf("octet %d altered: opens", n)
		}
	}
}

func TestAnswersComparesMicroseconds(t *testing.T) {
	t.Parallel()
	e := krbmsg.EncAPRepPart{CTime: now}
	if err := e.Answers(now.Add(999 * time.Nanosecond)); err != nil {
		t.Error(err)
	}
	for _, other := range []time.Time{now.Add(time.Microsecond), now.Truncate(time.Second), {}} {
		if e.Answers(other) == nil {
			t.Errorf("answers the request of %v", other)
		}
	}
}

func TestInitialSequenceHas30Bits(t *testing.T) {
	t.Parallel()
	seen := map[uint32]bool{}
	for range 100 {
		n := krbmsg.InitialSequence()
		if n >= 1<<30 || seen[n] {
			t.Errorf("%#x", n)
		}
		seen[n] = true
	}
}
