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

// Programs of Samba.
var (
	sambaDaemon = Peer{"/usr/sbin/samba", "samba-ad-dc"}
	sambaTool   = Peer{"/usr/bin/samba-tool", "samba-ad-dc"}
	sambaSetup  = Peer{"/usr/share/samba/setup/provision.ldif", "samba-ad-provision"}
)

// Samba is a domain controller of a temporary Active Directory domain. Only its
// KDC runs, on a loopback port. It needs root, as samba does.
type Samba struct {
	Realm string // AD.EXAMPLE.COM
	Addr  string // of the KDC
	dir   string
	conf  string
	t     TB
}

// StartSamba provisions a domain in a temporary directory and runs samba until
// the end of the test. It takes about ten seconds.
func StartSamba(t TB) *Samba {
	t.Helper()
	Need(t, sambaDaemon, sambaTool, sambaSetup, debianPython)
	needRoot(t)
	s := &Samba{Realm: "AD.EXAMPLE.COM", Addr: freePort(t), dir: t.TempDir(), t: t}
	domain := filepath.Join(s.dir, "d")
	s.conf = filepath.Join(s.dir, "smb.conf")
	_, port, _ := net.SplitHostPort(s.Addr)
	_, password, _ := net.SplitHostPort(freePort(t))
	conf := fmt.Sprintf(`[global]
netbios name = DC1
realm = %[1]s
workgroup = AD
server role = active directory domain controller
server services = kdc
interfaces = 127.0.0.1
bind interfaces only = yes
krb5 port = %[2]s
kpasswd port = %[3]s
private dir = %[4]s/private
lock directory = %[4]s
state directory = %[4]s/state
cache directory = %[4]s/cache
binddns dir = %[4]s/bind-dns
pid directory = %[4]s
ncalrpc dir = %[4]s/ncalrpc
ntp signd socket directory = %[4]s/ntp
winbindd socket directory = %[4]s/winbindd
vfs objects = dfs_samba4 acl_xattr xattr_tdb
xattr_tdb:file = %[4]s/xattr.tdb
log file = %[4]s/log
logging = file
usershare path =
panic action =
`, s.Realm, port, password, domain)
	if err := os.WriteFile(s.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	// xattr_tdb keeps the access lists of SYSVOL in a file: as extended
	// attributes they need CAP_SYS_ADMIN, which root in a container does not
	// have.
	s.Tool("domain", "provision", "--targetdir="+domain, "--realm="+s.Realm, "--domain=AD", "--server-role=dc",
		"--dns-backend=NONE", "--adminpass=Provision.1", "--host-name=dc1", "--host-ip=127.0.0.1")
	s.start()
	return s
}

func needRoot(t TB) {
	t.Helper()
	switch {
	case os.Getuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("samba provisions and runs as root only")
	default:
		t.Skipf("samba provisions and runs as root only: run this test as root")
	}
}

func (s *Samba) start() {
	s.t.Helper()
	daemon := exec.Command(sambaDaemon.Path, "-i", "-M", "single", "-s", s.conf)
	stdin, err := daemon.StdinPipe() // samba ends when it is closed, also if the test is killed
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { stdin.Close() })
	startDaemon(s.t, daemon, "tcp", s.Addr, nil)
}

func (s *Samba) run(path string, args ...string) string {
	s.t.Helper()
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", path, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Tool runs samba-tool on the domain.
func (s *Samba) Tool(args ...string) string {
	s.t.Helper()
	return s.run(sambaTool.Path, append(args, "-s", s.conf)...)
}

// AddService adds an account with a service principal,
// "HTTP/gw.ad.example.com", and the encryption types of its tickets, as bits of
// msDS-SupportedEncryptionTypes (MS-KILE 2.2.7): 4 RC4, 8 AES-128, 16 AES-256.
func (s *Samba) AddService(account, principal string, etypes int) {
	s.t.Helper()
	s.Tool("user", "add", account, "Service.12345")
	s.Tool("spn", "add", principal, account)
	s.set(account, "msDS-SupportedEncryptionTypes", fmt.Sprint(etypes))
	s.Tool("user", "setpassword", account, "--newpassword=Service.67890") // keys of these types
}

// AddUser adds an account with a password and a user principal name,
// "alice.l@ad.example.com".
func (s *Samba) AddUser(account, password, upn string) {
	s.t.Helper()
	s.Tool("user", "add", account, password)
	s.set(account, "userPrincipalName", upn)
}

// AddGroup adds a global group with members, accounts or groups.
func (s *Samba) AddGroup(group string, members ...string) {
	s.t.Helper()
	s.Tool("group", "add", group)
	for _, m := range members {
		s.Tool("group", "addmembers", group, m)
	}
}

func (s *Samba) set(account, attribute, value string) {
	s.t.Helper()
	s.directory("db.modify_ldif('dn: %s\\nchangetype: modify\\nreplace: %s\\n%s: %s\\n' % (dn(sys.argv[2]), "+
		"sys.argv[3], sys.argv[3], sys.argv[4]))",
		account, attribute, value)
}

// SID returns the security identifier of an account or group.
func (s *Samba) SID(account string) string {
	s.t.Helper()
	return strings.TrimSpace(s.directory("print(sid(db.search(dn(sys.argv[2]), scope=0, "+
		"attrs=['objectSid'])[0]['objectSid'][0]))", account))
}

// TokenGroups returns the security identifiers of all groups of an account by
// the directory, nested ones included.
func (s *Samba) TokenGroups(account string) []string {
	s.t.Helper()
	return strings.Fields(s.directory("[print(sid(v)) for v in db.search(dn(sys.argv[2]), scope=0, "+
		"attrs=['tokenGroups'])[0]['tokenGroups']]", account))
}

// directory runs Python code on the domain's directory and returns its output.
func (s *Samba) directory(code string, args ...string) string {
	s.t.Helper()
	const prelude = `
import sys
from samba.samdb import SamDB
from samba.auth import system_session
from samba.param import LoadParm
from samba.ndr import ndr_unpack
from samba.dcerpc import security
lp = LoadParm(); lp.load(sys.argv[1])
db = SamDB(session_info=system_session(lp), lp=lp)
def dn(account): return str(db.search(expression="(sAMAccountName=%s)" % account, attrs=[])[0].dn)
def sid(v): return str(ndr_unpack(security.dom_sid, v))
`
	return s.run(debianPython.Path, append([]string{"-c", prelude + code, s.conf}, args...)...)
}

// KeytabFile exports the keys of service principals to a new file, and returns
// its path.
func (s *Samba) KeytabFile(principals ...string) (path string) {
	s.t.Helper()
	path = filepath.Join(s.t.TempDir(), "keytab")
	for _, p := range principals {
		s.Tool("domain", "exportkeytab", path, "--principal="+p)
	}
	return path
}

// Keytab is [Samba.KeytabFile], loaded.
func (s *Samba) Keytab(principals ...string) *keytab.Keytab {
	s.t.Helper()
	return loadKeytab(s.t, s.KeytabFile(principals...))
}

// MIT returns an MIT whose client programs use the domain controller.
func (s *Samba) MIT(t TB) *MIT {
	t.Helper()
	Need(t, mitKinit)
	m := &MIT{Realm: s.Realm, Addr: s.Addr, dir: t.TempDir(), t: t}
	m.conf = m.write("krb5.conf", s.Krb5Conf())
	return m
}

// Krb5Conf returns the text of a krb5.conf for the domain.
func (s *Samba) Krb5Conf() string { return krb5Conf(s.Realm, s.Addr, "") }
