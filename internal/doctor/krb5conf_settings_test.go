package doctor_test

import (
	"testing"
)

func TestCheckKrb5ConfFindsWrongSettings(t *testing.T) {
	t.Parallel()
	const good = "[libdefaults]\n default_realm = EXAMPLE.COM\n"
	for name, test := range map[string]struct {
		conf string
		want []string
	}{
		"good":       {good, nil},
		"no default": {"[libdefaults]\n rdns = false\n", []string{"warn krb5.conf … has no default_realm"}},
		"weak":       {good + " allow_weak_crypto = true\n", []string{"warn krb5.conf … allow_weak_crypto is on"}},
		"AES of others": {good + " permitted_enctypes = aes128-cts\n",
			[]string{"warn krb5.conf … permits aes128-cts-hmac-sha1-96, and the keytab of soap/gw.example.com@EXAMPLE.COM " +
				"has aes256-cts-hmac-sha1-96: no type in common"}},
		"AES by family": {good + " permitted_enctypes = aes, -aes128-cts\n", nil},
		"default":       {good + " permitted_enctypes = DEFAULT +rc4\n", nil},
		"RC4 alone": {good + " default_tgs_enctypes = rc4-hmac\n",
			[]string{"warn krb5.conf … default_tgs_enctypes permits no AES: arcfour-hmac"}},
		"skew": {good + " clockskew = 900\n",
			[]string{"warn krb5.conf … clockskew is 900 s, and wssgate takes 5m0s only"}},
		"realm by case": {good + "[realms]\n Example.Com = {\n  kdc = k\n }\n",
			[]string{"warn krb5.conf … [realms] has Example.Com, and the service is in EXAMPLE.COM"}},
		"realm of a host": {good + "[domain_realm]\n .example.com = OTHER.ORG\n",
			[]string{"warn krb5.conf … [domain_realm] has gw.example.com in realm OTHER.ORG"}},
		"broken": {"[libdefaults]\ndefault_realm X\n",
			[]string{"fail krb5.conf … line 2: \"default_realm X\" is no name = value … libkrb5 refuse"}},
		"include": {"include /nonexistent/krb5.conf\n",
			[]string{"fail krb5.conf … krb5.conf line 1: include: open /nonexistent/krb5.conf: no such file … libkrb5 refuse"}},
		"module": {"module /usr/lib/x.so:y\n",
			[]string{"fail krb5.conf … module \"/usr/lib/x.so:y\" … libkrb5 may take it"}},
		"tolerated": {"Managed elsewhere.\n; a = b\n" + good +
			"[realms]\nEXAMPLE.COM = {\n kdc = 127.0.0.1 # the first\n} # of EXAMPLE.COM\n[realms]\nOTHER.ORG =\n{\n", nil},
		"mark": {"\ufeff" + good, []string{"warn krb5.conf … has no default_realm",
			"warn krb5.conf … line 1, \"\\ufeff[libdefaults]\", is passed over … byte order mark"}},
		"space": {" [realms]\n A = {\n }\n" + good, []string{"warn krb5.conf … line 1, \" [realms]\", is passed over"}},
		"before": {"# first\n\ndefault_realm = X\n" + good,
			[]string{"warn krb5.conf … line 3, \"default_realm = X\", is passed over"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := offline(t)
			c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
			c.conf = test.conf
			c.expectOf("krb5.conf", test.want...)
		})
	}
}
