package wstrust

import (
	"encoding/hex"
	"fmt"
	"io"
)

// newToken fills key with random octets and makes a SecurityContextToken of a
// new context.
func newToken(random io.Reader, key []byte) (*SecurityContextToken, error) {
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, fmt.Errorf("random octets: %w", err)
	}
	identifier, err := newUUID(random)
	if err != nil {
		return nil, err
	}
	id, err := newUUID(random)
	if err != nil {
		return nil, err
	}
	return &SecurityContextToken{ContextReference: ContextReference{Identifier: "urn:uuid:" + identifier},
		ID: "uuid-" + id + "-1"}, nil
}

// newUUID makes a random UUID (RFC 9562 §5.4).
func newUUID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("random octets: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}
