package kerberos

import (
	"fmt"
	"slices"
	"time"
)

// A Code identifies an entry of the catalogue of refusals. Codes are stable and
// in kebab-case; callers branch on them.
type Code string

// Codes of refused tokens, in the order of the checks.
const (
	CodeTokenTooLarge   Code = "token-too-large"
	CodeTokenMalformed  Code = "token-malformed"
	CodeNTLM            Code = "ntlm-token"
	CodeSPNEGO          Code = "spnego-token"
	CodeMechanism       Code = "token-mechanism"
	CodeUserToUser      Code = "token-user-to-user"
	CodeService         Code = "ticket-service"
	CodeEtype           Code = "etype-not-allowed"
	CodeNoPrincipal     Code = "ticket-no-principal"
	CodeNoEtype         Code = "ticket-no-etype"
	CodeNoKvno          Code = "ticket-no-key"
	CodeTicketIntegrity Code = "ticket-integrity"
	CodeTicketMalformed Code = "ticket-malformed"
	CodeAuthIntegrity   Code = "authenticator-integrity"
	CodeAuthMalformed   Code = "authenticator-malformed"
	CodeTicketInvalid   Code = "ticket-invalid"
	CodeTicketNotYet    Code = "ticket-not-yet-valid"
	CodeTicketExpired   Code = "ticket-expired"
	CodeClientMismatch  Code = "client-mismatch"
	CodeSkew            Code = "clock-skew"
	CodeAuthzData       Code = "authorization-data"
	CodePACMalformed    Code = "pac-malformed"
	CodePACMissing      Code = "pac-missing"
	CodePACIntegrity    Code = "pac-integrity"
	CodePACClient       Code = "pac-client"
	CodeClientRealm     Code = "client-realm"
	CodeAddress         Code = "client-address"
	CodeNoSubkey        Code = "subkey-missing"
	CodeBindings        Code = "channel-bindings"
	CodeBeforeStart     Code = "authenticator-before-start"
	CodeReplay          Code = "ticket-replay"
	CodeReplayShare     Code = "replay-share"
	CodeReplayStore     Code = "replay-store"
)

// A CodeInfo explains a Code to an operator.
type CodeInfo struct {
	Code  Code
	Cause string // what has happened, in one sentence
	Cure  string // what to do about it
}

// Codes returns the catalogue: the codes of tokens, in the order of the checks,
// then those of contexts, then those of getting tickets.
func Codes() []CodeInfo { return slices.Concat(TokenCodes(), contextCodes(), clientCodes()) }

// TokenCodes returns the part of the catalogue that gss.Acceptor.Accept can
// return.
func TokenCodes() []CodeInfo {
	return []CodeInfo{
		{CodeTokenTooLarge,
			"The token is larger than any Kerberos token.",
			"Check the client: what it sends is not a Kerberos token, or the account is in far too many groups."},
		{CodeTokenMalformed,
			"The token is not DER or not an AP-REQ.",
			"Check what the client sends; a proxy in between may have altered it."},
		{CodeNTLM,
			"The client fell back to NTLM.",
			"Register the service principal name for the host name that the client calls; do not call by IP address."},
		{CodeSPNEGO,
			"A SPNEGO token came where the Kerberos Token Profile wants an AP-REQ.",
			"Configure the client for a Kerberos token, or this route for negotiation."},
		{CodeMechanism,
			"A GSS-API token of another mechanism or kind, or an AP-REQ whose authenticator was made for another " +
				"protocol.",
			"Configure the client for Kerberos V5; a service accepts AP-REQ tokens only. An authenticator for another " +
				"protocol is a relayed one, or of a client that makes its own."},
		{CodeUserToUser,
			"The ticket is encrypted in a session key (user-to-user).",
			"Register the service principal on an account with a key and let the client ask for an ordinary ticket."},
		{CodeService,
			"The ticket is for a service principal that this route does not accept.",
			"Let the client ask for the route's principal, or add the ticket's principal to the route."},
		{CodeEtype,
			"An encryption type of the ticket, its session key or the subkey is not on the allow-list.",
			"Give the service AES keys (and a new keytab); enable the encryption type only if it must be."},
		{CodeNoPrincipal,
			"The keytab has no key for the principal that the ticket is for.",
			"Fetch a keytab that holds the principal; mind upper and lower case."},
		{CodeNoEtype,
			"The keytab has keys of the principal, but none of the ticket's encryption type.",
			"Fetch a new keytab with all encryption types that the KDC uses for the service."},
		{CodeNoKvno,
			"The keytab has no key of the ticket's key version, and none of its other keys decrypts the ticket.",
			"Keytab older than the ticket: fetch a new keytab. Ticket older than the keytab: the client purges its " +
				"tickets, or keep old keys in the keytab for the life of a ticket."},
		{CodeTicketIntegrity,
			"The key of the right version does not decrypt the ticket.",
			"The keytab's key is not the KDC's (account recreated, wrong password or salt given to ktpass or ktutil, " +
				"duplicate principal): fetch a new keytab. Else the ticket was altered."},
		{CodeTicketMalformed,
			"The decrypted ticket does not follow RFC 4120.",
			"A fault of the KDC: report it with its product and version."},
		{CodeAuthIntegrity,
			"The authenticator does not decrypt with the ticket's session key.",
			"The client does not hold the ticket's key, or the token was altered."},
		{CodeAuthMalformed,
			"The decrypted authenticator does not follow RFC 4120.",
			"A fault of the client's Kerberos library: report it with its product and version."},
		{CodeTicketInvalid,
			"The ticket has the INVALID flag: postdated and not validated.",
			"The client validates the ticket with its KDC first."},
		{CodeTicketNotYet,
			"The ticket's start time has not come.",
			"Check the clocks of KDC and gateway."},
		{CodeTicketExpired,
			"The ticket's end time has passed.",
			"The client gets a new ticket; check the clocks if it just did."},
		{CodeClientMismatch,
			"Ticket and authenticator name different clients.",
			"An attack, or a faulty client library."},
		{CodeSkew,
			"The client's clock and ours differ by more than the limit.",
			"Synchronise the clocks (NTP); the error has the difference."},
		{CodeAuthzData,
			"Ticket or authenticator carry authorization data that may restrict them and that is not understood here.",
			"Let the KDC or client wrap it in AD-IF-RELEVANT if it may be ignored (RFC 4120 5.2.6)."},
		{CodePACMalformed,
			"The ticket's PAC does not follow MS-PAC.",
			"A fault of the KDC: report it with its product and version. Where groups do not matter, PACs need not be " +
				"read."},
		{CodePACMissing,
			"The ticket has no PAC and the configuration demands one.",
			"Let the KDC issue PACs (Active Directory: the service's account must not have NO_AUTH_DATA_REQUIRED; MIT: " +
				"1.20 or later), or do not demand them."},
		{CodePACIntegrity,
			"The signature of the ticket's PAC does not match the service's key.",
			"A fault of the KDC or of a key that is used for several accounts; else whoever has a key of this service " +
				"forged the PAC: give the service a new key."},
		{CodePACClient,
			"The ticket's PAC names another client, or another authentication, than the ticket.",
			"An attack on the KDC, or a fault of it: report it with its product and version."},
		{CodeClientRealm,
			"The client's realm, or a realm by which it came, is not trusted, or the client is anonymous.",
			"Add the realms that the error names to the trusted client realms if they should be."},
		{CodeAddress,
			"The ticket is bound to addresses and the client comes from another.",
			"Let clients get tickets without addresses, or do not check addresses behind NAT."},
		{CodeNoSubkey,
			"The authenticator carries no subkey and the configuration demands one.",
			"Set the key source to auto, or a client that sends subkeys."},
		{CodeBindings,
			"The client's channel bindings are missing, or are those of another TLS channel.",
			"Let TLS end at this process, turn on extended protection in the client, or set channel-bindings to " +
				"when-present or off. Where a proxy ends TLS: tls-offloaded, with which bindings are not looked at."},
		{CodeBeforeStart,
			"The authenticator was made, by the client's clock, before the replay store knows what was accepted: the " +
				"store is new or in memory, or no process had its journal open then.",
			"A client whose clock is right succeeds when it tries again. One whose clock is behind is refused until " +
				"the time that the error names: set its clock (NTP). Keep the replay journal over restarts, so that only " +
				"the time without a process is concerned."},
		{CodeReplay,
			"The authenticator was presented before.",
			"An attack, or a client or proxy that sends a token twice: each request needs a new authenticator."},
		{CodeReplayShare,
			"The client has three times as many accepted authenticators or signatures in the replay store as there is " +
				"room left for all others, so this one is not accepted. Others go on.",
			"Look at what the client does: nobody calls so often without a fault or an intention. Else give the " +
				"replay stores more memory."},
		{CodeReplayStore,
			"The replay store cannot remember one more authenticator, so none is accepted.",
			"Look at the store's capacity, its disk, or the rate of requests."},
	}
}

// An Error is the reason why a token was refused or a ticket could not be
// obtained. Its text is for operators: what was wanted, what was found, and
// often the cure. It holds no secret, but details that must not be sent to a
// client.
type Error struct {
	Code   Code
	Detail string        // what was wanted and found
	Skew   time.Duration // positive if the client's clock is ahead; with CodeSkew and CodeBeforeStart
	Err    error         // cause, or nil
}

// Error returns the code, the detail and the cause.
func (e *Error) Error() string {
	s := "kerberos: " + string(e.Code) + ": " + e.Detail
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the Code as a string, for callers that have several
// catalogues.
func (e *Error) ErrorCode() string { return string(e.Code) }

// Is reports whether target is an Error of the same code and nothing else, so
// that errors.Is(err, &Error{Code: c}) matches any Error of code c.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Detail == "" && t.Err == nil
}

// Errorf returns an [Error] with a code and a formatted detail.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(format, args...)}
}

// Reason returns the detail and the cause, without the code.
func (e *Error) Reason() string {
	if e.Err != nil {
		return e.Detail + ": " + e.Err.Error()
	}
	return e.Detail
}
