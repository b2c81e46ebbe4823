package gateway

import (
	"net/http"
	"time"

	"github.com/wssgate/wssgate/internal/buffer"
)

// What the tests of this package let through is right although every buffer is
// overwritten once it is given back.
func init() {
	buffer.Poison()
	largeMessage = 16 << 10 // lets go of many, and not of all
}

// AnswerAtOnce switches the release times off, for the program that attacks.
func (g *Gateway) AnswerAtOnce() { g.releases.off = true }

// UseGoTimers lets refusals wait by time.Sleep, which testing/synctest knows.
func (g *Gateway) UseGoTimers() { g.releases.sleep = time.Sleep }

// Held is the number of messages that are looked at or wait, and the most that
// may.
func (g *Gateway) Held() (held, max int) {
	g.releases.mu.Lock()
	defer g.releases.mu.Unlock()
	return g.releases.held, maxHeld
}

// InFlight is the number of octets that exchanges in progress hold.
func (g *Gateway) InFlight() int64 { return g.budget.inUse() }

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// DelayOf is the delay of a request of so many octets.
func (g *Gateway) DelayOf(size int) time.Duration { return g.releases.delayOf(size) }

// SleepExactly and Lead are how the releaser waits for the last of a wait.
var SleepExactly = sleepExactly

const Lead = lead

// HeaderSize is what a header section is charged.
func HeaderSize(r *http.Request) int64 { return headerSize(r) }

// LetGoFrom sets the size from which messages are let go, and returns the last.
func LetGoFrom(size int) (last int) {
	last, largeMessage = largeMessage, size
	return last
}

// IsFailure reports whether a refusal counts as a failed authentication, and
// NoFailures are those that do not.
var (
	IsFailure  = isFailure
	NoFailures = noFailures
)
