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

// What was changed counts when the replicas have it: a context that was cancelled, or
// a negotiation that went on, is not there again after a failover.
func TestEntriesWaitForReplicas(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t)
	between := redistest.StartProxy(t, primary.Addr)
	host, port, _ := net.SplitHostPort(between.Addr)
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	redistest.Until(t, "the replica is in step", func() bool {
		return replica.Info("master_link_status") == "up"
	})
	for name, change := range map[string]func(e *valkey.Entries) (bool, error){
		"add": func(e *valkey.Entries) (bool, error) {
			return e.Add(t.Context(), "b", []byte("1"), "alice", in(time.Minute))
		},
		"swap": func(e *valkey.Entries) (bool, error) {
			return e.Swap(t.Context(), "a", []byte("1"), []byte("2"), in(time.Minute))
		},
		"cancel": func(e *valkey.Entries) (bool, error) {
			return e.Swap(t.Context(), "a", []byte("1"), []byte("2"), in(0))
		},
		"take": func(e *valkey.Entries) (bool, error) {
			octets, err := e.Take(t.Context(), "a")
			return octets != nil, err
		},
	} {
		between.Silence(false)
		e := open(t, primary.URL(), valkey.Config{Replicas: 1, Timeout: 2 * time.Second, Prefix: name}).
			Entries(valkey.Contexts, valkey.EntriesConfig{})
		if added, err := e.Add(t.Context(), "a", []byte("1"), "alice", in(time.Minute)); !added || err != nil {
			t.Fatal(added, err)
		}
		between.Silence(true)
		if done, err := change(e); done || err == nil {
			t.Errorf("%s: %v, %v, and no replica has it", name, done, err)
		}
	}
}
