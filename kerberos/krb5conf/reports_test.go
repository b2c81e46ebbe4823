package krb5conf_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// Files that other readers refused, or panicked on, as was reported, and that MIT's
// library reads.
func TestParseReadsReportedFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, path, want string }{
		{"no empty line before a section", "[libdefaults]\n default_ccache_name = FILE:/tmp/krb5cc_%{uid}\n\n\n" +
			" default_realm = EXAMPLE.COM\n[realms]\n", "libdefaults/default_realm", "EXAMPLE.COM"},
		{"empty lines, and a section of version 4", "[realms]\n\n EXAMPLE.COM = {\n\n  kdc = a\n\n" +
			"  v4_instance_convert = {\n   mit = mit.edu\n  }\n\n }\n", "realms/EXAMPLE.COM/kdc", "a"},
		{"sections inside of one of version 4", "[realms]\n# Start\n EXAMPLE.COM  = {\n  default_domain = example.com\n" +
			"   kdc = a\n    v4_name_convert = {\n     host = {\n        rcmd = host\n     }\n   }\n   kdc = b\n }\n",
			"realms/EXAMPLE.COM/kdc", "a,b"},
		{"tabs, and no line end at the end", "[logging]\n\tkdc = FILE:/var/log/krb5kdc.log\n\n[libdefaults]\n" +
			"\tdefault_realm = ANSIBLE\n\n\n# Comments\n\tkrb4_config = /etc/krb.conf\n#\tdefault_tgs_enctypes = des3\n" +
			"[realms]\n\tANSIBLE = {\n\t\tkdc = a\n\t}", "realms/ANSIBLE/kdc", "a"},
		{"names of local accounts", "[realms]\n EXAMPLE.COM = {\n  auth_to_local_names = {\n    name = othername\n  }\n" +
			"  kdc = a\n }\n", "realms/EXAMPLE.COM/kdc", "a"},
		{"brackets in a value", "[realms]\n EXAMPLE.COM = {\n  auth_to_local = RULE:[1:$1@$0](.*@EXAMPLE.COM)s/.*//\n" +
			"  kdc = a\n }\n", "realms/EXAMPLE.COM/kdc", "a"},
		// For MIT's library this is a value that begins with a brace.
		{"a section in one line", "[realms]\n EXAMPLE.COM = { kdc = a }\n", "realms/EXAMPLE.COM", "{ kdc = a }"},
		{"a section in one line has nothing in it", "[realms]\n EXAMPLE.COM = { kdc = a }\n", "realms/EXAMPLE.COM/kdc", ""},
		{"a brace behind spaces and before nothing", "[realms]\n EXAMPLE.COM = {   \n  kdc = a\n }   \n",
			"realms/EXAMPLE.COM/kdc", "a"},
	} {
		conf, err := krb5conf.Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := strings.Join(conf.Values(strings.Split(c.path, "/")...), ","); got != c.want {
			t.Errorf("%s: %s is %q, want %q", c.name, c.path, got, c.want)
		}
	}
}
