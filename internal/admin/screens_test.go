package admin_test

import (
	"errors"
	"flag"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/admin"
	"github.com/wssgate/wssgate/internal/gateway"
)

var screens = flag.String("screens", "", "write pictures of the status page to this directory, by Chromium")

// TestScreens writes pictures of the page in its states, for people to look at.
// They are kept in docs/screens.
func TestScreens(t *testing.T) {
	if *screens == "" {
		t.Skip("draws pictures for people; ask for it with -screens DIR")
	}
	browser, err := exec.LookPath("chromium-headless-shell")
	if err != nil {
		t.Fatal("install chromium-headless-shell: ", err)
	}
	quiet := newHarness(t, nil)
	busy := newHarness(t, func(c *admin.Config) {
		now := noon.Add(-time.Hour)
		c.Now = func() time.Time { now = now.Add(1700 * time.Millisecond); return minTime(now, noon) }
		c.Routes = append(c.Routes, admin.Route{Name: "/wiki", Standard: "spnego-http", Policy: "HTTP Negotiate",
			Service: "HTTP/gw.example.com@EXAMPLE.COM", Backend: "http://wiki.test:8080", KeyFile: "/etc/svc.keytab"})
	})
	for i := range 2100 {
		r := accepted
		if i%3 == 0 {
			r.Route = "/wiki"
		}
		if i%17 == 0 {
			r = refused
			r.Err = errors.New("the digest of the Body differs from the one that the Signature has")
		}
		if i%400 == 7 {
			r = outside
		}
		r.Start = noon.Add(time.Duration(i-2100) * 1700 * time.Millisecond)
		busy.Observe(&r)
	}
	ending := newHarness(t, nil)
	ending.Drain()
	ending.Observe(&gateway.Record{})
	dark := "--blink-settings=preferredColorScheme=0"
	for name, args := range map[string][]string{
		"quiet":  {"--window-size=1100,900", quiet.url},
		"busy":   {"--window-size=1100,1300", busy.url},
		"dark":   {"--window-size=1100,1300", dark, busy.url},
		"narrow": {"--window-size=400,1800", busy.url},
		"ending": {"--window-size=1100,900", ending.url},
	} {
		shoot(t, browser, name, args...)
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func shoot(t *testing.T, browser, name string, args ...string) {
	t.Helper()
	file := filepath.Join(*screens, name+".png")
	args = append([]string{"--no-sandbox", "--hide-scrollbars", "--screenshot=" + file}, args...)
	if out, err := exec.Command(browser, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
