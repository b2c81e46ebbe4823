package kdc

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

func TestKrb5ConfErrors(t *testing.T) {
	for text, says := range map[string]string{
		"[a]\nx":                                "line 2: \"x\" is no name = value",
		"[a\n":                                  "is no [section]",
		"[a]\n}":                                "nothing is open",
		"[a]\nb = {\n[c]":                       "begins inside braces",
		"[a]\nb =\nc = d":                       "neither a value nor a brace",
		"[a]\n= b":                              "no name = value",
		"include /etc/krb5.conf":                "ReadKrb5Conf",
		"includedir /etc/krb5.conf.d":           "ReadKrb5Conf",
		"[a]\nb c = d":                          "no name = value",
		"[a] b\n":                               "is no [section]",
		"[a]\nb =\n\n{\n":                       "neither a value nor a brace",
		"module /x.so:y":                        "module",
		strings.Repeat("# comment\n", 500_000):  "more than",
		"[libdefaults]\nticket_lifetime = soon": "",
		"[libdefaults]\nudp_preference_limit = -1": "",
	} {
		c, err := krb5conf.Parse(text)
		if says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.40q: %v, want %q", text, err, says)
		} else if says == "" {
			if _, err = NewClient(ClientConfig{Client: "a@B", Password: "x", Krb5Conf: text}); err == nil {
				t.Errorf("%.60q: taken, %v", text, c)
			}
		}
	}
}
