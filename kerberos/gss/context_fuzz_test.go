package gss

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/internal/seeds"
)

// seedNegotiations are the NegTokenInits of testdata.
func seedNegotiations(f *testing.F) (tokens [][]byte) {
	f.Helper()
	b, err := os.ReadFile("../testdata/cxf-spnego.txt")
	if err != nil {
		f.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); fields[0] != "#" {
			token, err := base64.StdEncoding.DecodeString(fields[2])
			if err != nil {
				f.Fatal(err)
			}
			tokens = append(tokens, token)
		}
	}
	for _, r := range recordedContexts(f) {
		if r.spnego && r.role == "initiates" && len(r.wire) < 3 {
			tokens = append(tokens, r.wire[0])
		}
	}
	return tokens
}

// seedAnswers are what acceptors of other implementations answered.
func seedAnswers(f *testing.F, spnego bool) (tokens [][]byte) {
	f.Helper()
	for _, r := range recordedContexts(f) {
		if r.spnego == spnego && r.role != "initiates" {
			tokens = append(tokens, r.wire[1])
		}
	}
	return tokens
}

// FuzzNegotiationToken: what is read is written as it was, or as something that
// is read as the same; gokrb5 agrees where it reads it too.
func FuzzNegotiationToken(f *testing.F) {
	for _, token := range slices.Concat(seedNegotiations(f), seeds.NegTokenResps(), seedAnswers(f, true)) {
		f.Add(token)
	}
	hint := krbmsg.NegTokenInit{MechTypes: krbmsg.MechTypeList(krbmsg.OIDMSKRB5, krbmsg.OIDKRB5), Hints: true}
	f.Add(hint.Token())
	f.Fuzz(func(t *testing.T, b []byte) {
		init, resp, err := krbmsg.ParseNegotiationToken(b)
		switch {
		case err != nil:
			if init != nil || resp != nil {
				t.Error("a token beside an error")
			}
		case resp != nil:
			_, again, err := krbmsg.ParseNegotiationToken(resp.Token())
			if err != nil || again.State != resp.State || again.SupportedMech != resp.SupportedMech ||
				!bytes.Equal(again.ResponseToken, resp.ResponseToken) ||
				!bytes.Equal(again.MechListMIC, resp.MechListMIC) {
				t.Errorf("%+v becomes %+v, %v", resp, again, err)
			}
			sameResponse(t, b, resp)
		default:
			for _, mech := range init.Mechs {
				_ = krbmsg.MechName(mech)
			}
			sameInit(t, b, init)
		}
	})
}

func sameResponse(t *testing.T, b []byte, resp *krbmsg.NegTokenResp) {
	if len(b) == 0 || b[0] != der.TagContext(1) {
		return
	}
	var g spnego.NegTokenResp
	if g.Unmarshal(b) != nil || bytes.Equal(g.MechListMIC, g.ResponseToken) {
		return
	}
	if !bytes.Equal(g.ResponseToken, resp.ResponseToken) || !bytes.Equal(g.MechListMIC, resp.MechListMIC) ||
		resp.State != krbmsg.NegAbsent && int(g.NegState) != int(resp.State) {
		t.Errorf("%+v, gokrb5 has %+v", resp, g)
	}
}

func sameInit(t *testing.T, b []byte, init *krbmsg.NegTokenInit) {
	if b[0] != der.TagContext(0) || init.Hints {
		return
	}
	var g spnego.NegTokenInit
	if g.Unmarshal(b) != nil {
		return
	}
	if len(g.MechTypes) != len(init.Mechs) || !bytes.Equal(g.MechTokenBytes, init.MechToken) {
		t.Errorf("%d mechanisms, gokrb5 has %+v", len(init.Mechs), g)
	}
}

// FuzzContext passes an acceptor two tokens: nothing panics, nothing is
// accepted that holds no authenticator of a seed, and every reply to a refused
// token of SPNEGO is a reject.
func FuzzContext(f *testing.F) {
	a, tokens := fuzzAcceptor(f)
	known := map[[32]byte]bool{}
	cfg := AcceptConfig{Delegation: true, BindingRule: BindingsWhenPresent}
	for _, token := range append(seedNegotiations(f), tokens...) {
		c := a.NewContext(cfg)
		if _, _, err := c.Step(context.Background(), token); err != nil {
			f.Fatal(err)
		}
		known[c.Facts().ReplayID] = true
		f.Add(token, []byte{})
		second := krbmsg.NegTokenResp{State: krbmsg.NegAbsent, ResponseToken: token}
		list := krbmsg.NegTokenInit{MechTypes: krbmsg.MechTypeList(krbmsg.OIDNegoEx, krbmsg.OIDKRB5)}
		f.Add(list.Token(), second.Token())
		list.MechTypes = krbmsg.MechTypeList(krbmsg.OIDKRB5)
		f.Add(list.Token(), second.Token())
	}
	for _, r := range recordedContexts(f) {
		if len(r.wire) > 3 { // it offers NTLM first
			f.Add(r.wire[0], r.wire[2])
			c := a.NewContext(cfg)
			c.Step(context.Background(), r.wire[0])
			c.Step(context.Background(), r.wire[2])
			known[c.Facts().ReplayID] = true
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		c := a.NewContext(cfg)
		for _, token := range [][]byte{first, second} {
			reply, done, err := c.Step(context.Background(), token)
			var e *kerberos.Error
			switch {
			case err == nil && done && !known[c.Facts().ReplayID]:
				t.Errorf("forged: %v", c)
			case err != nil && (done || !errors.As(err, &e) || e.Code == "" || len(err.Error()) > 20_000):
				t.Errorf("%T %v", err, err)
			case err != nil && len(reply) > 0 && reply[0] == der.TagContext(1):
				if _, resp, err := krbmsg.ParseNegotiationToken(reply); err != nil || resp.State != krbmsg.NegReject {
					t.Errorf("%x", reply)
				}
			}
			if err != nil || done {
				return
			}
		}
	})
}

// FuzzServiceToken passes an initiator an answer: only the AP-REP to its own
// AP-REQ is accepted.
func FuzzServiceToken(f *testing.F) {
	key, err := etype.GenerateKey(etype.AES256SHA1)
	if err != nil {
		f.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	name := kerberos.Principal{Components: []string{"alice"}, Realm: "EXAMPLE.COM"}
	ticket := kerberos.Credential{Client: name, Service: name, Ticket: []byte{0x61, 0}, SessionKey: key}
	rep := krbmsg.EncAPRepPart{CTime: at, SeqNumber: 7}
	apRep := krbmsg.AppendFrame(nil, krbmsg.TokAPREP, rep.AppendAPRep(nil, key))
	krbError := krbmsg.AppendFrame(nil, krbmsg.TokError, krbmsg.AppendKRBError(nil, kerberos.KRBErrSkew, at,
		[]byte("EXAMPLE.COM"), krbmsg.Name{Strings: der.Element(der.TagGeneralString, []byte("soap"))}))
	for _, token := range [][]byte{apRep, krbError} {
		f.Add(token)
		for _, state := range []krbmsg.NegState{krbmsg.NegAcceptCompleted, krbmsg.NegAcceptIncomplete, krbmsg.NegRequestMIC,
			krbmsg.NegReject} {
			resp := krbmsg.NegTokenResp{State: state, SupportedMech: krbmsg.OIDKRB5, ResponseToken: token,
				MechListMIC: []byte("mic")}
			f.Add(resp.Token())
		}
	}
	for _, token := range slices.Concat(seedAnswers(f, true), seedAnswers(f, false)) {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		for _, mechanism := range []Mechanism{MechanismSPNEGO, MechanismKRB5} {
			c, err := NewInitiatorContext(ticket, InitConfig{Mechanism: mechanism, Time: func() time.Time { return at }})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Step(context.Background(), nil); err != nil {
				t.Fatal(err)
			}
			_, done, err := c.Step(context.Background(), token)
			var e *kerberos.Error
			if done && !bytes.Contains(token, apRep[40:]) || err != nil && !errors.As(err, &e) {
				t.Errorf("done %t, %v", done, err)
			}
		}
	})
}

// FuzzKRBCred: what is read, gokrb5 reads too; it is written and read as the
// same.
func FuzzKRBCred(f *testing.F) {
	a, tokens := fuzzAcceptor(f)
	key, err := etype.GenerateKey(etype.AES128SHA2)
	if err != nil {
		f.Fatal(err)
	}
	seeds := 0
	for _, token := range tokens {
		c := a.NewContext(AcceptConfig{Delegation: true})
		if _, _, err := c.Step(context.Background(), token); err != nil {
			f.Fatal(err)
		}
		for _, t := range c.Delegated() {
			f.Add(clearKRBCred(f, &t, key))
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no delegated credential among the seeds")
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := krbmsg.ParseKRBCred(b, key)
		if err != nil {
			return
		}
		for i := range list {
			if list[i].EndTime.IsZero() {
				continue
			}
			again, err := krbmsg.ParseKRBCred(clearKRBCred(t, &list[i], key), key)
			if err != nil || len(again) != 1 || !bytes.Equal(again[0].Ticket, list[i].Ticket) ||
				!again[0].SessionKey.Equal(list[i].SessionKey) || again[0].Flags != list[i].Flags {
				t.Errorf("%v becomes %v, %v", list[i].Client, again, err)
			}
		}
		var g messages.KRBCred
		if g.Unmarshal(b) == nil && len(g.Tickets) != len(list) {
			t.Errorf("%d tickets, gokrb5 has %d", len(list), len(g.Tickets))
		}
	})
}

// FuzzKRBError: what is read, gokrb5 reads too, and texts are bounded and
// printable.
func FuzzKRBError(f *testing.F) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f.Add(krbmsg.AppendKRBError(nil, kerberos.KRBErrSkew, at, []byte("EXAMPLE.COM"),
		krbmsg.Name{Strings: der.Element(der.TagGeneralString, []byte("soap"))}))
	f.Add(krbmsg.AppendKRBError(nil, kerberos.KRBErrGeneric, at, nil, krbmsg.Name{}))
	for _, token := range seedAnswers(f, false) {
		if _, message, ok := bytes.Cut(token, []byte(krbmsg.OIDKRB5+krbmsg.TokError)); ok {
			f.Add(message)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := krbmsg.ParseKRBError(b)
		if err != nil {
			return
		}
		if s := e.Error(); len(s) > 5000 || strings.ContainsAny(s, "\x1b\n\r\x00") {
			t.Errorf("%q", s)
		}
		var g messages.KRBError
		if g.Unmarshal(b) == nil && g.ErrorCode != e.Code {
			t.Errorf("%d, gokrb5 has %d", e.Code, g.ErrorCode)
		}
	})
}

// clearSeal does not encrypt, so that a fuzzer can change the state.
type clearSeal struct{}

func (clearSeal) Seal(_ string, b []byte) ([]byte, error) { return bytes.Clone(b), nil }

func (clearSeal) Open(_ string, b []byte) ([]byte, error) { return bytes.Clone(b), nil }

// FuzzExportedState: even under the right key, no state makes anything panic,
// and what is resumed can be exported as the same.
func FuzzExportedState(f *testing.F) {
	a, tokens := fuzzAcceptor(f)
	cfg := AcceptConfig{Delegation: true, MaxOpen: time.Hour, StateBinding: "fuzz"}
	for _, token := range tokens[:12] {
		c := a.NewContext(cfg)
		list := krbmsg.NegTokenInit{MechTypes: krbmsg.MechTypeList(krbmsg.OIDNegoEx, krbmsg.OIDKRB5)}
		c.Step(context.Background(), list.Token())
		if state, err := a.halfOpen(c, token); err != nil {
			f.Fatal(err)
		} else {
			f.Add(state)
		}
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		c, err := a.Resume(context.Background(), cfg, clearSeal{}, state)
		if err != nil {
			return
		}
		again, err := c.Export(clearSeal{})
		if err != nil {
			t.Fatal(err)
		}
		var x, y exportedContext
		if json.Unmarshal(state, &x) != nil || json.Unmarshal(again, &y) != nil || string(x.Mech) != string(y.Mech) ||
			(x.KRB5 == nil) != (y.KRB5 == nil) ||
			x.KRB5 != nil && (x.KRB5.Service != y.KRB5.Service || !bytes.Equal(x.KRB5.Key.Octets, y.KRB5.Key.Octets)) {
			t.Errorf("%s becomes %s", state, again)
		}
	})
}

// halfOpen is the state after a Kerberos token when the client still owes its
// mechListMIC.
func (a *Acceptor) halfOpen(c *Context, token []byte) ([]byte, error) {
	if _, err := c.acceptKRB5(context.Background(), token); err != nil {
		return nil, err
	}
	c.neg.mechDone = true
	return c.Export(clearSeal{})
}

func clearKRBCred(t testing.TB, ticket *kerberos.Credential, key etype.Key) []byte {
	t.Helper()
	b, err := seeds.ClearKRBCred(ticket, key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
