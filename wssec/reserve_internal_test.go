package wssec

import (
	"context"
	"errors"
	"testing"
)

// TestPlaintextReservationTakesAndSettles: what the scan takes beyond the room
// for its index is reserved anew, and what it leaves is released.
func TestPlaintextReservationTakesAndSettles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		takes []int
		held  int // in the end, of 100 for the plaintext and 50 for its index
	}{
		"nothing":                {nil, 100},
		"less":                   {[]int{20, -5}, 115},
		"all":                    {[]int{50}, 150},
		"more":                   {[]int{70, 30}, 200},
		"more, of which a part":  {[]int{70, -60}, 110},
		"more after giving back": {[]int{70, -60, 40}, 150},
	} {
		held := 0
		p := &Processor{cfg: Config{Reserve: func(_ context.Context, octets int) error {
			held += octets
			return nil
		}}}
		v := &verification{p: p, ctx: t.Context()}
		if err := p.reserve(v.ctx, 150, rootOf(t, `<a/>`)); err != nil {
			t.Fatal(err)
		}
		r := &plaintextReservation{v: v, held: 150, left: 50}
		for _, octets := range tt.takes {
			if err := r.take(octets); err != nil {
				t.Fatal(err)
			}
		}
		r.settle()
		if held != tt.held || v.reserved != tt.held {
			t.Errorf("%s: %d octets are held, %d are the verification's, want %d", name, held, v.reserved, tt.held)
		}
		if r.settle(); held != tt.held || v.reserved != tt.held {
			t.Errorf("%s: settled twice", name)
		}
	}
}

// TestPlaintextReservationKeepsTheRefusal: open returns another code for it than
// for a plaintext that is malformed.
func TestPlaintextReservationKeepsTheRefusal(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	p := &Processor{cfg: Config{Reserve: func(context.Context, int) error { return full }}}
	r := &plaintextReservation{v: &verification{p: p, ctx: t.Context()}, held: 10, left: 10}
	if err := r.take(10); err != nil {
		t.Errorf("room that is reserved is refused: %v", err)
	}
	var e *Error
	if err := r.take(1); !errors.Is(err, full) || !errors.Is(r.refused, full) || !errors.As(err, &e) ||
		e.Code != CodeNoMemory {
		t.Errorf("%v, %v", err, r.refused)
	}
}
