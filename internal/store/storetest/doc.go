// Package storetest has the behaviour that every store of package store's kind
// has to show, as tests: what is entered once, found until it expires, swapped
// and taken atomically, and never evicted while it is live.
//
//	storetest.Run(t, func(t *testing.T, l storetest.Limits) storetest.Store {
//		return store.NewMemory(store.MemoryConfig{MaxEntries: l.Entries, …})
//	})
package storetest
