package valkey_test

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/internal/store/valkey"
)

// A replica has a record, crashes, comes back from its last snapshot without it, and
// is promoted before it is in step again. That the primary has answered since then,
// without it, does not make its memory complete.
func TestReplicaThatRestartedIsPromoted(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t)
	between := redistest.StartProxy(t, primary.Addr)
	host, port, _ := net.SplitHostPort(between.Addr)
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	redistest.Until(t, "the replica is in step", func() bool {
		return replica.Info("master_link_status") == "up"
	})
	proxy := redistest.StartProxy(t, primary.Addr)
	s := open(t, proxy.URL(), valkey.Config{Replicas: 1, Timeout: 2 * time.Second})
	records, entries := s.Tickets(local()), s.Entries(valkey.Contexts, valkey.EntriesConfig{})
	redistest.Until(t, "the replica has the marker", func() bool {
		return replica.Do("EXISTS", "{wssgate:r}marker") == "1"
	})
	replica.Do("SAVE")
	made, id := time.Now(), newID()
	if added, err := records.Add(t.Context(), id, in(time.Hour)); !added || err != nil {
		t.Fatal(added, err)
	}
	between.Silence(true)
	replica.Kill()
	replica.Run()
	redistest.Until(t, "the replica has been up for a while, and the primary answers", func() bool {
		if _, err := entries.Get(t.Context(), "unknown"); err != nil {
			t.Fatal(err)
		}
		up, err := strconv.Atoi(replica.Info("uptime_in_seconds"))
		return err == nil && up >= 3
	})
	primary.Kill()
	replica.Do("REPLICAOF", "NO", "ONE")
	if replica.Do("EXISTS", "{wssgate:r}marker") != "1" || replica.Do("EXISTS", "{wssgate:r}t"+string(id[:])) != "0" {
		t.Fatal("the replica has not what the test is about")
	}
	proxy.To(replica.Addr)
	proxy.Cut()
	redistest.Until(t, "what was made before is refused", func() bool { return !accepts(t, records, made) })
}
