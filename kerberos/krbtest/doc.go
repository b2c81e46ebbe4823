// Package krbtest has Kerberos for tests and demonstrations: a KDC in process, tokens right and wrong, and a real MIT
// KDC for interoperability.
//
// The messages are made with golang.org/x/crypto/cryptobyte and gokrb5's cryptography, not with package kerberos, so
// that a test with them compares two implementations. It is not for production: passwords and keys lie in memory in
// clear, and the KDC enforces no policy.
package krbtest
