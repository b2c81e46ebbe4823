package gss_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

func TestNewAcceptorRejectsBadConfigs(t *testing.T) {
	t.Parallel()
	k := newKDC()
	for name, cfg := range map[string]gss.AcceptorConfig{
		"no keytab":       {},
		"empty keytab":    {Keytab: keytab.New()},
		"unknown service": {Keytab: k.Keytab(nil), Services: []string{"host/x"}},
		"illegal service": {Keytab: k.Keytab(nil), Services: []string{"a@b@c"}},
		"other realm":     {Keytab: k.Keytab(nil), Services: []string{service + "@OTHER"}},
		"only rc4":        {Keytab: k.Keytab(nil, 23)},
		"unknown etype":   {Keytab: k.Keytab(nil), Etypes: []int32{16}},
		"key source":      {Keytab: k.Keytab(nil), KeySource: "both"},
		"skew":            {Keytab: k.Keytab(nil), MaxSkew: -1},
	} {
		if _, err := gss.NewAcceptor(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: k.Keytab(nil),
		Services: []string{"SOAP/gw.example.com@EXAMPLE.COM"}}); err == nil ||
		!strings.Contains(err.Error(), "case only") {
		t.Error("no hint at case:", err)
	}
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	if err := a.ForServices("host/x").Validate(); err == nil {
		t.Error("a view of an unknown service validates")
	}
	if err := a.ForServices(service, other+"@EXAMPLE.COM").Validate(); err != nil {
		t.Error(err)
	}
}

// The error names what the keytab lacks: a name, one that is nearly there, or
// encryption types.
func TestValidateNamesWhatTheKeytabLacks(t *testing.T) {
	t.Parallel()
	k := newKDC()
	rc4 := "keytab has kvno 1 etype 23 (rc4-hmac) for service " + service + "@EXAMPLE.COM, and none of an allowed " +
		"encryption type (17 18 19 20)"
	for _, tt := range []struct {
		keytab  *keytab.Keytab
		service string
		code    kerberos.Code
		want    string
	}{
		{k.Keytab([]string{service}, 23), service + "@EXAMPLE.COM", kerberos.CodeNoEtype, rc4},
		{k.Keytab([]string{service}, 23), service, kerberos.CodeNoEtype, "none of an allowed encryption type"},
		{k.Keytab([]string{service}, 23), strings.ToUpper(service), kerberos.CodeNoPrincipal,
			"which differs by upper and lower case only"},
		{k.Keytab([]string{service}), service + "@OTHER", kerberos.CodeNoPrincipal, "it has " + service +
			"@EXAMPLE.COM, which is of another realm"},
		{k.Keytab([]string{service}), "host/x", kerberos.CodeNoPrincipal, "has no key for service host/x; it has keys for " +
			service + "@EXAMPLE.COM"},
		{k.Keytab([]string{service}, 23), "", kerberos.CodeNoEtype, "no key of the keytab is of an allowed encryption type"},
		{keytab.New(), "", kerberos.CodeNoPrincipal, "the keytab is empty"},
	} {
		cfg := gss.AcceptorConfig{Keytab: tt.keytab}
		if tt.service != "" {
			cfg.Services = []string{tt.service}
		}
		_, err := gss.NewAcceptor(cfg)
		if !errors.Is(err, &kerberos.Error{Code: tt.code}) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, not %s with %q", tt.service, err, tt.code, tt.want)
		}
		if tt.code != kerberos.CodeNoEtype && strings.Contains(err.Error(), "encryption type") {
			t.Errorf("%q: a name is called a matter of encryption types: %v", tt.service, err)
		}
	}
}
