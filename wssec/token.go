package wssec

import (
	"crypto/sha1"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// A tokenProfile is one type of security token: how it is found in a message,
// accepted, referred to, compared with the policy and written (WSS §6 and §7,
// and the token profiles). It has no state; what is known of the tokens of a
// message is in its verification or writer. A new type of token is a new
// implementation, in a file of its own, and a line in tokenProfiles.
type tokenProfile interface {
	// policyTypes returns the names of the token in a policy, "" in the place
	// of those that it has not. No policy can require a token without a name.
	policyTypes() [2]TokenType

	// is reports whether n is a token of this type.
	is(n xmltext.Node) bool
	// find enters a child of the Security header that is such a token.
	find(v *verification, n xmltext.Node) error
	// accept verifies the tokens found that authenticate the client. It runs
	// before any signature is checked.
	accept(v *verification) error
	// key returns the key of the token n, which ref leads to or holds. ref is
	// zero where the place of n is enough to find it.
	key(v *verification, n, ref xmltext.Node) (*boundKey, error)

	// names reports whether name is that of a token of this type.
	names(name tokenName) bool
	// named returns the key of the token with that name, which ref holds.
	named(v *verification, name tokenName, ref xmltext.Node) (*boundKey, error)

	// cover compares the message's token, which is of this type, with the
	// policy.
	cover(v *verification) error

	// idPrefix begins the wsu:Id of a token that we write.
	idPrefix() string
	// appendToken writes the token that w includes.
	appendToken(dst []byte, w *writer, id string) []byte
	// reference writes a SecurityTokenReference to the token that w includes
	// under id, or, if id is "", to one that the peer has.
	reference(w *writer, id string) []byte
}

// tokenProfiles returns every type of token that has a key of its own. A
// DerivedKeyToken is none of them: it derives its key from one of these.
func tokenProfiles() [3]tokenProfile {
	return [...]tokenProfile{kerberosProfile{}, contextProfile{}, encryptedKeyProfile{}}
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

// profileOf returns the profile that the element n is a token of, or nil if the
// policy takes none like it.
func (v *verification) profileOf(n xmltext.Node) tokenProfile { return v.taken(profileOf(n)) }

// taken returns p if the policy takes its tokens: it asks for them, or they are
// such that no policy does. Else nil.
func (v *verification) taken(p tokenProfile) tokenProfile {
	if p == nil {
		return nil
	}
	types := p.policyTypes()
	if want := v.p.policy.ClientToken(); types[0] == "" || types[0] == want || types[1] == want {
		return p
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

// profileNamed returns the profile whose tokens have names like name, or nil if
// the policy takes none like them.
func (v *verification) profileNamed(name tokenName) tokenProfile { return v.taken(profileNamed(name)) }

// profileNamed returns the profile whose tokens have names like name, or nil.
func profileNamed(name tokenName) tokenProfile {
	for _, p := range tokenProfiles() {
		if p.names(name) {
			return p
		}
	}
	return nil
}

// policyTokens returns the tokens that a policy can require.
func policyTokens() []TokenType {
	var types []TokenType
	for _, p := range tokenProfiles() {
		for _, t := range p.policyTypes() {
			if t != "" {
				types = append(types, t)
			}
		}
	}
	return types
}

// A clientToken is the token that authenticates the client of a message.
type clientToken struct {
	CachedToken
	profile tokenProfile
	hash    TokenHash
	node    xmltext.Node // zero if the message only names it
	fresh   bool         // verified now, not remembered: its client is there
}

// TokenHash is the SHA-1 of a token's octets as received: what a KeyIdentifier
// of ValueType Kerberosv5APREQSHA1 holds (Kerberos Token Profile 1.1.1 §3.3).
// It names a token and is not relied on to authenticate anything.
type TokenHash [sha1.Size]byte

// HashToken returns the [TokenHash] of the decoded octets of a
// BinarySecurityToken.
func HashToken(token []byte) TokenHash { return hashName(token) }
