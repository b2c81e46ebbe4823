package demo

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/chromedp/chromedp"

	"github.com/wssgate/wssgate/internal/browser"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

var (
	screens     = flag.String("screens", "", "write pictures of the page to this directory")
	targets     = flag.Bool("targets", false, "measure size and times of the browser client, as a release has it")
	withFirefox = flag.Bool("firefox", false, "try the page in Firefox too")
)

// enough is a time within which everything ends, on a machine with much to do.
const enough = time.Minute

// browserFiles builds the browser client in a new folder.
func browserFiles(t *testing.T, more ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	args := append([]string{"run", "../browser/build", "-source", "../..", "-out", dir}, more...)
	cmd := exec.Command("go", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// pageOf starts a world with the browser client of a folder.
func pageOf(t *testing.T, dir string) *world {
	t.Helper()
	files, err := browser.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWorld(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

// ready waits until the client is loaded.
func (p *tab) ready() *tab {
	p.t.Helper()
	p.until(`document.getElementById("state").textContent`, "Ready")
	return p
}

// value returns the value of an expression in the page, or to which its promise is
// fulfilled.
func value[T any](p *tab, expression string) (v T) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	text, err := p.eval(ctx, "Promise.resolve("+expression+").then(value => JSON.stringify(value ?? null))")
	if err == nil {
		err = json.Unmarshal([]byte(text), &v)
	}
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until the page is idle and a text has a part.
func (p *tab) until(expression, part string) {
	p.t.Helper()
	wanted, _ := json.Marshal(part)
	condition := fmt.Sprintf(`document.body.getAttribute("aria-busy") !== "true" && (%s).includes(%s)`, expression, wanted)
	for deadline := time.Now().Add(enough); !value[bool](p, condition); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("no %q in the page: %s", part, value[string](p, `document.getElementById("state").innerText +
				document.getElementById("outcome").innerText.slice(0, 1000)`))
		}
	}
}

// click presses a button, and waits for a part of what is then said.
func (p *tab) click(id, where, part string) {
	p.t.Helper()
	if value[bool](p, fmt.Sprintf(`document.getElementById(%q).disabled`, id)) {
		p.t.Fatalf("%s cannot be pressed", id)
	}
	value[any](p, fmt.Sprintf(`document.getElementById(%q).click()`, id))
	p.until(fmt.Sprintf(`document.getElementById(%q).textContent`, where), part)
}

// fill writes a field of a form.
func (p *tab) fill(form, field, text string) {
	p.t.Helper()
	quoted, _ := json.Marshal(text)
	value[any](p, fmt.Sprintf(`document.getElementById(%q).elements[%q].value = %s`, form, field, quoted))
}

// steps fails unless what the page shows of the exchanges has all parts.
func (p *tab) steps(parts ...string) {
	p.t.Helper()
	text := value[string](p, `document.getElementById("steps").textContent`)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			p.t.Errorf("no %q in\n%.3000s", part, text)
		}
	}
}

// shoot checks that the page fits, and writes a picture if they are asked for.
func (p *tab) shoot(name string) {
	p.t.Helper()
	if w := value[[2]int](p, `[document.documentElement.scrollWidth, innerWidth]`); w[0] > w[1] {
		p.t.Errorf("%s: %d pixels wide, in %d", name, w[0], w[1])
	}
	if *screens == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	picture, err := p.picture(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screens, p.kind+name+".png"), picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// On the page alice logs in, calls the service by HTTP and by SOAP, and sees that
// what must not get through does not.
func TestPage(t *testing.T) {
	t.Parallel()
	krbtest.Need(t, chromiumPeer)
	testPage(t, "", func(url string, width int, dark bool) *tab {
		options := []chromedp.ExecAllocatorOption{chromedp.WindowSize(width, 900)}
		if dark {
			options = append(options, chromedp.Flag("blink-settings", "preferredColorScheme=0"))
		}
		return open(t, url, options...)
	})
}

// TestPageInFirefox is TestPage in Firefox.
func TestPageInFirefox(t *testing.T) {
	if !*withFirefox {
		t.Skip("Firefox is large: -firefox")
	}
	krbtest.Need(t, firefoxPeer)
	testPage(t, "firefox-", func(url string, width int, dark bool) *tab { return openFirefox(t, url, width, dark) })
}

// testPage opens the page in browsers, with the width of their windows.
func testPage(t *testing.T, kind string, open func(url string, width int, dark bool) *tab) {
	dir := browserFiles(t, "-quick")
	w := pageOf(t, dir)
	checkHeaders(t, w)
	p := open(w.pageURL, 1000, false).ready()
	p.kind = kind
	p.shoot("page-ready")
	logsIn(p)
	calls(p)
	refusals(p)
	narrow := open(w.pageURL, 400, true).ready()
	narrow.kind = kind
	narrow.click("enter", "state", "alice@EXAMPLE.COM is logged in")
	narrow.click("soap", "verdict", Price)
	narrow.shoot("page-narrow-dark")
	narrow.click("leave", "state", "Logged out")
	if !value[bool](narrow, `document.getElementById("http").disabled && document.getElementById("ticket").hidden`) {
		t.Error("the page offers calls after the logout")
	}
	narrow.shoot("page-narrow-out")
	if elsewhere := value[string](p, `performance.getEntriesByType("resource").map(e => e.name).
		filter(n => !n.startsWith(location.origin + "/")).join(" ")`); elsewhere != "" {
		t.Errorf("the page loads %s", elsewhere)
	}
	changeProgram(t, dir)
	changed := open(pageOf(t, dir).pageURL, 1000, false)
	changed.kind = kind
	value[any](changed, `document.body.setAttribute("aria-busy", "false")`) // it stays so
	changed.until(`document.getElementById("state").textContent`, "The client cannot be loaded")
	changed.shoot("page-changed-program")
}

// changeProgram changes the program of a folder, as somebody on the way might.
func changeProgram(t *testing.T, dir string) {
	t.Helper()
	for pattern, coding := range map[string]func(io.Writer) io.WriteCloser{
		"*.wasm.br": func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
		"*.wasm.gz": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		var out bytes.Buffer
		w := coding(&out)
		if _, err := io.WriteString(w, "\x00asm\x01\x00\x00\x00"); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(found[0], out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// logsIn is a wrong password, a name that is none, and a login by the keyboard.
func logsIn(p *tab) {
	p.t.Helper()
	p.click("wrong", "state", "preauthentication-failed")
	p.shoot("page-wrong-password")
	const odd = `<img src=x onerror="document.title='owned'">`
	p.fill("login", "user", odd)
	p.click("enter", "state", "Not logged in")
	p.until(`document.getElementById("state").textContent`, "<img")
	if made := value[int](p, `document.images.length`); made != 0 || value[string](p, "document.title") == "owned" {
		p.t.Error("a name was taken for HTML")
	}
	p.fill("login", "user", "alice")
	value[any](p, `document.getElementById("login").elements.password.focus()`)
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	if err := p.enter(ctx); err != nil {
		p.t.Fatal(err)
	}
	p.until(`document.getElementById("state").textContent`, "alice@EXAMPLE.COM is logged in")
	p.until(`document.getElementById("tickets").textContent`, "krbtgt/EXAMPLE.COM@EXAMPLE.COM")
	p.shoot("page-logged-in")
}

// calls are those that get through.
func calls(p *tab) {
	p.t.Helper()
	p.click("http", "verdict", "ACME: 42.50 EUR")
	p.steps("Www-Authenticate: Application Negotiate", "Authorization: Negotiate ", "GET /price/ACME: accepted",
		principalHeader+": "+ClientName)
	p.until(`document.getElementById("tickets").textContent`, serviceHTTP)
	p.shoot("page-http")
	const odd = `<script>alert(1)</script>&"`
	p.fill("calls", "symbol", odd)
	p.click("soap", "verdict", Price)
	p.steps("POST /quotes: accepted", "EncryptedData", principalHeader+": "+ClientName, "&lt;script", "AP-REQ",
		" characters)")
	if made := value[int](p, `document.querySelectorAll("main script").length`); made != 0 {
		p.t.Error("a message was taken for HTML")
	}
	p.fill("calls", "symbol", "ACME")
	p.click("soap", "verdict", Price)
	value[any](p, `document.querySelectorAll("#steps details").forEach(d => d.open = true)`)
	p.steps("opens with", "session key") // of the ticket, by the gateway's key
	p.shoot("page-soap")
}

// refusals are those that do not.
func refusals(p *tab) {
	p.t.Helper()
	for id, code := range map[string]string{
		"replay": "ticket-replay", "change": "digest-invalid", "expired": "ticket-expired",
	} {
		p.click(id, "verdict", "Refused, as it has to be: "+code)
		p.steps("POST /quotes: "+code, "Nothing arrives at the service.")
		p.shoot("page-" + id)
	}
}

// checkHeaders fails unless the page has a strict policy, and answers to no other
// name.
func checkHeaders(t *testing.T, w *world) {
	t.Helper()
	resp, err := http.Get(w.pageURL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	policy := resp.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval';", "style-src 'self'",
		"frame-ancestors 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("no %s in %s", part, policy)
		}
	}
	for _, path := range []string{"", "demo/exchanges?after=0", "demo/request", "demo/expired", "quotes"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.pageURL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "demo.example.com"
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("/%s by another name: %s", path, resp.Status)
		}
	}
}

// The client is at most 3.5 MB on the wire, ready within a second, and logs in within
// half of one: the medians of browsers that have nothing of it yet.
func TestTargetsOfTheBrowserClient(t *testing.T) {
	if !*targets {
		t.Skip("measures times, which depend on what else the machine does: ask for it with -targets")
	}
	krbtest.Need(t, chromiumPeer)
	w := pageOf(t, browserFiles(t))
	var octets []int
	ready, login := make([]int, 0, 7), make([]int, 0, 7)
	for range cap(ready) {
		p := open(t, w.pageURL).ready()
		ready = append(ready, milliseconds(p, "state"))
		p.click("enter", "state", "is logged in")
		login = append(login, milliseconds(p, "state"))
		octets = append(octets, value[int](p, `performance.getEntriesByType("resource").
			filter(e => e.name.includes("/wssgate/")).reduce((sum, e) => sum + e.encodedBodySize, 0)`))
	}
	slices.Sort(ready)
	slices.Sort(login)
	size, median := slices.Max(octets), len(ready)/2
	t.Logf("%d octets; ready in %d ms, of %v; login in %d ms, of %v", size, ready[median], ready, login[median], login)
	if size > 3_500_000 || ready[median] > 1000 || login[median] > 500 {
		t.Error("that is too much")
	}
}

// milliseconds returns the time that a text of the page has.
func milliseconds(p *tab, id string) int {
	p.t.Helper()
	return value[int](p, fmt.Sprintf(`Number(document.getElementById(%q).textContent.match(/ (\d+) ms/)[1])`, id))
}
