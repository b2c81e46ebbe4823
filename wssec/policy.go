package wssec

import (
	"fmt"
	"strings"
	"time"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// Policy is what one endpoint asks of a message and does to its reply, in the terms of
// WS-SecurityPolicy 1.2, as plain data. The yaml tags are the names in a configuration
// file. The zero value asks for nothing and is refused by Validate; start from a Preset.
type Policy struct {
	// Name is for logs: the preset's name, or the operator's.
	Name string `yaml:"name,omitempty"`

	// Binding is the [security binding] (§7): symmetric, transport or none.
	Binding Binding `yaml:"binding"`
	// ProtectionToken is the token whose key signs and encrypts under the symmetric binding (§7.4; KerberosToken is §5.4.4).
	ProtectionToken TokenType `yaml:"protection-token,omitempty"`
	// SupportingTokens are further tokens and what they must do (§8). A message carries at
	// most one Kerberos token, so there is one at most, and none beside a ProtectionToken.
	SupportingTokens []SupportingToken `yaml:"supporting-tokens,omitempty"`

	// AlgorithmSuite is the [algorithm suite] (§6.1); see Suites.
	AlgorithmSuite SuiteName `yaml:"algorithm-suite,omitempty"`
	// SignatureMethod is the symmetric signature. WS-SecurityPolicy fixes HMAC-SHA1 for
	// every suite, and CXF keeps to it; WCF's Sha256 suites use hmac-sha256. Empty: hmac-sha1.
	SignatureMethod SignatureName `yaml:"signature-method,omitempty"`

	// DigestMethod is the digest of each signed part. Empty: that of the suite.
	DigestMethod DigestName `yaml:"digest-method,omitempty"`

	// SignedParts are the parts that must be signed (§4.1.1). Under the transport binding
	// an endorsing token's signature covers the Timestamp and these parts.
	SignedParts Parts `yaml:"signed-parts,omitempty"`
	// EncryptedParts are the parts that must be encrypted (§4.2.1).
	EncryptedParts Parts `yaml:"encrypted-parts,omitempty"`
	// OptionalEncryptedParts are parts that a peer may encrypt without being asked to, as
	// wsp:Optional has it: CXF's streaming client encrypts every Body that it signs. We do
	// not encrypt them.
	OptionalEncryptedParts Parts `yaml:"optional-encrypted-parts,omitempty"`
	// ProtectionOrder is the [protection order] (§6.3). Empty: sign-before-encrypt.
	ProtectionOrder Order `yaml:"protection-order,omitempty"`
	// EncryptSignature is the [signature protection] (§6.4): the Signature must be encrypted.
	EncryptSignature bool `yaml:"encrypt-signature,omitempty"`
	// DerivedKeys says whether keys are used through a DerivedKeyToken (§5.3.1). Empty: forbidden.
	DerivedKeys Requirement `yaml:"derived-keys,omitempty"`
	// Timestamp is the [timestamp] property (§6.2). Empty: required.
	Timestamp Requirement `yaml:"timestamp,omitempty"`
	// ProtectTokens is the [token protection] (§6.5): the signature covers its own token.
	ProtectTokens bool `yaml:"protect-tokens,omitempty"`
	// Layout is the [security header layout] (§6.7). Empty: lax. The order of ReferenceList and
	// Signature has meaning and is checked under every layout.
	Layout Layout `yaml:"layout,omitempty"`
	// SignatureConfirmation asks for wsse11:SignatureConfirmation in replies (§9).
	SignatureConfirmation bool `yaml:"signature-confirmation,omitempty"`

	// KeyFit is what the peer does with a key longer than the cipher asks for. Empty: wss4j.
	KeyFit KeyFit `yaml:"key-fit,omitempty"`
	// STRTransform is how the peer canonicalises under the STR-Transform. Empty: wss.
	STRTransform STRForm `yaml:"str-transform,omitempty"`
	// TokenOnce accepts later messages that name the token of an earlier one by its SHA-1,
	// as WCF clients do; needs Timestamp required.
	TokenOnce bool `yaml:"token-once,omitempty"`
	// OptionalAttributes says whether we write the attributes that a WCF custom binding
	// leaves out (EncodingType, ValueType and TokenType of references). Empty: yes.
	OptionalAttributes Switch `yaml:"optional-attributes,omitempty"`
	// DerivedKeyVersion is the WS-SecureConversation version of the DerivedKeyTokens in
	// replies. Empty: that of the request.
	DerivedKeyVersion SCVersion `yaml:"derived-key-version,omitempty"`
	// MessageReplay turns the check for a repeated SignatureValue on or off. Empty: on
	// under the symmetric binding, off over transport, where each message has a fresh token.
	MessageReplay Switch `yaml:"message-replay,omitempty"`
	// Actor is the SOAP actor or role of the Security header meant for us. Empty: the
	// header without one.
	Actor string `yaml:"actor,omitempty"`

	// MaxAge is how long after Created a message is accepted. Zero: 5 minutes.
	MaxAge time.Duration `yaml:"max-age,omitempty"`
	// ClockSkew is by how much the peer's clock may differ from ours. Zero: 5 minutes.
	ClockSkew time.Duration `yaml:"clock-skew,omitempty"`
	// TTL is the life of a Timestamp that we write. Zero: 5 minutes.
	TTL time.Duration `yaml:"ttl,omitempty"`

	// AllowPlainHTTP accepts a policy that relies on TLS without TLS.
	AllowPlainHTTP bool `yaml:"allow-plain-http,omitempty"`
}

// SupportingToken is a token beside the binding and its use.
type SupportingToken struct {
	Token TokenType `yaml:"token"`
	Use   TokenUse  `yaml:"use"`
}

// Parts names message parts. Headers are expanded names "{namespace}local"; the local name
// may be * for every header of a namespace. A header named here need not be present.
type Parts struct {
	Body    bool     `yaml:"body,omitempty"`
	Headers []string `yaml:"headers,omitempty"`
}

// IsZero tells whether no part is named.
func (p Parts) IsZero() bool { return !p.Body && len(p.Headers) == 0 }

// matches tells whether a header block is among the parts.
func (p Parts) matches(n xmltext.Node) bool {
	return len(p.Headers) > 0 && p.names(n.Name())
}

// names tells whether header blocks of this name are among the parts; the local name may
// be * and then needs a * there.
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
	if !ok || s[0] != '{' || space == "" || space == "*" || strings.ContainsAny(space, " {") || local != "*" && !isNCName(local) {
		return xmltext.Name{}, fmt.Errorf("header name %q is not of the form {namespace}local or {namespace}*", s)
	}
	return xmltext.Name{Space: space, Local: local}, nil
}

// The enumerated values of a Policy. The empty string is the default that the field names.
type (
	Binding       string
	TokenType     string
	TokenUse      string
	SignatureName string
	DigestName    string
	Order         string
	Requirement   string
	Layout        string
	KeyFit        string
	STRForm       string
	Switch        string
	SCVersion     string
)

const (
	Symmetric     Binding   = "symmetric" // SymmetricBinding, §7.4
	Transport     Binding   = "transport" // TransportBinding, §7.3
	NoBinding     Binding   = "none"      // supporting tokens alone
	KerberosToken TokenType = "kerberos"  // KerberosToken, §5.4.4

	Plain           TokenUse = "plain"            // SupportingTokens, §8.1: the token is there
	Signed          TokenUse = "signed"           // SignedSupportingTokens, §8.2: and covered by the signature or TLS
	Endorsing       TokenUse = "endorsing"        // EndorsingSupportingTokens, §8.3: its key signs
	SignedEndorsing TokenUse = "signed-endorsing" // SignedEndorsingSupportingTokens, §8.4: both

	// Symmetric signature methods, XML Signature 1.1 §6.3.
	HMACSHA1   SignatureName = "hmac-sha1"
	HMACSHA256 SignatureName = "hmac-sha256"
	HMACSHA384 SignatureName = "hmac-sha384"
	HMACSHA512 SignatureName = "hmac-sha512"

	// Digest methods, XML Signature 1.1 §6.2.
	SHA1   DigestName = "sha1"
	SHA256 DigestName = "sha256"
	SHA384 DigestName = "sha384"
	SHA512 DigestName = "sha512"

	// Protection orders, §6.3.
	SignBeforeEncrypt Order = "sign-before-encrypt"
	EncryptBeforeSign Order = "encrypt-before-sign"

	// Whether something must, may or must not be there.
	Required  Requirement = "required"
	Optional  Requirement = "optional" // "allowed" for derived keys
	Allowed   Requirement = "allowed"
	Forbidden Requirement = "forbidden"

	Lax               Layout = "lax"                 // §6.7: in any order
	Strict            Layout = "strict"              // §6.7.1: a token stands before its use
	LaxTimestampFirst Layout = "lax-timestamp-first" // as lax, the Timestamp first
	LaxTimestampLast  Layout = "lax-timestamp-last"  // as lax, the Timestamp last

	// FitWSS4J cuts a longer key for CBC ciphers and uses it whole for GCM, as WSS4J and CXF do.
	FitWSS4J KeyFit = "wss4j"
	// FitWhole uses the whole key, so that its length decides the AES variant, as WCF does.
	FitWhole KeyFit = "whole"
	// FitExact refuses a key that is not of the cipher's length.
	FitExact KeyFit = "exact"

	// STRWSS always renders a default namespace on the token, the one in scope or else
	// xmlns="", as WSS4J does for WSS 1.1 §8.3.
	STRWSS STRForm = "wss"
	// STRWCF does not.
	STRWCF STRForm = "wcf"

	// A switch; empty is the default of its field.
	On  Switch = "on"
	Off Switch = "off"

	// Versions of WS-SecureConversation.
	SC13 SCVersion = "1.3" // 2005/12
	SC05 SCVersion = "2005/02"
)

// withDefaults fills in the defaults that the fields name.
func (p Policy) withDefaults() Policy {
	def(&p.SignatureMethod, HMACSHA1)
	def(&p.ProtectionOrder, SignBeforeEncrypt)
	def(&p.DerivedKeys, Forbidden)
	def(&p.Timestamp, Required)
	def(&p.Layout, Lax)
	def(&p.KeyFit, FitWSS4J)
	def(&p.STRTransform, STRWSS)
	def(&p.OptionalAttributes, On)
	if p.Binding == Symmetric {
		def(&p.MessageReplay, On)
	}
	def(&p.MessageReplay, Off)
	def(&p.MaxAge, 5*time.Minute)
	def(&p.ClockSkew, 5*time.Minute)
	def(&p.TTL, 5*time.Minute)
	return p
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// endorsing tells whether a supporting token's key must sign.
func (p *Policy) endorsing() bool {
	for _, t := range p.SupportingTokens {
		if t.Use == Endorsing || t.Use == SignedEndorsing {
			return true
		}
	}
	return false
}

// signs tells whether a message under this policy carries a signature.
func (p *Policy) signs() bool { return p.Binding == Symmetric || p.endorsing() }

// encrypts tells whether a message under this policy carries encrypted parts.
func (p *Policy) encrypts() bool {
	return p.Binding == Symmetric && (!p.EncryptedParts.IsZero() || p.EncryptSignature)
}

// mayEncryptBody and mayEncryptHeaders tell where an EncryptedData may stand.
func (p *Policy) mayEncryptBody() bool {
	return p.EncryptedParts.Body || p.OptionalEncryptedParts.Body
}

func (p *Policy) mayEncryptHeaders() bool {
	return len(p.EncryptedParts.Headers)+len(p.OptionalEncryptedParts.Headers) > 0
}

// ProtectsReplies tells whether replies are signed or encrypted in the message.
func (p Policy) ProtectsReplies() bool { return p.Binding == Symmetric }

// NeedsTLS tells whether the policy relies on TLS: its protection is that of the channel.
func (p Policy) NeedsTLS() bool { return p.Binding != Symmetric && !p.AllowPlainHTTP }
