package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// behindProxy starts a server that ends TLS in front of g, with a configuration
// of the folder proxies, and returns g as clients know it.
func behindProxy(t *testing.T, k *kdc, g *gateway, name string, command ...string) *gateway {
	t.Helper()
	text, err := os.ReadFile("proxies/" + name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	addr, _ := freeAddr(t)
	serve := strings.Replace(strings.TrimPrefix(g.url, "http://"), "localhost", "127.0.0.1", 1)
	filled := strings.NewReplacer("FOLDER", dir, "ADDRESS", addr, "CERTIFICATES", k.dir, "SERVE", serve).
		Replace(string(text))
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon(t, exec.Command(command[0], append(command[1:], file)...), listening(addr))
	return &gateway{url: "https://" + strings.Replace(addr, "127.0.0.1", "localhost", 1), log: g.log}
}

// Clients reach serve through nginx and Apache, which end TLS: with large
// tokens and bodies, over HTTP/2 as far as the proxy, and with WebSockets.
func TestServeBehindProxies(t *testing.T) {
	k := startKDC(t)
	settings := map[string]any{"tls-offloaded": true, "client-address": "x-forwarded-for",
		"trusted-proxies": []string{"127.0.0.1"}}
	g := serveHTTPWith(t, k, liveService(t), settings, map[string]map[string]any{"/app": {"session-lifetime": "1h"}})
	t.Run("nginx", func(t *testing.T) {
		need(t, "/usr/sbin/nginx nginx")
		front := behindProxy(t, k, g, "nginx.conf", "/usr/sbin/nginx", "-e", "stderr", "-c")
		throughProxy(t, k, front)
		conversation(t, k.ourClient(t, func(c *negotiate.TransportConfig) { c.Preemptive = true }), front)
	})
	t.Run("Apache", func(t *testing.T) {
		need(t, "/usr/sbin/apache2 apache2-bin")
		throughProxy(t, k, behindProxy(t, k, g, "apache.conf", "/usr/sbin/apache2", "-DFOREGROUND", "-f"))
	})
}

func throughProxy(t *testing.T, k *kdc, front *gateway) {
	socket(t, k.ourClient(t, nil), front)
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("x", 60_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	url := front.url + "/app/lines"
	header := filepath.Join(t.TempDir(), "header")
	if err := os.WriteFile(header, []byte("X-Large: "+strings.Repeat("x", 60_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "alice@EXAMPLE.COM says " + strings.Repeat("x", 60_000) + "\n"
	for _, options := range []string{"--negotiate -u :", "--anyauth -u :", "--http1.1 --negotiate -u :"} {
		args := append(strings.Fields(options), "-T", large, "-H", "@"+header, url)
		if out := k.curl(t, args...); out != want {
			t.Errorf("%s: %.200q\n%s", options, out, front.log)
		}
	}
	if out := k.curl(t, "-o", "/dev/null", "-w", "%{http_code}", url); out != "401" {
		t.Errorf("without a ticket: %s", out)
	}
}
