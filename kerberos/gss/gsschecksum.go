package gss

import (
	"bytes"
	"crypto/md5"
	"crypto/subtle"
	"fmt"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// A BindingRule says what an acceptor demands of channel bindings (RFC 4121 4.1.1.2; "extended protection" of Windows).
type BindingRule string

const (
	// BindingsOff does not look at them.
	BindingsOff BindingRule = ""
	// BindingsWhenPresent refuses a client whose bindings are not ours; and in a context also one that has none though it
	// says that it knows of bindings, as MIT's and Windows' acceptors do.
	BindingsWhenPresent BindingRule = "when-present"
	// BindingsRequired refuses a client that does not have ours.
	BindingsRequired BindingRule = "required"
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
	case s.checksum.Flags&kerberos.GSSDCEStyle != 0:
		return kerberos.Errorf(kerberos.CodeMechanism, "client wants the three legs of DCE style, which are not supported")
	}
	s.gss.flags = flags
	if err := s.checkBindings(); err != nil || s.checksum.KRBCred == nil || !s.gss.cfg.Delegation {
		return err
	}
	if s.gss.delegated, err = krbmsg.ParseKRBCred(s.checksum.KRBCred, s.session, s.key); err != nil {
		return &kerberos.Error{Code: kerberos.CodeAuthMalformed, Detail: "delegated credential", Err: err}
	}
	return nil
}

// contextFlags are the flags that the client asks for. The option mutual-required stands in clear in the AP-REQ, where
// whoever is in between can change it: it counts only when there is no GSS-API checksum, which has its own. Samba's
// clients have the ordinary one of RFC 4120 3.2.2, over nothing; then replays are looked for, as MIT and Heimdal do.
// Were it over something, the authenticator would have been made for another protocol and be replayed here.
func (s *acceptance) contextFlags() (flags uint32, err error) {
	if s.checksum.Bindings != nil {
		return s.checksum.Flags & krbmsg.KnownFlags, nil
	}
	if s.auth.Cksum != nil {
		if !s.overNothing() {
			return 0, kerberos.Errorf(kerberos.CodeMechanism, "authenticator's checksum of type %d is neither GSS-API's nor one over nothing: it was made for another protocol",
				s.auth.CksumType)
		}
		flags = kerberos.GSSReplay | kerberos.GSSSequence
	}
	if s.req.Options&krbmsg.APMutualRequired != 0 {
		flags |= kerberos.GSSMutual
	}
	return flags, nil
}

// overNothing reports whether the authenticator's checksum is one of no data, under the session key.
func (s *acceptance) overNothing() bool {
	kind, sum := etype.Checksum(s.session, krbmsg.UsageAuthenticatorChecksum)
	if s.auth.CksumType == krbmsg.ChecksumMD5 {
		plain := md5.Sum(nil)
		kind, sum = krbmsg.ChecksumMD5, plain[:]
	}
	return s.auth.CksumType == kind && subtle.ConstantTimeCompare(sum, s.auth.Cksum) == 1
}

// checkBindings compares Bnd. Zeros mean that the client has none. A client of a context that says in its authenticator
// that it knows of bindings (KERB_AP_OPTIONS_CBT, MS-KILE 3.2.5.8) would have given some over TLS, so whoever it spoke
// to had no TLS: MIT's and Windows' acceptors refuse it. Of a message that says nothing: Windows puts the option into
// every token, and what makes a token for a message need not know the channel that it will be sent by.
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
			return kerberos.Errorf(kerberos.CodeBindings, "client sent no channel bindings, and %s; let it call over TLS that ends here, with extended protection "+
				"(channel binding tokens) on", krbmsg.BindingReason(cbt))
		}
		return nil
	}
	for _, data := range s.bindings {
		for _, addresses := range []uint32{krbmsg.AddressUnspecified, krbmsg.AddressNull} {
			if hash := krbmsg.BindingsHash(data, addresses); subtle.ConstantTimeCompare(hash[:], given) == 1 {
				s.bound = true
				return nil
			}
		}
	}
	return kerberos.Errorf(kerberos.CodeBindings, "client's channel bindings are of another channel: TLS ends in front of this process, or at somebody in between "+
		"(%d bindings are ours)", len(s.bindings))
}
