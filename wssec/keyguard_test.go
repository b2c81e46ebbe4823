package wssec_test

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// guarded are peers under the preset Kerberos, whose service has remembered the
// token.
type guarded struct {
	*peers
	t *testing.T
}

func newGuarded(t *testing.T, replay gss.ReplayStore) *guarded {
	g := &guarded{newPeers(t, preset(t, "Kerberos"), replay), t}
	if err := g.send(true); err != nil {
		t.Fatal(err)
	}
	return g
}

// send is the owner's next message, with its token or with the token's hash.
func (g *guarded) send(fresh bool) error {
	g.token.Omit = !fresh
	msg, _ := g.request(g.t, plainOrder)
	_, err := g.verify(g.t, msg)
	return err
}

// question is a message that names the token by its hash and has other
// ciphertext in the place of the Signature.
func (g *guarded) question() []byte {
	g.token.Omit = true
	msg, _ := g.request(g.t, plainOrder)
	_, cipher := signatureCiphertext(g.t, string(msg))
	return []byte(replace(g.t, string(msg), cipher, strings.Repeat("A", 64)))
}

// ask returns the error of a question from an address.
func (g *guarded) ask(p *wssec.Processor, from string) *wssec.Error {
	g.t.Helper()
	env, err := soap.Parse(g.question(), xmltext.Options{})
	if err != nil {
		g.t.Fatal(err)
	}
	_, err = p.Verify(context.Background(), env, wssec.Channel{TLS: true, Client: from})
	var e *wssec.Error
	if !errors.As(err, &e) {
		g.t.Fatal(err)
	}
	return e
}

func TestKeyGuardSuspendsAKeyUntilItsOwnerSendsAToken(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, nil)
	for allowed := 32; allowed > 0; allowed /= 2 {
		for i := range allowed {
			if err := g.send(false); err != nil {
				t.Fatalf("after %d questions of %d: %v", i, allowed, err)
			}
			refused(t, g.ask(g.service, "192.0.2.7"), wssec.CodeDecryption, wssec.CodePlaintext)
		}
		refused(t, g.send(false), wssec.CodeTokenSuspended)
		for range 3 {
			refused(t, g.ask(g.service, "192.0.2.8"), wssec.CodeTokenSuspended)
		}
		if err := g.send(true); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, g.ask(g.service, "192.0.2.7"), wssec.CodeDecryption, wssec.CodePlaintext)
	refused(t, g.send(false), wssec.CodeTokenSuspended)
}

func TestKeyGuardKeepsFailuresAcrossAFreshToken(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, nil)
	for range 31 {
		g.ask(g.service, "192.0.2.7")
	}
	if err := g.send(true); err != nil {
		t.Fatal(err)
	}
	g.ask(g.service, "192.0.2.7")
	refused(t, g.send(false), wssec.CodeTokenSuspended)
}

func TestKeyGuardErrorHasTheAskers(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, nil)
	for i := range 31 {
		if e := g.ask(g.service, []string{"192.0.2.7", "192.0.2.8"}[i%2]); e.Askers != nil {
			t.Fatal(e.Askers)
		}
	}
	want := []string{"192.0.2.7", "192.0.2.8", "192.0.2.9"}
	if e := g.ask(g.service, "192.0.2.9"); !slices.Equal(e.Askers, want) {
		t.Errorf("%v by the failure that suspended the key", e.Askers)
	}
	if e := g.ask(g.service, "192.0.2.10"); e.Code != wssec.CodeTokenSuspended || !slices.Equal(e.Askers, want) {
		t.Errorf("%v by one after it: %v", e.Askers, e)
	}
}

// One key has as many tokens as its owner sent, and as many routes as it went
// to.
func TestKeyGuardCountsAllTokensOfAKeyOnAllRoutes(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, nil)
	shared := g.cfg
	shared.Guard, shared.Tokens = wssec.NewKeyGuard(wssec.KeyGuardConfig{}), anyToken{g}
	first, err := wssec.NewProcessor(g.service.Policy(), shared)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := wssec.NewProcessor(g.service.Policy(), shared)
	for i := range 31 {
		g.token.Token = append(g.token.Token, byte(i))
		g.ask(first, "")
	}
	refused(t, g.ask(second, ""), wssec.CodeDecryption, wssec.CodePlaintext)
	for _, p := range []*wssec.Processor{first, second} {
		refused(t, g.ask(p, ""), wssec.CodeTokenSuspended)
	}
}

// anyToken is a cache that has a key under any hash.
type anyToken struct{ *guarded }

func (a anyToken) PutToken(context.Context, wssec.TokenHash, wssec.CachedToken) error { return nil }

func (a anyToken) GetToken(context.Context, wssec.TokenHash) (wssec.CachedToken, bool, error) {
	return wssec.CachedToken{Name: "alice", Realm: "EXAMPLE.COM", ValueType: wssec.GSSKerberosAPREQ, Key: a.token.Key,
		EndTime: a.now.Add(time.Hour)}, true, nil
}

// The owner's own messages, however they fail, leave the key alone once they
// proved it.
func TestKeyGuardIgnoresFailuresOfTheKeyHolder(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, replay.NewMemory(replay.MemoryConfig{}))
	g.token.Omit = true
	msg, _ := g.request(t, plainOrder)
	if _, err := g.verify(t, msg); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		_, err := g.verify(t, msg)
		refused(t, err, wssec.CodeMessageReplayed)
	}
	if err := g.send(false); err != nil {
		t.Fatal(err)
	}
}

func TestAnsweredLateCountsTenfold(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, nil)
	for range 3 {
		g.service.AnsweredLate(g.ask(g.service, ""))
	}
	if err := g.send(false); err != nil {
		t.Fatal(err)
	}
	g.service.AnsweredLate(g.ask(g.service, ""))
	refused(t, g.send(false), wssec.CodeTokenSuspended)
	g.service.AnsweredLate(errors.New("of no message"))
}

// A panic that a plaintext causes discloses more to its sender than a refusal.
// A message that there was no memory for discloses nothing.
func TestKeyGuardCountsAPanicTenfoldAndFullMemoryNot(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, nil)
	var reserve func() error
	cfg := g.cfg
	cfg.Tokens = anyToken{g}
	cfg.Reserve = func(context.Context, int) error { return reserve() }
	p, err := wssec.NewProcessor(g.service.Policy(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	reserve = func() error { return errors.New("full") }
	for range 100 {
		refused(t, g.ask(p, ""), wssec.CodeNoMemory)
	}
	reserve = func() error { panic("a bug") }
	for range 4 {
		if e := panics(func() { g.ask(p, "") }); e != "a bug" {
			t.Fatal(e)
		}
	}
	reserve = func() error { return nil }
	refused(t, g.ask(p, ""), wssec.CodeTokenSuspended)
}

func panics(f func()) (what any) {
	defer func() { what = recover() }()
	f()
	return nil
}

func TestKeyGuardKeepsTheKeysThatFailedMost(t *testing.T) {
	t.Parallel()
	g := wssec.NewKeyGuard(wssec.KeyGuardConfig{})
	now := time.Now()
	key := func(i int) wssec.Key { return wssec.NewKey(binary.BigEndian.AppendUint64(nil, uint64(i))) }
	for range 31 {
		g.Fail("alice", key(0), now, now.Add(2*time.Hour))
	}
	for i := range 15_000 {
		g.Fail(strconv.Itoa(i%100), key(i+1), now, now.Add(time.Hour))
	}
	if n := g.Len(); n > 10_000 {
		t.Errorf("%d keys are kept", n)
	}
	if !g.Fail("alice", key(0), now, now.Add(2*time.Hour)) {
		t.Error("others drove out the key that failed most")
	}
	later := now.Add(90 * time.Minute)
	for i := range 10_000 {
		g.Fail(strconv.Itoa(i%100), key(i+50_000), later, later.Add(time.Hour))
	}
	if n := g.Len(); n > 10_000 {
		t.Errorf("%d keys are kept", n)
	}
	if !g.Fail("alice", key(0), later, now.Add(2*time.Hour)) {
		t.Error("those that have expired were kept instead")
	}
}

// A client makes as many keys of its own as it likes, and fails with each as
// often as it is let: what is known of the keys of others stays.
func TestKeyGuardKeepsTheKeysOfOtherOwners(t *testing.T) {
	t.Parallel()
	g := wssec.NewKeyGuard(wssec.KeyGuardConfig{})
	now := time.Now()
	key := func(i int) wssec.Key { return wssec.NewKey(binary.BigEndian.AppendUint64(nil, uint64(i))) }
	for range 31 {
		g.Fail("alice", key(0), now, now.Add(time.Hour))
	}
	for i := range 12_000 {
		for range 32 {
			g.Fail("mallory", key(i+1), now, now.Add(time.Hour))
		}
	}
	if n := g.Len(); n > 1+10_000/16 {
		t.Errorf("%d keys are kept", n)
	}
	if !g.Fail("alice", key(0), now, now.Add(time.Hour)) {
		t.Error("the other's key was forgotten")
	}
}
