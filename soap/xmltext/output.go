package xmltext

import "io"

const (
	writeBuffer = 2 << 10 // octets collected before a Write
	writeDirect = 1 << 9  // octets from which the source is written directly
)

// output is the destination of a canonicalizer.
type output struct {
	buf []byte
	w   io.Writer // nil: collect everything in buf
	err error
}

// write writes b.
func (o *output) write(b []byte) {
	if o.w != nil && len(o.buf)+len(b) > cap(o.buf) {
		o.drain()
		if len(b) >= min(writeDirect, cap(o.buf)) {
			o.send(b)
			return
		}
	}
	o.buf = append(o.buf, b...)
}

func (o *output) writeString(s string) {
	o.room(len(s))
	o.buf = append(o.buf, s...)
}

// room sends what is collected if n more octets would not fit.
func (o *output) room(n int) {
	if o.w != nil && len(o.buf)+n > cap(o.buf) {
		o.drain()
	}
}

// drain sends what is collected.
func (o *output) drain() {
	if len(o.buf) > 0 {
		o.send(o.buf)
		o.buf = o.buf[:0]
	}
}

func (o *output) send(b []byte) {
	if o.err == nil {
		_, o.err = o.w.Write(b)
	}
}
