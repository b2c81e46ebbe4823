package negotiate_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/krbtest/gsspeer"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

var (
	curl    = krbtest.Peer{Path: "/usr/bin/curl", Package: "curl"}
	python  = krbtest.Peer{Path: "/usr/bin/python3", Package: "python3"}
	gssapi  = krbtest.Peer{Path: "/usr/lib/python3/dist-packages/gssapi", Package: "python3-gssapi"}
	javaJDK = krbtest.Peer{Path: "/usr/bin/java", Package: "default-jdk-headless"}
)

// withMIT returns a world whose tickets are those of an MIT KDC, for
// HTTP/localhost, and the URL of its server.
func withMIT(t *testing.T, change func(*negotiate.Config)) (w *world, m *krbtest.MIT, url string) {
	t.Helper()
	m = krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.AddService("HTTP/localhost")
	m.Kinit("alice", "secret")
	w = newWorld(t, func(c *negotiate.Config) {
		c.Acceptor = krbtest.Acceptor(t, m.Keytab("HTTP/localhost"))
		if change != nil {
			change(c)
		}
	})
	return w, m, strings.Replace(w.server.URL, "127.0.0.1", "localhost", 1)
}

// run runs a client and returns what it prints.
func run(t *testing.T, m *krbtest.MIT, peer krbtest.Peer, args ...string) string {
	t.Helper()
	krbtest.Need(t, peer)
	cmd := exec.CommandContext(t.Context(), peer.Path, args...)
	cmd.Env = m.Env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v\n%s", peer.Path, args, err, out)
	}
	return string(out)
}

// TestInteropCurl: curl sends a token with each request, also of one
// connection, since we say that it has to; it keeps cookies if told to; and it
// sends large bodies once.
func TestInteropCurl(t *testing.T) {
	w, m, url := withMIT(t, func(c *negotiate.Config) { c.Session = time.Hour })
	options := []string{"-sS", "--negotiate", "-u", ":"}
	large := filepath.Join(t.TempDir(), "large")
	w.must(os.WriteFile(large, []byte(strings.Repeat("x", 3<<20)), 0o600))
	const alice = "alice@EXAMPLE.COM "
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"two requests": {[]string{url, url}, alice + "token " + alice + "token "},
		"body":         {[]string{"-d", "hello", url}, alice + "token hello"},
		"after 401":    {[]string{"--anyauth", "-d", "hello", url}, alice + "token hello"},
		"large body": {[]string{"--expect100-timeout", "120", "-T", large, url},
			alice + "token " + strings.Repeat("x", 3<<20)},
		"session": {[]string{"-b", "", url, "--next", "-sS", "-b", "", url}, alice + "token " + alice + "session "},
	} {
		if got := run(t, m, curl, append(slices.Clone(options), tt.args...)...); got != tt.want {
			t.Errorf("%s: %.200q", name, got)
		}
	}
}

func TestInteropCurlOnABoundConnection(t *testing.T) {
	_, m, url := withMIT(t, func(c *negotiate.Config) { c.ConnectionBound = true })
	got := run(t, m, curl, "-sS", "--negotiate", "-u", ":", url, url)
	if got != "alice@EXAMPLE.COM token alice@EXAMPLE.COM connection " {
		t.Errorf("%q", got)
	}
}

// pythonClient is a client on MIT's library, which checks that the server is
// the one.
const pythonClient = `
import base64, gssapi, http.client, sys, urllib.parse
url = urllib.parse.urlparse(sys.argv[1])
mech = gssapi.OID.from_int_seq({"spnego": "1.3.6.1.5.5.2", "krb5": "1.2.840.113554.1.2.2"}[sys.argv[2]])
name = gssapi.Name("HTTP@" + url.hostname, gssapi.NameType.hostbased_service)
ctx = gssapi.SecurityContext(name=name, usage="initiate", mech=mech,
    flags=gssapi.RequirementFlag.mutual_authentication)
connection = http.client.HTTPConnection(url.hostname, url.port)
token = ctx.step()
while True:
    connection.request("POST", "/", b"hello", {"Authorization": "Negotiate " + base64.b64encode(token).decode()})
    response = connection.getresponse()
    body = response.read().decode()
    scheme, _, text = response.getheader("WWW-Authenticate").partition(" ")
    token = ctx.step(base64.b64decode(text))
    if ctx.complete: break
print(response.status, body, ctx.complete, bool(ctx.actual_flags & gssapi.RequirementFlag.mutual_authentication))
`

func TestInteropPython(t *testing.T) {
	_, m, url := withMIT(t, nil)
	krbtest.Need(t, gssapi)
	for _, mech := range []string{"spnego", "krb5"} {
		got := run(t, m, python, "-c", pythonClient, url, mech)
		if got != "200 alice@EXAMPLE.COM token hello True True\n" {
			t.Errorf("%s: %s", mech, got)
		}
	}
}

// TestInteropThreeLegs: MIT's library with NTLM first in its list.
func TestInteropThreeLegs(t *testing.T) {
	w, m, _ := withMIT(t, nil)
	krbtest.Need(t, krbtest.Peer{Path: "/etc/gss/mech.d/mech.ntlmssp.conf", Package: "gss-ntlmssp"})
	users := filepath.Join(t.TempDir(), "users")
	w.must(os.WriteFile(users, []byte("EXAMPLE:alice:secret\n"), 0o600))
	t.Setenv("NTLM_USER_FILE", users)
	p := gsspeer.MIT(t, m, m.KeytabFile("HTTP/localhost"))
	p.Begin(gsspeer.Begin{Service: "HTTP/localhost@EXAMPLE.COM", SPNEGO: true, Flags: "mutual,ntlm-first"})
	token, done, err := p.Step(nil)
	w.must(err)
	var cookie *http.Cookie
	legs := 0
	for {
		legs++
		a := w.do(http.MethodGet, "", token, cookie)
		cookie = a.cookie()
		if !done {
			token, done, err = p.Step(a.token())
			w.must(err)
		}
		if a.StatusCode == http.StatusOK {
			break
		}
		if legs > 4 {
			t.Fatalf("HTTP %d", a.StatusCode)
		}
	}
	if legs < 2 || !done || w.calls.Load() != 1 {
		t.Errorf("%d legs, done %t, %d calls", legs, done, w.calls.Load())
	}
}

// javaClient uses what HttpURLConnection does by itself.
const javaClient = `
import java.net.*; import java.nio.charset.StandardCharsets;
public class Client {
  public static void main(String[] args) throws Exception {
    for (int i = 0; i < 2; i++) {
      HttpURLConnection c = (HttpURLConnection) new URL(args[0]).openConnection();
      c.setDoOutput(true);
      c.getOutputStream().write("hello".getBytes(StandardCharsets.UTF_8));
      byte[] body = c.getInputStream().readAllBytes();
      System.out.println(c.getResponseCode() + " " + new String(body, StandardCharsets.UTF_8));
    }
  }
}
`

func TestInteropJava(t *testing.T) {
	w, m, url := withMIT(t, nil)
	dir := t.TempDir()
	source, login := filepath.Join(dir, "Client.java"), filepath.Join(dir, "login.conf")
	w.must(os.WriteFile(source, []byte(javaClient), 0o600))
	w.must(os.WriteFile(login, fmt.Appendf(nil, `com.sun.security.jgss.krb5.initiate {
  com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true ticketCache=%q doNotPrompt=true;
};
`, m.Ccache()), 0o600))
	got := run(t, m, javaJDK, "-Djava.security.krb5.conf="+m.ConfFile(), "-Djava.security.auth.login.config="+login,
		"-Djavax.security.auth.useSubjectCredsOnly=false", "-XX:TieredStopAtLevel=1", source, url)
	if got != strings.Repeat("200 alice@EXAMPLE.COM token hello\n", 2) {
		t.Error(got)
	}
}

// TestInteropOurClient: a Transport with tickets of MIT's KDC.
func TestInteropOurClient(t *testing.T) {
	w, m, url := withMIT(t, nil)
	tickets, err := kdc.NewClient(kdc.ClientConfig{CCache: m.Ccache(), Krb5Conf: m.Krb5Conf()})
	w.must(err)
	defer tickets.Close()
	transport, err := negotiate.NewTransport(negotiate.TransportConfig{Tickets: tickets, AllowHTTP: true,
		Hosts: []string{"localhost"}})
	w.must(err)
	client := http.Client{Transport: transport}
	status, body := w.read(client.Post(url, "text/plain", strings.NewReader("hello")))
	if status != http.StatusOK || body != "alice@EXAMPLE.COM token hello" {
		t.Errorf("HTTP %d %q", status, body)
	}
}

// acceptorScript is a server of MIT's library: for each token it prints a
// reply, and whether the context is established.
const acceptorScript = `
import sys, gssapi
creds = gssapi.Credentials(usage="accept")
for line in sys.stdin:
    ctx = gssapi.SecurityContext(creds=creds, usage="accept")
    reply = ctx.step(bytes.fromhex(line)) or b""
    sys.stdout.write(reply.hex() + "\n"); sys.stdout.flush()
`

// TestInteropOurClientWithMITsAcceptor: a server on MIT's library proves to our
// client who it is.
func TestInteropOurClientWithMITsAcceptor(t *testing.T) {
	w, m, _ := withMIT(t, nil)
	krbtest.Need(t, gssapi)
	keytab := m.KeytabFile("HTTP/localhost")
	script := m.Python(t, krbtest.Script{Code: acceptorScript, Env: []string{"KRB5_KTNAME=" + keytab}})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Negotiate ")
		if !ok {
			rw.Header().Set("WWW-Authenticate", `Basic realm="a", Negotiate`)
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		script.Send(decode(t, token))
		rw.Header().Set("WWW-Authenticate", "Negotiate "+base64Of(script.Receive()))
		_, _ = io.WriteString(rw, "welcome")
	}))
	defer server.Close()
	tickets, err := kdc.NewClient(kdc.ClientConfig{CCache: m.Ccache(), Krb5Conf: m.Krb5Conf()})
	w.must(err)
	defer tickets.Close()
	for _, preemptive := range []bool{true, false} {
		transport, err := negotiate.NewTransport(negotiate.TransportConfig{Tickets: tickets, AllowHTTP: true,
			Hosts: []string{"localhost"}, Preemptive: preemptive})
		w.must(err)
		client := http.Client{Transport: transport}
		status, body := w.read(client.Get(strings.Replace(server.URL, "127.0.0.1", "localhost", 1)))
		if status != http.StatusOK || body != "welcome" {
			t.Errorf("HTTP %d %q", status, body)
		}
	}
}
