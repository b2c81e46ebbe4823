package wssec

import (
	"crypto/sha1"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// A tokenProfile is one type of security token: how it is found in a message,
// accepted, referred to, held against the policy and written (WSS §6 and §7,
// and the token profiles). It has no state; what is known of the tokens of a
// message stands in its verification or writer. A new type of token is a new
// implementation, in a file of its own, and a line in tokenProfiles.
type tokenProfile interface {
	// policyType returns the name by which a policy asks for the token, or ""
	// if it never does.
	policyType() TokenType

	// is reports whether n is a token of this type.
	is(n xmltext.Node) bool
	// find enters a child of the Security header that is a token of this type.
	find(v *verification, n xmltext.Node) error
	// accept takes the tokens found that prove who the client is. It runs
	// before any signature is looked at.
	accept(v *verification) error
	// key returns the key of the token n, which ref leads to or holds. ref is
	// zero where the place of n says enough.
	key(v *verification, n, ref xmltext.Node) (*boundKey, error)

	// names reports whether a name of this ValueType is one of a token of this
	// type.
	names(name tokenName) bool
	// named returns the key of the token with that name, which ref holds.
	named(v *verification, name tokenName, ref xmltext.Node) (*boundKey, error)

	// cover holds the message's token, which is of this type, against the
	// policy.
	cover(v *verification) error

	// appendToken writes the token that w includes.
	appendToken(dst []byte, w *writer, id string) []byte
	// reference writes a SecurityTokenReference to the token that w includes
	// under id, or, if id is "", to one that the peer has.
	reference(w *writer, id string) []byte
}

// tokenProfiles returns every type of token that a message can hold a key in.
// A DerivedKeyToken is none of them: it has a key through one of these.
func tokenProfiles() [2]tokenProfile {
	return [...]tokenProfile{kerberosProfile{}, encryptedKeyProfile{}}
}

// profileOf returns the profile that the element n is a token of, or nil.
func profileOf(n xmltext.Node) tokenProfile {
	for _, p := range tokenProfiles() {
		if p.is(n) {
			return p
		}
	}
	return nil
}

// A tokenName names a token that need not stand in the message: by a
// KeyIdentifier, or by a Reference whose URI is not that of an element.
type tokenName struct {
	valueType string
	hash      TokenHash // of a KeyIdentifier
	uri       string    // of a Reference, "" for a KeyIdentifier
}

// profileNamed returns the profile whose tokens have names of that kind, or
// nil.
func profileNamed(name tokenName) tokenProfile {
	for _, p := range tokenProfiles() {
		if p.names(name) {
			return p
		}
	}
	return nil
}

// policyTokens returns the tokens that a policy can ask for.
func policyTokens() []TokenType {
	var types []TokenType
	for _, p := range tokenProfiles() {
		if t := p.policyType(); t != "" {
			types = append(types, t)
		}
	}
	return types
}

// A clientToken is the token that says whose a message is.
type clientToken struct {
	CachedToken
	profile tokenProfile
	hash    TokenHash
	node    xmltext.Node // zero if the message only names it
	fresh   bool         // verified now: it proves that its client is there
}

// TokenHash is the SHA-1 of a token's octets as received: what a KeyIdentifier
// of ValueType Kerberosv5APREQSHA1 holds (Kerberos Token Profile 1.1.1 §3.3).
// It names a token and is not relied on to authenticate anything.
type TokenHash [sha1.Size]byte

// HashToken returns the TokenHash of the decoded octets of a
// BinarySecurityToken.
func HashToken(token []byte) TokenHash { return sha1.Sum(token) }
