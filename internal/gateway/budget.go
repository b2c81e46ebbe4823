package gateway

import "sync/atomic"

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

// close gives everything back.
func (l *lease) close() {
	l.budget.used.Add(-l.held)
	l.held = 0
}
