package firefox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// What has to be installed: the program, and the package of Debian that has it.
const (
	Path    = "/usr/bin/firefox-esr"
	Package = "firefox-esr"
)

// enough is a time within which everything ends, on a machine with much to do.
const enough = 3 * time.Minute

// Config is how the browser is to be. Its zero value is a new profile.
type Config struct {
	// Preferences are those of about:config: texts, numbers, true and false.
	Preferences map[string]any
	// Env is added to the environment.
	Env []string
	// Under is a command that becomes the browser, whose command follows: it may
	// change what the browser sees of files.
	Under []string
}

// A Browser is Firefox without a window. It ends with the test.
type Browser struct {
	cmd   *exec.Cmd
	said  bytes.Buffer  // is read when it has ended
	ended chan struct{} // closed then
	dir   string        // its home, and in it the profile
	conn  *connection
}

// quiet are preferences of every profile: without a proxy of the environment's.
var quiet = map[string]any{"network.proxy.type": 0, "datareporting.policy.dataSubmissionEnabled": false}

// Start starts the browser, and waits until it takes commands.
func Start(t testing.TB, cfg Config) *Browser {
	t.Helper()
	dir, err := os.MkdirTemp("", "firefox")
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{dir: dir, ended: make(chan struct{})}
	t.Cleanup(b.remove)
	if err := b.writeProfile(cfg.Preferences); err != nil {
		t.Fatal(err)
	}
	command := append(slices.Clone(cfg.Under), Path, "--headless", "--no-remote", "--profile", b.profile(),
		"--remote-debugging-port", "0", "about:blank")
	b.cmd = exec.Command(command[0], command[1:]...)
	b.cmd.Env = append(append(os.Environ(), "HOME="+dir, "MOZ_HEADLESS=1", "MOZ_CRASHREPORTER_DISABLE=1"), cfg.Env...)
	b.cmd.Stdout, b.cmd.Stderr = &b.said, &b.said
	b.cmd.WaitDelay = 5 * time.Second // for what it has started
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = b.cmd.Wait(); close(b.ended) }()
	t.Cleanup(b.end)
	if err := b.connect(); err != nil {
		b.end()
		t.Fatalf("Firefox: %v\n%s", err, &b.said)
	}
	return b
}

func (b *Browser) profile() string { return filepath.Join(b.dir, "profile") }

// writeProfile makes a profile with preferences.
func (b *Browser) writeProfile(preferences map[string]any) error {
	var text bytes.Buffer
	for _, all := range []map[string]any{quiet, preferences} {
		for name, value := range all {
			quoted, err := json.Marshal([]any{name, value})
			if err != nil {
				return err
			}
			fmt.Fprintf(&text, "user_pref(%s);\n", quoted[1:len(quoted)-1])
		}
	}
	if err := os.Mkdir(b.profile(), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.profile(), "user.js"), text.Bytes(), 0o600)
}

// connect waits for the address in the profile, and begins a session there.
func (b *Browser) connect() error {
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	var at struct {
		Host string `json:"ws_host"`
		Port int    `json:"ws_port"`
	}
	for {
		text, err := os.ReadFile(filepath.Join(b.profile(), "WebDriverBiDiServer.json"))
		if err == nil && json.Unmarshal(text, &at) == nil && at.Port != 0 {
			break
		}
		select {
		case <-b.ended:
			return errors.New("it has ended")
		case <-ctx.Done():
			return errors.New("it does not take commands")
		case <-time.After(20 * time.Millisecond):
		}
	}
	var err error
	if b.conn, err = dial(ctx, fmt.Sprintf("ws://%s:%d/session", at.Host, at.Port)); err != nil {
		return err
	}
	wanted := map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{"acceptInsecureCerts": true}}}
	return b.conn.do(ctx, "session.new", wanted, new(struct{}))
}

// end ends the browser: with its own command, so that what it has started ends too.
func (b *Browser) end() {
	if b.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), enough)
		_ = b.conn.do(ctx, "browser.close", struct{}{}, new(struct{}))
		cancel()
		select {
		case <-b.ended:
		case <-time.After(enough):
		}
		_ = b.conn.socket.CloseNow()
	}
	_ = b.cmd.Process.Kill()
	<-b.ended
}

// remove removes the files. What the browser has started may still end, and write.
func (b *Browser) remove() {
	for until := time.Now().Add(30 * time.Second); os.RemoveAll(b.dir) != nil && time.Now().Before(until); {
		time.Sleep(50 * time.Millisecond)
	}
}

// A Page is a tab of the browser.
type Page struct {
	b       *Browser
	context string
	close   sync.Once
}

// Open opens a page in a new tab, and waits for its load event. The tab is closed
// when the test ends.
func (b *Browser) Open(t testing.TB, url string) *Page {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	var made struct{ Context string }
	if err := b.conn.do(ctx, "browsingContext.create", map[string]any{"type": "tab"}, &made); err != nil {
		t.Fatal(err)
	}
	p := &Page{b: b, context: made.Context}
	t.Cleanup(p.Close)
	params := map[string]any{"context": p.context, "url": url, "wait": "complete"}
	if err := b.conn.do(ctx, "browsingContext.navigate", params, new(struct{})); err != nil {
		t.Fatal(err)
	}
	return p
}

// Close closes the tab.
func (p *Page) Close() {
	p.close.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), enough)
		defer cancel()
		_ = p.b.conn.do(ctx, "browsingContext.close", map[string]any{"context": p.context}, new(struct{}))
	})
}

// Run returns the text that an expression is in the page, or to which its promise is
// fulfilled. The page's Content-Security-Policy holds for what it calls, and not for
// itself.
func (p *Page) Run(ctx context.Context, expression string) (string, error) {
	params := map[string]any{"expression": expression, "target": map[string]any{"context": p.context},
		"awaitPromise": true}
	var got struct {
		Type   string
		Result struct {
			Type  string
			Value json.RawMessage
		}
		ExceptionDetails struct{ Text string }
	}
	if err := p.b.conn.do(ctx, "script.evaluate", params, &got); err != nil {
		return "", err
	}
	if got.Type != "success" {
		return "", fmt.Errorf("the script throws: %s", got.ExceptionDetails.Text)
	}
	var text string
	if got.Result.Type != "string" || json.Unmarshal(got.Result.Value, &text) != nil {
		return "", fmt.Errorf("the script returns %s, not a text", got.Result.Type)
	}
	return text, nil
}

// Press presses a key, as WebDriver writes it: a character, or one of its own for
// keys that have none, as "\uE007" for Enter.
func (p *Page) Press(ctx context.Context, key string) error {
	keys := []map[string]any{{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}}
	params := map[string]any{"context": p.context,
		"actions": []map[string]any{{"type": "key", "id": "keyboard", "actions": keys}}}
	return p.b.conn.do(ctx, "input.performActions", params, new(struct{}))
}

// Resize sets the size of the page, in CSS pixels.
func (p *Page) Resize(ctx context.Context, width, height int) error {
	params := map[string]any{"context": p.context, "viewport": map[string]any{"width": width, "height": height}}
	return p.b.conn.do(ctx, "browsingContext.setViewport", params, new(struct{}))
}

// Screenshot returns a picture of the whole page, as PNG.
func (p *Page) Screenshot(ctx context.Context) ([]byte, error) {
	var got struct{ Data []byte } // in base64, as encoding/json has it
	err := p.b.conn.do(ctx, "browsingContext.captureScreenshot",
		map[string]any{"context": p.context, "origin": "document"}, &got)
	return got.Data, err
}
