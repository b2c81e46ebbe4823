package request

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/wssgate/wssgate/client"
)

// A Tracer writes each message as it is in clear and on the wire. It is safe
// for concurrent use.
type Tracer struct {
	W io.Writer

	mu sync.Mutex
}

// Trace is for client.Config.
func (t *Tracer) Trace(m client.Traced) {
	t.mu.Lock()
	defer t.mu.Unlock()
	unprotected := bytes.Equal(m.Plain, m.Wire)
	switch {
	case m.Sent && !unprotected:
		t.message("> "+m.Kind+" in clear", m.Plain)
		fallthrough
	case m.Sent:
		t.message("> "+m.Kind+" on the wire", m.Wire)
		return
	}
	t.message(fmt.Sprintf("< %s on the wire, HTTP status %d", m.Kind, m.Status), m.Wire)
	if m.Plain != nil && !unprotected {
		t.message("< "+m.Kind+" verified, in clear", m.Plain)
	}
}

func (t *Tracer) message(title string, octets []byte) {
	fmt.Fprintf(t.W, "%s (%d octets)\n", title, len(octets))
	if len(octets) > 0 {
		fmt.Fprintf(t.W, "%s\n", octets)
	}
	fmt.Fprintln(t.W)
}
