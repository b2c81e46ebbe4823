package krbtest

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// kdbRules is the source of a database module with rules of delegation.
//
//go:embed programs/rules.c
var kdbRules []byte

// What the module is made of. MIT's own database, db2, lets nobody act for
// users.
var (
	gcc       = Peer{"/usr/bin/gcc", "gcc"}
	libc      = Peer{"/usr/include/stdio.h", "libc6-dev"}
	mitKDB    = Peer{"/usr/include/mit-krb5/kdb.h", "krb5-multidev"}
	mitDB2Lib = "krb5/plugins/kdb/db2.so"
)

// delegationModule makes the module and configures the realm for it.
func (m *MIT) delegationModule(t TB, cfg *MITConfig) {
	t.Helper()
	Need(t, gcc, libc, mitKDB)
	db2, _ := filepath.Glob("/usr/lib/*/" + mitDB2Lib)
	if len(db2) == 0 {
		missing(t, mitDB2Lib, "krb5-kdc")
	}
	source, module := m.write("rules.c", string(kdbRules)), filepath.Join(m.dir, "rules.so")
	out, err := exec.Command(gcc.Path, "-Wall", "-shared", "-fPIC", "-I"+filepath.Dir(mitKDB.Path), "-o", module,
		source).CombinedOutput()
	if err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	m.env = append(m.env, "KDB_DB2="+db2[0], "KDB_RULES="+m.write("rules", ""))
	cfg.RealmConf += "\n  database_module = rules"
	cfg.Krb5Conf += fmt.Sprintf("\n[dbmodules]\n db_module_dir = %s\n rules = {\n  db_library = rules\n"+
		"  database_name = %[1]s/principal\n }\n", m.dir)
}

// AllowDelegation lets a service, "HTTP/gw.example.com", act for users at another
// one of the realm. From then on the tickets that it gets in the names of users
// are not forwardable, unless it has ok_to_auth_as_delegate.
func (m *MIT) AllowDelegation(service, to string) {
	m.t.Helper()
	if m.ldap == "" {
		m.rule("to", service, to)
		return
	}
	m.ldif(ldapModify.Path, fmt.Sprintf(`dn: krbPrincipalName=%[1]s@%[2]s,cn=%[2]s,cn=krb,o=test
changetype: modify
add: krbAllowedToDelegateTo
krbAllowedToDelegateTo: %[3]s@%[2]s
`, service, m.Realm, to))
}

// AllowFrom lets a service of the realm take delegations from another one, of
// any realm: resource-based. It needs [MITConfig.Delegation]: no database of MIT
// Kerberos itself has such rules.
func (m *MIT) AllowFrom(service, from string) { m.rule("from", service, from) }

func (m *MIT) rule(verb, a, b string) {
	m.t.Helper()
	f, err := os.OpenFile(filepath.Join(m.dir, "rules"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprintln(f, verb, a, b)
		f.Close()
	}
	if err != nil {
		m.t.Fatal(err)
	}
}
