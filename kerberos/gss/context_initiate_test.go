package gss_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A badService plays an acceptor of SPNEGO by hand against our initiator.
func badService(t *testing.T, flags uint32,
	answer func(apRep []byte, mic func(list []byte) []byte) krbtest.NegTokenResp) error {
	t.Helper()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	i, err := gss.NewInitiatorContext(mustTicket(t, k), gss.InitConfig{GSSFlags: flags, Time: fixedTime})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := i.Step(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	krb5 := a.NewContext(gss.AcceptConfig{Mechanism: gss.MechanismKRB5})
	apReq := token[bytes.Index(token, krbtest.OIDKRB5)+len(krbtest.OIDKRB5):] // behind the list
	apReq = apReq[bytes.Index(apReq, []byte{0x60}):]
	apRep, _, err := krb5.Step(t.Context(), apReq)
	if err != nil {
		t.Fatal(err)
	}
	resp := answer(apRep, func(list []byte) []byte {
		mic, err := krb5.MIC(list)
		if err != nil {
			t.Fatal(err)
		}
		return mic
	})
	_, done, err := i.Step(t.Context(), resp.Token())
	if done == (err != nil) && err != nil {
		t.Error("done with an error")
	}
	if err == nil && !done {
		return errors.New("not done")
	}
	return err
}

// TestInitiatorRejectsBadServices: answers of a false service, or altered on
// the way.
func TestInitiatorRejectsBadServices(t *testing.T) {
	t.Parallel()
	list := krbtest.MechTypes(krbtest.OIDKRB5)
	good := func(apRep []byte) krbtest.NegTokenResp {
		return krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, SupportedMech: krbtest.OIDKRB5,
			ResponseToken: apRep}
	}
	for name, c := range map[string]struct {
		flags  uint32
		answer func(apRep []byte, mic func([]byte) []byte) krbtest.NegTokenResp
		want   kerberos.Code
	}{
		"good": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp { return good(r) }, ""},
		"good, with the MIC": {0, func(r []byte, mic func([]byte) []byte) krbtest.NegTokenResp {
			g := good(r)
			g.State, g.MIC = krbtest.StateAcceptIncomplete, mic(list)
			return g
		}, ""},
		"no state": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp {
			g := good(r)
			g.State = krbtest.StateAbsent
			return g
		}, ""},
		"AP-REP left out": {0, func([]byte, func([]byte) []byte) krbtest.NegTokenResp { return good(nil) },
			kerberos.CodeMutual},
		"AP-REP altered": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp {
			r[len(r)-1] ^= 1
			return good(r)
		}, kerberos.CodeMutual},
		"AP-REP cut": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp { return good(r[:20]) },
			kerberos.CodeTokenMalformed},
		"AP-REP that was not asked for": {oneWay, func([]byte, func([]byte) []byte) krbtest.NegTokenResp {
			return good(krbtest.Frame(nil, []byte{2, 0}, []byte{0x6f, 0}))
		}, kerberos.CodeMechanism},
		"another mechanism": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp {
			g := good(r)
			g.SupportedMech = krbtest.OIDNTLM
			return g
		}, kerberos.CodeNegotiation},
		"request-mic without one": {0, func(r []byte, _ func([]byte) []byte) krbtest.NegTokenResp {
			g := good(r)
			g.State = krbtest.StateRequestMIC
			return g
		}, "not done"},
		"MIC over another list": {0, func(r []byte, mic func([]byte) []byte) krbtest.NegTokenResp {
			g := good(r)
			g.MIC = mic(otherFirst)
			return g
		}, kerberos.CodeMechListMIC},
		"reject": {0, func([]byte, func([]byte) []byte) krbtest.NegTokenResp {
			return krbtest.NegTokenResp{State: krbtest.StateReject}
		}, kerberos.CodePeerRefused},
	} {
		t.Run(name, func(t *testing.T) {
			err := badService(t, c.flags, c.answer)
			switch {
			case c.want == "not done" && (err == nil || err.Error() != "not done"), c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && c.want != "not done":
				wantRefusal(t, err, c.want)
			}
		})
	}
}

// TestInitiatorSendsTwoAPReqsAtMost: a service that ignores all tokens gets two
// AP-REQs and no more.
func TestInitiatorSendsTwoAPReqsAtMost(t *testing.T) {
	t.Parallel()
	i, err := gss.NewInitiatorContext(mustTicket(t, newKDC()), gss.InitConfig{Time: fixedTime})
	if err != nil {
		t.Fatal(err)
	}
	var token []byte
	ask := krbtest.NegTokenResp{State: krbtest.StateAcceptIncomplete, SupportedMech: krbtest.OIDKRB5}.Token()
	for range 2 {
		if _, done, err := i.Step(t.Context(), token); err != nil || done {
			t.Fatal(done, err)
		}
		token = ask
	}
	_, _, err = i.Step(t.Context(), ask)
	wantRefusal(t, err, kerberos.CodeNegotiation, "second AP-REQ")
}

// TestInitiatorRejectsAPRepOfAnotherRequest: an AP-REP under the same session
// key that answers an earlier AP-REQ.
func TestInitiatorRejectsAPRepOfAnotherRequest(t *testing.T) {
	t.Parallel()
	k := newKDC()
	a, ticket := newAcceptor(t, k, gss.AcceptorConfig{}), mustTicket(t, k)
	cfg := gss.InitConfig{Mechanism: gss.MechanismKRB5, Time: fixedTime}
	first, second := newPair(t, a, ticket, cfg, gss.AcceptConfig{}), newPair(t, a, ticket, cfg, gss.AcceptConfig{})
	token, _, _ := first.initiator.Step(t.Context(), nil)
	recorded, _, err := first.acceptor.Step(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	second.initiator.Step(t.Context(), nil)
	_, _, err = second.initiator.Step(t.Context(), recorded)
	wantRefusal(t, err, kerberos.CodeMutual, "answers another request")
}

// TestInitiatorAcceptsEmptyResponseToken: old Windows services send an empty
// token where there is none.
func TestInitiatorAcceptsEmptyResponseToken(t *testing.T) {
	t.Parallel()
	empty := func([]byte, func([]byte) []byte) krbtest.NegTokenResp {
		return krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, SupportedMech: krbtest.OIDMSKRB5,
			ResponseToken: []byte{}}
	}
	if err := badService(t, oneWay, empty); err != nil {
		t.Error(err)
	}
	wantRefusal(t, badService(t, 0, empty), kerberos.CodeMutual, "without the AP-REP")
}
