package gateway

import (
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/wssec"
)

// settingCures are cures in the words of wssgate's settings, for codes that
// kerberos and wssec explain in the terms of a library.
func settingCures() map[string]string {
	return map[string]string{
		string(wssec.CodeSignatureInvalid):  "See kerberos-key (session or subkey), derived-keys and key-fit; else something between changes messages.",
		string(wssec.CodeReplayUnavailable): "The error has the reason: raise replay-memory if it is full of live records.",
		string(wssec.CodeContentPrefix): "Let the client list the prefix in a PrefixList (CXF does for declarations on and around a part) or use it " +
			"in a name; else set content-prefixes: as-received, for clients that do neither, as WCF's.",
		string(wssec.CodeTransport):       "Call https, or set tls-offloaded if a proxy in front ends TLS.",
		string(wssec.CodeNotUnderstood):   "Protect the header (signed-parts), or set other-headers: pass.",
		string(wssec.CodeHeaderRefused):   "Protect the header (signed-parts), or set other-headers to drop or pass.",
		string(wssec.CodeNoMemory):        "As for overloaded.",
		string(wssec.CodePlaintextMemory): "Look at the sender first; raise max-in-flight if such messages are meant to pass.",

		string(kerberos.CodeSPNEGO): "Let the client send an AP-REQ, as the Kerberos Token Profile has it. SPNEGO is not negotiated here.",
		string(kerberos.CodeService): "Let the client ask for the route's principal, or add the ticket's to service: of the route, or to " +
			"principals: of its kerberos-service.",
		string(kerberos.CodeEtype): "Give the service AES keys (and a new keytab); set allow-rc4 only if it must be.",
		string(kerberos.CodePACMalformed): "A fault of the KDC: report it with its product and version. A route without allowed-groups does not read " +
			"PACs.",
		string(kerberos.CodeClientRealm): "Add the realms that the error names to trusted-realms if they should be.",
		string(kerberos.CodeAddress): "Let clients get tickets without addresses, or remove check-addresses, which behind address translation " +
			"cannot work.",
		string(kerberos.CodeNoSubkey): "Set kerberos-key: auto, or use a client that sends subkeys.",
		string(kerberos.CodeBeforeStart): "A client whose clock is right succeeds when it tries again. One whose clock is behind is refused until " +
			"the time that the error names: set its clock (NTP). Keep state-dir over restarts, and replay-journal on, " +
			"so that only the time without a process is concerned.",
		string(kerberos.CodeReplayShare): "Look at what the client does: nobody calls so often without a fault or an intention. Else raise " +
			"replay-memory.",
		string(kerberos.CodeReplayStore): "Look at the disk of state-dir, which may be full, and at the rate of requests; if that is as it should " +
			"be, raise replay-memory.",
		string(kerberos.CodeContextState):  "The client begins anew.",
		string(kerberos.CodeCredential):    "Log in (kinit), and give doctor the cache by --ccache; or put the client's key into the keytab.",
		string(kerberos.CodeForwardable):   "Ask for a forwardable one (kinit -f), and see that the account may be delegated.",
		string(kerberos.CodeNegotiation):   "Let the client offer Kerberos: register the service principal name for the host name that it calls.",
		string(kerberos.CodeTicketExpired): "The client gets a new ticket; check the clocks if it just did.",
	}
}
