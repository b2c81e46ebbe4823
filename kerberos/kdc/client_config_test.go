package kdc_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// TestNewClientRejectsBadConfigs: what cannot work is refused at once.
func TestNewClientRejectsBadConfigs(t *testing.T) {
	t.Parallel()
	kt := keytab.New()
	for name, cfg := range map[string]kdc.ClientConfig{
		"without password":       {Client: "a@B"},
		"more than one of":       {Client: "a@B", Password: "x", Keytab: kt},
		"without a keytab":       {Client: "a@B", Keytab: (*keytab.Keytab)(nil)},
		"not name@REALM":         {Client: "a", Password: "x"},
		"not a legal name":       {Client: "a@", Password: "x"},
		"client without a name":  {Password: "x"},
		"encryption type 16":     {Client: "a@B", Password: "x", Etypes: []int32{16}},
		"no encryption type":     {Client: "a@B", Password: "x", Krb5Conf: "[libdefaults]\npermitted_enctypes = rc4-hmac"},
		"soon":                   {Client: "a@B", Password: "x", Krb5Conf: "[libdefaults]\nticket_lifetime = soon"},
		"udp_preference_limit":   {Client: "a@B", Password: "x", Krb5Conf: "[libdefaults]\nudp_preference_limit = -1"},
		"is no duration":         {Client: "a@B", Password: "x", Krb5Conf: "[libdefaults]\nrenew_lifetime = long"},
		"is negative":            {Client: "a@B", Password: "x", Lifetime: -1},
		"no name = value":        {Client: "a@B", Password: "x", Krb5Conf: "[libdefaults]\nx"},
		"credential 0: ticket":   {Credentials: []kerberos.Credential{{}}},
		"no such file":           {CCache: "/no/such/file"},
		"is no number of octets": {Client: "a@B", Password: "x", Krb5Conf: "[libdefaults]\nudp_preference_limit = x"},
	} {
		if _, err := kdc.NewClient(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
}

// Without a setting of its own a client takes those of krb5.conf, and without
// those the defaults.
func TestNewClientTakesDefaultsOfKrb5Conf(t *testing.T) {
	t.Parallel()
	const conf = "[libdefaults]\ndefault_realm = B\n"
	c := newClient(t, kdc.ClientConfig{Client: "a", Password: "secret", Krb5Conf: conf})
	if got := c.Client().String(); got != "a@B" {
		t.Error(got)
	}
	if got := c.String(); got != "client a@B" {
		t.Error(got)
	}
	cfg := kdc.ClientConfig{Client: "a", Password: "secret", Krb5Conf: conf}
	if got := cfg.String(); got != "client a with a password" {
		t.Error(got)
	}
}
