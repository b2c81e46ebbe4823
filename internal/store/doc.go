// Package store keeps state by id for a while: security contexts and half-open
// negotiations, as sealed octets that it does not look into.
//
// [Memory] satisfies the interfaces that packages wssec and wstrust declare
// (ContextStore); so will stores that several nodes share. Package storetest
// has the behaviour that all of them have to show.
//
//	term                        Go
//	entry                       octets under an id, good until a time
//	share of a client           MemoryConfig.ClientEntries
//	no room                     FullError, an error with Full() true
//
// # Security considerations
//
// A store that evicted what is live would let whoever can make entries end the
// sessions of others. So nothing that is live is ever evicted: a full store
// refuses what is new, and one client can hold no more than its share. Entries
// may be presented again by whoever can write to the store; they are sealed,
// and bound to their id, by those who enter them.
package store
