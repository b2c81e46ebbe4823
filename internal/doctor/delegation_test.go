package doctor_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/doctor"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

const behind = "HTTP/backend.example.com"

// secured makes the backend of the clinic's route one that is called in the name
// of the client.
func (c *clinic) secured(credential, service string) {
	c.set("backend-policy", "spnego-http")
	c.set("backend-service", service)
	c.set("backend-credential", credential)
}

// called demands the lines of the check, each as "status … words …".
func (c *clinic) called(want ...string) {
	c.t.Helper()
	list := lines(c.run(), "call-as")
	if len(list) != len(want) {
		c.t.Errorf("%d lines, want %d: %+v", len(list), len(want), list)
		return
	}
	for i, w := range want {
		line := string(list[i].Status) + " " + list[i].Subject + ": " + list[i].Found + "; " + list[i].Cure
		if !strings.HasPrefix(line, strings.Fields(w)[0]) || !inOrder(line, w) {
			c.t.Errorf("line %d is %q, want %q", i+1, line, w)
		}
		if bad := list[i].Status == doctor.Fail; bad != (list[i].Cure != "") {
			c.t.Errorf("cure of %q", line)
		}
	}
}

// TestCheckCallersFollowsTheRules: what the KDC allows the account of a route,
// and what to do where that is not enough.
func TestCheckCallersFollowsTheRules(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rules       func(*krbtest.KDC)
		proxy, self []string
	}{
		"nothing": {func(*krbtest.KDC) {},
			[]string{"ok … may use any protocol: s4u2self would do too",
				"fail … the KDC does not let " + soap + "@EXAMPLE.COM act for clients at " + behind +
					"@EXAMPLE.COM: KRB-ERROR 13 … 'msDS-AllowedToDelegateTo'='" + behind + "' … add-service ACCOUNT " +
					behind + " … krbAllowedToDelegateTo"},
			[]string{"ok … may use any protocol", "fail … does not let"}},
		"delegation": {func(k *krbtest.KDC) { k.AllowDelegation(soap, behind) },
			[]string{"ok … may not use any protocol, which s4u2proxy does not need", "ok … act for clients at " + behind},
			[]string{"fail … may not use any protocol: its tickets in the names of users are not forwardable … " +
				"-TrustedToAuthForDelegation … for-any-protocol ACCOUNT on … +ok_to_auth_as_delegate " + soap}},
		"delegation and any protocol": {
			func(k *krbtest.KDC) { k.AllowDelegation(soap, behind); k.AllowAnyProtocol(soap) },
			[]string{"ok … s4u2self would do too", "ok … act for clients"},
			[]string{"ok … may use any protocol: its tickets in the names of users are forwardable",
				"ok … act for clients"}},
		"resource-based": {func(k *krbtest.KDC) { k.AllowFrom(behind, soap); k.AllowDelegation(soap, "HTTP/other") },
			[]string{"ok … may not use any protocol", "ok … act for clients"},
			[]string{"ok … takes its delegations all the same (resource-based)", "ok … act for clients"}},
		"no such backend": {func(k *krbtest.KDC) { k.AllowFrom("HTTP/other", soap) },
			[]string{"ok", "fail … does not let"}, []string{"ok", "fail … does not let"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := startFakeKDC(t, func([]byte) int32 { return 0 })
			k.AddService(soap)
			k.AddService(behind)
			test.rules(k.KDC)
			c := withFake(t, k, k.Entries([]string{soap}, 18)...)
			c.secured("s4u2proxy", behind+"@EXAMPLE.COM")
			c.called(test.proxy...)
			c.set("backend-credential", "s4u2self")
			c.called(test.self...)
			c.set("backend-credential", "gateway")
			c.called("ok … " + soap + "@EXAMPLE.COM gets tickets for " + behind)
			c.set("backend-service", "HTTP/nowhere.example.com")
			c.called("fail … gets no ticket for HTTP/nowhere.example.com: … KDC does not know the service")
			c.set("backend-credential", "delegated")
			c.called()
		})
	}
}

// TestCheckCallersDoesNotLogInTwiceInVain: an account whose key the KDC has
// refused is not tried again.
func TestCheckCallersDoesNotLogInTwiceInVain(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 0 })
	k.AddService(soap)
	old := k.Entries([]string{soap}, 18)
	k.AddService(soap)
	c := withFake(t, k, old...)
	c.secured("s4u2self", behind)
	c.called("skip … the KDC has refused a key of " + soap)
	if k.attempts != 1 {
		t.Errorf("%d logins", k.attempts)
	}
}

// TestCheckCallersWithMIT: what krb5kdc answers, with rules in LDAP.
func TestCheckCallersWithMIT(t *testing.T) {
	t.Parallel()
	m := krbtest.StartMITRealm(t, krbtest.MITConfig{LDAP: true})
	m.AddService(soap)
	m.AddService(behind)
	c := offline(t)
	c.conf = m.Krb5Conf()
	c.set("keytab", m.KeytabFile(soap))
	c.secured("s4u2proxy", behind)
	c.called("ok", "fail … the KDC does not let "+soap+"@EXAMPLE.COM act for clients at "+behind)
	m.AllowDelegation(soap, behind)
	c.called("ok … may not use any protocol", "ok … act for clients at "+behind)
	c.set("backend-credential", "s4u2self")
	c.called("fail … not forwardable")
	m.Admin("modprinc +ok_to_auth_as_delegate " + soap)
	c.called("ok … forwardable", "ok … act for clients at "+behind)
}

// TestCheckCallersWithSamba: what a domain controller answers.
func TestCheckCallersWithSamba(t *testing.T) {
	t.Parallel()
	s := krbtest.StartSamba(t)
	const own, backend, aes = "soap/gw.ad.example.com", "HTTP/backend.ad.example.com", 24
	s.AddService("gw", own, aes)
	s.AddService("backend", backend, aes)
	c := offline(t)
	c.conf = s.Krb5Conf()
	c.set("keytab", s.KeytabFile("gw", own))
	c.set("service", own+"@"+s.Realm)
	c.set("backend-principal", "gw@"+s.Realm)
	c.secured("s4u2proxy", backend)
	c.called("ok … may not use any protocol",
		"fail … the KDC does not let gw@"+s.Realm+" act for clients at "+backend)
	s.Tool("delegation", "add-service", "gw", backend)
	c.called("ok … may not use any protocol", "ok … act for clients at "+backend)
	c.set("backend-credential", "s4u2self")
	c.called("fail … not forwardable")
	s.Tool("delegation", "for-any-protocol", "gw", "on")
	c.called("ok … forwardable", "ok … act for clients at "+backend)
}
