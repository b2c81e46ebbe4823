package doctor_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/doctor"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// passwordKeys makes the keys of a service whose file has one password.
func passwordKeys(s config.Service) (*keytab.Keytab, error) {
	text, err := os.ReadFile(s.PasswordFile)
	var entries []keytab.Entry
	for _, name := range s.Principals {
		p, err2 := kerberos.ParsePrincipal(name)
		keys, err3 := keytab.FromPassword(keytab.PasswordConfig{Principal: p, Salt: s.Salt, Kvno: s.Kvno},
			strings.TrimSpace(string(text)))
		entries, err = append(entries, keys...), errors.Join(err, err2, err3)
	}
	return keytab.New(entries...), err
}

// named is a clinic whose route names a service of the file.
func named(t *testing.T, lines ...string) *clinic {
	c := offline(t)
	c.settings = []string{c.settings[0], "listen: 127.0.0.1:1", "kerberos-service: s",
		"services:\n  - name: s\n    " + strings.Join(lines, "\n    ")}
	c.cfg.Keys = passwordKeys
	return c
}

// A service with a password: its key is tried as one of a keytab is, and the
// KDC's salt is told when it is another.
func TestCheckKvnosOpensTicketsWithAPassword(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.AddUser("soap/pw.example.com", "s3cret")
	c.Admin("modprinc +requires_preauth soap/pw.example.com")
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.names.hosts["pw.example.com"] = []string{"192.0.2.8"}
	c.settings = []string{c.settings[0], "listen: 127.0.0.1:1", "kerberos-service: s",
		"services:\n  - name: s\n    password-file: " + file + "\n    principals: [soap/pw.example.com@EXAMPLE.COM]"}
	c.cfg.Keys = passwordKeys
	c.expect()
	c.settings[3] += "\n    salt: EXAMPLE.COMother"
	r := c.expect(`fail kvno soap/pw.example.com@EXAMPLE.COM: the KDC has refused the key that is made of the ` +
		`password and the salt "EXAMPLE.COMother" … write salt: "EXAMPLE.COMsoappw.example.com" into the entry of ` +
		`services:, where "EXAMPLE.COMother" is used now`)
	for _, r := range r {
		if strings.Contains(r.Subject+r.Found+r.Cure, "s3cret") {
			t.Errorf("a password is shown: %+v", r)
		}
	}
	os.Chmod(file, 0o644)
	c.expectOf("keytab", "fail keytab … can be read by everybody")
}

// A KDC that wants no pre-authentication gives a ticket to everybody. A wrong
// password does not open it, though its key fits any version; the salt is
// printed, or that the KDC did not tell it.
func TestCheckKvnosFindsAWrongPasswordWithoutPreauthentication(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.AddUser("soap/lax.example.com", "s3cret")
	file := filepath.Join(t.TempDir(), "password")
	c.names.hosts["lax.example.com"] = []string{"192.0.2.8"}
	c.settings = []string{c.settings[0], "listen: 127.0.0.1:1", "kerberos-service: s",
		"services:\n  - name: s\n    password-file: " + file + "\n    principals: [soap/lax.example.com@EXAMPLE.COM]"}
	c.cfg.Keys = passwordKeys
	for password, want := range map[string][]string{
		"s3cret": nil,
		"wrong": {`fail kvno … the key that is made of the password and the salt "EXAMPLE.COMsoaplax.example.com" ` +
			`does not open them; write the account's password into the first line of the file`},
	} {
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c.expect(want...)
	}
}

// Any principal of a keytab is every one.
func TestFindServicesTakesAnyPrincipal(t *testing.T) {
	t.Parallel()
	c := offline(t)
	path := c.keytabOctets("", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com"),
		rawEntry(3, 3, 23, key2[:16], "EXAMPLE.COM", "HTTP", "gw.example.com")))
	n := named(t, "keytab: "+path, "any-principal: true")
	n.cfg.Keys = nil
	n.expectOf("keytab", "fail keytab HTTP/gw.example.com@EXAMPLE.COM: kvno 3 (23): nothing but RC4")
	n = named(t, "keytab: "+path, "principals: [soap/gw.example.com, HTTP/gw2.example.com@EXAMPLE.COM]")
	n.cfg.Keys = nil
	n.expectOf("keytab", "fail keytab HTTP/gw2.example.com@EXAMPLE.COM: route / takes tickets for it")
}

func TestFindServicesLeavesOutDisabledServices(t *testing.T) {
	c := named(t, "keytab: /nonexistent", "disabled: true")
	c.expectOf("config keytab", "warn config route /: its service is disabled")
	if l := lines(c.run(), "kvno"); len(l) != 1 || l[0].Status != doctor.Skip {
		t.Errorf("%+v", l)
	}
}
