package krb5conf

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestParseAcceptsWhatMITAccepts: text that looks wrong, and is not.
func TestParseAcceptsWhatMITAccepts(t *testing.T) {
	t.Parallel()
	const realm = "[realms]\n EXAMPLE.COM = {\n  kdc = one\n }"
	for _, text := range []string{
		"This file is managed elsewhere\nkdc = none\n" + realm,
		" [realms]\n EXAMPLE.COM = {\n kdc = not yet\n" + realm + "\n",
		realm + " # end of EXAMPLE.COM\n[libdefaults]\n",
		strings.ReplaceAll(realm, "\n", "\r\n"),
		strings.TrimSuffix(realm, " }"),
		"[realms]\nEXAMPLE.COM=\n\t{ # begins\nkdc=\"one\" # in quotes\n}\n",
		"[libdefaults]\n[realms] \t\nEXAMPLE.COM\t= {\n# } no\n; } no\nkdc\t=\tone\t\n}\n[libdefaults]",
		"[realms]\n" + strings.Repeat("x = {\n", 1000) + strings.Repeat("}\n", 1000) + realm,
		"[realms]\nEXAMPLE.COM = {\nkdc* = one\nkdc = late\n}*\nEXAMPLE.COM = {\nkdc = late\nx = {\nkdc = late\n}\n" +
			"kdc = late\n}\n[realms]*\n[realms]\nEXAMPLE.COM = {\nkdc = late\n}\n",
	} {
		c, err := Parse(text)
		if err != nil || fmt.Sprint(c.Values("realms", "EXAMPLE.COM", "kdc")) != "[one]" {
			t.Errorf("%.200q: %q, %v", text, c.Values("realms", "EXAMPLE.COM", "kdc"), err)
		}
	}
}

func TestParseRejectsBadText(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"[a]\nx":                               "line 2: \"x\" is no name = value",
		"[a\n":                                 "is no [section]",
		"[a]\n}":                               "nothing is open",
		"[a]\nb = {\n[c]":                      "begins inside braces",
		"[a]\nb =\nc = d":                      "neither a value nor a brace",
		"[a]\n= b":                             "no name = value",
		"[a]\nb c = d":                         "no name = value",
		"[a] b\n":                              "is no [section]",
		"[a]\nb =\n\n{\n":                      "neither a value nor a brace",
		"include /etc/krb5.conf":               "krb5conf.Read",
		"includedir /etc/krb5.conf.d":          "krb5conf.Read",
		"module /x.so:y":                       "module",
		strings.Repeat("# comment\n", 500_000): "more than",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %v, want %q", text, err, says)
		}
	}
}

// What another library may read is distinguished from what is wrong.
func TestParseReportsUnsupportedText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"include /etc/krb5.conf":               true,
		"module /x.so:y":                       true,
		strings.Repeat("# comment\n", 500_000): true,
		"[a]\nx":                               false,
	} {
		if _, err := Parse(text); errors.Is(err, errors.ErrUnsupported) != want {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}
