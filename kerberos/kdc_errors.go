package kerberos

import (
	"fmt"
	"time"
)

// What can be wrong when a client gets a ticket.
const (
	CodeRealm             Code = "realm-not-configured"
	CodeKDC               Code = "kdc-unreachable"
	CodeKDCReply          Code = "kdc-reply"
	CodeKDCRefused        Code = "kdc-refused"
	CodeKDCEtype          Code = "kdc-etype"
	CodeClientUnknown     Code = "client-unknown"
	CodeClientRevoked     Code = "client-revoked"
	CodePasswordExpired   Code = "password-expired"
	CodePreauth           Code = "preauthentication-failed"
	CodePreauthType       Code = "preauthentication-type"
	CodeServiceUnknown    Code = "service-unknown"
	CodeRealmPath         Code = "realm-path"
	CodeCredential        Code = "credential-missing"
	CodeCredentialExpired Code = "credential-expired"
	CodeForwardable       Code = "credential-not-forwardable"
	CodeCCache            Code = "credential-cache"
)

// clientCodes are the part of the catalogue that is about getting tickets.
func clientCodes() []CodeInfo {
	return []CodeInfo{
		{CodeRealm, "No KDC of the realm is configured.", "Name the realm's KDCs in [realms] of krb5.conf, or set dns_lookup_kdc = true; mind upper and lower case."},
		{CodeKDC, "No KDC of the realm answered.", "Check that a KDC runs where krb5.conf says, and that firewalls let port 88 through, UDP and TCP."},
		{CodeKDCReply, "The KDC's reply is malformed, or not the answer to the request.", "Something in between alters messages, or a fault of the KDC: report it with its product and version."},
		{CodeKDCRefused, "The KDC refuses the request; the error has its reason.", "Look the reason up in the KDC's log."},
		{CodeKDCEtype, "Client, KDC and service have no encryption type in common.", "Give the account AES keys (a password set anew does), or allow a type that it has in krb5.conf."},
		{CodeClientUnknown, "The KDC does not know the client's principal.", "Check the name and the realm, upper and lower case included, or create the account."},
		{CodeClientRevoked, "The client's account is disabled, locked or has ended.", "Unlock the account; look for what tried wrong passwords."},
		{CodePasswordExpired, "The client's password or key has expired.", "Set a new password, or write a new keytab; exempt service accounts from expiry."},
		{CodePreauth, "The client's password or key is not the one that the KDC has.", "Check the password; for a keytab, fetch a new one: the account's password was set since it was written, or its salt is another."},
		{CodePreauthType, "The KDC asks for a pre-authentication that is not supported; encrypted timestamp is.", "Allow encrypted timestamps for the account (it must not need a smart card, one-time password or armoring)."},
		{CodeServiceUnknown, "The KDC does not know the service principal.", "Register the service principal name on exactly one account; mind the host name, and upper and lower case."},
		{CodeRealmPath, "There is no way from the client's realm to the service's.", "Set up trust between the realms, name the realms between in [capaths] of krb5.conf, or correct [domain_realm]."},
		{CodeCredential, "There is no credential of the client to get tickets with.", "Log in (kinit), or configure a password, or a keytab that has the client's key."},
		{CodeCredentialExpired, "The client's ticket-granting ticket has ended and cannot be renewed.", "Log in again (kinit), let something keep the credential cache fresh, or configure a keytab."},
		{CodeForwardable, "The client's ticket-granting ticket is not forwardable, so it cannot be delegated.", "Ask for a forwardable one (InitiatorConfig.Forwardable, kinit -f), and see that the account may be delegated."},
		{CodeCCache, "The credential cache cannot be read.", "Use a cache of type FILE (KRB5CCNAME=FILE:/path) written by MIT's or Heimdal's kinit, readable for this process."},
	}
}

// Error codes of RFC 4120 7.5.9 that KDCs send, beside those of krberror.go.
const (
	krbErrClientExpired   = 1
	krbErrClientUnknown   = 6
	krbErrServiceUnknown  = 7
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

// kdcRefusal says in words what a KRB-ERROR of a KDC means for a request of client for service; secret is "password" or
// "keytab", or "" when a ticket was presented.
func kdcRefusal(e *KRBError, client, service Principal, secret string, now time.Time) *Error {
	r := &Error{Code: CodeKDCRefused, Detail: fmt.Sprintf("KDC gives %s no ticket for %s", client, service), Err: e}
	switch e.Code {
	case krbErrClientUnknown:
		r.Code, r.Detail = CodeClientUnknown, fmt.Sprintf("KDC does not know the client %s", client)
	case krbErrServiceUnknown, krbErrServerNoMatch:
		r.Code, r.Detail = CodeServiceUnknown, fmt.Sprintf("KDC does not know the service %s", service)
	case krbErrEtype:
		r.Code, r.Detail = CodeKDCEtype, fmt.Sprintf("KDC has no encryption type for %s and %s that we ask for", client, service)
	case krbErrClientRevoked, krbErrClientExpired, krbErrClientNotYet:
		r.Code, r.Detail = CodeClientRevoked, fmt.Sprintf("account of %s is disabled, locked or has ended", client)
	case krbErrKeyExpired:
		r.Code, r.Detail = CodePasswordExpired, fmt.Sprintf("password of %s has expired", client)
	case krbErrPreauthFailed, krbErrBadIntegrity:
		if secret != "" {
			r.Code, r.Detail = CodePreauth, fmt.Sprintf("%s is not what the KDC has for %s", secret, client)
		}
	case krbErrPathNotAccepted:
		r.Code, r.Detail = CodeRealmPath, fmt.Sprintf("KDC does not accept the realms between %s and %s", client, service)
	case krbErrTicketExpired:
		r.Code, r.Detail = CodeCredentialExpired, fmt.Sprintf("ticket-granting ticket of %s has ended by the KDC's clock", client)
	case krbErrSkew:
		skew := kdcSkew(e.Time, now)
		r.Code, r.Skew, r.Detail = skew.Code, skew.Skew, skew.Detail
	}
	return r
}

// kdcSkew says how far our clock is from the KDC's.
func kdcSkew(theirs, ours time.Time) *Error {
	skew, way := ours.Sub(theirs), "ahead of"
	if skew < 0 {
		way = "behind"
	}
	return &Error{Code: CodeSkew, Skew: skew, Detail: fmt.Sprintf("our clock is %v %s the KDC's, which has %s", skew.Abs().Round(time.Second), way, stamp(theirs))}
}
