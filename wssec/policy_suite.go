package wssec

import (
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// SuiteName is the name of an algorithm suite of WS-SecurityPolicy 1.2 §6.1, or
// of one of CXF's GCM suites.
type SuiteName string

// The suites. Those for asymmetric key transport (…Rsa15) fix the same for
// symmetric keys.
const (
	Basic128        SuiteName = "Basic128"
	Basic192        SuiteName = "Basic192"
	Basic256        SuiteName = "Basic256"
	TripleDes       SuiteName = "TripleDes"
	Basic128Sha256  SuiteName = "Basic128Sha256"
	Basic192Sha256  SuiteName = "Basic192Sha256"
	Basic256Sha256  SuiteName = "Basic256Sha256"
	TripleDesSha256 SuiteName = "TripleDesSha256"
	Basic128GCM     SuiteName = "Basic128GCM"
	Basic192GCM     SuiteName = "Basic192GCM"
	Basic256GCM     SuiteName = "Basic256GCM"
	// GCM with SHA-256 digests, as CXF's names with Sha256 and GCM have it.
	Basic128GCMSha256 SuiteName = "Basic128GCMSha256"
	Basic192GCMSha256 SuiteName = "Basic192GCMSha256"
	Basic256GCMSha256 SuiteName = "Basic256GCMSha256"
)

// Suite is what a suite fixes for symmetric keys. Key lengths are in octets.
// The zero value is no suite.
type Suite struct {
	Name           SuiteName
	Encryption     xmlenc.Method
	Digest         xmldsig.DigestMethod
	KeyWrap        string // URI
	EncryptionKey  int    // length of a derived encryption key
	SignatureKey   int    // least length of a derived signature key
	MinKey, MaxKey int    // lengths of a symmetric source key
}

// suiteRow is one line of the table: SP 1.2 §6.1 with the lengths of protocol
// practice.
type suiteRow struct {
	name              SuiteName
	enc, digest, wrap string
	encKey, sigKey    int
	min, max          int
}

// suiteTable is the table of suites.
func suiteTable() []suiteRow {
	return []suiteRow{
		{Basic128, xmlenc.AES128CBC, xmldsig.SHA1, xmlenc.KWAES128, 16, 16, 16, 32},
		{Basic192, xmlenc.AES192CBC, xmldsig.SHA1, xmlenc.KWAES192, 24, 24, 24, 32},
		{Basic256, xmlenc.AES256CBC, xmldsig.SHA1, xmlenc.KWAES256, 32, 24, 32, 32},
		{TripleDes, xmlenc.TripleDESCBC, xmldsig.SHA1, "", 24, 24, 24, 32},
		{Basic128Sha256, xmlenc.AES128CBC, xmldsig.SHA256, xmlenc.KWAES128, 16, 16, 16, 32},
		{Basic192Sha256, xmlenc.AES192CBC, xmldsig.SHA256, xmlenc.KWAES192, 24, 24, 24, 32},
		{Basic256Sha256, xmlenc.AES256CBC, xmldsig.SHA256, xmlenc.KWAES256, 32, 24, 32, 32},
		{TripleDesSha256, xmlenc.TripleDESCBC, xmldsig.SHA256, "", 24, 24, 24, 32},
		{Basic128GCM, xmlenc.AES128GCM, xmldsig.SHA1, xmlenc.KWAES128, 16, 16, 16, 32},
		{Basic192GCM, xmlenc.AES192GCM, xmldsig.SHA1, xmlenc.KWAES192, 24, 24, 24, 32},
		{Basic256GCM, xmlenc.AES256GCM, xmldsig.SHA1, xmlenc.KWAES256, 32, 24, 32, 32},
		{Basic128GCMSha256, xmlenc.AES128GCM, xmldsig.SHA256, xmlenc.KWAES128, 16, 16, 16, 32},
		{Basic192GCMSha256, xmlenc.AES192GCM, xmldsig.SHA256, xmlenc.KWAES192, 24, 24, 24, 32},
		{Basic256GCMSha256, xmlenc.AES256GCM, xmldsig.SHA256, xmlenc.KWAES256, 32, 24, 32, 32},
	}
}

// SuiteNames returns the names that [LookupSuite] knows.
func SuiteNames() []SuiteName {
	var names []SuiteName
	for _, r := range suiteTable() {
		names = append(names, r.name)
	}
	return names
}

// LookupSuite returns the [Suite] of a name; ok is false for a name that
// [SuiteNames] does not list.
func LookupSuite(name SuiteName) (s Suite, ok bool) {
	for _, r := range suiteTable() {
		if r.name == name {
			enc, _ := xmlenc.LookupMethod(r.enc)
			digest, _ := xmldsig.LookupDigest(r.digest)
			return Suite{r.name, enc, digest, r.wrap, r.encKey, r.sigKey, r.min, r.max}, true
		}
	}
	return Suite{}, false
}

// method returns the symmetric signature method of a policy.
func (n SignatureName) method() xmldsig.SignatureMethod {
	uri := map[SignatureName]string{HMACSHA1: xmldsig.HMACSHA1, HMACSHA256: xmldsig.HMACSHA256,
		HMACSHA384: xmldsig.HMACSHA384, HMACSHA512: xmldsig.HMACSHA512}[n]
	m, _ := xmldsig.LookupSignature(uri)
	return m
}

// method returns the digest method of a policy; ok is false if the suite's is
// to be used.
func (n DigestName) method() (m xmldsig.DigestMethod, ok bool) {
	return xmldsig.LookupDigest(map[DigestName]string{DigestSHA1: xmldsig.SHA1, DigestSHA256: xmldsig.SHA256,
		DigestSHA384: xmldsig.SHA384, DigestSHA512: xmldsig.SHA512}[n])
}

// fit returns the octets of a raw key that the suite's cipher is run with, or
// nil if the key does not fit. WSS4J cuts for CBC and 3DES and never for GCM;
// WCF never cuts.
func (f KeyFit) fit(m xmlenc.Method, key []byte) []byte {
	switch {
	case len(key) < m.KeySize:
		return nil // WSS4J would run a weaker cipher than the URI names
	case len(key) == m.KeySize || f == FitWhole || f == FitWSS4J && m.GCM:
		return key
	case f == FitWSS4J:
		return key[:m.KeySize]
	}
	return nil
}
