package interop

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// browserPage is a page whose script posts to its service and talks to it by
// WebSocket, and then reports what it got.
const browserPage = `<!doctype html><p>Welcome, %s</p><script>
const report = text => fetch('/app/report', {method: 'POST', body: text});
(async () => {
	const response = await fetch('/app/echo', {method: 'POST', body: 'x'.repeat(1 << 20)});
	const body = await response.text();
	const socket = new WebSocket('wss://' + location.host + '/app/socket');
	socket.onopen = () => socket.send('hello');
	socket.onmessage = e => report(response.status + ' ' + body.length + ' ' + e.data);
	socket.onerror = e => report('WebSocket failed');
})().catch(report);
</script><img src="/app/until-reported">`

// browserService is the service of browserPage. What the page reports comes by
// the channel; the page is loaded then.
func browserService(t *testing.T) (url string, reported chan string) {
	t.Helper()
	reported = make(chan string, 1)
	done := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /app/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, browserPage, r.Header.Get("X-Wssgate-Principal"))
	})
	mux.HandleFunc("POST /app/echo", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux.HandleFunc("/app/socket", greet)
	mux.HandleFunc("POST /app/report", func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		reported <- string(text)
		close(done)
	})
	mux.HandleFunc("/app/until-reported", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, reported
}

// greet answers each message of a WebSocket with the client's name in front.
func greet(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // its Host is not the browser's
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if c.Write(r.Context(), kind, append([]byte(r.Header.Get("X-Wssgate-Principal")+" says "), message...)) != nil {
			return
		}
	}
}

// chromium opens a page and returns the document once it is loaded. Tokens are
// for localhost, if allowed.
func (k *kdc) chromium(t *testing.T, url string, allowed bool) string {
	t.Helper()
	need(t, "chromium-headless-shell")
	text, err := os.ReadFile(k.file("tls.crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	args := []string{
		"--no-sandbox", // else it does not run as root
		"--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir(),
		"--ignore-certificate-errors-spki-list=" + base64.StdEncoding.EncodeToString(key[:]),
		"--dump-dom",
	}
	if allowed {
		args = append(args, "--auth-server-allowlist=localhost")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "chromium-headless-shell", append(args, url)...)
	cmd.Env = append(os.Environ(), k.clientEnv(t)...)
	cmd.WaitDelay = 5 * time.Second
	var complaints strings.Builder
	cmd.Stderr = &complaints
	document, err := cmd.Output()
	if err != nil {
		t.Errorf("chromium: %v\n%s", err, &complaints)
	}
	return string(document)
}

// Chromium shows a page to alice, lets its script post to the service and talk
// to it by WebSocket, if the service is in its allow-list.
func TestChromiumNegotiatesWithServe(t *testing.T) {
	k := startKDC(t)
	backend, reported := browserService(t)
	g := serveHTTP(t, k, backend, nil)
	url := g.url + "/app/page"
	if document := k.chromium(t, url, false); strings.Contains(document, "Welcome") ||
		!strings.Contains(document, "Unauthorized") {
		t.Errorf("without the allow-list: %s\n%s", document, g.log)
	}
	if document := k.chromium(t, url, true); !strings.Contains(document, "<p>Welcome, alice@EXAMPLE.COM</p>") {
		t.Errorf("document: %s\n%s", document, g.log)
	}
	select {
	case got := <-reported:
		if got != "200 1048576 alice@EXAMPLE.COM says hello" {
			t.Errorf("the page reports: %s\n%s", got, g.log)
		}
	default:
		t.Errorf("the page reports nothing\n%s", g.log)
	}
}

// originPage is a page of another origin, whose script calls the service by what
// needs a preflight, and then reports what it got.
const originPage = `<!doctype html><script>
fetch('%s/app/x', {method: 'PUT', body: '{}', credentials: 'include', headers: {'Content-Type': 'application/json'}})
	.then(response => response.text()).catch(String)
	.then(text => fetch('/report', {method: 'POST', body: text}));
</script><img src="/until-reported">`

// originService is the service of originPage; see browserService. Scripts of its
// origin call that of the parameter service.
func originService(t *testing.T) (origin string, reported chan string) {
	t.Helper()
	reported = make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, originPage, r.FormValue("service"))
	})
	done := make(chan struct{}, 1)
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		reported <- string(text)
		done <- struct{}{}
	})
	mux.HandleFunc("/until-reported", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, reported
}

// A script of another origin calls the service as alice if its origin is in
// cors-origins.
func TestChromiumNegotiatesForScriptsOfOtherOrigins(t *testing.T) {
	k := startKDC(t)
	own, reported := originService(t)
	for origin, want := range map[string]string{
		own:                   "PUT /app/x for alice@EXAMPLE.COM",
		"https://app.example": "TypeError: Failed to fetch",
	} {
		g := serveHTTP(t, k, page(t), map[string]any{"cors-origins": []string{origin}})
		k.chromium(t, own+"/page?service="+url.QueryEscape(g.url), true)
		select {
		case got := <-reported:
			if !strings.HasPrefix(got, want) {
				t.Errorf("%s: the page reports %q, want %q\n%s", origin, got, want, g.log)
			}
		default:
			t.Errorf("%s: the page reports nothing\n%s", origin, g.log)
		}
	}
}
