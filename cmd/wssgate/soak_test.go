package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/demo"
	"github.com/wssgate/wssgate/internal/loopback"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

var soakFor = flag.Duration("soak", 0, "let TestSoak run for so long")

// The gateway of TestSoak. The times are short, so that what is remembered of
// messages stops growing soon.
const soakConfig = `
listen: %s
tls-cert: tls.crt
tls-key: tls.key
state-dir: state
keytab: svc.keytab
exact-kvno: true
clock-skew: 5s
routes:
  - path: /quotes
    backend: %s
    policy:
      binding: symmetric
      protection-token: kerberos
      algorithm-suite: Basic128
      signed-parts: {body: true}
      encrypted-parts: {body: true}
      encrypt-signature: true
      derived-keys: required
      key-fit: whole
      token-once: true
      max-age: 10s
`

// TestSoak: the real program under load for as long as -soak says, while its
// keytab is replaced and SIGHUP comes again and again. Each honest request has
// the right answer, each wrong one the fault; memory and open files stay flat,
// and when the load has ended, files and goroutines are as many as in a gateway
// that has served one request.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("runs for as long as -soak says, as .ci/long has it")
	}
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	w := newSoakWorld(t)
	idle := w.serve(t)
	w.oneRequest(t, idle)
	w.backend.CloseClientConnections()
	time.Sleep(time.Second) // until what belongs to connections has ended
	idleFiles, idleRoutines := idle.settledFiles(w, 1<<20), idle.quit(t)

	g := w.serve(t)
	load := w.load(g)
	changes := w.changeKeys(t, g)
	samples := g.watch(t, *soakFor)
	load.end()
	w.oneRequest(t, g)
	files, routines := g.settledFiles(w, idleFiles), g.quit(t)

	early, late := median(samples[len(samples)/4:len(samples)*5/8]), median(samples[len(samples)*5/8:])
	t.Logf("soak: %v: %s; keys changed %d times; memory %d MiB, later %d MiB; open files %d, later %d, afterwards "+
		"%d (idle %d); goroutines afterwards %d (idle %d)",
		*soakFor, load, changes(), early.memory>>20, late.memory>>20, early.files, late.files, files, idleFiles, routines,
		idleRoutines)
	if late.memory > early.memory+early.memory/10+16<<20 {
		t.Errorf("memory grows: %d, then %d octets", early.memory, late.memory)
	}
	if late.files > early.files+early.files/2+16 || files > idleFiles+4 {
		t.Errorf("open files grow: %d, then %d, afterwards %d; idle %d", early.files, late.files, files, idleFiles)
	}
	if routines > idleRoutines+4 {
		t.Errorf("%d goroutines afterwards, %d idle:\n%s", routines, idleRoutines, strings.Join(g.dump, "\n"))
	}
	load.check(t, g)
}

// A soakWorld is what surrounds the gateway: KDC, backend, files.
type soakWorld struct {
	dir      string
	program  string
	kdc      *krbtest.KDC
	krb5Conf string
	backend  *httptest.Server
}

func newSoakWorld(t *testing.T) *soakWorld {
	t.Helper()
	w := &soakWorld{dir: t.TempDir(), kdc: krbtest.New(krbtest.Config{Realm: demo.Realm})}
	w.program = filepath.Join(w.dir, "wssgate")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", w.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	w.kdc.AddUser("alice", demo.Password)
	w.kdc.AddService(demo.Service)
	server, err := w.kdc.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	w.krb5Conf = server.Krb5Conf()
	w.backend = httptest.NewServer(&demo.Quotes{})
	t.Cleanup(w.backend.Close)
	if err := writeCertificate(w.dir); err != nil {
		t.Fatal(err)
	}
	return w
}

// changeKeys makes new keys at the KDC and renames a keytab with them into
// place, twenty times in all but not more often than every two seconds, and
// sends SIGHUP between. It returns how often it was done, and ends with the
// test.
func (w *soakWorld) changeKeys(t *testing.T, g *soakGateway) (count func() int) {
	t.Helper()
	stop, done, n := make(chan struct{}), make(chan struct{}), 0
	every := time.NewTicker(max(*soakFor/40, time.Second))
	go func() {
		defer close(done)
		for hangup := false; ; hangup = !hangup {
			select {
			case <-stop:
				return
			case <-every.C:
			}
			if hangup {
				_ = g.cmd.Process.Signal(syscall.SIGHUP)
				continue
			}
			w.kdc.AddService(demo.Service)
			if err := w.writeKeytab(g.dir); err != nil {
				t.Error(err)
			}
			n++
		}
	}()
	return sync.OnceValue(func() int { every.Stop(); close(stop); <-done; return n })
}

// writeKeytab renames a file with the present keys into place.
func (w *soakWorld) writeKeytab(dir string) error {
	octets, err := w.kdc.Keytab([]string{demo.Service}).AppendBinary(nil)
	if err != nil {
		return err
	}
	next := filepath.Join(dir, "next")
	if err := os.WriteFile(next, octets, 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(dir, "svc.keytab"))
}

// A soakGateway is the running program.
type soakGateway struct {
	dir, addr string
	cmd       *exec.Cmd
	read      sync.WaitGroup // of its log

	mu    sync.Mutex
	codes map[string]int // of the exchanges
	wrong []string       // other lines above INFO
	dump  []string       // what SIGQUIT printed
}

// serve starts the program in a directory of its own, and waits until it
// serves.
func (w *soakWorld) serve(t *testing.T) *soakGateway {
	t.Helper()
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	g := &soakGateway{dir: t.TempDir(), addr: addr, codes: make(map[string]int)}
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Link(filepath.Join(w.dir, name), filepath.Join(g.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(g.dir, "wssgate.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, soakConfig, addr, w.backend.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.writeKeytab(g.dir); err != nil {
		t.Fatal(err)
	}
	g.cmd = exec.Command(w.program, "serve", "--config", config)
	g.cmd.Dir = g.dir
	log, err := g.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.cmd.Process.Kill() })
	serving := make(chan struct{})
	g.read.Go(func() { g.readLog(log, serving) })
	select {
	case <-serving:
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not serve: %v", g.dump)
	}
	return g
}

// readLog counts what the program logs. A line that is not of the log is what
// SIGQUIT printed.
func (g *soakGateway) readLog(log io.Reader, serving chan<- struct{}) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var ev struct{ Level, Msg, Code string }
		err := json.Unmarshal(lines.Bytes(), &ev)
		g.mu.Lock()
		switch {
		case err != nil:
			g.dump = append(g.dump, lines.Text())
		case ev.Msg == "exchange":
			g.codes[ev.Code]++
		case ev.Level != "INFO" && len(g.wrong) < 100:
			g.wrong = append(g.wrong, lines.Text())
		}
		g.mu.Unlock()
		if ev.Msg == "serving" {
			close(serving)
		}
	}
}

// quit ends the program by SIGQUIT, and returns how many goroutines it had.
func (g *soakGateway) quit(t *testing.T) (goroutines int) {
	t.Helper()
	if err := g.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	g.read.Wait()
	_ = g.cmd.Wait()
	for _, line := range g.dump {
		if strings.HasPrefix(line, "goroutine ") {
			goroutines++
		}
	}
	if goroutines == 0 {
		t.Errorf("no goroutines in what it printed:\n%s", strings.Join(g.dump, "\n"))
	}
	return goroutines
}

// A soakSample is what the process holds at a time.
type soakSample struct {
	memory int // resident, octets
	files  int
}

func (g *soakGateway) sample() (s soakSample, err error) {
	proc := fmt.Sprintf("/proc/%d/", g.cmd.Process.Pid)
	statm, err := os.ReadFile(proc + "statm")
	if err != nil {
		return s, err
	}
	open, err := os.ReadDir(proc + "fd")
	if err != nil {
		return s, err
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	return soakSample{memory: pages * os.Getpagesize(), files: len(open)}, err
}

// watch takes samples for a time, some hundred or more.
func (g *soakGateway) watch(t *testing.T, long time.Duration) (all []soakSample) {
	t.Helper()
	every := time.NewTicker(min(long/100, time.Second))
	defer every.Stop()
	for end := time.Now().Add(long); time.Now().Before(end); <-every.C {
		s, err := g.sample()
		if err != nil {
			t.Fatalf("%v: has it ended? %v", err, g.dump)
		}
		all = append(all, s)
	}
	return all
}

// settledFiles closes the backend's connections, waits up to 20 seconds until
// no more files than idle are open, and returns how many are.
func (g *soakGateway) settledFiles(w *soakWorld, idle int) int {
	w.backend.CloseClientConnections()
	var s soakSample
	for range 200 {
		if s, _ = g.sample(); s.files <= idle {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return s.files
}

// median is that of memory and that of files.
func median(all []soakSample) (m soakSample) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b soakSample) int { return cmp.Compare(a.memory, b.memory) })
	m.memory = all[len(all)/2].memory
	slices.SortFunc(all, func(a, b soakSample) int { return cmp.Compare(a.files, b.files) })
	m.files = all[len(all)/2].files
	return m
}
