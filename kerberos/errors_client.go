package kerberos

// Codes of tickets that a client could not obtain.
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
	CodeProtocolTransit   Code = "protocol-transition-refused"
	CodeDelegation        Code = "delegation-refused"
	CodeEvidence          Code = "evidence-not-forwardable"
	CodeCCache            Code = "credential-cache"
)

// clientCodes returns the part of the catalogue about getting tickets.
func clientCodes() []CodeInfo {
	return []CodeInfo{
		{CodeRealm,
			"No KDC of the realm is configured.",
			"Name the realm's KDCs in [realms] of krb5.conf, or set dns_lookup_kdc = true; mind upper and lower case."},
		{CodeKDC,
			"No KDC of the realm answered.",
			"Check that a KDC runs where krb5.conf says, and that firewalls let port 88 through, UDP and TCP."},
		{CodeKDCReply,
			"The KDC's reply is malformed, or not the answer to the request.",
			"Something in between alters messages, or a fault of the KDC: report it with its product and version."},
		{CodeKDCRefused,
			"The KDC refuses the request; the error has its reason.",
			"Look the reason up in the KDC's log."},
		{CodeKDCEtype,
			"Client, KDC and service have no encryption type in common.",
			"Give the account AES keys (a password set anew does), or allow a type that it has in krb5.conf."},
		{CodeClientUnknown,
			"The KDC does not know the client's principal.",
			"Check the name and the realm, upper and lower case included, or create the account."},
		{CodeClientRevoked,
			"The client's account is disabled, locked or has ended.",
			"Unlock the account; look for what tried wrong passwords."},
		{CodePasswordExpired,
			"The client's password or key has expired.",
			"Set a new password, or write a new keytab; exempt service accounts from expiry."},
		{CodePreauth,
			"The client's password or key is not the one that the KDC has.",
			"Check the password; for a keytab, fetch a new one: the account's password was set since it was written, " +
				"or its salt is another."},
		{CodePreauthType,
			"The KDC asks for a pre-authentication that is not supported; encrypted timestamp is.",
			"Allow encrypted timestamps for the account (it must not need a smart card, one-time password or " +
				"armoring)."},
		{CodeServiceUnknown,
			"The KDC does not know the service principal.",
			"Register the service principal name on exactly one account; mind the host name, and upper and lower " +
				"case."},
		{CodeRealmPath,
			"There is no way from the client's realm to the service's.",
			"Set up trust between the realms, name the realms between in [capaths] of krb5.conf, or correct " +
				"[domain_realm]."},
		{CodeCredential,
			"There is no credential of the client to get tickets with.",
			"Log in (kinit), or configure a password, or a keytab that has the client's key."},
		{CodeCredentialExpired,
			"The client's ticket-granting ticket has ended and cannot be renewed.",
			"Log in again (kinit), let something keep the credential cache fresh, or configure a keytab."},
		{CodeForwardable,
			"The client's ticket-granting ticket is not forwardable, so it cannot be delegated.",
			"Ask for a forwardable one (forwardable = true in krb5.conf, kinit -f), and see that the account may be " +
				"delegated."},
		{CodeProtocolTransit,
			"The KDC issues the service no ticket to itself in the name of a user (S4U2Self, MS-SFU).",
			"Ask in the user's realm and for an account of the service; see the KDC's log. Samba, Active Directory and " +
				"MIT 1.8 or later have S4U2Self for every service account."},
		{CodeDelegation,
			"The KDC does not allow the service to act for users at the other service (S4U2Proxy, MS-SFU).",
			"Active Directory, Samba: add the other service to the account's msDS-AllowedToDelegateTo, or the account to " +
				"the other one's msDS-AllowedToActOnBehalfOfOtherIdentity. MIT: krbAllowedToDelegateTo in its LDAP " +
				"database; its own database allows nobody."},
		{CodeEvidence,
			"The user's ticket for the service is not forwardable, so the KDC does not let the service act for the user.",
			"A user's own ticket: let the client ask for forwardable ones, and see that the user is neither marked " +
				"sensitive nor in Protected Users. One that the service got in a user's name: let the account use any " +
				"protocol (Active Directory: TRUSTED_TO_AUTH_FOR_DELEGATION; MIT: +ok_to_auth_as_delegate)."},
		{CodeCCache,
			"The credential cache cannot be read.",
			"Use a cache of type FILE (KRB5CCNAME=FILE:/path) written by MIT's or Heimdal's kinit, readable for this " +
				"process."},
	}
}
