package interop

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/firefox"
)

var withFirefox = flag.Bool("firefox", false, "run the tests of Firefox")

// needFirefox skips the test without the flag, or without Firefox.
func needFirefox(t *testing.T) {
	t.Helper()
	if !*withFirefox {
		t.Skip("Firefox is large: -firefox")
	}
	need(t, firefox.Path+" "+firefox.Package)
}

// ticketEnv is the environment of programs of alice's who has run kinit, and has
// no key.
func (k *kdc) ticketEnv(t *testing.T) []string {
	t.Helper()
	env := append(k.env(), "KRB5CCNAME=FILE:"+filepath.Join(t.TempDir(), "ccache"))
	mustRun(t, env, "kinit", "-f", "-k", "-t", k.file("alice.keytab"), "alice@EXAMPLE.COM")
	return env
}

// firefox starts Firefox for alice.
func (k *kdc) firefox(t *testing.T, preferences map[string]any) *firefox.Browser {
	t.Helper()
	return firefox.Start(t, firefox.Config{Preferences: preferences, Env: k.ticketEnv(t)})
}

// shown returns the document that Firefox makes of a page.
func shown(t *testing.T, b *firefox.Browser, url string) string {
	t.Helper()
	p := b.Open(t, url)
	defer p.Close()
	text, err := p.Run(t.Context(), "document.documentElement.outerHTML")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// trusted is the preference by which services get tokens.
const trusted = "network.negotiate-auth.trusted-uris"

// Firefox shows a page to alice, lets its script post to the service and talk to
// it by WebSocket, if the service is in its list. With sessions its token is for
// the first request alone.
func TestFirefoxNegotiatesWithServe(t *testing.T) {
	needFirefox(t)
	k := startKDC(t)
	backend, reported := browserService(t)
	// All before the browser: the clock of MIT's library in a process lags by up to a
	// second, and a server refuses tokens of before its start.
	g := serveHTTPRoutes(t, k, backend, map[string]map[string]any{
		"/app": nil, "/session": {"session-lifetime": "1h", "backend": page(t)}, "/bound": {"channel-bindings": "required"},
	})
	other := k.firefox(t, map[string]any{trusted: "gw.example.com"})
	if text := shown(t, other, g.url+"/app/page"); strings.Contains(text, "Welcome") ||
		!strings.Contains(text, "Unauthorized") {
		t.Errorf("without the preference: %s\n%s", text, g.log)
	}
	b := k.firefox(t, map[string]any{trusted: trustedByRecipe(t)})
	if text := shown(t, b, g.url+"/app/page"); !strings.Contains(text, "<p>Welcome, alice@EXAMPLE.COM</p>") {
		t.Errorf("document: %s\n%s", text, g.log)
	}
	if got := said(t, reported, g); got != "200 1048576 alice@EXAMPLE.COM says hello" {
		t.Errorf("the page reports: %s\n%s", got, g.log)
	}
	oneTokenForASession(t, b, g)
	if text := shown(t, b, g.url+"/bound"); strings.Contains(text, "alice") {
		t.Errorf("its tokens are bound to the certificate: %s\n%s", text, g.log)
	}
	logged(t, g, `"code":"channel-bindings"`)
}

// oneTokenForASession reads two pages of a route with sessions.
func oneTokenForASession(t *testing.T, b *firefox.Browser, g *gateway) {
	t.Helper()
	for range 2 {
		if text := shown(t, b, g.url+"/session"); !strings.Contains(text, "GET /session for alice@EXAMPLE.COM") {
			t.Errorf("document: %s\n%s", text, g.log)
		}
	}
	logged(t, g, `"authenticated_by":"session"`)
	tokens := 0
	for line := range strings.Lines(g.log.String()) {
		if strings.Contains(line, `"route":"/session"`) && strings.Contains(line, `"authenticated_by":"token"`) {
			tokens++
		}
	}
	if tokens != 1 {
		t.Errorf("%d tokens for a session: %s", tokens, g.log)
	}
}

// logged waits until the log has a text: an exchange is logged after its response.
func logged(t *testing.T, g *gateway, text string) {
	t.Helper()
	for until := time.Now().Add(time.Minute); !strings.Contains(g.log.String(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("no %s in the log: %s", text, g.log)
		}
	}
}

// trustedByRecipe returns the preference of the recipe, with our service beside its.
func trustedByRecipe(t *testing.T) string {
	t.Helper()
	text := recipe(t, "js", trusted)
	_, value, _ := strings.Cut(text, `user_pref("`+trusted+`", "`)
	value, _, found := strings.Cut(value, `");`)
	if !found {
		t.Fatalf("no preference in %s", text)
	}
	return value + ", " + strings.Replace(value, "gw.example.com", "localhost", 1)
}

// said returns what a page reports.
func said(t *testing.T, reported <-chan string, g *gateway) string {
	t.Helper()
	select {
	case text := <-reported:
		return text
	case <-time.After(time.Minute):
		t.Fatalf("the page reports nothing\n%s", g.log)
		return ""
	}
}

// A script of another origin calls the service as alice if its origin is in
// cors-origins.
func TestFirefoxNegotiatesForScriptsOfOtherOrigins(t *testing.T) {
	needFirefox(t)
	k := startKDC(t)
	own, reported := originService(t)
	listed := serveHTTP(t, k, page(t), map[string]any{"cors-origins": []string{own}})
	unlisted := serveHTTP(t, k, page(t), map[string]any{"cors-origins": []string{"https://app.example"}})
	b := k.firefox(t, map[string]any{trusted: "https://localhost"})
	for g, want := range map[*gateway]string{
		listed: "PUT /app/x for alice@EXAMPLE.COM", unlisted: "TypeError: NetworkError",
	} {
		shown(t, b, own+"/page?service="+url.QueryEscape(g.url))
		if got := said(t, reported, g); !strings.HasPrefix(got, want) {
			t.Errorf("the page reports %q, want %q\n%s", got, want, g.log)
		}
	}
}

// withPolicies becomes a program that has a policies.json below /etc.
const withPolicies = `set -e
mount -t tmpfs tmpfs "$2"
mkdir -p "$2/upper/firefox/policies" "$2/work"
cp "$1" "$2/upper/firefox/policies/policies.json"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$2/upper,workdir=$2/work" /etc
shift 2
exec "$@"`

// The policy of the recipe lets a service have tokens, without a preference.
func TestRecipeOfAPolicyForFirefox(t *testing.T) {
	needFirefox(t)
	if out, err := runs(t, nil, "unshare", "--mount", "true"); err != nil {
		t.Skipf("/etc as the test wants it needs the right to mount: %v\n%s", err, out)
	}
	k, dir := startKDC(t), t.TempDir()
	g := serveHTTP(t, k, page(t), nil)
	file := filepath.Join(dir, "policies.json")
	policy := strings.Replace(recipe(t, "json", "SPNEGO"), "gw.example.com", "localhost", 1)
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	b := firefox.Start(t, firefox.Config{Env: k.ticketEnv(t),
		Under: []string{"unshare", "--mount", "bash", "-c", withPolicies, "bash", file, t.TempDir()}})
	if text := shown(t, b, g.url+"/app"); !strings.Contains(text, "GET /app for alice@EXAMPLE.COM") {
		t.Errorf("document: %s\n%s", text, g.log)
	}
}

// Firefox delegates to the services of another list: a secured backend is called
// in alice's name.
func TestFirefoxDelegates(t *testing.T) {
	needFirefox(t)
	k := startKDC(t)
	backend := serveHTTPWith(t, k, page(t), nil, map[string]map[string]any{"/app": nil})
	g := serveHTTPWith(t, k, backend.url, map[string]any{"tls-cert": k.file("tls.crt"), "tls-key": k.file("tls.key"),
		"krb5-conf": k.file("krb5.conf")},
		map[string]map[string]any{"/app": {"backend-policy": "spnego-http", "backend-service": "HTTP/localhost@EXAMPLE.COM",
			"backend-credential": "delegated"}})
	preferences := map[string]any{trusted: "https://localhost"}
	if text := shown(t, k.firefox(t, preferences), g.url+"/app"); strings.Contains(text, "for alice") {
		t.Errorf("it delegates without the preference: %s\n%s", text, g.log)
	}
	preferences["network.negotiate-auth.delegation-uris"] = "https://localhost"
	b := k.firefox(t, preferences)
	if text := shown(t, b, g.url+"/app"); !strings.Contains(text, "GET /app for alice@EXAMPLE.COM") {
		t.Errorf("document: %s\n%s", text, g.log)
	}
}
