package web_test

import (
	"context"
	"flag"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/wssgate/wssgate/internal/firefox"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

var withFirefox = flag.Bool("firefox", false, "run the browser client in Firefox too")

var (
	chromiumPeer = krbtest.Peer{Path: "/usr/bin/chromium-headless-shell", Package: "chromium-headless-shell"}
	firefoxPeer  = krbtest.Peer{Path: firefox.Path, Package: firefox.Package}
)

// startChromium starts Chromium for a test and its subtests.
func startChromium(t *testing.T) browser {
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(chromiumPeer.Path)}
	for _, name := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
		"disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(name, true))
	}
	options = append(options, chromedp.WSURLReadTimeout(enough))
	ctx, cancelAll := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancelAll)
	all, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if _, err := chromedp.Run(all, chromedp.Location()); err != nil {
		t.Fatalf("the browser: %v", err)
	}
	return func(t *testing.T, url string) func(context.Context, string) (string, error) {
		t.Helper()
		tab, cancel := chromedp.NewContext(all)
		t.Cleanup(cancel)
		if err := chromedp.Do(tab, chromedp.Navigate(url)); err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context, expression string) (string, error) {
			until, _ := ctx.Deadline()
			ctx, cancel := context.WithDeadline(tab, until)
			defer cancel()
			return chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
		}
	}
}

// startFirefox starts Firefox for a test and its subtests.
func startFirefox(t *testing.T) browser {
	b := firefox.Start(t, firefox.Config{})
	return func(t *testing.T, url string) func(context.Context, string) (string, error) {
		t.Helper()
		return b.Open(t, url).Run
	}
}
