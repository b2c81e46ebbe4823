package valkey_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/internal/store/valkey"
)

// slotOf returns the slot of a group of records.
func slotOf(t *testing.T, c *redistest.Cluster, group int) int {
	t.Helper()
	slot, err := strconv.Atoi(c.Nodes[0].Do("CLUSTER", "KEYSLOT", fmt.Sprintf("{wssgate:r%d}", group)))
	if err != nil {
		t.Fatal(err)
	}
	return slot
}

// groupOn returns the first of the groups, behind that of probes, whose slots are in a range, and belong to
// the first connection of the four to their node.
func groupOn(t *testing.T, c *redistest.Cluster, from, to int) int {
	t.Helper()
	for group := 1; group < 64; group++ {
		if slot := slotOf(t, c, group); slot >= from && slot <= to && slot%4 == 0 {
			return group
		}
	}
	t.Fatal("no group is there")
	return 0
}

func idOf(group int) [32]byte {
	id := newID()
	id[0] = byte(group)
	return id
}

// A replica of a cluster to which there is a connection already is promoted: that
// it may lack records is noticed, though no connection is made anew.
func TestClusterPromotesAConnectedReplica(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	replica := cluster.Replica(0)
	records := open(t, cluster.URL(), valkey.Config{}).Tickets(local())
	made, group := time.Now(), groupOn(t, cluster, 0, 5460)
	if added, err := records.Add(t.Context(), idOf(group), in(time.Minute)); !added || err != nil {
		t.Fatal(added, err)
	}
	if !accepts(t, records, made) {
		t.Fatal("refused before the failover")
	}
	replica.Do("CLUSTER", "FAILOVER", "TAKEOVER")
	redistest.Until(t, "the primary is none any more", func() bool { return cluster.Nodes[0].Info("role") == "slave" })
	redistest.Until(t, "it works again", func() bool {
		added, err := records.Add(t.Context(), idOf(group), in(time.Minute))
		return added && err == nil
	})
	if accepts(t, records, made) {
		t.Error("accepts what was made before the failover")
	}
}

// A record that the cluster sends on to another node is not taken for one that the
// replicas of the former node have.
func TestRecordsThatAClusterSendsOnWaitForReplicas(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	home := slotOf(t, cluster, 0) / 5461 // of what the server is looked at by
	cluster.Replica(home)
	records := open(t, cluster.URL(), valkey.Config{Replicas: 1}).Tickets(local())
	group := groupOn(t, cluster, home*5461, min(home*5461+5460, 16383))
	id := idOf(group)
	if added, err := records.Add(t.Context(), id, in(time.Minute)); !added || err != nil {
		t.Fatal(added, err)
	}
	from, to := cluster.Nodes[home], cluster.Nodes[(home+1)%3]
	slot := strconv.Itoa(slotOf(t, cluster, group))
	for _, name := range []string{"marker", "t" + string(id[:])} {
		from.Do("DEL", fmt.Sprintf("{wssgate:r%d}", group)+name)
	}
	for _, node := range []*redistest.Server{to, from} {
		node.Do("CLUSTER", "SETSLOT", slot, "NODE", to.Do("CLUSTER", "MYID"))
	}
	for range 20 {
		if added, err := records.Add(t.Context(), idOf(group), in(time.Minute)); added || err == nil {
			t.Fatal("a record counts that no replica has")
		}
	}
}
