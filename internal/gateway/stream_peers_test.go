package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// What others got wrong; docs/interop.md has where it was reported.

// The server's token is in the response whatever its status is, but for 401: there
// it would mean that the negotiation goes on (RFC 4559 5).
func TestStreamProvesTheServerWithEveryStatus(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	status := 0
	w.backend = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Location", "/app/elsewhere")
		if status == http.StatusUnauthorized {
			rw.Header().Set("WWW-Authenticate", `Bearer realm="backend"`)
		}
		rw.WriteHeader(status)
	}
	w.gateway.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, status = range []int{200, 204, 302, 304, 401, 403, 404, 500, 503} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			got := w.send(w.request(method, "/app", nil))
			w.want(got, status, "")
			challenge := strings.Join(got.Header.Values("WWW-Authenticate"), ", ")
			if status == http.StatusUnauthorized {
				if challenge != `Bearer realm="backend"` {
					t.Errorf("%s, HTTP %d: WWW-Authenticate %q", method, status, challenge)
				}
				continue
			}
			if !strings.HasPrefix(challenge, "Negotiate ") || got.Header.Get("Persistent-Auth") != "false" {
				t.Errorf("%s, HTTP %d: WWW-Authenticate %.20q, Persistent-Auth %q", method, status, challenge,
					got.Header.Get("Persistent-Auth"))
			}
		}
	}
}

// A WebSocket client that is asked for a token comes again on the same connection.
func TestStreamKeepsTheConnectionOfAnUpgradeThatIsChallenged(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	w.backend = upperTunnel(t)
	c, in := w.upgrade(false)
	resp, err := http.ReadResponse(in, nil)
	w.must(err)
	_, err = io.Copy(io.Discard, resp.Body)
	w.must(err)
	if resp.StatusCode != http.StatusUnauthorized || resp.Close {
		t.Fatalf("HTTP %d, close %t", resp.StatusCode, resp.Close)
	}
	const upgrade = "GET /app HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Authorization: %s\r\n\r\n"
	fmt.Fprintf(c, upgrade, w.authorization("alice"))
	resp, err = http.ReadResponse(in, nil)
	w.must(err)
	fmt.Fprint(c, "hello\n")
	if line, err := in.ReadString('\n'); resp.StatusCode != http.StatusSwitchingProtocols || line != "HELLO\n" {
		t.Errorf("HTTP %d, %q, %v", resp.StatusCode, line, err)
	}
}

// A request without Host, as HTTP/1.0 has it, needs no name.
func TestStreamServesRequestsWithoutHost(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	for _, host := range []string{"", "Host:\r\n"} {
		c, in := w.dial(w.gateway.Listener.Addr())
		fmt.Fprintf(c, "GET /app HTTP/1.0\r\n%sAuthorization: %s\r\n\r\n", host, w.authorization("alice"))
		resp, err := http.ReadResponse(in, nil)
		w.must(err)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%q: HTTP %d", host, resp.StatusCode)
		}
	}
}

// A session that is over is a reason to ask for a token, and no failure.
func TestStreamAsksAgainAfterASession(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := newStreamWorld(t, func(w *streamWorld, c *gateway.Config) {
		c.Routes = []gateway.Route{w.route("/app", "", negotiate.Config{Session: time.Hour,
			Time: func() time.Time { return time.Now().Add(time.Duration(late.Load())) }})}
	})
	first := w.send(w.request(http.MethodGet, "/app", nil))
	w.want(first, http.StatusOK, "")
	late.Store(int64(2 * time.Hour))
	r := w.request(http.MethodPost, "/app", strings.NewReader("hello"))
	r.Header.Del("Authorization")
	r.AddCookie(first.Cookies()[0])
	got := w.send(r)
	w.want(got, http.StatusUnauthorized, "")
	if got.Header.Get("WWW-Authenticate") != "Negotiate" || w.called.Load() != 1 {
		t.Errorf("%v, %d calls", got.Header, w.called.Load())
	}
}

// No part of a token is in an event: neither of one that is accepted nor of those
// that are refused, and no cookie.
func TestStreamLogsNoTokens(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	good := w.authorization("alice")
	var secrets []string
	fields := []string{good, good, good[:len(good)-5], "Negotiate " + good[40:], good + "=", good + ", " + good}
	for _, field := range fields {
		r := w.request(http.MethodGet, "/app", nil)
		r.Header.Set("Authorization", field)
		got := w.send(r)
		secrets = append(secrets, strings.TrimPrefix(field, "Negotiate "))
		for _, c := range got.Cookies() {
			secrets = append(secrets, c.Value)
		}
	}
	w.events.wait(t, len(fields))
	log := w.events.String()
	for _, secret := range secrets {
		for i := 0; i+16 <= len(secret); i += 16 {
			if strings.Contains(log, secret[i:i+16]) {
				t.Fatalf("the log has %q of a token or cookie: %s", secret[i:i+16], log)
			}
		}
	}
}
