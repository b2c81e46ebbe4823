package gateway

import (
	"io"
	"slices"
	"strings"
	"testing"
)

// readSizes is a body of which each read returns so many octets at most. It
// records for how many there was room.
type readSizes struct {
	io.Reader
	most  int
	sizes []int
}

func (r *readSizes) Read(p []byte) (int, error) {
	r.sizes = append(r.sizes, len(p))
	return r.Reader.Read(p[:min(len(p), r.most)])
}

// Once half of the first buffer has come, a body of known length gets room for
// all of it: net/http then reads it at once. Before that its length reserves
// nothing.
func TestBodyOfKnownLengthGetsRoomForAllOfIt(t *testing.T) {
	for _, tt := range []struct {
		size, most int
		length     int64
		room       []int
		mayReserve int64
	}{
		{10_000, 3_000, 10_000, []int{4096, 16384 - 3000}, 16384},
		{10_000, 1_000, 10_000, []int{4096, 3096, 2096, 16384 - 3000}, 16384},
		{10_000, 3_000, -1, []int{4096, 1096, 8192 - 4096}, 16384},
		{1_000, 1_000, 1_000, []int{4096, 3096}, 0},
		{3_000, 2_500, 3_000, []int{4096, 1596, 1096}, 0},
	} {
		body := &readSizes{Reader: strings.NewReader(strings.Repeat("a", tt.size)), most: tt.most}
		reserved := int64(0)
		r := bodyReader{body: body, limit: 1 << 20, lease: &lease{},
			room: func(n int64) error { reserved += n; return nil }}
		got, err := r.read(tt.length)
		if err != nil || len(got.Octets) != tt.size || reserved != tt.mayReserve ||
			!slices.Equal(body.sizes[:len(tt.room)], tt.room) {
			t.Errorf("%d octets, length %d: %v, reads %v, reserved %d", tt.size, tt.length, err, body.sizes, reserved)
		}
	}
}
