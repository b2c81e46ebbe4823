package kerberos

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of names. RFC 4120 has no limits; real names are far shorter.
const (
	MaxComponents = 16
	MaxNameBytes  = 1024 // all components of a name, or a realm
)

// A Principal is a Kerberos name (RFC 4120 6.2): components and a realm. The
// zero value is no principal. Names are compared octet by octet, case included;
// the name type is never compared (RFC 4120 6.2).
type Principal struct {
	Components []string // "soap", "gw.example.com"
	Realm      string   // "EXAMPLE.COM"; may be empty where a realm is optional
}

// ParsePrincipal parses a name in text form, "soap/gw.example.com@EXAMPLE.COM".
// Without "@" the realm is empty. A backslash escapes the next character, as
// for krb5_parse_name; the escapes \n, \t, \b and \0 are refused, as control
// characters are everywhere.
func ParsePrincipal(s string) (Principal, error) {
	if len(s) > 2*MaxNameBytes {
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
	if len(p.Components) > MaxComponents || realm && p.Realm == "" || realm && !LegalName(p.Realm) {
		return fmt.Errorf("principal %q: not a legal name", s)
	}
	for _, c := range p.Components {
		if c == "" || !LegalName(c) {
			return fmt.Errorf("principal %q: not a legal name", s)
		}
	}
	return nil
}

// Name returns the name without the realm, with special characters escaped:
// "soap/gw.example.com".
func (p Principal) Name() string {
	var b []byte
	for i, c := range p.Components {
		if i > 0 {
			b = append(b, '/')
		}
		b = AppendEscaped(b, c)
	}
	return string(b)
}

// String returns [Principal.Name] with "@" and the realm, if there is one.
func (p Principal) String() string {
	if p.Realm == "" {
		return p.Name()
	}
	return string(AppendEscaped(append([]byte(p.Name()), '@'), p.Realm))
}

// Matches reports whether p names the principal full, which has a realm. A p
// without a realm matches in any realm.
func (p Principal) Matches(full Principal) bool {
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

// AppendEscaped appends a component in text form: '/', '@' and '\' are escaped.
func AppendEscaped[S string | []byte](dst []byte, s S) []byte {
	done := 0
	for i := range len(s) {
		if c := s[i]; c == '/' || c == '@' || c == '\\' {
			dst = append(append(dst, s[done:i]...), '\\')
			done = i
		}
	}
	return append(dst, s[done:]...)
}

// LegalName reports whether s can be a component or a realm. Control characters
// and invalid UTF-8, which are harmful in logs, headers and XML, are not legal,
// nor is more than [MaxNameBytes].
func LegalName(s string) bool {
	if len(s) > MaxNameBytes {
		return false
	}
	plain := 0 // octets of visible ASCII or spaces, which most names have alone
	for plain < len(s) && s[plain] >= 0x20 && s[plain] < 0x7f {
		plain++
	}
	if s = s[plain:]; !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return false
		}
	}
	return true
}

// DefaultSalt returns the salt of p's keys if the KDC names no other (RFC 4120
// 4): the realm and the components, concatenated.
func (p Principal) DefaultSalt() string { return p.Realm + strings.Join(p.Components, "") }
