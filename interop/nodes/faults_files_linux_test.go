package nodes

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wssgate/wssgate/soap"
)

// kept is a worker that keeps its connection.
func (n *node) kept(t *testing.T) (k *worker, call func() error) {
	t.Helper()
	transport := &http.Transport{MaxIdleConns: 1}
	t.Cleanup(transport.CloseIdleConnections)
	k = &worker{load: &load{w: n.w}, name: "kept", url: "http://" + n.addr(), tickets: n.w.tickets(), transport: transport}
	c := k.client("/kerberos", "Kerberos")
	return k, func() error { return k.call(c) }
}

// limitFiles has the process get no descriptor of a number from files on.
func (n *node) limitFiles(t *testing.T, files int) {
	t.Helper()
	var limit unix.Rlimit
	err := unix.Prlimit(n.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &limit)
	if err == nil {
		limit.Cur = uint64(files)
		err = unix.Prlimit(n.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// openFiles returns how many descriptors a node has.
func (n *node) openFiles(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", n.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// Without descriptors a node takes no further connections and says so; it serves
// those that it has; where it needs a connection to the backend it answers with a
// protected fault; it keeps its configuration, keys and audit log, and serves
// everybody again as soon as there are descriptors.
func TestFaultsWithoutDescriptors(t *testing.T) {
	t.Parallel()
	w := newFaultWorld(t, "header-timeout: 1m\n")
	n := w.start()
	_, call := n.kept(t)
	if err := call(); err != nil {
		t.Fatal(err)
	}
	limit := n.openFiles(t) + 6
	n.limitFiles(t, limit)
	var idle []net.Conn
	for range 40 {
		c, err := net.DialTimeout("tcp", n.addr(), patience) // the system takes them
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
	}
	n.logged(t, "connections cannot be taken")
	kept, without := newTally(), newTally()
	for range 20 {
		kept.add(call())
	}
	n.limitFiles(t, 3) // what was closed cannot be opened again
	w.backend.server.CloseClientConnections()
	until(t, "a call without a connection to the backend", func() bool { return call() != nil })
	for range 20 {
		without.add(call())
	}
	n.hangUp(t)
	n.logged(t, "configuration not reloaded")
	n.logged(t, "the audit log is not opened anew")
	stranger := http.Client{Timeout: time.Second, Transport: to}
	_, refused := stranger.Get("http://" + n.addr() + "/")
	lines := w.lines("disk/audit.log")
	n.limitFiles(t, limit)
	for _, c := range idle {
		c.Close()
	}
	recovered := n.recovers(t)
	t.Logf("faults: | no descriptors | who is connected: %v; while there is no connection to the backend: %v; others: %v "+
		"| %v |", kept, without, refused, recovered)
	if !kept.only("answered") || !without.only(protectedFault) || refused == nil {
		t.Errorf("connected: %v; without the backend: %v; others: %v", kept, without, refused)
	}
	if now := w.lines("disk/audit.log"); now <= lines {
		t.Errorf("%d lines in the audit log, later %d", lines, now)
	}
	w.backend.check(t)
}

// logged waits until the node has logged a line with a text, above INFO.
func (n *node) logged(t *testing.T, text string) {
	t.Helper()
	until(t, "a line with "+text, func() bool { return strings.Contains(n.log(), text) })
}

// lines returns how many lines a file has.
func (w *world) lines(name string) int { return bytes.Count(w.read(name), []byte("\n")) }

// onSmallDisk puts the state of the node on a disk of its own.
func (w *world) onSmallDisk() (dir string) {
	w.t.Helper()
	dir = filepath.Join(w.dir, "disk")
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k,mode=700"); err != nil {
		w.t.Skip("needs the right to mount (CAP_SYS_ADMIN): ", err)
	}
	w.t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill takes all the room on a disk, and returns the file that has it.
func fill(t *testing.T, dir string) (name string) {
	t.Helper()
	name = filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 512)); err != nil {
			return name
		}
	}
}

// With a full disk a node refuses what it cannot remember and says to its operator
// what it cannot write; it serves again as soon as there is room. Killed and started
// anew on the full disk it says why it does not serve, and what it had accepted is
// refused when it does.
func TestFaultsWithAFullDisk(t *testing.T) {
	t.Parallel()
	w := newFaultWorld(t, "")
	dir := w.onSmallDisk()
	n := w.start()
	k, call := n.kept(t)
	if err := call(); err != nil {
		t.Fatal(err)
	}
	accepted := *k.sent
	filler := fill(t, dir)
	full := newTally()
	for range 150 {
		full.add(call())
	}
	ready := n.readiness(t)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	recovered := n.recovers(t)
	until(t, "an audit log that can be written", func() bool { return n.ready() })

	filler = fill(t, dir)
	n.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	said, err := exec.CommandContext(ctx, w.program, "serve", "--config", n.config).CombinedOutput()
	_ = os.Remove(filler)
	n.run()
	status, err2 := k.again(accepted)
	t.Logf("faults: | full disk | %v | `/readyz`: %s | %v | %v: %s", full, ready, recovered, err, said)
	if n := full.n[unprotected503]; n == 0 || full.n["answered"]+n != 150 {
		t.Errorf("%v", full)
	}
	if !strings.Contains(ready, "the audit log cannot be written") {
		t.Errorf("ready: %s", ready)
	}
	if err == nil || !strings.Contains(string(said), "no space left on device; make room on its disk") {
		t.Errorf("started on the full disk: %v\n%s", err, said)
	}
	if err2 != nil || status != http.StatusInternalServerError {
		t.Errorf("a message from before, after a kill: HTTP %d %v", status, err2)
	}
	w.backend.check(t)
}

// again sends once more what was sent.
func (k *worker) again(w wire) (status int, err error) {
	status, _, err = k.post(w.path, soap.V11.ContentType(), w.octets)
	return status, err
}

// readiness returns what a node answers at /readyz.
func (n *node) readiness(t *testing.T) string {
	t.Helper()
	resp, err := http.Get("http://" + n.host + ":9180/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.Status + " " + strings.TrimSpace(string(text))
}

// A keytab that becomes garbage while it is in use changes nothing for clients:
// the last good keys stay, and the operator is told; a good one counts at once.
func TestFaultsOfTheKeytab(t *testing.T) {
	t.Parallel()
	w := newFaultWorld(t, "")
	n := w.start()
	good := w.read("soap.keytab")
	noise := make([]byte, 4096)
	rand.Read(noise)
	for i, garbage := range []struct {
		name   string
		octets []byte
	}{
		{"noise", noise}, {"half of it", good[:len(good)/2]}, {"empty", nil}, {"a text", []byte("no keytab\n")},
		{"noise behind its version", append([]byte{5, 2}, noise...)}, {"zeros", make([]byte, 1000)},
	} {
		if i > 0 && !*faults {
			break
		}
		name, octets := garbage.name, garbage.octets
		before := strings.Count(n.log(), "keys not reloaded")
		w.write("soap.keytab", octets)
		until(t, "a line about a keytab that is "+name, func() bool {
			return strings.Count(n.log(), "keys not reloaded") > before
		})
		failing := n.metric(t, "wssgate_key_file_failing")
		got := n.callers(t, 4, 5)
		w.write("soap.keytab", good)
		until(t, "a good keytab", func() bool { return n.metric(t, "wssgate_key_file_failing") == 0 })
		t.Logf("faults: | the keytab becomes %s | %v | `wssgate_key_file_failing` %v | %v |", name, got, failing,
			n.recovers(t))
		if !got.only("answered") || failing != 1 {
			t.Errorf("a keytab that is %s: %v, failing %v", name, got, failing)
		}
	}
	w.kdc.AddService(service)
	octets, err := w.kdc.Keytab([]string{service}).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.write("soap.keytab", octets)
	if got := n.callers(t, 4, 5); !got.only("answered") {
		t.Errorf("new keys after garbage: %v", got)
	}
	w.backend.check(t)
}

// metric returns the sum of a metric.
func (n *node) metric(t *testing.T, name string) float64 {
	t.Helper()
	resp, err := http.Get("http://" + n.host + ":9180/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return readMetrics(resp.Body)[name]
}

// peak returns the most memory that a node has ever had, in octets.
func (n *node) peak(t *testing.T) (octets int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(after, &octets); err != nil {
		t.Fatal(err)
	}
	return octets << 10
}
