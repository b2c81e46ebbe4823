package krbtest

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// Further programs of MIT Kerberos.
var (
	mitAdminServer = Peer{"/usr/sbin/kadmind", "krb5-admin-server"}
	mitKpasswd     = Peer{"/usr/bin/kpasswd", "krb5-user"}
	mitKvno        = Peer{"/usr/bin/kvno", "krb5-user"}
)

// NeedTLS skips the test if MIT's client cannot use KDC proxies: its TLS is a
// plugin.
func NeedTLS(t TB) {
	t.Helper()
	Need(t, mitKinit)
	if found, _ := filepath.Glob("/usr/lib/*/krb5/plugins/tls/k5tls.so"); len(found) == 0 {
		missing(t, "MIT's TLS plugin", "krb5-k5tls")
	}
}

// StartPasswordServer runs kadmind, which changes passwords (RFC 3244), until
// the end of the test. It returns its address.
func (m *MIT) StartPasswordServer() (addr string) {
	m.t.Helper()
	Need(m.t, mitAdminServer)
	addr = freePort(m.t)
	m.write("acl", "")
	profile := m.write("kadmind.conf", fmt.Sprintf(`[realms]
 %[1]s = {
  database_name = %[2]s/principal
  key_stash_file = %[2]s/stash
  acl_file = %[2]s/acl
  kadmind_listen = %[3]s
  kpasswd_listen = %[4]s
  supported_enctypes = %[5]s
 }
[logging]
 admin_server = FILE:%[2]s/kadmind.log
`, m.Realm, m.dir, freePort(m.t), addr, mitEnctypes))
	server := exec.Command(mitAdminServer.Path, "-nofork", "-r", m.Realm)
	server.Env = m.Env("KRB5_KDC_PROFILE=" + profile)
	startDaemon(m.t, server, "tcp", addr, nil)
	return addr
}

// Through returns an MIT of the same realm whose client programs use another
// krb5.conf, such as one with a KDC proxy, and a credential cache of their own.
func (m *MIT) Through(conf string) *MIT {
	m.t.Helper()
	other := &MIT{Realm: m.Realm, Addr: m.Addr, dir: m.t.TempDir(), t: m.t}
	other.conf = other.write("krb5.conf", conf)
	return other
}

// Kvno gets tickets for services, and returns what kvno prints.
func (m *MIT) Kvno(services ...string) string {
	m.t.Helper()
	Need(m.t, mitKvno)
	return m.run(mitKvno.Path, services...)
}

// Kpasswd changes the password of a user.
func (m *MIT) Kpasswd(user, from, to string) string {
	m.t.Helper()
	Need(m.t, mitKpasswd)
	return m.runIn(nil, from+"\n"+to+"\n"+to+"\n", mitKpasswd.Path, user)
}
