package interop

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// What a hop through wssgate serve costs beside one through
// httputil.ReverseProxy to the same server: CPU time of the process for each
// exchange of 6 kB in both directions. A protected one is held against the
// proxy's and what its message needs by itself (BenchmarkVerifyProtect of
// package wssec), which is measured in the same rounds. Beside them stands the
// least that a gateway costs which must have all of a message before it forwards
// it, as one that verifies has to: a handler of net/http that reads both bodies
// whole. The messages are made before the clock starts. .ci/long runs it; the
// ratios go to docs/performance.md.
func TestSpeedAgainstReverseProxy(t *testing.T) {
	if !*speeds {
		t.Skip("measures for some minutes, as .ci/long has it: -speeds")
	}
	defer runtime.KeepAlive(make([]byte, 64<<20)) // as serve has it, for the message by itself
	h := newHop(t)
	bare := contenderOf(h, "ReverseProxy", h.startProxy(t, "bare"), "/", h.inClear)
	tuned := contenderOf(h, "ReverseProxy with serve's collector and a pool", h.startProxy(t, "tuned"), "/", h.inClear)
	whole := contenderOf(h, "both bodies read whole", h.startProxy(t, "whole"), "/", h.inClear)
	usual := h.startServe(t, nil)
	quiet := h.startServe(t, map[string]any{"log-level": "warn"})
	noJournal := h.startServe(t, map[string]any{"replay-journal": false})
	all := []contender{
		bare, tuned, whole,
		contenderOf(h, "none", usual, "/none", h.inClear),
		contenderOf(h, "none, log-level warn", quiet, "/none", h.inClear),
		contenderOf(h, "protected", usual, "/protected", h.protected),
		contenderOf(h, "protected, log-level warn", quiet, "/protected", h.protected),
		contenderOf(h, "protected, no replay journal", noJournal, "/protected", h.protected),
		{"the message by itself", os.Getpid(), h.byItself},
	}
	const rounds, requests, clients = 9, 3000, 8
	cost := inTurns(t, rounds, requests, clients, all)
	for _, c := range all {
		t.Logf("speed: hop: %s: %v, memory %d MiB", c.name, cost[c.name], residentSet(t, c.pid)>>20)
	}
	message := cost["the message by itself"].cpu
	for _, c := range all[2:8] {
		own := time.Duration(0)
		if strings.HasPrefix(c.name, "protected") {
			own = message
		}
		for _, p := range all[:2] {
			t.Logf("speed: hop: %s: %.2f of the CPU time of %s and the message, %.2f of its requests a second", c.name,
				float64(cost[c.name].cpu)/float64(cost[p.name].cpu+own), p.name,
				float64(cost[p.name].wall)/float64(cost[c.name].wall))
		}
	}
}

// A hop is what surrounds the servers: a KDC, the server behind them, and
// messages.
type hop struct {
	t       *testing.T
	kdc     *krbtest.KDC
	backend string
	program string
	client  *wssec.Processor
	plain   []byte // the message, and the reply
}

const hopService = "HTTP/gw.example.com"

// hopPolicy signs and encrypts, with a ticket in each message.
func hopPolicy() wssec.Policy {
	return wssec.Policy{
		Binding: wssec.SymmetricBinding, ProtectionToken: wssec.KerberosToken, AlgorithmSuite: wssec.Basic128,
		SignedParts: wssec.Parts{Body: true}, EncryptedParts: wssec.Parts{Body: true}, AllowPlainHTTP: true,
	}
}

func newHop(t *testing.T) *hop {
	h := &hop{t: t, kdc: krbtest.New(krbtest.Config{}), program: program(t), plain: []byte(order(6 << 10))}
	h.kdc.AddService(hopService)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", soap.V11.ContentType())
		w.Header().Set("Content-Length", strconv.Itoa(len(h.plain))) // else the proxy flushes what it copies
		_, _ = w.Write(h.plain)
	}))
	t.Cleanup(backend.Close)
	h.backend = backend.URL
	client, err := wssec.NewProcessor(hopPolicy(), wssec.Config{Replay: replay.NewMemory(replay.MemoryConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	h.client = client
	return h
}

// order is a message of so many octets or a little more, document/literal.
func order(size int) string {
	var b strings.Builder
	b.WriteString(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ` +
		`xmlns:xsd="http://www.w3.org/2001/XMLSchema"><s:Body><o:Order xmlns:o="urn:example:orders" ` +
		`xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="o:OrderType">`)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `<o:Item no="%d"><o:Name>widget &amp; gadget %d</o:Name><o:Price currency="EUR">%d.99</o:Price>`+
			`</o:Item>`, i, i*7, i)
	}
	b.WriteString(`</o:Order></s:Body></s:Envelope>`)
	return b.String()
}

// inClear returns the message without protection, n times.
func (h *hop) inClear(n int) [][]byte {
	messages := make([][]byte, n)
	for i := range messages {
		messages[i] = h.plain
	}
	return messages
}

// protected returns the message n times, with an authenticator of its own each.
func (h *hop) protected(n int) [][]byte {
	messages := make([][]byte, n)
	for i := range messages {
		token, key, err := h.kdc.Token("alice", hopService, krbtest.TokenOptions{})
		if err != nil {
			h.t.Fatal(err)
		}
		sent := wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}
		if messages[i], _, err = h.client.ProtectRequest(nil, parsed(h.t, h.plain), sent); err != nil {
			h.t.Fatal(err)
		}
	}
	return messages
}

// contenderOf returns requests to a server with messages that make returns.
func contenderOf(h *hop, name string, s *server, path string, make func(n int) [][]byte) contender {
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	h.t.Cleanup(transport.CloseIdleConnections)
	client := http.Client{Transport: transport}
	return contender{name: name, pid: s.cmd.Process.Pid, prepare: func(n int) func(int) error {
		messages := make(n)
		return func(i int) error { return h.exchange(&client, s.url+path, messages[i]) }
	}}
}

// exchange sends a message, and looks whether the reply can be the backend's.
func (h *hop) exchange(client *http.Client, url string, message []byte) error {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(message))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", soap.V11.ContentType())
	req.Header.Set("SOAPAction", `"urn:example:order"`)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || len(body) < len(h.plain) {
		return fmt.Errorf("%s: HTTP %d: %.500q", url, resp.StatusCode, body)
	}
	return nil
}

// byItself returns calls that verify a message, write what the backend would
// get, and protect a reply: BenchmarkVerifyProtect.
func (h *hop) byItself(n int) func(int) error {
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: h.kdc.Keytab(nil)})
	if err != nil {
		h.t.Fatal(err)
	}
	service, err := wssec.NewProcessor(hopPolicy(),
		wssec.Config{Verifier: acceptor, Replay: replay.NewMemory(replay.MemoryConfig{})})
	if err != nil {
		h.t.Fatal(err)
	}
	messages := h.protected(n)
	runtime.GC() // of what making them has left
	var buffers sync.Pool
	return func(i int) error {
		out, _ := buffers.Get().(*[]byte)
		if out == nil {
			out = new([]byte)
		}
		defer buffers.Put(out)
		m, err := service.Verify(h.t.Context(), parsed(h.t, messages[i]), wssec.Channel{})
		if err != nil {
			return err
		}
		if *out, err = m.AppendForward((*out)[:0], wssec.Forwarding{}); err != nil {
			return err
		}
		reply := parsed(h.t, h.plain)
		*out, err = service.Protect(h.t.Context(), (*out)[:0], reply, m)
		m.Release()
		reply.Release()
		return err
	}
}

func parsed(t *testing.T, message []byte) *soap.Envelope {
	env, err := soap.Parse(message, xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// A server is a process that serves HTTP.
type server struct {
	cmd *exec.Cmd
	url string
}

// startServe starts the program with a route /none that lets everything in and a
// route /protected.
func (h *hop) startServe(t *testing.T, settings map[string]any) *server {
	t.Helper()
	addr, _ := freeAddr(t)
	dir := t.TempDir()
	keys, err := h.kdc.Keytab(nil).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	config := map[string]any{
		"listen": addr, "state-dir": filepath.Join(dir, "state"),
		"routes": []any{
			map[string]any{"path": "/none", "backend": h.backend, "standard": "none"},
			map[string]any{"path": "/protected", "backend": h.backend, "keytab": filepath.Join(dir, "svc.keytab"),
				"policy": map[string]any{
					"binding": "symmetric", "protection-token": "kerberos", "algorithm-suite": "Basic128",
					"signed-parts": map[string]any{"body": true}, "encrypted-parts": map[string]any{"body": true},
					"allow-plain-http": true,
				}},
		},
	}
	for name, value := range settings {
		config[name] = value
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"svc.keytab": keys, "wssgate.yaml": text} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log")) // beside the keytab each line would wake who follows that
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	cmd := exec.Command(h.program, "serve", "--config", filepath.Join(dir, "wssgate.yaml"))
	cmd.Stderr = log
	daemon(t, cmd, answering("http://"+addr+"/none"))
	return &server{cmd, "http://" + addr}
}

// answering is a ready function: a server answers at the URL, whatever it says.
func answering(url string) func(*output) bool {
	return func(*output) bool {
		resp, err := http.Get(url)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	}
}

// reverseProxy is the variable that makes the test binary a proxy, a process of
// its own: "ADDR KIND BACKEND".
const reverseProxy = "WSSGATE_TEST_REVERSE_PROXY"

func (h *hop) startProxy(t *testing.T, kind string) *server {
	t.Helper()
	addr, _ := freeAddr(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), reverseProxy+"="+addr+" "+kind+" "+h.backend)
	daemon(t, cmd, listening(addr))
	return &server{cmd, "http://" + addr}
}

// serveReverseProxy is httputil.ReverseProxy as its documentation has it, with
// kept connections to the server behind it; or, tuned, with the collector of
// serve and buffers that are used again; or a wholeHop.
func serveReverseProxy(text string) error {
	var addr, kind, backend string
	fmt.Sscan(text, &addr, &kind, &backend)
	target, err := url.Parse(backend)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport,
	}
	switch kind {
	case "whole":
		defer runtime.KeepAlive(make([]byte, 64<<20))
		transport.WriteBufferSize, transport.ReadBufferSize = 32<<10, 32<<10
		return http.ListenAndServe(addr, &wholeHop{backend: backend, transport: transport})
	case "tuned":
		defer runtime.KeepAlive(make([]byte, 64<<20))
		proxy.BufferPool = new(copyBuffers)
	}
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex() // else replies are cut now and then (golang/go#40747)
		proxy.ServeHTTP(w, r)
	}))
}

// A wholeHop passes POST requests on when it has all of them, and their responses
// too. It checks nothing.
type wholeHop struct {
	backend   string
	transport http.RoundTripper
	buffers   sync.Pool
}

func (h *wholeHop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.pass(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
}

func (h *wholeHop) pass(w http.ResponseWriter, r *http.Request) error {
	in, back := h.buffer(), h.buffer()
	if _, err := in.ReadFrom(r.Body); err != nil {
		return err
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, h.backend, bytes.NewReader(in.Bytes()))
	if err != nil {
		return err
	}
	for _, name := range []string{"Content-Type", "Soapaction"} {
		out.Header[name] = r.Header[name]
	}
	resp, err := h.transport.RoundTrip(out)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := back.ReadFrom(resp.Body); err != nil {
		return err
	}
	w.Header()["Content-Type"] = resp.Header["Content-Type"]
	w.Header().Set("Content-Length", strconv.Itoa(back.Len()))
	_, err = w.Write(back.Bytes())
	h.buffers.Put(in)
	h.buffers.Put(back)
	return err
}

func (h *wholeHop) buffer() *bytes.Buffer {
	if b, ok := h.buffers.Get().(*bytes.Buffer); ok {
		b.Reset()
		return b
	}
	return new(bytes.Buffer)
}

// copyBuffers is a pool of a ReverseProxy's buffers.
type copyBuffers struct{ pool sync.Pool }

func (p *copyBuffers) Get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *copyBuffers) Put(b []byte) { p.pool.Put(&b) }

// residentSet returns the octets of memory that a process has now.
func residentSet(t *testing.T, pid int) (octets int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &octets); err == nil {
			return octets << 10
		}
	}
	t.Fatalf("no VmRSS of %d", pid)
	return 0
}
