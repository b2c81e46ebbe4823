package krbmsg

import (
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// Name is a PrincipalName as it stands in a message: the content octets of its
// SEQUENCE OF KerberosString. Being DER, two of them are the same name exactly
// when the octets are the same.
type Name struct {
	Type    int32 // NT-PRINCIPAL and others (RFC 4120 6.2): a hint, and no part of what the name is
	Strings []byte
}

// ReadName reads the PrincipalName in [n] (RFC 4120 5.2.2).
func ReadName(p *der.Parser, b *[]byte, n byte, field string) Name {
	return readNameContent(p, p.Field(b, n, der.TagSequence, field), field)
}

// readNameContent reads the content of a PrincipalName.
func readNameContent(p *der.Parser, seq []byte, field string) Name {
	w := Name{Type: p.Int32Field(&seq, 0, field)}
	w.Strings = p.Field(&seq, 1, der.TagSequence, field)
	p.End(seq, field)
	count, rest := 0, w.Strings
	for p.Err == nil && len(rest) > 0 {
		if s := p.Next(&rest, der.TagGeneralString, field); p.Err == nil && (len(s) == 0 || !kerberos.LegalName(string(s))) {
			p.Fail(field, "empty, control characters or not UTF-8")
		}
		count++
	}
	if count == 0 || count > kerberos.MaxComponents || len(w.Strings) > kerberos.MaxNameBytes {
		p.Fail(field, "no or too many name components")
	}
	if p.Err != nil {
		return Name{} // callers walk through checked names only
	}
	return w
}

// ReadRealm reads the Realm in [n] (RFC 4120 5.2.2).
func ReadRealm(p *der.Parser, b *[]byte, n byte, field string) []byte {
	s := p.Field(b, n, der.TagGeneralString, field)
	if p.Err == nil && (len(s) == 0 || !kerberos.LegalName(string(s))) {
		p.Fail(field, "empty, control characters or not UTF-8")
	}
	return s
}

// AppendText appends the escaped text form. w was checked by [ReadName].
func (w Name) AppendText(dst []byte) []byte {
	var p der.Parser
	for rest, first := w.Strings, true; len(rest) > 0 && p.Err == nil; first = false {
		s := p.Next(&rest, der.TagGeneralString, "")
		if !first {
			dst = append(dst, '/')
		}
		dst = kerberos.AppendEscaped(dst, s)
	}
	return dst
}

// Components returns the name's parts, as copies. w was checked by [ReadName].
func (w Name) Components() (list []string) {
	var p der.Parser
	for rest := w.Strings; len(rest) > 0 && p.Err == nil; {
		list = append(list, string(p.Next(&rest, der.TagGeneralString, "")))
	}
	return list
}

// EncodeName returns PrincipalName (RFC 4120 5.2.2) as an element.
func EncodeName(nameType int64, components []string) []byte {
	var list []byte
	for _, c := range components {
		list = der.Append(list, der.TagGeneralString, []byte(c))
	}
	return der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(nameType)),
		der.Field(1, der.TagSequence, list))
}
