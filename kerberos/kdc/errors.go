package kdc

import (
	"fmt"
	"time"

	"github.com/wssgate/wssgate/kerberos"
)

// Error codes of RFC 4120 7.5.9 that KDCs send, besides those of package
// kerberos.
const (
	krbErrClientExpired   = 1
	krbErrClientUnknown   = 6
	krbErrServiceUnknown  = 7
	krbErrBadOption       = 13
	krbErrPADataType      = 16
	krbErrClientRevoked   = 18
	krbErrTGTRevoked      = 20
	krbErrClientNotYet    = 21
	krbErrKeyExpired      = 23
	krbErrPreauthFailed   = 24
	krbErrPreauthRequired = 25
	krbErrServerNoMatch   = 26
	krbErrPathNotAccepted = 28
	krbErrUnavailable     = 29
	krbErrBadIntegrity    = 31
	krbErrTooBig          = 52
	krbErrWrongRealm      = 68
)

// kdcRefusal returns the error for a KRB-ERROR that answers client's request
// for a ticket for service. secret is what the client logs in with, as
// clientSecret.String returns it, or "" if it presented a ticket.
func kdcRefusal(e *kerberos.KRBError, client, service kerberos.Principal, secret string,
	now time.Time) *kerberos.Error {
	r := &kerberos.Error{Code: kerberos.CodeKDCRefused,
		Detail: fmt.Sprintf("KDC issues %s no ticket for %s", client, service), Err: e}
	switch e.Code {
	case krbErrClientUnknown:
		r.Code, r.Detail = kerberos.CodeClientUnknown, fmt.Sprintf("KDC does not know the client %s", client)
	case krbErrServiceUnknown, krbErrServerNoMatch:
		r.Code, r.Detail = kerberos.CodeServiceUnknown, fmt.Sprintf("KDC does not know the service %s", service)
	case kerberos.KRBErrEtype:
		r.Code, r.Detail = kerberos.CodeKDCEtype, fmt.Sprintf("KDC has no encryption type for %s and %s that we ask for",
			client, service)
	case krbErrClientRevoked, krbErrClientExpired, krbErrClientNotYet:
		r.Code, r.Detail = kerberos.CodeClientRevoked, fmt.Sprintf("account of %s is disabled, locked or has ended", client)
	case krbErrKeyExpired:
		r.Code, r.Detail = kerberos.CodePasswordExpired, fmt.Sprintf("password of %s has expired", client)
	case krbErrPreauthFailed, krbErrBadIntegrity:
		if secret != "" {
			r.Code, r.Detail = kerberos.CodePreauth, fmt.Sprintf("%s is not what the KDC has for %s", secret, client)
		}
	case krbErrPathNotAccepted:
		r.Code, r.Detail = kerberos.CodeRealmPath,
			fmt.Sprintf("KDC does not accept the realms between %s and %s", client, service)
	case kerberos.KRBErrTicketExpired:
		r.Code, r.Detail = kerberos.CodeCredentialExpired,
			fmt.Sprintf("ticket-granting ticket of %s has ended by the KDC's clock", client)
	case kerberos.KRBErrSkew:
		skew := kdcSkew(e.Time, now)
		r.Code, r.Skew, r.Detail = skew.Code, skew.Skew, skew.Detail
	}
	return r
}

// kdcSkew returns the error for a clock that is too far from the KDC's.
func kdcSkew(theirs, ours time.Time) *kerberos.Error {
	skew, way := ours.Sub(theirs), "ahead of"
	if skew < 0 {
		way = "behind"
	}
	return &kerberos.Error{Code: kerberos.CodeSkew, Skew: skew,
		Detail: fmt.Sprintf("our clock is %v %s the KDC's, which has %s", skew.Abs().Round(time.Second), way,
			kerberos.FormatTime(theirs))}
}
