package request

import (
	"fmt"
	"io"
	"os"
	"time"
)

// A Progress is the line with the state of a Load: on a terminal always the
// same line, else one after the other.
type Progress struct {
	W     io.Writer
	Calls int // in all

	shown bool
}

// Show is for Load.Progress.
func (p *Progress) Show(done, failed int, passed time.Duration) {
	line := fmt.Sprintf("%6.0fs  %d of %d calls, %d failed", passed.Seconds(), done, p.Calls, failed)
	if IsTerminal(p.W) {
		p.shown = true
		fmt.Fprint(p.W, "\r"+line)
		return
	}
	fmt.Fprintln(p.W, line)
}

// End leaves the line.
func (p *Progress) End() {
	if p.shown {
		fmt.Fprintln(p.W)
	}
}

// IsTerminal reports whether a reader or writer is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
