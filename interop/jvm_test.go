package interop

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// clientsAtOnce is how many clients one JVM runs at a time.
const clientsAtOnce = 3

// A jvm runs the lab's clients (cxf/java/lab/Calls.java).
type jvm struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	said *output // what belongs to no client

	mu      sync.Mutex
	last    int                    // number of a client
	waiting map[int]chan<- outcome // those that run; nil when the process has ended
}

// An outcome is what a client has printed, and how it has ended.
type outcome struct {
	printed string
	err     error
}

// run runs a client of the lab, in the JVM of its KDC, and returns what it has
// printed.
func (c *cxf) run(t *testing.T, class string, args ...string) (string, error) {
	t.Helper()
	calls := &c.kdc.calls
	calls.Do(func() { calls.jvm, calls.err = c.startJVM() })
	if calls.err != nil {
		t.Fatal(calls.err)
	}
	select {
	case o := <-calls.begin(class, args):
		return o.printed, o.err
	case <-time.After(10 * time.Minute):
		t.Fatalf("%s %s does not end\n%s", class, args, calls.said)
		return "", nil
	}
}

func (c *cxf) startJVM() (*jvm, error) {
	j := &jvm{said: new(output), waiting: map[int]chan<- outcome{}}
	j.cmd = exec.Command("bash", c.java("Calls", "-threads", strconv.Itoa(clientsAtOnce))...)
	j.cmd.Env, j.cmd.Stderr = append(os.Environ(), c.env()...), j.said
	in, err := j.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := j.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := j.cmd.Start(); err != nil {
		return nil, err
	}
	j.in = in
	ended := make(chan struct{})
	go func() { j.read(out); close(ended) }()
	keep(func() { in.Close(); <-ended })
	return j, nil
}

// begin starts a client.
func (j *jvm) begin(class string, args []string) <-chan outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	ended := make(chan outcome, 1)
	if j.waiting == nil {
		ended <- outcome{err: fmt.Errorf("the JVM has ended\n%s", j.said)}
		return ended
	}
	j.last++
	j.waiting[j.last] = ended
	line := strings.Join(append([]string{strconv.Itoa(j.last), class}, args...), "\t")
	if _, err := io.WriteString(j.in, line+"\n"); err != nil {
		delete(j.waiting, j.last)
		ended <- outcome{err: err}
	}
	return ended
}

// read passes outcomes on until the process has ended.
func (j *jvm) read(out io.Reader) {
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		number, o := parseOutcome(line)
		j.mu.Lock()
		if ended := j.waiting[number]; ended != nil {
			ended <- o
		}
		delete(j.waiting, number)
		j.mu.Unlock()
	}
	err := j.cmd.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, ended := range j.waiting {
		ended <- outcome{err: fmt.Errorf("the JVM has ended: %v\n%s", err, j.said)}
	}
	j.waiting = nil
}

// parseOutcome reads a line of Calls: number, status, and in base64 what was
// printed.
func parseOutcome(line string) (number int, o outcome) {
	fields := strings.Split(strings.TrimSpace(line), "\t")
	if len(fields) != 3 {
		return 0, outcome{}
	}
	number, _ = strconv.Atoi(fields[0])
	printed, err := base64.StdEncoding.DecodeString(fields[2])
	if o.printed, o.err = string(printed), err; err == nil && fields[1] != "0" {
		o.err = fmt.Errorf("exit status %s", fields[1])
	}
	return number, o
}
