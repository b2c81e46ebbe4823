package interop

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// recipe returns the block of a language in docs/recipes.md that has some text.
func recipe(t *testing.T, language, has string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(block[1], has) {
			return block[1]
		}
	}
	t.Fatalf("docs/recipes.md has no block of %s with %q", language, has)
	return ""
}

// A client whose krb5.conf is that of the recipe gets its tickets through serve,
// over TLS, and calls a protected route there: it knows no KDC.
func TestRecipeOfAClientThatReachesNoKDC(t *testing.T) {
	k := startKDC(t)
	own, err := os.ReadFile(k.file("krb5.conf"))
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`(?m)^\s*kdc = (\S+)`).FindStringSubmatch(string(own))
	if at == nil {
		t.Fatalf("no KDC in %s", own)
	}
	g := serveHTTPWith(t, k, page(t), map[string]any{"tls-cert": k.file("tls.crt"), "tls-key": k.file("tls.key"),
		"kdc-proxy-path": "/KdcProxy", "kdc-realms": []string{"EXAMPLE.COM"},
		"kdc-servers": []string{"EXAMPLE.COM=" + at[1]}},
		map[string]map[string]any{"/app": {}})
	client := &kdc{dir: t.TempDir()}
	conf := strings.NewReplacer("https://gw.example.com", g.url, "/etc/ssl/gw-ca.pem", k.file("tls.crt")).
		Replace(recipe(t, "ini", "http_anchors"))
	for name, text := range map[string]string{"krb5.conf": conf, "tls.crt": read(t, k.file("tls.crt")),
		"alice.keytab": read(t, k.file("alice.keytab"))} {
		if err := os.WriteFile(client.file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := append(client.env(), "KRB5CCNAME="+filepath.Join(client.dir, "ccache"))
	if out, err := runs(t, env, "kinit", "-kt", client.file("alice.keytab"), "alice"); err != nil {
		t.Fatalf("kinit: %v\n%s\n%s", err, out, g.log)
	}
	url := g.url + "/app/page"
	if out := client.curl(t, "--negotiate", "-u", ":", url); out != "GET /app/page for alice@EXAMPLE.COM\n" {
		t.Errorf("%q\n%s", out, g.log)
	}
	if log := g.log.String(); strings.Count(log, `"via":"http"`) < 3 || !strings.Contains(log, `"request":"TGS-REQ"`) {
		t.Errorf("log: %s", log)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	octets, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(octets)
}
