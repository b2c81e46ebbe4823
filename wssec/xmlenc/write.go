package xmlenc

// Template is an EncryptedData to be written, without its ciphertext. IDs and
// URIs are written as they are: they must need no escaping.
type Template struct {
	ID      string
	Type    string // TypeElement or TypeContent
	Method  Method
	KeyInfo []byte // a complete ds:KeyInfo element that declares its own prefixes
}

// AppendStart appends the EncryptedData up to the content of its CipherValue,
// which is the base64 form of what [Method.Encrypt] returns; [AppendEnd]
// appends the rest. The element declares the prefix xenc, and the text is its
// own exclusive canonical form.
func (t Template) AppendStart(dst []byte) []byte {
	dst = append(dst, `<xenc:EncryptedData xmlns:xenc="`+NS+`" Id="`...)
	dst = append(dst, t.ID...)
	dst = append(dst, `" Type="`...)
	dst = append(dst, t.Type...)
	dst = append(dst, `"><xenc:EncryptionMethod Algorithm="`...)
	dst = append(dst, t.Method.URI...)
	dst = append(dst, `"></xenc:EncryptionMethod>`...)
	dst = append(dst, t.KeyInfo...)
	return append(dst, `<xenc:CipherData><xenc:CipherValue>`...)
}

const end = `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>`

// EndLen is the number of octets that [AppendEnd] appends.
const EndLen = len(end)

// AppendEnd appends what follows the content of CipherValue.
func AppendEnd(dst []byte) []byte { return append(dst, end...) }

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
