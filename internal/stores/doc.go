// Package stores opens the stores that the routes of a configuration share with
// other nodes, and makes of them what packages assembly and wssec want.
//
//	term                             Go
//	stores of a configuration        Stores, Open
//	settings of one                  ConfigOf
//	tokens by hash (KTP 1.1.1 §3.3)  Tokens, a wssec.TokenCache
//	what holds with a configuration  Guarantees
//
// # Security considerations
//
// Security contexts, negotiations and HTTP sessions are sealed by the packages
// that enter them, for their kind, route and id; tokens are sealed here, in the
// same way. Keys are those of state-keys, which the server of a store never has.
package stores
