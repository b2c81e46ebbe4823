package kdcproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// New refuses what would relay to nowhere or to two places, and uses no network
// for that.
func TestNewChecksRealms(t *testing.T) {
	t.Parallel()
	const conf = "[realms]\nEXAMPLE.COM = {\nkdc = kdc1\nadmin_server = adm\n}\n" +
		"PROXIED.TEST = {\nkdc = https://p/KdcProxy\n}\n"
	named := func(names ...string) (list []Realm) {
		for _, n := range names {
			list = append(list, Realm{Name: n, KDCs: []string{"k"}})
		}
		return list
	}
	for name, c := range map[string]struct {
		cfg  Config
		says string // "" for accepted
	}{
		"none":         {Config{}, "needs Realms"},
		"of krb5.conf": {Config{Realms: []Realm{{Name: "EXAMPLE.COM"}}, Krb5Conf: conf}, ""},
		"of DNS":       {Config{Realms: []Realm{{Name: "DNS.TEST"}}, LookUp: true}, ""},
		"of DNS by krb5.conf": {Config{Realms: []Realm{{Name: "DNS.TEST"}},
			Krb5Conf: "[libdefaults]\ndns_lookup_kdc = true\n"}, ""},
		"without KDC": {Config{Realms: []Realm{{Name: "DNS.TEST"}}, Krb5Conf: conf}, "DNS.TEST has no kdc"},
		"proxy alone": {Config{Realms: []Realm{{Name: "PROXIED.TEST"}}, Krb5Conf: conf}, "KDC proxies only"},
		"bad server":  {Config{Realms: []Realm{{Name: "A.TEST", KDCs: []string{"h:x"}}}}, "no host or host:port"},
		"bad password server": {Config{Realms: []Realm{{Name: "A.TEST", KDCs: []string{"h"},
			PasswordServers: []string{"h:x"}}}},
			"no host or host:port"},
		"line in a server": {Config{Realms: []Realm{{Name: "A.TEST", KDCs: []string{"h\nkdc = evil"}}}}, ""},
		"twice":            {Config{Realms: named("A.TEST", "a.test")}, "name of two realms"},
		"alias of another": {Config{Realms: append(named("A.TEST"), Realm{Name: "B.TEST", Aliases: []string{"A.test"},
			KDCs: []string{"k"}})}, "name of two realms"},
		"empty":     {Config{Realms: named("")}, "not a realm name"},
		"braces":    {Config{Realms: named("A}\nB = {")}, "not a realm name"},
		"final dot": {Config{Realms: named("A.TEST.")}, "not a realm name"},
		"empty alias": {Config{Realms: []Realm{{Name: "A.TEST", Aliases: []string{""}, KDCs: []string{"k"}}}},
			"not a realm name"},
		"negative duration": {Config{Realms: named("A.TEST"), Timeout: -time.Second}, "negative"},
		"negative limit":    {Config{Realms: named("A.TEST"), ClientRate: -1}, "negative"},
	} {
		c.cfg.LookupSRV = func(context.Context, string, string, string) (string, []*net.SRV, error) {
			t.Errorf("%s: a look-up", name)
			return "", nil, nil
		}
		r, err := New(c.cfg)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
		if r != nil && name == "line in a server" {
			kdcs, _ := r.realms.Load().find("A.TEST").transport.KDCs(t.Context(), "A.TEST")
			if fmt.Sprint(kdcs) != "[h:88]" {
				t.Errorf("%v", kdcs)
			}
		}
	}
}

func TestServersOfTheConfigurationReplaceThoseOfKrb5Conf(t *testing.T) {
	t.Parallel()
	const conf = "[realms]\nA.TEST = {\nkdc = old\nkpasswd_server = oldpw\n}\n"
	r, err := New(Config{Realms: []Realm{{Name: "A.TEST", KDCs: []string{"tcp/new:1088"}}}, Krb5Conf: conf})
	if err != nil {
		t.Fatal(err)
	}
	way := r.realms.Load().find("a.test").transport
	kdcs, err1 := way.KDCs(t.Context(), "A.TEST")
	passwords, err2 := way.PasswordServers(t.Context(), "A.TEST")
	if fmt.Sprint(kdcs, passwords) != "[tcp/new:1088] [oldpw:464]" || err1 != nil || err2 != nil {
		t.Errorf("%v %v, %v %v", kdcs, passwords, err1, err2)
	}
}

func TestRateAllowsBurstsAndRefills(t *testing.T) {
	t.Parallel()
	var r rate
	now := time.Duration(0)
	count := func() (n int) {
		for r.allow(now, 100*time.Millisecond) {
			n++
		}
		return n
	}
	if n := count(); n != 100 {
		t.Errorf("%d at once", n)
	}
	now += time.Second
	if n := count(); n != 10 {
		t.Errorf("%d a second later", n)
	}
	now += time.Hour
	if n := count(); n != 100 {
		t.Errorf("%d an hour later", n)
	}
}

func TestCodesAreDescribed(t *testing.T) {
	t.Parallel()
	seen := map[Code]bool{}
	for _, c := range Codes() {
		if seen[c.Code] || !strings.HasSuffix(c.Cause, ".") || !strings.HasSuffix(c.Cure, ".") || c.Status < 400 {
			t.Errorf("%+v", c)
		}
		seen[c.Code] = true
	}
}

// P83: a probe tells realms whose KDCs answer, whatever the answer is, from those
// without.
func TestProbeFindsRealmsWithoutKDC(t *testing.T) {
	t.Parallel()
	unknown := krbmsg.AppendKRBError(nil, 6, time.Now(), []byte("A"), krbmsg.Name{
		Strings: der.Element(der.TagGeneralString, []byte("krbtgt"))})
	f := &fakeNet{}
	f.play = func(network, address string, c net.Conn) {
		if address == "kdc1:88" {
			f.answerWith(network, c, func([]byte) []byte { return unknown })
		}
	}
	r, e := newRelay(t, f, Config{})
	got := r.Probe(t.Context())
	if len(got) != 2 || got[0] != (Probed{Realm: "EXAMPLE.COM"}) || got[1].Realm != "OTHER.TEST" ||
		!errors.Is(got[1].Err, &kerberos.Error{Code: kerberos.CodeKDC}) || len(e.all()) != 0 {
		t.Errorf("%v, %v", got, e.all())
	}
}

// P84: realms change while the relay runs, or not at all.
func TestSetRealmsReplacesThemWhole(t *testing.T) {
	t.Parallel()
	f := new(fakeNet)
	r, _ := newRelay(t, f, Config{})
	ask := func(realm string) int { return post(r.Proxy(), proxyBody("", asReq(realm))).Code }
	if err := r.SetRealms([]Realm{{Name: "NEW.TEST", KDCs: []string{"h"}}, {Name: "BAD.TEST"}}, "", false); err == nil {
		t.Error("a realm without KDC is taken")
	}
	if err := r.SetRealms(nil, "", false); err == nil {
		t.Error("no realm is taken")
	}
	if ask("EXAMPLE.COM") != 200 || ask("NEW.TEST") != 503 {
		t.Error("realms that are refused have changed the relay")
	}
	before := r.realms.Load().find("OTHER.TEST").rate
	if err := r.SetRealms([]Realm{{Name: "NEW.TEST"}, {Name: "OTHER.TEST", KDCs: []string{"moved"}}},
		"[realms]\nNEW.TEST = {\nkdc = h\n}\n", false); err != nil {
		t.Fatal(err)
	}
	if ask("EXAMPLE.COM") != 503 || ask("NEW.TEST") != 200 || ask("OTHER.TEST") != 200 {
		t.Error("the realms have not changed")
	}
	if r.realms.Load().find("OTHER.TEST").rate != before {
		t.Error("a realm that stays has a new rate")
	}
	if dialled, _, _ := f.seen(); dialled[len(dialled)-1] != "udp/moved:88" {
		t.Errorf("%v", dialled)
	}
}

// The KDCs that are asked are known by every name of the realm, and no others
// are.
func TestKDCsReturnsThoseOfListedRealms(t *testing.T) {
	t.Parallel()
	r, err := New(Config{Realms: []Realm{{Name: "EXAMPLE.COM", Aliases: []string{"EXAMPLE"},
		KDCs: []string{"tcp/192.0.2.1:88", "192.0.2.2"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, name := range []string{"EXAMPLE.COM", "example"} {
		if got, err := r.KDCs(t.Context(), name); err != nil || fmt.Sprint(got) != "[tcp/192.0.2.1:88 192.0.2.2:88]" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := r.KDCs(t.Context(), "OTHER.COM"); err == nil {
		t.Errorf("of a realm that is not listed: %v", got)
	}
}
