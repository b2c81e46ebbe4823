package wssec_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// pendingVerifier accepts what another verifier does, and is still asking whether
// the token is new.
type pendingVerifier struct {
	wssec.TokenVerifier
	answer  error
	waiting bool // for the answer, of the last token
	asked   int  // how often Confirm was called for it
}

type pendingToken struct {
	wssec.VerifiedToken
	of *pendingVerifier
}

func (v *pendingVerifier) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (
	wssec.VerifiedToken, error) {
	t, err := v.TokenVerifier.VerifyToken(ctx, token, bindings)
	if err != nil {
		return nil, err
	}
	v.waiting = true
	return pendingToken{t, v}, nil
}

func (t pendingToken) Confirm() error {
	t.of.waiting = false
	t.of.asked++
	return t.of.answer
}

// A message whose token turns out to have been used is refused for that, whatever
// else is wrong with it, and before anything of it is decrypted but its Signature.
func TestVerifyUsesNothingBeforeATokenIsConfirmed(t *testing.T) {
	t.Parallel()
	rounds := 200
	if testing.Short() {
		rounds = 30
	}
	for name, policy := range policies(t) {
		if policy.ClientToken() != wssec.KerberosToken {
			continue
		}
		t.Run(name, func(t *testing.T) {
			ps := newPeers(t, policy, nil)
			v := &pendingVerifier{TokenVerifier: ps.cfg.Verifier}
			ps.cfg.Verifier = v
			ps.cfg.Reserve = func(_ context.Context, octets int) error {
				if v.waiting && octets > 0 && !policy.EncryptSignature {
					t.Error("something is decrypted before the token is confirmed")
				}
				return nil
			}
			ps.serve(t, policy)
			msg, _ := ps.request(t, plainOrder)
			if _, err := meaning(ps.service, msg); err != nil || v.asked != 1 {
				t.Fatalf("%v, asked %d times", err, v.asked)
			}
			v.answer = errors.New("the token was used")
			r, env, used := rand.New(rand.NewPCG(1, uint64(len(msg)))), parse(t, msg), 0
			for range rounds {
				changed := mutate(r, msg, env)
				v.waiting, v.asked = false, 0
				_, err := meaning(ps.service, changed)
				switch {
				case err == nil:
					t.Fatalf("accepted:\n%s", changed)
				case v.waiting || v.asked > 1:
					t.Fatalf("waiting %v, asked %d times: %v\n%s", v.waiting, v.asked, err, changed)
				case v.asked == 1 && !errors.Is(err, v.answer):
					t.Fatalf("refused for something else: %v\n%s", err, changed)
				}
				used += v.asked
			}
			if used == 0 {
				t.Error("no message got as far as its token")
			}
		})
	}
}
