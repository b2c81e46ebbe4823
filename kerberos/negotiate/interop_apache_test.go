package negotiate_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/loopback"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// apacheConf is Apache with mod_auth_gssapi: /page for each request with a
// token, /session with a cookie after the first.
const apacheConf = `
ServerRoot %[1]s
ServerName localhost
Listen 127.0.0.1:%[2]s
PidFile %[1]s/pid
ErrorLog %[1]s/errors
DocumentRoot %[1]s
%[3]s
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule session_module /usr/lib/apache2/modules/mod_session.so
LoadModule session_cookie_module /usr/lib/apache2/modules/mod_session_cookie.so
LoadModule auth_gssapi_module /usr/lib/apache2/modules/mod_auth_gssapi.so
<Location /page>
  AuthType GSSAPI
  AuthName "Kerberos, of course"
  GssapiCredStore keytab:%[1]s/http.keytab
  GssapiBasicAuth On
  Require valid-user
</Location>
<Location /session>
  AuthType GSSAPI
  AuthName "Kerberos, of course"
  GssapiCredStore keytab:%[1]s/http.keytab
  GssapiBasicAuth On
  Require valid-user
  GssapiUseSessions On
  Session On
  SessionCookieName gssapi path=/session;httponly
</Location>
`

// startApache runs Apache until the end of the test, and returns its address.
func startApache(t *testing.T, m *krbtest.MIT) (addr string) {
	t.Helper()
	apache := krbtest.Peer{Path: "/usr/sbin/apache2", Package: "apache2"}
	krbtest.Need(t, apache, krbtest.Peer{Path: "/usr/lib/apache2/modules/mod_auth_gssapi.so",
		Package: "libapache2-mod-auth-gssapi"})
	dir, addr := apacheFiles(t, m)
	cmd := exec.Command(apache.Path, "-DFOREGROUND", "-f", filepath.Join(dir, "apache.conf"))
	cmd.Env = append(os.Environ(), "KRB5_CONFIG="+filepath.Join(dir, "krb5.conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if log, _ := os.ReadFile(filepath.Join(dir, "errors")); t.Failed() {
			t.Logf("apache: %s", log)
		}
	})
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr
		}
	}
	t.Fatal("apache does not listen")
	return ""
}

// apacheFiles writes what Apache reads, and returns where, and its address.
func apacheFiles(t *testing.T, m *krbtest.MIT) (dir, addr string) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "apache") // its children cannot read what is in t.TempDir, if we are root
	must(err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(os.Chmod(dir, 0o755))
	keys, err := os.ReadFile(m.KeytabFile("HTTP/localhost"))
	must(err)
	conf, err := os.ReadFile(m.ConfFile())
	must(err)
	addr, err = loopback.Free()
	must(err)
	_, port, _ := net.SplitHostPort(addr)
	user := ""
	if os.Getuid() == 0 {
		user = "User www-data\nGroup www-data"
	}
	for name, text := range map[string]string{
		"http.keytab": string(keys), "page": "page of apache", "session": "session of apache", "krb5.conf": string(conf),
		"apache.conf": fmt.Sprintf(apacheConf, dir, port, user),
	} {
		must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir, addr
}

// TestInteropModAuthGSSAPI: our client with Apache's module, whose challenges
// are Negotiate and Basic: with and without a challenge, with its session
// cookie, and with a body.
func TestInteropModAuthGSSAPI(t *testing.T) {
	w, m, _ := withMIT(t, nil)
	url := "http://" + strings.Replace(startApache(t, m), "127.0.0.1", "localhost", 1)
	tickets, err := kdc.NewClient(kdc.ClientConfig{CCache: m.Ccache(), Krb5Conf: m.Krb5Conf()})
	w.must(err)
	defer tickets.Close()
	for _, preemptive := range []bool{true, false} {
		transport, err := negotiate.NewTransport(negotiate.TransportConfig{Tickets: tickets, AllowHTTP: true,
			Hosts: []string{"localhost"}, Preemptive: preemptive})
		w.must(err)
		jar, _ := cookiejar.New(nil)
		client := http.Client{Transport: transport, Jar: jar}
		for _, page := range []string{"page", "session", "session"} {
			if status, body := w.read(client.Get(url + "/" + page)); status != 200 || body != page+" of apache" {
				t.Errorf("preemptive %t, %s: HTTP %d %q", preemptive, page, status, body)
			}
		}
		status, _ := w.read(client.Post(url+"/page", "text/plain", strings.NewReader("hello")))
		if status != http.StatusOK && status != http.StatusMethodNotAllowed {
			t.Errorf("preemptive %t, body: HTTP %d", preemptive, status)
		}
	}
}
