package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/loopback"
)

// need asks for programs that are not part of Go, as "program" or "program
// package". One that is missing skips the test or, in CI, fails it.
func need(t *testing.T, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("drives other programs; left out with -short")
	}
	for _, p := range programs {
		name, pkg, named := strings.Cut(p, " ")
		if !named {
			pkg = name
		}
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if _, err := os.Stat("/usr/sbin/" + name); err == nil {
			continue
		}
		missing(t, name, pkg)
	}
}

func missing(t *testing.T, what, pkg string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing, and in CI every peer has to be there: apt-get install %s", what, pkg)
	}
	t.Skipf("%s is missing: apt-get install %s", what, pkg)
}

// freeAddr returns a loopback address that nothing listens on now.
func freeAddr(t *testing.T) (addr, port string) {
	t.Helper()
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(addr)
	return addr, port
}

// output collects what a process prints; it may be read while the process runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// A process is a program that runs beside the tests.
type process struct {
	cmd   *exec.Cmd
	out   *output // what it has printed, unless cmd has a file of its own for it
	ended chan struct{}
	err   error // how it ended
}

// begin starts cmd, and waits until ready says so.
func begin(cmd *exec.Cmd, ready func(*output) bool) (*process, error) {
	p := &process{cmd: cmd, out: new(output), ended: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stdout, cmd.Stderr = p.out, p.out
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.err = cmd.Wait(); close(p.ended) }()
	for deadline := time.Now().Add(5 * time.Minute); !ready(p.out); {
		select {
		case <-p.ended:
			return nil, fmt.Errorf("%s ended: %w\n%s", cmd.Args, p.err, p.out)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("%s does not get ready", cmd.Args), p.stop())
		}
	}
	return p, nil
}

// stop ends the process with SIGTERM.
func (p *process) stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return nil
	case <-time.After(time.Minute):
		p.cmd.Process.Kill()
		return fmt.Errorf("%s does not stop", p.cmd.Args)
	}
}

// show logs what the process prints from now on if the test fails.
func (p *process) show(t *testing.T) {
	from := len(p.out.String())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s printed:\n%s", p.cmd.Args, p.out.String()[from:])
		}
	})
}

// daemon starts cmd, waits until ready says so, and stops it with SIGTERM when
// the test ends. What it printed is shown if the test failed, unless cmd has a
// file of its own for it.
func daemon(t *testing.T, cmd *exec.Cmd, ready func(*output) bool) *output {
	t.Helper()
	p, err := begin(cmd, ready)
	if err != nil {
		t.Fatal(err)
	}
	p.show(t)
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	return p.out
}

// keptDaemon is daemon for what the tests share.
func keptDaemon(cmd *exec.Cmd, ready func(*output) bool) (*process, error) {
	p, err := begin(cmd, ready)
	if err == nil {
		keep(func() { _ = p.stop() })
	}
	return p, err
}

// listening is a ready function: something answers on addr.
func listening(addr string) func(*output) bool {
	return func(*output) bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
}

// serving is a ready function of `wssgate serve`, which listens before it knows from when on it can tell replays.
func serving(o *output) bool { return strings.Contains(o.String(), `"msg":"serving"`) }

// saidReady is a ready function: a line "ready" was printed.
func saidReady(o *output) bool {
	return slices.Contains(strings.Split(o.String(), "\n"), "ready")
}

// runs runs a command to its end, within ten minutes, and returns all that it
// printed.
func runs(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 5 * time.Second
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// mustRun is runs for commands that have to succeed.
func mustRun(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	out, err := runs(t, env, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}
