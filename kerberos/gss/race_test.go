//go:build race

package gss_test

// maxAcceptAllocations: under the race detector a sync.Pool forgets at random
// what it was given.
const maxAcceptAllocations = 60
