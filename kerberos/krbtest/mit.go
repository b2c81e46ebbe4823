package krbtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/wssgate/wssgate/kerberos/keytab"
)

// A Peer is a program of another implementation that a test needs.
type Peer struct {
	Path    string
	Package string // of Debian
}

// Programs of MIT Kerberos, and the Python that has its library.
var (
	mitKDC       = Peer{"/usr/sbin/krb5kdc", "krb5-kdc"}
	mitUtil      = Peer{"/usr/sbin/kdb5_util", "krb5-kdc"}
	mitAdmin     = Peer{"/usr/sbin/kadmin.local", "krb5-admin-server"}
	mitKinit     = Peer{"/usr/bin/kinit", "krb5-user"}
	debianPython = Peer{"/usr/bin/python3", "python3"}
)

// Need skips the test if a peer is missing, and names the Debian package that
// has it. With CI=true in the environment a missing peer is a failure. t must
// be the calling test, not one that started a shared peer.
func Need(t TB, peers ...Peer) {
	t.Helper()
	for _, p := range peers {
		if _, err := os.Stat(p.Path); err != nil {
			missing(t, p.Path, p.Package)
		}
	}
}

func missing(t TB, what, debian string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: install the Debian package %s", what, debian)
		return
	}
	t.Skipf("%s is missing: install the Debian package %s to run this test", what, debian)
}

// MIT is a running krb5kdc of MIT Kerberos with a realm of its own, on a
// loopback port.
type MIT struct {
	Realm string
	Addr  string
	dir   string
	conf  string
	env   []string // of its programs, beside that of every realm
	ldap  string   // URL of its database; "" without
	t     TB
}

// StartMIT creates a realm EXAMPLE.COM in a temporary directory and runs
// krb5kdc until the end of the test.
func StartMIT(t TB) *MIT {
	t.Helper()
	return StartMITRealm(t, MITConfig{})
}

// MITConfig configures a realm of MIT Kerberos. The zero value is ready to use.
type MITConfig struct {
	Realm       string // "" means DefaultRealm
	KDCDefaults string // lines of [kdcdefaults] in kdc.conf
	RealmConf   string // lines of the realm in kdc.conf
	Krb5Conf    string // more sections of the realm's krb5.conf, which krb5kdc reads too
	// Delegation has rules of who may act for users, see [MIT.AllowDelegation] and
	// [MIT.AllowFrom]. LDAP has the database in slapd, which has those of
	// AllowDelegation.
	Delegation, LDAP bool
}

// mitEnctypes are the types of the keys that MIT's kadmin makes.
const mitEnctypes = "aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal " +
	"aes256-cts-hmac-sha384-192:normal aes128-cts-hmac-sha256-128:normal arcfour-hmac:normal"

// StartMITRealm is [StartMIT] with a configuration.
func StartMITRealm(t TB, cfg MITConfig) *MIT {
	t.Helper()
	Need(t, mitKDC, mitUtil, mitAdmin, mitKinit)
	m := &MIT{Realm: or(cfg.Realm, DefaultRealm), Addr: freePort(t), dir: t.TempDir(), t: t}
	switch {
	case cfg.Delegation:
		m.delegationModule(t, &cfg)
	case cfg.LDAP:
		m.ldapDatabase(t, &cfg)
	}
	m.conf = m.write("krb5.conf", krb5Conf(m.Realm, m.Addr, "")+cfg.Krb5Conf)
	profile := m.write("kdc.conf", fmt.Sprintf(`[kdcdefaults]
 kdc_listen = %[1]s
 kdc_tcp_listen = %[1]s
%[4]s
[realms]
 %[2]s = {
  database_name = %[3]s/principal
  key_stash_file = %[3]s/stash
  acl_file = %[3]s/acl
  max_life = 10h
  supported_enctypes = %[6]s
%[5]s
 }
[logging]
 kdc = FILE:%[3]s/kdc.log
`, m.Addr, m.Realm, m.dir, cfg.KDCDefaults, cfg.RealmConf, mitEnctypes))
	if cfg.LDAP {
		m.createLDAP()
	} else {
		m.run(mitUtil.Path, "create", "-s", "-r", m.Realm, "-P", "master")
	}
	m.startKDC(m.Addr, profile)
	return m
}

// StartReplica runs another krb5kdc of the realm until the end of the test. Its
// process may be ended before.
func (m *MIT) StartReplica() (addr string, kdc *os.Process) {
	m.t.Helper()
	profile, err := os.ReadFile(filepath.Join(m.dir, "kdc.conf"))
	if err != nil {
		m.t.Fatal(err)
	}
	addr = freePort(m.t)
	_, port, _ := net.SplitHostPort(addr)
	path := m.write("kdc-"+port+".conf", strings.ReplaceAll(string(profile), m.Addr, addr))
	return addr, m.startKDC(addr, path)
}

// startKDC runs krb5kdc until the end of the test and waits until it answers.
func (m *MIT) startKDC(addr, profile string) *os.Process {
	m.t.Helper()
	kdc := exec.Command(mitKDC.Path, "-n", "-r", m.Realm)
	kdc.Env = m.Env("KRB5_KDC_PROFILE=" + profile)
	startDaemon(m.t, kdc, "tcp", addr, m.Log)
	return kdc.Process
}

// Log returns what the KDC has logged.
func (m *MIT) Log() string {
	log, _ := os.ReadFile(filepath.Join(m.dir, "kdc.log"))
	return string(log)
}

// MITClient returns an MIT whose client programs use a KDC in process.
func MITClient(t TB, s *Server) *MIT {
	t.Helper()
	Need(t, mitKinit)
	m := &MIT{Realm: s.kdc.realm, Addr: s.Addr(), dir: t.TempDir(), t: t}
	m.conf = m.write("krb5.conf", s.Krb5Conf())
	return m
}

func (m *MIT) write(name, text string) string {
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

// ConfFile returns the path of the realm's krb5.conf.
func (m *MIT) ConfFile() string { return m.conf }

// Env returns the environment for programs that use the realm.
func (m *MIT) Env(more ...string) []string {
	return append(append(os.Environ(), "KRB5_CONFIG="+m.conf, "KRB5_KDC_PROFILE="+filepath.Join(m.dir, "kdc.conf"),
		"KRB5CCNAME=FILE:"+filepath.Join(m.dir, "ccache"), "KRB5RCACHETYPE=none"), append(m.env, more...)...)
}

// run runs a program with empty stdin and returns its output.
func (m *MIT) run(path string, args ...string) string {
	m.t.Helper()
	return m.runIn(nil, "", path, args...)
}

func (m *MIT) runIn(env []string, stdin, path string, args ...string) string {
	m.t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdin = m.Env(env...), strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s %s: %v\n%s", path, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Admin runs one kadmin.local command.
func (m *MIT) Admin(command string) string {
	m.t.Helper()
	return m.run(mitAdmin.Path, "-r", m.Realm, "-q", command)
}

// AddUser adds a principal with a password.
func (m *MIT) AddUser(name, password string) { m.Admin("addprinc -pw " + password + " " + name) }

// AddService adds a principal with random keys, of the encryption types (by
// MIT's names) or of all.
func (m *MIT) AddService(name string, enctypes ...string) {
	e := ""
	for i, n := range enctypes {
		if i > 0 {
			e += ","
		}
		e += n + ":normal"
	}
	if e != "" {
		e = "-e " + e + " "
	}
	m.Admin("addprinc -randkey " + e + name)
}

// KeytabFile writes the current keys of the services to a new file, without
// changing them, and returns its path.
func (m *MIT) KeytabFile(services ...string) (path string) {
	m.t.Helper()
	path = filepath.Join(m.t.TempDir(), "keytab")
	m.Admin(`ktadd -norandkey -k "` + path + `" ` + strings.Join(services, " "))
	return path
}

// Keytab is [MIT.KeytabFile], loaded.
func (m *MIT) Keytab(services ...string) *keytab.Keytab {
	m.t.Helper()
	return loadKeytab(m.t, m.KeytabFile(services...))
}

func loadKeytab(t TB, path string) *keytab.Keytab {
	t.Helper()
	kt, err := keytab.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return kt
}

// Krb5Conf returns the text of the realm's krb5.conf. enctypes are the
// encryption types that a client may ask for, by MIT's names and in order of
// preference; by default all.
func (m *MIT) Krb5Conf(enctypes ...string) string {
	return krb5Conf(m.Realm, m.Addr, strings.Join(enctypes, " "))
}

// Kinit gets a ticket-granting ticket with a password.
func (m *MIT) Kinit(user, password string) {
	m.t.Helper()
	m.runIn(nil, password+"\n", mitKinit.Path, user)
}

// A Script is a program for Debian's python3.
type Script struct {
	Code string
	Args []string
	Env  []string // NAME=value
	Conf string   // text of a krb5.conf to use instead of the realm's
}

// Python runs a script in the realm's environment until the end of t.
func (m *MIT) Python(t TB, s Script) *Python {
	t.Helper()
	Need(t, debianPython)
	if exec.Command(debianPython.Path, "-c", "import gssapi").Run() != nil {
		missing(t, "gssapi for "+debianPython.Path, "python3-gssapi")
	}
	env := m.Env(s.Env...)
	if s.Conf != "" {
		env = append(env, "KRB5_CONFIG="+m.write("client.conf", s.Conf))
	}
	p := &Python{t: t, cmd: exec.Command(debianPython.Path, append([]string{"-c", s.Code}, s.Args...)...)}
	p.cmd.Env, p.cmd.Stderr = env, &p.stderr
	return p.start()
}
