package interop

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
)

// CPU time of the server's process for each request of HTTP Negotiate, each with
// a token of its own: our middleware beside mod_auth_gssapi with a static page,
// and wssgate serve beside mod_auth_gssapi with mod_proxy, both with the same
// server behind them. All over plain HTTP on kept connections, without a log of
// accesses. .ci/long runs it; the ratios go to docs/performance.md.
func TestSpeedAgainstModAuthGSSAPI(t *testing.T) {
	if !*speeds {
		t.Skip("measures for a minute, as .ci/long has it: -speeds")
	}
	k := startKDC(t)
	tickets := (&cxf{kdc: k}).tickets(t)
	ticket, err := tickets.ServiceTicket(t.Context(), "HTTP/localhost@EXAMPLE.COM")
	if err != nil {
		t.Fatal(err)
	}
	backend := page(t)
	apache, apacheURL := startApache(t, k, backend)
	serve, serveURL := servePlain(t, k, backend)
	own, ownURL := startMiddleware(t, k)
	const rounds, requests, clients = 5, 4000, 8
	cost := inTurns(t, rounds, requests, clients, []contender{
		{"middleware", own.Process.Pid, negotiating(t, ticket, ownURL)},
		{"static", apache.Process.Pid, negotiating(t, ticket, apacheURL+"/page")},
		{"serve", serve.Process.Pid, negotiating(t, ticket, serveURL+"/app")},
		{"proxy", apache.Process.Pid, negotiating(t, ticket, apacheURL+"/proxy")},
	})
	for _, pair := range []struct{ ours, theirs, what string }{
		{"middleware", "static", "a page behind our middleware, and Apache's"},
		{"serve", "proxy", "wssgate serve in front of a server, and Apache in front of it"},
		{"serve", "static", "wssgate serve in front of a server, and Apache's own page"},
	} {
		ours, theirs := cost[pair.ours], cost[pair.theirs]
		t.Logf("speed: HTTP Negotiate, %s: %v; mod_auth_gssapi %v: %.1f times", pair.what, ours, theirs,
			float64(theirs.cpu)/float64(ours.cpu))
	}
}

// negotiating returns requests for a page with a fresh token of the ticket each.
func negotiating(t *testing.T, ticket kerberos.Credential, url string) func(n int) func(int) error {
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	client := http.Client{Transport: transport}
	return func(n int) func(int) error {
		tokens := make([]string, n)
		for i := range tokens {
			c, err := gss.NewInitiatorContext(ticket, gss.InitConfig{})
			if err != nil {
				t.Fatal(err)
			}
			token, _, err := c.Step(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			tokens[i] = "Negotiate " + base64.StdEncoding.EncodeToString(token)
		}
		return func(i int) error { return get(t, &client, url, tokens[i]) }
	}
}

// get reads a page, and looks whether the server has proved who it is.
func get(t *testing.T, client *http.Client, url, token string) error {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", token)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || len(resp.Header.Get("WWW-Authenticate")) < 50 {
		return fmt.Errorf("%s: HTTP %d, %q: %.200q", url, resp.StatusCode, resp.Header.Get("WWW-Authenticate"), body)
	}
	return nil
}

// servePlain starts the program with a route /app with HTTP Negotiate and without
// TLS.
func servePlain(t *testing.T, k *kdc, backend string) (cmd *exec.Cmd, url string) {
	t.Helper()
	addr, _ := freeAddr(t)
	text, err := yaml.Marshal(map[string]any{
		"listen": addr, "state-dir": t.TempDir(), "standard": "spnego-http", "log-level": "warn",
		"keytab": k.file("svc.keytab"), "service": "HTTP/localhost@EXAMPLE.COM",
		"routes": []any{map[string]any{"path": "/app", "backend": backend}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "wssgate.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(program(t), "serve", "--config", file)
	daemon(t, cmd, listening(addr))
	return cmd, "http://" + addr
}

func startMiddleware(t *testing.T, k *kdc) (cmd *exec.Cmd, url string) {
	t.Helper()
	addr, _ := freeAddr(t)
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), middleware+"="+addr+" "+k.file("svc.keytab"))
	daemon(t, cmd, listening(addr))
	return cmd, "http://" + addr
}

// apacheConf has /page, a file, and /proxy, a server behind Apache.
const apacheConf = `
ServerRoot DIR
ServerName localhost
Listen ADDR
USER
PidFile DIR/pid
ErrorLog DIR/errors
DocumentRoot DIR/pages
MaxKeepAliveRequests 0
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authn_core_module MODULES/mod_authn_core.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule authz_user_module MODULES/mod_authz_user.so
LoadModule auth_gssapi_module MODULES/mod_auth_gssapi.so
LoadModule proxy_module MODULES/mod_proxy.so
LoadModule proxy_http_module MODULES/mod_proxy_http.so
<Location />
  AuthType GSSAPI
  AuthName Kerberos
  GssapiCredStore keytab:DIR/http.keytab
  Require valid-user
</Location>
ProxyPass /proxy BACKEND/
`

// startApache runs Debian's Apache with mod_auth_gssapi.
func startApache(t *testing.T, k *kdc, backend string) (cmd *exec.Cmd, url string) {
	t.Helper()
	need(t, "/usr/sbin/apache2 apache2")
	dir, err := os.MkdirTemp("", "apache") // its children cannot read what is in t.TempDir, if we are root
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	addr, _ := freeAddr(t)
	user := ""
	if os.Getuid() == 0 {
		user = "User www-data\nGroup www-data"
	}
	keys, err := os.ReadFile(k.file("svc.keytab"))
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("DIR", dir, "ADDR", addr, "USER", user, "MODULES", "/usr/lib/apache2/modules",
		"BACKEND", backend)
	if err := os.Mkdir(filepath.Join(dir, "pages"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"http.keytab": string(keys), "pages/page": "page of apache\n", "apache.conf": conf.Replace(apacheConf),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("/usr/sbin/apache2", "-DFOREGROUND", "-f", filepath.Join(dir, "apache.conf"))
	daemon(t, cmd, listening(addr))
	return cmd, "http://" + addr
}
