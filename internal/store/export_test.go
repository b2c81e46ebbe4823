package store

// Bytes returns what the entries count.
func (m *Memory) Bytes() int64 { return m.bytes }
