package gss_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// TestAttackLongOID: what an unknown client or service sends does not make long log lines.
func TestAttackLongOID(t *testing.T) {
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

// TestRejectHoldsNoAPRep: a negotiation that is rejected for its MIC does not prove the service beside.
func TestRejectHoldsNoAPRep(t *testing.T) {
	n := requestMIC(t, 0)
	resp, _, err := n.step(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq, MIC: []byte("wrong")}.Token())
	wantRefusal(t, err, kerberos.CodeMechListMIC)
	if resp.State != krbtest.StateReject || resp.ResponseToken != nil {
		t.Errorf("%+v", resp)
	}
}

// TestInitiatorEmptyResponseToken: old Windows services send an empty token where there is none.
func TestInitiatorEmptyResponseToken(t *testing.T) {
	empty := func([]byte, func([]byte) []byte) krbtest.NegTokenResp {
		return krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, SupportedMech: krbtest.OIDMSKRB5, ResponseToken: []byte{}}
	}
	if err := badService(t, oneWay, empty); err != nil {
		t.Error(err)
	}
	wantRefusal(t, badService(t, 0, empty), kerberos.CodeMutual, "without the AP-REP")
}

// TestRefusalsDoNotTellKeys: whoever has no key is told the same of key versions that we have and of those that we have
// not.
func TestRefusalsDoNotTellKeys(t *testing.T) {
	k := newKDC()
	stranger := krbtest.New(krbtest.Config{Time: fixedTime})
	stranger.AddService(service)
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	for name, o := range map[string]krbtest.TicketOptions{
		"version that we have": {}, "version that we have not": {WrittenKvno: 77},
	} {
		ticket, err := stranger.Ticket("alice", service, o)
		if err != nil {
			t.Fatal(err)
		}
		p := newPair(t, a, ticket, gss.InitConfig{Time: fixedTime}, gss.AcceptConfig{})
		_, initErr, acceptErr := p.talk(t)
		if acceptErr == nil || initErr == nil || !strings.Contains(initErr.Error(), "KRB_AP_ERR_MODIFIED") {
			t.Errorf("%s: %v; client has %v", name, acceptErr, initErr)
		}
	}
}
