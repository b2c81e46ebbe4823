// Package replay remembers what was accepted, so that it is accepted once: in
// memory, or in a journal on disk that outlives the process. It remembers ids
// of 32 octets until they expire, and which client they come from; what they
// identify is the caller's.
//
//	Specification                    Go
//	-------------------------------  ---------------
//	replay cache (RFC 4120 3.2.3)    Memory, Journal
//
// [Risk] describes what risk of replay a restart leaves.
//
// # Security considerations
//
// A [Store] that cannot promise to remember an id returns an error, and the
// caller must refuse what the id identifies. A store takes from one client
// three times as many ids as it has room left for others, so that no client
// fills it. After a restart a [Journal] knows what was accepted, and since when
// its memory is complete; a [Memory] knows nothing of the time before it was
// made.
package replay
