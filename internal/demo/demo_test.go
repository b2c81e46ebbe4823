package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// What demo --serve prints to be pasted works as often as one likes, and a
// kept message works once.
func TestDemoServe(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out lockedBuffer
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, &out, true) }()

	urls := out.wait(t, `curl -s (\S+/request) \|[\s\S]* (http\S+/quotes) \|[\s\S]* (http\S+/open)`)
	for range 2 {
		request := fetch(t, http.MethodGet, urls[1], nil)
		if opened := fetch(t, http.MethodPost, urls[3], fetch(t, http.MethodPost, urls[2], request)); !strings.Contains(string(opened), Price) {
			t.Errorf("the reply opens to %s", opened)
		}
		if opened := fetch(t, http.MethodPost, urls[3], fetch(t, http.MethodPost, urls[2], request)); !strings.Contains(string(opened), "InvalidSecurity") {
			t.Errorf("the same message again: %s", opened)
		}
	}
	out.wait(t, `gateway: ok\n[\s\S]*gateway: ticket-replay: `)
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
	}
}

// A step that fails ends the demo, with no claim.
func TestDemoFails(t *testing.T) {
	w, err := newWorld(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	w.client.URL = "http://127.0.0.1:1" + Path
	var out bytes.Buffer
	err = (&story{world: w, p: newPrinter(&out)}).run(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "demo: ") || strings.Contains(out.String(), "At the service") {
		t.Errorf("got %v\n%s", err, out.String())
	}
}

// A reader who closes the pipe early must not make the demo claim success.
func TestDemoNoticesAClosedPipe(t *testing.T) {
	if err := Run(t.Context(), brokenWriter{}, false); err == nil {
		t.Error("no error")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func fetch(t *testing.T, method, url string, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lockedBuffer is written by one goroutine and read by another.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// wait returns the submatches of a pattern once the text has it.
func (l *lockedBuffer) wait(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		m := re.FindStringSubmatch(l.b.String())
		l.mu.Unlock()
		if m != nil {
			return m
		}
	}
	t.Fatalf("no %s in\n%s", pattern, l.b.String())
	return nil
}
