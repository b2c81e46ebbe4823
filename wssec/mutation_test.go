package wssec_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// forwarded returns the canonical form of what goes to the backend, and the
// principal. The order of header blocks has no meaning (SOAP 1.2 §2.6), and a
// signature over each of them does not fix it.
func forwarded(m *wssec.Message) (string, error) {
	fwd, err := m.AppendForward(nil, wssec.Forwarding{})
	if err != nil {
		return "", err
	}
	env, err := soap.Parse(fwd, xmltext.Options{})
	if err != nil {
		return "", fmt.Errorf("what is forwarded does not parse: %w\n%s", err, fwd)
	}
	name, realm := m.Principal()
	var blocks []string
	for b := range env.Blocks() {
		blocks = append(blocks, string(b.AppendCanonical(nil, xmltext.C14N{})))
	}
	slices.Sort(blocks)
	return name + "@" + realm + strings.Join(blocks, "") + string(env.Body.AppendCanonical(nil, xmltext.C14N{})), nil
}

// meaning returns what goes to the backend for a message, if it is accepted.
func meaning(p *wssec.Processor, msg []byte) (string, error) {
	return meaningOf(p, msg, xmltext.Options{})
}

func meaningOf(p *wssec.Processor, msg []byte, opt xmltext.Options) (string, error) {
	env, err := soap.Parse(msg, opt)
	if err != nil {
		return "", err
	}
	m, err := p.Verify(context.Background(), env, secure())
	if err != nil {
		return "", err
	}
	return forwarded(m)
}

// mutate changes a message in one of the ways an attacker has without knowing
// the key: octets, and whole elements copied or moved.
func mutate(r *rand.Rand, msg []byte, env *soap.Envelope) []byte {
	out := bytes.Clone(msg)
	at := r.IntN(len(msg))
	switch r.IntN(8) {
	case 0:
		out[at] ^= 1 << r.IntN(8)
	case 1:
		out[at] = "<>&\"'/= \tAa0:#"[r.IntN(14)]
	case 2:
		out = append(out[:at], out[min(len(out), at+1+r.IntN(40)):]...)
	case 3:
		from := r.IntN(len(msg))
		out = append(out[:at:at], append(bytes.Clone(msg[from:min(len(msg), from+r.IntN(60))]), msg[at:]...)...)
	default:
		return moveElement(r, msg, env)
	}
	return out
}

// moveElement copies or moves one element, perhaps emptied of its Ids, before
// another's start tag or end tag.
func moveElement(r *rand.Rand, msg []byte, env *soap.Envelope) []byte {
	var all []xmltext.Node
	for n := range env.Root.Descendants() {
		all = append(all, n)
	}
	what, where := all[r.IntN(len(all))], all[r.IntN(len(all))]
	start, _, _, end := what.SourceRange()
	piece := bytes.Clone(msg[start:end])
	if r.IntN(3) == 0 {
		piece = bytes.ReplaceAll(piece, []byte(`Id="`), []byte(`id2="`))
	}
	to, _, toEnd, _ := where.SourceRange()
	if r.IntN(2) == 0 {
		to = toEnd
	}
	out := append(append(bytes.Clone(msg[:to]), piece...), msg[to:]...)
	if r.IntN(2) == 0 && (to <= start || to >= end) {
		if to <= start {
			start, end = start+len(piece), end+len(piece)
		}
		out = append(out[:start], out[end:]...)
	}
	return out
}

var mutationRounds = flag.Int("mutations", 0, "how often each message is changed, in new ways; 0: 400 times, "+
	"always in the same ways")

// TestVerifyRejectsOrForwardsUnchangedAMutatedMessage is the promise of the
// whole package, tried on every recorded request and on messages of our own.
func TestVerifyRejectsOrForwardsUnchangedAMutatedMessage(t *testing.T) {
	t.Parallel()
	seed, rounds, total := uint64(1), 400, 0
	if testing.Short() {
		rounds = 50
	}
	if *mutationRounds > 0 {
		seed, rounds = rand.Uint64(), *mutationRounds
	}
	defer func() { t.Logf("mutations: %d changed messages, seed %d", total, seed) }()
	dirs, err := fs.ReadDir(testvectors.Files, "transcripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		c := loadTranscript(t, d.Name())
		m := c.first()
		if m.Expect != "ok" || c.Policy.Binding != wssec.SymmetricBinding {
			continue // over transport the channel protects what the signature does not cover
		}
		t.Run(d.Name(), func(t *testing.T) {
			total += rounds
			mutations(t, seed, rounds, c.file(t, m.File),
				func() *wssec.Processor { return c.processor(t, m, anyReplay{}) })
		})
	}
	for name, policy := range policies(t) {
		if policy.Binding != wssec.SymmetricBinding {
			continue
		}
		t.Run(name, func(t *testing.T) {
			ps := newPeers(t, policy, nil)
			ps.cfg.Guard = wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: 1 << 30})
			ps.serve(t, policy)
			msg, _ := ps.request(t, plainOrder)
			total += rounds
			mutations(t, seed, rounds, msg, func() *wssec.Processor { return ps.service })
		})
	}
}

// sameInPlace decrypts a message in its own place, and compares the verdict.
func sameInPlace(t *testing.T, p *wssec.Processor, msg []byte, want string, refused error) {
	defer wssec.DecryptInPlaceFrom(p, wssec.DecryptInPlaceFrom(p, 0))
	got, err := meaningOf(p, bytes.Clone(msg), xmltext.Options{Overwrite: true})
	if got != want || fmt.Sprint(err) != fmt.Sprint(refused) {
		t.Fatalf("in place: %v, %s\nelse: %v, %s\nmessage\n%s", err, got, refused, want, msg)
	}
}

func mutations(t *testing.T, seed uint64, rounds int, msg []byte, service func() *wssec.Processor) {
	p := service()
	want, err := meaning(p, msg)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, uint64(len(msg))))
	env := parse(t, msg)
	accepted := 0
	for range rounds {
		changed := mutate(r, msg, env)
		got, err := meaning(p, changed)
		if r.IntN(4) == 0 {
			sameInPlace(t, p, changed, got, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "does not parse") {
				t.Fatal(err)
			}
			continue
		}
		accepted++
		if got != want {
			t.Fatalf("accepted and forwarded as\n%s\nwant\n%s\nmessage\n%s", got, want, changed)
		}
	}
	t.Logf("%d of %d changed messages were accepted, all with the same meaning", accepted, rounds)
}
