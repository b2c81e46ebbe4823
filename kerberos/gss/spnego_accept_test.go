package gss_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/internal/seeds"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// TestContextRejectsLongOID: octets of an unknown client or service do not make
// long log lines.
func TestContextRejectsLongOID(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte{0x2a}, 100<<10)
	many := make([][]byte, 30)
	for i := range many {
		many[i] = long[:4<<10]
	}
	for name, token := range map[string][]byte{
		"frame":          krbtest.Frame(long, nil, nil),
		"list":           krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(many...)}.Token(),
		"list with NTLM": krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(append(many, krbtest.OIDNTLM)...)}.Token(),
	} {
		n := newNegotiator(t, 0, gss.AcceptConfig{})
		_, _, err := n.acceptor.Step(t.Context(), token)
		if err == nil || len(err.Error()) > 8<<10 {
			t.Errorf("%s: error of %d octets", name, len(fmt.Sprint(err)))
		}
	}
	err := badService(t, 0, func([]byte, func([]byte) []byte) krbtest.NegTokenResp {
		return krbtest.NegTokenResp{SupportedMech: long}
	})
	if wantRefusal(t, err, kerberos.CodeNegotiation); len(err.Error()) > 1<<10 {
		t.Errorf("service's choice: error of %d octets", len(err.Error()))
	}
}

// TestContextRejectsWithoutAPRep: a rejection for the MIC holds no AP-REP,
// which would prove the service.
func TestContextRejectsWithoutAPRep(t *testing.T) {
	t.Parallel()
	n := requestMIC(t, 0)
	resp, _, err := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq, MIC: []byte("wrong")}.Token())
	wantRefusal(t, err, kerberos.CodeMechListMIC)
	if resp.State != krbtest.StateReject || resp.ResponseToken != nil {
		t.Errorf("%+v", resp)
	}
}

// A negotiator plays an initiator of SPNEGO by hand: the Kerberos tokens and
// MICs are those of a context without SPNEGO, what is around them is the
// test's.
type negotiator struct {
	t        *testing.T
	krb5     *gss.Context
	apReq    []byte
	acceptor *gss.Context
}

func newNegotiator(t *testing.T, flags uint32, accept gss.AcceptConfig) *negotiator {
	t.Helper()
	k := newKDC()
	p := newPair(t, newAcceptor(t, k, gss.AcceptorConfig{}), mustTicket(t, k),
		gss.InitConfig{Mechanism: gss.MechanismKRB5, GSSFlags: flags, Time: fixedTime}, accept)
	apReq, _, err := p.initiator.Step(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &negotiator{t, p.initiator, apReq, p.acceptor}
}

// step passes the acceptor a token and reads its NegTokenResp, which is empty
// with StateAbsent if there is none.
func (n *negotiator) step(token []byte) (resp krbtest.NegTokenResp, done bool, err error) {
	n.t.Helper()
	reply, done, err := n.acceptor.Step(n.t.Context(), token)
	if reply == nil {
		return krbtest.NegTokenResp{State: krbtest.StateAbsent}, done, err
	}
	resp, ok := krbtest.ReadNegTokenResp(reply)
	if !ok {
		n.t.Fatalf("%x is no NegTokenResp", reply)
	}
	return resp, done, err
}

// finish lets the initiator's mechanism read the AP-REP.
func (n *negotiator) finish(apRep []byte) {
	n.t.Helper()
	if _, done, err := n.krb5.Step(n.t.Context(), apRep); err != nil || !done {
		n.t.Fatalf("AP-REP: done %t, %v", done, err)
	}
}

func (n *negotiator) mic(mechTypes []byte) []byte {
	n.t.Helper()
	mic, err := n.krb5.MIC(mechTypes)
	if err != nil {
		n.t.Fatal(err)
	}
	return mic
}

// check checks that the acceptor is done and messages pass.
func (n *negotiator) check(mech string, mic bool) {
	n.t.Helper()
	if f := n.acceptor.Facts(); f.Mech != mech || f.MechListMIC != mic || !f.SPNEGO {
		n.t.Errorf("%+v", f)
	}
	pair{n.krb5, n.acceptor}.exchange(n.t)
}

const oneWay = kerberos.GSSInteg | kerberos.GSSConf | kerberos.GSSReplay | kerberos.GSSSequence

// TestSPNEGOChoosesFirstMechanism: the token for the first mechanism is used at
// once, and SupportedMech is the OID as listed, as Windows wants its own.
func TestSPNEGOChoosesFirstMechanism(t *testing.T) {
	t.Parallel()
	for name, oids := range map[string][][]byte{
		"krb5":     {krbtest.OIDKRB5},
		"MS-krb5":  {krbtest.OIDMSKRB5, krbtest.OIDKRB5, krbtest.OIDNegoEx, krbtest.OIDNTLM},
		"krb5-old": {krbtest.OIDOldKRB5, krbtest.OIDNTLM},
	} {
		for _, flags := range []uint32{0, oneWay} {
			t.Run(fmt.Sprint(name, flags), func(t *testing.T) {
				n := newNegotiator(t, flags, gss.AcceptConfig{})
				resp, done, err := n.step(krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(oids...), MechToken: n.apReq}.Token())
				if err != nil || !done || resp.State != krbtest.StateAcceptCompleted ||
					!bytes.Equal(resp.SupportedMech, oids[0]) ||
					resp.MIC != nil || (resp.ResponseToken == nil) != (flags == oneWay) {
					t.Fatalf("%+v, done %t, %v", resp, done, err)
				}
				if resp.ResponseToken != nil {
					n.finish(resp.ResponseToken)
				}
				n.check(name, false)
			})
		}
	}
}

// TestContextAcceptsLongLengths: senders that write every length in two octets,
// in four (Windows' BER encoder, appliances) or in more are understood, in the
// negotiation and in the Kerberos message, with SPNEGO around it and without.
func TestContextAcceptsLongLengths(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 3, 4, 8, 9, 40} {
		for name, form := range map[string]func(apReq []byte) []byte{
			"SPNEGO": func(r []byte) []byte {
				if size == 1 {
					return krbtest.NegTokenInit{MechTypes: seeds.LongLengths(krbtest.MechTypes(krbtest.OIDKRB5), 1),
						MechToken: r}.Token()
				}
				return seeds.LongLengths(krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDKRB5), MechToken: r}.Token(),
					size)
			},
			"SPNEGO, bare": func(r []byte) []byte {
				return krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDKRB5),
					MechToken: seeds.LongLengths(r, max(size, 2)), NoFrame: true}.Token()
			},
		} {
			n := newNegotiator(t, oneWay, gss.AcceptConfig{})
			if _, done, err := n.step(form(n.apReq)); err != nil || !done {
				t.Errorf("%s, lengths in %d octets: done %t, %v", name, size, done, err)
				continue
			}
			n.check("krb5", false)
		}
		if size == 1 { // a length over 255 needs two
			continue
		}
		k := newKDC()
		token, _ := mustToken(t, k, krbtest.TokenOptions{})
		a := newAcceptor(t, k, gss.AcceptorConfig{})
		if _, err := a.Accept(t.Context(), seeds.LongLengths(token, size)); err != nil {
			t.Errorf("token of the profile, lengths in %d octets: %v", size, err)
		}
		if _, err := a.Accept(t.Context(), token); code(err) != kerberos.CodeReplay {
			t.Errorf("the same token with other lengths is a replay: %v", err)
		}
	}
}

// TestSPNEGOAcceptsEveryForm: forms that are rare or deviate from the standard.
func TestSPNEGOAcceptsEveryForm(t *testing.T) {
	t.Parallel()
	list := krbtest.MechTypes(krbtest.OIDKRB5)
	for name, token := range map[string]func(apReq []byte) []byte{
		"without frame": func(r []byte) []byte {
			return krbtest.NegTokenInit{MechTypes: list, MechToken: r, NoFrame: true}.Token()
		},
		"NegTokenInit2": func(r []byte) []byte {
			return krbtest.NegTokenInit{MechTypes: list, MechToken: r,
				Hints: true}.Token()
		},
		"list with a long length": func(r []byte) []byte { // as Kaazing's clients have it
			return krbtest.NegTokenInit{MechTypes: seeds.LongLengths(list, 2), MechToken: r}.Token()
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNegotiator(t, oneWay, gss.AcceptConfig{})
			if _, done, err := n.step(token(n.apReq)); err != nil || !done {
				t.Fatal(done, err)
			}
			n.check("krb5", false)
		})
	}
	t.Run("no optimistic token", func(t *testing.T) {
		for _, state := range []int{krbtest.StateAbsent, krbtest.StateAcceptIncomplete} {
			n := newNegotiator(t, oneWay, gss.AcceptConfig{})
			resp, done, err := n.step(krbtest.NegTokenInit{MechTypes: list}.Token())
			if err != nil || done || resp.State != krbtest.StateAcceptIncomplete ||
				!bytes.Equal(resp.SupportedMech, krbtest.OIDKRB5) {
				t.Fatalf("%+v, %v", resp, err)
			}
			second := krbtest.NegTokenResp{State: state, ResponseToken: n.apReq}.Token()
			if state == krbtest.StateAbsent {
				second = krbtest.Frame(krbtest.OIDSPNEGO, []byte{}, second) // as old senders have it
			}
			if resp, done, err = n.step(second); err != nil || !done || resp.State != krbtest.StateAcceptCompleted {
				t.Fatalf("%+v, %v", resp, err)
			}
			n.check("krb5", false)
		}
	})
	t.Run("MIC is a copy of the token", func(t *testing.T) { // Windows 2000
		n := newNegotiator(t, oneWay, gss.AcceptConfig{})
		n.step(krbtest.NegTokenInit{MechTypes: list}.Token())
		if resp, done, err := n.step(krbtest.NegTokenResp{State: krbtest.StateAbsent, ResponseToken: n.apReq,
			MIC: n.apReq}.Token()); err != nil || !done || resp.MIC != nil {
			t.Fatalf("%+v, %v", resp, err)
		}
		n.check("krb5", false)
	})
	t.Run("acceptor speaks first", func(t *testing.T) {
		n := newNegotiator(t, oneWay, gss.AcceptConfig{})
		hint, done, err := n.acceptor.Step(t.Context(), nil)
		want := krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDMSKRB5, krbtest.OIDKRB5), Hints: true}.Token()
		if err != nil || done || !bytes.Equal(hint, want) {
			t.Fatalf("%x, %v", hint, err)
		}
		if _, done, err := n.step(krbtest.NegTokenInit{MechTypes: list, MechToken: n.apReq}.Token()); err != nil || !done {
			t.Fatal(done, err)
		}
		n.check("krb5", false)
	})
	t.Run("MIC that nobody needs", func(t *testing.T) { // RFC 4178 5: it is answered
		n := newNegotiator(t, oneWay, gss.AcceptConfig{})
		resp, done, err := n.step(krbtest.NegTokenInit{MechTypes: list, MechToken: n.apReq, MIC: n.mic(list)}.Token())
		if err != nil || !done || resp.MIC == nil || n.krb5.VerifyMIC(list, resp.MIC) != nil {
			t.Fatalf("%+v, %v", resp, err)
		}
		n.check("krb5", true)
	})
}

// otherFirst is a list that begins with a mechanism which only the client has.
var otherFirst = krbtest.MechTypes(krbtest.OIDNegoEx, krbtest.OIDMSKRB5, krbtest.OIDKRB5)

// requestMIC goes to where the acceptor has chosen Kerberos behind another
// mechanism.
func requestMIC(t *testing.T, flags uint32) *negotiator {
	t.Helper()
	n := newNegotiator(t, flags, gss.AcceptConfig{})
	resp, done, err := n.step(krbtest.NegTokenInit{MechTypes: otherFirst,
		MechToken: []byte("NEGOEXTS, not for us")}.Token())
	if err != nil || done || resp.State != krbtest.StateRequestMIC ||
		!bytes.Equal(resp.SupportedMech, krbtest.OIDMSKRB5) || resp.ResponseToken != nil {
		t.Fatalf("%+v, %v", resp, err)
	}
	return n
}

// TestSPNEGORequestsMIC is RFC 4178 5 where the MIC is required: with an even
// number of Kerberos tokens, and an odd one.
func TestSPNEGORequestsMIC(t *testing.T) {
	t.Parallel()
	t.Run("mutual", func(t *testing.T) {
		n := requestMIC(t, 0)
		resp, done, err := n.step(krbtest.NegTokenResp{State: krbtest.StateAcceptIncomplete, ResponseToken: n.apReq}.Token())
		if err != nil || done || resp.State != krbtest.StateAcceptIncomplete || resp.MIC == nil {
			t.Fatalf("%+v, %v", resp, err)
		}
		n.finish(resp.ResponseToken)
		if err := n.krb5.VerifyMIC(otherFirst, resp.MIC); err != nil {
			t.Fatal(err)
		}
		if resp, done, err = n.step(krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted,
			MIC: n.mic(otherFirst)}.Token()); err != nil || !done || resp.State != krbtest.StateAbsent {
			t.Fatalf("%+v, done %t, %v", resp, done, err)
		}
		n.check("MS-krb5", true)
	})
	t.Run("one way", func(t *testing.T) {
		n := requestMIC(t, oneWay)
		resp, done, err := n.step(krbtest.NegTokenResp{State: krbtest.StateAcceptIncomplete, ResponseToken: n.apReq,
			MIC: n.mic(otherFirst)}.Token())
		if err != nil || !done || resp.State != krbtest.StateAcceptCompleted ||
			n.krb5.VerifyMIC(otherFirst, resp.MIC) != nil {
			t.Fatalf("%+v, done %t, %v", resp, done, err)
		}
		n.check("MS-krb5", true)
	})
}

// TestSPNEGORejectsBadTokens: no Kerberos among the mechanisms, and tokens out
// of order.
func TestSPNEGORejectsBadTokens(t *testing.T) {
	t.Parallel()
	list := krbtest.MechTypes(krbtest.OIDKRB5)
	init := func(oids ...[]byte) []byte {
		return krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(oids...)}.Token()
	}
	for name, c := range map[string]struct {
		tokens [][]byte
		want   kerberos.Code
		words  string
	}{
		"NTLM only": {[][]byte{init(krbtest.OIDNegoEx, krbtest.OIDNTLM)}, kerberos.CodeNTLM,
			"it offers NEGOEX, NTLM"},
		"NTLM without SPNEGO": {[][]byte{[]byte("NTLMSSP\x00\x01\x00\x00\x00")}, kerberos.CodeNTLM,
			"register the principal"},
		"unknown mechanism": {[][]byte{init([]byte{0x2a, 0x03, 0x04})}, kerberos.CodeNegotiation, "client offers 1.2.3.4"},
		"no mechanism":      {[][]byte{init()}, kerberos.CodeTokenMalformed, "names no mechanism"},
		"many mechanisms": {[][]byte{init(slices.Repeat([][]byte{krbtest.OIDNTLM}, 33)...)}, kerberos.CodeTokenMalformed,
			"too many"},
		"NegTokenResp first": {[][]byte{krbtest.NegTokenResp{ResponseToken: []byte("x")}.Token()}, kerberos.CodeNegotiation,
			"not known here"},
		"NegTokenInit twice": {[][]byte{init(krbtest.OIDKRB5), init(krbtest.OIDKRB5)}, kerberos.CodeNegotiation,
			"second NegTokenInit"},
		"no token": {[][]byte{init(krbtest.OIDKRB5), krbtest.NegTokenResp{State: 1}.Token()},
			kerberos.CodeNegotiation, "without the mechanism's token"},
		"client rejects": {[][]byte{init(krbtest.OIDKRB5), krbtest.NegTokenResp{State: krbtest.StateReject}.Token()},
			kerberos.CodePeerRefused, "broke the negotiation off"},
		"empty in the middle": {[][]byte{init(krbtest.OIDKRB5), nil}, kerberos.CodeNegotiation, "empty token"},
		"empty twice":         {[][]byte{nil, nil}, kerberos.CodeNegotiation, "empty token"},
		"unknown state": {[][]byte{init(krbtest.OIDKRB5), krbtest.NegTokenResp{State: 7}.Token()},
			kerberos.CodeTokenMalformed, "no such state"},
		"token is no AP-REQ": {[][]byte{krbtest.NegTokenInit{MechTypes: list, MechToken: []byte("garbage")}.Token()},
			kerberos.CodeTokenMalformed, ""},
		"SPNEGO in SPNEGO": {[][]byte{krbtest.NegTokenInit{MechTypes: list, MechToken: init(krbtest.OIDKRB5)}.Token()},
			kerberos.CodeSPNEGO, ""},
		"bare AP-REQ": {[][]byte{{0x6e, 0x02, 0x30, 0x00}}, kerberos.CodeTokenMalformed, "bare AP-REQ"},
		"too large":   {[][]byte{make([]byte, kerberos.MaxTokenBytes+1)}, kerberos.CodeTokenTooLarge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNegotiator(t, 0, gss.AcceptConfig{})
			for i, token := range c.tokens {
				reply, done, err := n.acceptor.Step(t.Context(), token)
				if i < len(c.tokens)-1 {
					if err != nil || done {
						t.Fatal(done, err)
					}
					continue
				}
				wantRefusal(t, err, c.want, c.words)
				if resp, ok := krbtest.ReadNegTokenResp(reply); reply != nil && (!ok || resp.State != krbtest.StateReject) {
					t.Errorf("reply %x", reply)
				}
			}
			if _, _, err := n.acceptor.Step(t.Context(), n.apReq); code(err) != kerberos.CodeContextState {
				t.Errorf("a failed context goes on: %v", err)
			}
		})
	}
}

// TestContextRejectsDowngrade: an attacker on the path puts a mechanism before
// Kerberos, or removes one. The client's MIC is over the list that it has sent.
func TestContextRejectsDowngrade(t *testing.T) {
	t.Parallel()
	sent := krbtest.MechTypes(krbtest.OIDMSKRB5, krbtest.OIDKRB5)
	for name, mic := range map[string]func(n *negotiator) []byte{
		"MIC over the client's own list": func(n *negotiator) []byte { return n.mic(sent) },
		"MIC stripped":                   func(*negotiator) []byte { return nil },
		"MIC garbled":                    func(n *negotiator) []byte { m := n.mic(otherFirst); m[len(m)-1] ^= 1; return m },
		"MIC empty":                      func(*negotiator) []byte { return []byte{} },
	} {
		t.Run("one way/"+name, func(t *testing.T) {
			n := requestMIC(t, oneWay)
			resp, done, err := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq, MIC: mic(n)}.Token())
			wantRefusal(t, err, kerberos.CodeMechListMIC)
			if done || resp.State != krbtest.StateReject || resp.MIC != nil {
				t.Errorf("%+v", resp)
			}
		})
		t.Run("mutual/"+name, func(t *testing.T) {
			n := requestMIC(t, 0)
			resp, _, _ := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
			n.finish(resp.ResponseToken)
			_, done, err := n.step(krbtest.NegTokenResp{State: 0, MIC: mic(n)}.Token())
			wantRefusal(t, err, kerberos.CodeMechListMIC)
			if done {
				t.Error("done")
			}
		})
	}
	t.Run("our own MIC reflected", func(t *testing.T) {
		n := requestMIC(t, 0)
		resp, _, _ := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
		_, _, err := n.step(krbtest.NegTokenResp{State: 0, MIC: resp.MIC}.Token())
		wantRefusal(t, err, kerberos.CodeMechListMIC, "reflected")
	})
}
