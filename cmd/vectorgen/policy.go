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

// Namespaces and URIs, typed from the specifications.
const (
	nsSOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
	nsSOAP12 = "http://www.w3.org/2003/05/soap-envelope"
	nsWSSE   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsWSU    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsWSSE11 = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
	nsSC05   = "http://schemas.xmlsoap.org/ws/2005/02/sc"
	nsSC13   = "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512"
	nsWST05  = "http://schemas.xmlsoap.org/ws/2005/02/trust"
	nsWST13  = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
	nsDS     = "http://www.w3.org/2000/09/xmldsig#"
	nsMore   = "http://www.w3.org/2001/04/xmldsig-more#"
	nsXenc   = "http://www.w3.org/2001/04/xmlenc#"
	nsXenc11 = "http://www.w3.org/2009/xmlenc11#"
	nsEC     = "http://www.w3.org/2001/10/xml-exc-c14n#"
	nsWSA    = "http://www.w3.org/2005/08/addressing"
	nsWSA04  = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	nsApp    = "urn:example:orders"

	msgSec    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#"
	base64URI = msgSec + "Base64Binary"
	strURI    = msgSec + "STR-Transform"
	ktp       = "http://docs.oasis-open.org/wss/oasis-wss-kerberos-token-profile-1.1#"
	gssToken  = ktp + "GSS_Kerberosv5_AP_REQ"
	tokenSHA1 = ktp + "Kerberosv5APREQSHA1"
	ekSHA1    = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKeySHA1"

	hmacSHA1  = nsDS + "hmac-sha1"
	sha1URI   = nsDS + "sha1"
	sha256URI = nsXenc + "sha256"
	sha384URI = nsMore + "sha384"
	sha512URI = nsXenc + "sha512"
	tripleDES = nsXenc + "tripledes-cbc"
	aes128CBC = nsXenc + "aes128-cbc"
	aes192CBC = nsXenc + "aes192-cbc"
	aes256CBC = nsXenc + "aes256-cbc"
	kwAES     = nsXenc + "kw-aes"

	defaultLabel = "WS-SecureConversationWS-SecureConversation"
)

// signatureURI is the URI of a signature-method.
func signatureURI(name string) string {
	if name == "" || name == "hmac-sha1" {
		return hmacSHA1
	}
	return nsMore + name
}

// digestURI is the URI of a digest-method, or of the suite's.
func digestURI(name string, s suite) string {
	switch name {
	case "sha1":
		return sha1URI
	case "sha256":
		return sha256URI
	case "sha384":
		return sha384URI
	case "sha512":
		return sha512URI
	}
	return s.digest
}
