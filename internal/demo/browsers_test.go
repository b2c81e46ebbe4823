package demo

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/wssgate/wssgate/internal/firefox"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

var (
	chromiumPeer = krbtest.Peer{Path: "/usr/bin/chromium-headless-shell", Package: "chromium-headless-shell"}
	firefoxPeer  = krbtest.Peer{Path: firefox.Path, Package: firefox.Package}
)

// A tab is the page in a browser.
type tab struct {
	t *testing.T

	kind string // before the names of its pictures

	// eval returns the text to which the promise of an expression is fulfilled.
	eval    func(ctx context.Context, expression string) (string, error)
	enter   func(ctx context.Context) error // presses the key
	picture func(ctx context.Context) ([]byte, error)
}

// open opens the page in a new Chromium.
func open(t *testing.T, url string, flags ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(chromiumPeer.Path), chromedp.WSURLReadTimeout(enough)}
	for _, name := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
		"disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
		"hide-scrollbars"} {
		options = append(options, chromedp.Flag(name, true))
	}
	all, end := chromedp.NewExecAllocator(context.Background(), append(options, flags...)...)
	t.Cleanup(end)
	all, end = chromedp.NewContext(all)
	t.Cleanup(end)
	if err := chromedp.Do(all, chromedp.Navigate(url)); err != nil {
		t.Fatalf("the browser: %v", err)
	}
	in := func(ctx context.Context) (context.Context, context.CancelFunc) {
		until, _ := ctx.Deadline()
		return context.WithDeadline(all, until)
	}
	return &tab{t: t,
		eval: func(ctx context.Context, expression string) (string, error) {
			ctx, cancel := in(ctx)
			defer cancel()
			return chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
		},
		enter: func(ctx context.Context) error {
			ctx, cancel := in(ctx)
			defer cancel()
			return chromedp.Do(ctx, chromedp.KeyEvent("\r"))
		},
		picture: func(ctx context.Context) ([]byte, error) {
			ctx, cancel := in(ctx)
			defer cancel()
			return chromedp.Run(ctx, chromedp.FullScreenshot(100))
		},
	}
}

// openFirefox opens the page in a new Firefox.
func openFirefox(t *testing.T, url string, width int, dark bool) *tab {
	t.Helper()
	preferences := map[string]any{"ui.systemUsesDarkTheme": 0}
	if dark {
		preferences["ui.systemUsesDarkTheme"] = 1
	}
	p := firefox.Start(t, firefox.Config{Preferences: preferences}).Open(t, url)
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	if err := p.Resize(ctx, width, 900); err != nil {
		t.Fatal(err)
	}
	const enter = "\uE007"
	return &tab{t: t, eval: p.Run, picture: p.Screenshot,
		enter: func(ctx context.Context) error { return p.Press(ctx, enter) }}
}
