package krbmsg

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// ParseKRBError reads KRB-ERROR. It is lenient with names and texts, which are only shown: some senders leave the
// service empty. Strings are valid UTF-8 afterwards and of bounded length.
func ParseKRBError(b []byte) (*kerberos.KRBError, error) {
	p := der.Parser{In: "KRB-ERROR"}
	seq := p.Whole(p.Whole(b, der.TagApplication(30), "tag 30"), der.TagSequence, "sequence")
	p.Constant(&seq, 0, PVNO, "pvno")
	p.Constant(&seq, 1, 30, "msg-type")
	p.OptionalTime(&seq, 2, "ctime")
	p.Optional(&seq, 3, der.TagInteger, "cusec")
	e := new(kerberos.KRBError)
	e.Time = p.TimeField(&seq, 4, "stime")
	e.Time = e.Time.Add(p.Microseconds(&seq, 5, "susec"))
	e.Code = p.Int32Field(&seq, 6, "error-code")
	p.Optional(&seq, 7, der.TagGeneralString, "crealm")
	p.Optional(&seq, 8, der.TagSequence, "cname")
	realm, _ := p.Optional(&seq, 9, der.TagGeneralString, "realm")
	sname, _ := p.Optional(&seq, 10, der.TagSequence, "sname")
	text, _ := p.Optional(&seq, 11, der.TagGeneralString, "e-text")
	e.Data, _ = p.Optional(&seq, 12, der.TagOctetString, "e-data")
	p.End(seq, "end")
	if p.Err != nil {
		return nil, p.Err
	}
	e.Realm, e.Text, e.Data = Printable(realm), Printable(text), append([]byte(nil), e.Data...)
	names := der.Parser{In: "KRB-ERROR"}
	if w := readNameContent(&names, sname, "sname"); names.Err == nil {
		e.Service = string(w.AppendText(nil))
	}
	return e, nil
}

// Printable returns text of a peer for people: valid UTF-8 of a bounded length.
func Printable(b []byte) string {
	s := strings.ToValidUTF8(string(b[:min(len(b), kerberos.MaxNameBytes)]), string(utf8.RuneError))
	return strings.TrimRight(s, "\x00")
}

// AppendKRBError appends KRB-ERROR for a service, whose name is as the ticket has it.
func AppendKRBError(dst []byte, code int32, now time.Time, realm []byte, sname Name) []byte {
	now = now.UTC()
	return der.Append(dst, der.TagApplication(30), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(PVNO)),
		der.Field(1, der.TagInteger, der.Integer(30)),
		der.Field(4, der.TagGeneralizedTime, der.Time(now)),
		der.Field(5, der.TagInteger, der.Integer(int64(now.Nanosecond()/1000))),
		der.Field(6, der.TagInteger, der.Integer(int64(code))),
		der.Field(9, der.TagGeneralString, realm),
		der.Field(10, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(2)), der.Field(1, der.TagSequence, sname.Strings))))
}

// KRBErrorOf returns what a peer is told of a refusal. What needs our keys to be found out has one code, so that
// whoever has no key learns nothing of those that we have, KRB_AP_ERR_BADKEYVER (RFC 4120 3.2.3) included; a client
// that has proved itself is told the reason.
func KRBErrorOf(c kerberos.Code) int32 {
	switch c {
	case kerberos.CodeService, kerberos.CodeNoPrincipal:
		return kerberos.KRBErrNotUs
	case kerberos.CodeEtype, kerberos.CodeNoEtype:
		return kerberos.KRBErrEtype
	case kerberos.CodeNoKvno, kerberos.CodeTicketIntegrity, kerberos.CodeTicketMalformed, kerberos.CodeAuthIntegrity, kerberos.CodeAuthMalformed:
		return kerberos.KRBErrModified
	case kerberos.CodeTicketExpired:
		return kerberos.KRBErrTicketExpired
	case kerberos.CodeTicketNotYet, kerberos.CodeTicketInvalid:
		return kerberos.KRBErrTicketNotYet
	case kerberos.CodeClientMismatch:
		return kerberos.KRBErrBadMatch
	case kerberos.CodeSkew:
		return kerberos.KRBErrSkew
	case kerberos.CodeClientRealm:
		return kerberos.KRBErrPolicy
	case kerberos.CodeAddress:
		return kerberos.KRBErrBadAddress
	case kerberos.CodeReplay:
		return kerberos.KRBErrRepeat
	}
	return kerberos.KRBErrGeneric
}
