package main

// A policy is that of a case, in the terms of README.md. What is empty is
// absent.
type policy struct {
	Binding           string            `json:"binding"`
	ProtectionToken   string            `json:"protection-token,omitempty"`
	SupportingTokens  []supportingToken `json:"supporting-tokens,omitempty"`
	AlgorithmSuite    string            `json:"algorithm-suite,omitempty"`
	SignatureMethod   string            `json:"signature-method,omitempty"`
	DigestMethod      string            `json:"digest-method,omitempty"`
	SignedParts       *parts            `json:"signed-parts,omitempty"`
	EncryptedParts    *parts            `json:"encrypted-parts,omitempty"`
	OptionalEncrypted *parts            `json:"optional-encrypted-parts,omitempty"`
	ProtectionOrder   string            `json:"protection-order,omitempty"`
	EncryptSignature  bool              `json:"encrypt-signature,omitempty"`
	DerivedKeys       string            `json:"derived-keys,omitempty"`
	Timestamp         string            `json:"timestamp,omitempty"`
	ProtectTokens     bool              `json:"protect-tokens,omitempty"`
	Layout            string            `json:"layout,omitempty"`
	Confirmation      bool              `json:"signature-confirmation,omitempty"`
	KeyFit            string            `json:"key-fit,omitempty"`
	STRTransform      string            `json:"str-transform,omitempty"`
	TokenOnce         bool              `json:"token-once,omitempty"`
	MessageReplay     string            `json:"message-replay,omitempty"`
	Actors            []string          `json:"actor,omitempty"`
	AllowPlainHTTP    bool              `json:"allow-plain-http,omitempty"`
	MaxAge            string            `json:"max-age,omitempty"`
	ClockSkew         string            `json:"clock-skew,omitempty"`
	AllowUnsignedBody bool              `json:"allow-unsigned-body,omitempty"`
}

type supportingToken struct {
	Token string `json:"token"`
	Use   string `json:"use"`
}

type parts struct {
	Body    bool     `json:"body,omitempty"`
	Headers []string `json:"headers,omitempty"`
}

// encrypts reports whether the policy asks for an encrypted Body.
func (p *policy) encrypts() bool { return p.EncryptedParts != nil && p.EncryptedParts.Body }

// A suite is a row of WS-SecurityPolicy 1.2 §6.1, or one of CXF's.
type suite struct {
	cipher, digest, wrap string
	encKey, sigKey       int // octets of derived keys
	gcm                  bool
}

// suites are the algorithm suites, typed from the specification: the lengths of
// derived keys are those of §6.1.
func suites() map[string]suite {
	m := map[string]suite{
		"Basic128":  {aes128CBC, sha1URI, kwAES + "128", 16, 16, false},
		"Basic192":  {aes192CBC, sha1URI, kwAES + "192", 24, 24, false},
		"Basic256":  {aes256CBC, sha1URI, kwAES + "256", 32, 24, false},
		"TripleDes": {tripleDES, sha1URI, nsXenc + "kw-tripledes", 24, 24, false},

		"Basic128GCM": {nsXenc11 + "aes128-gcm", sha1URI, kwAES + "128", 16, 16, true},
		"Basic192GCM": {nsXenc11 + "aes192-gcm", sha1URI, kwAES + "192", 24, 24, true},
		"Basic256GCM": {nsXenc11 + "aes256-gcm", sha1URI, kwAES + "256", 32, 24, true},
	}
	for _, name := range []string{"Basic128", "Basic192", "Basic256", "TripleDes", "Basic128GCM", "Basic192GCM",
		"Basic256GCM"} {
		row := m[name]
		row.digest = sha256URI
		m[name+"Sha256"] = row
	}
	return m
}

// suiteNames are the names, in the order of the tables.
func suiteNames() []string {
	return []string{"Basic128", "Basic192", "Basic256", "TripleDes", "Basic128Sha256", "Basic192Sha256",
		"Basic256Sha256", "TripleDesSha256", "Basic128GCM", "Basic192GCM", "Basic256GCM", "Basic128GCMSha256",
		"Basic192GCMSha256", "Basic256GCMSha256"}
}

// cipherKey returns the octets of a raw key that the suite's cipher is run
// with: WSS4J cuts for CBC, and uses the whole for GCM.
func (s suite) cipherKey(key []byte, fit string) []byte {
	if fit == "whole" || s.gcm || len(key) <= s.encKey {
		return key
	}
	return key[:s.encKey]
}
