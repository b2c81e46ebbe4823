//go:build !amd64 || purego

package octets

// Fill does nothing and returns 0.
func (m *Masks) Fill(_ []byte) int { return 0 }

// Add does nothing and returns 0.
func (s *Survey) Add(_ []byte) int { return 0 }

// Plain looks at nothing and returns 0.
func Plain(_ []byte) int { return 0 }

const hasAVX2 = false
