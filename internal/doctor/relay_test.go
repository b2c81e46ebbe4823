package doctor_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/doctor"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// withRelay returns a clinic whose relay is looked at; its keytab is of no
// relayed realm.
func withRelay(t *testing.T) *clinic {
	t.Helper()
	c := offline(t).withKeytab()
	c.set("kdc-proxy-path", "/KdcProxy")
	c.set("kdc-realms", "[PARTNER.COM]")
	c.cfg.RelayKDCs = func(ctx context.Context, realm string) ([]kdc.Address, error) {
		return assembly.RelayKDCs(ctx, c.cfg.Settings, realm)
	}
	return c
}

// nobody returns an address at which nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Each KDC of a relayed realm is asked, wherever the relay finds it, and one
// that does not answer is named.
func TestCheckRelayAsksEachKDC(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 6 })
	c, dead := withRelay(t), nobody(t)
	c.set("kdc-servers", "[PARTNER.COM=tcp/"+k.addr+", PARTNER.COM="+dead+"]")
	c.expectOf("relay", "warn relay "+dead+" (PARTNER.COM, kdc-servers): does not answer: over TCP … over UDP … ; start "+
		"it or take it out of kdc-servers")
	l := lines(c.run(), "relay")
	if len(l) != 2 || l[0].Status != doctor.OK || !strings.Contains(l[0].Found, "answers over TCP in ") ||
		!strings.Contains(l[0].Found, "over UDP: not asked, by its entry") {
		t.Errorf("%+v", l)
	}
	c.set("kdc-servers", "[PARTNER.COM=tcp/"+dead+"]")
	c.expectOf("relay", "fail relay "+dead+" (PARTNER.COM, kdc-servers): does not answer")

	conf := confFile(t, "[realms]\n PARTNER.COM = {\n  kdc = tcp/"+k.addr+"\n }\n")
	inFile := withRelay(t)
	inFile.set("kdc-krb5-conf", conf)
	if l := lines(inFile.run(), "relay"); len(l) != 1 || l[0].Status != doctor.OK ||
		l[0].Subject != k.addr+" (PARTNER.COM, kdc-krb5-conf)" {
		t.Errorf("%+v", l)
	}
}

func TestCheckRelayFindsAKDCOfAnotherRealm(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 68 })
	c := withRelay(t)
	c.set("kdc-servers", "[PARTNER.COM=tcp/"+k.addr+"]")
	c.expectOf("relay", "fail relay … is a KDC of another realm; correct the realm's entry in kdc-servers")
}

// A realm whose KDCs are nowhere, and a process that relays nothing.
func TestCheckRelayReportsARealmWithoutKDCs(t *testing.T) {
	t.Parallel()
	c := withRelay(t)
	c.set("kdc-krb5-conf", confFile(t, "[libdefaults]\n dns_lookup_kdc = false\n"))
	c.expectOf("relay", "fail relay PARTNER.COM: the relay knows no KDC of it: … see kdc-servers, kdc-krb5-conf "+
		"and kdc-dns")
	if l := lines(offline(t).withKeytab().run(), "relay"); len(l) != 0 {
		t.Errorf("without a relay: %+v", l)
	}
}

func (c *clinic) withKeytab() *clinic {
	c.keytab("keytab", []keytab.Entry(nil)...)
	return c
}

// confFile writes a krb5.conf.
func confFile(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "relay.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
