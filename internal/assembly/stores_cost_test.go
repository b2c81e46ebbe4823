package assembly

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/internal/store/valkey"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// storeCost has the tests measure what a store costs: how many exchanges of each
// kind.
var storeCost = flag.Int("store-cost", 0, "measure what a store costs, with so many exchanges of each kind")

// TestCostOfAStore measures exchanges with the memory of the process and with a
// store on the same machine. The figures are in docs/reliability.md.
func TestCostOfAStore(t *testing.T) {
	if *storeCost == 0 {
		t.Skip("a measurement: go test ./internal/assembly -run TestCostOfAStore -store-cost 5000 -v")
	}
	for _, url := range []string{config.StoreNone, redistest.Start(t).URL()} {
		w := newNodesWorld(t, "", "store-timeout: 10s\ntls-offloaded: true\nroutes:\n- {path: /k, policy: Kerberos}\n"+
			"- {path: /a, policy: SspiNegotiated}\n- {path: /t, policy: SspiNegotiatedOverTransport}\n"+
			"- {path: /h, standard: spnego-http}\n#", url)
		signed := w.context()
		overTLS, err := w.negotiated(func(m sentMessage) sentMessage { m.path = "/t"; return m })
		w.must(err)
		under := func(preset string, sc *wssec.SecurityContext, path string) func() *http.Request {
			p, _ := wssec.Preset(preset)
			return func() *http.Request {
				m, _ := w.under(p, wssec.OutgoingToken{Context: sc}, body(path, "urn:q:ask", payload))
				return soapRequest(path, "urn:q:ask", m.octets)
			}
		}
		for _, kind := range []struct {
			name    string
			request func() *http.Request
		}{
			{"ticket", func() *http.Request { return soapRequest("/k", "", w.message()) }},
			{"context, signed", under("SspiNegotiated", signed, "/a")},
			{"context, over TLS", under("SspiNegotiatedOverTransport", overTLS, "/t")},
			{"HTTP token", func() *http.Request {
				token, _, err := w.mechanism(gss.MechanismSPNEGO).Step(t.Context(), nil)
				w.must(err)
				r := httptest.NewRequest(http.MethodGet, "/h", nil)
				r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
				return r
			}},
		} {
			cost := measure(t, w.nodes[0], kind.request)
			t.Logf("%-32s %-18s %s", url, kind.name, cost)
		}
	}
}

func soapRequest(path, action string, octets []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(octets))
	r.Header.Set("Content-Type", soap.V11.ContentType())
	if action != "" {
		r.Header.Set("SOAPAction", `"`+action+`"`)
	}
	return r
}

// measure has four clients at a time, and returns CPU and times of an exchange.
func measure(t *testing.T, h http.Handler, request func() *http.Request) string {
	t.Helper()
	const clients = 4
	requests := make([]*http.Request, *storeCost)
	for i := range requests {
		requests[i] = request()
	}
	times := make([]time.Duration, len(requests))
	runtime.GC()
	before := cpuTime(t)
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := c; i < len(requests); i += clients {
				rec := httptest.NewRecorder()
				begun := time.Now()
				h.ServeHTTP(rec, requests[i])
				if times[i] = time.Since(begun); rec.Code != http.StatusOK {
					t.Errorf("HTTP %d", rec.Code)
				}
			}
		})
	}
	all.Wait()
	cpu := cpuTime(t) - before
	slices.Sort(times)
	return fmt.Sprintf("%4d us of CPU, median %v, p99 %v", cpu.Microseconds()/int64(len(requests)),
		times[len(times)/2].Round(time.Microsecond), times[len(times)*99/100].Round(time.Microsecond))
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// TestMemoryOfContextsInAStore measures what 100,000 security contexts take, on
// the server and in a node that has used all of them.
func TestMemoryOfContextsInAStore(t *testing.T) {
	if *storeCost == 0 {
		t.Skip("a measurement: go test ./internal/assembly -run TestMemoryOfContextsInAStore -store-cost 100000 -v")
	}
	server := redistest.Start(t)
	w := newNodesWorld(t, "SspiNegotiated", "max-contexts: 1000000\n", server.URL())
	node := w.stores[0].Any()
	contexts := wssec.NewSecurityContexts(wssec.ContextsConfig{Sealer: w.rings[0].state,
		Store: node.Entries(valkey.Contexts, valkey.EntriesConfig{MaxEntries: 1_000_000, ClientEntries: 1_000_000})})
	id := func(i int) string { return fmt.Sprintf("urn:uuid:00000000-0000-4000-8000-%012d", i) }
	used := func() int {
		n, err := strconv.Atoi(server.Info("used_memory"))
		w.must(err)
		return n
	}
	before := used()
	var all sync.WaitGroup
	for c := range 16 {
		all.Go(func() {
			for i := c; i < *storeCost; i += 16 {
				now := time.Now()
				err := contexts.Issue(t.Context(), wssec.SecurityContext{
					Identifier: id(i), Token: wssec.SpnegoContextToken, Namespace: wssec.NSWSC13,
					Name: fmt.Sprint("user", i%1000), Realm: realm, Service: service,
					Created: now, Expires: now.Add(time.Hour), Key: wssec.NewKey(make([]byte, 32)),
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	t.Logf("on the server: %d octets a context", (used()-before) / *storeCost)
	heap := heapNow()
	for i := range *storeCost {
		if _, err := contexts.Lookup(t.Context(), id(i), "", nil); err != nil {
			t.Fatal(err)
		}
	}
	held := node.Cached()
	t.Logf("in a node: %d octets a context on the heap, %d counted, %d held", (heapNow()-heap)/max(held.Entries, 1),
		held.Bytes/max(held.Entries, 1), held.Entries)
}

func heapNow() int {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int(s.HeapAlloc)
}
