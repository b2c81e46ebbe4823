package interop

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// What the protection of a message costs WSS4J, with DOM and with StAX, and what
// it costs wssgate: CPU time of the process, on the same messages, in turns, the
// session key given to both. The messages have a Timestamp, a Body and three
// header blocks of WS-Addressing, signed together by HMAC-SHA1; the Body is then
// encrypted with AES-256-CBC. WSS4J secures the document that it has verified once
// more; wssgate writes the message for a backend, and scans it as a reply before
// it secures that, as a gateway has to. .ci/long runs it; the table goes to
// docs/performance.md.
func TestSpeedAgainstWSS4J(t *testing.T) {
	if !*speeds {
		t.Skip("measures for some minutes, as .ci/long has it: -speeds")
	}
	defer runtime.KeepAlive(make([]byte, 64<<20)) // as serve has it
	key := sha256.Sum256([]byte("a session key"))
	java, own := startWSS4J(t, key[:]), newGivenKey(t, key[:])
	java.check(t, own)
	t.Logf("speed: WSS4J: | Body | on the wire | work | WSS4J DOM | WSS4J StAX | wssgate | DOM ÷ wssgate |" +
		" StAX ÷ wssgate |")
	for _, s := range []struct {
		name         string
		size, rounds int
		warm, each   int // times that WSS4J does it
	}{{"6 kB", 6 << 10, 7, 4000, 1000}, {"1 MB", 1 << 20, 5, 40, 10}, {"20 MB", 20 << 20, 3, 2, 1}} {
		message := own.request(t, s.size)
		file := filepath.Join(t.TempDir(), "message.xml")
		if err := os.WriteFile(file, message, 0o600); err != nil {
			t.Fatal(err)
		}
		spent := map[string][]time.Duration{}
		for round := range s.rounds + 1 {
			for _, work := range []string{"dom-verify", "dom-exchange", "stax-verify", "verify", "exchange"} {
				n, run := s.each, java.run
				if round == 0 {
					n = s.warm // not counted: until it is compiled
				}
				if !strings.Contains(work, "-") {
					n, run = 3*s.each, own.run
				}
				if each := run(t, work, n, file, message); round > 0 {
					spent[work] = append(spent[work], each)
				}
			}
		}
		median := func(work string) time.Duration {
			slices.Sort(spent[work])
			return spent[work][len(spent[work])/2]
		}
		row := func(work, dom, stax, ours string) {
			d, o := median(dom), median(ours)
			streamed, ratio := "", ""
			if stax != "" {
				streamed = short(median(stax))
				ratio = fmt.Sprintf("%.1f", float64(median(stax))/float64(o))
			}
			t.Logf("speed: WSS4J: | %s | %.1f kB | %s | %s | %s | %s | %.1f | %s |", s.name, float64(len(message))/1e3, work,
				short(d), streamed, short(o), float64(d)/float64(o), ratio)
		}
		row("verify, decrypt", "dom-verify", "stax-verify", "verify")
		row("verify, decrypt, secure again", "dom-exchange", "", "exchange")
	}
}

// short writes a time with three digits or four.
func short(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.0f µs", float64(d)/1e3)
	}
	return fmt.Sprintf("%.1f ms", float64(d)/1e6)
}

// A wss4j is the process of our Java program.
type wss4j struct {
	jobs    io.Writer
	answers *bufio.Scanner
}

// startWSS4J compiles the program, or takes what an earlier run has compiled, and
// starts it.
func startWSS4J(t *testing.T, key []byte) *wss4j {
	t.Helper()
	need(t, "java default-jdk-headless", "javac default-jdk-headless", "mvn maven")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "wssgate-interop", "wss4j-"+sourcesID(t, "wss4j"))
	if _, err := os.Stat(filepath.Join(dir, "target/classes/Speed.class")); err != nil {
		buildWSS4J(t, dir)
	}
	path, err := os.ReadFile(filepath.Join(dir, "cp.txt"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "java", "-Xmx3g", "-cp",
		filepath.Join(dir, "target/classes")+":"+strings.TrimSpace(string(path)), "Speed", hex.EncodeToString(key))
	said := new(output)
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if _ = cmd.Wait(); t.Failed() {
			t.Log(said)
		}
	})
	return &wss4j{in, bufio.NewScanner(out)}
}

func buildWSS4J(t *testing.T, dir string) {
	t.Helper()
	for from, to := range map[string]string{"wss4j/pom.xml": "pom.xml", "cxf/settings.xml": "settings.xml",
		"wss4j/Speed.java": "src/main/java/Speed.java"} {
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, to)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := runs(t, nil, "mvn", "-B", "-q", "-ntp", "-s", filepath.Join(dir, "settings.xml"), "-f",
		filepath.Join(dir, "pom.xml"), "compile", "dependency:build-classpath", "-Dmdep.outputFile=cp.txt")
	if err != nil {
		if os.Getenv("CI") != "true" {
			t.Skipf("WSS4J cannot be had, which needs Maven Central: %v\n%s", err, out)
		}
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// run does the work n times, and returns the CPU time of each.
func (j *wss4j) run(t *testing.T, work string, n int, file string, _ []byte) time.Duration {
	t.Helper()
	answer := j.answer(t, work, n, file)
	spent, err := strconv.ParseInt(answer, 10, 64)
	if err != nil {
		t.Fatalf("%s: %s", work, answer)
	}
	return time.Duration(spent) / time.Duration(n)
}

func (j *wss4j) answer(t *testing.T, work string, n int, file string) string {
	t.Helper()
	fmt.Fprintf(j.jobs, "%s %d %s\n", work, n, file)
	if !j.answers.Scan() {
		t.Fatalf("%s: WSS4J has ended: %v", work, j.answers.Err())
	}
	return j.answers.Text()
}

// check makes sure that WSS4J does its work: it accepts what it has secured, and
// refuses a message that was changed, in what is signed or in what is encrypted.
func (j *wss4j) check(t *testing.T, own *givenKey) {
	t.Helper()
	message := string(own.request(t, 6<<10))
	file := filepath.Join(t.TempDir(), "message.xml")
	cipher := strings.Index(message, "CipherValue>") + 4000
	for _, m := range []struct {
		text    string
		refused bool
	}{
		{message, false}, {strings.Replace(message, "urn:example:orders<", "urn:example:others<", 1), true},
		{message[:cipher] + strings.Repeat("A", 40) + message[cipher+40:], true},
	} {
		if err := os.WriteFile(file, []byte(m.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, work := range []string{"dom-verify", "dom-again", "stax-verify"} {
			if got := j.answer(t, work, 1, file); strings.HasPrefix(got, "refused: ") != m.refused {
				t.Fatalf("%s: %s; is it to be refused: %v", work, got, m.refused)
			}
		}
	}
}

// A givenKey is a client and a service of wssgate whose tokens have one key.
type givenKey struct {
	key             []byte
	client, service *wssec.Processor
	forwarded, out  []byte
}

func newGivenKey(t *testing.T, key []byte) *givenKey {
	t.Helper()
	p := hopPolicy()
	p.AlgorithmSuite = wssec.Basic256
	p.SignedParts.Headers = []string{"{" + soap.NSAddressing + "}*"}
	g := &givenKey{key: key}
	now := time.Now()
	var err error
	config := wssec.Config{Verifier: g, Replay: noReplays{}, Time: func() time.Time { return now }}
	if g.client, err = wssec.NewProcessor(p, config); err != nil {
		t.Fatal(err)
	}
	if g.service, err = wssec.NewProcessor(p, config); err != nil {
		t.Fatal(err)
	}
	return g
}

// VerifyToken and the methods below accept every token.
func (g *givenKey) VerifyToken(context.Context, []byte, [][]byte) (wssec.VerifiedToken, error) {
	return g, nil
}
func (*givenKey) Client() (name, realm string) { return "alice", "EXAMPLE.COM" }
func (*givenKey) Service() string              { return hopService + "@EXAMPLE.COM" }
func (*givenKey) Groups() []string             { return nil }
func (*givenKey) EndTime() time.Time           { return time.Now().Add(24 * time.Hour) }
func (*givenKey) EtypeOfKey() int32            { return 18 }
func (g *givenKey) ExposeKeyOctets() []byte    { return slices.Clone(g.key) }

// noReplays takes every message for new.
type noReplays struct{}

func (noReplays) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }
func (noReplays) CompleteSince() time.Time                               { return time.Time{} }

// request returns a protected message with a Body of so many octets.
func (g *givenKey) request(t *testing.T, size int) []byte {
	t.Helper()
	header := `<s:Header><a:To xmlns:a="` + soap.NSAddressing + `">urn:example:orders</a:To><a:Action xmlns:a="` +
		soap.NSAddressing + `">urn:example:order</a:Action><a:MessageID xmlns:a="` + soap.NSAddressing +
		`">urn:uuid:6b29fc40-ca47-1067-b31d-00dd010662da</a:MessageID></s:Header><s:Body>`
	plain := strings.Replace(order(size), "<s:Body>", header, 1)
	sent := wssec.OutgoingToken{Token: make([]byte, 1200), Key: wssec.NewKey(g.key)} // as long as a ticket usually is
	message, _, err := g.client.ProtectRequest(nil, parsed(t, []byte(plain)), sent)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// run does the work n times, and returns the CPU time of each.
func (g *givenKey) run(t *testing.T, work string, n int, _ string, message []byte) time.Duration {
	t.Helper()
	runtime.GC() // of what others have left
	before := ownTime(t)
	for range n {
		env := parsed(t, message)
		m, err := g.service.Verify(t.Context(), env, wssec.Channel{})
		if err != nil {
			t.Fatal(err)
		}
		if work == "exchange" {
			g.exchange(t, m)
		}
		m.Release()
	}
	return (ownTime(t) - before) / time.Duration(n)
}

// exchange writes the message for a backend, and secures it as its reply.
func (g *givenKey) exchange(t *testing.T, m *wssec.Message) {
	t.Helper()
	var err error
	if g.forwarded, err = m.AppendForward(g.forwarded[:0], wssec.Forwarding{}); err != nil {
		t.Fatal(err)
	}
	reply := parsed(t, g.forwarded)
	if g.out, err = g.service.Protect(t.Context(), g.out[:0], reply, m); err != nil {
		t.Fatal(err)
	}
	reply.Release()
}

// ownTime returns the CPU time that this process has used.
func ownTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
