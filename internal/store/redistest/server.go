package redistest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is for how long a test waits for what has to come.
const patience = 30 * time.Second

// A Server is a server that a test has started. It ends with the test.
type Server struct {
	// Addr is host:port.
	Addr string
	// Dir is where it keeps files, dump.rdb and appendonlydir.
	Dir string

	t    testing.TB
	bin  string
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	out  *lockedBuffer
}

// lockedBuffer is what a program prints.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// need returns the path of a program, and skips the test without it.
func need(t testing.TB, program, debian string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed: apt-get install %s", program, debian)
	}
	t.Skipf("needs %s: apt-get install %s", program, debian)
	return ""
}

// ownAddress returns an address of 127.0.0.0/8 that nothing else uses.
func ownAddress(port int) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return net.JoinHostPort(fmt.Sprintf("127.%d.%d.%d", b[0], b[1], max(b[2], 1)&0xfe|1), strconv.Itoa(port))
}

// Start starts redis-server with further arguments, as on its command line. It
// keeps nothing on disk unless they say so.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return StartProgram(t, need(t, "redis-server", "redis-server"), args...)
}

// StartProgram is [Start] for a program that takes the arguments of redis-server.
func StartProgram(t testing.TB, program string, args ...string) *Server {
	t.Helper()
	return start(t, program, 6379, args...)
}

func start(t testing.TB, program string, port int, args ...string) *Server {
	t.Helper()
	s := &Server{Addr: ownAddress(port), Dir: shortDir(t), t: t, bin: program, out: &lockedBuffer{}}
	host, _, _ := net.SplitHostPort(s.Addr)
	s.args = append([]string{"--bind", host, "--bind-source-addr", host, "--replica-announce-ip", host,
		"--port", strconv.Itoa(port), "--dir", s.Dir, "--save", "",
		"--appendonly", "no", "--loglevel", "warning", "--protected-mode", "no", "--repl-diskless-sync-delay", "0"}, args...)
	s.run()
	t.Cleanup(s.Kill)
	return s
}

// shortDir returns a new directory that is removed after the test.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Run starts the server again, at the same address, and waits until it answers.
func (s *Server) Run() {
	s.t.Helper()
	s.run()
}

func (s *Server) run() {
	s.t.Helper()
	s.cmd = exec.Command(s.bin, s.args...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.Dir, s.out, s.out
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	s.done = done
	go func() {
		_ = s.cmd.Wait()
		close(done)
	}()
	s.until("answers", func() bool {
		select {
		case <-done:
			s.t.Fatalf("%s has ended: %s", filepath.Base(s.bin), s.out)
		default:
		}
		_, err := s.Try("PING")
		return err == nil || strings.Contains(err.Error(), "NOAUTH") || strings.Contains(err.Error(), "LOADING")
	})
}

// Kill ends the server at once, as kill -9, and waits until it has.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// until waits until f returns true.
func (s *Server) until(what string, f func() bool) {
	s.t.Helper()
	Until(s.t, s.Addr+" "+what, f)
}

// Until waits until f returns true, for half a minute.
func Until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// Do sends a command and returns the reply as text; arrays are in lines. An error
// ends the test.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	text, err := s.Try(args...)
	if err != nil {
		s.t.Fatalf("%q: %v", args, err)
	}
	return text
}

// Try is [Server.Do] for commands that may fail.
func (s *Server) Try(args ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.Addr, patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience)) // fails on a closed connection only
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return "", err
	}
	return readReply(bufio.NewReader(conn))
}

// readReply reads a reply of RESP2.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil || len(line) < 3 {
		return "", errors.Join(err, io.ErrUnexpectedEOF)
	}
	kind, text := line[0], strings.TrimRight(line[1:], "\r\n")
	n, _ := strconv.Atoi(text)
	switch kind {
	case '-':
		return "", errors.New(text)
	case '$':
		if n < 0 {
			return "", nil
		}
		b := make([]byte, n+2)
		_, err := io.ReadFull(r, b)
		return string(b[:n]), err
	case '*':
		var lines []string
		for range n {
			text, err := readReply(r)
			if err != nil {
				return "", err
			}
			lines = append(lines, text)
		}
		return strings.Join(lines, "\n"), nil
	}
	return text, nil
}

// Info returns a field of INFO.
func (s *Server) Info(field string) string {
	s.t.Helper()
	for line := range strings.Lines(s.Do("INFO", "everything")) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			return value
		}
	}
	return ""
}

// Calls returns how often a command was called, by INFO commandstats.
func (s *Server) Calls(command string) int {
	s.t.Helper()
	_, rest, _ := strings.Cut(s.Info("cmdstat_"+command), "calls=")
	text, _, _ := strings.Cut(rest, ",")
	n, _ := strconv.Atoi(text)
	return n
}

// Process returns the number of the server's process.
func (s *Server) Process() int { return s.cmd.Process.Pid }

// URL returns the address as wssgate has it.
func (s *Server) URL() string { return "redis://" + s.Addr }

// Memory returns what the server's process has in memory that it can write to.
func (s *Server) Memory() []byte {
	s.t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	defer mem.Close()
	var all []byte
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var rights string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); n != 3 || !strings.HasPrefix(rights, "rw") {
			continue
		}
		b := make([]byte, to-from)
		n, _ := mem.ReadAt(b, from) // some parts cannot be read
		all = append(all, b[:n]...)
	}
	return all
}
