package nodes

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/keytab"
)

var (
	soakFor = flag.Duration("soak", 0, "let TestSoak run for so long")
	soakCSV = flag.String("soak-csv", "", "the file that TestSoak writes its samples to")
)

// soakRoutes is one node with everything that keeps state, and TLS. LIFE and
// TICKETS stand for times.
const soakRoutes = `
state-dir: %[1]s/state-%[2]s
state-keys: %[1]s/state.keys
admin: %[2]s:9180
audit-log: %[1]s/audit.log
listeners:
  - {name: open, listen: "%[2]s:8080"}
  - {name: tls, listen: "%[2]s:8443", tls-cert: %[1]s/tls.crt, tls-key: %[1]s/tls.key}
clock-skew: 10s
max-message: 1MiB
shutdown-timeout: 10s
backend: %[3]s
routes:
  - {path: /kerberos, policy: Kerberos, keytab: %[1]s/soap.keytab}
  - {path: /negotiated, policy: SspiNegotiated, keytab: %[1]s/soap.keytab, context-lifetime: LIFE}
  - {path: /conversation, policy: ws2007HttpBinding, keytab: %[1]s/soap.keytab, context-lifetime: LIFE}
  - {path: /token, policy: ws2007HttpBinding, context-storage: token, keytab: %[1]s/soap.keytab, context-lifetime: LIFE}
  - {path: /http, standard: spnego-http, keytab: %[1]s/http.keytab}
  - {path: /session, standard: spnego-http, keytab: %[1]s/http.keytab, session-lifetime: LIFE}
  - {path: /plain, standard: none, backend: %[3]s/plain}
`

// TestSoak: the real program under a steady mixed load for as long as -soak says,
// while its configuration changes, its keys are replaced and its audit log is
// rotated. Each good request has its own answer and came to the backend once, each
// bad one was refused and did not come; memory, goroutines, descriptors and
// latency are flat, as flat says what that is; and when the load has ended,
// goroutines and descriptors are as many as before it.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("runs for as long as -soak says, as .ci/long has it")
	}
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip("reads /proc, which only Linux has: ", err)
	}
	w := newWorld(t, soakSettings(0))
	w.routes = strings.ReplaceAll(soakRoutes, "LIFE", soakLife().String())
	n := w.startTLS()
	l := newSoakLoad(t, w, n)
	l.warmUp(t)
	idle := l.settle(t, usage{}, 0)

	c := &changes{w: w, n: n}
	l.start()
	s := &samples{classes: l.classes}
	s.run(t, l, c)
	l.end()
	l.warmUp(t)
	after := l.settle(t, idle, 8)

	t.Logf("soak: %v: %s; %s; goroutines %d before, %d afterwards; descriptors %d, %d; codes %s",
		*soakFor, l, c, idle.goroutines, after.goroutines, idle.files, after.files, n.exchanges())
	s.check(t)
	if after.goroutines > idle.goroutines+8 || after.files > idle.files+8 {
		t.Errorf("goroutines %d before, %d afterwards; descriptors %d, %d", idle.goroutines, after.goroutines, idle.files,
			after.files)
	}
	l.check(t)
	c.check(t)
	n.check(t)
}

// soakLife is how long security contexts and sessions live, so that many end in
// the time.
func soakLife() time.Duration {
	return min(max(*soakFor/10, 15*time.Second), 5*time.Minute).Truncate(time.Second)
}

// soakSettings is the settings that change; each is another configuration than
// the one before.
func soakSettings(n int) string { return fmt.Sprintf("refusal-delay: %dms\n", 20+n%2) }

// changes are what an operator does meanwhile.
type changes struct {
	w *world
	n *node

	done, reloads, keys, rotations int
	entries                        map[string][]keytab.Entry // by file, oldest first
}

// next does the next change: mostly another configuration, each time with SIGHUP.
func (c *changes) next(t *testing.T) {
	t.Helper()
	c.done++
	before := c.n.countReloads()
	switch {
	case c.done%10 == 3:
		c.replaceKeys(t)
	case c.done%10 == 7:
		c.rotateAuditLog(t)
	default:
		c.w.settings = soakSettings(c.reloads + 1)
		c.w.configure(c.n)
		c.n.hangUp(t)
		until(t, "a reload", func() bool { return c.n.countReloads() > before })
		c.reloads++
	}
}

// replaceKeys makes new keys at the KDC, and adds them to the keytabs, which keep
// three versions.
func (c *changes) replaceKeys(t *testing.T) {
	t.Helper()
	if c.entries == nil {
		c.entries = map[string][]keytab.Entry{}
	}
	for name, s := range map[string]string{"soap.keytab": service, "http.keytab": website} {
		old := append(c.entries[name], c.w.kdc.Entries([]string{s})...)
		c.w.kdc.AddService(s)
		fresh := c.w.kdc.Entries([]string{s})
		all := append(old, fresh...)
		octets, err := keytab.New(all...).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.w.write(name, octets)
		c.entries[name] = all[max(0, len(all)-3*len(fresh)) : len(all)-len(fresh)]
	}
	c.n.hangUp(t)
	c.keys++
}

// rotateAuditLog does what logrotate does.
func (c *changes) rotateAuditLog(t *testing.T) {
	t.Helper()
	path := filepath.Join(c.w.dir, "audit.log")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	c.n.hangUp(t)
	until(t, "lines in the new audit log", func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 0
	})
	c.rotations++
}

func (c *changes) String() string {
	return fmt.Sprintf("%d reloads, %d times new keys, %d times another audit log", c.reloads, c.keys, c.rotations)
}

func (c *changes) check(t *testing.T) {
	t.Helper()
	if c.reloads == 0 || c.keys == 0 || c.rotations == 0 {
		t.Errorf("too little has changed: %v", c)
	}
}

// hangUp sends SIGHUP.
func (n *node) hangUp(t *testing.T) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// countReloads returns how often the node has applied another configuration.
func (n *node) countReloads() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.configured
}

// exchanges is the codes of the node's exchanges, with their numbers.
func (n *node) exchanges() string {
	codes := map[string]int{}
	n.codes(codes)
	return fmt.Sprint(codes)
}

// check reports what the node has logged that it should not have.
func (n *node) check(t *testing.T) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range n.logs {
		t.Error(line)
	}
}
