package xmldsig

import (
	"bytes"
	"slices"

	"github.com/wssgate/wssgate/internal/base64"
)

// Template is a Signature to be written. IDs and URIs are written as they are:
// they must need no escaping.
type Template struct {
	ID         string
	Method     SignatureMethod
	Digest     DigestMethod
	References []SignedPart
	KeyInfo    []byte // a complete ds:KeyInfo element that declares its own prefixes
}

// SignedPart is one Reference of a [Template]: exclusive canonicalization of
// the element with this id, without InclusiveNamespaces.
type SignedPart struct {
	ID     string
	Digest []byte
}

// signedInfoStart is the start tag of SignedInfo in canonical form; in the
// message the declaration stands on Signature.
const signedInfoStart = `<ds:SignedInfo xmlns:ds="` + NS + `">`

// Append appends the complete ds:Signature, signed with key, to dst. value are
// the octets of its SignatureValue.
func (t *Template) Append(dst, key []byte) (out, value []byte) {
	const usual, reference = 700, 450 // octets, without Ids
	dst = slices.Grow(dst, usual+len(t.KeyInfo)+len(t.References)*reference)
	dst = append(dst, `<ds:Signature xmlns:ds="`+NS+`" Id="`...)
	dst = append(dst, t.ID...)
	dst = append(dst, `"><ds:SignedInfo>`...)
	start := len(dst)
	dst = t.appendSignedInfo(dst)
	h := t.Method.MAC(key)
	defer h.Free()
	_, _ = h.Write([]byte(signedInfoStart))
	_, _ = h.Write(dst[start:])
	value = bytes.Clone(h.Value())
	dst = append(dst, `<ds:SignatureValue>`...)
	dst = base64.AppendEncode(dst, value)
	dst = append(dst, `</ds:SignatureValue>`...)
	dst = append(dst, t.KeyInfo...)
	return append(dst, `</ds:Signature>`...), value
}

// appendSignedInfo appends what follows the start tag of SignedInfo, in
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
		dst = base64.AppendEncode(dst, r.Digest)
		dst = append(dst, `</ds:DigestValue></ds:Reference>`...)
	}
	return append(dst, `</ds:SignedInfo>`...)
}
