package gateway

import (
	"slices"
	"strconv"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// An Entry of the catalogue explains one error code: what happened and what to
// do about it, for the operator; what the client was told.
type Entry struct {
	Code  string
	Cause string
	Cure  string

	err error // an example of an error with the code, as its package makes it
}

// Catalogue returns an entry for every code: those that an exchange can end
// with, in the order in which a message meets them, then those of elsewhere.
//
// Each package explains its own codes in a table of one shape, CodeInfo.
// It declares that type itself, since wssec, soap and kerberos do not know each
// other; [entriesOf] does not compile with a table of another shape.
func Catalogue() []Entry {
	ofToken := func(kerberos.Code) error { return &wssec.Error{Code: wssec.CodeFailedAuth} }
	var all, others []Entry
	for _, e := range slices.Concat(
		entriesOf(Codes(), exampleOf),
		entriesOf(soap.Codes(), func(c soap.Code) error { return &soap.Error{Code: c} }),
		entriesOf(wssec.Codes(), func(c wssec.Code) error { return &wssec.Error{Code: c} }),
		entriesOf(kerberos.Codes(), ofToken),
	) {
		if e.Elsewhere() {
			others = append(others, e)
		} else {
			all = append(all, e)
		}
	}
	return append(all, others...)
}

// entriesOf makes entries of a package's codes. Example returns an error of a
// code as an exchange meets it.
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

// exampleOf is an error of a code of this package.
func exampleOf(c Code) error {
	if fault, _ := c.fault(); fault == nil {
		return &xmltext.SyntaxError{Err: xmltext.ErrMarkup}
	}
	return &Error{Code: c}
}

// Fault words what the client gets: "wsse:InvalidSecurity", "soap:Receiver",
// with the HTTP status where it is a special one.
func (e Entry) Fault() string {
	if e.Elsewhere() || e.Code == string(CodeClientGone) || e.Code == string(CodeShutdown) {
		return "none"
	}
	fault, status := faultOf(e.err, soap.V11)
	name := [...]string{"soap:Sender", "soap:Receiver", "soap:VersionMismatch", "soap:MustUnderstand"}[fault.Code]
	switch {
	case fault.Subcode.Space == wssec.NSWSSE:
		name = "wsse:" + fault.Subcode.Local
	case fault.Subcode.Space == soap.NSAddressing:
		name = "wsa:" + fault.Subcode.Local
	}
	if status != soapStatus(fault, soap.V11) {
		name += ", HTTP " + strconv.Itoa(status)
	}
	return name
}

// Elsewhere reports whether serve ends no exchange with the code: those that
// clients, doctor and inspect meet, those of rules that no setting turns on, and
// those that an exchange has under another name.
func (e Entry) Elsewhere() bool {
	switch e.Code {
	case string(kerberos.CodeTokenTooLarge), // a BinarySecurityToken is refused for its length before it is one
		string(kerberos.CodePACMissing), // routes read PACs when they are there
		string(wssec.CodeConfirmation),  // in replies, which clients verify
		string(wssec.CodeProtect):       // CodeProtect of this package
		return true
	}
	has := func(list []kerberos.CodeInfo) bool {
		return slices.ContainsFunc(list, func(c kerberos.CodeInfo) bool { return string(c.Code) == e.Code })
	}
	return has(kerberos.Codes()) && !has(kerberos.TokenCodes())
}
