package krbtest

import (
	"bytes"
	"net"
	"os/exec"
	"time"

	"github.com/wssgate/wssgate/internal/loopback"
)

// readyWithin is how long a daemon may take until it answers, on a machine that
// has much else to do.
const readyWithin = 2 * time.Minute

// startDaemon runs a program until the end of the test, and waits until it
// listens at an address. log, which may be nil, returns what it has logged.
func startDaemon(t TB, cmd *exec.Cmd, network, addr string, log func() string) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second // for what it has started
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { cmd.Process.Kill(); <-ended })
	for deadline := time.Now().Add(readyWithin); time.Now().Before(deadline); {
		if c, err := net.Dial(network, addr); err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			deadline = time.Time{}
		case <-time.After(10 * time.Millisecond):
		}
	}
	cmd.Process.Kill()
	<-ended // nothing writes its output any more
	if log == nil {
		log = func() string { return "" }
	}
	t.Fatalf("%s does not answer at %s: %s%s", cmd.Path, addr, &out, log())
}

// freePort returns a loopback address whose port is free for TCP and UDP.
func freePort(t TB) string {
	t.Helper()
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
