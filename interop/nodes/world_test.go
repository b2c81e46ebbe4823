package nodes

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// Who is who.
const (
	realm    = "EXAMPLE.COM"
	service  = "soap/gw.example.com"
	website  = "HTTP/gw.example.com"
	password = "a password of alice"
)

// patience is for how long a test waits for what has to come.
const patience = 60 * time.Second

// A world is what surrounds the nodes: KDC, backend, files.
type world struct {
	t        *testing.T
	dir      string
	program  string
	settings string // of all nodes
	routes   string // of all nodes: the format of dir, host and backend
	env      []string
	krb5Conf string
	kdc      *krbtest.KDC
	backend  *recorder
	// inMemory are the kinds of clients whose state nodes have in their memory alone.
	inMemory map[string]bool
}

// newWorld makes one whose nodes have further settings.
func newWorld(t *testing.T, settings string) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("runs servers")
	}
	w := &world{t: t, dir: t.TempDir(), settings: settings, routes: routes, backend: startRecorder(t)}
	k := krbtest.New(krbtest.Config{Realm: realm})
	k.AddUser("alice", password)
	k.AddService(service)
	k.AddService(website)
	server, err := k.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	w.krb5Conf, w.kdc = server.Krb5Conf(), k
	for name, s := range map[string]string{"soap.keytab": service, "http.keytab": website} {
		octets, err := k.Keytab([]string{s}).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		w.write(name, octets)
	}
	w.write("state.keys", []byte(newKey()))
	if w.program, err = program(); err != nil {
		t.Fatal(err)
	}
	return w
}

// programs is the directory of the program under test.
var programs string

// program returns the path of wssgate, built once for all tests.
var program = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(programs, "wssgate")
	if out, err := exec.Command("go", "build", "-o", path, "../../cmd/wssgate").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// TestMain is the tests, or a crowd of clients in a process of its own.
func TestMain(m *testing.M) {
	if text := os.Getenv(crowdVariable); text != "" {
		c := crowdOf(text)
		c.run()
		return
	}
	os.Exit(inDirectory(m))
}

// inDirectory runs the tests with a directory for the program.
func inDirectory(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "nodes"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(programs)
	return m.Run()
}

// newKey is a line for state-keys.
func newKey() string {
	var octets [32]byte
	rand.Read(octets[:])
	return base64.StdEncoding.EncodeToString(octets[:]) + "\n"
}

// write renames a file into place.
func (w *world) write(name string, octets []byte) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path+".next", octets, 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(path+".next", path); err != nil {
		w.t.Fatal(err)
	}
}

// tickets returns a new client of the KDC, as alice.
func (w *world) tickets() *kdc.Client {
	w.t.Helper()
	c, err := w.login(0)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// login returns one whose tickets live for a time, 0 for as long as the KDC lets
// them.
func (w *world) login(life time.Duration) (*kdc.Client, error) {
	return kdc.NewClient(kdc.ClientConfig{Client: "alice", Password: password, Krb5Conf: w.krb5Conf, Lifetime: life})
}

// A route for each standard, and one whose contexts are in their tokens.
const routes = `
state-dir: %[1]s/state-%[2]s
state-keys: %[1]s/state.keys
listen: %[2]s:8080
admin: %[2]s:9180
clock-skew: 1m
refusal-delay: 20ms
shutdown-timeout: 10s
backend: %[3]s
keytab: %[1]s/soap.keytab
routes:
  - {path: /kerberos, policy: Kerberos}
  - {path: /negotiated, policy: SspiNegotiated}
  - {path: /conversation, policy: ws2007HttpBinding}
  - {path: /token, policy: ws2007HttpBinding, context-storage: token}
  - {path: /http, standard: spnego-http, keytab: %[1]s/http.keytab}
  - {path: /session, standard: spnego-http, keytab: %[1]s/http.keytab, session-lifetime: 1h}
`

// A node is one process.
type node struct {
	w      *world
	host   string
	config string

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}
	logs []string // lines above INFO
	code map[string]int
	// reloads counts files that were read again.
	reloads int
	// configured counts configurations that were applied.
	configured int
}

// start starts a node at an address of its own of the loopback network, which it
// keeps when it is started again.
func (w *world) start() *node {
	w.t.Helper()
	n := &node{w: w, host: ownHost(), code: map[string]int{}}
	n.config = filepath.Join(w.dir, n.host+".yaml")
	w.configure(n)
	n.run()
	w.t.Cleanup(func() { n.kill() })
	return n
}

// configure writes the configuration of a node.
func (w *world) configure(n *node) {
	w.t.Helper()
	w.write(filepath.Base(n.config), []byte(w.settings+fmt.Sprintf(w.routes, w.dir, n.host, w.backend.url)))
}

func (n *node) addr() string { return n.host + ":8080" }

// run starts the process, and waits until it is ready.
func (n *node) run() {
	n.w.t.Helper()
	cmd := exec.Command(n.w.program, "serve", "--config", n.config)
	cmd.Dir, cmd.Env = n.w.dir, append(os.Environ(), n.w.env...)
	log, err := cmd.StderrPipe()
	if err != nil {
		n.w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		n.w.t.Fatal(err)
	}
	done := make(chan struct{})
	n.mu.Lock()
	n.cmd, n.done = cmd, done
	n.mu.Unlock()
	go func() {
		n.read(log)
		_ = cmd.Wait()
		close(done)
	}()
	until(n.w.t, n.host+" is ready", func() bool {
		select {
		case <-done:
			n.w.t.Fatalf("%s has ended:\n%s", n.host, n.log())
		default:
		}
		return n.ready()
	})
}

// ready reports whether the node says so.
func (n *node) ready() bool { return readyAt(n.host) }

// readyAt reports whether the node of a host says that it is ready.
func readyAt(host string) bool {
	resp, err := http.Get("http://" + host + ":9180/readyz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// ownHost returns an address of the loopback network that nothing else uses.
func ownHost() string {
	var b [3]byte
	rand.Read(b[:])
	return fmt.Sprintf("127.%d.%d.%d", max(b[0], 1), b[1], max(b[2]&0xfe, 2))
}

// usual is how the warnings of the configurations here begin.
var usual = regexp.MustCompile("^(another route accepts the tokens of this one|" +
	"nothing protects the requests of this route|this route admits everybody|" +
	"a message for another route may be accepted here too|risk of replay|backend out)")

// read counts what the program logs.
func (n *node) read(log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var ev struct{ Level, Msg, Code string }
		err := json.Unmarshal(lines.Bytes(), &ev)
		n.mu.Lock()
		switch {
		case err == nil && ev.Msg == "exchange":
			n.code[ev.Code]++
		case err == nil && ev.Msg == "file reloaded":
			n.reloads++
		case err == nil && ev.Msg == "configuration reloaded":
			n.configured++
		case (err != nil || ev.Level != "INFO") && !usual.MatchString(ev.Msg) && len(n.logs) < 200:
			n.logs = append(n.logs, lines.Text())
		}
		n.mu.Unlock()
	}
}

func (n *node) log() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.logs, "\n")
}

// codes adds the codes of the node's exchanges to a sum.
func (n *node) codes(sum map[string]int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for code, count := range n.code {
		sum[code] += count
	}
}

// signal sends a signal and waits until the process has ended.
func (n *node) signal(s syscall.Signal) {
	n.mu.Lock()
	cmd, done := n.cmd, n.done
	n.mu.Unlock()
	_ = cmd.Process.Signal(s)
	<-done
}

// kill ends the process as the kernel does when memory runs out.
func (n *node) kill() { n.signal(syscall.SIGKILL) }

// stop ends it as a service manager does.
func (n *node) stop() { n.signal(syscall.SIGTERM) }

// until waits until f returns true.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// hosts returns the addresses of nodes.
func hosts(nodes []*node) (all []string) {
	for _, n := range nodes {
		all = append(all, n.addr())
	}
	return all
}

// read reads a file.
func (w *world) read(name string) []byte {
	w.t.Helper()
	octets, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return octets
}
