package gateway

import (
	"bytes"
	"sync/atomic"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// A budget is the number of octets that all exchanges in progress may hold
// together. Nobody waits for it: an exchange that needs more than is left is
// refused, which sheds load and cannot deadlock.
type budget struct {
	limit int64
	used  atomic.Int64
}

// open begins an exchange that holds nothing yet.
func (b *budget) open() *lease { return &lease{budget: b} }

// A lease is what one exchange holds. It belongs to one goroutine.
type lease struct {
	budget *budget
	held   int64
}

// take reserves n more octets, before they are allocated.
func (l *lease) take(n int64) error {
	if l.budget.used.Add(n) > l.budget.limit {
		l.budget.used.Add(-n)
		return &Error{Code: CodeOverloaded}
	}
	l.held += n
	return nil
}

// takeIndex reserves what a scan of src allocates, before the scan: dense markup
// has an index of many times its size, and nobody knows yet who sent it.
func (l *lease) takeIndex(src []byte) error { return l.take(indexBound(src)) }

// takeVerified reserves what a verified message holds while its backend thinks,
// beside what arrived: the plaintext, its index, and the octets to forward.
func (l *lease) takeVerified(forward []byte, plaintext int) error {
	n := int64(len(forward) + plaintext)
	if plaintext > 0 {
		n += indexBound(forward)
	}
	return l.take(n)
}

// What one element, one attribute and one namespace declaration that is like no
// other take at most in the index of package xmltext, with the spare room of a
// slice or map that grew. There are no more than maxNames of the last.
const (
	elementBytes   = 56
	attributeBytes = 40
	nameBytes      = 200
	maxNames       = 65_000
)

// indexBound is the most that a scan of src keeps beside src. An element is
// written with two '<', or with one and a "/>"; those that are open when a scan
// fails are no more than Depth. An attribute has its '='.
func indexBound(src []byte) int64 {
	elements, attributes := bytes.Count(src, []byte("<")), bytes.Count(src, []byte("="))
	names, transcoded := attributes, 0
	if bytes.HasPrefix(src, []byte("\xfe\xff")) || bytes.HasPrefix(src, []byte("\xff\xfe")) {
		transcoded = 2 * len(src) // from UTF-16, whose octets hold at least as many '<' and '='
	} else {
		// The scanner makes room for as many empty elements as the beginning promises.
		sample := src[:min(len(src), 2<<10)]
		promised := bytes.Count(sample, []byte("/>")) * len(src) / max(len(sample), 1)
		room := min(elements+promised, len(src)/8)
		elements = max((elements+bytes.Count(src, []byte("/>")))/2+xmltext.DefaultDepth, room/2)
		names = bytes.Count(src, []byte("xmlns"))
	}
	return int64(transcoded) + int64(min(elements, xmltext.DefaultElements))*elementBytes +
		int64(min(attributes, xmltext.DefaultAttributes))*attributeBytes + int64(min(names, maxNames))*nameBytes
}

// close gives everything back.
func (l *lease) close() {
	l.budget.used.Add(-l.held)
	l.held = 0
}
