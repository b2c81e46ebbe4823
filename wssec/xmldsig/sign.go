package xmldsig

import "encoding/base64"

// Template is a Signature to be written. IDs and prefixes are the caller's own
// and need no escaping.
type Template struct {
	ID         string
	Method     SignatureMethod
	Digest     DigestMethod
	References []SignedPart
	KeyInfo    []byte // a complete ds:KeyInfo element that declares its own prefixes
}

// SignedPart is one Reference to be written: exclusive canonicalization of the
// element with this id, without InclusiveNamespaces.
type SignedPart struct {
	ID     string
	Digest []byte
}

// signedInfoStart is the start tag of SignedInfo in canonical form; in the
// message the declaration stands on Signature.
const signedInfoStart = `<ds:SignedInfo xmlns:ds="` + NS + `">`

// Append appends the complete ds:Signature, signed with key, to dst and returns
// the SignatureValue octets beside it.
func (t *Template) Append(dst, key []byte) (out, value []byte) {
	dst = append(dst, `<ds:Signature xmlns:ds="`+NS+`" Id="`...)
	dst = append(dst, t.ID...)
	dst = append(dst, `"><ds:SignedInfo>`...)
	start := len(dst)
	dst = t.appendSignedInfo(dst)
	h := t.Method.New(key)
	h.Write([]byte(signedInfoStart))
	h.Write(dst[start:])
	value = h.Sum(nil)
	dst = append(dst, `<ds:SignatureValue>`...)
	dst = base64.StdEncoding.AppendEncode(dst, value)
	dst = append(dst, `</ds:SignatureValue>`...)
	dst = append(dst, t.KeyInfo...)
	return append(dst, `</ds:Signature>`...), value
}

// appendSignedInfo writes what follows the start tag of SignedInfo, in
// canonical form.
func (t *Template) appendSignedInfo(dst []byte) []byte {
	dst = append(dst, `<ds:CanonicalizationMethod Algorithm="`+ExclusiveC14N+
		`"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="`...)
	dst = append(dst, t.Method.URI...)
	dst = append(dst, `"></ds:SignatureMethod>`...)
	for _, r := range t.References {
		dst = append(dst, `<ds:Reference URI="#`...)
		dst = append(dst, r.ID...)
		dst = append(dst, `"><ds:Transforms><ds:Transform Algorithm="`+ExclusiveC14N+
			`"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="`...)
		dst = append(dst, t.Digest.URI...)
		dst = append(dst, `"></ds:DigestMethod><ds:DigestValue>`...)
		dst = base64.StdEncoding.AppendEncode(dst, r.Digest)
		dst = append(dst, `</ds:DigestValue></ds:Reference>`...)
	}
	return append(dst, `</ds:SignedInfo>`...)
}
