package gss

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// A recordedContext is what a peer and we exchanged; see
// ../testdata/tokens/README.md.
type recordedContext struct {
	name, peer, role   string
	spnego             bool
	at                 time.Time
	sealed, clear, mic []byte   // of the peer
	wire               [][]byte // by turns, the initiator's first
}

func recordedContexts(t testing.TB) (list []recordedContext) {
	t.Helper()
	b, err := os.ReadFile("../testdata/tokens/contexts.txt")
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		name := strings.Split(f[0], "/")
		r := recordedContext{name: f[0], peer: name[0], role: name[1], spnego: strings.HasPrefix(name[3], "spnego")}
		if r.at, err = time.Parse(time.RFC3339, f[1]); err != nil {
			t.Fatal(err)
		}
		for _, text := range f[2:] {
			token, err := base64.StdEncoding.DecodeString(strings.Trim(text, "-"))
			if err != nil {
				t.Fatal(err)
			}
			r.wire = append(r.wire, token)
		}
		r.sealed, r.clear, r.mic, r.wire = r.wire[0], r.wire[1], r.wire[2], r.wire[3:]
		list = append(list, r)
	}
	return list
}

func recordedAcceptor(t testing.TB, at time.Time) *Acceptor {
	t.Helper()
	kt, err := keytab.Load("../testdata/tokens/service.keytab")
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewAcceptor(AcceptorConfig{Keytab: kt, Etypes: []int32{17, 18, 19, 20, 23},
		Time:    func() time.Time { return at },
		MaxSkew: 2 * time.Hour, Replay: forgetful{}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestContextAcceptsRecordedPeers plays the recorded part of each peer, in its
// role, and reads its messages.
func TestContextAcceptsRecordedPeers(t *testing.T) {
	t.Parallel()
	list := recordedContexts(t)
	if len(list) != 65 {
		t.Fatalf("%d contexts", len(list))
	}
	for _, r := range list {
		t.Run(r.name, func(t *testing.T) {
			switch r.role {
			case "initiates":
				r.messages(t, r.accept(t))
			case "accepts":
				c, err := r.initiate(t)
				if err != nil {
					t.Fatal(err)
				}
				r.messages(t, c)
			case "refuses":
				_, err := r.initiate(t)
				said, ok := errors.AsType[*kerberos.KRBError](err)
				if !ok || said.Code != kerberos.KRBErrSkew || said.Time.Sub(r.at).Abs() > time.Second {
					t.Error(err)
				}
			}
		})
	}
}

// accept takes what the peer has sent as initiator.
func (r recordedContext) accept(t *testing.T) *Context {
	t.Helper()
	c, done := recordedAcceptor(t, r.at).NewContext(AcceptConfig{NoAcceptorSubkey: true, Delegation: true}), false
	for i := 0; i < len(r.wire); i += 2 {
		var err error
		if _, done, err = c.Step(t.Context(), r.wire[i]); err != nil {
			t.Fatal(err)
		}
	}
	if name, _ := c.Client(); !done || name != "alice" || c.Facts().SPNEGO != r.spnego ||
		(len(c.Delegated()) == 1) == r.spnego {
		t.Errorf("done %t, %v, %d credentials", done, c, len(c.Delegated()))
	}
	return c
}

// initiate rebuilds the initiator that sent the first token, from the token,
// and passes it the answer.
func (r recordedContext) initiate(t *testing.T) (*Context, error) {
	t.Helper()
	opened := recordedAcceptor(t, r.at).NewContext(AcceptConfig{})
	if _, done, err := opened.Step(t.Context(), r.wire[0]); err != nil || !done {
		t.Fatal(done, err)
	}
	k, first := *opened.krb5, opened.krb5.auth.Facts().SeqNumber
	c := &Context{ticket: kerberos.Credential{SessionKey: k.session}, now: time.Now, made: r.at,
		krb5: &krb5Context{flags: k.flags, session: k.session, key: k.key, send: first, receive: first, ctime: k.ctime,
			waiting: true}}
	if r.spnego {
		c.neg = &negotiation{mechTypes: krbmsg.MechTypeList(krbmsg.OIDKRB5), mech: krbmsg.OIDKRB5}
	}
	_, done, err := c.Step(t.Context(), r.wire[1])
	if done == (err != nil) || done && len(r.wire) != 2 {
		t.Errorf("done %t, %v, %d tokens", done, err, len(r.wire))
	}
	return c, err
}

func (r recordedContext) messages(t *testing.T, c *Context) {
	t.Helper()
	for _, token := range [][]byte{r.sealed, r.clear} {
		text, sealed, err := c.Unwrap(nil, token)
		if err != nil || string(text) != "a message" || sealed != bytes.Equal(token, r.sealed) {
			t.Errorf("%q, sealed %t, %v", text, sealed, err)
		}
	}
	if err := c.VerifyMIC([]byte("a message"), r.mic); err != nil {
		t.Error(err)
	}
	if f := c.Flags(); f&(kerberos.GSSMutual|kerberos.GSSReplay|kerberos.GSSSequence) != kerberos.GSSMutual|
		kerberos.GSSReplay|kerberos.GSSSequence {
		t.Errorf("flags %#x", f)
	}
}
