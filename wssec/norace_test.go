//go:build !race

package wssec_test

// allocationFactor bounds what is allocated for a large message, in its octets.
const allocationFactor = 4
