package valkey_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/internal/store/storetest"
	"github.com/wssgate/wssgate/internal/store/valkey"
)

func TestEntries(t *testing.T) {
	t.Parallel()
	testEntries(t, redistest.Start(t).URL())
}

// testEntries runs the suite, each test with a prefix of its own.
func testEntries(t *testing.T, url string) {
	var made atomic.Int64
	storetest.Run(t, func(t *testing.T, l storetest.Limits) storetest.Store {
		s := open(t, url, valkey.Config{Prefix: fmt.Sprint("test", made.Add(1))})
		return s.Entries(valkey.Contexts, valkey.EntriesConfig{
			MaxEntries: l.Entries, MaxEntryBytes: l.EntryBytes, ClientEntries: l.ClientEntries, Time: l.Time,
		})
	})
}
