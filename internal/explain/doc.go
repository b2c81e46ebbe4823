// Package explain explains tokens, key files and whole SOAP messages to people,
// for `wssgate inspect`: what signs and encrypts what, with which algorithms
// and keys, and, when there is a keytab, whether it is so and what would be
// refused. What is Kerberos is explained by inspect.Inspector; this package
// knows how tokens are written down (base64, HTTP header fields, hexadecimal)
// and what a wsse:Security header is.
//
// An Inspector follows a conversation: keys of a message open those
// that come after it.
//
// # Security considerations
//
// Messages are hostile, and so is what they hold once it is decrypted. All is
// bounded, nothing of it is done: a verdict comes from the very code that the
// gateway runs. Keys are shown only when asked for, messages too. No text
// reaches a terminal with control characters in it.
package explain
