package krbtest

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Programs of an LDAP database for MIT's KDC, and its schema.
var (
	slapd      = Peer{"/usr/sbin/slapd", "slapd"}
	ldapAdd    = Peer{"/usr/bin/ldapadd", "ldap-utils"}
	ldapModify = Peer{"/usr/bin/ldapmodify", "ldap-utils"}
	mitLDAP    = Peer{"/usr/sbin/kdb5_ldap_util", "krb5-kdc-ldap"}
	ldapCore   = Peer{"/etc/ldap/schema/core.schema", "slapd"}
	mitSchema  = Peer{"/usr/share/doc/krb5-kdc-ldap/kerberos.schema.gz", "krb5-kdc-ldap"}
)

const (
	ldapAdmin    = "cn=admin,o=test"
	ldapPassword = "secret"
)

// ldapDatabase starts slapd until the end of the test, and configures the realm
// for it.
func (m *MIT) ldapDatabase(t TB, cfg *MITConfig) {
	t.Helper()
	Need(t, slapd, ldapAdd, ldapModify, mitLDAP, ldapCore, mitSchema)
	packed, err := os.ReadFile(mitSchema.Path)
	var schema []byte
	if err == nil {
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(packed)); err == nil {
			schema, err = io.ReadAll(r)
		}
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(m.dir, "ldap"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	conf := m.write("slapd.conf", fmt.Sprintf(`include %s
include %s
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
maxsize 67108864
suffix "o=test"
rootdn "%s"
rootpw %s
directory %s/ldap
`, ldapCore.Path, m.write("kerberos.schema", string(schema)), ldapAdmin, ldapPassword, m.dir))
	m.startLDAP(t, conf)
	cfg.RealmConf += "\n  database_module = ldap"
	secret := m.write("ldap.password", ldapAdmin+"#{HEX}"+hex.EncodeToString([]byte(ldapPassword))+"\n")
	cfg.Krb5Conf += fmt.Sprintf(`
[dbmodules]
 ldap = {
  db_library = kldap
  ldap_kerberos_container_dn = cn=krb,o=test
  ldap_kdc_dn = %[1]s
  ldap_kadmind_dn = %[1]s
  ldap_service_password_file = %[2]s
  ldap_servers = %[3]s
 }
`, ldapAdmin, secret, m.ldap)
}

// startLDAP runs slapd on a socket and makes the root of its tree.
func (m *MIT) startLDAP(t TB, conf string) {
	t.Helper()
	socket := filepath.Join(m.dir, "ldap.sock")
	m.ldap = "ldapi://" + url.PathEscape(socket)
	startDaemon(t, exec.Command(slapd.Path, "-d", "0", "-f", conf, "-h", m.ldap), "unix", socket, nil)
	m.ldif(ldapAdd.Path, "dn: o=test\nobjectClass: organization\no: test\n")
}

// ldif runs ldapadd or ldapmodify.
func (m *MIT) ldif(program, text string) {
	m.t.Helper()
	cmd := exec.Command(program, "-H", m.ldap, "-D", ldapAdmin, "-w", ldapPassword)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// createLDAP makes the realm's entries.
func (m *MIT) createLDAP() {
	m.t.Helper()
	m.run(mitLDAP.Path, "-D", ldapAdmin, "-w", ldapPassword, "-H", m.ldap, "create", "-subtrees", "o=test",
		"-r", m.Realm, "-s", "-sf", filepath.Join(m.dir, "stash"), "-P", "master")
}
