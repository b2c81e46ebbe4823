package client

import (
	"context"
	"io"
)

// requestRoom is how many octets a message takes for each of its own: a copy with
// WS-Addressing, its index, and what is sent, in base64.
const requestRoom = 4

// A room is the memory that a call has reserved ([Config].Reserve). A nil room
// reserves nothing.
type room struct {
	ctx     context.Context
	reserve func(context.Context, int) error
	held    int
}

type roomKey struct{}

// with returns a context in which a Processor reserves in r.
func (r *room) with(ctx context.Context) context.Context { return context.WithValue(ctx, roomKey{}, r) }

// reserveIn is [wssec.Config].Reserve of a Client: what it reserves is given back
// at the end of the call.
func reserveIn(ctx context.Context, octets int) error {
	r, _ := ctx.Value(roomKey{}).(*room)
	return r.take(octets)
}

// take reserves octets, or gives back a negative number of them.
func (r *room) take(octets int) error {
	if r == nil || r.reserve == nil {
		return nil
	}
	if err := r.reserve(r.ctx, octets); err != nil {
		return err
	}
	r.held += octets
	return nil
}

// leave releases all that is reserved.
func (r *room) leave() {
	if r.held > 0 {
		_ = r.reserve(r.ctx, -r.held) // takes nothing, so it cannot fail
	}
	r.held = 0
}

// firstRead is the least that is read at once, and the most that is allocated
// because the answer says that it is so long.
const firstRead, longestClaim = 4 << 10, 1 << 20

// readAll reads a body of length octets, -1 if that is not known. It reserves
// what it allocates.
func (r *room) readAll(body io.Reader, length int64) ([]byte, error) {
	size := max(firstRead, int(min(length+1, longestClaim)))
	var b []byte
	for {
		if len(b) == cap(b) {
			if err := r.take(size); err != nil {
				return nil, err
			}
			b = append(make([]byte, 0, len(b)+size), b...)
			size = len(b) + size
		}
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		}
	}
}
