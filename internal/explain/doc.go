// Package explain explains tokens, key files and whole SOAP messages to people,
// for `wssgate inspect`: what signs and encrypts what, with which algorithms
// and keys, and, with a keytab, what the gateway does with them. Tokens and
// files of Kerberos are explained by an inspect.Inspector; this package finds
// them in what people paste, and explains wsse:Security headers.
//
//	token, keytab, credential cache             Inspector.Inspect, by inspect.Inspector
//	token in text: base64, hexadecimal, dumps   decode
//	wsse:Security (WSS §5)                      securityHeader
//	ds:Signature, ds:Reference                  signature, reference, by xmldsig.Parse
//	xenc:EncryptedData, xenc:ReferenceList      encryptedData, by xmlenc.ParseEncryptedData
//	wsse:SecurityTokenReference (WSS §7)        resolve
//	wst:BinaryExchange, RequestedProofToken     tokensIn, proofToken
//	the policy that a message follows           findings.policy
//	the verdict                                 addVerdict, by wssec.Processor and gss.Acceptor
//
// The verdict is the only line by which something is accepted or refused: a
// Processor that keeps nothing is asked, with the message as it came. The lines
// above it are for people, and a test holds them to what it verified.
//
// An Inspector follows a conversation: keys of a message open those that come
// after it.
//
// # Security considerations
//
// Messages are hostile, and so is what they hold once it is decrypted. All is
// bounded, and none of it is acted on. Keys are shown only when asked for,
// messages too. No text
// reaches a terminal with control characters in it.
package explain
