package assembly

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// The memory limit follows the settings and what the replay stores hold.
func TestMemoryLimitFollowsTheSettings(t *testing.T) {
	cfg := &config.Config{Process: config.Process{MaxInFlight: 1 << 30, TokenCache: 1 << 20}}
	empty := memoryLimit(cfg, 0)
	if empty != 2<<30+1<<20+memoryBase || memoryLimit(cfg, 1000)-empty != 1000*replayPeak*replay.EntryBytes {
		t.Errorf("%d without records, %d with 1000", empty, memoryLimit(cfg, 1000))
	}
	before := debug.SetMemoryLimit(-1)
	stop := limitMemory(cfg, MemoryReplay(cfg))
	if now := debug.SetMemoryLimit(-1); now != empty {
		t.Errorf("limit %d, want %d", now, empty)
	}
	if stop(); debug.SetMemoryLimit(-1) != before {
		t.Error("the limit stays")
	}
	t.Setenv("GOMEMLIMIT", "1GiB")
	defer limitMemory(cfg, MemoryReplay(cfg))()
	if debug.SetMemoryLimit(-1) != before {
		t.Error("the operator's limit is overruled")
	}
}

var memoryOfTheProcess = flag.Bool("memory", false, "hold the memory of the program against what its documents say")

// The real program, under messages whose index is large for them from clients
// that nobody knows and from one that the route then refuses, takes no more
// memory than docs/operations.md says: two octets for each of max-in-flight,
// and 128 MiB.
func TestMemoryOfTheProcessFollowsTheBudget(t *testing.T) {
	const budget, rest = 64 << 20, 128 << 20
	if !*memoryOfTheProcess {
		t.Skip("floods the program for a minute, as .ci/run has it: -memory")
	}
	if runtime.GOOS != "linux" {
		t.Skip("reads the peak from /proc, which only Linux has")
	}
	w := newServiceWorld(t, "soap/gateway.example.com")
	p := startProgram(t, w, "--max-in-flight", strconv.Itoa(budget), "--max-message", strconv.Itoa(16<<20),
		"--busy-timeout", "100ms", "--allowed-principals", "alice@"+realm)
	check := func(name string, size int) {
		peak := p.peak()
		t.Logf("%-22s %8d octets: peak %d MiB of %d", name, size, peak>>20, (2*budget+rest)>>20)
		if peak > 2*budget+rest {
			t.Errorf("%s: peak of %d MiB", name, peak>>20)
		}
	}
	check("start", 0)
	for name, doc := range denseMessages() {
		p.flood(12, 16, func(int) []byte { return []byte(doc) })
		check(name, len(doc))
	}
	for name, body := range map[string]string{
		"elements, encrypted":   strings.Repeat("<a/>", 990_000),
		"attributes, encrypted": strings.Repeat("<a"+manyAttributes(200)+"/>", 2500),
		"text, encrypted":       "<a>" + strings.Repeat("text ", 1<<20) + "</a>",
	} {
		msgs := make([][]byte, 24)
		for i := range msgs {
			msgs[i] = w.request(t, "mallory", body)
		}
		p.flood(24, 24, func(i int) []byte { return msgs[i] })
		check(name, len(msgs[0]))
	}
	t.Log("outcomes:", p.log.codes())
	if n := p.log.codes(); n["not-authorized"] == 0 || n["overloaded"] == 0 {
		t.Errorf("nothing was refused late, or nothing for lack of memory: %v", n)
	}
}

// A start takes the program and what it needs: the memory that only moves the
// collector is never touched, whatever the addresses that the runtime chose.
func TestMemoryOfTheProcessAtStart(t *testing.T) {
	if !*memoryOfTheProcess {
		t.Skip("starts the program many times, as .ci/run has it: -memory")
	}
	if runtime.GOOS != "linux" {
		t.Skip("reads the peak from /proc, which only Linux has")
	}
	w := newServiceWorld(t, "soap/gateway.example.com")
	for range 12 {
		p := startProgram(t, w)
		if peak := p.peak(); peak > heapFloor {
			t.Errorf("%d MiB", peak>>20)
		}
		_ = p.cmd.Process.Kill()
	}
}

// denseMessages are envelopes with an index that is large for them.
func denseMessages() map[string]string {
	number := func(form string, size int) string { // with N for a number
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			b.WriteString(strings.ReplaceAll(form, "N", strconv.Itoa(i)))
		}
		return b.String()
	}
	docs := map[string]string{
		"empty elements":  strings.Repeat("<a/>", 400_000),
		"namespaces":      number(`<pN:a xmlns:pN="u:N"/>`, 1_500_000),
		"declarations":    strings.Repeat(`<a xmlns="u:"/>`, 270_000),
		"attributes":      strings.Repeat("<a"+manyAttributes(200)+"/>", 5000),
		"text":            strings.Repeat("a", 8_000_000),
		"equals signs":    strings.Repeat("=", 8_000_000),
		"carriage return": strings.Repeat("\r", 8_000_000),
	}
	for name, body := range docs {
		docs[name] = `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body>` + body + `</s:Body></s:Envelope>`
	}
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(docs["empty elements"])) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	docs["UTF-16"] = string(wide)
	return docs
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` z%d=""`, i)
	}
	return b.String()
}

// request is a message of a client to the service of w, with a ticket of its
// own.
func (w *serviceWorld) request(t *testing.T, client, body string) []byte {
	t.Helper()
	token, key, err := w.kdc.Token(client, "soap/gateway.example.com", krbtest.TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+soap.NS11+`"><s:Body>`+body+`</s:Body></s:Envelope>`),
		xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	msg, _, err := w.client.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// A program is wssgate serve in a process of its own.
type program struct {
	t   *testing.T
	cmd *exec.Cmd
	log lineBuffer
	url string
}

// startProgram builds wssgate, and serves the keys of w.
func startProgram(t *testing.T, w *serviceWorld, args ...string) *program {
	t.Helper()
	exe := filepath.Join(w.dir, "wssgate")
	if out, err := exec.Command("go", "build", "-o", exe, "../../cmd/wssgate").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	backend := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(backend.Close)
	p := &program{t: t}
	p.cmd = exec.Command(exe, append([]string{"serve", "--listen", "127.0.0.1:0",
		"--no-replay-journal", "--backend", backend.URL,
		"--keytab", w.keytab("svc.keytab", "soap/gateway.example.com")}, args...)...)
	p.cmd.Stderr, p.cmd.Env = &p.log, append(os.Environ(), "GOMEMLIMIT=", "GOGC=")
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	listening := regexp.MustCompile(`"msg":"serving","listen":"([^"]+)"`)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if m := listening.FindStringSubmatch(p.log.String()); m != nil {
			p.url = "http://" + m[1] + "/"
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not serve:\n%s", p.log.String())
		}
	}
}

// peak is the most memory that the process had resident, in octets.
func (p *program) peak() int64 {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		p.t.Fatalf("no VmHWM:\n%s", status)
	}
	kb, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return kb << 10
}

// flood sends n messages over so many connections.
func (p *program) flood(connections, n int, message func(i int) []byte) {
	var next sync.Mutex
	var wg sync.WaitGroup
	sent := 0
	for range connections {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{}).DialContext}}
			defer client.CloseIdleConnections()
			for {
				next.Lock()
				i := sent
				sent++
				next.Unlock()
				if i >= n {
					return
				}
				if resp, err := client.Post(p.url, "text/xml", bytes.NewReader(message(i))); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}
		})
	}
	wg.Wait()
}
