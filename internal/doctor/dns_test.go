package doctor_test

import (
	"testing"
)

func TestCheckDNSFindsWrongHosts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		conf string
		harm func(*names)
		want []string
	}{
		"alias": {"", func(n *names) { n.alias = map[string]string{"gw.example.com": "node7.example.com."} }, []string{
			"warn dns gw.example.com: is an alias of node7.example.com: clients with MIT's library"}},
		"alias, not followed": {" dns_canonicalize_hostname = fallback\n",
			func(n *names) { n.alias = map[string]string{"gw.example.com": "node7.example.com."} }, nil},
		"reverse, not asked": {" rdns = false\n",
			func(n *names) { n.reverse["192.0.2.7"] = []string{"node7.example.com."} }, nil},
		"no reverse": {"", func(n *names) { n.reverse = nil }, nil},
		"no answer": {"", func(n *names) { n.hosts = map[string][]string{"gw.example.com": {}} },
			[]string{"warn dns … does not resolve here: no addresses"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := offline(t)
			c.conf = "[libdefaults]\n default_realm = EXAMPLE.COM\n" + test.conf +
				"[realms]\n EXAMPLE.COM = {\n  kdc = tcp/127.0.0.1:1\n }\n"
			c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
			test.harm(c.names)
			c.expectOf("dns", test.want...)
		})
	}
}

// An address in a service's name is what no client asks for.
func TestCheckHostWarnsOfAnAddress(t *testing.T) {
	t.Parallel()
	c := offline(t)
	c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "192.0.2.7")))
	c.set("service", "soap/192.0.2.7@EXAMPLE.COM")
	c.expectOf("dns", "warn dns 192.0.2.7: is an address: clients ask for names, and for an address use NTLM",
		"warn dns _kerberos._tcp.EXAMPLE.COM")
}
