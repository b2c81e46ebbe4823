//go:build race

package wssec_test

// allocationFactor: the race detector rounds allocations up.
const allocationFactor = 6
