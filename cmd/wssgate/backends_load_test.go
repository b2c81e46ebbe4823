package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/demo"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// recordNumbers is a program: numbers ADDRESS FILE. It is a backend that appends
// the number of each message to FILE before it answers.
func recordNumbers() {
	file, err := os.OpenFile(os.Args[2], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	server := &http.Server{Addr: os.Args[1], ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			number := "none"
			if m := numberOf.FindSubmatch(body); m != nil {
				number = string(m[1])
			}
			if _, err := file.WriteString(number + "\n"); err != nil {
				panic(err)
			}
			answerNumber(w, number)
		})}
	panic(server.ListenAndServe())
}

// A numbersProcess is a backend that can be killed.
type numbersProcess struct {
	addr, file string
	cmd        *exec.Cmd
}

func (p *numbersProcess) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command("numbers", p.addr, p.file)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := p.cmd
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			c.Close()
			return
		}
	}
	t.Fatal("the backend does not listen")
}

// kill ends the process as a crash does.
func (p *numbersProcess) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// TestBackendIsKilledUnderLoad: protected messages come as fast as clients can
// send them to a route with three backends, each a process; one is killed, and
// started again. Nothing is lost but what the killed one may have had, nothing
// arrives twice, and it comes back.
func TestBackendIsKilledUnderLoad(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows ends connections of a killed process in another way")
	}
	kdc := krbtest.New(krbtest.Config{Realm: demo.Realm})
	kdc.AddUser("alice", demo.Password)
	kdc.AddService(demo.Service)
	server, err := kdc.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	dir := t.TempDir()
	if err := writeKeytab(kdc, dir); err != nil {
		t.Fatal(err)
	}
	var backends []*numbersProcess
	var urls []string
	for i := range 3 {
		p := &numbersProcess{addr: nobody(t), file: filepath.Join(dir, fmt.Sprint("numbers", i))}
		p.start(t)
		backends, urls = append(backends, p), append(urls, "'http://"+p.addr+"/'")
	}
	gate := newBackendsWorld(t, dir, "keytab: DIR/svc.keytab\nbackend: ["+strings.Join(urls, ", ")+"]\n")
	w := &shutdownWorld{url: gate.url, got: map[string]int{}, failed: map[string]error{}}
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() { w.callWhile(t, ctx, server.Krb5Conf()) })
	}
	w.waitFor(t, 200)
	victim := backends[1]
	victim.kill()
	w.waitFor(t, 400)
	gate.log.wait(t, "backend out")
	victim.start(t)
	gate.log.wait(t, "backend back")
	w.waitFor(t, 200)
	stop()
	clients.Wait()
	arrived := map[string][]string{} // by number, at which backends
	for _, p := range backends {
		octets, err := os.ReadFile(p.file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(octets) {
			number := string(bytes.TrimSpace(line))
			arrived[number] = append(arrived[number], p.addr)
		}
	}
	for number, at := range arrived {
		if len(at) != 1 {
			t.Errorf("message %s came to %v", number, at)
		}
		if w.got[number] == 0 && at[0] != victim.addr {
			t.Errorf("message %s came to %v and was not answered: %v", number, at, w.failed[number])
		}
	}
	for number := range w.got {
		if len(arrived[number]) != 1 {
			t.Errorf("message %s is answered, and came to %v", number, arrived[number])
		}
	}
	lost := 0
	for _, event := range gate.exchanges(len(w.got) + len(w.failed)) {
		if event["code"] == "ok" {
			continue
		}
		if lost++; event["code"] != "backend-down" || event["backend"] != victim.addr {
			t.Errorf("event %v", event)
		}
	}
	if lost != len(w.failed) || gate.said("backend out") != 1 || gate.said("backend back") != 1 {
		t.Errorf("%d lost of %d failed; %d times out, %d times back", lost, len(w.failed), gate.said("backend out"),
			gate.said("backend back"))
	}
	t.Logf("%d messages answered, %d lost with the backend that was killed", len(w.got), lost)
}

// callWhile sends messages until ctx ends, whatever comes of them.
func (w *shutdownWorld) callWhile(t *testing.T, ctx context.Context, krb5Conf string) {
	client, err := demo.NewClient(krb5Conf, w.url)
	if err != nil {
		t.Error(err)
		return
	}
	transport := &http.Transport{}
	client.HTTP = &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	for ctx.Err() == nil {
		_ = w.callNext(client)
	}
}

// waitFor waits for so many further answers.
func (w *shutdownWorld) waitFor(t *testing.T, further int) {
	t.Helper()
	answered := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.got)
	}
	until := answered() + further
	for deadline := time.Now().Add(time.Minute); answered() < until; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d answers: %v", answered(), w.failed)
		}
	}
}

// A WebSocket, and a body that comes as a stream, reach a backend though nothing
// listens at the first one.
func TestStreamsReachOneOfSeveralBackends(t *testing.T) {
	kdc := krbtest.New(krbtest.Config{Realm: demo.Realm})
	kdc.AddService(demo.Service)
	dir := t.TempDir()
	if err := writeKeytab(kdc, dir); err != nil {
		t.Fatal(err)
	}
	backend := newNumbers(t, func(s *httptest.Server) {
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") == "" {
				_, _ = io.Copy(w, r.Body)
				return
			}
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.WriteHeader(http.StatusSwitchingProtocols)
			if c, brw, err := http.NewResponseController(w).Hijack(); err == nil {
				defer c.Close()
				line, _ := brw.ReadString('\n')
				_, _ = io.WriteString(c, line)
			}
		})
		s.Start()
	})
	w := newBackendsWorld(t, dir, fmt.Sprintf("standard: spnego-http\nkeytab: DIR/svc.keytab\n"+
		"backend: ['http://%s', '%s']\n", nobody(t), backend.URL))
	send := func(first, rest string) (net.Conn, *bufio.Reader, *http.Response) {
		token, _, err := kdc.Token("alice", demo.Service, krbtest.TokenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		address, _, _ := strings.Cut(strings.TrimPrefix(w.url, "http://"), "/")
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		if _, err = fmt.Fprintf(c, "%s /quotes HTTP/1.1\r\nHost: gateway\r\nAuthorization: Negotiate %s\r\n%s", first,
			base64.StdEncoding.EncodeToString(token), rest); err != nil {
			t.Fatal(err)
		}
		br := bufio.NewReader(c)
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c, br, resp
	}
	for range 2 { // each is the first in turn once
		_, _, resp := send("POST", "Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n")
		if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "firstsecond" {
			t.Errorf("%d %q, %v\n%v", resp.StatusCode, got, err, w.log.all())
		}
		c, br, resp := send("GET", "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.WriteString(c, "to and fro\n")
		if got, err := br.ReadString('\n'); got != "to and fro\n" {
			t.Errorf("%d %q, %v\n%v", resp.StatusCode, got, err, w.log.all())
		}
	}
}
