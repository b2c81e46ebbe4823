package assembly

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A corsWorld is a gateway whose backend says things about origins that do not
// count on /app, and do on /plain, which has no cors-origins.
type corsWorld struct {
	*httpGate
	called int
}

func newCORSWorld(t *testing.T) *corsWorld {
	w := new(corsWorld)
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		w.called++
		rw.Header().Set("Access-Control-Allow-Origin", "*")
		rw.Header().Set("Access-Control-Expose-Headers", "X-Total")
	}))
	t.Cleanup(backend.Close)
	w.httpGate = newHTTPGate(t, newKDC(), t.TempDir(), "keytab: KEYTAB\nstandard: spnego-http\nbackend: "+backend.URL+
		"\nroutes:\n  - path: /app\n    cors-origins: [https://app.example.com, 'http://other.example:8080']\n"+
		"  - path: /plain\n")
	return w
}

// ask sends a request with header fields, "Name: value", of alice if she is known,
// and returns its status and what its response says about origins.
func (w *corsWorld) ask(method, path string, known bool, fields ...string) string {
	w.t.Helper()
	r := httptest.NewRequest(method, path, nil)
	if known {
		r.Header.Set("Authorization", w.token(krbtest.TokenOptions{}))
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	said := fmt.Sprint(rec.Code)
	if all := rec.Header().Values("Access-Control-Expose-Headers"); slices.Contains(all, "WWW-Authenticate") {
		said += " shows-challenge"
	}
	for _, name := range []string{"Origin", "Credentials", "Methods", "Headers"} {
		if all := rec.Header().Values("Access-Control-Allow-" + name); len(all) > 0 {
			said += fmt.Sprintf(" %s=%s", name, strings.Join(all, "|"))
		}
	}
	if strings.Contains(strings.Join(rec.Header().Values("Vary"), ","), "Origin") {
		said += " vary"
	}
	return said
}

// Preflights of listed origins are answered, and reach no backend; whatever else
// has no token is refused.
func TestPreflightsOfListedOriginsAreAnswered(t *testing.T) {
	t.Parallel()
	w := newCORSWorld(t)
	const put, ours = "Access-Control-Request-Method: PUT", "Origin: https://app.example.com"
	const named = " shows-challenge Origin=https://app.example.com Credentials=true"
	for name, tt := range map[string]struct {
		method, path string
		fields       []string
		want         string
	}{
		"listed": {"OPTIONS", "/app/x", []string{ours, put}, "204" + named + " Methods=PUT vary"},
		"with headers": {"OPTIONS", "/app", []string{ours, put, "Access-Control-Request-Headers: a,b"},
			"204" + named + " Methods=PUT Headers=a,b vary"},
		"with a port": {"OPTIONS", "/app", []string{"Origin: http://other.example:8080", put},
			"204 shows-challenge Origin=http://other.example:8080 Credentials=true Methods=PUT vary"},
		"another port":    {"OPTIONS", "/app", []string{"Origin: http://other.example", put}, "401 vary"},
		"a name below":    {"OPTIONS", "/app", []string{"Origin: https://x.app.example.com", put}, "401 vary"},
		"a name beside":   {"OPTIONS", "/app", []string{"Origin: https://app.example.com.evil.example", put}, "401 vary"},
		"null":            {"OPTIONS", "/app", []string{"Origin: null", put}, "401 vary"},
		"two origins":     {"OPTIONS", "/app", []string{ours, "Origin: https://evil.example", put}, "401 vary"},
		"no origin":       {"OPTIONS", "/app", []string{put}, "401 vary"},
		"no preflight":    {"OPTIONS", "/app", []string{ours}, "401" + named + " vary"},
		"another method":  {"PUT", "/app", []string{ours, put}, "401" + named + " vary"},
		"a bad token":     {"OPTIONS", "/app", []string{ours, put, "Authorization: Negotiate !"}, "400" + named + " vary"},
		"no cors-origins": {"OPTIONS", "/plain", []string{ours, put}, "401"},
		"no such path":    {"OPTIONS", "/none", []string{ours, put}, "404"},
		"ambiguous path":  {"OPTIONS", "/app/..%2fplain", []string{ours, put}, "400"},
	} {
		if got := w.ask(tt.method, tt.path, false, tt.fields...); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	if w.called != 0 {
		t.Errorf("the backend got %d requests", w.called)
	}
}

// Responses name a listed origin, and no other, whatever the backend says.
func TestResponsesNameListedOrigins(t *testing.T) {
	t.Parallel()
	w := newCORSWorld(t)
	for origin, want := range map[string]string{
		"https://app.example.com": "200 shows-challenge Origin=https://app.example.com Credentials=true vary",
		"https://evil.example":    "200 vary",
	} {
		if got := w.ask("PUT", "/app", true, "Origin: "+origin); got != want {
			t.Errorf("%s: %s, want %s", origin, got, want)
		}
	}
	got := w.ask("OPTIONS", "/app", true, "Origin: https://app.example.com", "Access-Control-Request-Method: PUT")
	if got != "200 shows-challenge Origin=https://app.example.com Credentials=true vary" || w.called != 3 {
		t.Errorf("with a token: %s, %d requests", got, w.called)
	}
	if got := w.ask("PUT", "/plain", true, "Origin: https://evil.example"); got != "200 Origin=*" {
		t.Errorf("without cors-origins: %s", got)
	}
}

// A route of messages answers preflights of listed origins, and names them in
// replies, faults and refusals; without cors-origins it answers as ever.
func TestRoutesOfMessagesNameListedOrigins(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(quote))
	t.Cleanup(backend.Close)
	w := &corsWorld{httpGate: newHTTPGate(t, newKDC(), t.TempDir(), "backend: "+backend.URL+
		"\nroutes:\n  - path: /protected\n    keytab: KEYTAB\n    cors-origins: [https://app.example.com]\n"+
		"  - path: /open\n    standard: none\n    cors-origins: [https://app.example.com]\n"+
		"  - path: /plain\n    keytab: KEYTAB\n")}
	const named = " shows-challenge Origin=https://app.example.com Credentials=true"
	for name, tt := range map[string]struct{ method, path, origin, want string }{
		"preflight":          {"OPTIONS", "/protected", "https://app.example.com", "204" + named + " Methods=POST vary"},
		"one for open":       {"OPTIONS", "/open", "https://app.example.com", "204" + named + " Methods=POST vary"},
		"another origin":     {"OPTIONS", "/protected", "https://evil.example", "405"},
		"no cors-origins":    {"OPTIONS", "/plain", "https://app.example.com", "405"},
		"no such path":       {"OPTIONS", "/none", "https://app.example.com", "404"},
		"a refusal":          {"POST", "/protected", "https://app.example.com", "415" + named + " vary"},
		"one to another":     {"POST", "/protected", "https://evil.example", "415 vary"},
		"one of another":     {"POST", "/plain", "https://app.example.com", "415"},
		"one of open routes": {"POST", "/open", "https://app.example.com", "415" + named + " vary"},
	} {
		got := w.ask(tt.method, tt.path, false, "Origin: "+tt.origin, "Access-Control-Request-Method: POST")
		if got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
