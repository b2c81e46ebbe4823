package wssec

import (
	"crypto/fips140"
	"crypto/sha1"
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// FIPS140 returns an error unless messages under the policy need those algorithms
// alone that Go allows with GODEBUG=fips140=only. It joins one error for each
// setting that asks for another, with what to set; clients have to be set so too.
// [Policy.Validate] includes it where [fips140.Enforced].
//
// A KeyIdentifier that names a token by its SHA-1 is no reason: it is a name, and
// nothing is authenticated by it.
func (p Policy) FIPS140() error {
	p = p.withDefaults()
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if p.signs() && p.SignatureMethod == HMACSHA1 {
		fail("signature-method: HMAC-SHA1 is outside FIPS 140-3 as Go has it; set hmac-sha256")
	}
	if p.signs() && p.digestURI() == xmldsig.SHA1 {
		fail("digest-method: the digest is SHA-1, which is outside FIPS 140-3; set sha256, or an algorithm-suite " +
			"with Sha256")
	}
	if suite, ok := LookupSuite(p.AlgorithmSuite); ok && p.encrypts() && suite.Encryption.URI == xmlenc.TripleDESCBC {
		fail("algorithm-suite: %s encrypts with 3DES, which is outside FIPS 140-3; set Basic256Sha256", p.AlgorithmSuite)
	}
	if p.signs() && p.DerivedKeys != DerivedKeysForbidden {
		fail("derived-keys: keys are derived by P_SHA-1, which is outside FIPS 140-3; set forbidden")
	}
	if p.negotiates() {
		fail("protection-token: keys of security contexts are made by P_SHA-1, which is outside FIPS 140-3; use a " +
			"policy with the token kerberos")
	}
	return errors.Join(errs...)
}

// digestURI returns the digest of signatures under the policy, "" for none.
func (p *Policy) digestURI() string {
	if m, ok := p.DigestMethod.method(); ok {
		return m.URI
	}
	suite, _ := LookupSuite(p.AlgorithmSuite)
	return suite.Digest.URI
}

// negotiates reports whether messages are under keys of security contexts.
func (p *Policy) negotiates() bool {
	if p.Binding == SymmetricBinding {
		return p.ProtectionToken != KerberosToken
	}
	for _, t := range p.SupportingTokens {
		if t.Token != KerberosToken {
			return true
		}
	}
	return false
}

// checkFIPS is FIPS140 where that is enforced.
func (p *Policy) checkFIPS() error {
	if !fips140.Enforced() {
		return nil
	}
	return p.FIPS140()
}

// hashName returns the SHA-1 of octets, which names them (Kerberos Token Profile
// 1.1.1 §3.3, WS-Security 1.1 §7.3) and authenticates nothing.
func hashName(octets []byte) (name TokenHash) {
	if fips140.Enforced() {
		fips140.WithoutEnforcement(func() { name = sha1.Sum(octets) })
		return name
	}
	return sha1.Sum(octets)
}
