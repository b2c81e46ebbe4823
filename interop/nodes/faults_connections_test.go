package nodes

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"
)

// crowdVariable holds, in the environment of a process of its own, what it does as a
// crowd of clients, as JSON.
const crowdVariable = "WSSGATE_TEST_CROWD"

// crowdOf returns the crowd of that variable.
func crowdOf(text string) (c crowd) {
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		panic(err)
	}
	return c
}

// A crowd is many connections to an address, from as many loopback addresses as
// they need. It says how many it has, waits until its standard input ends, and
// says what has become of them.
type crowd struct {
	Addr       string
	Idle, Slow int
	// PerAddress is how many come from one address.
	PerAddress int
}

// crowdSays is what a crowd says of its connections: first, and in the end.
type crowdSays struct {
	Answered int            // idle ones, whose first request was
	Refused  int            // that were closed at once
	Open     int            // in the end, idle ones
	Slow     map[string]int // what has become of slow ones
}

// run opens the idle connections, with one request each, and the slow ones, which
// send an octet every second.
func (c *crowd) run() {
	says := crowdSays{Slow: map[string]int{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	turns := make(chan struct{}, 64)
	idle := make([]net.Conn, c.Idle)
	for i := range c.Idle {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			conn, answered := c.ask(i)
			mu.Lock()
			defer mu.Unlock()
			if idle[i] = conn; answered {
				says.Answered++
			} else {
				says.Refused++
			}
		})
	}
	all.Wait()
	end := make(chan struct{})
	for i := range c.Slow {
		all.Go(func() {
			what := c.dawdle(i, end)
			mu.Lock()
			defer mu.Unlock()
			says.Slow[what]++
		})
	}
	out := json.NewEncoder(os.Stdout)
	mu.Lock()
	_ = out.Encode(says)
	mu.Unlock()
	_, _ = io.Copy(io.Discard, os.Stdin)
	close(end)
	all.Wait()
	for _, conn := range idle {
		if conn != nil && open(conn) {
			says.Open++
		}
	}
	_ = out.Encode(says)
}

// dial makes the i-th connection.
func (c *crowd) dial(i int) (net.Conn, error) {
	host := i / c.PerAddress
	from := &net.TCPAddr{IP: net.IPv4(127, 1, byte(host>>8), byte(1+host&0xff))}
	return (&net.Dialer{Timeout: patience, LocalAddr: from}).Dial("tcp", c.Addr)
}

// ask makes a connection and a request on it, and reports whether it was answered.
func (c *crowd) ask(i int) (net.Conn, bool) {
	conn, err := c.dial(i)
	if err != nil {
		return nil, false
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		conn.Close()
		return nil, false
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return conn, err == nil && !resp.Close
}

// open reports whether the other side has not ended a connection.
func open(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := conn.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// dawdle sends a request, half of them the header section and half the body, an
// octet every second, until it is answered or cut off, and returns which.
func (c *crowd) dawdle(i int, end <-chan struct{}) string {
	conn, err := c.dial(c.Idle + i)
	if err != nil {
		return "no connection"
	}
	defer conn.Close()
	text := "POST /kerberos HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 100000\r\n"
	if i%2 == 0 {
		text += "\r\n<s:Envelope"
	} else {
		text += "X-Slow: "
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return "closed"
	}
	answer := make(chan string, 1)
	go func() {
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Minute))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			answer <- "closed"
			return
		}
		answer <- resp.Status
	}()
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case what := <-answer:
			return what
		case <-end:
			return "goes on"
		case <-every.C:
			_, _ = io.WriteString(conn, "x")
		}
	}
}

// A crowdProcess is one in a process of its own.
type crowdProcess struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Closer
	out *json.Decoder
}

func startCrowd(t *testing.T, c crowd) (*crowdProcess, crowdSays) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	p := &crowdProcess{t: t, cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), crowdVariable+"="+string(text))
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p, p.says()
}

// says waits for what the crowd says next.
func (p *crowdProcess) says() (s crowdSays) {
	p.t.Helper()
	if err := p.out.Decode(&s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// end lets the crowd say what has become of it, and ends it.
func (p *crowdProcess) end() crowdSays {
	p.t.Helper()
	p.in.Close()
	says := p.says()
	_ = p.cmd.Wait()
	return says
}

// Thousands of connections that do nothing, and slow ones beside them, take little
// memory and leave other clients alone. Slow requests are cut off at their time,
// and all that such connections take is given back.
func TestFaultsOfIdleAndSlowConnections(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc, and has addresses of 127.0.0.0/8, as only Linux does")
	}
	crowd := crowd{Idle: 300, Slow: 30, PerAddress: 100}
	header, read := time.Second, 2*time.Second
	if *faults {
		crowd.Idle, crowd.Slow, crowd.PerAddress = 10_000, 1000, 250
		header, read = 10*time.Second, 20*time.Second
	}
	w := newFaultWorld(t, fmt.Sprintf("max-connections: 12000\nheader-timeout: %v\nread-timeout: %v\n", header, read))
	n := w.start()
	before := n.callers(t, 2, 25)
	idle := n.held(t)
	crowd.Addr = n.addr()
	p, first := startCrowd(t, crowd)
	begin := time.Now()
	during := n.callers(t, 2, 25)
	full := n.held(t)
	time.Sleep(time.Until(begin.Add(read + time.Second))) // until slow ones are over their time
	last := p.end()
	recovered := n.recovers(t)
	until(t, "no connections of the crowd", func() bool { return n.held(t).files <= idle.files+8 })
	after := n.held(t)
	each := (full.memory - idle.memory) / (crowd.Idle + crowd.Slow)
	t.Logf("faults: | %d idle and %d slow connections | alone: %v; beside them: %v | slow ones: %v; idle ones still "+
		"open: %d | memory %d MiB, with them %d MiB, %d KiB each; goroutines %d, %d, afterwards %d; descriptors %d, "+
		"%d, %d | %v |",
		crowd.Idle, crowd.Slow, before, during, last.Slow, last.Open, idle.memory>>20, full.memory>>20, each>>10,
		idle.goroutines, full.goroutines, after.goroutines, idle.files, full.files, after.files, recovered)
	if !before.only("answered") || !during.only("answered") {
		t.Errorf("other clients: %v, then %v", before, during)
	}
	if first.Answered != crowd.Idle || last.Open != crowd.Idle {
		t.Errorf("idle connections: %+v, then %+v", first, last)
	}
	if cut := last.Slow["408 Request Timeout"] + last.Slow["closed"]; cut != crowd.Slow {
		t.Errorf("slow connections: %v", last.Slow)
	}
	if each > 100<<10 || after.goroutines > idle.goroutines+8 {
		t.Errorf("%d octets for each, goroutines %d, afterwards %d", each, idle.goroutines, after.goroutines)
	}
	w.backend.check(t)
	n.check(t)
}

// held is what a node holds now.
func (n *node) held(t *testing.T) usage {
	t.Helper()
	u, err := n.use()
	if err != nil {
		t.Fatal(err)
	}
	return u
}
