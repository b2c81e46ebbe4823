package xmlenc

import "encoding/base64"

// Template is an EncryptedData to be written: everything but the octets.
type Template struct {
	ID      string
	Type    string // TypeElement or TypeContent
	Method  Method
	KeyInfo []byte // a complete ds:KeyInfo element that declares its own prefixes
}

// AppendEncryptedData appends an xenc:EncryptedData holding data (as Encrypt made it).
// The prefix xenc is declared on it; the text is its own exclusive canonical form.
func (t Template) AppendEncryptedData(dst, data []byte) []byte {
	dst = append(dst, `<xenc:EncryptedData xmlns:xenc="`+NS+`" Id="`...)
	dst = append(dst, t.ID...)
	dst = append(dst, `" Type="`...)
	dst = append(dst, t.Type...)
	dst = append(dst, `"><xenc:EncryptionMethod Algorithm="`...)
	dst = append(dst, t.Method.URI...)
	dst = append(dst, `"></xenc:EncryptionMethod>`...)
	dst = append(dst, t.KeyInfo...)
	dst = append(dst, `<xenc:CipherData><xenc:CipherValue>`...)
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return append(dst, `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>`...)
}

// AppendReferenceList appends an xenc:ReferenceList of DataReferences to ids.
func AppendReferenceList(dst []byte, ids ...string) []byte {
	dst = append(dst, `<xenc:ReferenceList xmlns:xenc="`+NS+`">`...)
	for _, id := range ids {
		dst = append(dst, `<xenc:DataReference URI="#`...)
		dst = append(dst, id...)
		dst = append(dst, `"/>`...)
	}
	return append(dst, `</xenc:ReferenceList>`...)
}
