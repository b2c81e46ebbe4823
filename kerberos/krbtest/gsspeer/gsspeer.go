package gsspeer

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// The programs of the peers.
var (
	//go:embed programs/peer.py
	pythonPeer string
	//go:embed programs/peer.c
	heimdalPeer []byte
	//go:embed programs/Peer.java
	javaPeer []byte
)

// A Peer is a running program of another implementation. Its client is that of
// the realm's credential cache, its services are those of the keytab. It is not
// safe for concurrent use.
type Peer struct {
	Name string
	// Duplicate and Early are parts of the peer's error texts: for a replayed
	// token, and for one ahead of its turn.
	Duplicate, Early string

	t      krbtest.TB
	in     io.Writer
	out    *bufio.Reader
	stderr bytes.Buffer
}

// Programs and Debian packages that the peers need besides those of krbtest.
var (
	gcc   = krbtest.Peer{Path: "/usr/bin/gcc", Package: "gcc"}
	libc  = krbtest.Peer{Path: "/usr/include/stdio.h", Package: "libc6-dev"}
	java  = krbtest.Peer{Path: "/usr/bin/java", Package: "default-jdk-headless"}
	debPy = krbtest.Peer{Path: "/usr/bin/python3", Package: "python3"}
)

// HeimdalPrefix returns the directory where Heimdal's Debian packages are
// unpacked, since they cannot be installed beside MIT's: WSSGATE_HEIMDAL of the
// environment, else /opt/wssgate-heimdal, where .ci/heimdal puts them.
func HeimdalPrefix() string {
	if dir := os.Getenv("WSSGATE_HEIMDAL"); dir != "" {
		return dir
	}
	return "/opt/wssgate-heimdal"
}

// heimdalLib returns the directory of Heimdal's libraries.
func heimdalLib() string {
	lib := filepath.Join(HeimdalPrefix(), "usr/lib")
	if dirs, _ := filepath.Glob(filepath.Join(lib, "*-linux-gnu*")); len(dirs) > 0 {
		return dirs[0] // of Debian's architecture
	}
	return lib
}

// HeimdalProgram returns a command for one of Heimdal's programs, such as
// kinit.heimdal, with the realm's environment.
func HeimdalProgram(t krbtest.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	path := filepath.Join(HeimdalPrefix(), "usr/bin", name)
	krbtest.Need(t, krbtest.Peer{Path: path, Package: "heimdal-clients, unpacked by .ci/heimdal"})
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+heimdalLib())
	return cmd
}

// MIT starts a peer on MIT's library.
func MIT(t krbtest.TB, m *krbtest.MIT, keytab string) *Peer {
	t.Helper()
	krbtest.Need(t, debPy)
	if exec.Command(debPy.Path, "-c", "import gssapi").Run() != nil {
		krbtest.Need(t, krbtest.Peer{Path: "gssapi for " + debPy.Path, Package: "python3-gssapi"})
	}
	p := &Peer{Name: "MIT", Duplicate: "DuplicateTokenError", Early: "TokenTooEarlyError", t: t}
	return p.start(m.Env("KRB5_KTNAME="+keytab), debPy.Path, "-c", pythonPeer)
}

// Heimdal compiles a peer against Heimdal's library and starts it.
func Heimdal(t krbtest.TB, m *krbtest.MIT, keytab string) *Peer {
	t.Helper()
	prefix, lib := HeimdalPrefix(), heimdalLib()
	for _, path := range []string{filepath.Join(prefix, "usr/include/heimdal/gssapi/gssapi.h"),
		filepath.Join(lib, "libgssapi.so.3")} {
		krbtest.Need(t, krbtest.Peer{Path: path, Package: "heimdal-multidev, unpacked by .ci/heimdal"})
	}
	krbtest.Need(t, gcc, libc)
	dir := t.TempDir()
	source, program := filepath.Join(dir, "peer.c"), filepath.Join(dir, "peer")
	if err := os.WriteFile(source, heimdalPeer, 0o600); err != nil {
		t.Fatal(err)
	}
	include := filepath.Join(prefix, "usr/include/heimdal")
	out, err := exec.Command(gcc.Path, "-Wall", "-O1", "-I"+include, source, "-o", program,
		"-L"+lib, "-l:libgssapi.so.3", "-Wl,-rpath-link,"+lib).CombinedOutput()
	if err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	p := &Peer{Name: "Heimdal", Duplicate: "supplementary 2", Early: "supplementary 16", t: t}
	return p.start(m.Env("KRB5_KTNAME="+keytab, "LD_LIBRARY_PATH="+lib), program)
}

// Java starts a peer on Java's library.
func Java(t krbtest.TB, m *krbtest.MIT, keytab string) *Peer {
	t.Helper()
	krbtest.Need(t, java)
	dir := t.TempDir()
	source, login := filepath.Join(dir, "Peer.java"), filepath.Join(dir, "login.conf")
	jaas := fmt.Sprintf(`com.sun.security.jgss.initiate {
  com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true ticketCache=%q doNotPrompt=true;
};
com.sun.security.jgss.accept {
  com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=%q principal="*"
    storeKey=true isInitiator=false doNotPrompt=true;
};
`, m.Ccache(), keytab)
	for path, text := range map[string][]byte{source: javaPeer, login: []byte(jaas)} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &Peer{Name: "Java", Duplicate: "duplicate token", Early: "gap before token", t: t}
	return p.start(m.Env(), java.Path, "-Djava.security.krb5.conf="+m.ConfFile(),
		"-Djava.security.auth.login.config="+login,
		"-Djavax.security.auth.useSubjectCredsOnly=false", "-XX:TieredStopAtLevel=1",
		"--add-exports=java.security.jgss/sun.security.jgss.krb5.internal=ALL-UNNAMED", source)
}

func (p *Peer) start(env []string, program string, args ...string) *Peer {
	p.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stderr = env, &p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReaderSize(out, 1<<20)
	p.t.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	return p
}

// An Error is a peer's error.
type Error struct {
	Words string
	Token []byte // to send; nil for none
}

// Error returns the peer's text.
func (e *Error) Error() string { return e.Words }

func (p *Peer) do(command byte, argument []byte) ([]byte, error) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.in, "%02x%x\n", command, argument); err != nil {
		p.t.Fatalf("%s: %v\n%s", p.Name, err, &p.stderr)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", p.Name, err, &p.stderr)
	}
	answer, err := hex.DecodeString(strings.TrimSpace(line))
	if err != nil || len(answer) == 0 {
		p.t.Fatalf("%s said %q", p.Name, line)
	}
	if answer[0] == 'o' {
		return answer[1:], nil
	}
	n := binary.BigEndian.Uint32(answer[1:])
	e := &Error{Words: string(answer[5 : 5+n])}
	if rest := answer[5+n:]; len(rest) > 0 {
		e.Token = rest
	}
	return nil, e
}

// Begin describes a context.
type Begin struct {
	Accept   bool
	Service  string // with realm
	SPNEGO   bool
	Flags    string // mutual,delegate,replay,sequence, and those of one peer
	Bindings string // application data; "" for none
}

// Begin begins a new context, which replaces the one before.
func (p *Peer) Begin(b Begin) {
	p.t.Helper()
	role, mech := "initiate", "krb5"
	if b.Accept {
		role = "accept"
	}
	if b.SPNEGO {
		mech = "spnego"
	}
	request := strings.Join([]string{role, b.Service, mech, b.Flags, b.Bindings, ""}, "|")
	if _, err := p.do('N', []byte(request)); err != nil {
		p.t.Fatalf("%s: %v", p.Name, err)
	}
}

// Step passes the peer a token, empty for an initiator's first step, and
// returns the peer's. The error is an [*Error].
func (p *Peer) Step(token []byte) (reply []byte, done bool, err error) {
	p.t.Helper()
	answer, err := p.do('T', token)
	if err != nil {
		return nil, false, err
	}
	if len(answer) > 1 {
		reply = answer[1:]
	}
	return reply, answer[0] == 'c', nil
}

// Wrap returns a Wrap token of the peer.
func (p *Peer) Wrap(text []byte, sealed bool) ([]byte, error) {
	p.t.Helper()
	if sealed {
		return p.do('S', text)
	}
	return p.do('P', text)
}

// Unwrap returns the plaintext of a Wrap token, and reports whether it was
// encrypted.
func (p *Peer) Unwrap(token []byte) (text []byte, sealed bool, err error) {
	p.t.Helper()
	answer, err := p.do('U', token)
	if err != nil {
		return nil, false, err
	}
	return answer[1:], answer[0] == 's', nil
}

// MIC returns a MIC token of the peer.
func (p *Peer) MIC(text []byte) ([]byte, error) {
	p.t.Helper()
	return p.do('M', text)
}

// VerifyMIC has the peer check a MIC token.
func (p *Peer) VerifyMIC(text, mic []byte) error {
	p.t.Helper()
	_, err := p.do('V', append(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...), mic...))
	return err
}

// Info describes a peer's context.
type Info struct {
	Initiator, Acceptor string
	Flags               uint32
	Delegated           string // whose credential; "" for none
}

// Info returns the peer's view of its context.
func (p *Peer) Info() Info {
	p.t.Helper()
	answer, err := p.do('I', nil)
	if err != nil {
		p.t.Fatalf("%s: %v", p.Name, err)
	}
	f := strings.Split(string(answer), "|")
	if len(f) != 4 {
		p.t.Fatalf("%s said %q", p.Name, answer)
	}
	flags, err := strconv.ParseUint(f[2], 10, 32)
	if err != nil {
		p.t.Fatalf("%s said %q", p.Name, answer)
	}
	return Info{f[0], f[1], uint32(flags), f[3]}
}
