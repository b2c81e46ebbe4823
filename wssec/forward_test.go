package wssec_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

func TestHeadersWithoutProtectionFollowTheRule(t *testing.T) {
	ps := newPeers(t, symmetric(), nil) // wsa:To is not signed
	msg, _ := ps.request(t, plainOrder)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	fwd, err := m.AppendForward(nil, wssec.DropHeaders)
	if err != nil || strings.Contains(string(fwd), "urn:svc") {
		t.Errorf("dropped header: %v\n%s", err, fwd)
	}
	fwd, err = m.AppendForward(nil, wssec.PassHeaders)
	if err != nil || !strings.Contains(string(fwd), "urn:svc") {
		t.Errorf("passed header: %v\n%s", err, fwd)
	}
	_, err = m.AppendForward(nil, wssec.RefuseHeaders)
	refused(t, err, wssec.CodeHeaderRefused)

	must, _ := ps.request(t, replace(t, plainOrder, `<a:To `, `<a:To s:mustUnderstand="1" `))
	if m, err = ps.verify(t, must); err != nil {
		t.Fatal(err)
	}
	_, err = m.AppendForward(nil, wssec.DropHeaders)
	refused(t, err, wssec.CodeNotUnderstood)
	f := string(wssec.FaultFor(err).AppendEnvelope(nil, soap.V12))
	if !strings.Contains(f, "MustUnderstand") || !strings.Contains(f, `qname="n:To"`) {
		t.Error(f)
	}
}
