package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// The gateway that the program in attack_test.go attacks is a process of its
// own: this test binary, started with attackedEnv, which says what defences it
// has. They cannot be switched off in wssgate itself.
const attackedEnv = "WSSGATE_TEST_ATTACKED"

// defences of an attacked gateway.
type defences struct {
	Shape   bool // plaintexts that have not the shape of a Signature are not looked into
	Release bool // refusals leave at their time
	Counter bool // keys are suspended
	Procs   int  // GOMAXPROCS; 0 for the default
}

// A recording is what the attacker has: the addresses, and a message that an
// honest client sent, which names its token by the hash. Body is its plaintext,
// to judge the attacker's guesses by.
type recording struct {
	Plain, TLS  string // base URLs
	Certificate []byte // PEM, of TLS
	Message     []byte
	Body        []byte
}

// A tally is what the gateway's log says at the end.
type tally struct {
	Refused   int64 // by looking at the protection
	Late      int64 // of them
	Suspended int64
	Busy      int64 // not looked at: too many wait
}

// Write counts one event.
func (t *tally) Write(event []byte) (int, error) {
	for text, n := range map[string]*int64{`"release_ns":`: &t.Refused, `"late":true`: &t.Late,
		`"code":"security-token-suspended"`: &t.Suspended, `"code":"too-many-refusals"`: &t.Busy} {
		if bytes.Contains(event, []byte(text)) {
			atomic.AddInt64(n, 1)
		}
	}
	return len(event), nil
}

// TestAttackedGateway is the process: it serves until its standard input ends.
func TestAttackedGateway(t *testing.T) {
	var with defences
	if err := json.Unmarshal([]byte(os.Getenv(attackedEnv)), &with); err != nil {
		t.Skip("it is the process that TestTimingAttack attacks, and does nothing alone")
	}
	log := &tally{}
	g, message, body := newAttacked(t, with, log)
	if !with.Release {
		g.AnswerAtOnce()
	}
	plain := httptest.NewServer(g)
	defer plain.Close()
	encrypted := newTLSServer(t, g)
	post(t, plain.URL, message(false))
	recorded := message(true)
	post(t, plain.URL, recorded)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encrypted.Certificate().Raw})
	say(t, recording{plain.URL, encrypted.URL, certificate, recorded, body})
	_, _ = io.Copy(io.Discard, os.Stdin)
	say(t, log)
}

// say writes one line for the attacker.
func say(t *testing.T, v any) {
	if _, err := os.Stdout.WriteString(attackedEnv + toJSON(t, v) + "\n"); err != nil {
		t.Fatal(err)
	}
}

// post sends one of the honest client's messages.
func post(t *testing.T, base string, message []byte) {
	resp, err := http.Post(base+"/svc", "text/xml; charset=utf-8", bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("HTTP %d %s", resp.StatusCode, b)
	}
}

// newAttacked makes a gateway under the preset Kerberos, and an honest client's
// messages.
func newAttacked(t *testing.T, with defences, log io.Writer) (g *gateway.Gateway, message func(byHash bool) []byte,
	body []byte) {
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService(service)
	policy, _ := wssec.Preset("Kerberos")
	replay := replay.NewMemory(replay.MemoryConfig{})
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kdc.Keytab(nil), Replay: replay})
	must(err)
	token, key, err := kdc.Token("alice", service, krbtest.TokenOptions{})
	must(err)
	guard := wssec.NewKeyGuard(wssec.KeyGuardConfig{})
	if !with.Counter {
		guard = wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: math.MaxInt})
	}
	processor, err := wssec.NewProcessor(policy, wssec.Config{Verifier: acceptor, Replay: replay, Guard: guard})
	must(err)
	if !with.Shape {
		lookIntoEverything(processor)
	}
	client, err := wssec.NewProcessor(policy, wssec.Config{Replay: replay})
	must(err)
	backend := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(backend.Close)
	address, err := url.Parse(backend.URL)
	must(err)
	g, err = gateway.New(gateway.Config{Log: slog.New(slog.NewJSONHandler(log, nil)),
		Routes: []gateway.Route{{Path: "/svc", Door: door.NewSecurity("", processor), Backend: address}}})
	must(err)
	plain := []byte(envelope(soap.V11, `<q:Ask xmlns:q="urn:q">`+strings.Repeat("<q:i>secret</q:i>", 4000)+`</q:Ask>`))
	env, err := soap.Parse(plain, xmltext.Options{})
	must(err)
	message = func(byHash bool) []byte {
		out, _, err := client.ProtectRequest(nil, env,
			wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets()), Omit: byHash})
		must(err)
		return out
	}
	return g, message, env.Body.AppendDetachedContent(nil)
}

// lookIntoEverything makes a Processor scan whatever the encrypted Signature
// decrypts to. Nothing but this can: the field is not exported.
func lookIntoEverything(p *wssec.Processor) {
	shape := reflect.ValueOf(p).Elem().FieldByName("encryptedSignatureShape")
	*(*xmlenc.Shape)(shape.Addr().UnsafePointer()) = xmlenc.Shape{}
}

// An attacked gateway, as its attacker has it.
type attacked struct {
	recording
	t     *testing.T
	stdin io.Closer
	lines *json.Decoder
	cmd   *exec.Cmd
}

func startAttacked(t *testing.T, with defences) *attacked {
	env := []string{attackedEnv + "=" + toJSON(t, with)}
	if with.Procs > 0 {
		env = append(env, "GOMAXPROCS="+toJSON(t, with.Procs))
	}
	return startProcess(t, "TestAttackedGateway", env...)
}

// startProcess starts this test binary as the process that a test is.
func startProcess(t *testing.T, test string, env ...string) *attacked {
	a := &attacked{t: t}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	a.cmd = exec.CommandContext(ctx, os.Args[0], "-test.run=^"+test+"$", "-test.timeout=0")
	a.cmd.Env = append(os.Environ(), env...)
	a.cmd.Stderr = os.Stderr
	stdin, err := a.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a.stdin, a.lines = stdin, json.NewDecoder(markedLines(stdout))
	if err := a.lines.Decode(&a.recording); err != nil {
		t.Fatalf("the gateway did not start: %v", err)
	}
	return a
}

// markedLines passes on what say wrote, and leaves out what package testing
// did.
func markedLines(r io.Reader) io.Reader {
	out, w := io.Pipe()
	go func() {
		s := newLineScanner(r)
		for s.Scan() {
			if line, ok := strings.CutPrefix(s.Text(), attackedEnv); ok {
				if _, err := io.WriteString(w, line+"\n"); err != nil {
					return
				}
			}
		}
		w.CloseWithError(s.Err())
	}()
	return out
}

// stop ends the process and returns what it counted.
func (a *attacked) stop() (n tally) {
	_ = a.stdin.Close()
	if err := a.lines.Decode(&n); err != nil {
		a.t.Errorf("the gateway did not end well: %v", err)
	}
	_ = a.cmd.Wait()
	return n
}

func newLineScanner(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	return s
}
