// Package xmlenc implements the part of XML Encryption that WS-Security
// messages with symmetric keys use: EncryptedData and EncryptedKey elements,
// the CBC and GCM block ciphers, AES key wrap.
//
// # Specifications
//
//   - XML Encryption Syntax and Processing, W3C Recommendation 10 December 2002
//   - XML Encryption Syntax and Processing Version 1.1, W3C Recommendation 11
//     April 2013 (AES-GCM)
//   - RFC 3394, Advanced Encryption Standard (AES) Key Wrap Algorithm
//   - WS-I Basic Security Profile 1.1, section 9 (which forms are allowed)
//
// # Terms
//
//	Specification                          Go
//	-------------------------------------  -------------------------------
//	EncryptedData (§3.4)                   EncryptedData, ParseEncryptedData
//	EncryptedKey (§3.5.1)                  EncryptedKey, ParseEncryptedKey
//	ReferenceList, DataReference (§3.6)    ParseReferenceList
//	EncryptionMethod (§3.2)                Method, LookupMethod
//	CipherValue (§3.3)                     EncryptedData.AppendCipher, TakeCipher
//	Type #Element, #Content (§3.1)         TypeElement, TypeContent
//	block encryption (§5.2, 1.1 §5.2)      Method.Encrypt, Method.Decrypt
//	symmetric key wrap (§5.6.3)            UnwrapKey, WrapKey
//
// # Security considerations
//
// The CBC algorithms are not authenticated, and the padding of XML Encryption
// is malleable: a receiver that discloses how decryption failed discloses the
// plaintext (Jager and Somorovsky, 2011). [Method.Decrypt] therefore has a
// single error for all failures of the ciphertext, [ErrDecrypt], and package
// wssec answers every cryptographic failure with the same fault.
// CipherReference is refused: nothing outside the message is ever fetched.
package xmlenc
