package keytab_test

import (
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
)

// RFC 8009 appendix A, and RFC 4757's key, which is an NT hash.
func TestFromPasswordMatchesRFCs(t *testing.T) {
	t.Parallel()
	salt, err := hex.DecodeString("10df9dd783e5bc8acea1730e74355f61")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		etype    int32
		salt     string
		password string
		key      string
	}{
		{etype.AES128SHA2, string(salt) + "ATHENA.MIT.EDUraeburn", "password", "089bca48b105ea6ea77ca5d2f39dc5e7"},
		{etype.AES256SHA2, string(salt) + "ATHENA.MIT.EDUraeburn", "password",
			"45bd806dbf6a833a9cffc1c94589a222367a79bc21c413718906e9f578a78467"},
		{etype.RC4, "", "foo", "ac8e657f83df82beea5d43bdaf7800cc"},
	} {
		kt := passwordKeys(t, keytab.PasswordConfig{Salt: tt.salt, Etypes: []int32{tt.etype}, Iterations: 0},
			"raeburn@ATHENA.MIT.EDU", tt.password)
		if got := hex.EncodeToString(kt.Entries()[0].Key.ExposeKeyOctets()); got != tt.key {
			t.Errorf("etype %d: %s, want %s", tt.etype, got, tt.key)
		}
	}
}

func TestFromPasswordRejectsBadConfigs(t *testing.T) {
	t.Parallel()
	alice := kerberos.Principal{Components: []string{"alice"}, Realm: "R"}
	for want, try := range map[string]func() ([]keytab.Entry, error){
		"empty password": func() ([]keytab.Entry, error) {
			return keytab.FromPassword(keytab.PasswordConfig{Principal: alice}, "")
		},
		"not name@REALM": func() ([]keytab.Entry, error) {
			return keytab.FromPassword(keytab.PasswordConfig{Principal: kerberos.Principal{Components: []string{"a"}}}, "x")
		},
		"encryption type 3": func() ([]keytab.Entry, error) {
			return keytab.FromPassword(keytab.PasswordConfig{Principal: alice, Etypes: []int32{3}}, "x")
		},
		"4095 iterations": func() ([]keytab.Entry, error) {
			return keytab.FromPassword(keytab.PasswordConfig{Principal: alice, Iterations: 4095}, "x")
		},
	} {
		if _, err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The keys are those of MIT's KDC (kadmin) and of its ktutil, for all
// encryption types, the default salt and others.
func TestFromPasswordAgreesWithMIT(t *testing.T) {
	krbtest.Need(t, krbtest.Peer{Path: "/usr/bin/ktutil", Package: "krb5-user"})
	m := krbtest.StartMIT(t)
	const password = "pässword: not random"
	all := []int32{17, 18, 19, 20, 23}
	compare := func(what string, cfg keytab.PasswordConfig, want *keytab.Keytab) {
		t.Helper()
		n := 0
		for _, e := range want.Entries() {
			cfg.Etypes, cfg.Kvno = []int32{e.Etype}, e.Kvno
			got := passwordKeys(t, cfg, e.Principal.String(), password).Entries()[0]
			if n++; !got.Key.Equal(e.Key) || got.Kvno != e.Kvno {
				t.Errorf("%s: %s etype %d kvno %d: another key", what, e.Principal, e.Etype, e.Kvno)
			}
		}
		if n == 0 {
			t.Errorf("%s: no keys to compare", what)
		}
	}
	m.Admin(`addprinc -pw "` + password + `" soap/gw.example.com`)
	kt := m.Keytab("soap/gw.example.com")
	if len(kt.Entries()) != len(all) {
		t.Errorf("MIT made %d keys", len(kt.Entries()))
	}
	compare("kadmin", keytab.PasswordConfig{}, kt)

	// Salts that are not the default, as Active Directory has them.
	for i, salt := range []string{"EXAMPLE.COMhostgw.example.com", "EXAMPLE.COMsvc-soap", "x"} {
		path := filepath.Join(t.TempDir(), "kt")
		var script strings.Builder
		for _, e := range mitEnctypes {
			fmt.Fprintf(&script, "addent -password -p HTTP/gw.example.com@EXAMPLE.COM -k %d -e %s -s %s\n%s\n",
				i+3, e.Name, salt, password)
		}
		fmt.Fprintf(&script, "wkt %q\nquit\n", path)
		ktutil := exec.Command("/usr/bin/ktutil")
		ktutil.Env, ktutil.Stdin = m.Env(), strings.NewReader(script.String())
		if out, err := ktutil.CombinedOutput(); err != nil {
			t.Fatalf("ktutil: %v\n%s", err, out)
		}
		kt, err := keytab.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		compare("ktutil, salt "+salt, keytab.PasswordConfig{Salt: salt}, kt)
	}

	// And they open MIT's tickets.
	m.AddUser("alice", "secret")
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: passwordKeys(t, keytab.PasswordConfig{},
		"soap/gw.example.com@EXAMPLE.COM", password),
		Replay: replay.NewMemory(replay.MemoryConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	alice, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@EXAMPLE.COM", Password: "secret", Krb5Conf: m.Krb5Conf()})
	if err != nil {
		t.Fatal(err)
	}
	defer alice.Close()
	ticket, err := alice.ServiceTicket(t.Context(), "soap/gw.example.com")
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := gss.NewToken(ticket, gss.TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := acceptor.Accept(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if f := c.Facts(); f.KeytabKvno != 0 || f.TicketKvno != 1 {
		t.Errorf("kvno %d of the ticket, %d of the key", f.TicketKvno, f.KeytabKvno)
	}
}
