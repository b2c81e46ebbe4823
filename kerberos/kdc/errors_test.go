package kdc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
)

func TestKDCRefusalExplainsCodes(t *testing.T) {
	t.Parallel()
	alice := kerberos.Principal{Components: []string{"alice"}, Realm: "R"}
	soap := kerberos.Principal{Components: []string{"soap", "gw"}, Realm: "R"}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		code   int32
		secret string
		want   kerberos.Code
		detail string
	}{
		{krbErrClientUnknown, "password", kerberos.CodeClientUnknown, "the client alice@R"},
		{krbErrServiceUnknown, "", kerberos.CodeServiceUnknown, "the service soap/gw@R"},
		{krbErrServerNoMatch, "", kerberos.CodeServiceUnknown, "the service soap/gw@R"},
		{kerberos.KRBErrEtype, "", kerberos.CodeKDCEtype, "alice@R and soap/gw@R"},
		{krbErrClientRevoked, "password", kerberos.CodeClientRevoked, "account of alice@R"},
		{krbErrClientExpired, "password", kerberos.CodeClientRevoked, "account of alice@R"},
		{krbErrClientNotYet, "password", kerberos.CodeClientRevoked, "account of alice@R"},
		{krbErrKeyExpired, "password", kerberos.CodePasswordExpired, "password of alice@R"},
		{krbErrPreauthFailed, "password", kerberos.CodePreauth, "password is not what the KDC has for alice@R"},
		{krbErrBadIntegrity, "keytab's key", kerberos.CodePreauth, "keytab's key is not what the KDC has"},
		// With a ticket it is the ticket that the KDC does not like.
		{krbErrBadIntegrity, "", kerberos.CodeKDCRefused, "KDC issues alice@R no ticket for soap/gw@R"},
		{krbErrPathNotAccepted, "", kerberos.CodeRealmPath, "realms between alice@R and soap/gw@R"},
		{kerberos.KRBErrTicketExpired, "", kerberos.CodeCredentialExpired, "ticket-granting ticket of alice@R"},
		{kerberos.KRBErrPolicy, "", kerberos.CodeKDCRefused, "KDC issues alice@R no ticket for soap/gw@R"},
	} {
		e := &kerberos.KRBError{Code: test.code, Time: now}
		got := kdcRefusal(e, alice, soap, test.secret, now)
		if got.Code != test.want || !strings.Contains(got.Detail, test.detail) {
			t.Errorf("%d with %q: %v", test.code, test.secret, got)
		}
		if !errors.Is(got, e) {
			t.Errorf("%d: the KDC's error is lost: %v", test.code, got)
		}
	}
}

func TestKDCSkewSaysWhichClockIsAhead(t *testing.T) {
	t.Parallel()
	kdc := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for ahead, want := range map[time.Duration]string{
		10 * time.Minute:  "our clock is 10m0s ahead of the KDC's, which has 2026-11-22T12:00:00Z",
		-10 * time.Minute: "our clock is 10m0s behind the KDC's, which has 2026-11-22T12:00:00Z",
	} {
		e := kdcRefusal(&kerberos.KRBError{Code: kerberos.KRBErrSkew, Time: kdc}, kerberos.Principal{},
			kerberos.Principal{}, "", kdc.Add(ahead))
		if e.Code != kerberos.CodeSkew || e.Skew != ahead || e.Detail != want {
			t.Errorf("%v: %+v", ahead, e)
		}
	}
}
