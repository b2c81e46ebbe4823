//go:build !race

package gateway_test

const (
	// maxBeyondMessage bounds the octets that the handler allocates for an exchange
	// beside the message's own work.
	maxBeyondMessage = 20 << 10
	// maxHeaderFactor bounds the memory of a header section, in its octets.
	maxHeaderFactor = 16
)
