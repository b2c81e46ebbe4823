package doctor_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/doctor"
	"github.com/wssgate/wssgate/replay"
)

// offline is a clinic without a KDC; its keytab is to be written. What depends
// on a KDC is wrong.
func offline(t *testing.T) *clinic {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(backend.Close)
	c := &clinic{t: t, names: &names{
		hosts:   map[string][]string{"gw.example.com": {"192.0.2.7"}},
		reverse: map[string][]string{"192.0.2.7": {"gw.example.com."}},
	}}
	c.conf = "[libdefaults]\n default_realm = EXAMPLE.COM\n"
	c.cfg = doctor.Config{Resolver: c.names, StateDir: t.TempDir(), Timeout: 2 * time.Second}
	os.Chmod(c.cfg.StateDir, 0o700)
	c.settings = []string{"backend: " + backend.URL, "service: " + soap + "@EXAMPLE.COM", "listen: 127.0.0.1:1"}
	return c
}

// expectOf is expect for the lines of some checks alone.
func (c *clinic) expectOf(checks string, want ...string) {
	c.t.Helper()
	var bad []string
	for _, r := range c.run() {
		if strings.Contains(checks, r.Check) && r.Status != doctor.OK && r.Status != doctor.Skip {
			bad = append(bad, string(r.Status)+" "+r.Check+" "+r.Subject+": "+r.Found+"; "+r.Cure)
		}
	}
	if len(bad) != len(want) {
		c.t.Errorf("%d lines, want %d:\n%s", len(bad), len(want), strings.Join(bad, "\n"))
		return
	}
	for i, w := range want {
		if !inOrder(bad[i], w) {
			c.t.Errorf("line %d is %q, want %q", i+1, bad[i], w)
		}
	}
}

// rawEntry is an entry of a keytab file, format 2, that keytab.New would not
// make. long adds the 32-bit kvno.
func rawEntry(kvno byte, long uint32, etype uint16, key string, name ...string) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, uint16(len(name)-1))
	for _, s := range name {
		b = append(be.AppendUint16(b, uint16(len(s))), s...)
	}
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, 1700000000)
	b = be.AppendUint16(append(b, kvno), etype)
	b = append(be.AppendUint16(b, uint16(len(key))), key...)
	if long != 0 {
		b = be.AppendUint32(b, long)
	}
	return append(be.AppendUint32(nil, uint32(len(b))), b...)
}

func rawKeytab(entries ...[]byte) []byte {
	b := []byte{5, 2}
	for _, e := range entries {
		b = append(b, e...)
	}
	return b
}

const (
	key1 = "0123456789abcdef0123456789abcdef"
	key2 = "fedcba9876543210fedcba9876543210"
)

func TestKeytabs(t *testing.T) {
	name := []string{"EXAMPLE.COM", "soap", "gw.example.com"}
	aes := rawEntry(3, 3, 18, key1, name...)
	tests := map[string]struct {
		octets   []byte
		settings []string
		want     []string
	}{
		"good":      {rawKeytab(aes), nil, nil},
		"empty":     {[]byte{5, 2}, nil, []string{"fail keytab … holds no keys; fetch"}},
		"no keytab": {[]byte("-----BEGIN"), nil, []string{"fail keytab … not a keytab"}},
		"cut off":   {rawKeytab(aes)[:20], nil, []string{"fail keytab … longer than the file"}},
		"base64":    {[]byte(base64.StdEncoding.EncodeToString(rawKeytab(aes))), nil, []string{"fail keytab … is the base64 of a keytab; decode it (base64 -d)"}},
		"no octets": {nil, nil, []string{"fail keytab … is empty; export"}},
		"kvno 0":    {rawKeytab(rawEntry(0, 0, 18, key1, name...)), nil, []string{"warn keytab … does not say the versions of its keys (kvno 0)"}},
		"DES too":   {rawKeytab(aes, rawEntry(3, 3, 3, "12345678", name...)), nil, []string{"warn keytab … keys of DES, which no KDC should have: des-cbc-md5"}},
		"only DES": {rawKeytab(rawEntry(3, 3, 3, "12345678", name...)), nil, []string{
			"fail keytab … kvno 3 (3): none that wssgate can use; give the account AES keys", "warn keytab … des-cbc-md5"}},
		"only Camellia":        {rawKeytab(rawEntry(3, 3, 26, key1, name...)), nil, []string{"fail keytab … kvno 3 (26): none that wssgate can use"}},
		"AES of old, RC4 now":  {rawKeytab(aes, rawEntry(4, 4, 23, key1[:16], name...)), nil, []string{"fail keytab … kvno 4 (23), kvno 3 (18): nothing but RC4 … CVE-2026-20833"}},
		"RC4 without need":     {rawKeytab(aes), []string{"allow-rc4: true"}, []string{"warn keytab … has AES keys, and route / takes RC4 too (allow-rc4); remove allow-rc4 … KB5073381"}},
		"two keys of a kvno":   {rawKeytab(aes, rawEntry(3, 3, 18, key2, name...)), nil, []string{"warn keytab … two different keys of kvno 3 and type aes256-cts-hmac-sha1-96"}},
		"the same key twice":   {rawKeytab(aes, aes), nil, nil},
		"names by case":        {rawKeytab(aes, rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "SOAP", "gw.example.com")), nil, []string{"warn keytab … differ only by case"}},
		"the realm by case":    {rawKeytab(rawEntry(3, 3, 18, key1, "example.com", "soap", "gw.example.com")), nil, []string{"fail keytab … soap/gw.example.com@example.com is there, which differs only by case"}},
		"by realm and case":    {rawKeytab(rawEntry(3, 3, 18, key1, "OTHER.ORG", "SOAP", "gw.example.com")), nil, []string{"fail keytab … differs by realm or case"}},
		"quite another":        {rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "HTTP", "gw.example.com")), nil, []string{"fail keytab … write one of these in service: HTTP/gw.example.com@EXAMPLE.COM"}},
		"in no realm that is":  {rawKeytab(aes), []string{"service: soap/gw"}, []string{"fail keytab soap/gw: route / takes"}},
		"in whatever realm is": {rawKeytab(aes), []string{"service: " + soap}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := offline(t)
			c.keytabOctets("keytab", test.octets)
			for _, line := range test.settings {
				setting, value, _ := strings.Cut(line, ": ")
				c.set(setting, value)
			}
			c.expectOf("keytab", test.want...)
		})
	}
}

// Permissions of a secret file, and those of a systemd unit, whose directory is
// its own.
func TestSecretsOfOthers(t *testing.T) {
	c := offline(t)
	path := c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	for mode, want := range map[os.FileMode]string{
		0o600: "", 0o400: "",
		0o640: "warn keytab … can be read by its group (-rw-r-----)",
		0o604: "fail keytab … can be read by everybody (-rw----r--): whoever reads it can read and forge the messages … chmod 600",
		0o620: "fail keytab … can be written by others",
	} {
		os.Chmod(path, mode)
		if want == "" {
			c.expectOf("keytab")
		} else {
			c.expectOf("keytab", want)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(path))
	c.expectOf("keytab")
	c.set("keytab", filepath.Join(t.TempDir(), "none"))
	c.expectOf("keytab", "fail keytab … no such file or directory; write the right path")
}

// Routes with services that cryptography does not tell apart, or that are one
// and differ.
func TestServicesOfSeveralRoutes(t *testing.T) {
	first := rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")
	routes := func(c *clinic, second []byte, service string) {
		c.set("keytab", c.keytabOctets("", rawKeytab(first)))
		c.settings = append(c.settings, "routes:\n  - path: /a\n  - path: /b\n    service: "+service+"\n    keytab: "+c.keytabOctets("", rawKeytab(second)))
	}
	for name, test := range map[string]struct {
		second  []byte
		service string
		want    []string
	}{
		"one account": {rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "HTTP", "gw.example.com"), "HTTP/gw.example.com@EXAMPLE.COM", []string{
			"warn keytab HTTP/gw.example.com@EXAMPLE.COM: has the same key as soap/gw.example.com@EXAMPLE.COM … the routes /a and /b trust the same clients"}},
		"two accounts": {rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "HTTP", "gw.example.com"), "HTTP/gw.example.com@EXAMPLE.COM", nil},
		"one service, two keytabs": {rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "soap", "gw.example.com"), soap + "@EXAMPLE.COM", []string{
			"fail spn soap/gw.example.com@EXAMPLE.COM: has other keys in"}},
		"by case": {rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "SOAP", "gw.example.com"), "SOAP/gw.example.com@EXAMPLE.COM", []string{
			"warn spn SOAP/gw.example.com@EXAMPLE.COM: differs only by case from soap/gw.example.com@EXAMPLE.COM, the service of /a"}},
		"capitals":  {rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "soap", "GW2.example.com"), "soap/GW2.example.com@EXAMPLE.COM", []string{"warn spn … capitals in its host"}},
		"no domain": {rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "soap", "gw2"), "soap/gw2@EXAMPLE.COM", []string{"warn spn … has a host without a domain"}},
		"realm":     {rawEntry(3, 3, 18, key2, "Example.com", "HTTP", "gw.example.com"), "HTTP/gw.example.com@Example.com", []string{"warn spn … small letters in its realm"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := offline(t)
			routes(c, test.second, test.service)
			c.expectOf("keytab spn", test.want...)
		})
	}
}

func TestDNS(t *testing.T) {
	for name, test := range map[string]struct {
		conf string
		harm func(*names)
		want []string
	}{
		"alias": {"", func(n *names) { n.alias = map[string]string{"gw.example.com": "node7.example.com."} }, []string{
			"warn dns gw.example.com: is an alias of node7.example.com: clients with MIT's library"}},
		"alias, not followed": {" dns_canonicalize_hostname = fallback\n", func(n *names) { n.alias = map[string]string{"gw.example.com": "node7.example.com."} }, nil},
		"reverse, not asked":  {" rdns = false\n", func(n *names) { n.reverse["192.0.2.7"] = []string{"node7.example.com."} }, nil},
		"no reverse":          {"", func(n *names) { n.reverse = nil }, nil},
		"no answer":           {"", func(n *names) { n.hosts = map[string][]string{"gw.example.com": {}} }, []string{"warn dns … does not resolve here: no addresses"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := offline(t)
			c.conf = "[libdefaults]\n default_realm = EXAMPLE.COM\n" + test.conf + "[realms]\n EXAMPLE.COM = {\n  kdc = tcp/127.0.0.1:1\n }\n"
			c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
			test.harm(c.names)
			c.expectOf("dns", test.want...)
		})
	}
}

// An address in a service's name is what no client asks for.
func TestServiceOfAnAddress(t *testing.T) {
	c := offline(t)
	c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "192.0.2.7")))
	c.set("service", "soap/192.0.2.7@EXAMPLE.COM")
	c.expectOf("dns", "warn dns 192.0.2.7: is an address: clients ask for names, and for an address use NTLM", "warn dns _kerberos._tcp.EXAMPLE.COM")
}

func TestKrb5Conf(t *testing.T) {
	const good = "[libdefaults]\n default_realm = EXAMPLE.COM\n"
	for name, test := range map[string]struct {
		conf string
		want []string
	}{
		"good":            {good, nil},
		"no default":      {"[libdefaults]\n rdns = false\n", []string{"warn krb5.conf … has no default_realm"}},
		"weak":            {good + " allow_weak_crypto = true\n", []string{"warn krb5.conf … allow_weak_crypto is on"}},
		"AES of others":   {good + " permitted_enctypes = aes128-cts\n", []string{"warn krb5.conf … permits aes128-cts-hmac-sha1-96, and the keytab of soap/gw.example.com@EXAMPLE.COM has aes256-cts-hmac-sha1-96: no type in common"}},
		"AES by family":   {good + " permitted_enctypes = aes, -aes128-cts\n", nil},
		"default":         {good + " permitted_enctypes = DEFAULT +rc4\n", nil},
		"RC4 alone":       {good + " default_tgs_enctypes = rc4-hmac\n", []string{"warn krb5.conf … default_tgs_enctypes permits no AES: arcfour-hmac"}},
		"skew":            {good + " clockskew = 900\n", []string{"warn krb5.conf … clockskew is 900 s, and wssgate takes 5m0s only"}},
		"realm by case":   {good + "[realms]\n Example.Com = {\n  kdc = k\n }\n", []string{"warn krb5.conf … [realms] has Example.Com, and the service is in EXAMPLE.COM"}},
		"realm of a host": {good + "[domain_realm]\n .example.com = OTHER.ORG\n", []string{"warn krb5.conf … [domain_realm] has gw.example.com in realm OTHER.ORG"}},
		"broken":          {"[libdefaults]\ndefault_realm X\n", []string{"fail krb5.conf … line 2: \"default_realm X\" is no name = value … libkrb5 refuse"}},
		"include":         {"include /nonexistent/krb5.conf\n", []string{"fail krb5.conf … krb5.conf line 1: include: open /nonexistent/krb5.conf: no such file … libkrb5 refuse"}},
		"module":          {"module /usr/lib/x.so:y\n", []string{"fail krb5.conf … module \"/usr/lib/x.so:y\" … libkrb5 may take it"}},
		"tolerated":       {"Managed elsewhere.\n; a = b\n" + good + "[realms]\nEXAMPLE.COM = {\n kdc = 127.0.0.1 # the first\n} # of EXAMPLE.COM\n[realms]\nOTHER.ORG =\n{\n", nil},
		"mark":            {"\ufeff" + good, []string{"warn krb5.conf … has no default_realm", "warn krb5.conf … line 1, \"\\ufeff[libdefaults]\", is passed over … byte order mark"}},
		"space":           {" [realms]\n A = {\n }\n" + good, []string{"warn krb5.conf … line 1, \" [realms]\", is passed over"}},
		"before":          {"# first\n\ndefault_realm = X\n" + good, []string{"warn krb5.conf … line 3, \"default_realm = X\", is passed over"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := offline(t)
			c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
			c.conf = test.conf
			c.expectOf("krb5.conf", test.want...)
		})
	}
}

func TestBackends(t *testing.T) {
	status := http.StatusOK
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.URL.RawQuery != "" {
			t.Error("doctor has sent what is secret")
		}
		w.WriteHeader(status)
	})
	plain, secure := httptest.NewServer(handler), httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer plain.Close()
	defer secure.Close()
	for _, test := range []struct {
		backend string
		status  int
		want    []string
	}{
		{plain.URL, 200, nil},
		{plain.URL, 405, nil},
		{plain.URL, 500, nil},
		{strings.Replace(plain.URL, "://", "://user:s3cret@", 1) + "?token=s3cret", 401, nil},
		{plain.URL, 404, []string{"warn backend … answers 404"}},
		{plain.URL, 503, []string{"warn backend … answers 503 Service Unavailable … something stands before the service"}},
		{secure.URL, 200, []string{"fail backend … authority that this machine does not trust; … SSL_CERT_FILE"}},
		{strings.Replace(plain.URL, "http:", "https:", 1), 200, []string{"fail backend … does not speak TLS; write http://"}},
		{"http://127.0.0.1:1", 200, []string{"fail backend … no connection: connect: connection refused"}},
		{"http://nowhere.invalid/", 200, []string{"fail backend … its host does not resolve"}},
	} {
		c := offline(t)
		c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
		c.set("backend", test.backend)
		status = test.status
		c.expectOf("backend", test.want...)
		for _, r := range c.run() {
			if strings.Contains(r.Subject+r.Found+r.Cure, "s3cret") {
				t.Errorf("a secret is shown: %+v", r)
			}
		}
	}
}

// The state directory, and who has the journal in it.
func TestState(t *testing.T) {
	c := offline(t)
	c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	found := func() string { return lines(c.run(), "state")[0].Found }
	if f := found(); f != "can be written; no replay journal yet" {
		t.Error(f)
	}
	journal, err := replay.OpenJournal(filepath.Join(c.cfg.StateDir, "replay"), replay.JournalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if f := found(); !strings.Contains(f, "has the replay journal, so a gateway is running") {
		t.Error(f)
	}
	journal.Close()
	if f := found(); f != "can be written, and has a replay journal" {
		t.Error(f)
	}
	os.Chmod(c.cfg.StateDir, 0o777)
	c.expectOf("state", "fail state … can be written by others (-rwxrwxrwx)")
	c.cfg.StateDir = filepath.Join(c.cfg.StateDir, "a", "b")
	if f := found(); f != "is not there yet; serve makes it" {
		t.Error(f)
	}
	c.cfg.StateDir = c.get("keytab")
	c.expectOf("state", "fail state … is no directory")
	c.cfg.StateDir = ""
	c.expectOf("state", "fail state state-dir: is not given")
}

// What serve would say, unless a check has said why already.
func TestWhatServeSays(t *testing.T) {
	c := offline(t)
	c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	c.cfg.Assemble = func() error { return c.cfg.Settings.Refuse(0, "service", "is odd", "make it even") }
	c.expectOf("config", "fail config serve: does not start: service is odd … make it even")
	os.Chmod(c.get("keytab"), 0o644)
	c.expectOf("config")
	c.cfg.Assemble = func() error { return errors.New("cannot") }
	c.expectOf("config", "fail config serve: does not start: cannot")
}

func TestRefusedConfiguration(t *testing.T) {
	r := doctor.Refused(&config.Error{Findings: []config.Finding{{Origin: "--polcy", Problem: "unknown setting", Cure: "did you mean"}, {Setting: "backend", Problem: "is required"}}})
	if len(r) != 2 || !r.Failed() || r[0].Subject != "--polcy" || r[1].Subject != "backend" || r[1].Cure == "" {
		t.Errorf("%+v", r)
	}
	if r := doctor.Refused(errors.New("no file")); len(r) != 1 || r[0].Found != "no file" {
		t.Errorf("%+v", r)
	}
}

func TestReportInTextAndJSON(t *testing.T) {
	r := doctor.Report{
		{Check: "clock", Status: doctor.OK, Subject: "k", Found: "fine\x1b[31m"},
		{Check: "kvno", Status: doctor.Fail, Subject: "s", Found: "old", Cure: strings.Repeat("word ", 25) + "end"},
	}
	var text, list strings.Builder
	r.WriteText(&text)
	r.WriteJSON(&list)
	want := "ok    clock      k: fine\uFFFD[31m\n" +
		"fail  kvno       s: old\n" +
		"                   cure:" + strings.Repeat(" word", 19) + "\n" +
		"                        " + strings.Repeat(" word", 6) + " end\n" +
		"\n1 ok, 0 to mend soon, 1 failed, 0 not looked at\n"
	if text.String() != want {
		t.Errorf("%s", &text)
	}
	if !strings.Contains(list.String(), `"status": "fail",`) || strings.Contains(list.String(), `"cure": ""`) {
		t.Errorf("%s", &list)
	}
	list.Reset()
	doctor.Report(nil).WriteJSON(&list)
	if list.String() != "[]\n" {
		t.Errorf("%q", &list)
	}
}

// Keys whose version the file has only 8 bits of, and a KDC that is beyond.
func TestShortVersions(t *testing.T) {
	k := startFakeKDC(t, func([]byte) int32 { return 0 })
	for range 260 {
		k.AddService(soap)
	}
	e := k.Entries([]string{soap}, 18)[0]
	c := withFake(t, k, e)
	c.keytabOctets("keytab", rawKeytab(rawEntry(4, 0, 18, string(e.Key.ExposeKeyOctets()), "EXAMPLE.COM", "soap", "gw.example.com")))
	c.expect()
	if e.Kvno != 260 {
		t.Fatal(e.Kvno)
	}
	c.keytabOctets("keytab", rawKeytab(rawEntry(9, 9, 18, string(e.Key.ExposeKeyOctets()), "EXAMPLE.COM", "soap", "gw.example.com")))
	c.expect("warn kvno … under kvno 260 … the keytab has that key as kvno 9: it is found by trying")
	c.set("exact-kvno", "true")
	c.expect("fail kvno … which exact-kvno does not accept; remove exact-kvno")
}

// The ticket is of a type that the keytab lacks.
func TestKeytabWithoutTheKDCsType(t *testing.T) {
	k := startFakeKDC(t, func([]byte) int32 { return 0 })
	k.AddService(soap)
	k.AddService("GW$")
	entries := append(k.Entries([]string{soap}, 17), k.Entries([]string{"GW$"}, 18)...)
	c := withFake(t, k, entries...)
	c.expect("fail kvno … under kvno 1, aes256-cts-hmac-sha1-96; the keytab has kvno 1 (17), none of that type")
}

// What listens where serve would: the gateway, with the certificate of the file
// or an older one, or something else.
func TestListener(t *testing.T) {
	c := offline(t)
	c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	c.certificate(9999*time.Hour, "gw.example.com")
	pair, err := tls.LoadX509KeyPair(c.get("tls-cert"), c.get("tls-key"))
	if err != nil {
		t.Fatal(err)
	}
	c.expectOf("listen")
	served := httptest.NewUnstartedServer(http.NotFoundHandler())
	served.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	served.Config.ErrorLog = log.New(io.Discard, "", 0)
	served.StartTLS()
	defer served.Close()
	_, port, _ := net.SplitHostPort(served.Listener.Addr().String())
	c.set("listen", "0.0.0.0:"+port)
	c.expectOf("listen", "warn listen … something listens there, and it is no gateway with this state-dir")
	journal, err := replay.OpenJournal(filepath.Join(c.cfg.StateDir, "replay"), replay.JournalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	c.expectOf("listen")
	c.certificate(9999*time.Hour, "gw.example.com")
	c.expectOf("listen", "warn listen … the certificate that is served is not that of … restart wssgate")
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	c.set("listen", plain.Listener.Addr().String())
	c.expectOf("listen", "fail listen … does not speak TLS")
	c.set("listen", "127.0.0.1:1")
	c.expectOf("listen", "warn listen … nothing listens there, and a process has the replay journal")
	c.set("replay-journal", "false")
	c.set("listen", "0.0.0.0:"+port)
	c.expectOf("listen")
}

// A secret file belongs to the user that runs wssgate, who is perhaps not the
// one that runs doctor.
func TestOwnerOfAKeytab(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	c := offline(t)
	path := c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	if err := os.Chown(path, 998, 998); err != nil {
		t.Fatal(err)
	}
	if f := lines(c.run(), "keytab")[0].Found; f != "1 key of 1 principal, readable by its owner, user 998, alone" {
		t.Error(f)
	}
}
