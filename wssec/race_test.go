//go:build race

package wssec_test

// allocationFactor: the race detector rounds allocations up.
const allocationFactor = 6

// exchangeBytes: a sync.Pool drops a quarter of what it gets.
const exchangeBytes = 48 << 10
