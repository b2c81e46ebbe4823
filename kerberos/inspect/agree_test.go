package inspect_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/kerberos/internal/seeds"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
)

// A reference is what an acceptor is made of whose verdicts are compared with
// an Inspector's.
type reference struct {
	keytab *keytab.Keytab
	etypes []int32
	now    time.Time
}

// acceptor has a replay store of its own, so that each token is new to it.
func (c reference) acceptor(t *testing.T, now time.Time, rule gss.PACRule) *gss.Acceptor {
	t.Helper()
	clock := func() time.Time { return now }
	memory := replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: clock})
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: c.keytab, Etypes: c.etypes, Time: clock, PAC: rule,
		Replay: memory})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// message is what an acceptor does with a token in a message.
func (c reference) message(t *testing.T, token []byte, now time.Time, rule gss.PACRule) error {
	t.Helper()
	_, err := c.acceptor(t, now, rule).VerifyToken(t.Context(), token, nil)
	return err
}

// context is what an acceptor does with the first token of a context.
func (c reference) context(t *testing.T, token []byte, now time.Time) (done bool, err error) {
	t.Helper()
	_, done, err = c.acceptor(t, now, gss.PACIgnore).NewContext(gss.AcceptConfig{}).Step(t.Context(), token)
	return done, err
}

// line returns the value of a child of n, "" without one.
func line(n *inspect.Node, name string) string {
	for _, c := range n.Children {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// word is an outcome as an Inspector writes it.
func word(err error) string {
	if err == nil {
		return "accepted"
	}
	return "refused: " + string(code(err))
}

// check holds an inspection to what an acceptor does. It reports whether the
// token is accepted.
func (c reference) check(t *testing.T, token []byte) (accepted bool) {
	t.Helper()
	r := inspect.New(inspect.Config{Keytab: c.keytab, Etypes: c.etypes,
		Time: func() time.Time { return c.now }}).Inspect(token)
	message := c.message(t, token, c.now, gss.PACIgnore)
	done, context := c.context(t, token, c.now)
	fail := func(what string) {
		t.Helper()
		t.Errorf("%s\nin a message: %v\nin a context: %v\n%s%x", what, message, context, r.Node.AppendText(nil), token)
	}
	if !r.Asked {
		if message == nil || done || r.Err != nil || line(r.Node, "verdict") != "" {
			fail("no verdict, or one that nobody has been asked for")
		}
		return false
	}
	want, got := message, line(r.Node, "verdict")
	expect := word(message)
	spnego := code(message) == kerberos.CodeSPNEGO
	if spnego {
		if want, expect = context, word(context); context == nil && !done {
			expect = "continues"
		}
	}
	if fmt.Sprint(r.Err) != fmt.Sprint(want) || !strings.HasPrefix(got, expect) {
		fail("another verdict: " + fmt.Sprint(r.Err))
	}
	c.checkOtherwise(t, token, &r, spnego, message, context, fail)
	return want == nil
}

// checkOtherwise holds what is said of other circumstances to an acceptor in
// these.
func (c reference) checkOtherwise(t *testing.T, token []byte, r *inspect.Inspection, spnego bool,
	message, context error, fail func(string)) {
	t.Helper()
	for _, v := range r.Node.Children {
		if v.Name != "verdict" {
			continue
		}
		then := c.message(t, token, r.Made, gss.PACIgnore)
		if spnego {
			_, then = c.context(t, token, r.Made)
		}
		for name, want := range map[string]string{
			"in a message":        word(message),
			"as GSS-API context":  word(context),
			"with allowed-groups": word(c.message(t, token, c.now, gss.PACWhenPresent)),
			"at its own time":     word(then),
		} {
			if got := line(v, name); got != "" && got != want {
				fail(name + " " + want)
			}
		}
	}
}

// altered are variants of a token: octets changed and left out, lengths in
// other forms, other frames.
func altered(r *rand.Rand, token []byte) (list [][]byte) {
	if len(token) == 0 {
		return nil
	}
	for range 24 {
		b := bytes.Clone(token)
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		list = append(list, b)
	}
	for i := range min(len(token), 24) { // where frames and heads of tokens are
		b := bytes.Clone(token)
		b[i] ^= 1 << r.IntN(8)
		list = append(list, b)
	}
	for range 6 {
		list = append(list, token[:r.IntN(len(token))])
	}
	at := r.IntN(len(token))
	list = append(list, append(bytes.Clone(token[:at]), token[at+1:]...), append(bytes.Clone(token), 0))
	if at := bytes.IndexByte(token, 0x6e); at >= 0 {
		list = append(list, token[at:]) // perhaps the AP-REQ without its frame
	}
	return list
}

// recordings are the tokens of all peers, and the keytabs that open them.
var recordings = map[string]string{
	"cxf-tokens.txt":      "cxf.keytab",
	"cxf-spnego.txt":      "cxf.keytab",
	"samba-tokens.txt":    "samba.keytab",
	"tokens/contexts.txt": "tokens/service.keytab",
}

// TestVerdictsAreThoseOfAnAcceptor: whatever a token is, and however it was
// altered, what is said of it is what an acceptor with the same keytab does, at
// this time and with these encryption types.
func TestVerdictsAreThoseOfAnAcceptor(t *testing.T) {
	t.Parallel()
	for file, keys := range recordings {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			kt, err := keytab.Load(filepath.Join("../testdata", keys))
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			accepted := 0
			readRecorded(t, "../testdata/"+file, func(name string, at time.Time, tokens [][]byte) {
				if t.Failed() {
					return
				}
				all := reference{kt, allEtypes, at}
				for _, token := range tokens {
					if all.check(t, token) {
						accepted++
					}
					reference{kt, nil, at}.check(t, token)
					reference{kt, allEtypes, at.Add(6 * time.Minute)}.check(t, token)
					reference{kt, allEtypes, at.Add(72 * time.Hour)}.check(t, token)
					for _, b := range altered(r, token) {
						all.check(t, b)
					}
				}
			})
			if accepted < 3 {
				t.Errorf("%d tokens are accepted", accepted)
			}
		})
	}
}

// TestVerdictsOnTokensOfOtherShapes: lengths in their long forms, DCE style,
// and a delegated credential that cannot be read, of which messages and
// contexts think differently.
func TestVerdictsOnTokensOfOtherShapes(t *testing.T) {
	t.Parallel()
	k := newKDC()
	c := reference{k.Keytab(nil), allEtypes, now}
	for _, flags := range []uint32{0, 0x3e, kerberos.GSSDCEStyle | kerberos.GSSMutual, kerberos.GSSDeleg} {
		token, _ := mustToken(t, k, tokenOptions(flags))
		c.check(t, token)
		for _, n := range []int{2, 4, 9} {
			c.check(t, seeds.LongLengths(token, n))
		}
	}
	c.check(t, nil)
}
