// Package krbtest provides Kerberos for tests and demonstrations: a KDC in
// process, valid and invalid tokens, and real KDCs for interoperability.
//
// It makes messages with golang.org/x/crypto/cryptobyte and gokrb5's
// cryptography, not with the packages under test, so that a test compares two
// implementations. It is not for production: passwords and keys are in memory
// in clear, and the KDC enforces no policy.
package krbtest
