package kerberos_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// MIT's sample programs, and what their messages say of themselves (gss-misc.h of MIT krb5).
var (
	gssClient = krbtest.Peer{Path: "/usr/bin/gss-client", Package: "krb5-gss-samples"}
	gssServer = krbtest.Peer{Path: "/usr/bin/gss-server", Package: "krb5-gss-samples"}
)

const (
	sampleNoop      = 1 << 0
	sampleContext   = 1 << 1
	sampleData      = 1 << 2
	sampleMIC       = 1 << 3
	sampleNext      = 1 << 4
	sampleWrapped   = 1 << 5
	sampleEncrypted = 1 << 6
	sampleSendMIC   = 1 << 7
)

// A sampleConn is a connection of the samples: messages of an octet of flags, the length in four, and a token.
type sampleConn struct {
	net.Conn
	in *bufio.Reader
}

func newSampleConn(c net.Conn) sampleConn {
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return sampleConn{c, bufio.NewReader(c)}
}

func (c sampleConn) send(flags byte, token []byte) error {
	_, err := c.Write(append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(token))), token...))
	return err
}

func (c sampleConn) receive() (flags byte, token []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, nil, err
	}
	token = make([]byte, binary.BigEndian.Uint32(head[1:])) // of a peer that the test has started
	_, err = io.ReadFull(c.in, token)
	return head[0], token, err
}

// serve is what gss-server does, for one client.
func (c sampleConn) serve(t *testing.T, ctx *kerberos.Context) (messages []string, err error) {
	if flags, _, err := c.receive(); err != nil || flags != sampleNoop|sampleNext {
		return nil, fmt.Errorf("begins with flags %#x, %w", flags, err)
	}
	for !ctx.Established() {
		_, token, err := c.receive()
		if err != nil {
			return nil, err
		}
		reply, _, err := ctx.Step(t.Context(), token)
		if reply != nil {
			c.send(sampleContext, reply)
		}
		if err != nil {
			io.Copy(io.Discard, c.in) // the client answers a reject with its own before it says why
			return nil, err
		}
	}
	for {
		flags, token, err := c.receive()
		if err != nil || flags&sampleNoop != 0 {
			return messages, err
		}
		text, reply := token, []byte(nil)
		if flags&sampleWrapped != 0 {
			var sealed bool
			if text, sealed, err = ctx.Unwrap(nil, token); err != nil || sealed != (flags&sampleEncrypted != 0) {
				return messages, fmt.Errorf("sealed %t: %w", sealed, err)
			}
		}
		messages = append(messages, string(text))
		answer := byte(sampleNoop)
		if flags&sampleSendMIC != 0 {
			answer = sampleMIC
			if reply, err = ctx.MIC(text); err != nil {
				return messages, err
			}
		}
		if err := c.send(answer, reply); err != nil {
			return messages, err
		}
	}
}

// A gssClientRun is what came of gss-client with us for its server.
type gssClientRun struct {
	out      string // what the program printed
	exit     error
	messages []string
	err      error // ours
}

func runGSSClient(t *testing.T, w *gssWorld, ctx *kerberos.Context, etype int32, options string) (r gssClientRun) {
	t.Helper()
	krbtest.Need(t, gssClient)
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.SetDeadline(time.Now().Add(20 * time.Second))
	_, port, _ := net.SplitHostPort(l.Addr().String())
	name := strings.Replace(gssService(etype), "/", "@", 1)
	cmd := exec.Command(gssClient.Path, append(append([]string{"-port", port, "-mcount", "3"}, strings.Fields(options)...), "127.0.0.1", name, "a message")...)
	cmd.Env = w.m.Env()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("%v: %s", err, &out)
	}
	r.messages, r.err = newSampleConn(conn).serve(t, ctx)
	conn.Close()
	r.exit = cmd.Wait()
	r.out = out.String()
	return r
}

// TestInteropGSSClient: MIT's gss-client has us for its server.
func TestInteropGSSClient(t *testing.T) {
	w := newGSSWorld(t)
	for _, e := range mitEnctypes {
		for _, options := range []string{"", "-spnego", "-spnego -nomutual", "-nomutual -seq", "-spnego -seq -d", "-nx", "-nw"} {
			t.Run(e.name+"/"+options, func(t *testing.T) {
				ctx := w.acceptor.NewContext(kerberos.AcceptConfig{Delegation: true})
				r := runGSSClient(t, w, ctx, e.etype, options)
				if r.err != nil || r.exit != nil {
					t.Fatalf("we: %v; gss-client: %v\n%s", r.err, r.exit, r.out)
				}
				if strings.Count(r.out, "Signature verified.") != 3 || fmt.Sprint(r.messages) != "[a message a message a message]" {
					t.Errorf("%q\n%s", r.messages, r.out)
				}
				if d := ctx.Delegated(); (len(d) == 1) != strings.Contains(options, "-d") {
					t.Errorf("%d credentials", len(d))
				}
			})
		}
	}
}

// TestInteropGSSClientRefused: MIT's gss-client prints why we refuse.
func TestInteropGSSClientRefused(t *testing.T) {
	w := newGSSWorld(t)
	a := w.newAcceptor(t, kerberos.AcceptorConfig{Time: later(time.Hour)})
	for _, options := range []string{"", "-spnego"} {
		t.Run(options, func(t *testing.T) {
			r := runGSSClient(t, w, a.NewContext(kerberos.AcceptConfig{}), 18, options)
			wantRefusal(t, r.err, kerberos.CodeSkew)
			if r.exit == nil || !strings.Contains(r.out, "Clock skew too great") {
				t.Errorf("gss-client: %v\n%s", r.exit, r.out)
			}
		})
	}
}

// TestInteropGSSServer: we are a client of MIT's gss-server.
func TestInteropGSSServer(t *testing.T) {
	w := newGSSWorld(t)
	krbtest.Need(t, gssServer)
	for _, e := range mitEnctypes {
		addr := startGSSServer(t, w, e.etype)
		for _, kind := range gssKinds {
			t.Run(e.name+"/"+kind.String(), func(t *testing.T) {
				_, bits := kind.flags()
				ctx := w.initiate(t, gssService(e.etype), kerberos.InitConfig{Mechanism: kind.mechanism(), GSSFlags: bits})
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if err := newSampleConn(conn).call(t, ctx); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func startGSSServer(t *testing.T, w *gssWorld, etype int32) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(gssServer.Path, "-port", port, strings.Replace(gssService(etype), "/", "@", 1))
	cmd.Env = w.m.Env("KRB5_KTNAME=" + w.keytab)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("gss-server does not listen")
	return ""
}

// call is what gss-client does.
func (c sampleConn) call(t *testing.T, ctx *kerberos.Context) error {
	if err := c.send(sampleNoop|sampleNext, nil); err != nil {
		return err
	}
	var token []byte
	for {
		reply, done, err := ctx.Step(t.Context(), token)
		if err != nil {
			return err
		}
		if reply != nil {
			if err := c.send(sampleContext, reply); err != nil {
				return err
			}
		}
		if done {
			break
		}
		if _, token, err = c.receive(); err != nil {
			return err
		}
	}
	for n := range 3 {
		text := fmt.Appendf(nil, "message %d", n)
		flags := byte(sampleData | sampleWrapped | sampleSendMIC)
		if n%2 == 0 {
			flags |= sampleEncrypted
		}
		if err := c.send(flags, mustWrap(t, ctx, text, n%2 == 0)); err != nil {
			return err
		}
		answer, mic, err := c.receive()
		if err != nil || answer != sampleMIC {
			return fmt.Errorf("answer %#x: %w", answer, err)
		}
		if err := ctx.VerifyMIC(text, mic); err != nil {
			return err
		}
	}
	return c.send(sampleNoop, nil)
}
