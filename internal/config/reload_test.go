package config

import (
	"slices"
	"strings"
	"testing"
)

const twoRoutes = "keytab: k\nbackend: http://u:s3cret@b/\ntls-offloaded: true\nservices: [{name: s, keytab: s}]\n" +
	"listeners: [{name: l, listen: ':1'}]\nroutes:\n" +
	"  - {path: /a, policy: KerberosToken, token-location: 'xpath://a'}\n" +
	"  - {path: /b, policy: {preset: Kerberos, derived-keys: allowed}}\n"

// TestChangesNamesWhatDiffers: once for each setting of each route, without values.
func TestChangesNamesWhatDiffers(t *testing.T) {
	running, err := load(t, twoRoutes, Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for changed, want := range map[string][]string{
		twoRoutes:               nil,
		"# moved\n" + twoRoutes: nil,
		"clock-skew: 1m\nlog-level: debug\n" + twoRoutes:                              {"log-level", "clock-skew"},
		strings.Replace(twoRoutes, "u:s3cret", "u:0ther", 1):                          {"/a: backend", "/b: backend"},
		strings.Replace(twoRoutes, "allowed}", "required}", 1):                        {"/b: policy"},
		strings.Replace(twoRoutes, "'xpath://a'", "security-header", 1):               {"/a: token-location"},
		strings.Replace(twoRoutes, "path: /b", "path: /c", 1):                         {"/b: removed", "/c: added"},
		strings.Replace(twoRoutes, "{name: s, keytab: s}", "{name: s, keytab: t}", 1): {"service s: keytab"},
	} {
		next, err := load(t, changed, Flags{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := running.Changes(next); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", changed, got, want)
		}
		if err := running.NeedsRestart(next); err != nil {
			t.Errorf("%s: %v", changed, err)
		}
	}
}

// TestNeedsRestart: what is not applied is not passed over in silence, and
// secrets are not named.
func TestNeedsRestart(t *testing.T) {
	running, err := load(t, twoRoutes, Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range [][3]string{
		{"keytab: k", "max-in-flight: 200MiB\nkeytab: k", "max-in-flight has changed; restart wssgate"},
		{"keytab: k", "state-dir: /x\nkeytab: k", "state-dir has changed; restart wssgate"},
		{"keytab: k", "admin: 'off'\nkeytab: k", "admin has changed; restart wssgate"},
		{"':1'", "':2'", "listeners have changed; restart wssgate"},
	} {
		next, err := load(t, strings.Replace(twoRoutes, tt[0], tt[1], 1), Flags{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := running.NeedsRestart(next); err == nil || err.Error() != tt[2] {
			t.Errorf("%s: %v", tt[1], err)
		}
	}
	of := func(listen string) *Config {
		cfg, err := load(t, oneRoute+"listen: "+listen+"\n", Flags{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	if err := of("':1'").NeedsRestart(of("':2'")); err == nil || err.Error() != "listen has changed; restart wssgate" {
		t.Errorf("without listeners: %v", err)
	}
	if err := of("':1'").NeedsRestart(running); err == nil || !strings.Contains(err.Error(), "listeners have changed") {
		t.Errorf("from none to some: %v", err)
	}
}
