package loopback

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Addresses that many ask for at once are different ones on which a server can
// listen, and none that the system would choose.
func TestFreeReturnsEachAddressOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			addr, err := Free()
			if err != nil {
				t.Error(err)
				return
			}
			l, err := net.ListenTCP("tcp", tcp(t, addr))
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			mu.Lock()
			defer mu.Unlock()
			if port := l.Addr().(*net.TCPAddr).Port; seen[addr] || port < lowest || port >= ephemeral() {
				t.Errorf("%s, returned before: %v", addr, seen[addr])
			}
			seen[addr] = true
		})
	}
	all.Wait()
}

func tcp(t *testing.T, addr string) *net.TCPAddr {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Error(err)
	}
	return a
}

// asker is the variable that makes the test binary another process, which tries
// to take a port of this one.
const asker = "WSSGATE_TEST_ASKER"

func TestMain(m *testing.M) {
	if addr := os.Getenv(asker); addr != "" {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil || !unused(addr) || take(a.Port) {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Another process does not get an address that was returned here, though nothing
// listens there.
func TestFreeKeepsAddressesFromOtherProcesses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("marks ports as only Linux can")
	}
	addr, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), asker+"="+addr)
	if out, err := other.CombinedOutput(); err != nil {
		t.Errorf("another process took %s: %v\n%s", addr, err, strings.TrimSpace(string(out)))
	}
}
