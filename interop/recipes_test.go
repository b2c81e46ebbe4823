package interop

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// recipe returns the block of a language in docs/recipes that has some text.
func recipe(t *testing.T, language, has string) string {
	t.Helper()
	files, _ := filepath.Glob("../docs/recipes/*.md")
	for _, file := range files {
		// Every other part is a block, which begins with its language.
		for i, part := range strings.Split("\n"+read(t, file), "\n```") {
			of, text, _ := strings.Cut(part, "\n")
			if i%2 == 1 && of == language && strings.Contains(text, has) {
				return text + "\n"
			}
		}
	}
	t.Fatalf("docs/recipes has no block of %q with %q", language, has)
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

// The service in PHP gets a message in clear, with its client's name.
func TestRecipeOfAServiceInPHP(t *testing.T) {
	need(t, "php php8.2-cli")
	k := startKDC(t)
	wssgate, dir := program(t), t.TempDir()
	at, _ := freeAddr(t)
	addr, _ := freeAddr(t)
	config := filepath.Join(dir, "gate.yaml")
	settings := "listen: " + addr + "\nadmin: off\nkeytab: " + k.file("svc.keytab") + "\nservice: " + service +
		"\nbackend: http://" + at + "/\nstate-dir: " + dir + "\n"
	for name, text := range map[string]string{"backend.php": recipe(t, "php", "SERVER"), "gate.yaml": settings} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	daemon(t, exec.Command("php", "-S", at, filepath.Join(dir, "backend.php")), listening(at))
	daemon(t, exec.Command(wssgate, "serve", "--config", config), listening(addr))
	cmd := exec.Command(wssgate, "request", "http://"+addr+"/", "--config", config, "--keytab", k.file("alice.keytab"),
		"--principal", "alice@EXAMPLE.COM", "--krb5-conf", k.file("krb5.conf"))
	cmd.Stdin = strings.NewReader(`<a:Ask xmlns:a="urn:example"/>`)
	const want = `asked="Ask">alice@EXAMPLE.COM</a:Hello>`
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v\n%s", err, out)
	}
}

var withSamba = flag.Bool("samba", false, "run the recipe for keytabs of Samba")

// The commands for a keytab of Samba make one with the service's key.
func TestRecipeOfASambaKeytab(t *testing.T) {
	if !*withSamba {
		t.Skip("with -samba only: it provisions a domain")
	}
	s := krbtest.StartSamba(t)
	file := filepath.Join(t.TempDir(), "gateway.keytab")
	for line := range strings.Lines(recipe(t, "sh", "samba-tool spn add")) {
		words := strings.Fields(strings.ReplaceAll(line, "gateway.keytab", file))
		if words[0] != "samba-tool" {
			t.Fatalf("%q", line)
		}
		s.Tool(words[1:]...)
	}
	keys, err := keytab.Load(file)
	if err != nil || !strings.Contains(keys.String(), "soap/gateway.example.com@"+s.Realm) {
		t.Errorf("%v, %v", err, keys)
	}
}
