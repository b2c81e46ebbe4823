package etype

import (
	"testing"
	"time"
)

// TestAuthenticatorClockFollowsTheClock: times are the clock's, do not run
// ahead of one that was set back, and stay close to one that stands still.
func TestAuthenticatorClockFollowsTheClock(t *testing.T) {
	t.Parallel()
	var c AuthenticatorClock
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, step := range []struct {
		clock, want time.Duration
	}{
		{0, 0}, {0, time.Microsecond}, {time.Second, time.Second}, {0, time.Second + time.Microsecond},
		// as gss.TokenOptions.Time says: up to a minute behind the last
		{-58 * time.Second, time.Second + 2*time.Microsecond},
		{-time.Hour, -time.Hour}, {-time.Hour, -time.Hour + time.Microsecond}, {0, 0},
	} {
		if got := c.next(now.Add(step.clock)).Sub(now); got != step.want {
			t.Errorf("at %v: %v, want %v", step.clock, got, step.want)
		}
	}
}
