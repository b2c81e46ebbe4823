package nodes

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Clients send large messages at the same time, more than there is memory for. A
// node with GOMEMLIMIT answers those that it has room for, the others with 503, and
// takes no more memory than docs/operations.md says, two octets for each of
// max-in-flight and 128 MiB; afterwards it answers as before.
func TestFaultsOfLargeMessages(t *testing.T) {
	t.Parallel()
	const inFlight = 80 << 20
	size, clients, rounds := 1<<20, 8, 2
	if *faults {
		size, clients, rounds = 14_900_000, 12, 4 // 20 MB when encrypted
	}
	w := newFaultWorld(t, fmt.Sprintf("max-message: 20MiB\nmax-in-flight: %d\nclient-share: 100\nunverified-share: 100\n",
		inFlight))
	w.env = []string{"GOMEMLIMIT=256MiB"}
	n := w.start()
	sum := newTally()
	var all sync.WaitGroup
	text := "<Note>" + strings.Repeat("content of a message ", size/21) + "</Note></Ask>"
	for i := range clients {
		from := &net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 2, 0, byte(1+i))}}
		transport := &http.Transport{DialContext: from.DialContext, DisableKeepAlives: true}
		k := &worker{load: &load{w: w}, name: fmt.Sprint("large", i), url: "http://" + n.addr(), tickets: w.tickets(),
			transport: transport}
		c := k.client("/kerberos", "Kerberos")
		all.Go(func() {
			for range rounds {
				id := w.backend.register(k.name)
				message := bytes.Replace(question(id), []byte("</Ask>"), []byte(text), 1)
				sum.add(k.ask(context.Background(), c, id, message))
				time.Sleep(rand.N(100 * time.Millisecond))
			}
		})
	}
	all.Wait()
	recovered := n.recovers(t)
	peak := n.peak(t)
	t.Logf("faults: | %d clients with %d messages of %d octets each, GOMEMLIMIT=256MiB | %v | peak %d MiB | %v |", clients,
		rounds, size*4/3, sum, peak>>20, recovered)
	if peak > 2*inFlight+128<<20 {
		t.Errorf("peak of %d MiB", peak>>20)
	}
	if sum.n["answered"] == 0 || sum.n["answered"]+sum.n[unprotected503] != clients*rounds {
		t.Errorf("%v", sum)
	}
	w.backend.check(t)
}
