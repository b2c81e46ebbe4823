package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A shadowWorld is the program with a route on trial and one that is enforced, of
// one service, and a backend that keeps what it gets.
type shadowWorld struct {
	*securedWorld
	client *wssec.Processor

	mu     sync.Mutex
	bodies []string
	header http.Header
}

const shadowReply = `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Header><k:Kept xmlns:k="urn:k"/></s:Header>` +
	`<s:Body><r/></s:Body></s:Envelope>`

func newShadowWorld(t *testing.T, settings string) *shadowWorld {
	w := &shadowWorld{}
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.bodies, w.header = append(w.bodies, string(b)), r.Header.Clone()
		rw.Header().Set("Content-Type", soap.V11.ContentType())
		_, _ = io.WriteString(rw, shadowReply)
	}))
	t.Cleanup(backend.Close)
	w.securedWorld = newSecuredWorld(t, ofFront+"backend: http://joe:secret@"+strings.TrimPrefix(backend.URL, "http://")+
		"\naudit-log: DIR/audit.log\n"+settings+`
routes:
- {path: /shadow, shadow: true, allowed-principals: [alice@EXAMPLE.COM]}
- {path: /real}
`)
	policy, _ := wssec.Preset("Kerberos")
	var err error
	w.client, err = wssec.NewProcessor(policy, wssec.Config{Replay: replay.NewMemory(replay.MemoryConfig{})})
	w.must(err)
	return w
}

// message returns a protected message of a client.
func (w *shadowWorld) message(user string) []byte {
	w.t.Helper()
	token, key, err := w.kdc.Token(user, frontService, krbtest.TokenOptions{})
	w.must(err)
	env, err := soap.Parse(bodyOf("<q>secret</q>").Message, xmltext.Options{})
	w.must(err)
	wire, _, err := w.client.ProtectRequest(nil, env, wssec.OutgoingToken{Token: token,
		Key: wssec.NewKey(key.ExposeKeyOctets())})
	w.must(err)
	return wire
}

// post sends a message as a client that claims to be somebody.
func (w *shadowWorld) post(path string, message []byte) (status int, reply string) {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.url+path, bytes.NewReader(message))
	w.must(err)
	r.Header.Set("Content-Type", soap.V11.ContentType())
	r.Header.Set("SOAPAction", `"urn:ask"`)
	r.Header.Set("X-Wssgate-Principal", "root@EXAMPLE.COM")
	resp, err := http.DefaultClient.Do(r)
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	return resp.StatusCode, string(b)
}

// exchanges waits for n events, and returns them.
func (w *shadowWorld) exchanges(n int) (events []map[string]any) {
	w.t.Helper()
	w.code(n)
	for _, line := range w.log.all() {
		if line["msg"] == "exchange" {
			events = append(events, line)
		}
	}
	return events
}

// TestShadowPassesMessagesAsReceived: good or bad, with their Security header, in
// nobody's name, and the replies too.
func TestShadowPassesMessagesAsReceived(t *testing.T) {
	w := newShadowWorld(t, "")
	good := w.message("alice")
	messages := []struct{ message, would, code string }{
		{string(good), "accepted", "ok"},
		{string(good), "refused", "ticket-replay"},
		{string(w.message("bob")), "refused", "not-authorized"},
		{string(bodyOf("<q/>").Message), "refused", "security-header-missing"},
		{forged(string(w.message("alice"))), "refused", ""},
	}
	for i, m := range messages {
		status, reply := w.post("/shadow", []byte(m.message))
		if status != http.StatusOK || reply != shadowReply {
			t.Errorf("message %d: %d %s", i, status, reply)
		}
		if got := w.bodies[i]; got != m.message {
			t.Errorf("message %d: the backend has got\n%s\nand not\n%s", i, got, m.message)
		}
		if got := w.header.Get("X-Wssgate-Principal"); got != "" {
			t.Errorf("message %d: the backend was told of %s", i, got)
		}
		ev := w.exchanges(i + 1)[i]
		if ev["code"] != "ok" || ev["would"] != m.would || m.code != "" && ev["shadow_code"] != m.code ||
			ev["principal"] != "" {
			t.Errorf("message %d: event %v", i, ev)
		}
	}
}

// forged returns a message with other ciphertext.
func forged(message string) string {
	end := strings.LastIndex(message, "CipherValue>")
	i := strings.LastIndex(message[:end], "</") - 40
	return message[:i] + "AAAAAAAA" + message[i+8:]
}

// TestShadowTellsNothingByItsTime: whatever became of a message, the next one of the
// connection has its answer no earlier than a refusal would have been written.
func TestShadowTellsNothingByItsTime(t *testing.T) {
	w := newShadowWorld(t, "")
	for _, m := range [][]byte{w.message("alice"), []byte(forged(string(w.message("alice"))))} {
		w.post("/shadow", m) // by a connection that is kept
		begun := time.Now()
		w.post("/shadow", m)
		w.post("/shadow", m)
		if took := time.Since(begun); took < 20*time.Millisecond {
			t.Errorf("two messages of one connection were answered within %v", took)
		}
	}
}

// TestShadowIsNoDecisionInTheAuditLog: nobody was accepted, nor refused.
func TestShadowIsNoDecisionInTheAuditLog(t *testing.T) {
	w := newShadowWorld(t, "")
	w.post("/shadow", w.message("alice"))
	w.exchanges(1)
	text, err := os.ReadFile(w.file("audit.log"))
	w.must(err)
	var line map[string]any
	w.must(json.Unmarshal(text, &line))
	if line["decision"] != "shadow" || line["would"] != "accepted" || line["shadow_code"] != "ok" ||
		line["principal"] != "" {
		t.Errorf("%s", text)
	}
}

// TestShadowLeavesNothingThatARealRouteRefuses: what was tried is new to a route of
// the same service, once.
func TestShadowLeavesNothingThatARealRouteRefuses(t *testing.T) {
	w := newShadowWorld(t, "")
	m := w.message("alice")
	for range 2 { // the second is a replay in the shadow
		w.post("/shadow", m)
	}
	for i, want := range []string{"ok", "ticket-replay"} {
		w.post("/real", m)
		if code := w.exchanges(3 + i)[2+i]["code"]; code != want {
			t.Errorf("message %d at the real route: %v, want %s", i, code, want)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last, client := w.bodies[2], w.header.Get("X-Wssgate-Principal")
	if strings.Contains(last, "EncryptedData") || client != "alice@EXAMPLE.COM" {
		t.Errorf("the real route has forwarded %s as %s", last, client)
	}
}

// TestShadowIsLoud: a warning at the start, and the route's line, which has the
// backend without its user.
func TestShadowIsLoud(t *testing.T) {
	w := newShadowWorld(t, "")
	var warned, listed bool
	for _, line := range w.log.all() {
		text := fmt.Sprint(line)
		warned = warned || line["level"] == "WARN" && line["path"] == "/shadow" &&
			strings.Contains(text, "enforces nothing")
		listed = listed || line["msg"] == "route" && line["path"] == "/shadow" && line["policy"] == "shadow of Kerberos" &&
			strings.HasPrefix(fmt.Sprint(line["backend"]), "http://127.0.0.1")
		if strings.Contains(text, "joe") || strings.Contains(text, "secret@") {
			t.Errorf("a line has the backend's user: %s", text)
		}
	}
	if !warned || !listed {
		t.Errorf("warned %t, listed %t", warned, listed)
	}
}
