//go:build !race

package wssec_test

// allocationFactor bounds what is allocated for a large message, in its octets.
const allocationFactor = 4

// exchangeBytes bounds what is allocated for an exchange of 6 kB.
const exchangeBytes = 16 << 10
