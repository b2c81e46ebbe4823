// Package replay remembers what was accepted, so that it is accepted once: in
// memory, or in a journal on disk that outlives the process. It knows
// identities of 32 octets with an end, and of whom they are; nothing of what
// they identify.
//
//	replay cache (RFC 4120 3.2.3)    Memory, Journal
//	what a restart leaves open       Risk
//
// # Security considerations
//
// A store that cannot promise to remember returns an error, and what was to be
// remembered must be refused. Of one client a store takes three times as many
// records as it has room left for others, so that none fills it for all. After
// a restart a Journal knows what was accepted and from when on its memory is
// complete; a Memory knows nothing of before it began.
package replay
