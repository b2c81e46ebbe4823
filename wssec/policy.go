package wssec

import (
	"fmt"
	"strings"
	"time"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// Policy is what one endpoint requires of a message and does to its reply, in
// the terms of WS-SecurityPolicy 1.2, as plain data. The yaml tags are the
// names in a configuration file. The zero value requires nothing and fails
// [Policy.Validate]; start from a [Preset]. The sections are those of
// WS-SecurityPolicy.
type Policy struct {
	// Name is for logs: the preset's name, or the operator's.
	Name string `yaml:"name,omitempty"`

	// Bootstrap is the policy of the messages that ask for a
	// SecurityContextToken (§5.4.7), which a SecureConversationToken needs.
	Bootstrap *Policy `yaml:"bootstrap,omitempty"`

	// Binding is the [security binding] (§7): symmetric, transport or none.
	Binding Binding `yaml:"binding"`
	// ProtectionToken is the token whose key signs and encrypts under the
	// symmetric binding (§7.4; KerberosToken is §5.4.4).
	ProtectionToken TokenType `yaml:"protection-token,omitempty"`
	// SupportingTokens are further tokens and what they must do (§8). A message
	// carries at most one token that says who the client is, so there is one at
	// most, and none beside a ProtectionToken; Config.EndorsingContexts allows one
	// more, which proves who that is once more. A SecurityContextToken proves
	// nothing where others can see it, so unless its use is endorsing it needs
	// TLS.
	SupportingTokens []SupportingToken `yaml:"supporting-tokens,omitempty"`

	// AlgorithmSuite is the [algorithm suite] (§6.1); see Suites.
	AlgorithmSuite SuiteName `yaml:"algorithm-suite,omitempty"`
	// SignatureMethod is the symmetric signature. WS-SecurityPolicy fixes
	// HMAC-SHA1 for every suite, and CXF keeps to it; WCF's Sha256 suites use
	// hmac-sha256. Empty: hmac-sha1.
	SignatureMethod SignatureName `yaml:"signature-method,omitempty"`

	// DigestMethod is the digest of each signed part. Empty: that of the suite.
	DigestMethod DigestName `yaml:"digest-method,omitempty"`

	// SignedParts are the parts that must be signed (§4.1.1). Under the
	// transport binding an endorsing token's signature covers the Timestamp and
	// these parts.
	SignedParts Parts `yaml:"signed-parts,omitempty"`
	// EncryptedParts are the parts that must be encrypted (§4.2.1).
	EncryptedParts Parts `yaml:"encrypted-parts,omitempty"`
	// OptionalEncryptedParts are parts that a peer may encrypt although it need
	// not (wsp:Optional): CXF's streaming client encrypts every Body that it
	// signs. We do not encrypt them.
	OptionalEncryptedParts Parts `yaml:"optional-encrypted-parts,omitempty"`
	// ProtectionOrder is the [protection order] (§6.3). Empty:
	// sign-before-encrypt.
	ProtectionOrder ProtectionOrder `yaml:"protection-order,omitempty"`
	// EncryptSignature is the [signature protection] (§6.4): the Signature must
	// be encrypted.
	EncryptSignature bool `yaml:"encrypt-signature,omitempty"`
	// DerivedKeys is the rule for keys used through a DerivedKeyToken (§5.3.1).
	// Empty: forbidden.
	DerivedKeys DerivedKeysRule `yaml:"derived-keys,omitempty"`
	// Timestamp is the [timestamp] property (§6.2). Empty: required.
	Timestamp TimestampRule `yaml:"timestamp,omitempty"`
	// ProtectTokens is the [token protection] (§6.5): the signature covers its
	// own token.
	ProtectTokens bool `yaml:"protect-tokens,omitempty"`
	// Layout is the [security header layout] (§6.7). Empty: lax. The order of
	// ReferenceList and Signature has meaning and is checked under every
	// layout.
	Layout Layout `yaml:"layout,omitempty"`
	// SignatureConfirmation requires wsse11:SignatureConfirmation in replies
	// (§9).
	SignatureConfirmation bool `yaml:"signature-confirmation,omitempty"`

	// KeyFit is what the peer does with a key longer than the cipher needs.
	// Empty: wss4j.
	KeyFit KeyFit `yaml:"key-fit,omitempty"`
	// STRTransform is how the peer canonicalizes under the STR-Transform.
	// Empty: wss.
	STRTransform STRForm `yaml:"str-transform,omitempty"`
	// TokenOnce accepts later messages that name the token of an earlier one by
	// its SHA-1, as WCF clients do; needs Timestamp required.
	TokenOnce bool `yaml:"token-once,omitempty"`
	// OptionalAttributes turns the attributes that a WCF custom binding leaves
	// out on or off in what we write: EncodingType, ValueType and TokenType of
	// references. Empty: on.
	OptionalAttributes Switch `yaml:"optional-attributes,omitempty"`
	// DerivedKeyVersion is the WS-SecureConversation version of the
	// DerivedKeyTokens in replies. Empty: that of the request.
	DerivedKeyVersion SCVersion `yaml:"derived-key-version,omitempty"`
	// MessageReplay turns the check for a repeated SignatureValue on or off.
	// Empty: on under the symmetric binding; off over transport, where TLS keeps
	// messages from whoever would repeat them, and two requests of one
	// millisecond can have the same signature, over Timestamp and wsa:To.
	MessageReplay Switch `yaml:"message-replay,omitempty"`
	// Actors are the SOAP actors or roles in which we act, beside next and that
	// of the ultimate receiver: of the header blocks for any of them, one is the
	// Security header for us. A client writes the first into its Security
	// header; a reply has the actor of its request. Empty: no others.
	Actors []string `yaml:"actor,omitempty"`

	// MaxAge is how long after Created a message is accepted. Zero: 5 minutes.
	MaxAge time.Duration `yaml:"max-age,omitempty"`
	// ClockSkew is by how much the peer's clock may differ from ours. Zero: 5
	// minutes.
	ClockSkew time.Duration `yaml:"clock-skew,omitempty"`
	// TTL is the life of a Timestamp that we write. Zero: 5 minutes.
	TTL time.Duration `yaml:"ttl,omitempty"`

	// AllowUnsignedBody lets the symmetric binding leave the Body out of
	// SignedParts, as CXF's test of WS-SecureConversation over Kerberos does in
	// its Bootstrap. The policy then relies on TLS. Such a message is never
	// forwarded: what may be done about it is to answer it.
	AllowUnsignedBody bool `yaml:"allow-unsigned-body,omitempty"`
	// AllowPlainHTTP accepts a policy that relies on TLS without TLS.
	AllowPlainHTTP bool `yaml:"allow-plain-http,omitempty"`
}

// SupportingToken is a token beside the binding and its use.
type SupportingToken struct {
	Token TokenType `yaml:"token"`
	Use   TokenUse  `yaml:"use"`
}

// Parts names parts of a message. Headers are the expanded names
// "{namespace}local" of header blocks; the local name may be * for every header
// block of a namespace. A header block named here need not be present. The zero
// value names no part.
type Parts struct {
	Body    bool     `yaml:"body,omitempty"`
	Headers []string `yaml:"headers,omitempty"`
}

// IsZero reports whether no part is named.
func (p Parts) IsZero() bool { return !p.Body && len(p.Headers) == 0 }

// matches reports whether a header block is one of the parts.
func (p Parts) matches(n xmltext.Node) bool {
	return len(p.Headers) > 0 && p.names(n.Name())
}

// Has reports whether header blocks of this name are parts.
func (p Parts) Has(name xmltext.Name) bool { return p.names(name) }

// names reports whether header blocks of this name are parts; the local name
// may be *, which only * matches.
func (p Parts) names(name xmltext.Name) bool {
	for _, h := range p.Headers {
		part, _ := parseName(h)
		if part.Space == name.Space && (part.Local == "*" || part.Local == name.Local) {
			return true
		}
	}
	return false
}

// parseName reads "{namespace}local", where local is an NCName or *.
func parseName(s string) (xmltext.Name, error) {
	space, local, ok := strings.Cut(strings.TrimPrefix(s, "{"), "}")
	if !ok || s[0] != '{' || space == "" || space == "*" || strings.ContainsAny(space, " {") ||
		local != "*" && !isNCName(local) {
		return xmltext.Name{}, fmt.Errorf("header name %q is not of the form {namespace}local or {namespace}*", s)
	}
	return xmltext.Name{Space: space, Local: local}, nil
}

// A Binding is what protects a message (§7). Its zero value is invalid.
type Binding string

const (
	SymmetricBinding Binding = "symmetric" // SymmetricBinding, §7.4
	TransportBinding Binding = "transport" // TransportBinding, §7.3
	NoBinding        Binding = "none"      // supporting tokens alone
)

// A TokenType is a type of security token that a policy can ask for (§5.4).
type TokenType string

const (
	KerberosToken           TokenType = "kerberos"            // KerberosToken, §5.4.4
	SpnegoContextToken      TokenType = "spnego-context"      // §5.4.5: an SCT that a negotiation issued
	SecureConversationToken TokenType = "secure-conversation" // §5.4.7: an SCT issued under a bootstrap policy
)

// A TokenUse is what a supporting token must do (§8).
type TokenUse string

const (
	UsePlain           TokenUse = "plain"            // SupportingTokens, §8.1: the token is there
	UseSigned          TokenUse = "signed"           // SignedSupportingTokens, §8.2: the signature or TLS covers it
	UseEndorsing       TokenUse = "endorsing"        // EndorsingSupportingTokens, §8.3: its key signs
	UseSignedEndorsing TokenUse = "signed-endorsing" // SignedEndorsingSupportingTokens, §8.4: both
)

// A SignatureName names a symmetric signature method of XML Signature 1.1
// §6.3. The zero value stands for [HMACSHA1].
type SignatureName string

const (
	HMACSHA1   SignatureName = "hmac-sha1"
	HMACSHA256 SignatureName = "hmac-sha256"
	HMACSHA384 SignatureName = "hmac-sha384"
	HMACSHA512 SignatureName = "hmac-sha512"
)

// A DigestName names a digest method of XML Signature 1.1 §6.2. The zero value
// stands for that of the suite.
type DigestName string

const (
	DigestSHA1   DigestName = "sha1"
	DigestSHA256 DigestName = "sha256"
	DigestSHA384 DigestName = "sha384"
	DigestSHA512 DigestName = "sha512"
)

// A ProtectionOrder is the [protection order] of a policy (§6.3). The zero
// value stands for [SignBeforeEncrypt].
type ProtectionOrder string

const (
	SignBeforeEncrypt ProtectionOrder = "sign-before-encrypt"
	EncryptBeforeSign ProtectionOrder = "encrypt-before-sign"
)

// A DerivedKeysRule requires, allows or forbids that keys are used through
// DerivedKeyTokens (§5.3.1). The zero value stands for [DerivedKeysForbidden].
type DerivedKeysRule string

const (
	DerivedKeysRequired  DerivedKeysRule = "required"
	DerivedKeysAllowed   DerivedKeysRule = "allowed"
	DerivedKeysForbidden DerivedKeysRule = "forbidden"
)

// A TimestampRule requires, allows or forbids a Timestamp in the Security
// header (§6.2). The zero value stands for [TimestampRequired].
type TimestampRule string

const (
	TimestampRequired  TimestampRule = "required"
	TimestampOptional  TimestampRule = "optional"
	TimestampForbidden TimestampRule = "forbidden"
)

// A Layout is the [security header layout] of a policy (§6.7). The zero value
// stands for [LayoutLax].
type Layout string

const (
	LayoutLax               Layout = "lax"                 // in any order
	LayoutStrict            Layout = "strict"              // a token stands before its use (§6.7.1)
	LayoutLaxTimestampFirst Layout = "lax-timestamp-first" // as lax, the Timestamp first
	LayoutLaxTimestampLast  Layout = "lax-timestamp-last"  // as lax, the Timestamp last
)

// A KeyFit is what a peer does with a key longer than the cipher needs. The
// zero value stands for [FitWSS4J].
type KeyFit string

const (
	// FitWSS4J cuts a longer key for CBC ciphers and uses it whole for GCM, as
	// WSS4J and CXF do.
	FitWSS4J KeyFit = "wss4j"
	// FitWhole uses the whole key, so that its length decides the AES variant,
	// as WCF does.
	FitWhole KeyFit = "whole"
	// FitExact refuses a key that is not of the cipher's length.
	FitExact KeyFit = "exact"
)

// An STRForm is how a peer canonicalizes a token under the STR-Transform (WSS
// §8.3). The zero value stands for [STRWSS].
type STRForm string

const (
	// STRWSS always renders a default namespace on the token, the one in scope
	// or else xmlns="", as WSS4J does.
	STRWSS STRForm = "wss"
	// STRWCF does not.
	STRWCF STRForm = "wcf"
)

// A Switch turns something on or off. The zero value stands for the default
// that the field names.
type Switch string

const (
	SwitchOn  Switch = "on"
	SwitchOff Switch = "off"
)

// An SCVersion is a version of WS-SecureConversation.
type SCVersion string

const (
	SC13 SCVersion = "1.3"     // namespace of December 2005
	SC05 SCVersion = "2005/02" // namespace of February 2005
)

// withDefaults fills in the defaults that the fields name.
func (p Policy) withDefaults() Policy {
	setDefault(&p.SignatureMethod, HMACSHA1)
	setDefault(&p.ProtectionOrder, SignBeforeEncrypt)
	setDefault(&p.DerivedKeys, DerivedKeysForbidden)
	setDefault(&p.Timestamp, TimestampRequired)
	setDefault(&p.Layout, LayoutLax)
	setDefault(&p.KeyFit, FitWSS4J)
	setDefault(&p.STRTransform, STRWSS)
	setDefault(&p.OptionalAttributes, SwitchOn)
	if p.Binding == SymmetricBinding || p.takesContext() && !p.NeedsTLS() {
		setDefault(&p.MessageReplay, SwitchOn)
	}
	setDefault(&p.MessageReplay, SwitchOff)
	setDefault(&p.MaxAge, 5*time.Minute)
	setDefault(&p.ClockSkew, 5*time.Minute)
	setDefault(&p.TTL, 5*time.Minute)
	return p
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// requiredToken describes for errors the token that the policy requires: its
// type, and in parentheses the setting that names it.
func (p *Policy) requiredToken() string {
	if p.Binding == SymmetricBinding {
		return string(p.ProtectionToken) + " (protection-token)"
	}
	var types []string
	for _, t := range p.SupportingTokens {
		types = append(types, string(t.Token))
	}
	return strings.Join(types, ", ") + " (supporting-tokens)"
}

// ClientToken returns the type of the token that says who the client is: the
// protection token or the one supporting token.
func (p Policy) ClientToken() TokenType {
	if p.Binding == SymmetricBinding || len(p.SupportingTokens) == 0 {
		return p.ProtectionToken
	}
	return p.SupportingTokens[0].Token
}

// takesContext reports whether that is a SecurityContextToken.
func (p *Policy) takesContext() bool {
	t := p.ClientToken()
	return t == SpnegoContextToken || t == SecureConversationToken
}

// endorsing reports whether a supporting token's key must sign.
func (p *Policy) endorsing() bool {
	for _, t := range p.SupportingTokens {
		if t.Use == UseEndorsing || t.Use == UseSignedEndorsing {
			return true
		}
	}
	return false
}

// signs reports whether a message under this policy carries a signature.
func (p *Policy) signs() bool { return p.Binding == SymmetricBinding || p.endorsing() }

// encrypts reports whether a message under this policy carries encrypted parts.
func (p *Policy) encrypts() bool {
	return p.Binding == SymmetricBinding && (!p.EncryptedParts.IsZero() || p.EncryptSignature)
}

// mayEncryptBody reports whether an EncryptedData may be the content of the
// Body.
func (p *Policy) mayEncryptBody() bool {
	return p.EncryptedParts.Body || p.OptionalEncryptedParts.Body
}

// mayEncryptHeaders reports whether an EncryptedData may stand for a header
// block.
func (p *Policy) mayEncryptHeaders() bool {
	return len(p.EncryptedParts.Headers)+len(p.OptionalEncryptedParts.Headers) > 0
}

// ProtectsReplies reports whether replies are signed or encrypted in the
// message.
func (p Policy) ProtectsReplies() bool { return p.Binding == SymmetricBinding }

// NeedsTLS reports whether the policy relies on TLS, so that a message that
// came without TLS is refused.
func (p Policy) NeedsTLS() bool {
	inMessage := p.Binding == SymmetricBinding && (p.SignedParts.Body || !p.AllowUnsignedBody)
	return !inMessage && !p.AllowPlainHTTP
}
