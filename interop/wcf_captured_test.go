package interop

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// recordedAcceptor accepts tokens at the time at which they were recorded.
type recordedAcceptor struct{ *gss.Acceptor }

func (a recordedAcceptor) NewContext([][]byte) wstrust.GSSContext {
	return a.Acceptor.NewContext(gss.AcceptConfig{})
}

func (a recordedAcceptor) Resume(context.Context, [][]byte, wssec.StateSealer, []byte) (wstrust.GSSContext, error) {
	panic("a negotiation of one leg is never resumed")
}

// RSTs that CXF's client once sent, answered now at their time. An initiator
// that opens their tickets with the keytab, by code of its own, finds in the
// answer the key, in its place in the sequence, and the Authenticator.
func TestAnswersToRecordedRSTsAreRightForTheClientInWCFsForm(t *testing.T) {
	const keys = "../kerberos/testdata/cxf.keytab"
	kt, err := keytab.Load(keys)
	if err != nil {
		t.Fatal(err)
	}
	for name, captured := range map[string]string{
		"SpnegoSymmetric": "2026-11-22T04:14:19Z", "SpnegoSymmetricDerived": "2026-11-22T04:14:25Z",
		"SpnegoTransportEndorsing": "2026-11-22T04:14:52Z",
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, captured)
			if err != nil {
				t.Fatal(err)
			}
			rst := filepath.Join("..", "wstrust", "testdata", name+".xml")
			reply := filepath.Join(t.TempDir(), "reply.xml")
			if err := os.WriteFile(reply, answerRST(t, kt, rst, at), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := wcf(t, nil, "--check-reply", rst, reply, "--keytab", keys,
				"--at", at.Format("2006-01-02T15:04:05.000Z")); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// answerRST returns the answer to the RST in a file.
func answerRST(t *testing.T, kt *keytab.Keytab, file string, at time.Time) []byte {
	t.Helper()
	clock := func() time.Time { return at }
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kt, Time: clock,
		Replay: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: clock})})
	if err != nil {
		t.Fatal(err)
	}
	n, err := wstrust.NewNegotiator(wstrust.NegotiatorConfig{Acceptor: recordedAcceptor{a},
		AlgorithmSuite: wssec.Basic128, Time: clock,
		Contexts: wssec.NewSecurityContexts(wssec.ContextsConfig{Time: clock})})
	if err != nil {
		t.Fatal(err)
	}
	octets, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env, err := soap.Parse(octets, xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	leg, err := n.Step(t.Context(), env, wssec.Channel{})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := leg.Reply(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
