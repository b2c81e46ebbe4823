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

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
	"github.com/wssgate/wssgate/wssec"
)

// With what demo --serve prints a client can call as often as it likes, and a
// kept message works once.
func TestDemoServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out lockedBuffer
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, &out, Config{Serve: true}) }()

	said := out.wait(t, `KRB5_CONFIG=('.*?'|\S+) KRB5CCNAME=('.*?'|\S+)\n[\s\S]* request (http\S+/quotes) --service `+
		`(\S+)\n[\s\S]* (http\S+/request) >`)
	conf, err := krb5conf.Read(strings.Trim(said[1], "'"))
	if err != nil {
		t.Fatal(err)
	}
	tickets, err := kdc.NewClient(kdc.ClientConfig{CCache: strings.Trim(said[2], "'"), Krb5Conf: conf})
	if err != nil {
		t.Fatal(err)
	}
	defer tickets.Close()
	policy, _ := wssec.Preset("Kerberos")
	c, err := client.New(client.Config{URL: said[3], Service: said[4], Policy: policy, Tickets: tickets})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		reply, err := c.Call(ctx, client.Request{Message: []byte(Question)})
		if err != nil || !strings.Contains(string(reply.Message), Price) {
			t.Errorf("the reply is %v, %v", reply, err)
		}
	}
	kept := fetch(t, http.MethodGet, said[5], nil)
	if reply := fetch(t, http.MethodPost, said[3], kept); !strings.Contains(string(reply), "CipherValue") {
		t.Errorf("a kept message: %s", reply)
	}
	if reply := fetch(t, http.MethodPost, said[3], kept); !strings.Contains(string(reply), "InvalidSecurity") {
		t.Errorf("the same message again: %s", reply)
	}
	out.wait(t, `gateway: ok\n[\s\S]*gateway: ticket-replay: `)
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * time.Minute):
		t.Error("it does not end")
	}
}

// A step that fails ends the demo, with no claim.
func TestDemoReportsWhatFails(t *testing.T) {
	t.Parallel()
	w, err := newWorld(t.Context(), nil)
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
	t.Parallel()
	if err := Run(t.Context(), brokenWriter{}, Config{}); err == nil {
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

// What is printed is typed into a shell.
func TestPathsArePrintedForAShell(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/tmp/wssgate-demo-1/krb5.conf": "/tmp/wssgate-demo-1/krb5.conf",
		"/tmp/a b/krb5.conf":            "'/tmp/a b/krb5.conf'",
		"/tmp/it's/$HOME":               `'/tmp/it'\''s/$HOME'`,
	} {
		if got := quoted(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
