package gateway

import (
	"slices"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/wssec"
)

// kerberosEntries are the codes of package kerberos, which explains them in a
// library's terms. Cures that are a setting name wssgate's.
func kerberosEntries() []Entry {
	var entries []Entry
	for _, c := range kerberos.Codes() {
		cure := c.Cure
		if own, ok := settingOf()[c.Code]; ok {
			cure = own
		}
		entries = append(entries, Entry{Code: string(c.Code), Cause: c.Cause, Cure: cure})
	}
	return entries
}

func settingOf() map[kerberos.Code]string {
	return map[kerberos.Code]string{
		kerberos.CodeSPNEGO:        "Let the client send an AP-REQ, as the Kerberos Token Profile has it. SPNEGO is not negotiated here.",
		kerberos.CodeService:       "Let the client ask for the route's principal, or add the ticket's to service: of the route, or to principals: of its kerberos-service.",
		kerberos.CodeEtype:         "Give the service AES keys (and a new keytab); set allow-rc4 only if it must be.",
		kerberos.CodePACMalformed:  "A fault of the KDC: report it with its product and version. A route without allowed-groups does not read PACs.",
		kerberos.CodeClientRealm:   "Add the realms that the error names to trusted-realms if they should be.",
		kerberos.CodeAddress:       "Let clients get tickets without addresses, or remove check-addresses, which behind address translation cannot work.",
		kerberos.CodeNoSubkey:      "Set kerberos-key: auto, or use a client that sends subkeys.",
		kerberos.CodeBeforeStart:   "A client whose clock is right succeeds when it tries again. One whose clock is behind is refused until the time that the error names: set its clock (NTP). Keep state-dir over restarts, and replay-journal on, so that only the time without a process is concerned.",
		kerberos.CodeReplayShare:   "Look at what the client does: nobody calls so often without a fault or an intention. Else raise replay-memory.",
		kerberos.CodeReplayStore:   "Look at the disk of state-dir, which may be full, and at the rate of requests; if that is as it should be, raise replay-memory.",
		kerberos.CodeContextState:  "The client begins anew.",
		kerberos.CodeCredential:    "Log in (kinit), and give doctor the cache by --ccache; or put the client's key into the keytab.",
		kerberos.CodeForwardable:   "Ask for a forwardable one (kinit -f), and see that the account may be delegated.",
		kerberos.CodeNegotiation:   "Let the client offer Kerberos: register the service principal name for the host name that it calls.",
		kerberos.CodeTicketExpired: "The client gets a new ticket; check the clocks if it just did.",
	}
}

// elsewhere are codes of the layers below that no exchange of serve ends with:
// of what clients, doctor and inspect do, of rules that no setting turns on, and
// those that an exchange has under another name.
func elsewhere(code string) bool {
	tokens := kerberos.TokenCodes()
	isOf := func(list []kerberos.CodeInfo) bool {
		return slices.ContainsFunc(list, func(c kerberos.CodeInfo) bool { return string(c.Code) == code })
	}
	switch code {
	case string(kerberos.CodeTokenTooLarge), // a BinarySecurityToken is refused for its length before it is one
		string(kerberos.CodePACMissing), // routes read PACs when they are there
		string(wssec.CodeConfirmation),  // in replies, which clients verify
		string(wssec.CodeProtect):       // CodeProtect of this package
		return true
	}
	return isOf(kerberos.Codes()) && !isOf(tokens)
}
