package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
)

// Who is who in these tests. The password has what is not ASCII.
const (
	realm    = "EXAMPLE.COM"
	password = "pässword-of-alice"
	service  = "HTTP/localhost"
)

// enough is a time within which everything ends, on a machine with much to do.
const enough = time.Minute

// A browser opens a page in a new tab, which is closed when the test ends, and
// returns a function that evaluates expressions in it: texts, or promises of texts.
type browser func(t *testing.T, url string) func(ctx context.Context, expression string) (string, error)

// A world is a real KDC, a gateway with the relay to it, and pages of another
// origin in a browser.
type world struct {
	t       *testing.T
	kdc     *krbtest.MIT
	log     *lines
	gateway string // host and port
	pages   *httptest.Server
	browser browser
}

// newWorld starts everything for a test and its subtests, but the browser.
func newWorld(t *testing.T, start func(*testing.T) browser) *world {
	t.Helper()
	w := &world{t: t, kdc: krbtest.StartMIT(t), log: new(lines)}
	w.kdc.AddUser("alice", password)
	w.kdc.Admin("modprinc +requires_preauth alice")
	w.kdc.AddUser("bob", password) // without pre-authentication
	w.kdc.AddService(service)
	w.startPages()
	w.gateway = w.serve(w.kdc.Addr, w.kdc.KeytabFile(service))
	w.browser = start(t)
	return w
}

func (w *world) relay() string { return "ws://" + w.gateway + "/kerberos5" }

// csp is the Content-Security-Policy of the pages: nothing more than they need.
const csp = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; " +
	"connect-src 'self' http://localhost:* ws://localhost:*; frame-ancestors 'none'; base-uri 'none'; " +
	"form-action 'none'"

// startPages serves the page, the module and the program.
func (w *world) startPages() {
	files := map[string]string{
		"page.html": "testdata/page.html", "page.js": "testdata/page.js", "wssgate.js": "wssgate.js",
		"wasm_exec.js": filepath.Join(goRoot(w.t), "lib/wasm/wasm_exec.js"), "wssgate.wasm": buildProgram(w.t),
	}
	w.pages = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Security-Policy", csp)
		http.ServeFile(rw, r, files[strings.TrimPrefix(r.URL.Path, "/")])
	}))
	w.t.Cleanup(w.pages.Close)
}

func goRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// buildProgram compiles the program as a release has it.
func buildProgram(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "wssgate.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, "./wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// serve runs a gateway for the page's origin, with a relay to a KDC, and returns
// its host and port.
func (w *world) serve(kdc, keytab string, more ...string) string {
	backend := httptest.NewServer(http.HandlerFunc(answer))
	w.t.Cleanup(backend.Close)
	text := fmt.Sprintf(`
listen: 127.0.0.1:0
admin: "off"
state-dir: %s
keytab: %s
service: %s@%s
kdc-websocket-path: /kerberos5
kdc-proxy-path: /KdcProxy
kdc-realms: [%[4]s]
kdc-servers: [%[4]s=%s]
kdc-origins: [%s]
kdc-client-rate: 1000
backend: %s
routes:
  - path: /app
    standard: spnego-http
    challenge-scheme: application
    cors-origins: [%[6]s]
  - path: /negotiate
    standard: spnego-http
    cors-origins: [%[6]s]
  - {path: /quotes, policy: Kerberos, cors-origins: ["%[6]s"]}
  - {path: /negotiated, policy: SspiNegotiated, addressing: terminate, cors-origins: ["%[6]s"]}
`, w.t.TempDir(), keytab, service, realm, kdc, w.pages.URL, backend.URL) +
		strings.Join(more, "\n")
	file := filepath.Join(w.t.TempDir(), "gate.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	cfg, err := config.Load(&config.Flags{File: file}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	own := new(lines)
	log := slog.New(slog.NewJSONHandler(io.MultiWriter(own, w.log), nil))
	go func() { ended <- assembly.Serve(ctx, &assembly.Program{Settings: cfg, Log: log}) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
	return strings.Replace(w.served(ended, own), "127.0.0.1", "localhost", 1)
}

// served waits until the gateway serves, and returns its address.
func (w *world) served(ended <-chan error, log *lines) string {
	for until := time.Now().Add(enough); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			w.t.Fatalf("serve: %v\n%s", err, log.tail())
		default:
		}
		for line := range strings.Lines(log.String()) {
			var event struct{ Msg, Listen string }
			if json.Unmarshal([]byte(line), &event) == nil && event.Msg == "serving" {
				return event.Listen
			}
		}
	}
	w.t.Fatalf("the gateway does not serve\n%s", log.tail())
	return ""
}

// answer is the service behind the gateway.
func answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.URL.RawQuery == "wait" || bytes.Contains(body, []byte("urn:wait")) {
		<-r.Context().Done()
		return
	}
	if strings.Contains(r.Header.Get("Content-Type"), "xml") {
		w.Header().Set("Content-Type", soap.V11.ContentType())
		fmt.Fprintf(w, `<soap:Envelope xmlns:soap="%s"><soap:Body><q:Quote xmlns:q="urn:q">42.50 for %s</q:Quote>`+
			`</soap:Body></soap:Envelope>`, soap.NS11, r.Header.Get("X-Wssgate-Principal"))
		return
	}
	if r.URL.RawQuery == "fresh" {
		w.Header().Set("Cache-Control", "max-age=600")
	}
	said := strings.TrimSpace(r.Method + " " + r.URL.Path + " " + string(body))
	fmt.Fprintf(w, "%s for %s", said, r.Header.Get("X-Wssgate-Principal"))
}

// A tab is a page in the browser.
type tab struct {
	*world
	eval func(ctx context.Context, expression string) (string, error)
}

// open opens the page in a new tab.
func (w *world) open(t *testing.T) *tab {
	t.Helper()
	return w.openAt(t, w.pages.URL)
}

func (w *world) openAt(t *testing.T, origin string) *tab {
	t.Helper()
	p := &tab{w, w.browser(t, origin+"/page.html")}
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	for {
		there, err := p.eval(ctx, "String(globalThis.failure !== undefined)")
		if err != nil {
			t.Fatalf("the page has no module: %v", err)
		}
		if there == "true" {
			return p
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// run runs the body of an async function in the page, and returns what that does.
func run[T any](t *testing.T, p *tab, script string, args ...any) (value T) {
	t.Helper()
	var list []string
	for _, arg := range args {
		text, err := json.Marshal(arg)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	call := "(async (...args) => {" + script + "})(" + strings.Join(list, ", ") + ")"
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	text, err := p.eval(ctx, call+".then(value => JSON.stringify(value ?? null))")
	if err == nil {
		err = json.Unmarshal([]byte(text), &value)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, p.log.tail())
	}
	return value
}

// A failure is what an error shows of itself in a page.
type failure struct {
	Name, Code, Message, Reason, Cure string
	Status                            int
	Fault                             *struct{ Code, Reason string }
	IsOurs                            bool
}

// lines is a log that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// tail is what was written last.
func (l *lines) tail() string {
	text := l.String()
	return text[max(0, len(text)-4000):]
}
