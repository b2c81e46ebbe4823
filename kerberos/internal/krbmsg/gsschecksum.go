package krbmsg

import (
	"crypto/fips140"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// ChecksumGSS is the checksum type of GSS-API (RFC 4121 4.1.1).
const ChecksumGSS = 0x8003

// GSSChecksum is the checksum 0x8003 of an authenticator (RFC 4121 4.1.1).
// Slices lie in the authenticator.
type GSSChecksum struct {
	Bindings []byte // Bnd: 16 octets; nil when the authenticator has no such checksum
	Flags    uint32
	KRBCred  []byte // of a delegated credential; nil when absent
}

// GSSChecksum reads the checksum. A checksum of another type, or none, means no
// flags and no bindings. Extensions (Exts) are ignored.
func (a *Authenticator) GSSChecksum() (c GSSChecksum, err error) {
	if a.CksumType != ChecksumGSS {
		return c, nil
	}
	if len(a.Cksum) < 24 || binary.LittleEndian.Uint32(a.Cksum) != 16 {
		return c, &der.SyntaxError{Field: "Authenticator: cksum",
			Why: "GSS-API checksum is not 16 octets of bindings and flags"}
	}
	c.Bindings, c.Flags = a.Cksum[4:20], binary.LittleEndian.Uint32(a.Cksum[20:])
	if c.Flags&kerberos.GSSDeleg == 0 {
		return c, nil
	}
	rest := a.Cksum[24:]
	if len(rest) < 4 || binary.LittleEndian.Uint16(rest) != 1 || int(binary.LittleEndian.Uint16(rest[2:])) > len(rest)-4 {
		return c, &der.SyntaxError{Field: "Authenticator: cksum", Why: "delegation flag without a credential, or one of a " +
			"wrong length"}
	}
	c.KRBCred = rest[4 : 4+int(binary.LittleEndian.Uint16(rest[2:]))]
	return c, nil
}

// appendGSSChecksum appends the checksum's octets.
func appendGSSChecksum(dst []byte, bindings []byte, flags uint32, krbCred []byte) ([]byte, error) {
	dst = binary.LittleEndian.AppendUint32(dst, 16)
	switch {
	case bindings == nil:
		dst = append(dst, make([]byte, md5.Size)...)
	case fips140.Enforced():
		return nil, errors.New("kerberos: channel bindings are an MD5 (RFC 4121 4.1.1.2), which is not allowed with " +
			"GODEBUG=fips140=only; send none")
	default:
		hash := BindingsHash(bindings, AddressUnspecified)
		dst = append(dst, hash[:]...)
	}
	dst = binary.LittleEndian.AppendUint32(dst, flags)
	if flags&kerberos.GSSDeleg == 0 {
		return dst, nil
	}
	if len(krbCred) > 0xffff {
		return nil, fmt.Errorf("kerberos: delegated credential of %d octets, it has 65,535 at most (RFC 4121 4.1.1)",
			len(krbCred))
	}
	dst = binary.LittleEndian.AppendUint16(dst, 1)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(krbCred)))
	return append(dst, krbCred...), nil
}

// Address types of channel bindings without addresses (RFC 2744 3.11): what
// MIT, Heimdal and Windows have there, and Java.
const (
	AddressUnspecified = 0
	AddressNull        = 255
)

// BindingsHash returns Bnd: the MD5 of the channel bindings (RFC 4121 4.1.1.2)
// without addresses. It must not be called where [fips140.Enforced].
func BindingsHash(applicationData []byte, addressType uint32) [md5.Size]byte {
	b := make([]byte, 0, 20+len(applicationData))
	for range 2 { // initiator and acceptor
		b = binary.LittleEndian.AppendUint32(b, addressType)
		b = binary.LittleEndian.AppendUint32(b, 0)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(applicationData)))
	return md5.Sum(append(b, applicationData...))
}

// KnownFlags are the flags of the checksum that a context can have.
const KnownFlags = kerberos.GSSMutual | kerberos.GSSReplay | kerberos.GSSSequence | kerberos.GSSConf |
	kerberos.GSSInteg | kerberos.GSSIdentify

const (
	UsageAuthenticatorChecksum = 10 // RFC 4120 7.5.1
	ChecksumMD5                = 7  // RSA-MD5 (RFC 3961 6.1.1), without a key: Heimdal's choice for RC4
)

// BindingReason returns why a client without channel bindings is refused: it
// says that it knows of them (cbt), or they are required.
func BindingReason(cbt bool) string {
	if cbt {
		return "says that it knows of them"
	}
	return "they are required"
}

// ADAPOptions is AD-AUTH-DATA-AP-OPTIONS (MS-KILE 3.2.5.8), and the bit in it.
const (
	ADAPOptions      = 143
	KerbAPOptionsCBT = 0x4000
)

// KnowsBindings reports whether KERB_AP_OPTIONS_CBT is set in the
// authenticator's AD-IF-RELEVANT (MS-KILE 3.2.5.8): the client knows of channel
// bindings.
func (a *Authenticator) KnowsBindings() (bool, error) {
	p := der.Parser{In: "Authenticator: authorization-data"}
	for list := a.AuthzData; len(list) > 0 && p.Err == nil; {
		kind, data := ReadAuthzElement(&p, &list)
		if kind != ADIfRelevant {
			continue
		}
		for inner := p.Whole(data, der.TagSequence, "AD-IF-RELEVANT"); len(inner) > 0 && p.Err == nil; {
			kind, data := ReadAuthzElement(&p, &inner)
			if kind == ADAPOptions && len(data) == 4 && binary.LittleEndian.Uint32(data)&KerbAPOptionsCBT != 0 {
				return true, nil
			}
		}
	}
	return false, p.Err
}
