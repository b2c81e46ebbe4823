package interop

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// A page is a backend that answers with the client's name and the body.
func page(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s for %s\n", r.Method, r.URL.RequestURI(), r.Header.Get("X-Wssgate-Principal"))
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// serveHTTP starts the program with one route /app with HTTP Negotiate over
// TLS.
func serveHTTP(t *testing.T, k *kdc, backend string, settings map[string]any) *gateway {
	t.Helper()
	return serveHTTPRoutes(t, k, backend, map[string]map[string]any{"/app": settings})
}

// serveHTTPRoutes is serveHTTP with a route for each path, and its settings.
func serveHTTPRoutes(t *testing.T, k *kdc, backend string, routes map[string]map[string]any) *gateway {
	t.Helper()
	return serveHTTPWith(t, k, backend, map[string]any{"tls-cert": k.file("tls.crt"), "tls-key": k.file("tls.key")},
		routes)
}

// serveHTTPWith is serveHTTPRoutes with the settings of all routes and of the
// process, without which there is no TLS.
func serveHTTPWith(
	t *testing.T, k *kdc, backend string, settings map[string]any, routes map[string]map[string]any,
) *gateway {
	t.Helper()
	addr, port := freeAddr(t)
	service := func(name, setting string, value any) map[string]any {
		return map[string]any{"name": name, "keytab": k.file("svc.keytab"), setting: value}
	}
	config := map[string]any{
		"listen": addr, "state-dir": t.TempDir(), "standard": "spnego-http", "backend": backend,
		"services": []any{
			service("localhost", "principals", []string{"HTTP/localhost@EXAMPLE.COM"}),
			service("other", "principals", []string{"soap/gw.example.com@EXAMPLE.COM"}),
			service("any", "any-principal", true),
		},
	}
	maps.Copy(config, settings)
	var all []any
	for path, settings := range routes {
		route := map[string]any{"path": path, "kerberos-service": "localhost"}
		maps.Copy(route, settings)
		all = append(all, route)
	}
	config["routes"] = all
	b, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "wssgate.yaml")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	where := url.URL{Scheme: "http", Host: net.JoinHostPort("localhost", port)}
	if _, tls := config["tls-cert"]; tls {
		where.Scheme = "https"
	}
	g := &gateway{url: where.String(), cmd: exec.Command(program(t), "serve", "--config", file)}
	g.log = daemon(t, g.cmd, serving)
	return g
}

// clientEnv is the environment of programs of alice's.
func (k *kdc) clientEnv(t *testing.T) []string {
	return append(k.env(), "KRB5_CLIENT_KTNAME="+k.file("alice.keytab"),
		"KRB5CCNAME="+filepath.Join(t.TempDir(), "ccache"))
}

// curl runs curl and returns what it prints.
func (k *kdc) curl(t *testing.T, args ...string) string {
	t.Helper()
	need(t, "curl")
	out, err := runs(t, k.clientEnv(t), "curl", append([]string{"-sS", "--cacert", k.file("tls.crt")}, args...)...)
	if err != nil {
		t.Errorf("curl %q: %v", args, err)
	}
	return out
}

// curl over TLS with HTTP/2 and HTTP/1.1: with a token for each request, with a
// session, with a large body, and without a ticket.
func TestCurlNegotiatesWithServe(t *testing.T) {
	k := startKDC(t)
	g := serveHTTP(t, k, page(t), map[string]any{"session-lifetime": "1h"})
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("x", 5<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	url := g.url + "/app/page"
	const got = "GET /app/page for alice@EXAMPLE.COM\n"
	put := "PUT /app/page for alice@EXAMPLE.COM\n" + strings.Repeat("x", 5<<20)
	next := []string{"--next", "-sS", "--cacert", k.file("tls.crt"), "-b", "", url}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"HTTP/2":           {[]string{"--http2", "--negotiate", "-u", ":", url, url}, got + got},
		"HTTP/1.1":         {[]string{"--http1.1", "--negotiate", "-u", ":", url, url}, got + got},
		"session":          {append([]string{"-b", "", "--negotiate", "-u", ":", url}, next...), got + got},
		"large body":       {[]string{"--negotiate", "-u", ":", "-T", large, url}, put},
		"without a ticket": {[]string{"-o", "/dev/null", "-w", "%{http_code}", url}, "401"},
		"outside":          {[]string{"-o", "/dev/null", "-w", "%{http_code}", g.url + "/apple"}, "404"},
	} {
		if out := k.curl(t, tt.args...); out != tt.want {
			t.Errorf("%s: %.300q\n%s", name, out, g.log)
		}
	}
	log := g.log.String()
	if !strings.Contains(log, `"authenticated_by":"session"`) || !strings.Contains(log, `"code":"negotiate-no-token"`) {
		t.Errorf("log: %s", log)
	}
}

// boundClient sends one token of MIT's library, bound to the certificate of a
// TLS server, or to none, and checks the server's.
const boundClient = `
import base64, gssapi, hashlib, http.client, ssl, sys, urllib.parse
from gssapi import raw
url, roots, bound = urllib.parse.urlparse(sys.argv[1]), sys.argv[2], sys.argv[3]
bindings = None
if bound != "none":
    host, port = bound.split(":")
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, int(port))))
    bindings = raw.ChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(der).digest())
name = gssapi.Name("HTTP@" + url.hostname, gssapi.NameType.hostbased_service)
spnego = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
ctx = gssapi.SecurityContext(name=name, usage="initiate", mech=spnego, channel_bindings=bindings,
    flags=gssapi.RequirementFlag.mutual_authentication)
c = http.client.HTTPSConnection(url.hostname, url.port, context=ssl.create_default_context(cafile=roots))
c.request("POST", url.path, b"hello", {"Authorization": "Negotiate " + base64.b64encode(ctx.step()).decode()})
r = c.getresponse()
body = r.read().decode()
if r.status == 200: ctx.step(base64.b64decode(r.getheader("WWW-Authenticate").split()[1]))
print(r.status, ctx.complete, body.split("\n")[-1])
`

// A token that is bound to our certificate is accepted where bindings are
// required; one that is bound to another server's, or to none, is not.
func TestBoundHTTPTokensAreForOurCertificate(t *testing.T) {
	k := startKDC(t)
	need(t, "/usr/bin/python3 python3-gssapi")
	g := serveHTTP(t, k, page(t), map[string]any{"channel-bindings": "required"})
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close()
	for bound, want := range map[string]string{
		strings.TrimPrefix(g.url, "https://"):     "200 True hello\n",
		strings.TrimPrefix(other.URL, "https://"): "401 False",
		"none": "401 False",
	} {
		out, err := runs(t, k.clientEnv(t), "/usr/bin/python3", "-c", boundClient, g.url+"/app", k.file("tls.crt"), bound)
		if err != nil || !strings.HasPrefix(out, want) {
			t.Errorf("bound to %s: %q, %v\n%s", bound, out, err, g.log)
		}
	}
}
