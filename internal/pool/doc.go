// Package pool keeps memory for a later use of about the same size.
//
// A [Pool] has a class for each of the sizes that [Size] returns: eight for each
// power of two, so that a use gets at most an eighth more than it asks for. What
// nobody takes is left to the collector by [sync.Pool], within two of its cycles;
// what is larger than [Largest] is not kept. So what is kept is bounded by what
// was in use at once a moment before.
package pool
