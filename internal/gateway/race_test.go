//go:build race

package gateway_test

// The race detector rounds allocations up, and pools lose what they keep.
const (
	maxBeyondMessage = 120 << 10
	maxHeaderFactor  = 18
)
