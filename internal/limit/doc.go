// Package limit holds what clients do to rates, in memory that is bounded
// however many clients there are.
//
// A [Table] has an allowance for each key, such as a client's address or name.
// A key pays for what it has done itself and for nothing else: no two keys share
// an allowance. When there is no room for one more key, another one of those that
// are nearest to their full allowance is forgotten, and begins anew. So whoever
// comes with very many keys loosens limits, and never takes anything from others.
// Which keys stand together depends on a random number, and cannot be foreseen.
//
// The algorithm is the generic cell rate algorithm: for each key the time is kept
// at which its allowance will be full again.
package limit
