package kdcproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A cluster is three KDCs that can be killed.
type cluster struct {
	mu   sync.Mutex
	dead map[string]string // how a KDC died: "refuses", "silent", "closes"
}

func (c *cluster) kill(address, how string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead[address] = how
}

func (c *cluster) how(address string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead[address]
}

func (c *cluster) dial(_ context.Context, network, address string) (net.Conn, error) {
	how := c.how(address)
	if how == "refuses" {
		return nil, errors.New("connection refused")
	}
	here, there := net.Pipe()
	go func() {
		defer there.Close()
		there.Read(make([]byte, 1000))
		switch {
		case how == "silent":
			io.Copy(io.Discard, there)
		case how == "closes":
		case network == "tcp":
			time.Sleep(5 * time.Millisecond) // an ordinary answer
			there.Write(framed(asRep))
		default:
			time.Sleep(5 * time.Millisecond)
			there.Write(asRep)
		}
	}()
	return here, nil
}

// TestTwoOfThreeKDCsDieUnderLoad: any two, in any order and manner: no request
// fails, and each client waits less than a second more, once (P76, P77).
func TestTwoOfThreeKDCsDieUnderLoad(t *testing.T) {
	t.Parallel()
	all := []string{"kdc1:88", "kdc2:88", "kdc3:88"}
	for _, how := range []string{"refuses", "silent", "closes"} {
		for _, first := range all {
			for _, second := range all {
				if first == second {
					continue
				}
				t.Run(fmt.Sprintf("%s, %s %s", first, second, how), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { dieUnderLoad(t, how, first, second) })
				})
			}
		}
	}
}

func dieUnderLoad(t *testing.T, how, first, second string) {
	c := &cluster{dead: map[string]string{}}
	r, err := New(Config{Dial: c.dial, ClientRate: 1000, RealmRate: 100000,
		Realms: []Realm{{Name: "EXAMPLE.COM", KDCs: []string{"kdc1", "kdc2", "kdc3"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stop := time.Now().Add(4 * time.Second) // before the configured order is tried again
	var clients sync.WaitGroup
	for n := range 10 {
		clients.Go(func() { load(t, r, fmt.Sprintf("192.0.2.%d:1", n), stop) })
	}
	time.Sleep(time.Second)
	c.kill(first, how)
	time.Sleep(time.Second)
	c.kill(second, how)
	clients.Wait()
	time.Sleep(20 * time.Second) // what waits for the dead ends
}

// load sends requests of one client, one after the other, until a time.
func load(t *testing.T, r *Relay, from string, stop time.Time) {
	var extra time.Duration
	requests, slow := 0, 0
	for time.Now().Before(stop) {
		start := time.Now()
		w := post(r.Proxy(), proxyBody("", asReq("EXAMPLE.COM")), func(req *http.Request) { req.RemoteAddr = from })
		if requests++; w.Code != 200 {
			t.Errorf("%s: request %d is answered %d", from, requests, w.Code)
			return
		}
		if late := time.Since(start) - 5*time.Millisecond; late > 0 {
			extra += late
			slow++
		}
		time.Sleep(40 * time.Millisecond)
	}
	if extra >= time.Second || slow > 2 || requests < 40 {
		t.Errorf("%s: %d requests, of which %d were late, by %v together", from, requests, slow, extra)
	}
}
