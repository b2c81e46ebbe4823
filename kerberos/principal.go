package kerberos

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of names. RFC 4120 has none; real names are far shorter.
const (
	maxComponents = 16
	maxNameBytes  = 1024 // all components of a name, or a realm
)

// A Principal is a Kerberos name (RFC 4120 6.2): components and a realm. The zero value is no principal.
// Names are compared octet by octet, case included; the name type is never compared (RFC 4120 6.2).
type Principal struct {
	Components []string // "soap", "gw.example.com"
	Realm      string   // "EXAMPLE.COM"; may be empty where a realm is optional
}

// ParsePrincipal reads "soap/gw.example.com@EXAMPLE.COM"; without "@" the realm is empty. A backslash takes the next
// character as it is, as krb5_parse_name does; \n, \t, \b and \0 are refused, as control characters are everywhere.
func ParsePrincipal(s string) (Principal, error) {
	if len(s) > 2*maxNameBytes {
		return Principal{}, fmt.Errorf("principal name of %d octets", len(s))
	}
	var p Principal
	var part []byte
	inRealm := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i == len(s) || strings.IndexByte("ntb0", s[i]) >= 0 {
				return Principal{}, fmt.Errorf("principal %q: bad escape", s)
			}
			part = append(part, s[i])
		case c == '/' && !inRealm:
			p.Components, part = append(p.Components, string(part)), part[:0]
		case c == '@' && !inRealm:
			p.Components, part = append(p.Components, string(part)), part[:0]
			inRealm = true
		case c == '@' || c == '/':
			return Principal{}, fmt.Errorf("principal %q: %q in the realm", s, c)
		default:
			part = append(part, c)
		}
	}
	if inRealm {
		p.Realm = string(part)
	} else {
		p.Components = append(p.Components, string(part))
	}
	return p, p.check(s, inRealm)
}

func (p Principal) check(s string, realm bool) error {
	if len(p.Components) > maxComponents || realm && p.Realm == "" || realm && !legalName(p.Realm) {
		return fmt.Errorf("principal %q: not a legal name", s)
	}
	for _, c := range p.Components {
		if c == "" || !legalName(c) {
			return fmt.Errorf("principal %q: not a legal name", s)
		}
	}
	return nil
}

// Name is the name without the realm, special characters escaped: "soap/gw.example.com".
func (p Principal) Name() string {
	var b []byte
	for i, c := range p.Components {
		if i > 0 {
			b = append(b, '/')
		}
		b = appendEscaped(b, c)
	}
	return string(b)
}

// String is Name with "@" and the realm, if there is one.
func (p Principal) String() string {
	if p.Realm == "" {
		return p.Name()
	}
	return string(appendEscaped(append([]byte(p.Name()), '@'), p.Realm))
}

// matches says whether a full principal (in text form, realm included) is the one that p names; p without a realm
// names it in any realm.
func (p Principal) matches(full Principal) bool {
	if p.Realm != "" && p.Realm != full.Realm || len(p.Components) != len(full.Components) {
		return false
	}
	for i, c := range p.Components {
		if c != full.Components[i] {
			return false
		}
	}
	return true
}

// appendEscaped appends a component with the characters that have a meaning in text escaped.
func appendEscaped[S string | []byte](dst []byte, s S) []byte {
	for i := range len(s) {
		if c := s[i]; c == '/' || c == '@' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return dst
}

// legalName refuses what would travel badly in logs, headers and XML: control characters and anything but UTF-8.
func legalName(s string) bool {
	if len(s) > maxNameBytes || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return false
		}
	}
	return true
}

// wireName is a PrincipalName as it stands in a message: the content octets of its SEQUENCE OF KerberosString. Being
// DER, two of them are the same name exactly when the octets are the same.
type wireName struct {
	strings []byte
}

// nameField reads the PrincipalName in [n] (RFC 4120 5.2.2). The name type is read and not kept.
func readName(p *derParser, b *[]byte, n byte, field string) wireName {
	return readNameContent(p, p.field(b, n, tagSequence, field), field)
}

// nameContent reads the content of a PrincipalName.
func readNameContent(p *derParser, seq []byte, field string) wireName {
	p.int32Field(&seq, 0, field)
	w := wireName{p.field(&seq, 1, tagSequence, field)}
	p.end(seq, field)
	count, rest := 0, w.strings
	for p.err == nil && len(rest) > 0 {
		if s := p.next(&rest, tagGeneralString, field); p.err == nil && (len(s) == 0 || !legalName(string(s))) {
			p.fail(field, "empty, control characters or not UTF-8")
		}
		count++
	}
	if count == 0 || count > maxComponents || len(w.strings) > maxNameBytes {
		p.fail(field, "no or too many name components")
	}
	if p.err != nil {
		return wireName{} // what is no name is not walked through
	}
	return w
}

// realmField reads the Realm in [n].
func readRealm(p *derParser, b *[]byte, n byte, field string) []byte {
	s := p.field(b, n, tagGeneralString, field)
	if p.err == nil && (len(s) == 0 || !legalName(string(s))) {
		p.fail(field, "empty, control characters or not UTF-8")
	}
	return s
}

// appendText appends the escaped text form. w was checked by nameField.
func (w wireName) appendText(dst []byte) []byte {
	var p derParser
	for rest, first := w.strings, true; len(rest) > 0 && p.err == nil; first = false {
		s := p.next(&rest, tagGeneralString, "")
		if !first {
			dst = append(dst, '/')
		}
		dst = appendEscaped(dst, s)
	}
	return dst
}

// components are the name's parts, as copies. w was checked by nameField.
func (w wireName) components() (list []string) {
	var p derParser
	for rest := w.strings; len(rest) > 0 && p.err == nil; {
		list = append(list, string(p.next(&rest, tagGeneralString, "")))
	}
	return list
}

// derName is the PrincipalName of a name, as an element.
func derName(nameType int64, components []string) []byte {
	var list []byte
	for _, c := range components {
		list = appendDER(list, tagGeneralString, []byte(c))
	}
	return derElement(tagSequence, derField(0, tagInteger, derInteger(nameType)), derField(1, tagSequence, list))
}
