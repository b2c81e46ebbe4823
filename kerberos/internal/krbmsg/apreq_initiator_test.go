package krbmsg_test

import (
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// authenticator decrypts the authenticator of an AP-REQ.
func authenticator(t *testing.T, session etype.Key, message []byte) (krbmsg.APReq, krbmsg.Authenticator) {
	t.Helper()
	r, err := krbmsg.ParseAPReq(message)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := etype.NewUsageKey(session, etype.UsageAuthenticator).Decrypt(nil, r.Authenticator.Cipher)
	if err != nil {
		t.Fatal(err)
	}
	a, err := krbmsg.ParseAuthenticator(plain)
	if err != nil {
		t.Fatal(err)
	}
	return r, a
}

func TestNewAPReqHasAuthenticatorOfTheTicket(t *testing.T) {
	t.Parallel()
	c := ticketOf(t, krbtest.TicketOptions{})
	req, err := krbmsg.NewAPReq(&c, &krbmsg.APReqOptions{Flags: kerberos.GSSMutual, Now: now,
		SubkeyEtype: etype.AES128SHA1, Bindings: []byte("channel")})
	if err != nil {
		t.Fatal(err)
	}
	r, a := authenticator(t, c.SessionKey, req.Message)
	if r.Options != krbmsg.APMutualRequired || string(a.CRealm) != "EXAMPLE.COM" ||
		string(a.CName.AppendText(nil)) != "alice" || !a.CTime.Equal(now) || !req.CTime.Equal(now) ||
		a.SeqNumber != req.SeqNumber || a.Subkey.Etype != etype.AES128SHA1 || req.Key.Etype() != etype.AES128SHA1 {
		t.Errorf("%+v, %+v", r, a)
	}
	sum, err := a.GSSChecksum()
	want := krbmsg.BindingsHash([]byte("channel"), krbmsg.AddressUnspecified)
	if err != nil || sum.Flags != kerberos.GSSMutual || string(sum.Bindings) != string(want[:]) || sum.KRBCred != nil {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestNewAPReqMakesUniqueTimes(t *testing.T) {
	t.Parallel()
	c := ticketOf(t, krbtest.TicketOptions{})
	seen := map[time.Time]bool{}
	for range 50 {
		req, err := krbmsg.NewAPReq(&c, &krbmsg.APReqOptions{Now: now, NoSubkey: true})
		if err != nil || seen[req.CTime] || !req.Key.Equal(c.SessionKey) {
			t.Fatalf("%v, %v", req.CTime, err)
		}
		seen[req.CTime] = true
	}
}

func TestNewAPReqDelegatesUnderTheSessionKey(t *testing.T) {
	t.Parallel()
	c, tgt := ticketOf(t, krbtest.TicketOptions{}), ticketOf(t, krbtest.TicketOptions{})
	req, err := krbmsg.NewAPReq(&c, &krbmsg.APReqOptions{Now: now, Delegate: &tgt})
	if err != nil {
		t.Fatal(err)
	}
	_, a := authenticator(t, c.SessionKey, req.Message)
	sum, err := a.GSSChecksum()
	if err != nil || sum.Flags&kerberos.GSSDeleg == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if _, err := krbmsg.ParseKRBCred(sum.KRBCred, req.Key); err == nil {
		t.Error("the subkey decrypts the credential")
	}
	creds, err := krbmsg.ParseKRBCred(sum.KRBCred, c.SessionKey)
	if err != nil || len(creds) != 1 || !creds[0].SessionKey.Equal(tgt.SessionKey) {
		t.Errorf("%v, %v", creds, err)
	}
}
