package wssec_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// TestNothingIsProtectedWithoutAKey: a Message of another policy brings none.
func TestNothingIsProtectedWithoutAKey(t *testing.T) {
	bare := newPeers(t, preset(t, "KerberosToken"), nil)
	msg, _ := bare.request(t, plainOrder)
	m, err := bare.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	for _, derived := range []wssec.DerivedKeysRule{wssec.DerivedKeysForbidden, wssec.DerivedKeysRequired} {
		ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.DerivedKeys, p.EncryptedParts.Body = derived, false }), nil)
		_, err = ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
		refused(t, err, wssec.CodeKeyLength)
		ps.token.Key = wssec.Key{}
		_, _, err = ps.client.ProtectRequest(nil, parse(t, []byte(plainOrder)), ps.token)
		refused(t, err, wssec.CodeKeyLength)
	}
}

func TestAReplyUnderTransportCarriesATimestamp(t *testing.T) {
	ps := newPeers(t, preset(t, "KerberosOverTransport"), nil)
	msg, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ps.client.VerifyReply(context.Background(), parse(t, []byte(plainOrder)), sent, secure())
	refused(t, err, wssec.CodeSecurityMissing)
	reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil || !bytes.Contains(reply, []byte("Timestamp")) || bytes.Contains(reply, []byte("Signature")) {
		t.Errorf("%v\n%s", err, reply)
	}
}

// TestAReplyIsConfirmedBeforeItIsSigned: WCF refuses a SignatureConfirmation that stands behind the Signature.
func TestAReplyIsConfirmedBeforeItIsSigned(t *testing.T) {
	for _, derived := range []wssec.DerivedKeysRule{wssec.DerivedKeysForbidden, wssec.DerivedKeysRequired} {
		ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.DerivedKeys, p.SignatureConfirmation = derived, true }), nil)
		raw, _ := ps.request(t, plainOrder)
		m, err := ps.verify(t, raw)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
		if err != nil {
			t.Fatal(err)
		}
		confirmation, signature := bytes.Index(reply, []byte("<wsse11:SignatureConfirmation")), bytes.Index(reply, []byte("<ds:Signature "))
		if confirmation < 0 || signature < confirmation {
			t.Errorf("derived keys %s: SignatureConfirmation at octet %d, Signature at %d", derived, confirmation, signature)
		}
	}
}
