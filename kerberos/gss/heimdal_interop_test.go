package gss_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/krbtest/gsspeer"
)

// TestInteropHeimdalCCache gets tickets with a credential cache of Heimdal's
// kinit, in both formats.
func TestInteropHeimdalCCache(t *testing.T) {
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.AddService(service)
	acceptor := krbtest.Acceptor(t, m.Keytab(service))
	for _, version := range []string{"3", "4"} {
		t.Run(version, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ccache")
			kinit := gsspeer.HeimdalProgram(t, "kinit.heimdal", "--forwardable", "--fcache-version="+version, "--cache=FILE:"+
				path, "--password-file=STDIN", "alice@EXAMPLE.COM")
			kinit.Env, kinit.Stdin = append(m.Env(), kinit.Env...), strings.NewReader("secret\n")
			if out, err := kinit.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			i := newClient(t, kdc.ClientConfig{CCache: path, Krb5Conf: m.Krb5Conf()})
			if tgt, _ := mustAccept(t, i, acceptor, service, "alice@EXAMPLE.COM"); tgt.Flags&kerberos.FlagForwardable == 0 {
				t.Errorf("flags %#x", tgt.Flags)
			}
		})
	}
}

// TestInteropHeimdalKeytab: a keytab that Heimdal's ktutil wrote, with keys of
// a password, has the keys that we make of the password.
func TestInteropHeimdalKeytab(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keytab")
	for _, e := range mitEnctypes {
		name := strings.Replace(e.Name, "arcfour-hmac", "arcfour-hmac-md5", 1)
		ktutil := gsspeer.HeimdalProgram(t, "ktutil.heimdal", "-k", "FILE:"+path, "add", "-p", service+"@EXAMPLE.COM", "-e",
			name, "-V", "3", "-w", "pässword")
		ktutil.Env = append(ktutil.Env, "KRB5_CONFIG=/dev/null")
		if out, err := ktutil.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	kt, err := keytab.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(kt.Entries()) != len(mitEnctypes) {
		t.Fatal(kt)
	}
	for _, e := range kt.Entries() {
		ours := passwordKeys(t, keytab.PasswordConfig{Kvno: 3, Etypes: []int32{e.Etype}}, service+"@EXAMPLE.COM",
			"pässword").Entries()[0]
		if e.Kvno != 3 || e.Principal.String() != service+"@EXAMPLE.COM" || !e.Key.Equal(ours.Key) {
			t.Errorf("%v kvno %d etype %d: another key than ours", e.Principal, e.Kvno, e.Etype)
		}
	}
}
