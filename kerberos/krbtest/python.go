package krbtest

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"os/exec"
	"strings"
)

// A Python is a running script of Debian's python3 with gssapi, which reads and
// writes lines of hexadecimal.
type Python struct {
	t      TB
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

func (p *Python) start() *Python {
	p.t.Helper()
	in, err := p.cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	p.t.Cleanup(func() { in.Close(); p.cmd.Process.Kill(); p.cmd.Wait() })
	return p
}

// Receive reads a line of hexadecimal.
func (p *Python) Receive() []byte {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.cmd.Wait()
		p.t.Fatalf("python: %v\n%s", err, &p.stderr)
	}
	b, err := hex.DecodeString(strings.TrimSpace(line))
	if err != nil {
		p.t.Fatalf("python: %q is not hexadecimal", line)
	}
	return b
}

// Send writes a line of hexadecimal.
func (p *Python) Send(b []byte) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, hex.EncodeToString(b)+"\n"); err != nil {
		p.t.Fatalf("python: %v\n%s", err, &p.stderr)
	}
}
