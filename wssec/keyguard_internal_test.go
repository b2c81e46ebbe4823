package wssec

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// failTimes counts n failures of a key, and returns the askers if it is
// suspended then.
func failTimes(g *KeyGuard, key keyID, n int, client string) []string {
	now := time.Unix(0, 0)
	f := &failure{guard: g, key: key, owner: clientName{name: "alice"}, client: client, now: now,
		expires: now.Add(time.Hour)}
	var askers []string
	for range n {
		askers = g.fail(f, 1)
	}
	return askers
}

// TestRenewHalvesTheAllowance: an attacker who goes on gets fewer messages each
// time, down to one.
func TestRenewHalvesTheAllowance(t *testing.T) {
	t.Parallel()
	g := NewKeyGuard(KeyGuardConfig{Allowance: 5})
	key := NewKey([]byte("key")).id()
	for _, allowance := range []int{5, 2, 1, 1, 1} {
		failTimes(g, key, allowance-1, "")
		if _, suspended := g.suspends(key); suspended {
			t.Fatalf("suspended after %d failures of %d", allowance-1, allowance)
		}
		failTimes(g, key, 1, "")
		if _, suspended := g.suspends(key); !suspended {
			t.Fatalf("not suspended after %d failures", allowance)
		}
		g.renew(key)
		if askers, suspended := g.suspends(key); suspended || askers != nil {
			t.Fatalf("suspended after renew, by %q", askers)
		}
	}
}

// TestRenewKeepsTheFailuresOfAKeyThatIsNotSuspended: otherwise an attacker could
// go on between the messages of a client that sends a token with each.
func TestRenewKeepsTheFailuresOfAKeyThatIsNotSuspended(t *testing.T) {
	t.Parallel()
	g := NewKeyGuard(KeyGuardConfig{Allowance: 4})
	key := NewKey([]byte("key")).id()
	for range 4 {
		g.renew(key)
		failTimes(g, key, 1, "")
	}
	if _, suspended := g.suspends(key); !suspended {
		t.Error("fresh tokens between the failures reset their count")
	}
	g.renew(NewKey([]byte("unknown")).id())
	if n := g.Len(); n != 1 {
		t.Errorf("%d keys are counted", n)
	}
}

// TestFailKeepsFewAskers: their number and length are bounded, and one address
// is kept once.
func TestFailKeepsFewAskers(t *testing.T) {
	t.Parallel()
	g := NewKeyGuard(KeyGuardConfig{Allowance: 2 * maxAskers})
	key := NewKey([]byte("key")).id()
	failTimes(g, key, 2, strings.Repeat("a", 10*maxAsker))
	var askers []string
	for i := range 2 * maxAskers {
		askers = failTimes(g, key, 1, fmt.Sprint(i))
	}
	if len(askers) != maxAskers || len(askers[0]) != maxAsker || slices.Contains(askers[1:], askers[0]) {
		t.Errorf("%d askers, the first of %d octets", len(askers), len(askers[0]))
	}
	askers[0] = "changed"
	if kept, _ := g.suspends(key); kept[0] == "changed" {
		t.Error("a caller can change what the guard keeps")
	}
}

// TestCountFailureIgnoresFullMemory: nothing of the message was decrypted, so
// nothing was disclosed.
func TestCountFailureIgnoresFullMemory(t *testing.T) {
	t.Parallel()
	for code, counts := range map[Code]bool{CodeNoMemory: false, CodePlaintextMemory: true, CodeDecryption: true} {
		g := NewKeyGuard(KeyGuardConfig{Allowance: 1})
		v := &verification{suspected: &failure{guard: g, key: keyID{1}}}
		err := &Error{Code: code}
		if v.countFailure(err) != err || v.suspected != nil {
			t.Errorf("%s: the error is another, or the message is still suspected", code)
		}
		if _, suspended := g.suspends(keyID{1}); suspended != counts || (err.failure != nil) != counts {
			t.Errorf("%s: counted: %t", code, suspended)
		}
	}
}
