package assembly

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// An httpGate is a gateway of a configuration with routes of HTTP requests.
type httpGate struct {
	t       *testing.T
	kdc     *krbtest.KDC
	log     lineBuffer
	keys    *Keyring
	handler http.Handler
}

// newHTTPGate assembles the gateway of a file, whose KEYTAB, BACKEND and DIR
// are filled in.
func newHTTPGate(t *testing.T, kdc *krbtest.KDC, dir, text string) *httpGate {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.Path, " ", r.Header.Get("X-Wssgate-Principal"), " ", r.Header.Get("X-Groups"))
	}))
	t.Cleanup(backend.Close)
	text = strings.NewReplacer("KEYTAB", keytabFile(t, kdc), "BACKEND", backend.URL, "DIR", dir).Replace(text)
	g := &httpGate{t: t, kdc: kdc}
	cfg, log := loadConfig(t, text), slog.New(slog.NewJSONHandler(&g.log, nil))
	g.keys = NewKeyring(cfg, log)
	var err error
	if g.handler, err = New(Config{cfg, g.keys, MemoryReplay(cfg), log, nil, nil}); err != nil {
		t.Fatal(err)
	}
	return g
}

// get sends a request with a token unless o is nil, and cookies.
func (g *httpGate) get(path string, o *krbtest.TokenOptions, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	g.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if o != nil {
		r.Header.Set("Authorization", g.token(*o))
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w
}

// token returns the Authorization of alice.
func (g *httpGate) token(o krbtest.TokenOptions) string {
	g.t.Helper()
	token, _, err := g.kdc.Token("alice", service, o)
	if err != nil {
		g.t.Fatal(err)
	}
	return "Negotiate " + base64.StdEncoding.EncodeToString(token)
}

const httpRoutes = `keytab: KEYTAB
backend: BACKEND
session-lifetime: 1h
standard: spnego-http
state-keys: DIR/state.keys
routes:
  - path: /app
    groups-header: X-Groups
  - path: /app/admin
    allowed-groups: [S-1-5-21-1-2-3-1106]
`

// stateKeys writes keys for state-keys.
func stateKeys(t *testing.T, dir string, keys ...string) {
	t.Helper()
	var text string
	for _, k := range keys {
		text += base64.StdEncoding.EncodeToString([]byte(strings.Repeat(k, 32))) + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "state.keys"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestHTTPRoutesOfAConfiguration: clients, their groups, sessions and the log.
func TestHTTPRoutesOfAConfiguration(t *testing.T) {
	kdc, dir := newKDC(), t.TempDir()
	stateKeys(t, dir, "a")
	g := newHTTPGate(t, kdc, dir, httpRoutes)
	pac := &krbtest.TokenOptions{Ticket: krbtest.TicketOptions{PAC: &krbtest.PACOptions{Logon: &krbtest.PACLogon{
		PrimaryGroup: 1105, Groups: []krbtest.PACGroup{{ID: 1105}}}}}}
	if w := g.get("/app/x", nil); w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Negotiate" {
		t.Errorf("without a token: HTTP %d, %v", w.Code, w.Header())
	}
	w := g.get("/app/x", pac)
	if w.Code != http.StatusOK || w.Body.String() != "/app/x alice@EXAMPLE.COM S-1-5-21-1-2-3-1105" {
		t.Errorf("HTTP %d %q\n%s", w.Code, w.Body, g.log.String())
	}
	session := w.Result().Cookies()
	if len(session) != 1 || session[0].Path != "/app" {
		t.Fatalf("cookies %v", session)
	}
	if w := g.get("/app/x", nil, session...); w.Code != http.StatusOK || !strings.HasSuffix(w.Body.String(), "-1105") {
		t.Errorf("session: HTTP %d %q", w.Code, w.Body)
	}
	if w := g.get("/app/admin", nil, session...); w.Code != http.StatusUnauthorized {
		t.Errorf("session of another route: HTTP %d", w.Code)
	}
	renamed := *session[0]
	if c := g.get("/app/admin", pac).Result().Cookies(); len(c) == 1 {
		renamed.Name = c[0].Name
	}
	if w := g.get("/app/admin", nil, &renamed); w.Code != http.StatusUnauthorized {
		t.Errorf("session of another route under this one's name: HTTP %d", w.Code)
	}
	if w := g.get("/app/admin/x", pac); w.Code != http.StatusForbidden {
		t.Errorf("in no group: HTTP %d", w.Code)
	}
	for _, want := range []string{`"negotiate":{"spnego":false,"mech":"krb5"`, `"kerberos":{"etype":18`,
		`"code":"not-in-group"`, `"authenticated_by":"session"`, "nothing protects the requests of this route"} {
		if !strings.Contains(g.log.String(), want) {
			t.Errorf("no %s in %s", want, g.log.String())
		}
	}
}

// TestHTTPSessionsAreOfAllNodesWithTheKey: also while it is being replaced.
func TestHTTPSessionsAreOfAllNodesWithTheKey(t *testing.T) {
	kdc, here, there, elsewhere := newKDC(), t.TempDir(), t.TempDir(), t.TempDir()
	stateKeys(t, here, "a")
	stateKeys(t, there, "b", "a")
	stateKeys(t, elsewhere, "b")
	session := newHTTPGate(t, kdc, here, httpRoutes).get("/app", &krbtest.TokenOptions{}).Result().Cookies()
	for dir, want := range map[string]int{here: http.StatusOK, there: http.StatusOK, elsewhere: http.StatusUnauthorized} {
		if w := newHTTPGate(t, kdc, dir, httpRoutes).get("/app", nil, session...); w.Code != want {
			t.Errorf("HTTP %d, want %d", w.Code, want)
		}
	}
}

// TestHTTPSessionsAreOfTheHostsOfARoute: a session of one host is worth nothing
// at another, also under the name of the cookie there.
func TestHTTPSessionsAreOfTheHostsOfARoute(t *testing.T) {
	kdc, dir := newKDC(), t.TempDir()
	stateKeys(t, dir, "a")
	g := newHTTPGate(t, kdc, dir, "keytab: KEYTAB\nbackend: BACKEND\nsession-lifetime: 1h\nstandard: spnego-http\n"+
		"state-keys: DIR/state.keys\nroutes:\n  - {path: /app, hosts: [a.example.com, a2.example.com]}\n"+
		"  - {path: /app, hosts: [b.example.com]}\n  - {path: /app}\n")
	session := g.get("http://a.example.com/app", &krbtest.TokenOptions{}).Result().Cookies()
	if len(session) != 1 {
		t.Fatalf("cookies %v", session)
	}
	for host, want := range map[string]int{"a.example.com": 200, "A2.example.com:8443": 200, "b.example.com": 401,
		"c.example.com": 401} {
		renamed := *session[0]
		if c := g.get("http://"+host+"/app", &krbtest.TokenOptions{}).Result().Cookies(); len(c) == 1 {
			renamed.Name = c[0].Name
		}
		if w := g.get("http://"+host+"/app", nil, &renamed); w.Code != want {
			t.Errorf("%s: HTTP %d, want %d", host, w.Code, want)
		}
	}
	if !strings.Contains(g.log.String(), `"route":"/app at a.example.com a2.example.com"`) {
		t.Errorf("the log does not name the hosts of the route: %s", g.log.String())
	}
}
