package krbtest

import (
	"fmt"
	"strings"
)

// Trust sets up trust between two realms, in both directions.
func (m *MIT) Trust(other *MIT) {
	m.t.Helper()
	for _, realm := range []*MIT{m, other} {
		for _, name := range []string{"krbtgt/" + other.Realm + "@" + m.Realm, "krbtgt/" + m.Realm + "@" + other.Realm} {
			realm.AddUser(name, "trust-"+strings.ReplaceAll(name, "/", "-")) // the same password, so the same key in both
		}
	}
}

// Krb5ConfWith returns the text of a krb5.conf for this realm and the others.
// more are lines of [libdefaults] and whole sections.
func (m *MIT) Krb5ConfWith(others []*MIT, more ...string) string {
	lines := ""
	var realms, sections strings.Builder
	for _, s := range more {
		if strings.HasPrefix(s, "[") {
			sections.WriteString(s + "\n")
		} else {
			lines += " " + s + "\n"
		}
	}
	for _, o := range others {
		fmt.Fprintf(&realms, " %s = {\n  kdc = %s\n }\n", o.Realm, o.Addr)
	}
	text := krb5Conf(m.Realm, m.Addr, "")
	text = strings.Replace(text, "[realms]\n", lines+"[realms]\n"+realms.String(), 1)
	return text + sections.String()
}

// Ccache returns the path of the credential cache that [MIT.Kinit] writes.
func (m *MIT) Ccache() string { return m.dir + "/ccache" }

// KinitWith gets a ticket-granting ticket with a password and options of kinit.
func (m *MIT) KinitWith(password string, options ...string) {
	m.t.Helper()
	m.KinitEnv(password, nil, options...)
}

// KinitEnv is [MIT.KinitWith] with NAME=value added to the environment.
func (m *MIT) KinitEnv(password string, env []string, options ...string) {
	m.t.Helper()
	m.runIn(env, password+"\n", mitKinit.Path, options...)
}
