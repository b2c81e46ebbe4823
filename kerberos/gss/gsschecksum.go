package gss

import (
	"bytes"
	"crypto/fips140"
	"crypto/md5"
	"crypto/subtle"
	"fmt"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// A BindingRule is what an acceptor demands of a client's channel bindings (RFC
// 4121 4.1.1.2; "extended protection" of Windows).
type BindingRule string

const (
	// BindingsOff ignores them.
	BindingsOff BindingRule = ""
	// BindingsWhenPresent refuses a client whose bindings are not ours, and in
	// a context also one that has none although it declares support for
	// bindings, as MIT's and Windows' acceptors do.
	BindingsWhenPresent BindingRule = "when-present"
	// BindingsRequired refuses a client whose bindings are not ours or that has
	// none.
	BindingsRequired BindingRule = "required"
)

func (r BindingRule) check() error {
	if r == BindingsOff || r == BindingsWhenPresent || r == BindingsRequired {
		return nil
	}
	return fmt.Errorf("kerberos: channel binding rule %q is none of when-present, required", string(r))
}

// checkChecksum checks the authenticator's checksum, which binds it to its use
// (RFC 4120 5.5.1): that of GSS-API (RFC 4121 4.1.1) to a channel, any other
// one to data of another protocol.
func (s *acceptance) checkChecksum() error {
	flags, err := s.contextFlags()
	switch {
	case err != nil:
		return err
	case s.gss == nil:
		if err := s.checkBindings(); err != nil || !s.cfg.Delegation {
			return err
		}
		s.granted, err = s.delegated()
		return err
	case s.checksum.Flags&kerberos.GSSDCEStyle != 0:
		return kerberos.Errorf(kerberos.CodeMechanism, "client wants the three legs of DCE style, which are not supported")
	}
	s.gss.flags = flags
	if err := s.checkBindings(); err != nil || !s.gss.cfg.Delegation {
		return err
	}
	s.gss.delegated, err = s.delegated()
	return err
}

// delegated returns the credential in the checksum (RFC 4121 4.1.1), nil if there
// is none. Java's clients put one into the token of a message too.
func (s *acceptance) delegated() ([]kerberos.Credential, error) {
	if s.checksum.KRBCred == nil {
		return nil, nil
	}
	all, err := krbmsg.ParseKRBCred(s.checksum.KRBCred, s.session, s.key)
	if err != nil {
		return nil, &kerberos.Error{Code: kerberos.CodeAuthMalformed, Detail: "delegated credential", Err: err}
	}
	return all, nil
}

// contextFlags returns the flags that the client asks for. The option
// mutual-required is in clear in the AP-REQ, where anyone on the path can
// change it: it counts only without a GSS-API checksum, which has a flag of its
// own. Samba's clients send the ordinary checksum of RFC 4120 3.2.2, over no
// data; then replays are detected, as by MIT and Heimdal. A checksum over data
// is refused: the authenticator was made for another protocol and would be
// replayed here.
func (s *acceptance) contextFlags() (flags uint32, err error) {
	if s.checksum.Bindings != nil {
		return s.checksum.Flags & krbmsg.KnownFlags, nil
	}
	if s.auth.Cksum != nil {
		if !s.overNothing() {
			return 0, kerberos.Errorf(kerberos.CodeMechanism,
				"authenticator's checksum of type %d is neither GSS-API's nor one over nothing: it was made for another protocol",
				s.auth.CksumType)
		}
		flags = kerberos.GSSReplay | kerberos.GSSSequence
	}
	if s.req.Options&krbmsg.APMutualRequired != 0 {
		flags |= kerberos.GSSMutual
	}
	return flags, nil
}

// overNothing reports whether the authenticator's checksum is over no data,
// under the session key.
func (s *acceptance) overNothing() bool {
	kind, sum := etype.Checksum(s.session, krbmsg.UsageAuthenticatorChecksum)
	if s.auth.CksumType == krbmsg.ChecksumMD5 && !fips140.Enforced() {
		plain := md5.Sum(nil)
		kind, sum = krbmsg.ChecksumMD5, plain[:]
	}
	return s.auth.CksumType == kind && subtle.ConstantTimeCompare(sum, s.auth.Cksum) == 1
}

// checkBindings compares Bnd of the checksum with our channel bindings (RFC
// 4121 4.1.1.2). Zeros mean that the client has none. If a context's client
// declares in its authenticator that it knows of bindings (KERB_AP_OPTIONS_CBT,
// MS-KILE 3.2.5.8), it would have sent some over TLS, so its channel was not
// TLS: MIT's and Windows' acceptors refuse it. That does not apply to messages:
// Windows puts the option into every token, and the maker of a token for a
// message need not know the channel that the message will take.
func (s *acceptance) checkBindings() error {
	if s.rule == BindingsOff {
		return nil
	}
	cbt := false
	if s.gss != nil {
		var err error
		if cbt, err = s.auth.KnowsBindings(); err != nil {
			return &kerberos.Error{Code: kerberos.CodeAuthMalformed, Detail: "authenticator", Err: err}
		}
	}
	given := s.checksum.Bindings
	if given == nil || bytes.Equal(given, make([]byte, md5.Size)) {
		if s.rule == BindingsRequired || cbt {
			return kerberos.Errorf(kerberos.CodeBindings,
				"client sent no channel bindings, and %s; let it call over TLS that ends here, with extended protection "+
					"(channel binding tokens) on", krbmsg.BindingReason(cbt))
		}
		return nil
	}
	if fips140.Enforced() {
		return kerberos.Errorf(kerberos.CodeBindings, "client sent channel bindings, which are an MD5 (RFC 4121 "+
			"4.1.1.2), and that is not allowed with GODEBUG=fips140=only; set channel-bindings: off")
	}
	for _, data := range s.bindings {
		for _, addresses := range []uint32{krbmsg.AddressUnspecified, krbmsg.AddressNull} {
			if hash := krbmsg.BindingsHash(data, addresses); subtle.ConstantTimeCompare(hash[:], given) == 1 {
				s.bound = true
				return nil
			}
		}
	}
	return kerberos.Errorf(kerberos.CodeBindings,
		"client's channel bindings are of another channel: TLS ends in front of this process, or at somebody in between "+
			"(%d bindings are ours)", len(s.bindings))
}
