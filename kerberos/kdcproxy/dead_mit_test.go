package kdcproxy_test

import (
	"flag"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

var deaths = flag.Bool("deaths", false, "TestTwoOfThreeMITKDCsDie demands that no client waits a second more")

// TestTwoOfThreeMITKDCsDie: of three KDCs of MIT any two die under load, killed or
// stopped, so that their sockets take what is sent: no request fails.
func TestTwoOfThreeMITKDCsDie(t *testing.T) {
	t.Parallel()
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	for name, how := range map[string]os.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		for _, die := range [][2]int{{0, 1}, {1, 2}, {2, 0}} {
			c := &mitCluster{t: t, how: how, answers: make(chan bool, 1<<20)}
			for range 3 {
				addr, process := m.StartReplica()
				c.addrs, c.processes = append(c.addrs, addr), append(c.processes, process)
			}
			c.underLoad(m.Realm, die)
			if slowest := time.Duration(c.slowest.Load()); *deaths {
				t.Logf("deaths: KDCs %d and %d %s: no request fails, the slowest takes %v", die[0]+1, die[1]+1, name,
					slowest.Round(time.Millisecond))
				if slowest > time.Second {
					t.Error("that is too slow")
				}
			}
			for _, p := range c.processes {
				p.Kill()
			}
		}
	}
}

// A mitCluster is KDCs of MIT, and what became of the requests to them.
type mitCluster struct {
	t         *testing.T
	how       os.Signal // how they die
	addrs     []string
	processes []*os.Process

	answers chan bool // false for a request that has failed
	slowest atomic.Int64
}

// underLoad lets two KDCs die while clients send requests.
func (c *mitCluster) underLoad(realm string, die [2]int) {
	r, err := kdcproxy.New(kdcproxy.Config{Realms: []kdcproxy.Realm{{Name: realm, KDCs: c.addrs}},
		Timeout: time.Minute, ClientRate: 1e6, RealmRate: 1e6})
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Close()
	s := httptest.NewServer(r.Proxy())
	defer s.Close()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 10 {
		clients.Go(func() { c.requests(s.URL, realm, stop) })
	}
	c.wait()
	for _, dies := range die {
		if err := c.processes[dies].Signal(c.how); err != nil {
			c.t.Error(err)
		}
		c.wait()
	}
	close(stop)
	clients.Wait()
}

// requests sends requests of one client, one after the other.
func (c *mitCluster) requests(url, realm string, stop <-chan struct{}) {
	client, err := kdcproxy.NewClient(kdcproxy.ClientConfig{URL: url, Timeout: time.Minute})
	if err != nil {
		c.t.Error(err)
		return
	}
	defer client.Close()
	alice := kerberos.Principal{Components: []string{"alice"}, Realm: realm}
	krbtgt := kerberos.Principal{Components: []string{"krbtgt", realm}, Realm: realm}
	for {
		select {
		case <-stop:
			return
		default:
		}
		start := time.Now()
		facts, err := kdc.Probe(c.t.Context(), client, alice, krbtgt)
		if c.answers <- err == nil && facts.Ticket != nil; err != nil || facts.Ticket == nil {
			c.t.Errorf("%+v, %v", facts.Error, err)
			return
		}
		took := int64(time.Since(start))
		for old := c.slowest.Load(); took > old && !c.slowest.CompareAndSwap(old, took); old = c.slowest.Load() {
		}
	}
}

// wait waits until many requests have been answered, or one has failed.
func (c *mitCluster) wait() {
	for range 200 {
		if ok := <-c.answers; !ok {
			return
		}
	}
}
