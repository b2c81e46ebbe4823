package xmldsig

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
)

// Namespaces.
const (
	NS     = "http://www.w3.org/2000/09/xmldsig#"
	NSMore = "http://www.w3.org/2001/04/xmldsig-more#"
	NSEC   = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// Algorithm URIs (XML Signature 1.1 §6.1, RFC 6931).
const (
	HMACSHA1   = NS + "hmac-sha1"
	HMACSHA256 = NSMore + "hmac-sha256"
	HMACSHA384 = NSMore + "hmac-sha384"
	HMACSHA512 = NSMore + "hmac-sha512"

	SHA1   = NS + "sha1"
	SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	SHA384 = NSMore + "sha384"
	SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"

	ExclusiveC14N = NSEC
	STRTransform  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform"
)

// DigestMethod is a digest algorithm; see [LookupDigest]. The zero value is no
// algorithm. It is immutable and safe for concurrent use.
type DigestMethod struct {
	URI       string
	algorithm *algorithm
}

// LookupDigest returns the [DigestMethod] of a URI; ok is false for an unknown
// one.
func LookupDigest(uri string) (m DigestMethod, ok bool) {
	switch uri {
	case SHA1:
		return DigestMethod{SHA1, useSHA1}, true
	case SHA256:
		return DigestMethod{SHA256, useSHA256}, true
	case SHA384:
		return DigestMethod{SHA384, useSHA384}, true
	case SHA512:
		return DigestMethod{SHA512, useSHA512}, true
	}
	return DigestMethod{}, false
}

// New returns a new hash.
func (m DigestMethod) New() hash.Hash { return m.algorithm.new() }

var (
	useSHA1   = newAlgorithm(sha1.New)
	useSHA256 = newAlgorithm(sha256.New)
	useSHA384 = newAlgorithm(sha512.New384)
	useSHA512 = newAlgorithm(sha512.New)
)

// SignatureMethod is an HMAC algorithm; see [LookupSignature]. The zero value
// is no algorithm. It is immutable and safe for concurrent use.
type SignatureMethod struct {
	URI       string
	algorithm *algorithm
}

// LookupSignature returns the [SignatureMethod] of a URI; ok is false for an
// unknown one.
func LookupSignature(uri string) (m SignatureMethod, ok bool) {
	switch uri {
	case HMACSHA1:
		return SignatureMethod{HMACSHA1, useSHA1}, true
	case HMACSHA256:
		return SignatureMethod{HMACSHA256, useSHA256}, true
	case HMACSHA384:
		return SignatureMethod{HMACSHA384, useSHA384}, true
	case HMACSHA512:
		return SignatureMethod{HMACSHA512, useSHA512}, true
	}
	return SignatureMethod{}, false
}

// New returns a new HMAC with a key of any length.
func (m SignatureMethod) New(key []byte) hash.Hash { return hmac.New(m.algorithm.new, key) }
