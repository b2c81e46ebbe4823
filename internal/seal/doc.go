// Package seal encrypts state that leaves the process: half-open negotiations
// that any node may continue, and whatever else is kept where others can read
// or change it.
//
//	keys, err := seal.Load("state.keys")
//	sealed, err := keys.Seal("negotiation /quotes", state)
//	state, err := keys.Open("negotiation /quotes", sealed)
//
// # Key file
//
// One key a line: 32 random octets in base64, as `openssl rand -base64 32`
// prints them. Empty lines and those that begin with # are left out. The first
// key seals; all open. To rotate, let all nodes have the new key as the second
// one, then as the first, and remove the old one when nothing that it has
// sealed is in use any more.
//
// # Form
//
// An octet 1, eight octets that name the key, 24 random octets, and AES-256-GCM
// ciphertext (NIST SP 800-38D) whose key is HKDF-SHA256 (RFC 5869) of the
// file's key, with the random octets as salt and the purpose as info. Each
// message thus has a key of its own, and the nonce is zero: there is no bound
// on the number of messages.
//
//	term                        Go
//	sealing key, key file       Keys, Load, Parse
//	keys that change            Ring
//	additional data, context    the purpose of Seal and Open
//
// # Security considerations
//
// What is sealed can be read and made by every process that has the keys, and
// can be presented again: whoever keeps state elsewhere sees to it that it is
// used once. The purpose must say everything that must not be exchanged: what
// kind of state it is, its version, the route that it is for.
package seal
