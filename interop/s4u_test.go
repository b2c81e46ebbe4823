package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// delegatingKDC starts an MIT KDC whose rules of delegation are in LDAP, with
// alice, the service of the gateway and that of CXF's server.
func delegatingKDC(t *testing.T) (*kdc, *krbtest.MIT) {
	t.Helper()
	const gateway, cxfService = "soap/gw.example.com", "bob/service.ws.apache.org"
	m := krbtest.StartMITRealm(t, krbtest.MITConfig{LDAP: true})
	k := &kdc{dir: t.TempDir()}
	m.AddUser("alice", "alicepw")
	m.AddService(gateway)
	m.AddService(cxfService)
	m.Admin(`ktadd -norandkey -k "` + k.file("alice.keytab") + `" alice`)
	m.Admin(`ktadd -norandkey -k "` + k.file("svc.keytab") + `" ` + gateway + " " + cxfService)
	var jaas strings.Builder
	for _, login := range [][3]string{{"alice", "alice.keytab", "alice"}, {"bob", "svc.keytab", cxfService}} {
		fmt.Fprintf(&jaas, "%s { com.sun.security.auth.module.Krb5LoginModule required refreshKrb5Config=true "+
			"useKeyTab=true doNotPrompt=true keyTab=%q principal=\"%s@EXAMPLE.COM\" storeKey=true; };\n",
			login[0], k.file(login[1]), login[2])
	}
	conf := strings.Replace(m.Krb5Conf(), "[libdefaults]\n", "[libdefaults]\n forwardable = true\n", 1)
	for name, text := range map[string]string{"krb5.conf": conf, "lab.jaas": jaas.String()} {
		if err := os.WriteFile(filepath.Join(k.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return k, m
}

// TestCXFServerSeesTheClientsOwnTicket: a CXF client, wssgate, and a CXF server
// that is secured itself and sees the client, by S4U2Proxy and by S4U2Self; and
// nothing before the KDC allows it. Under a policy of SPNEGO CXF has no
// principal: there the KDC's log says for whom it has issued the ticket.
func TestCXFServerSeesTheClientsOwnTicket(t *testing.T) {
	k, m := delegatingKDC(t)
	c := newCXF(t, k)
	addr, port := freeAddr(t)
	cmd := exec.Command("bash", c.java("SecureServer", "-wsdl", c.wsdl(), "-only", "(KtpSymmetric|SpnegoSymmetric)Port",
		"-http", port)...)
	cmd.Env = append(os.Environ(), c.env()...)
	server := daemon(t, cmd, saidReady)
	g := serveRoutes(t, program(t), k, "http://"+addr+"/KtpSymmetric", false, map[string]any{
		"service": "soap/gw.example.com@EXAMPLE.COM", "krb5-conf": k.file("krb5.conf"), "admin": "off",
		"backend-service": "bob/service.ws.apache.org", "backend-trust": "1.3", "backend-authenticator": false,
	}, func(_ string, route map[string]any) {
		route["policy"], route["backend-policy"] = policyOf(t, "KtpSymmetric"), policyOf(t, "KtpSymmetric")
		switch route["backend-credential"] = "s4u2proxy"; route["path"] {
		case "/self":
			route["backend-credential"] = "s4u2self"
		case "/spnego":
			route["backend"], route["backend-policy"] = "http://"+addr+"/SpnegoSymmetric", policyOf(t, "SpnegoSymmetric")
		}
	}, "proxy", "self", "spnego")
	call := func(path, caller, code string) {
		t.Helper()
		line := "served DoubleIt for " + caller + "\n"
		before := strings.Count(server.String(), line)
		out, err := c.call(t, "KtpSymmetric", g.url+path, "-spn", "soap@gw.example.com", "-count", "2")
		served := strings.Count(server.String(), line) - before
		refused := strings.Count(g.log.String(), `"code":"`+code+`"`)
		if code == "" && (err != nil || served != 2) || code != "" && (err == nil || served != 0 || refused == 0) {
			t.Errorf("%s: served %s %d times, %q in the log %d times; client: %v\n%s", path, caller, served, code, refused, err,
				out)
		}
	}
	call("/proxy", "alice@EXAMPLE.COM", "delegation-refused")
	m.AllowDelegation("soap/gw.example.com", "bob/service.ws.apache.org")
	call("/self", "alice@EXAMPLE.COM", "evidence-not-forwardable")
	m.Admin("modprinc +ok_to_auth_as_delegate soap/gw.example.com")
	call("/proxy", "alice@EXAMPLE.COM", "")
	call("/self", "alice@EXAMPLE.COM", "")
	const issued = "CONSTRAINED-DELEGATION s4u-client=alice@EXAMPLE.COM"
	before := strings.Count(m.Log(), issued)
	call("/spnego", "null", "")
	if n := strings.Count(m.Log(), issued) - before; n == 0 {
		t.Errorf("the KDC has issued no ticket in the name of alice:\n%s", m.Log())
	}
}
