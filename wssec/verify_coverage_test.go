package wssec_test

import (
	"context"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

func TestSignatureConfirmationBindsTheReplyToTheRequest(t *testing.T) {
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.SignatureConfirmation = true }), nil)
	first, sent := ps.request(t, plainOrder)
	_, sentLater := ps.request(t, message(300))
	m, err := ps.verify(t, first)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ps.client.VerifyReply(context.Background(), parse(t, reply), sent, secure()); err != nil {
		t.Fatal(err)
	}
	_, err = ps.client.VerifyReply(context.Background(), parse(t, reply), sentLater, secure())
	refused(t, err, wssec.CodeConfirmation)
}
