package gss_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/loopback"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// MIT's sample programs, and the flags of their messages (gss-misc.h of MIT
// krb5).
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

// A sampleConn is a connection of the samples: messages of an octet of flags,
// the length in four, and a token.
type sampleConn struct {
	net.Conn
	in *bufio.Reader
}

func newSampleConn(c net.Conn) sampleConn {
	c.SetDeadline(time.Now().Add(2 * time.Minute))
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

// serve is what gss-server does, for one client. mic makes the MIC of an
// answer; nil for one in sequence.
func (c sampleConn) serve(t *testing.T, ctx *gss.Context, mic func(text []byte) ([]byte, error)) (messages []string,
	err error) {
	if mic == nil {
		mic = ctx.MIC
	}
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
			if reply, err = mic(text); err != nil {
				return messages, err
			}
		}
		if err := c.send(answer, reply); err != nil {
			return messages, err
		}
	}
}

// sampleMessages is how many messages are exchanged. The programs write them in
// pieces, so that each takes as long as the system waits with acknowledgements;
// a hundred go in one context of each.
func sampleMessages(etype int32, kind string) int {
	if etype == 18 && (kind == "-spnego -seq -d" || kind == "spnego/mutual") {
		return 100
	}
	return 3
}

// A gssClientRun is the result of gss-client with us as its server.
type gssClientRun struct {
	out      string // what the program printed
	exit     error
	messages []string
	err      error // ours
}

func runGSSClient(t *testing.T, w *gssWorld, ctx *gss.Context, etype int32, options string,
	mic func([]byte) ([]byte, error)) (r gssClientRun) {
	t.Helper()
	krbtest.Need(t, gssClient)
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.SetDeadline(time.Now().Add(2 * time.Minute))
	_, port, _ := net.SplitHostPort(l.Addr().String())
	name := strings.Replace(gssService(etype), "/", "@", 1)
	cmd := exec.Command(gssClient.Path,
		append(append([]string{"-port", port, "-mcount", strconv.Itoa(sampleMessages(etype, options))},
			strings.Fields(options)...), "127.0.0.1", name, "a message")...)
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
	r.messages, r.err = newSampleConn(conn).serve(t, ctx, mic)
	conn.Close()
	r.exit = cmd.Wait()
	r.out = out.String()
	return r
}

// TestInteropGSSClient: MIT's gss-client with us as its server.
func TestInteropGSSClient(t *testing.T) {
	w := newGSSWorld(t)
	for _, e := range mitEnctypes {
		for _, options := range []string{"", "-spnego", "-spnego -nomutual", "-nomutual -seq", "-spnego -seq -d",
			"-nx", "-nw"} {
			t.Run(e.Name+"/"+options, func(t *testing.T) {
				ctx := w.acceptor.NewContext(gss.AcceptConfig{Delegation: true})
				r := runGSSClient(t, w, ctx, e.Etype, options, nil)
				if r.err != nil || r.exit != nil {
					t.Fatalf("we: %v; gss-client: %v\n%s", r.err, r.exit, r.out)
				}
				n := sampleMessages(e.Etype, options)
				if strings.Count(r.out, "Signature verified.") != n ||
					strings.Join(r.messages, "") != strings.Repeat("a message", n) {
					t.Errorf("%q\n%s", r.messages, r.out)
				}
				if d := ctx.Delegated(); (len(d) == 1) != strings.Contains(options, "-d") {
					t.Errorf("%d credentials", len(d))
				}
			})
		}
	}
}

// TestInteropGSSClientOrder: gss-client notices a MIC of ours that comes again,
// or before its turn.
func TestInteropGSSClientOrder(t *testing.T) {
	w := newGSSWorld(t)
	for _, e := range mitEnctypes {
		for name, words := range map[string]string{"again": "duplicate of an earlier token",
			"early": "expected per-message token was not received"} {
			for _, options := range []string{"-seq", "-spnego -seq -nomutual"} {
				t.Run(e.Name+"/"+name+"/"+options, func(t *testing.T) {
					ctx := w.acceptor.NewContext(gss.AcceptConfig{})
					var first []byte
					r := runGSSClient(t, w, ctx, e.Etype, options, func(text []byte) (mic []byte, err error) {
						switch {
						case first == nil:
							first, err = ctx.MIC(text)
							return first, err
						case name == "early":
							mustWrap(t, ctx, text, true)
							return ctx.MIC(text)
						}
						return first, nil
					})
					if !strings.Contains(r.out, "Signature verified.") || !strings.Contains(r.out, words) {
						t.Errorf("gss-client: %v; we: %v\n%s", r.exit, r.err, r.out)
					}
				})
			}
		}
	}
}

// TestInteropGSSClientRefused: MIT's gss-client prints why we refuse.
func TestInteropGSSClientRefused(t *testing.T) {
	w := newGSSWorld(t)
	a := w.newAcceptor(t, gss.AcceptorConfig{Time: later(time.Hour)})
	for _, options := range []string{"", "-spnego"} {
		t.Run(options, func(t *testing.T) {
			r := runGSSClient(t, w, a.NewContext(gss.AcceptConfig{}), 18, options, nil)
			wantRefusal(t, r.err, kerberos.CodeSkew)
			if r.exit == nil || !strings.Contains(r.out, "Clock skew too great") {
				t.Errorf("gss-client: %v\n%s", r.exit, r.out)
			}
		})
	}
}

// TestInteropGSSServer: we are a client of MIT's gss-server, which notices a
// message that comes again, or before its turn.
func TestInteropGSSServer(t *testing.T) {
	w := newGSSWorld(t)
	krbtest.Need(t, gssServer)
	for _, e := range mitEnctypes {
		s := startGSSServer(t, w, e.Etype)
		for _, kind := range gssKinds {
			dial := func(t *testing.T) (sampleConn, *gss.Context) {
				_, bits := kind.flags()
				return s.dial(t, w.initiate(t, gssService(e.Etype), gss.InitConfig{Mechanism: kind.mechanism(), GSSFlags: bits}))
			}
			t.Run(e.Name+"/"+kind.String(), func(t *testing.T) {
				conn, ctx := dial(t)
				for n := range sampleMessages(e.Etype, kind.String()) {
					text := fmt.Appendf(nil, "message %d", n)
					if err := conn.say(ctx, text, mustWrap(t, ctx, text, n%2 == 0), n%2 == 0); err != nil {
						t.Fatal(err)
					}
				}
				conn.send(sampleNoop, nil)
			})
			t.Run(e.Name+"/"+kind.String()+"/again", func(t *testing.T) {
				conn, ctx := dial(t)
				token := mustWrap(t, ctx, []byte("text"), true)
				if err := conn.say(ctx, []byte("text"), token, true); err != nil {
					t.Fatal(err)
				}
				s.refuses(t, conn.say(ctx, []byte("text"), token, true), "duplicate of an earlier token")
			})
			t.Run(e.Name+"/"+kind.String()+"/early", func(t *testing.T) {
				conn, ctx := dial(t)
				mustWrap(t, ctx, []byte("text"), true)
				s.refuses(t, conn.say(ctx, []byte("text"), mustWrap(t, ctx, []byte("text"), true), true),
					"expected per-message token was not received")
			})
		}
	}
}

// A gssServerRun is a running gss-server.
type gssServerRun struct {
	addr string
	log  string // path of the file with what it prints
}

func startGSSServer(t *testing.T, w *gssWorld, etype int32) (s gssServerRun) {
	t.Helper()
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	s.addr = addr
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.log = log.Name()
	_, port, _ := net.SplitHostPort(s.addr)
	cmd := exec.Command("/usr/bin/stdbuf", "-o0", gssServer.Path, "-port",
		port, strings.Replace(gssService(etype), "/", "@", 1))
	cmd.Env, cmd.Stdout, cmd.Stderr = w.m.Env("KRB5_KTNAME="+w.keytab), log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", s.addr); err == nil {
			c.Close()
			return s
		}
	}
	t.Fatal("gss-server does not listen")
	return s
}

// refuses: the server has printed the words and closed the connection.
func (s gssServerRun) refuses(t *testing.T, err error, words string) {
	t.Helper()
	log, readErr := os.ReadFile(s.log)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if !errors.Is(err, io.EOF) || !strings.Contains(string(log), words) {
		t.Errorf("%v, gss-server: %s", err, log)
	}
	if err := os.Truncate(s.log, 0); err != nil {
		t.Fatal(err)
	}
}

// dial establishes the context, as gss-client does.
func (s gssServerRun) dial(t *testing.T, ctx *gss.Context) (sampleConn, *gss.Context) {
	t.Helper()
	tcp, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close() })
	conn := newSampleConn(tcp)
	err = conn.send(sampleNoop|sampleNext, nil)
	var reply, token []byte
	for done := false; err == nil && !done; {
		if reply, done, err = ctx.Step(t.Context(), token); err == nil && reply != nil {
			err = conn.send(sampleContext, reply)
		}
		if err == nil && !done {
			_, token, err = conn.receive()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn, ctx
}

// say sends a message and checks the MIC of the answer.
func (c sampleConn) say(ctx *gss.Context, text, token []byte, sealed bool) error {
	flags := byte(sampleData | sampleWrapped | sampleSendMIC)
	if sealed {
		flags |= sampleEncrypted
	}
	if err := c.send(flags, token); err != nil {
		return err
	}
	answer, mic, err := c.receive()
	if err != nil || answer != sampleMIC {
		return fmt.Errorf("answer %#x: %w", answer, err)
	}
	return ctx.VerifyMIC(text, mic)
}
