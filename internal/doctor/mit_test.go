package doctor_test

import (
	"context"
	"fmt"
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
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

const soap = "soap/gw.example.com"

// names is a resolver of hosts, addresses and SRV records that a test has given
// it. It knows nothing else.
type names struct {
	hosts   map[string][]string
	reverse map[string][]string
	alias   map[string]string
	srv     map[string][]*net.SRV // by "_kerberos._tcp.EXAMPLE.COM."
	hangs   bool
}

var errNoSuchHost = &net.DNSError{Err: "no such host", IsNotFound: true}

func (n *names) wait(ctx context.Context) error {
	if n.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (n *names) LookupHost(ctx context.Context, host string) ([]string, error) {
	if err := n.wait(ctx); err != nil {
		return nil, err
	}
	if addrs := n.hosts[host]; addrs != nil {
		return addrs, nil
	}
	return nil, errNoSuchHost
}

func (n *names) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	if list := n.reverse[addr]; list != nil {
		return list, n.wait(ctx)
	}
	return nil, errNoSuchHost
}

func (n *names) LookupCNAME(ctx context.Context, host string) (string, error) {
	if a := n.alias[host]; a != "" {
		return a, n.wait(ctx)
	}
	return host + ".", n.wait(ctx)
}

func (n *names) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if err := n.wait(ctx); err != nil {
		return "", nil, err
	}
	if list := n.srv["_"+service+"._"+proto+"."+name]; list != nil {
		return name, list, nil
	}
	return "", nil, errNoSuchHost
}

// A clinic is a gateway that works, with a live KDC of MIT, to be broken one
// thing at a time.
type clinic struct {
	*krbtest.MIT
	t        *testing.T
	cfg      doctor.Config
	settings []string // the lines of a configuration file
	names    *names
	conf     string // text of krb5.conf
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	m := krbtest.StartMIT(t)
	m.AddService(soap)
	m.Admin("modprinc +requires_preauth " + soap)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodOptions || r.Header.Get("Authorization") != "" {
			t.Errorf("doctor sends the backend %s %v", r.Method, r.Header)
		}
	}))
	t.Cleanup(backend.Close)
	c := &clinic{MIT: m, t: t, names: &names{
		hosts:   map[string][]string{"gw.example.com": {"192.0.2.7"}},
		reverse: map[string][]string{"192.0.2.7": {"gw.example.com."}},
	}}
	c.conf = fmt.Sprintf("[libdefaults]\n default_realm = EXAMPLE.COM\n[realms]\n EXAMPLE.COM = {\n  kdc = %s\n }\n",
		m.Addr)
	c.cfg = doctor.Config{Resolver: c.names, StateDir: t.TempDir(), Timeout: 30 * time.Second}
	c.settings = []string{"backend: " + backend.URL, "keytab: " + m.KeytabFile(soap),
		"service: " + soap + "@EXAMPLE.COM", "listen: 127.0.0.1:1"}
	os.Chmod(c.cfg.StateDir, 0o700)
	return c
}

// set replaces the line of a setting.
func (c *clinic) set(name, value string) {
	for i, line := range c.settings {
		if strings.HasPrefix(line, name+":") {
			c.settings[i] = name + ": " + value
			return
		}
	}
	c.settings = append(c.settings, name+": "+value)
}

func (c *clinic) get(name string) string {
	for _, line := range c.settings {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	return ""
}

func (c *clinic) run() doctor.Report {
	c.t.Helper()
	return c.runWith(c.t.Context())
}

func (c *clinic) runWith(ctx context.Context) doctor.Report {
	c.t.Helper()
	dir := c.t.TempDir()
	file, conf := filepath.Join(dir, "wssgate.yaml"), filepath.Join(dir, "krb5.conf")
	for name, text := range map[string]string{file: strings.Join(c.settings, "\n") + "\n", conf: c.conf} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	settings, err := config.Load(&config.Flags{File: file}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.cfg.Settings, c.cfg.Krb5Conf = settings, conf
	return doctor.Run(ctx, c.cfg)
}

// expect runs doctor and demands that what is not well is exactly this: for
// each line "status check", then words that the line has in this order.
func (c *clinic) expect(want ...string) doctor.Report {
	c.t.Helper()
	report := c.run()
	var text strings.Builder
	report.WriteText(&text)
	var bad []doctor.Result
	for _, r := range report {
		if r.Status != doctor.OK && r.Status != doctor.Skip {
			bad = append(bad, r)
			if r.Cure == "" {
				c.t.Errorf("no cure: %+v", r)
			}
		}
	}
	if len(bad) != len(want) {
		c.t.Errorf("%d lines are not well, want %d:\n%s", len(bad), len(want), &text)
		return report
	}
	for i, w := range want {
		if line := fmt.Sprintf("%s %s %s: %s; %s", bad[i].Status, bad[i].Check, bad[i].Subject, bad[i].Found,
			bad[i].Cure); !inOrder(line, w) {
			c.t.Errorf("line %d is %q, want %q\n%s", i+1, line, w, &text)
		}
	}
	return report
}

// inOrder reports whether line has the parts of pattern, which "…" separates,
// one after the other.
func inOrder(line, pattern string) bool {
	for part := range strings.SplitSeq(pattern, "…") {
		_, after, found := strings.Cut(line, strings.TrimSpace(part))
		if !found {
			return false
		}
		line = after
	}
	return true
}

// line returns the results of a check.
func lines(r doctor.Report, check string) (list []doctor.Result) {
	for _, x := range r {
		if x.Check == check {
			list = append(list, x)
		}
	}
	return list
}

func (c *clinic) logText(r doctor.Report) {
	var b strings.Builder
	r.WriteText(&b)
	c.t.Logf("\n%s", &b)
}

// With a gateway and a realm that work everything is well, and everything but
// TLS was looked at.
func TestRunFindsThatAllIsWell(t *testing.T) {
	c := newClinic(t)
	r := c.expect()
	c.logText(r)
	if n := r.Count(doctor.Skip); n != 1 || r.Failed() {
		t.Errorf("%d were not looked at", n)
	}
	if k := lines(r, "keytab"); len(k) != 2 || k[1].Found != "kvno 1 (18 17 20 19 23)" {
		t.Errorf("keytab: %+v", k)
	}
	if k := lines(r, "kvno"); len(k) != 1 ||
		k[0].Found != "the KDC issues tickets under kvno 1, aes256-cts-hmac-sha1-96; the keytab opens them" {
		t.Errorf("kvno: %+v", k)
	}
}

func TestRunFindsTheOneThingThatIsBroken(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		harm func(*clinic)
		want []string
	}{
		"the KDC has a new key": {func(c *clinic) { c.Admin("cpw -randkey " + soap) }, []string{
			"fail kvno soap/gw.example.com@EXAMPLE.COM: the KDC has refused the keytab's key (kvno 1 … fetch a new keytab"}},
		"the KDC has a new key, and gives tickets to anybody": {func(c *clinic) {
			c.Admin("modprinc -requires_preauth " + soap)
			c.Admin("cpw -randkey " + soap)
		}, []string{"fail kvno … under kvno 2 … the keytab has kvno 1 (18 17 20 19 23), which is older; fetch a new " +
			"keytab: on an MIT KDC"}},
		"the KDC has a new key of one service of two": {func(c *clinic) {
			c.AddService("HTTP/gw.example.com")
			c.Admin("modprinc +requires_preauth HTTP/gw.example.com")
			c.set("keytab", c.KeytabFile(soap, "HTTP/gw.example.com"))
			c.Admin("cpw -randkey " + soap)
		}, []string{"fail kvno … under kvno 2 … the keytab has kvno 1 (18 17 20 19 23), which is older; fetch a new " +
			"keytab: on an MIT KDC"}},
		"the same version, another key": {func(c *clinic) {
			c.Admin("modprinc -requires_preauth " + soap)
			c.Admin("delprinc -force " + soap)
			c.AddService(soap)
		}, []string{"fail kvno … under kvno 1 … the keytab has kvno 1 (18 17 20 19 23): the same number, and another " +
			"key; the account was made anew"}},
		"only RC4": {func(c *clinic) {
			c.Admin("delprinc -force " + soap)
			c.AddService(soap, "arcfour-hmac")
			c.set("keytab", c.KeytabFile(soap))
		}, []string{
			"fail keytab … kvno 1 (23): nothing but RC4 … which route / does not allow; Windows domain controllers issue " +
				"no RC4 … KB5073381, CVE-2026-20833",
			"fail kvno … arcfour-hmac, which is broken and which route / does not allow",
		}},
		"only RC4, allowed": {func(c *clinic) {
			c.Admin("delprinc -force " + soap)
			c.AddService(soap, "arcfour-hmac")
			c.set("keytab", c.KeytabFile(soap))
			c.set("allow-rc4", "true")
		}, []string{"warn keytab … nothing but RC4 … July 2026", "warn kvno … arcfour-hmac, which is broken; Windows"}},
		"case": {func(c *clinic) { c.set("service", "SOAP/gw.example.com@EXAMPLE.COM") }, []string{
			"fail keytab SOAP/gw.example.com@EXAMPLE.COM: route / takes tickets for it … soap/gw.example.com@EXAMPLE.COM " +
				"is there, which differs only by case"}},
		"realm": {func(c *clinic) { c.set("service", soap+"@OTHER.ORG") }, []string{
			"fail keytab … soap/gw.example.com@EXAMPLE.COM is there, in another realm",
			"warn dns _kerberos._tcp.OTHER.ORG",
			"fail kdc OTHER.ORG: no KDC is known: neither krb5.conf nor DNS",
		}},
		"a clock ten minutes ahead": {func(c *clinic) {
			c.cfg.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
		}, []string{
			"fail clock … this machine's clock is 10m0s ahead of the KDC's, more than clock-skew 5m0s"}},
		"a clock two minutes behind": {func(c *clinic) {
			c.Admin("getprinc " + soap)
			c.cfg.Now = func() time.Time { return time.Now().Add(-2 * time.Minute) }
		}, []string{"warn clock … this machine's clock is 2m0s behind the KDC's"}},
		"backend": {func(c *clinic) { c.set("backend", "http://127.0.0.1:1/x?password=s3cret") }, []string{
			"fail backend http://127.0.0.1:1/x: no connection: connect: connection refused; start the service"}},
		"keytab for everybody": {func(c *clinic) { os.Chmod(c.get("keytab"), 0o644) },
			[]string{"fail keytab … can be read by everybody (-rw-r--r--) … chmod 600"}},
		"the name in DNS": {func(c *clinic) { c.names.hosts = nil },
			[]string{"warn dns gw.example.com: does not resolve here: no such host"}},
		"reverse DNS": {func(c *clinic) { c.names.reverse["192.0.2.7"] = []string{"host7.example.com."} }, []string{
			"warn dns gw.example.com: 192.0.2.7 resolves back to host7.example.com … rdns = false"}},
		"a certificate that has expired": {func(c *clinic) { c.certificate(-time.Hour, "gw.example.com") },
			[]string{"fail tls … the certificate has expired on"}},
		"a certificate that expires": {func(c *clinic) { c.certificate(72*time.Hour+time.Minute, "gw.example.com") },
			[]string{
				"warn tls … in 3 days", "warn tls … signed by itself"}},
		"a certificate for another": {func(c *clinic) { c.certificate(9999*time.Hour, "other.example.com") }, []string{
			"warn tls … is for other.example.com, not for gw.example.com", "warn tls … signed by itself"}},
		"enctypes of krb5.conf": {func(c *clinic) {
			c.conf = strings.Replace(c.conf, "[realms]", " permitted_enctypes = camellia aes256-sha3\n[realms]", 1)
		}, []string{"warn krb5.conf … unknown names: aes256-sha3",
			"warn krb5.conf … permits no AES: camellia128-cts-cmac camellia256-cts-cmac"}},
		"krb5.conf": {func(c *clinic) { c.conf += "}\n" }, []string{
			"fail krb5.conf … krb5.conf line 7: \"}\" where nothing is open", "warn dns _kerberos._tcp.EXAMPLE.COM",
			"fail kdc EXAMPLE.COM: no KDC is known"}},
		"a second KDC that is dead": {func(c *clinic) {
			c.conf = strings.Replace(c.conf, "kdc =",
				"kdc = 127.0.0.1:1\n  kdc =", 1)
		}, []string{
			"warn kdc 127.0.0.1:1 (EXAMPLE.COM, krb5.conf): does not answer: over TCP connect: connection refused … take " +
				"it out"}},
		"no journal": {func(c *clinic) { c.set("replay-journal", "false") }, []string{"warn state replay journal: is off"}},
		"the service at the KDC": {func(c *clinic) { c.Admin("delprinc -force " + soap) }, []string{
			"warn spn … the KDC does not know it as a client … addprinc -randkey " + soap}},
		"the service at the KDC, asked for by another": {func(c *clinic) {
			c.AddService("HTTP/gw.example.com")
			c.set("keytab", c.KeytabFile(soap, "HTTP/gw.example.com"))
			c.Admin("delprinc -force " + soap)
		}, []string{"fail spn … the KDC does not know it: clients get no ticket and fall back to NTLM; register it: on " +
			"Windows setspn -S " + soap}},
		"a disabled account": {func(c *clinic) { c.Admin("modprinc -allow_tix " + soap) },
			[]string{"fail spn … its account is disabled, locked or has ended; enable"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			test.harm(c)
			c.expect(test.want...)
		})
	}
}
