package interop

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	krbclient "github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// Clients of others and ours read a page, at /app, and at /bound, where tokens
// must be bound to our certificate.
func TestClientsReadAProtectedPage(t *testing.T) {
	k := startKDC(t)
	g := serveHTTPRoutes(t, k, page(t), map[string]map[string]any{"/app": nil, "/bound": {"channel-bindings": "required"}})
	for name, reads := range map[string]func(*testing.T, *kdc, *gateway){
		"PythonRequests": pythonRequestsReads, "JavaHttpURLConnection": javaHTTPURLConnectionReads,
		"JavaHttpClientWithJGSS": javaHTTPClientReads, "OurTransport": ourTransportReads,
	} {
		t.Run(name, func(t *testing.T) { reads(t, k, g) })
	}
}

// python returns Debian's Python, whose modules the test needs, as "module
// package".
func python(t *testing.T, modules ...string) string {
	t.Helper()
	const path = "/usr/bin/python3" // the one that Debian's packages are for
	need(t, path+" python3")
	for _, m := range modules {
		name, pkg, _ := strings.Cut(m, " ")
		imports, _ := pythonImports.LoadOrStore(name, sync.OnceValue(func() bool {
			return exec.Command(path, "-c", "import "+name).Run() == nil
		}))
		if !imports.(func() bool)() {
			missing(t, name+" of Python", pkg)
		}
	}
	return path
}

// pythonImports has a func() bool for each module that was asked for.
var pythonImports sync.Map

// requestsGSSAPI returns a folder with the module requests_gssapi, which Debian
// does not have.
func requestsGSSAPI(t *testing.T) (path string) {
	t.Helper()
	python(t, "gssapi python3-gssapi", "requests python3-requests", "cryptography python3-cryptography")
	return fromPyPI(t, "requests", "requests_gssapi")
}

// fromPyPI returns a folder with a module and what else the requirements.txt of
// our folder of that name lists. The first run fetches it from PyPI.
func fromPyPI(t *testing.T, folder, module string) (path string) {
	t.Helper()
	py := python(t, "pip python3-pip")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "wssgate-interop", "python-"+sourcesID(t, folder))
	if _, err := os.Stat(filepath.Join(dir, module, "__init__.py")); err == nil {
		return dir
	}
	out, err := runs(t, nil, py, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes",
		"--target", dir, "-r", folder+"/requirements.txt")
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("install %s: %v\n%s", module, err, out)
	default:
		t.Skipf("%s cannot be installed, which needs PyPI: %v\n%s", module, err, out)
	}
	return dir
}

// requests runs a case of requests/client.py and returns what it prints.
func (k *kdc) requests(t *testing.T, modules string, args ...string) string {
	t.Helper()
	env := append(k.clientEnv(t), "PYTHONPATH="+modules, "PYTHONDONTWRITEBYTECODE=1",
		"REQUESTS_CA_BUNDLE="+k.file("tls.crt"))
	return mustRun(t, env, "/usr/bin/python3", append([]string{"requests/client.py"}, args...)...)
}

// requests-gssapi verifies our token; it sends its own when asked and before,
// inside SPNEGO and not, bound to our certificate and not.
func pythonRequestsReads(t *testing.T, k *kdc, g *gateway) {
	modules := requestsGSSAPI(t)
	for _, tt := range []struct{ options, path, want string }{
		{"", "/app", "200"},
		{"opportunistic", "/app", "200"},
		{"stream,opportunistic", "/app", "200"},
		{"mech=GS2-KRB5", "/app", "200"},
		{"mech=SPNEGO", "/app", "200"},
		{"delegate", "/app", "200"},
		{"bound", "/app", "200"},
		{"bound", "/bound", "200"},
		{"", "/bound", "401"},
	} {
		want := tt.want
		if want == "200" {
			want += " POST " + tt.path + " for alice@EXAMPLE.COM\nhello"
		}
		if out := k.requests(t, modules, "post", g.url+tt.path, tt.options); !strings.HasPrefix(out, want) {
			t.Errorf("%s with %q: %s\n%s", tt.path, tt.options, out, g.log)
		}
	}
}

// java runs a program of the folder java from its source.
func (k *kdc) java(t *testing.T, options []string, args ...string) (string, error) {
	t.Helper()
	need(t, "java default-jdk-headless", "javac default-jdk-headless")
	login := filepath.Join(t.TempDir(), "login.conf")
	entry := fmt.Appendf(nil, "com.sun.security.jgss.krb5.initiate { com.sun.security.auth.module.Krb5LoginModule "+
		"required useKeyTab=true keyTab=%q principal=\"alice@EXAMPLE.COM\" doNotPrompt=true; };\n", k.file("alice.keytab"))
	if err := os.WriteFile(login, entry, 0o600); err != nil {
		t.Fatal(err)
	}
	options = append([]string{
		"-XX:TieredStopAtLevel=1", "-Djava.security.krb5.conf=" + k.file("krb5.conf"),
		"-Djava.security.auth.login.config=" + login,
		"-Djavax.security.auth.useSubjectCredsOnly=false", "-Djavax.net.ssl.trustStore=" + k.file("tls.p12"),
		"-Djavax.net.ssl.trustStorePassword=changeit",
	}, options...)
	return runs(t, nil, "java", append(options, args...)...)
}

// Java's HttpURLConnection authenticates by itself; it binds its tokens to our
// certificate if it is told to.
func javaHTTPURLConnectionReads(t *testing.T, k *kdc, g *gateway) {
	const app = "200 GET /app/x for alice@EXAMPLE.COM\n200 POST /app/x for alice@EXAMPLE.COM\nhello\n"
	out, err := k.java(t, nil, "java/UrlConnection.java", g.url+"/app/x", g.url+"/app/x")
	if err != nil || out != app+app {
		t.Errorf("%s%v\n%s", out, err, g.log)
	}
	out, err = k.java(t, []string{"-Djdk.https.negotiate.cbt=always"}, "java/UrlConnection.java", g.url+"/bound/x")
	if err != nil || out != strings.ReplaceAll(app, "/app", "/bound") {
		t.Errorf("bound: %s%v\n%s", out, err, g.log)
	}
	// So it reports a 401 without a challenge.
	out, err = k.java(t, nil, "java/UrlConnection.java", g.url+"/bound/x")
	if err == nil || !strings.Contains(out, "java.io.IOException: Authentication failure") {
		t.Errorf("unbound: %s%v\n%s", out, err, g.log)
	}
}

// Java's HttpClient knows no Negotiate; JGSS has the tokens.
func javaHTTPClientReads(t *testing.T, k *kdc, g *gateway) {
	for _, tt := range []struct{ path, mech, binding, want string }{
		{"/app", "spnego", "unbound", "200 true POST /app for alice@EXAMPLE.COM\nhello\n"},
		{"/app", "krb5", "unbound", "200 true POST /app for alice@EXAMPLE.COM\nhello\n"},
		{"/bound", "spnego", "bound", "200 true POST /bound for alice@EXAMPLE.COM\nhello\n"},
		{"/bound", "krb5", "foreign", "401 false Unauthorized\n"},
		{"/app", "spnego", "foreign", "401 false Unauthorized\n"},
	} {
		out, err := k.java(t, nil, "java/ByHand.java", g.url+tt.path, tt.mech, tt.binding)
		if err != nil || out != tt.want {
			t.Errorf("%v: %s%v\n%s", tt, out, err, g.log)
		}
	}
}

// ourClient returns an HTTP client with our Transport, for alice.
func (k *kdc) ourClient(t *testing.T, change func(*negotiate.TransportConfig)) *http.Client {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(k.file(name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	keys, err := keytab.Parse(read("alice.keytab"))
	if err != nil {
		t.Fatal(err)
	}
	tickets, err := krbclient.NewClient(krbclient.ClientConfig{Client: "alice@EXAMPLE.COM", Keytab: keys,
		Krb5Conf: string(read("krb5.conf"))})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(read("tls.crt"))
	base := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	cfg := negotiate.TransportConfig{Tickets: tickets, Hosts: []string{"localhost"}, Base: base}
	if change != nil {
		change(&cfg)
	}
	transport, err := negotiate.NewTransport(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.CloseIdleConnections(); tickets.Close() })
	return &http.Client{Transport: transport}
}

// Our own Transport verifies our token; it sends its own when asked and before,
// bound to our certificate and not, and to the hosts that it is told alone.
func ourTransportReads(t *testing.T, k *kdc, g *gateway) {
	for name, tt := range map[string]struct {
		path, want string
		change     func(*negotiate.TransportConfig)
	}{
		"asked for": {"/app", "200 POST /app for alice@EXAMPLE.COM\nhello", nil},
		"before": {"/app", "200 POST /app for alice@EXAMPLE.COM\nhello",
			func(c *negotiate.TransportConfig) { c.Preemptive = true }},
		"bound": {"/bound", "200 POST /bound for alice@EXAMPLE.COM\nhello",
			func(c *negotiate.TransportConfig) { c.ChannelBindings = true }},
		"unbound": {"/bound", "kerberos: negotiate-server-refused", nil},
		"other hosts": {"/app", "401 Unauthorized",
			func(c *negotiate.TransportConfig) { c.Hosts = []string{".example.com"} }},
	} {
		client := k.ourClient(t, tt.change)
		for range 2 {
			if got := posts(client, g.url+tt.path); !strings.Contains(got, tt.want) {
				t.Errorf("%s: %q\n%s", name, got, g.log)
			}
		}
	}
}

// posts returns the status and the body of the response, or the error.
func posts(client *http.Client, url string) string {
	resp, err := client.Post(url, "text/plain", strings.NewReader("hello"))
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, body)
}
