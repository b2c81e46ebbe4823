package interop

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// liveService answers each line of a request with the client's name in front,
// before it reads the next; and WebSockets by greet.
func liveService(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/app/socket", greet)
	mux.HandleFunc("/app/lines", func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.Header().Set("Trailer", "X-Lines")
		n := 0
		for lines := bufio.NewScanner(r.Body); lines.Scan(); n++ {
			fmt.Fprintf(w, "%s says %s\n", r.Header.Get("X-Wssgate-Principal"), lines.Text())
			_ = rc.Flush()
		}
		w.Header().Set("X-Lines", fmt.Sprint(n))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// Requests and responses pass as they come, in both directions at once, over
// HTTP/1.1 and HTTP/2, with trailers; and WebSockets, once their client is
// authenticated.
func TestServeStreams(t *testing.T) {
	k := startKDC(t)
	g := serveHTTP(t, k, liveService(t), nil)
	for _, http2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP/1.1", true: "HTTP/2"}[http2], func(t *testing.T) {
			trailer := conversation(t, k.ourClient(t, func(c *negotiate.TransportConfig) {
				c.Preemptive = true
				c.Base.(*http.Transport).ForceAttemptHTTP2 = http2
			}), g)
			if trailer.Get("X-Lines") != "3" {
				t.Errorf("trailer %v", trailer)
			}
		})
	}
	t.Run("WebSocket", func(t *testing.T) {
		socket(t, k.ourClient(t, nil), g)
	})
	t.Run("WebSocket without a ticket", func(t *testing.T) {
		stranger := k.ourClient(t, func(c *negotiate.TransportConfig) { c.Hosts = []string{".example.com"} })
		_, resp, err := websocket.Dial(t.Context(), g.url+"/app/socket", &websocket.DialOptions{HTTPClient: stranger})
		if err == nil || resp == nil || resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%v, %v", resp, err)
		}
	})
}

// conversation sends a line when the answer to the one before has come. It
// returns the trailer of the response.
func conversation(t *testing.T, client *http.Client, g *gateway) http.Header {
	body, lines := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+"/app/lines", body)
	if err != nil {
		t.Fatal(err)
	}
	go fmt.Fprintln(lines, "line 0") // the response begins after it
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("%v\n%s", err, g.log)
	}
	defer resp.Body.Close()
	answers := bufio.NewReader(resp.Body)
	for i := range 3 {
		if i > 0 {
			fmt.Fprintf(lines, "line %d\n", i)
		}
		line, err := answers.ReadString('\n')
		if want := fmt.Sprintf("alice@EXAMPLE.COM says line %d\n", i); err != nil || line != want {
			t.Fatalf("%q, %v\n%s", line, err, g.log)
		}
	}
	lines.Close()
	rest, err := io.ReadAll(answers)
	if err != nil || len(rest) > 0 {
		t.Errorf("end: %q, %v", rest, err)
	}
	return resp.Trailer
}

func socket(t *testing.T, client *http.Client, g *gateway) {
	c, _, err := websocket.Dial(t.Context(), g.url+"/app/socket", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatalf("%v\n%s", err, g.log)
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for _, message := range []string{"hello", strings.Repeat("x", 1<<14)} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(t.Context()); err != nil || string(got) != "alice@EXAMPLE.COM says "+message {
			t.Fatalf("%.100q, %v\n%s", got, err, g.log)
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
}

// curl sends a large body once it is told to go on, which is when its token is
// accepted, and none of it to be refused. Over HTTP/2 it does not wait.
func TestCurlSendsLargeBodiesOnce(t *testing.T) {
	k := startKDC(t)
	g := serveHTTP(t, k, page(t), nil)
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("x", 5<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ options, want string }{
		{"--http1.1 --anyauth -u : -w %{http_code}:%{size_upload}", "200:5242880"}, // after 401
		{"--http1.1 --negotiate -u : -w %{http_code}:%{size_upload}", "200:5242880"},
		{"--http2 --negotiate -u : -w %{http_code}:%{size_upload}", "200:5242880"},
		{"--http1.1 --negotiate -u : -w %{http_code}:%{size_download} -H Transfer-Encoding:chunked", "200:5242916"},
		{"--http1.1 -w %{http_code}:%{size_upload}", "401:0"},
		{"--http1.1 --basic -u alice:alicepw -w %{http_code}:%{size_upload}", "401:0"},
	} {
		// By default it sends the body when nothing has come for a second.
		args := append([]string{"-o", "/dev/null", "--expect100-timeout", "120", "-T", large},
			strings.Fields(tt.options)...)
		if out := k.curl(t, append(args, g.url+"/app/page")...); out != tt.want {
			t.Errorf("%s: %s\n%s", tt.options, out, g.log)
		}
	}
}
