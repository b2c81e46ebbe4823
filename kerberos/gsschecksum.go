package kerberos

import (
	"bytes"
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
)

// Flags of the GSS-API checksum (RFC 4121 4.1.1.1), as Facts.GSSFlags and Context.Flags have them.
const (
	GSSDeleg    uint32 = 0x01   // a forwarded credential is in the checksum
	GSSMutual   uint32 = 0x02   // the acceptor proves itself by AP-REP
	GSSReplay   uint32 = 0x04   // per-message tokens: none twice
	GSSSequence uint32 = 0x08   // per-message tokens: in sequence
	GSSConf     uint32 = 0x10   // per-message tokens may be sealed
	GSSInteg    uint32 = 0x20   // per-message tokens may be made
	GSSAnon     uint32 = 0x40   // the initiator's name is not to be told
	GSSDCEStyle uint32 = 0x1000 // a third leg; not supported
	GSSIdentify uint32 = 0x2000 // the acceptor may only identify the client (MS-KILE 3.2.1)
)

const checksumGSS = 0x8003

// gssChecksum is the checksum 0x8003 of an authenticator (RFC 4121 4.1.1). Slices lie in the authenticator.
type gssChecksum struct {
	bindings []byte // Bnd: 16 octets; nil when the authenticator has no such checksum
	flags    uint32
	krbCred  []byte // of a delegated credential; nil without
}

// gssChecksum reads the checksum. Any other one, or none, means no flags and no bindings; see contextFlags. Extensions behind
// are ignored.
func (a *authenticator) gssChecksum() (c gssChecksum, err error) {
	if a.cksumType != checksumGSS {
		return c, nil
	}
	if len(a.cksum) < 24 || binary.LittleEndian.Uint32(a.cksum) != 16 {
		return c, &syntaxError{"Authenticator: cksum", "GSS-API checksum is not 16 octets of bindings and flags"}
	}
	c.bindings, c.flags = a.cksum[4:20], binary.LittleEndian.Uint32(a.cksum[20:])
	if c.flags&GSSDeleg == 0 {
		return c, nil
	}
	rest := a.cksum[24:]
	if len(rest) < 4 || binary.LittleEndian.Uint16(rest) != 1 || int(binary.LittleEndian.Uint16(rest[2:])) > len(rest)-4 {
		return c, &syntaxError{"Authenticator: cksum", "delegation flag without a credential, or one of a wrong length"}
	}
	c.krbCred = rest[4 : 4+int(binary.LittleEndian.Uint16(rest[2:]))]
	return c, nil
}

// appendGSSChecksum appends the checksum's octets.
func appendGSSChecksum(dst []byte, bindings []byte, flags uint32, krbCred []byte) ([]byte, error) {
	dst = binary.LittleEndian.AppendUint32(dst, 16)
	if bindings == nil {
		dst = append(dst, make([]byte, md5.Size)...)
	} else {
		hash := bindingsHash(bindings, addressUnspecified)
		dst = append(dst, hash[:]...)
	}
	dst = binary.LittleEndian.AppendUint32(dst, flags)
	if flags&GSSDeleg == 0 {
		return dst, nil
	}
	if len(krbCred) > 0xffff {
		return nil, fmt.Errorf("kerberos: delegated credential of %d octets, it has 65,535 at most (RFC 4121 4.1.1)", len(krbCred))
	}
	dst = binary.LittleEndian.AppendUint16(dst, 1)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(krbCred)))
	return append(dst, krbCred...), nil
}

// Address types of channel bindings without addresses (RFC 2744 3.11): what MIT, Heimdal and Windows have there, and Java.
const (
	addressUnspecified = 0
	addressNull        = 255
)

// bindingsHash is Bnd: the MD5 of the channel bindings (RFC 4121 4.1.1.2) without addresses.
func bindingsHash(applicationData []byte, addressType uint32) [md5.Size]byte {
	b := make([]byte, 0, 20+len(applicationData))
	for range 2 { // initiator and acceptor
		b = binary.LittleEndian.AppendUint32(b, addressType)
		b = binary.LittleEndian.AppendUint32(b, 0)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(applicationData)))
	return md5.Sum(append(b, applicationData...))
}

// A BindingRule says what an acceptor demands of channel bindings (RFC 4121 4.1.1.2; "extended protection" of Windows).
type BindingRule string

const (
	BindingsOff         BindingRule = ""             // not looked at
	BindingsWhenPresent BindingRule = "when-present" // those of a client that has some must be ours; see checkBindings
	BindingsRequired    BindingRule = "required"     // a client must have ours
)

func (r BindingRule) check() error {
	if r == BindingsOff || r == BindingsWhenPresent || r == BindingsRequired {
		return nil
	}
	return fmt.Errorf("kerberos: channel binding rule %q is none of when-present, required", string(r))
}

// checkChecksum looks at the authenticator's checksum, which binds it to what it was made for (RFC 4120 5.5.1): that of
// GSS-API (RFC 4121 4.1.1) to a channel, any other one to data of another protocol.
func (s *acceptance) checkChecksum() error {
	flags, err := s.contextFlags()
	switch {
	case err != nil:
		return err
	case s.gss == nil: // a message has no context, and nobody to delegate to
		return s.checkBindings()
	case s.checksum.flags&GSSDCEStyle != 0:
		return refuse(CodeMechanism, "client wants the three legs of DCE style, which are not supported")
	}
	s.gss.flags = flags
	if err := s.checkBindings(); err != nil || s.checksum.krbCred == nil || !s.gss.cfg.Delegation {
		return err
	}
	if s.gss.delegated, err = parseKRBCred(s.checksum.krbCred, s.session, s.key); err != nil {
		return &Error{Code: CodeAuthMalformed, Detail: "delegated credential", Err: err}
	}
	return nil
}

// knownFlags are those of the checksum that a context can have.
const knownFlags = GSSMutual | GSSReplay | GSSSequence | GSSConf | GSSInteg | GSSIdentify

// contextFlags are the flags that the client asks for. The option mutual-required stands in clear in the AP-REQ, where whoever
// is in between can change it: it counts only when there is no GSS-API checksum, which has its own. Samba's clients have the
// ordinary one of RFC 4120 3.2.2, over nothing; then replays are looked for, as MIT and Heimdal do. Were it over something,
// the authenticator would have been made for another protocol and be replayed here.
func (s *acceptance) contextFlags() (flags uint32, err error) {
	if s.checksum.bindings != nil {
		return s.checksum.flags & knownFlags, nil
	}
	if s.auth.cksum != nil {
		if !s.overNothing() {
			return 0, refuse(CodeMechanism, "authenticator's checksum of type %d is neither GSS-API's nor one over nothing: it was made for another protocol",
				s.auth.cksumType)
		}
		flags = GSSReplay | GSSSequence
	}
	if s.req.options&apMutualRequired != 0 {
		flags |= GSSMutual
	}
	return flags, nil
}

const (
	usageAuthenticatorChecksum = 10 // RFC 4120 7.5.1
	checksumMD5                = 7  // RSA-MD5 (RFC 3961 6.1.1), without a key: Heimdal's choice for RC4
)

// overNothing says whether the authenticator's checksum is one of no data, under the session key.
func (s *acceptance) overNothing() bool {
	kind, sum := keyedChecksum(s.session, usageAuthenticatorChecksum)
	if s.auth.cksumType == checksumMD5 {
		plain := md5.Sum(nil)
		kind, sum = checksumMD5, plain[:]
	}
	return s.auth.cksumType == kind && subtle.ConstantTimeCompare(sum, s.auth.cksum) == 1
}

// checkBindings compares Bnd. Zeros mean that the client has none. A client of a context that says in its authenticator that
// it knows of bindings (KERB_AP_OPTIONS_CBT, MS-KILE 3.2.5.8) would have given some over TLS, so whoever it spoke to had no
// TLS: MIT's and Windows' acceptors refuse it. Of a message that says nothing: Windows puts the option into every token, and
// what makes a token for a message need not know the channel that it will be sent by.
func (s *acceptance) checkBindings() error {
	if s.rule == BindingsOff {
		return nil
	}
	cbt := false
	if s.gss != nil {
		var err error
		if cbt, err = s.auth.knowsBindings(); err != nil {
			return &Error{Code: CodeAuthMalformed, Detail: "authenticator", Err: err}
		}
	}
	given := s.checksum.bindings
	if given == nil || bytes.Equal(given, make([]byte, md5.Size)) {
		if s.rule == BindingsRequired || cbt {
			return refuse(CodeBindings, "client sent no channel bindings, and %s; let it call over TLS that ends here, with extended protection "+
				"(channel binding tokens) on", bindingReason(cbt))
		}
		return nil
	}
	for _, data := range s.bindings {
		for _, addresses := range []uint32{addressUnspecified, addressNull} {
			if hash := bindingsHash(data, addresses); subtle.ConstantTimeCompare(hash[:], given) == 1 {
				s.bound = true
				return nil
			}
		}
	}
	return refuse(CodeBindings, "client's channel bindings are of another channel: TLS ends in front of this process, or at somebody in between "+
		"(%d bindings are ours)", len(s.bindings))
}

func bindingReason(cbt bool) string {
	if cbt {
		return "says that it knows of them"
	}
	return "they are required"
}

// adAPOptions is AD-AUTH-DATA-AP-OPTIONS (MS-KILE 3.2.5.8), and the bit in it.
const (
	adAPOptions      = 143
	kerbAPOptionsCBT = 0x4000
)

// knowsBindings looks for KERB_AP_OPTIONS_CBT in the authenticator's AD-IF-RELEVANT.
func (a *authenticator) knowsBindings() (bool, error) {
	p := derParser{in: "Authenticator: authorization-data"}
	for list := a.authzData; len(list) > 0 && p.err == nil; {
		kind, data := readAuthzElement(&p, &list)
		if kind != adIfRelevant {
			continue
		}
		for inner := p.whole(data, tagSequence, "AD-IF-RELEVANT"); len(inner) > 0 && p.err == nil; {
			kind, data := readAuthzElement(&p, &inner)
			if kind == adAPOptions && len(data) == 4 && binary.LittleEndian.Uint32(data)&kerbAPOptionsCBT != 0 {
				return true, nil
			}
		}
	}
	return false, p.err
}

// authzElement takes an element of AuthorizationData (RFC 4120 5.2.6) off *list.
func readAuthzElement(p *derParser, list *[]byte) (kind int32, data []byte) {
	entry := p.next(list, tagSequence, "element")
	kind = p.int32Field(&entry, 0, "ad-type")
	data = p.field(&entry, 1, tagOctetString, "ad-data")
	p.end(entry, "element")
	return kind, data
}
