package wssec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// Validate reports whether the policy can be enforced: it has known values
// only, and no combination that protects less than it seems to. The error joins
// one error for each rule broken, with the setting and what to change.
func (p Policy) Validate() error {
	p = p.withDefaults()
	return errors.Join(p.checkValues(), p.checkActors(), p.checkTokens(), p.checkContext(), p.checkBootstrap(),
		p.checkProtection(), p.checkTimes(), p.checkFIPS())
}

func (p *Policy) checkValues() error {
	return errors.Join(
		oneOf("binding", p.Binding, SymmetricBinding, TransportBinding, NoBinding),
		oneOf("signature-method", p.SignatureMethod, HMACSHA1, HMACSHA256, HMACSHA384, HMACSHA512),
		oneOf("digest-method", p.DigestMethod, "", DigestSHA1, DigestSHA256, DigestSHA384, DigestSHA512),
		oneOf("protection-order", p.ProtectionOrder, SignBeforeEncrypt, EncryptBeforeSign),
		oneOf("derived-keys", p.DerivedKeys, DerivedKeysRequired, DerivedKeysAllowed, DerivedKeysForbidden),
		oneOf("timestamp", p.Timestamp, TimestampRequired, TimestampOptional, TimestampForbidden),
		oneOf("layout", p.Layout, LayoutLax, LayoutStrict, LayoutLaxTimestampFirst, LayoutLaxTimestampLast),
		oneOf("key-fit", p.KeyFit, FitWSS4J, FitWhole, FitExact),
		oneOf("str-transform", p.STRTransform, STRWSS, STRWCF),
		oneOf("optional-attributes", p.OptionalAttributes, SwitchOn, SwitchOff),
		oneOf("message-replay", p.MessageReplay, SwitchOn, SwitchOff),
		oneOf("derived-key-version", p.DerivedKeyVersion, "", SC13, SC05),
	)
}

func oneOf[T ~string](key string, v T, allowed ...T) error {
	if slices.Contains(allowed, v) {
		return nil
	}
	return fmt.Errorf("%s: %q is not one of %q", key, string(v), allowed)
}

// checkActors requires that each actor is the name of a role that only some
// nodes act in.
func (p *Policy) checkActors() error {
	for i, actor := range p.Actors {
		if err := CheckActor(actor); err != nil {
			return fmt.Errorf("actor: %w", err)
		}
		if slices.Contains(p.Actors[:i], actor) {
			return fmt.Errorf("actor: %q is there twice", actor)
		}
	}
	return nil
}

// CheckActor returns an error unless an actor or role is a URI that names some of
// the nodes on the path of a message: not next, the ultimate receiver or none
// (SOAP 1.2 §2.2).
func CheckActor(actor string) error {
	switch {
	case soap.IsNext(actor) || actor == soap.RoleUltimateReceiver:
		return fmt.Errorf("%q is a role of ours in any case; remove it", actor)
	case actor == soap.RoleNone:
		return fmt.Errorf("%q is nobody's role; remove it", actor)
	case actor == "" || strings.ContainsFunc(actor, unicode.IsSpace) || len(actor) > maxActor:
		return fmt.Errorf("%.200q is not a URI; write it as the peer does", actor)
	}
	return nil
}

// maxActor bounds the octets of an actor.
const maxActor = 2000

func (p *Policy) checkTokens() error {
	switch {
	case p.Binding != SymmetricBinding && p.Binding != TransportBinding && p.Binding != NoBinding:
		return nil // checkValues has refused it
	case p.Binding == SymmetricBinding && !slices.Contains(policyTokens(), p.ProtectionToken):
		return fmt.Errorf("protection-token: the symmetric binding needs one; set it to one of %q", policyTokens())
	case p.Binding == SymmetricBinding && len(p.SupportingTokens) > 0:
		return errors.New("supporting-tokens: a message carries one token, and that is the protection-token; remove " +
			"supporting-tokens")
	case p.Binding != SymmetricBinding && p.ProtectionToken != "":
		return fmt.Errorf("protection-token: only the symmetric binding has one; use supporting-tokens with binding "+
			"%s", p.Binding)
	case p.Binding != SymmetricBinding && len(p.SupportingTokens) != 1:
		return fmt.Errorf("supporting-tokens: binding %s needs exactly one", p.Binding)
	}
	for _, t := range p.SupportingTokens {
		if err := errors.Join(oneOf("supporting-tokens: token", t.Token, policyTokens()...),
			oneOf("supporting-tokens: use", t.Use, UsePlain, UseSigned, UseEndorsing, UseSignedEndorsing)); err != nil {
			return err
		}
		if t.Use == UseSigned && p.Binding == NoBinding {
			return errors.New("supporting-tokens: a signed token needs a binding that signs; use endorsing, or the " +
				"transport binding")
		}
	}
	return nil
}

func (p *Policy) checkProtection() error {
	suite, ok := LookupSuite(p.AlgorithmSuite)
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	raw := p.encrypts() && p.DerivedKeys == DerivedKeysForbidden
	if p.signs() && !ok {
		fail("algorithm-suite: %q is not one of %q", p.AlgorithmSuite, SuiteNames())
	}
	named := !p.EncryptedParts.IsZero() || !p.OptionalEncryptedParts.IsZero() || p.EncryptSignature
	if p.Binding != SymmetricBinding && named {
		fail("encrypted-parts: only the symmetric binding encrypts in the message; remove them and encrypt-signature")
	}
	if p.Binding == SymmetricBinding && !p.SignedParts.Body && (!p.AllowUnsignedBody || p.mayEncryptBody()) {
		fail("signed-parts: a Body that is not signed can be changed by anyone; add body: true")
	}
	for _, h := range slices.Concat(p.EncryptedParts.Headers, p.OptionalEncryptedParts.Headers) {
		if name, err := parseName(h); err == nil && !p.SignedParts.names(name) {
			fail("signed-parts: the encrypted header %s can be changed by anyone unless it is signed; name it there "+
				"too", h)
		}
	}
	if p.Binding != SymmetricBinding && p.endorsing() && p.Timestamp != TimestampRequired && p.SignedParts.IsZero() {
		fail("signed-parts: an endorsing signature must cover something that is always there; set timestamp: required " +
			"or add body: true")
	}
	if raw && p.KeyFit == FitWhole && suite.Encryption.URI == xmlenc.TripleDESCBC {
		fail("key-fit: tripledes-cbc takes 24 octets and no more; use key-fit: wss4j or derived-keys: required")
	}
	if p.Binding != SymmetricBinding && p.SignatureConfirmation {
		fail("signature-confirmation: replies are signed under the symmetric binding only; remove it")
	}
	if p.TokenOnce && p.Timestamp != TimestampRequired {
		fail("token-once: a message without its own token needs a Timestamp against replay; set timestamp: required")
	}
	if p.TokenOnce && p.MessageReplay == SwitchOff {
		fail("token-once: a message without its own token needs a check for replay; set message-replay: on")
	}
	if raw && p.KeyFit == FitExact && ok && suite.MaxKey > suite.Encryption.KeySize {
		fail("key-fit: exact with raw keys takes tickets of one key length only; use derived-keys: required or " +
			"key-fit: wss4j")
	}
	for key, headers := range map[string][]string{
		"signed-parts":             p.SignedParts.Headers,
		"encrypted-parts":          p.EncryptedParts.Headers,
		"optional-encrypted-parts": p.OptionalEncryptedParts.Headers,
	} {
		for _, h := range headers {
			if _, err := parseName(h); err != nil {
				fail("%s: %w", key, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (p *Policy) checkTimes() error {
	for _, d := range []struct {
		key string
		v   time.Duration
	}{{"max-age", p.MaxAge}, {"clock-skew", p.ClockSkew}, {"ttl", p.TTL}} {
		if d.v < 0 || d.v > 24*time.Hour {
			return fmt.Errorf("%s: %v is not between 0 and 24h", d.key, d.v)
		}
	}
	return nil
}
