package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/demo"
	"github.com/wssgate/wssgate/internal/loopback"
	"github.com/wssgate/wssgate/soap"
)

// Several backends of a route, through the real program.

// A backendsWorld is a gateway as a process, with one route at /quotes.
type backendsWorld struct {
	*testing.T
	url string
	dir string
	cmd *exec.Cmd
	log *lineLog
}

// newBackendsWorld starts a gateway with these settings, in whose text DIR is
// the folder of the world.
func newBackendsWorld(t *testing.T, dir, settings string) *backendsWorld {
	t.Helper()
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	w := startGateway(t, dir, settings, "--listen", addr, "--path", "/quotes", "--state-dir", dir)
	w.url = "http://" + addr + "/quotes"
	return w
}

// startGateway starts one with settings, in whose text DIR is a folder, and flags.
func startGateway(t *testing.T, dir, settings string, flags ...string) *backendsWorld {
	t.Helper()
	w := &backendsWorld{T: t, dir: dir, log: &lineLog{}}
	file := filepath.Join(dir, "gate.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(settings, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.cmd = exec.Command("wssgate", append([]string{"serve", "--config", file}, flags...)...)
	w.cmd.Stderr = w.log
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
	})
	w.log.wait(t, "serving")
	return w
}

// send sends an unprotected message, and returns status and answer.
func (w *backendsWorld) send(number string) (status int, reply string) {
	w.Helper()
	body := strings.ReplaceAll(demo.Question, "ACME", number)
	r, err := http.NewRequestWithContext(w.Context(), http.MethodPost, w.url, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Content-Type", soap.V11.ContentType())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	octets, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return resp.StatusCode, string(octets)
}

// exchanges returns the events of exchanges, once there are n.
func (w *backendsWorld) exchanges(n int) (events []map[string]any) {
	w.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		events = nil
		for _, line := range w.log.all() {
			if line["msg"] == "exchange" {
				events = append(events, line)
			}
		}
		if len(events) >= n {
			return events
		}
	}
	w.Fatalf("%d events, want %d: %v", len(events), n, w.log.all())
	return nil
}

// said returns how many lines have a message.
func (w *backendsWorld) said(msg string) (n int) {
	for _, line := range w.log.all() {
		if line["msg"] == msg {
			n++
		}
	}
	return n
}

// A numbers is a backend that records the numbers of the messages that it gets.
type numbers struct {
	*httptest.Server
	mu  sync.Mutex
	got []string
}

func newNumbers(t *testing.T, start func(*httptest.Server)) *numbers {
	t.Helper()
	n := &numbers{}
	n.Server = httptest.NewUnstartedServer(n)
	n.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(n.Server)
	t.Cleanup(n.Close)
	return n
}

// ServeHTTP implements [http.Handler].
func (n *numbers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	number := "none"
	if m := numberOf.FindSubmatch(body); m != nil {
		number = string(m[1])
	}
	n.mu.Lock()
	n.got = append(n.got, number)
	n.mu.Unlock()
	answerNumber(w, number)
}

func answerNumber(w http.ResponseWriter, number string) {
	w.Header().Set("Content-Type", soap.V11.ContentType())
	fmt.Fprintf(w, `<e:Envelope xmlns:e="%s"><e:Body><q xmlns="urn:q">%s</q></e:Body></e:Envelope>`, soap.NS11, number)
}

func (n *numbers) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.got)
}

// listening calls serve with each connection to a new address.
func listening(t *testing.T, serve func(*net.TCPConn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			}()
		}
	}()
	return ln.Addr().String()
}

func nobody(t *testing.T) string {
	t.Helper()
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// Nothing listens at the first backend, the second one resets the connection at
// the first octet of the message: it has it, so the third one does not get it.
func TestMessageThatABackendHasIsNotSentToAnother(t *testing.T) {
	dead := nobody(t)
	cruel := listening(t, func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 1))
		_ = c.SetLinger(0)
	})
	third := newNumbers(t, (*httptest.Server).Start)
	w := newBackendsWorld(t, t.TempDir(),
		fmt.Sprintf("standard: none\nbackend: ['http://%s/', 'http://%s/', '%s/']\n", dead, cruel, third.URL))
	status, reply := w.send("1")
	event := w.exchanges(1)[0]
	if status != http.StatusInternalServerError || !strings.Contains(reply, "Fault") || len(third.all()) != 0 ||
		event["code"] != "backend-down" || event["backend"] != cruel || fmt.Sprint(event["backends_failed"]) != "["+dead+"]" {
		t.Errorf("%d %s; the third got %v; %v", status, reply, third.all(), event)
	}
	if text := fmt.Sprint(event["error"]); !strings.Contains(text, dead+": ") || !strings.Contains(text, cruel+": ") {
		t.Error(text)
	}
	if status, _ := w.send("2"); status != http.StatusOK || fmt.Sprint(third.all()) != "[2]" {
		t.Errorf("%d, %v", status, third.all())
	}
}

// The second backend dies while the first one is still being tried.
func TestBackendDiesBetweenTries(t *testing.T) {
	second, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := listening(t, func(c *net.TCPConn) { // no TLS comes about
		_ = second.Close()
		_, _ = io.Copy(io.Discard, c)
	})
	third := newNumbers(t, (*httptest.Server).Start)
	w := newBackendsWorld(t, t.TempDir(), fmt.Sprintf("standard: none\nbackend-connect-timeout: 3s\n"+
		"backend: ['https://%s/', 'http://%s/', '%s/']\n", silent, second.Addr(), third.URL))
	if status, reply := w.send("1"); status != http.StatusOK || fmt.Sprint(third.all()) != "[1]" {
		t.Errorf("%d %s, %v", status, reply, third.all())
	}
	event := w.exchanges(1)[0]
	if want := fmt.Sprintf("[%s %s]", silent, second.Addr()); fmt.Sprint(event["backends_failed"]) != want {
		t.Errorf("%v, want %s", event, want)
	}
}

// A backend that takes messages and says nothing is given up after three of
// them, each of which it got alone.
func TestSilentBackendGoesOut(t *testing.T) {
	var mu sync.Mutex
	taken := 0
	silent := listening(t, func(c *net.TCPConn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			mu.Lock()
			taken++
			mu.Unlock()
			_, _ = c.Read(make([]byte, 1))
		}
	})
	good := newNumbers(t, (*httptest.Server).Start)
	w := newBackendsWorld(t, t.TempDir(),
		fmt.Sprintf("standard: none\nbackend-timeout: 500ms\nbackend: ['http://%s/', '%s/']\n", silent, good.URL))
	answered := map[string]bool{}
	for i := 0; w.said("backend out") == 0 && i < 20; i++ {
		status, _ := w.send(fmt.Sprint(i))
		answered[fmt.Sprint(i)] = status == http.StatusOK
		w.exchanges(i + 1)
	}
	mu.Lock()
	defer mu.Unlock()
	if w.said("backend out") != 1 || taken > 3 {
		t.Errorf("%d taken by the silent one\n%v", taken, w.log.all())
	}
	atGood := map[string]int{}
	for _, number := range good.all() {
		if atGood[number]++; atGood[number] > 1 {
			t.Errorf("message %s came twice", number)
		}
	}
	for number, ok := range answered {
		if ok && atGood[number] == 0 {
			t.Errorf("message %s was answered by nobody", number)
		}
	}
	for _, event := range w.exchanges(1) {
		if event["backend"] == silent && event["code"] != "backend-timeout" {
			t.Errorf("%v", event)
		}
	}
}

// All of a list are reached: by IPv6, by a unix socket, by name.
func TestBackendsByIPv6AndUnixSocket(t *testing.T) {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here:", err)
	}
	dir := t.TempDir()
	socket, err := net.Listen("unix", filepath.Join(dir, "app.sock"))
	if err != nil {
		t.Skip("no unix sockets here:", err)
	}
	on := func(ln net.Listener) func(*httptest.Server) {
		return func(s *httptest.Server) {
			s.Listener.Close()
			s.Listener = ln
			s.Start()
		}
	}
	six, local, named := newNumbers(t, on(ln)), newNumbers(t, on(socket)), newNumbers(t, (*httptest.Server).Start)
	_, port, _ := net.SplitHostPort(named.Listener.Addr().String())
	w := newBackendsWorld(t, dir, fmt.Sprintf("standard: none\nbackend:\n  - http://%s/svc\n  - unix:DIR/app.sock:/svc\n"+
		"  - http://localhost:%s/svc\n", ln.Addr(), port))
	for i := range 6 {
		if status, reply := w.send(fmt.Sprint(i)); status != http.StatusOK {
			t.Fatalf("%d %s\n%v", status, reply, w.log.all())
		}
	}
	if got := fmt.Sprint(six.all(), local.all(), named.all()); got != "[0 3] [1 4] [2 5]" {
		t.Error(got)
	}
	if event := w.exchanges(6)[1]; event["backend"] != "unix:"+filepath.Join(dir, "app.sock") {
		t.Errorf("%v", event)
	}
}
