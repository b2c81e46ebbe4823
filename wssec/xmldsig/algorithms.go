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

// DigestMethod is a digest algorithm. It is immutable and safe for concurrent
// use.
type DigestMethod struct {
	URI string
	New func() hash.Hash
}

// LookupDigest returns the DigestMethod for a URI.
func LookupDigest(uri string) (DigestMethod, bool) {
	switch uri {
	case SHA1:
		return DigestMethod{SHA1, sha1.New}, true
	case SHA256:
		return DigestMethod{SHA256, sha256.New}, true
	case SHA384:
		return DigestMethod{SHA384, sha512.New384}, true
	case SHA512:
		return DigestMethod{SHA512, sha512.New}, true
	}
	return DigestMethod{}, false
}

// SignatureMethod is an HMAC algorithm. It is immutable and safe for concurrent
// use.
type SignatureMethod struct {
	URI string
	new func() hash.Hash
}

// LookupSignature returns the SignatureMethod for a URI.
func LookupSignature(uri string) (SignatureMethod, bool) {
	switch uri {
	case HMACSHA1:
		return SignatureMethod{HMACSHA1, sha1.New}, true
	case HMACSHA256:
		return SignatureMethod{HMACSHA256, sha256.New}, true
	case HMACSHA384:
		return SignatureMethod{HMACSHA384, sha512.New384}, true
	case HMACSHA512:
		return SignatureMethod{HMACSHA512, sha512.New}, true
	}
	return SignatureMethod{}, false
}

// New starts the HMAC with a key of any length.
func (m SignatureMethod) New(key []byte) hash.Hash { return hmac.New(m.new, key) }
