package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/wssgate/wssgate/internal/admin"
	"github.com/wssgate/wssgate/internal/doctor"
)

// A browser is a page in headless Chromium, steered by its DevTools protocol.
type browser struct {
	testing.TB
	conn    *websocket.Conn
	ctx     context.Context
	session string
	n       int
}

// answer is a message of the protocol: a reply if it has an ID, else an event.
type answer struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// newBrowser starts Chromium with an empty page. It ends with the test.
func newBrowser(t testing.TB) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium-headless-shell")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("install chromium-headless-shell (Debian)")
	} else if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, "--no-sandbox", "--remote-debugging-port=0", "--user-data-dir="+t.TempDir(),
		"--disable-dev-shm-usage", "about:blank")
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	b := &browser{TB: t, ctx: ctx}
	const announced = "DevTools listening on "
	lines, url := bufio.NewScanner(out), ""
	for url == "" && lines.Scan() {
		_, url, _ = strings.Cut(lines.Text(), announced)
	}
	go func() { // else it blocks, once the pipe is full
		for lines.Scan() {
		}
	}()
	if b.conn, _, err = websocket.Dial(ctx, url, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.conn.CloseNow() })
	b.conn.SetReadLimit(16 << 20)
	var target struct{ TargetID string }
	b.send("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.send("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	b.send("Page.enable", nil, nil)
	return b
}

// send sends a command, and stores its result in out.
func (b *browser) send(method string, params map[string]any, out any) {
	b.Helper()
	b.n++
	message := map[string]any{"id": b.n, "method": method, "params": params}
	if params == nil {
		message["params"] = map[string]any{}
	}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	if err := wsjson.Write(b.ctx, b.conn, message); err != nil {
		b.Fatal(method, err)
	}
	b.read(method, func(a *answer) bool {
		if a.ID != b.n {
			return false
		}
		if a.Error != nil {
			b.Fatal(method, a.Error.Message)
		}
		if out != nil {
			if err := json.Unmarshal(a.Result, out); err != nil {
				b.Fatal(method, err)
			}
		}
		return true
	})
}

// read reads messages until one is the one.
func (b *browser) read(what string, is func(*answer) bool) {
	b.Helper()
	for {
		var a answer
		if err := wsjson.Read(b.ctx, b.conn, &a); err != nil {
			b.Fatal(what, err)
		}
		if is(&a) {
			return
		}
	}
}

// open opens a page of a width, in light or dark.
func (b *browser) open(url, scheme string, width int) {
	b.Helper()
	b.send("Emulation.setEmulatedMedia", map[string]any{"features": []any{
		map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.send("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1,
		"mobile": false}, nil)
	b.send("Page.navigate", map[string]any{"url": url}, nil)
	b.loaded()
}

// loaded waits until a page is there.
func (b *browser) loaded() {
	b.Helper()
	b.read("load", func(a *answer) bool { return a.Method == "Page.loadEventFired" })
}

// run runs a script, and stores its value in out.
func (b *browser) run(script string, out any) {
	b.Helper()
	var r struct {
		Result struct {
			Value json.RawMessage
		}
		ExceptionDetails any
	}
	b.send("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.Fatalf("%v", r.ExceptionDetails)
	}
	if out != nil {
		if err := json.Unmarshal(r.Result.Value, out); err != nil {
			b.Fatal(err)
		}
	}
}

// press presses a key.
func (b *browser) press(key string) {
	b.Helper()
	code := map[string]int{"Tab": 9, "Enter": 13}[key]
	down := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
	if key == "Enter" {
		down["text"] = "\r"
	}
	b.send("Input.dispatchKeyEvent", down, nil)
	b.send("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key,
		"windowsVirtualKeyCode": code}, nil)
}

// text is what the script in contrasts returns of a text.
type text struct {
	Text, Color, Ground string
	Contrast            float64
}

// contrasts returns the texts of the page that have less contrast than 4.5 to 1
// (WCAG 2.2, 1.4.3), placeholders too, and how many there are.
const contrasts = `(() => {
  const parse = c => c.match(/[\d.]+/g).map(Number);
  const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = el => {
    for (; el; el = el.parentElement) {
      const c = parse(getComputedStyle(el).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
      if (c[3] > 0) throw new Error('a ground that is half transparent');
    }
    throw new Error('no ground');
  };
  document.querySelectorAll('details').forEach(d => d.open = true);
  const seen = [];
  const note = (t, color, el) => {
    const c = parse(color), g = ground(el);
    if (c.length > 3 && c[3] !== 1) throw new Error('a text that is half transparent');
    const [a, b] = [luminance(c), luminance(g)].sort((x, y) => y - x);
    seen.push({Text: t.slice(0, 40), Color: color, Ground: String(g), Contrast: (a + 0.05) / (b + 0.05)});
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walk.nextNode();) {
    const el = n.parentElement;
    if (n.data.trim() && el.checkVisibility() && el.tagName !== 'OPTION')
      note(n.data.trim(), getComputedStyle(el).color, el);
  }
  document.querySelectorAll('input, select').forEach(el => {
    note(el.value || el.name, getComputedStyle(el).color, el);
    if (el.placeholder) note(el.placeholder, getComputedStyle(el, '::placeholder').color, el);
  });
  return {Seen: seen.length, Faint: seen.filter(x => x.Contrast < 4.5)};
})()`

// states are pages in what they may show, by name.
func states(t *testing.T) map[string]string {
	long := strings.Repeat("averylongname", 12)
	busy := newHarness(t, allStates(long))
	busy.failing = long + " is wrong"
	busy.unready = []string{"keytab /etc/" + long + " has no keys"}
	for i := range 30 {
		r := refused
		r.Route = "/" + long
		r.Err = fmt.Errorf("%d: %s", i, strings.Repeat(long, 5))
		busy.Observe(&r)
		busy.Observe(&outside)
	}
	return map[string]string{"quiet": newHarness(t, nil).url + "/", "busy": busy.url + "/",
		"checks": busy.url + "/checks"}
}

// TestPageIsReadable: every text has enough contrast, in light and in dark; and at
// 400 and 320 pixels nothing is wider than the window (WCAG 2.2, 1.4.10).
func TestPageIsReadable(t *testing.T) {
	b := newBrowser(t)
	for name, url := range states(t) {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int{1100, 400, 320} {
				if strings.HasSuffix(url, "/checks") {
					b.open(strings.TrimSuffix(url, "checks"), scheme, width)
					b.run(`document.querySelector('form[action="/doctor"]').submit()`, nil)
					b.loaded()
				} else {
					b.open(url, scheme, width)
				}
				var found struct {
					Seen  int
					Faint []text
				}
				b.run(contrasts, &found)
				if found.Seen < 10 || len(found.Faint) > 0 {
					t.Errorf("%s, %s, %d: of %d texts these are faint: %+v", name, scheme, width, found.Seen,
						found.Faint)
				}
				var needed int
				b.run("document.documentElement.scrollWidth", &needed)
				if needed > width {
					t.Errorf("%s, %s: %d pixels wide in a window of %d", name, scheme, needed, width)
				}
				var ground string
				b.run("getComputedStyle(document.body).backgroundColor", &ground)
				if dark := ground != "rgb(255, 255, 255)"; dark != (scheme == "dark") {
					t.Errorf("%s, %s: the ground is %s", name, scheme, ground)
				}
			}
		}
	}
}

// focusable are the elements that a keyboard has to reach, in their order, each
// with a number.
const focusable = `(() => {
  const all = [...document.querySelectorAll('a[href], button, input, select, summary')];
  all.forEach((el, i) => el.dataset.place = i);
  return all.length;
})()`

// focused is where the focus is, and whether that is to be seen.
const focused = `(() => {
  const el = document.activeElement, s = getComputedStyle(el);
  return {Place: el.dataset.place === undefined ? -1 : +el.dataset.place, Tag: el.tagName,
    Shown: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2};
})()`

// TestPageByKeyboard: Tab reaches all that can be used, in the order in which it
// stands there, and the focus is to be seen; Enter opens a refusal, and sends the
// filter.
func TestPageByKeyboard(t *testing.T) {
	b := newBrowser(t)
	b.open(states(t)["busy"], "light", 1100)
	var all int
	b.run(focusable, &all)
	type focus struct {
		Place int
		Tag   string
		Shown bool
	}
	if all < 20 {
		t.Fatalf("%d elements", all)
	}
	opened := false
	for i := range all {
		b.press("Tab")
		var at focus
		b.run(focused, &at)
		if at.Place != i || !at.Shown {
			t.Fatalf("after %d times Tab: %+v", i+1, at)
		}
		if at.Tag == "SUMMARY" && !opened {
			b.press("Enter")
			b.run("document.activeElement.parentElement.open", &opened)
			if !opened {
				t.Error("Enter does not open a refusal")
			}
		}
	}
	b.run(`document.querySelector('input[name="client"]').focus()`, nil)
	b.send("Input.insertText", map[string]any{"text": "192.0.2.66"}, nil)
	b.press("Enter")
	b.loaded()
	var at string
	b.run("location.search", &at)
	if !strings.Contains(at, "client=192.0.2.66") {
		t.Errorf("Enter in the filter leads to %q", at)
	}
}

// allStates lets the page show what it can: a route of each kind, with long names,
// and checks.
func allStates(long string) func(*admin.Config) {
	return func(c *admin.Config) {
		c.ShowPrincipals = true
		c.Routes = append(c.Routes, admin.Route{Name: "/" + long, Standard: "soap", Policy: "Kerberos", Shadow: true,
			Service: "soap/" + long + "@EXAMPLE.COM", Backend: "http://" + long + ".test/" + long,
			KeyFile: "/etc/svc.keytab"},
			admin.Route{Name: "/off", Standard: "soap", Policy: "Kerberos", Disabled: true})
		c.Doctor = func(context.Context) doctor.Report {
			return doctor.Report{{Check: "keytab", Status: doctor.OK, Subject: long},
				{Check: "clock", Status: doctor.Warn, Subject: long, Found: long, Cure: long},
				{Check: "kdc", Status: doctor.Fail, Subject: long, Found: long, Cure: long}}
		}
	}
}
