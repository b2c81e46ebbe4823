package browser

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/chromedp/chromedp"

	"github.com/wssgate/wssgate/internal/firefox"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

var withFirefox = flag.Bool("firefox", false, "run scripts with integrity in Firefox too")

var chromium = krbtest.Peer{Path: "/usr/bin/chromium-headless-shell", Package: "chromium-headless-shell"}

// enough is a time within which everything ends, on a machine with much to do.
const enough = time.Minute

// The policy and the element that the command prints work in a page of another origin:
// what has the integrity runs, what differs does not, and neither does the page's
// module that imports it, nor what comes from an origin that the policy has not.
func TestScriptWithIntegrityIsAllThatABrowserRuns(t *testing.T) {
	krbtest.Need(t, chromium)
	browser := start(t)
	testIntegrity(t, func(url string) string { return title(t, browser, url) })
}

// The same in Firefox.
func TestScriptWithIntegrityIsAllThatFirefoxRuns(t *testing.T) {
	if !*withFirefox {
		t.Skip("Firefox is large: -firefox")
	}
	krbtest.Need(t, krbtest.Peer{Path: firefox.Path, Package: firefox.Package})
	browser := firefox.Start(t, firefox.Config{})
	testIntegrity(t, func(url string) string {
		p := browser.Open(t, url)
		defer p.Close()
		title, err := p.Run(t.Context(), "document.title")
		if err != nil {
			t.Error(err)
		}
		return title
	})
}

// testIntegrity opens pages in a browser, which returns their titles.
func testIntegrity(t *testing.T, title func(url string) string) {
	const good = `export const said = "good";`
	files := served(t, good)
	place := Place{}
	module := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, `import { said } from "%s"; document.title = said;`, r.URL.Query().Get("from"))
	})
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own.js" {
			module(w, r)
			return
		}
		at := place
		at.At = r.URL.Query().Get("at")
		policy, err := place.Policy()
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>nothing</title>%s<script type="module" src="/own.js?from=%s"></script>`,
			at.Script(files), at.address(files.Module))
	}))
	defer pages.Close()
	mux := http.NewServeMux()
	mux.Handle("/good/", files.Handler("/good", []string{pages.URL}))
	mux.Handle("/changed/", served(t, `export const said = "changed";`).Handler("/changed", []string{pages.URL}))
	mux.Handle("/unlisted/", files.Handler("/unlisted", []string{"https://app.example.com"}))
	gateway := httptest.NewServer(mux)
	defer gateway.Close()
	place.At = gateway.URL
	elsewhere := httptest.NewServer(mux)
	defer elsewhere.Close()
	for at, want := range map[string]string{
		gateway.URL + "/good": "good", gateway.URL + "/changed": "nothing", gateway.URL + "/unlisted": "nothing",
		elsewhere.URL + "/good": "nothing",
	} {
		if got := title(pages.URL + "/?at=" + at); got != want {
			name := strings.NewReplacer(gateway.URL, "the gateway", elsewhere.URL, "elsewhere").Replace(at)
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
}

// served returns files whose module has a text.
func served(t *testing.T, text string) *Files {
	t.Helper()
	folder := dist(t)
	var br strings.Builder
	w := brotli.NewWriter(&br)
	if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	folder["wssgate-0a.js.br"] = &fstest.MapFile{Data: []byte(br.String())}
	files, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	files.Named("wssgate-0a.js").Integrity = Integrity([]byte(text))
	return files
}

// start starts a browser.
func start(t *testing.T) context.Context {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(chromium.Path), chromedp.WSURLReadTimeout(enough)}
	for _, name := range []string{"headless", "no-sandbox", "disable-gpu", "no-first-run",
		"disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(name, true))
	}
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, end = chromedp.NewContext(ctx)
	t.Cleanup(end)
	if _, err := chromedp.Run(ctx, chromedp.Location()); err != nil {
		t.Fatalf("the browser: %v", err)
	}
	return ctx
}

// title returns the title of a page when all of it has run, or was refused.
func title(t *testing.T, browser context.Context, url string) string {
	t.Helper()
	tab, end := chromedp.NewContext(browser)
	defer end()
	if _, err := chromedp.Run(tab, chromedp.Location()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tab, enough)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil { // until its load event, which modules delay
		t.Fatal(err)
	}
	got, err := chromedp.Run(ctx, chromedp.Title())
	if err != nil {
		t.Fatal(err)
	}
	return got
}
