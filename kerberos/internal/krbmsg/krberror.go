package krbmsg

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// ParseKRBError reads KRB-ERROR (RFC 4120 5.9.1). It is lenient with names and
// texts, which are for people only: some senders leave the service empty.
// Strings of the result are valid UTF-8 of a bounded length.
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
	crealm, _ := p.Optional(&seq, 7, der.TagGeneralString, "crealm")
	cname, _ := p.Optional(&seq, 8, der.TagSequence, "cname")
	realm, _ := p.Optional(&seq, 9, der.TagGeneralString, "realm")
	sname, _ := p.Optional(&seq, 10, der.TagSequence, "sname")
	text, _ := p.Optional(&seq, 11, der.TagGeneralString, "e-text")
	e.Data, _ = p.Optional(&seq, 12, der.TagOctetString, "e-data")
	p.End(seq, "end")
	if p.Err != nil {
		return nil, p.Err
	}
	e.Realm, e.Text, e.Data = Printable(realm), Printable(text), append([]byte(nil), e.Data...)
	e.Service = lenientName(sname)
	if name := lenientName(cname); name != "" {
		e.Client = name + "@" + Printable(crealm)
	}
	return e, nil
}

// lenientName returns the text of a PrincipalName, "" for what is none.
func lenientName(content []byte) string {
	p := der.Parser{In: "KRB-ERROR"}
	return string(readNameContent(&p, content, "name").AppendText(nil))
}

// Printable returns a peer's text as valid UTF-8 of a bounded length.
func Printable(b []byte) string {
	s := strings.ToValidUTF8(string(b[:min(len(b), kerberos.MaxNameBytes)]), string(utf8.RuneError))
	return strings.TrimRight(s, "\x00")
}

// AppendKRBError appends KRB-ERROR (RFC 4120 5.9.1) of a service, named as in
// the ticket.
func AppendKRBError(dst []byte, code int32, now time.Time, realm []byte, sname Name) []byte {
	now = now.UTC()
	return der.Append(dst, der.TagApplication(30), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(PVNO)),
		der.Field(1, der.TagInteger, der.Integer(30)),
		der.Field(4, der.TagGeneralizedTime, der.Time(now)),
		der.Field(5, der.TagInteger, der.Integer(int64(now.Nanosecond()/1000))),
		der.Field(6, der.TagInteger, der.Integer(int64(code))),
		der.Field(9, der.TagGeneralString, realm),
		der.Field(10, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(2)),
			der.Field(1, der.TagSequence, sname.Strings))))
}

// KRBErrorOf returns the error code that answers a refusal (RFC 4120 7.5.9).
// Refusals that depend on the service's keys share one code, so that a peer
// without a key learns nothing about them, where RFC 4120 3.2.3 has
// KRB_AP_ERR_BADKEYVER and others; a client that has proved who it is gets the
// reason.
func KRBErrorOf(c kerberos.Code) int32 {
	switch c {
	case kerberos.CodeService, kerberos.CodeNoPrincipal:
		return kerberos.KRBErrNotUs
	case kerberos.CodeEtype, kerberos.CodeNoEtype:
		return kerberos.KRBErrEtype
	case kerberos.CodeNoKvno, kerberos.CodeTicketIntegrity, kerberos.CodeTicketMalformed, kerberos.CodeAuthIntegrity,
		kerberos.CodeAuthMalformed:
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
