package gateway

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/wssgate/wssgate/internal/resecure"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// An Entry of the [Catalogue] explains one error code to an operator: what
// happened, what to do about it, and which fault the client got.
type Entry struct {
	Code  string
	Cause string
	Cure  string

	err        error // an example of an error with the code
	negotiated error // one of a negotiation; nil if none has the code
}

// Catalogue returns an entry for every code: those that an exchange can end
// with, in the order of the checks, then those of [Entry.Elsewhere].
//
// Each package explains its own codes in a table of one shape, CodeInfo. It
// declares that type itself, since wssec, soap and kerberos do not import each
// other; entriesOf does not compile with a table of another shape.
func Catalogue() []Entry {
	ofToken := func(kerberos.Code) error { return &wssec.Error{Code: wssec.CodeFailedAuth} }
	ofKerberos := entriesOf(kerberos.Codes(), ofToken)
	for i := range ofKerberos {
		if ofKerberos[i].ofDelegation() { // of the leg to the backend
			ofKerberos[i].err = &Error{Code: Code(ofKerberos[i].Code), behind: true}
		} else if ofKerberos[i].Code != string(kerberos.CodeSPNEGO) { // that is of tokens in messages
			ofKerberos[i].negotiated = &wstrust.Error{Code: wstrust.CodeFailedAuth}
		}
	}
	var all, others []Entry
	for _, e := range slices.Concat(
		entriesOf(Codes(), exampleOf),
		entriesOf(resecure.Codes(), func(c resecure.Code) error { return &Error{Code: Code(c), behind: true} }),
		entriesOf(soap.Codes(), func(c soap.Code) error { return &soap.Error{Code: c} }),
		entriesOf(wssec.Codes(), exampleOfSecurity),
		entriesOf(wstrust.Codes(), func(c wstrust.Code) error { return &wstrust.Error{Code: c} }),
		entriesOf(negotiate.Codes(), func(c kerberos.Code) error { return &kerberos.Error{Code: c} }),
		ofKerberos,
	) {
		if e.Elsewhere() {
			others = append(others, e)
		} else {
			all = append(all, e)
		}
	}
	return append(all, others...)
}

// entriesOf returns the entries of a package's codes. Example returns an error
// of an exchange with a code.
func entriesOf[C ~string, I ~struct {
	Code  C
	Cause string
	Cure  string
}](codes []I, example func(C) error) []Entry {
	settings := settingCures()
	var entries []Entry
	for _, c := range codes {
		info := struct {
			Code  C
			Cause string
			Cure  string
		}(c)
		e := Entry{Code: string(info.Code), Cause: info.Cause, Cure: info.Cure, err: example(info.Code)}
		if cure, ok := settings[e.Code]; ok {
			e.Cure = cure
		}
		entries = append(entries, e)
	}
	return entries
}

// exampleOf returns an error with a code of this package.
func exampleOf(c Code) error {
	if fault, _ := c.fault(); fault == nil {
		return &xmltext.SyntaxError{Err: xmltext.ErrMarkup}
	}
	return &Error{Code: c}
}

// exampleOfSecurity returns an error with a code of package wssec. Those about
// a security context are answered in the namespace of the message that named
// it.
func exampleOfSecurity(c wssec.Code) error {
	e := &wssec.Error{Code: c}
	switch c {
	case wssec.CodeContextUnknown, wssec.CodeContextExpired, wssec.CodeContextCancelled, wssec.CodeContextInstance,
		wssec.CodeContextCookie, wssec.CodeContextType:
		e.Context = wssec.NSWSC05
	}
	return e
}

// Fault returns the name of the fault that the client gets, such as
// "wsse:InvalidSecurity" or "soap:Receiver", with the HTTP status if it is not
// that of the SOAP binding. Where a negotiation is answered with another one it
// returns both. It returns "none" if the client gets no fault.
func (e Entry) Fault() string {
	switch {
	case e.Elsewhere(), e.Code == string(CodeClientGone), e.Code == string(CodeShutdown):
		return "none"
	case e.status() != 0:
		return "HTTP " + strconv.Itoa(e.status())
	case e.negotiated == nil:
		return faultName(e.err)
	case e.ofNegotiation():
		return faultName(e.negotiated)
	}
	return faultName(e.err) + "; " + faultName(e.negotiated) + " in a negotiation"
}

// status returns the HTTP status for a code of package negotiate, 0 for others.
func (e Entry) status() int {
	switch e.Code {
	case string(negotiate.CodeNoToken), string(negotiate.CodeUnknown), string(negotiate.CodeSession):
		return http.StatusUnauthorized
	case string(negotiate.CodeAuthorization):
		return http.StatusBadRequest
	case string(negotiate.CodeFull), string(negotiate.CodeStore):
		return http.StatusServiceUnavailable
	}
	return 0
}

// faultName returns the name of the fault that answers an error.
func faultName(err error) string {
	fault, status := faultOf(err, soap.V11)
	name := [...]string{"soap:Sender", "soap:Receiver", "soap:VersionMismatch", "soap:MustUnderstand"}[fault.Code]
	switch {
	case fault.Subcode.Space == wssec.NSWSSE:
		name = "wsse:" + fault.Subcode.Local
	case fault.Subcode.Space == soap.NSAddressing:
		if name = "wsa:" + fault.Subcode.Local; fault.Subsubcode.Local != "" {
			name += " with wsa:" + fault.Subsubcode.Local
		}
	case fault.Subcode.Space == wssec.NSWSC13, fault.Subcode.Space == wssec.NSWSC05:
		name = "wsc:" + fault.Subcode.Local
	case fault.Subcode.Space == wstrust.NSTrust05:
		name = "wst:" + fault.Subcode.Local
	case fault.Subcode.Local != "":
		name = fault.Subcode.Local
	}
	if status != soaphttp.FaultStatus {
		name += ", HTTP " + strconv.Itoa(status)
	}
	return name
}

// Elsewhere reports whether no exchange of serve ends with the code. It is one
// of clients, doctor or inspect, of a rule that no setting turns on, or an
// exchange has it under another name.
func (e Entry) Elsewhere() bool {
	switch e.Code {
	case string(kerberos.CodeTokenTooLarge), // a BinarySecurityToken is refused for its length before it is one
		string(kerberos.CodePACMissing), // routes read PACs when they are there
		string(wssec.CodeConfirmation),  // in replies, which clients verify
		string(wstrust.CodeReply),       // in the answers of negotiations
		string(negotiate.CodeChallenge), string(negotiate.CodeNotMutual), string(negotiate.CodeServerRefused),
		string(wssec.CodeProtect): // CodeProtect of this package
		return true
	}
	has := func(list []kerberos.CodeInfo) bool {
		return slices.ContainsFunc(list, func(c kerberos.CodeInfo) bool { return string(c.Code) == e.Code })
	}
	return has(kerberos.Codes()) && !has(kerberos.TokenCodes()) && !e.ofNegotiation() && !e.ofDelegation()
}

// ofDelegation reports whether the code is the KDC's answer that a secured backend
// cannot be called as the client.
func (e Entry) ofDelegation() bool {
	switch kerberos.Code(e.Code) {
	case kerberos.CodeDelegation, kerberos.CodeEvidence, kerberos.CodeProtocolTransit:
		return true
	}
	return false
}

// ofNegotiation reports whether the code is one of GSS-API contexts that an
// acceptor refuses, which only negotiations have.
func (e Entry) ofNegotiation() bool {
	switch kerberos.Code(e.Code) {
	case kerberos.CodeNegotiation, kerberos.CodeMechListMIC, kerberos.CodeContextState:
		return true
	}
	return false
}

// settingCures returns cures in terms of wssgate's settings, for codes whose
// packages explain them in terms of a library.
func settingCures() map[string]string {
	return map[string]string{
		string(wssec.CodeSecurityMissing): "Configure the client with the route's policy. A message that begins a " +
			"negotiation has no such header: for a client that negotiates, as WCF's wsHttpBinding does by default, set " +
			"policy to wsHttpBinding or SspiNegotiated. If the error names another actor or role, remove it in the " +
			"client, or set actor of the policy to it.",
		string(wssec.CodeSignatureInvalid): "See kerberos-key (session or subkey), derived-keys and key-fit; else " +
			"something between changes messages.",
		string(wssec.CodeReplayUnavailable): "The error has the reason: raise replay-memory if it is full of live records.",
		string(wssec.CodeContentPrefix): "Let the client list the prefix in a PrefixList (CXF does for declarations on " +
			"and around a part) or use it in a name; else set content-prefixes: as-received, for clients that do neither, " +
			"as WCF's.",
		string(wssec.CodeTransport): "Call https, or set tls-offloaded if a proxy in front ends TLS.",
		string(wssec.CodeNotUnderstood): "If the backend understands the header: name it in understood-headers where the " +
			"error says that it is for us; else protect it (signed-parts), or set other-headers: pass.",
		string(wssec.CodeActorNotForwarded): "Name the actor in forward-actors if it stands behind the route, or in actor " +
			"of the policy if it is wssgate; else let the client leave the header out.",
		string(wssec.CodeHeaderRefused): "Protect the header (signed-parts), or set other-headers to drop or pass.",
		string(wssec.CodeNoMemory):      "As for overloaded.",
		string(wssec.CodePlaintextMemory): "Look at the sender first; raise max-in-flight if such messages are meant " +
			"to pass.",

		string(kerberos.CodeSPNEGO): "Let the client send an AP-REQ, as the Kerberos Token Profile has it. SPNEGO " +
			"is negotiated by routes with policy SspiNegotiated, in messages of WS-Trust.",
		string(kerberos.CodeService): "Let the client ask for the route's principal, or add the ticket's to " +
			"service: of the route, or to principals: of its kerberos-service.",
		string(kerberos.CodeEtype): "Give the service AES keys (with GODEBUG=fips140=only those of types 19 and 20) " +
			"and a new keytab; set allow-rc4 only if it must be.",
		string(kerberos.CodePACMalformed): "A fault of the KDC: report it with its product and version. A route " +
			"without allowed-groups does not read PACs.",
		string(kerberos.CodeClientRealm): "Add the realms that the error names to trusted-realms if they should be.",
		string(kerberos.CodeAddress): "Let clients get tickets without addresses, or remove check-addresses, " +
			"which behind address translation cannot work.",
		string(kerberos.CodeNoSubkey): "Set kerberos-key: auto, or use a client that sends subkeys.",
		string(kerberos.CodeBeforeStart): "A client whose clock is right succeeds when it tries again. One whose " +
			"clock is behind is refused until the time that the error names: set its clock (NTP). Keep state-dir over " +
			"restarts, and replay-journal on, so that only the time without a process is concerned.",
		string(kerberos.CodeReplayShare): "Look at what the client does: nobody calls so often without a fault or an " +
			"intention. Else raise replay-memory.",
		string(kerberos.CodeReplayStore): "Look at the disk of state-dir, which may be full, and at the rate of " +
			"requests; if that is as it should be, raise replay-memory.",
		string(kerberos.CodeContextState): "The client begins anew.",
		string(kerberos.CodeCredential): "Log in (kinit), and give doctor the cache by --ccache; or put the " +
			"client's key into the keytab.",
		string(kerberos.CodeForwardable): "Ask for a forwardable one (kinit -f), and see that the account may be " +
			"delegated.",
		string(kerberos.CodeNegotiation): "Let the client offer Kerberos: register the service principal name for " +
			"the host name that it calls.",
		string(negotiate.CodeUnknown): "Nothing, if the client begins anew. If it is frequent: the client keeps cookies " +
			"while it negotiates, and nodes that share clients need one state-keys.",
		string(negotiate.CodeSession): "Nothing, if the client is challenged and comes again. Nodes that share clients " +
			"need one state-keys.",
		string(kerberos.CodeTicketExpired): "The client gets a new ticket; check the clocks if it just did.",
	}
}
