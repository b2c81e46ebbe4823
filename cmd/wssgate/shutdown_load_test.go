package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/demo"
	"github.com/wssgate/wssgate/internal/loopback"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
)

// TestShutdownUnderLoad: the real program is stopped while clients send as fast
// as they can, and exchanges wait for the backend. Whatever has reached the
// backend has done so once, and its client has the answer; whatever has not
// reached it has no answer.
func TestShutdownUnderLoad(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM")
	}
	t.Run("HTTP/1.1", func(t *testing.T) { stopUnderLoad(t, false, 0) })
	t.Run("HTTP/2", func(t *testing.T) { stopUnderLoad(t, true, 0) })
}

// TestReloadUnderLoad: the same, while the configuration changes again and again.
func TestReloadUnderLoad(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGHUP")
	}
	stopUnderLoad(t, false, 40)
}

func stopUnderLoad(t *testing.T, overTLS bool, reloads int) {
	w := newShutdownWorld(t, overTLS)
	var clients sync.WaitGroup
	for range 12 {
		clients.Go(func() { w.callUntilStopped(t) })
	}
	w.reload(t, reloads)
	select { // some hundred exchanges later all that come wait in the backend
	case <-w.busy:
	case <-time.After(time.Minute):
		w.mu.Lock()
		defer w.mu.Unlock()
		t.Fatalf("no load: %v\n%v", w.failed, w.log.all())
	}
	w.reload(t, reloads)     // that exchanges in progress do not see
	for range 20 * reloads { // a storm, in which SIGTERM comes
		_ = w.cmd.Process.Signal(syscall.SIGHUP)
	}
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	stopping := w.log.wait(t, "stopping")
	close(w.release)
	clients.Wait()
	if err := w.cmd.Wait(); err != nil {
		t.Errorf("%v: %v", err, w.log.all())
	}
	if n, _ := stopping["exchanges"].(float64); n < 1 {
		t.Errorf("no exchange was in progress: %v", stopping)
	}
	w.check(t)
}

// A shutdownWorld is a gateway as a process, its KDC, and a backend that counts.
type shutdownWorld struct {
	url      string
	krb5Conf string
	tls      bool
	config   string // its file
	cmd      *exec.Cmd
	log      *lineLog

	busy, release chan struct{}

	mu     sync.Mutex
	sent   int
	called map[string]int // by number of the message
	got    map[string]int // answers
	failed map[string]error
}

func newShutdownWorld(t *testing.T, overTLS bool) *shutdownWorld {
	t.Helper()
	w := &shutdownWorld{tls: overTLS, log: &lineLog{}, busy: make(chan struct{}), release: make(chan struct{}),
		called: map[string]int{}, got: map[string]int{}, failed: map[string]error{}}
	kdc := krbtest.New(krbtest.Config{Realm: demo.Realm})
	kdc.AddUser("alice", demo.Password)
	kdc.AddService(demo.Service)
	server, err := kdc.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	w.krb5Conf = server.Krb5Conf()
	backend := httptest.NewServer(http.HandlerFunc(w.serveBackend))
	t.Cleanup(backend.Close)
	dir := t.TempDir()
	if err := writeKeytab(kdc, dir); err != nil {
		t.Fatal(err)
	}
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	w.config = filepath.Join(dir, "wssgate.yaml")
	w.configure(t, 0)
	args := []string{"serve", "--config", w.config, "--listen", addr, "--backend", backend.URL, "--path", "/quotes",
		"--keytab", filepath.Join(dir, "svc.keytab"), "--state-dir", dir, "--shutdown-timeout", "2m", "--admin", "off"}
	w.url = "http://" + addr + "/quotes"
	if overTLS {
		if err := writeCertificate(dir); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"))
		w.url = "https://" + addr + "/quotes"
	}
	w.cmd = exec.Command("wssgate", args...)
	w.cmd.Stderr = w.log
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	w.log.wait(t, "serving")
	return w
}

// configure writes the n-th configuration, which differs from the one before.
func (w *shutdownWorld) configure(t *testing.T, n int) {
	t.Helper()
	next := w.config + ".next"
	if err := os.WriteFile(next, fmt.Appendf(nil, "clock-skew: %dm\n", 4+n%2), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, w.config); err != nil {
		t.Fatal(err)
	}
}

// reload changes the configuration some times, and waits each time until it counts.
func (w *shutdownWorld) reload(t *testing.T, times int) {
	t.Helper()
	for i := range times {
		before := w.log.count("configuration reloaded")
		w.configure(t, i+1)
		if err := w.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); w.log.count("configuration reloaded") == before; {
			if time.Now().After(deadline) {
				t.Fatalf("not reloaded: %v", w.log.all())
			}
			time.Sleep(time.Millisecond)
		}
	}
}

var numberOf = regexp.MustCompile(`Symbol>(\d+)<`)

// serveBackend answers with the number of the message.
func (w *shutdownWorld) serveBackend(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	number := "none"
	if m := numberOf.FindSubmatch(body); m != nil {
		number = string(m[1])
	}
	w.mu.Lock()
	w.called[number]++
	n := len(w.called)
	if n == 200 {
		close(w.busy)
	}
	w.mu.Unlock()
	if n >= 200 {
		<-w.release
	}
	rw.Header().Set("Content-Type", soap.V11.ContentType())
	fmt.Fprintf(rw, `<e:Envelope xmlns:e="%s"><e:Body><q xmlns="urn:q">%s</q></e:Body></e:Envelope>`, soap.NS11, number)
}

// callUntilStopped sends messages until one comes to nothing.
func (w *shutdownWorld) callUntilStopped(t *testing.T) {
	client, err := demo.NewClient(w.krb5Conf, w.url)
	if err != nil {
		t.Error(err)
		return
	}
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client.HTTP = &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	for err == nil {
		err = w.callNext(client)
	}
}

// callNext calls with a number that no other call has, and keeps what comes of it.
func (w *shutdownWorld) callNext(client *demo.Client) error {
	w.mu.Lock()
	w.sent++
	number := fmt.Sprint(w.sent)
	w.mu.Unlock()
	err := w.call(client, number)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.got[number]++
	} else {
		w.failed[number] = err
	}
	return err
}

// call sends a message, and verifies that the answer is its own.
func (w *shutdownWorld) call(client *demo.Client, number string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	wire, sent, err := client.Protect(ctx, strings.ReplaceAll(demo.Question, "ACME", number))
	if err != nil {
		return err
	}
	status, reply, err := client.Post(ctx, wire)
	if err != nil {
		return err
	}
	msg, err := client.Open(ctx, reply, sent)
	if err != nil {
		return fmt.Errorf("HTTP %d: %w", status, err)
	}
	if got := msg.Body().FirstChild().Text(); got != number {
		return fmt.Errorf("the answer to %s: %s", number, got)
	}
	return nil
}

// check compares what clients, backend and log have counted.
func (w *shutdownWorld) check(t *testing.T) {
	t.Helper()
	answered := 0
	for number, n := range w.called {
		if n != 1 {
			t.Errorf("message %s came to the backend %d times", number, n)
		}
		if answered += w.got[number]; w.got[number] != 1 {
			t.Errorf("message %s came to the backend and has %d answers: %v", number, w.got[number], w.failed[number])
		}
	}
	if len(w.got) != answered {
		t.Errorf("%d answers to %d messages that came to the backend", len(w.got), answered)
	}
	for number, err := range w.failed { // nothing but the end of the listener, and of what waited for it
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Logf("message %s was not read: %v", number, err)
		}
	}
	ok := 0
	for _, line := range w.log.all() {
		switch {
		case line["msg"] != "exchange":
		case line["code"] == "ok":
			ok++
		default:
			t.Errorf("event %v", line)
		}
	}
	t.Logf("%d messages, %d answered, %d events", w.sent, answered, ok)
	if ok != answered {
		t.Errorf("%d events of %d answers", ok, answered)
	}
}

// A lineLog keeps the lines of a program's log.
type lineLog struct {
	mu    sync.Mutex
	rest  []byte
	lines []map[string]any
}

func (l *lineLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		parsed := map[string]any{"text": string(line)}
		_ = json.Unmarshal(line, &parsed)
		l.lines, l.rest = append(l.lines, parsed), rest
	}
}

func (l *lineLog) all() []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]map[string]any(nil), l.lines...)
}

// count returns how many lines have a message.
func (l *lineLog) count(msg string) (n int) {
	for _, line := range l.all() {
		if line["msg"] == msg {
			n++
		}
	}
	return n
}

// wait waits for a line with a message.
func (l *lineLog) wait(t *testing.T, msg string) map[string]any {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		for _, line := range l.all() {
			if line["msg"] == msg {
				return line
			}
		}
	}
	t.Fatalf("%q is not said: %v", msg, l.all())
	return nil
}
