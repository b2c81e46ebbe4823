package xmltext

// Replacement returns the first element of the plaintext that was grafted in the
// place of n, or the zero Node if there is none.
func (n Node) Replacement() Node {
	if !n.Grafted() {
		return Node{}
	}
	return n.doc.grafts[n.index].Root()
}
