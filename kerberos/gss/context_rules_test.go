package gss_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
)

// TestAttackMutualOption: the option in clear cannot turn mutual authentication on that the checksum does not ask for,
// nor off.
func TestAttackMutualOption(t *testing.T) {
	k := newKDC()
	for _, flags := range []uint32{kerberos.GSSInteg, kerberos.GSSInteg | kerberos.GSSMutual} {
		for _, option := range []uint32{0, 1 << 29} {
			token, _ := mustToken(t, k, krbtest.TokenOptions{GSSFlags: flags, APOptions: option})
			c := newAcceptor(t, k, gss.AcceptorConfig{}).NewContext(gss.AcceptConfig{})
			reply, done, err := c.Step(t.Context(), token)
			if err != nil || !done || c.Flags() != flags || (reply != nil) != (flags&kerberos.GSSMutual != 0) {
				t.Errorf("flags %#x, option %#x: reply of %d octets, flags %#x, %v", flags, option, len(reply), c.Flags(), err)
			}
		}
	}
}

// TestContextFlagsAreKnown: bits that the context cannot keep are not in force because the client has set them.
func TestContextFlagsAreKnown(t *testing.T) {
	k := newKDC()
	token, _ := mustToken(t, k, krbtest.TokenOptions{GSSFlags: kerberos.GSSInteg | kerberos.GSSAnon | 0x80 | 1<<31})
	c := newAcceptor(t, k, gss.AcceptorConfig{}).NewContext(gss.AcceptConfig{})
	if _, _, err := c.Step(t.Context(), token); err != nil || c.Flags() != kerberos.GSSInteg {
		t.Errorf("flags %#x, %v", c.Flags(), err)
	}
}

// TestContextOrdinaryChecksum: authenticators of Samba's clients have the checksum of RFC 4120 over nothing; one over
// other data was made for another protocol, and is none of a message either. Then replays are looked for, and the
// option in clear tells whether an AP-REP is due.
func TestContextOrdinaryChecksum(t *testing.T) {
	k := newKDC()
	for _, etype := range allEtypes {
		key := krbtest.RandomKey(etype)
		ordinary := func(data string, usage uint32) (int64, []byte) {
			e, err := crypto.GetEtype(etype)
			if err != nil {
				t.Fatal(err)
			}
			sum, err := e.GetChecksumHash(key, []byte(data), usage)
			if err != nil {
				t.Fatal(err)
			}
			return int64(e.GetHashID()), sum
		}
		kind, good := ordinary("", 10)
		_, otherData := ordinary("data of another protocol", 10)
		_, otherUsage := ordinary("", 6)
		plain := md5.Sum(nil)
		const isMD5 = 7
		for name, c := range map[string]struct {
			kind int64
			sum  []byte
			want kerberos.Code
		}{
			"over nothing":         {kind, good, ""},
			"MD5 over nothing":     {isMD5, plain[:], ""}, // Heimdal with RC4
			"over other data":      {kind, otherData, kerberos.CodeMechanism},
			"of another usage":     {kind, otherUsage, kerberos.CodeMechanism},
			"cut":                  {kind, good[:len(good)-1], kerberos.CodeMechanism},
			"empty":                {kind, []byte{}, kerberos.CodeMechanism},
			"of an unknown type":   {1234, good, kerberos.CodeMechanism},
			"MD5 over other data":  {isMD5, make([]byte, 16), kerberos.CodeMechanism},
			"of GSS-API, no flags": {0x8003, []byte{0: 16, 23: 0}, ""},
		} {
			t.Run(fmt.Sprint(etype, " ", name), func(t *testing.T) {
				for _, option := range []uint32{0, 1 << 29} {
					o := krbtest.TokenOptions{Ticket: krbtest.TicketOptions{SessionEtype: etype, SessionKey: key}, Subkey: etype,
						ChecksumType: c.kind, Checksum: c.sum, APOptions: option}
					a := newAcceptor(t, k, gss.AcceptorConfig{Etypes: allEtypes})
					token, _ := mustToken(t, k, o)
					if _, err := a.Accept(t.Context(), token); code(err) != c.want {
						t.Errorf("in a message: %v, want %q", err, c.want)
					}
					token, _ = mustToken(t, k, o)
					ctx := a.NewContext(gss.AcceptConfig{})
					reply, done, err := ctx.Step(t.Context(), token)
					if c.want != "" {
						wantRefusal(t, err, c.want, "checksum")
						continue
					}
					want := uint32(0)
					if c.kind != 0x8003 {
						want = kerberos.GSSReplay | kerberos.GSSSequence
						if option != 0 {
							want |= kerberos.GSSMutual
						}
					}
					if err != nil || !done || ctx.Flags() != want || (reply != nil) != (want&kerberos.GSSMutual != 0) {
						t.Errorf("option %#x: flags %#x, want %#x, reply of %d octets, %v", option, ctx.Flags(), want, len(reply), err)
					}
				}
			})
		}
	}
}

// TestAttackStateUnderOtherRules: a context that was begun under other rules does not go on under these.
func TestAttackStateUnderOtherRules(t *testing.T) {
	for name, change := range map[string]func(*gss.AcceptConfig){
		"bindings required":  func(c *gss.AcceptConfig) { c.BindingRule = gss.BindingsRequired },
		"bindings looked at": func(c *gss.AcceptConfig) { c.BindingRule = gss.BindingsWhenPresent },
		"no delegation":      func(c *gss.AcceptConfig) { c.Delegation = false },
		"another time limit": func(c *gss.AcceptConfig) { c.MaxOpen = time.Hour },
		"binding goes on":    func(c *gss.AcceptConfig) { c.StateBinding += " " },
	} {
		t.Run(name, func(t *testing.T) {
			w, n := newWorld(t)
			n.step(krbtest.NegTokenInit{MechTypes: otherFirst}.Token())
			n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
			state, err := n.acceptor.Export(w.keys)
			if err != nil {
				t.Fatal(err)
			}
			cfg := quotes
			change(&cfg)
			_, err = w.there.Resume(t.Context(), cfg, w.keys, state)
			wantRefusal(t, err, kerberos.CodeContextState)
			cfg = quotes
			cfg.MaxOpen = 2 * time.Minute // which is the default
			if _, err := w.there.Resume(t.Context(), cfg, w.keys, state); err != nil {
				t.Error(err)
			}
		})
	}
}

// A countingStore counts what it remembers.
type countingStore struct {
	gss.ReplayStore
	added int
}

func (s *countingStore) Add(ctx context.Context, id [32]byte, expires time.Time) (bool, error) {
	s.added++
	return s.ReplayStore.Add(ctx, id, expires)
}

// TestAttackReplayStoreFilled: clients that have proved nothing take no room in the replay store.
func TestAttackReplayStoreFilled(t *testing.T) {
	w, n := newWorld(t)
	k := newKDC()
	store := &countingStore{ReplayStore: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: fixedTime})}
	a := newAcceptor(t, k, gss.AcceptorConfig{Replay: store})
	n.acceptor = a.NewContext(quotes)
	for range 2 { // the hint, then the choice
		n.step(krbtest.NegTokenInit{MechTypes: otherFirst}.Token())
		for range 5 {
			state, err := n.acceptor.Export(w.keys)
			if err == nil {
				n.acceptor, err = a.Resume(t.Context(), quotes, w.keys, state)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if store.added != 0 {
			t.Fatalf("%d entries", store.added)
		}
		n.acceptor = a.NewContext(quotes)
		n.acceptor.Step(t.Context(), nil)
	}
}
